-- Why is this contact (not) being called? One row per gate, with the number it compared and when it opens.
-- Who uses it: people, `dialerd explain`. The same functions as the claim; nothing is changed.
-- Invariants kept: 6 (the reason can be seen).

create type dialer.gate as (gate text, pass boolean, detail text, opens_at timestamptz);
comment on type dialer.gate is 'one test of a call: passed or not, what was compared, and when it will pass (null: not by itself)';

create function dialer.cap_text(cap dialer.cap) returns text
language sql immutable as $$
    select case (cap).kind
        when 'gap' then format('at least %s between two attempts', make_interval(secs => (cap).amount))
        when 'rolling' then format('%s in any %s', (cap).max_count, make_interval(secs => (cap).amount))
        when 'local_dates' then case (cap).amount when 1 then format('%s a local day', (cap).max_count) else format('%s in %s local dates', (cap).max_count, (cap).amount) end
        when 'calendar_week' then format('%s a calendar week', (cap).max_count)
        when 'cooldown_dates' then format('%s local dates from %s', (cap).amount, (cap).since)
        else format('%s ever', (cap).max_count) end
$$;
comment on function dialer.cap_text(dialer.cap) is 'A cap in words.';

create function dialer.law_gates(law_id integer, zones text[], jurisdictions text[], jurisdiction_source text, address text, lifted text[], at timestamptz) returns setof dialer.gate
language sql stable as $$
    select 'law', dialer.law_covers(law_gates.law_id, jurisdictions), case when jurisdictions = '{}' then 'not known whose law holds: never called'
        else format('%s (%s): %s', array_to_string(jurisdictions, ' and '), jurisdiction_source, case when dialer.law_covers(law_gates.law_id, jurisdictions)
            then 'rules of ' || array_to_string(w.packs, ', ') || ' for ' || array_to_string(w.purposes, ', ') else 'no chosen pack speaks of it: never called' end) end, null::timestamptz
    from dialer.law w where w.law_id = law_gates.law_id
    union all
    select 'law: ' || r.code, n.opens_at is not distinct from at, format('%s %s%s (%s, as of %s, %s)%s', r.jurisdiction, r.hours, coalesce(' in ' || r.tz, ''), r.source, r.as_of, r.confidence,
           coalesce(', another reading of ' || r.contradicts, '')), n.opens_at
    from dialer.law_rules(law_gates.law_id, law_gates.jurisdictions, law_gates.lifted) r
    cross join lateral (select dialer.next_open_all(at, dialer.rule_openings(r, law_gates.zones)) as opens_at) n
    where r.provision = 'window' and law_gates.zones <> '{}'
    union all
    select case r.provision when 'cap' then 'cap: ' else 'law: ' end || r.code, true, format('lifted: %s (%s)', coalesce(dialer.lifted_by(law_gates.law_id, r, law_gates.address, at), 'not any more, which the next claim sees'), r.source), null
    from dialer.law_rules(law_gates.law_id, law_gates.jurisdictions) r
    where r.code = any (law_gates.lifted) and exists (select from dialer.law w where w.law_id = law_gates.law_id and w.exempt_consent is not null)
$$;
comment on function dialer.law_gates(integer, text[], text[], text, text, text[], timestamptz) is 'One row per rule of hours in force for somebody, with its source, and whether it is open; and one per rule that is lifted for their number, by what.';

create function dialer.explain(call_id bigint, at timestamptz default dialer.now()) returns setof dialer.gate
language sql stable as $$
    with facts as (
        select c.*, g.name as campaign, g.state as campaign_state, g.state_reason, g.valid_until, g.max_concurrent as campaign_max, l.openings, l.zones, l.own_hours, l.own_tz,
               a.name as account, a.state as account_state, a.state_reason as account_reason, a.max_concurrent, a.inbound_reserve, k.blocked_until, k.blocked_reason,
               e.address, e.status, p.zone_source, p.jurisdictions, p.jurisdiction_source, p.attributes, g.law_id, g.subject, w.purposes, l.cappings, l.lifted, l.jurisdictions as lane_jurisdictions, y.cap_scope, case when s.policy_id is null then y.max_lifetime else s.max_lifetime end as max_lifetime, s.name as step_policy, dialer.policy_caps(y) as caps, o.attempt_id as open_attempt, o.state as attempt_state,
               (select count(*) from dialer.lease x where x.account_id = a.account_id) as in_use,
               (select q from dialer.queue_rests(c.tenant_id) q) as queue_rests,
               exists (select from dialer.lease x where (x.endpoint_id = c.endpoint_id or (x.contact_id = c.contact_id and x.channel = c.channel))
                       and x.call_id <> c.call_id) as other_open,
               (select count(*) from dialer.lease x where x.campaign_id = g.campaign_id) as campaign_in_use,
               (select count(*) from dialer.attempt x where x.call_id = c.call_id and x.counts and x.step is not distinct from c.step) as attempts, g.caller_pool, g.consent, g.finish_within,
               g.contact_limit, g.contact_limit_counts, g.callback_priority, g.callback_late, l.priority as lane_priority,
               exists (select from dialer.conversions(c.contact_id, c.campaign_id, c.created_at)) as converted,
               (select count(*) from dialer.caller_id i where i.account_id = a.account_id and i.pool = coalesce(g.caller_pool, i.pool)) as numbers,
               (select count(*) from unnest(dialer.caller_rooms(a.account_id, at, 1, '0', array(select i.caller_id from dialer.caller_id i where i.account_id = a.account_id), '{}')) r
                where r.room > 0 and r.pool = coalesce(g.caller_pool, r.pool)) as free_numbers
        from dialer.call c join dialer.campaign g using (campaign_id) join dialer.lane l on l.lane_id = c.lane_id
        join dialer.provider_account a using (account_id) join dialer.account_health k using (account_id)
        join dialer.endpoint e on e.endpoint_id = c.endpoint_id join dialer.contact p on p.contact_id = c.contact_id
        join dialer.redial_policy y using (policy_id)
        left join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = c.step left join dialer.redial_policy s on s.policy_id = q.policy_id left join dialer.lease o on o.call_id = c.call_id left join dialer.law w on w.law_id = g.law_id
        where c.call_id = explain.call_id and c.tenant_id = dialer.current_tenant()),
    dialled as (
        select f.*, dialer.dialled_times(f.cap_scope, f.call_id, f.contact_id, f.endpoint_id, f.channel, '-infinity') as times,
               case when f.openings = '{}' then null else dialer.next_open_all(at, f.openings) end as next_open,
               dialer.must_not_call(f.tenant_id, f.contact_id, f.address, at) as forbidden,
               f.consent is null or exists (select from dialer.consents(f.tenant_id, f.address, f.consent, at)) as consented
        -- Computed once, however often it is looked at below.
        from facts f offset 0)
    select r.gate, r.pass, r.detail, case when not r.pass then r.opens_at end
    from dialled d cross join lateral dialer.attempts_today(d.call_id, at) t cross join lateral (
        select v.rank, v.gate, v.pass, v.detail, v.opens_at from (values
            (1, 'state', d.state = 'scheduled', case when d.open_attempt is not null then format('%s: attempt %s is %s', d.state, d.open_attempt, d.attempt_state)
                when d.ended_at is not null then format('%s at %s: %s', d.state, d.ended_at, coalesce(d.end_reason, '')) else d.state || coalesce(', step ' || d.step, '') || coalesce(', waits for: ' || d.wait_reason, '') end, null::timestamptz),
            (2, 'campaign', d.campaign_state = 'running', format('campaign "%s" is %s%s', d.campaign, d.campaign_state, coalesce(' (' || d.state_reason || ')', '')), null),
            (3, 'account', d.account_state = 'open' and d.blocked_until <= at, format('account "%s" is %s%s', d.account, d.account_state,
                case when d.blocked_until > at then ', resting: ' || d.blocked_reason else coalesce(' (' || d.account_reason || ')', '') end), nullif(greatest(d.blocked_until, '-infinity'), '-infinity')),
            (3.5, 'queue', d.queue_rests is null, coalesce('the queue is paused: ' || d.queue_rests, 'the queue runs'), null),
            (4, 'due', d.due_at <= at, format('due at %s', d.due_at), nullif(d.due_at, 'infinity')),
            (5, 'number', d.status = 'ok', format('number is %s', d.status), null),
            (6, 'do_not_call', not d.forbidden, case when d.forbidden
                then 'the number or person is on the do-not-call list' else 'not on the list' end, null),
            (7, 'zone', d.openings <> '{}' or d.zones <> '{}', case when d.openings = '{}' then case when d.zones = '{}' then 'no time zone is known for the contact: never called' else array_to_string(d.zones, ' and ') end
                else format('%s (%s)', array_to_string(dialer.opening_zones(d.openings), ' and '), case when d.zones = '{}' then 'fixed by the campaign' else d.zone_source end) end, null),
            (8, 'window', d.next_open is not distinct from at, case when d.openings = '{}' then 'no opening' else format('it is %s there; hours are %s',
                to_char(at at time zone d.openings[1].tz, 'Dy YYYY-MM-DD HH24:MI'), d.openings[1].hours)
                || case when d.own_hours <> '' then format(', and the call''s own are %s%s', d.own_hours, coalesce(' in ' || nullif(d.own_tz, ''), '')) else '' end
                || coalesce('; ' || dialer.bans_gap(d.campaign_id, coalesce(nullif(greatest(d.due_at, d.next_open, at), 'infinity'), at), d.openings[1].tz), '') end, d.next_open),
            (10, 'expiry', coalesce(least(d.expires_at, d.valid_until) > at, true), coalesce('expires at ' || least(d.expires_at, d.valid_until), 'does not expire'), null),
            (11, 'one_call_at_a_time', not d.other_open, case when d.other_open then 'another call to the number or person is open' else 'no other call to the number or person is open' end, null),
            (12, 'account_slots', d.in_use < d.max_concurrent - d.inbound_reserve, format('%s of %s in use, %s kept for inbound', d.in_use, d.max_concurrent, d.inbound_reserve), null),
            (13, 'campaign_slots', d.campaign_max is null or d.campaign_in_use < d.campaign_max, format('%s of %s in use', d.campaign_in_use, coalesce(d.campaign_max::text, 'any number')), null),
            (14, 'caller_id', d.free_numbers > 0 or d.numbers = 0 and d.caller_pool is null, case when d.numbers = 0 and d.caller_pool is null then 'the provider chooses the number to call from'
                else format('%s of %s numbers to call from%s have room', d.free_numbers, d.numbers, coalesce(format(' in pool "%s"', d.caller_pool), '')) end, null),
            (15, 'consent', d.consented, case when d.consent is null then 'the campaign asks for none'
                when d.consented then format('agreed to "%s"', d.consent)
                else format('has not agreed to "%s", or not any more', d.consent) end, null),
            (16, 'lifetime', d.max_lifetime is null or d.attempts < d.max_lifetime, format('%s attempts of %s', d.attempts, coalesce(d.max_lifetime::text, 'any number')) || case when d.step_policy is not null then format(' in step %s, by its policy "%s"', d.step, d.step_policy) else '' end, null),
            (17, 'contact_limit', d.contact_limit is null or not dialer.contact_spent(d.contact_id, d.campaign_id, d.contact_limit, d.contact_limit_counts),
                case when d.contact_limit is null then 'the campaign has no limit per contact' else format('at most %s %s with one contact in this campaign', d.contact_limit, d.contact_limit_counts) end, null),
            (18, 'conversion', not d.converted, case when d.converted then 'the person has converted' else 'the person has not converted' end, null),
            (19, 'callback', coalesce(d.not_before <= at, true) and coalesce(d.callback_by >= at or d.callback_late = 'redial', true), case when d.not_before is null and d.callback_by is null then 'none was promised'
                else format('promised for %s, with priority %s until %s, then: %s; do-not-call, pause, window and caps come before it', coalesce(d.not_before::text, 'now'), d.lane_priority,
                    coalesce(d.callback_by::text, 'ever'), d.callback_late) end, d.not_before),
            (20, 'attempts_today', d.state <> 'scheduled' or t.left_today > 0, format('%s made on this local date, %s more can be made', t.made_today, t.left_today), d.next_open)
        ) v(rank, gate, pass, detail, opens_at)
        union all
        select 8, 'finish_within', d.next_open is distinct from at or n.closes is null or n.closes > at + d.finish_within,
               format('no call is placed in the last %s before closing%s', d.finish_within, coalesce(', which is at ' || n.closes, '')), dialer.next_open_all(n.closes, d.openings)
        from (select case when d.openings <> '{}' then dialer.next_close_all(at, d.openings) end as closes) n where d.finish_within is not null
        union all
        select 9, 'cap: ' || dialer.cap_text(k), n.next_at is not distinct from at, format('%s attempts counted for the %s, the last at %s', cardinality(d.times),
               d.cap_scope, coalesce(d.times[cardinality(d.times)]::text, 'no time')), n.next_at
        from unnest(d.caps) k cross join lateral (select dialer.next_callable(at, '{}', d.times, array[k], d.openings[1].tz) as next_at) n where d.openings <> '{}'
        union all
        select 17, v.gate, v.pass, v.detail, v.opens_at from dialer.law_gates(d.law_id, d.zones, d.jurisdictions, d.jurisdiction_source, d.address, d.lifted, at) v
        union all
        select 18, 'cap: ' || k.code, (x.capped).callable_at <= at, format('%s; %s counted (%s)%s', dialer.capping_text(k), (x.capped).seen ->> k.code, k.source,
               case when (x.capped).no_message then '; no message is left now' else '' end), nullif((x.capped).callable_at, 'infinity')
        from unnest(d.cappings) k cross join lateral (select dialer.capped(array[k], case when d.zones = '{}' then array[d.openings[1].tz] else d.zones end, d.contact_id, d.endpoint_id, d.campaign_id,
            d.channel, coalesce(d.payload ->> 'subject', d.subject), at, d.open_attempt) as capped) x where (x.capped).seen <> '{}' and d.openings <> '{}'
        union all
        select 19, 'ban', b.until is null, case when b.until is null then 'no ban of the area' else 'forbidden: ' || (select string_agg(x.reason, ', ') from unnest(b.bans) x
               where dialer.ban_until(array[x], d.tenant_id, d.jurisdictions, d.address, d.attributes, d.purposes, at) is not null) end, nullif(b.until, 'infinity')
        from (select f.bans, dialer.ban_until(f.bans, d.tenant_id, d.jurisdictions, d.address, d.attributes, d.purposes, at) as until
              from (select dialer.bans_in_force(array[d.tenant_id], at) as bans) f) b where b.bans <> '{}') r
    order by r.rank, r.gate
$$;
comment on function dialer.explain(bigint, timestamptz) is
'Why a call is (not) placed at an instant: one row per gate with pass or fail, the numbers compared, and when the gate opens. No row: no such call of this tenant.';

create function dialer.why_waiting(campaign text, at timestamptz default dialer.now()) returns table (reason text, calls bigint, next_at timestamptz)
language sql stable as $$
    with banned as materialized (
        select l.lane_id from dialer.lane l where l.campaign_id = dialer.campaign_named(campaign) and dialer.lane_banned(l, at) @> at)
    select w.reason, count(*), nullif(min(w.next_at), 'infinity')
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.lane l on l.lane_id = c.lane_id
    join dialer.provider_account a using (account_id) join dialer.account_health k using (account_id)
    cross join lateral (select l.open_until > at and l.open_until <= at + g.finish_within as closing) f
    cross join lateral (select case when l.openings = '{}' then null when l.open_until <= at or f.closing then dialer.next_open_all(greatest(at, l.open_until), l.openings) else l.opens_at end as opens_at) o
    cross join lateral (select case
            when c.state <> 'scheduled' then 'being called'
            when g.state <> 'running' then 'campaign is ' || g.state
            when a.state <> 'open' then 'account is ' || a.state
            when exists (select from dialer.queue_rests(c.tenant_id)) then 'queue is paused'
            when l.openings = '{}' then case dialer.never_reason(g.campaign_id, l.zones, l.jurisdictions) when 'zone_unknown' then 'no time zone is known'
                when 'jurisdiction_unknown' then 'not known whose law holds' when 'no_rule_known' then 'no chosen law speaks of the country' else 'never open' end
            when c.wait_reason = 'review' then 'outcome''s word waits for review'
            when c.due_at = 'infinity' then coalesce(c.wait_reason, 'never open')
            when c.due_at > at then 'due later: ' || coalesce(c.wait_reason, 'planned')
            when l.lane_id in (select b.lane_id from banned b) then 'banned'
            when f.closing then 'too near to closing'
            when o.opens_at is null or o.opens_at > at then 'outside hours'
            when k.blocked_until > at then 'account rests: ' || coalesce(k.blocked_reason, '')
            else 'ready: waits for a slot or a dispatcher' end as reason,
        case when c.state <> 'scheduled' then null when c.due_at = 'infinity' then null else greatest(c.due_at, o.opens_at, at) end as next_at) w
    where c.ended_at is null and c.campaign_id = dialer.campaign_named(campaign)
    group by w.reason order by count(*) desc, w.reason
$$;
comment on function dialer.why_waiting(text, timestamptz) is
'Why the calls of a campaign that have not ended are not being placed: how many per reason, and when the first of them could go. Error PD025: no such campaign.';
