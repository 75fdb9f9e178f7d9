-- Placing: the intention before, and what the provider answered after.
-- Who uses it: the dispatcher. Every function takes attempt and token; a token that is not the lease's changes nothing.
-- Invariants kept: 2 (intend commits before anything is sent), 3 (what may be ringing stays open), 5 (place_by).

create type dialer.intention as (attempt_id uuid, call_id bigint, token bigint, reason text);
comment on type dialer.intention is 'an attempt about to be placed; reason: why it may not be, null: it may';

create function dialer.judge_intentions(attempt_ids uuid[], tokens bigint[], at timestamptz) returns dialer.intention[]
language plpgsql volatile as $$
declare
    judged dialer.intention[];
    bans dialer.ban[] := dialer.bans_in_force(array(select distinct l.tenant_id from dialer.lease l where l.attempt_id = any (attempt_ids)), at);
begin
    -- Locked first, judged in a later statement: a do-not-call entry or a pause committed while we waited is seen.
    perform from dialer.lease l where l.attempt_id = any (attempt_ids) order by l.call_id for update;
    judged := array(
        select row(u.attempt_id, l.call_id, u.token, case
            when l.attempt_id is null or l.token <> u.token then 'superseded'
            when l.state <> 'claimed' or row_number() over (partition by u.attempt_id order by u.position) > 1 then 'intended_before'
            when l.until <= at then 'lease_over'
            when l.place_by <= at then 'too_late'
            when g.state is distinct from 'running' then 'campaign_' || coalesce(g.state::text, 'gone')
            when a.state is distinct from 'open' then 'account_' || coalesce(a.state::text, 'gone')
            when exists (select from dialer.queue_rests(l.tenant_id)) then 'queue_paused'
            when c.stated_outcome is not null then 'finished'
            when c.review_word is not null then 'review'
            when exists (select from dialer.do_not_call_entries(l.tenant_id, l.contact_id, e.address, at)) then 'do_not_call'
            when exists (select from dialer.conversions(c.contact_id, c.campaign_id, c.created_at)) then 'converted'
            when g.consent is not null and not exists (select from dialer.consents(l.tenant_id, e.address, g.consent, at)) then 'consent_missing'
            when c.step is not null and (dialer.step_now(g.workflow_id, l.tenant_id, e.address, at)).name is distinct from c.step then 'next_step'
            when e.status is distinct from 'ok' or p.contact_id is null then 'number_unusable'
            -- Fewer rules lifted than the lane thinks; more of them do no harm.
            when g.by_contact and (p.zones <> n.zones or g.law_id is not null and p.jurisdictions <> n.jurisdictions
                or n.lifted <> '{}' and not n.lifted <@ dialer.lifted(g.law_id, p.jurisdictions, e.address, greatest(at, l.place_at))) then 'elsewhere'
            when bans <> '{}' and dialer.ban_until(bans, l.tenant_id, p.jurisdictions, e.address, p.attributes, w.purposes, greatest(at, l.place_at)) is not null then 'ban'
            when not dialer.is_open_all(greatest(at, l.place_at), n.openings) then 'window'
            when n.cappings <> '{}' and (dialer.capped(n.cappings, case when n.zones = '{}' then array[n.openings[1].tz] else n.zones end, l.contact_id, l.endpoint_id, l.campaign_id, l.channel,
                l.decision ->> 'subject', greatest(at, l.place_at), l.attempt_id)).callable_at > greatest(at, l.place_at) then 'law_cap'
            end)::dialer.intention
        from unnest(attempt_ids, tokens) with ordinality u(attempt_id, token, position)
        left join dialer.lease l on l.attempt_id = u.attempt_id
        left join dialer.call c on c.call_id = l.call_id
        left join dialer.campaign g on g.campaign_id = l.campaign_id
        left join dialer.provider_account a on a.account_id = l.account_id
        left join dialer.endpoint e on e.endpoint_id = l.endpoint_id
        left join dialer.lane n on n.lane_id = l.lane_id
        left join dialer.contact p on p.contact_id = l.contact_id
        left join dialer.law w on w.law_id = g.law_id
        order by u.position);
    return judged;
end $$;
comment on function dialer.judge_intentions(uuid[], bigint[], timestamptz) is
'Locks the leases and tests once more what may have changed since the claim: token, lease, latest instant, campaign, account, queue, what the business has said, do-not-call, number, conversion, consent, step, the contact''s place, rules that consent lifts, bans, window, caps of law and tenant.';

create function dialer.intend(dispatcher text, attempt_ids uuid[], tokens bigint[])
returns table (attempt_id uuid, allowed boolean, reason text)
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
    at timestamptz := dialer.now();
    judged dialer.intention[] := dialer.judge_intentions(attempt_ids, tokens, at);
begin
    with sent as (
        update dialer.lease l
        set state = 'intended', intended_at = at,
            look_at = at + dialer.real_interval(make_interval(secs => a.answer_seconds)),
            until = at + make_interval(secs => a.ring_seconds + a.call_seconds_max) + dialer.real_interval(make_interval(secs => a.grace_seconds))
        from unnest(judged) j, dialer.provider_account a
        where l.attempt_id = j.attempt_id and j.reason is null and a.account_id = l.account_id
        returning l.call_id)
    update dialer.call c set state = 'in_flight' from sent where c.call_id = sent.call_id;
    if exists (select from unnest(judged) j where j.reason is not null) then
        perform dialer.take_back(array(select j.attempt_id from unnest(judged) j where j.reason not in ('superseded', 'intended_before')),
            array(select j.reason from unnest(judged) j where j.reason not in ('superseded', 'intended_before')), at);
    end if;
    return query select j.attempt_id, j.reason is null, j.reason from unnest(judged) j;
end $$;
comment on function dialer.intend(text, uuid[], bigint[]) is
'Commits the intention to place these attempts. Only an attempt that comes back allowed may be sent, once; the others have been released with the reason. See docs/dispatcher-api.md.';

create function dialer.take_back(attempt_ids uuid[], reasons text[], at timestamptz) returns integer
language plpgsql volatile as $$
declare waiting bigint[];
begin
    perform from dialer.lease l where l.attempt_id = any (attempt_ids) order by l.call_id for update;
    update dialer.lease l set note = u.reason from unnest(attempt_ids, reasons) u(attempt_id, reason) where l.attempt_id = u.attempt_id;
    with gone as (
        delete from dialer.lease l where l.attempt_id = any (attempt_ids) returning l.*),
    back as (
        select g.call_id, g.lane_id, g.note, k.state as campaign_state, dialer.must_not_call(g.tenant_id, g.contact_id, e.address, at) as forbidden,
               -- A lease that ended unused is due when it ended: after an outage that lies in it.
               greatest(case when g.note = 'lease_over' then least(at, g.until) else at end, g.due_at) + case when g.note in ('not_sent', 'too_late', 'lease_over') then dialer.real_interval(interval '1 second') else '0' end as due_at
        from gone g join dialer.campaign k using (campaign_id) left join dialer.endpoint e on e.endpoint_id = g.endpoint_id),
    changed as (
        update dialer.call c
        set state = case when b.forbidden or b.campaign_state in ('stopped', 'archived') then 'cancelled' else 'scheduled' end::dialer.call_state,
            end_reason = case when b.forbidden then 'do_not_call' when b.campaign_state in ('stopped', 'archived') then 'campaign_stopped' end,
            ended_at = case when b.forbidden or b.campaign_state in ('stopped', 'archived') then at end,
            due_at = b.due_at, wait_reason = case when not b.forbidden and b.campaign_state not in ('stopped', 'archived') then b.note end
        from back b where c.call_id = b.call_id
        returning c.call_id, c.lane_id, c.due_at, c.state),
    queued as (
        insert into dialer.due (lane_id, due_at, call_id) select lane_id, due_at, call_id from changed where state = 'scheduled' returning call_id)
    select coalesce(array_agg(q.call_id), '{}') into waiting from queued q;
    -- The business said meanwhile how the call ends: it must not wait for another attempt to learn it.
    perform dialer.end_waiting(array[c.call_id], dialer.outcome_end_state(c.stated_outcome), c.stated_outcome::text, at, c.stated_outcome)
    from dialer.call c where c.call_id = any (waiting) and c.stated_outcome is not null;
    -- What became known of the number meanwhile.
    perform dialer.restep(array_agg(c.call_id), at) from dialer.call c where c.call_id = any (waiting) and c.step is not null and c.ended_at is null having count(*) > 0;
    return cardinality(waiting);
end $$;
comment on function dialer.take_back(uuid[], text[], timestamptz) is
'Ends open attempts of which nothing was sent; their calls wait again, or end where the campaign was stopped, the number forbidden or a final outcome stated.';

create function dialer.own_leases(attempt_ids uuid[], tokens bigint[], states dialer.attempt_state[]) returns uuid[]
language plpgsql volatile as $$
begin
    perform from dialer.lease l where l.attempt_id = any (attempt_ids) order by l.call_id for update;
    return array(select l.attempt_id from unnest(attempt_ids, tokens) u(attempt_id, token)
        join dialer.lease l on l.attempt_id = u.attempt_id and l.token = u.token where l.state = any (states));
end $$;
comment on function dialer.own_leases(uuid[], bigint[], dialer.attempt_state[]) is 'Locks leases and returns those whose token is still valid and whose state is one of these.';

create function dialer.release(attempt_ids uuid[], tokens bigint[], reasons text[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
    at timestamptz := dialer.now();
    own uuid[] := dialer.own_leases(attempt_ids, tokens, '{claimed,intended}');
begin
    -- The provider was not reached.
    perform dialer.account_failed(array(select l.account_id from unnest(attempt_ids, reasons) u(attempt_id, reason) join dialer.lease l using (attempt_id)
        where l.attempt_id = any (own) and u.reason = 'not_sent'), at);
    perform dialer.take_back(own, array(select coalesce(u.reason, 'not_sent') from unnest(own) o
        join unnest(attempt_ids, reasons) u(attempt_id, reason) on u.attempt_id = o), at);
    return cardinality(own);
end $$;
comment on function dialer.release(uuid[], bigint[], text[]) is
'Gives back attempts of which certainly nothing was sent; their calls wait again. Returns how many tokens were valid. See docs/dispatcher-api.md.';

create function dialer.mark_placed(attempt_ids uuid[], tokens bigint[], provider_call_ids text[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
    at timestamptz := dialer.now();
    own uuid[] := dialer.own_leases(attempt_ids, tokens, '{intended,placed,ringing,answered}');
begin
    update dialer.lease l
    set state = greatest(l.state, 'placed'), placed_at = coalesce(l.placed_at, at), provider_call_id = coalesce(l.provider_call_id, u.provider_call_id),
        look_at = at + make_interval(secs => a.ring_seconds + a.call_seconds_max) + dialer.real_interval(make_interval(secs => a.answer_seconds))
    from unnest(attempt_ids, provider_call_ids) u(attempt_id, provider_call_id), dialer.provider_account a
    where l.attempt_id = u.attempt_id and l.attempt_id = any (own) and a.account_id = l.account_id;
    perform dialer.account_fine(array(select l.account_id from dialer.lease l where l.attempt_id = any (own)));
    -- A mail that the provider has accepted is done; a bounce comes as a late event and marks the address.
    perform dialer.end_attempts(array(select row(l.attempt_id, 'completed', 'accepted', null, null, null, null, '{}', null, null)::dialer.attempt_end
        from dialer.lease l where l.attempt_id = any (own) and l.channel = 'email'), at);
    return cardinality(own);
end $$;
comment on function dialer.mark_placed(uuid[], bigint[], text[]) is
'The provider accepted these attempts under these call ids. Returns how many tokens were valid. See docs/dispatcher-api.md.';

create function dialer.mark_unknown(attempt_ids uuid[], tokens bigint[], reasons text[]) returns integer
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
declare
    at timestamptz := dialer.now();
    own uuid[] := dialer.own_leases(attempt_ids, tokens, '{intended}');
begin
    update dialer.lease l set note = u.reason, look_at = at + dialer.real_interval(interval '1 second')
    from unnest(attempt_ids, reasons) u(attempt_id, reason) where l.attempt_id = u.attempt_id and l.attempt_id = any (own);
    perform dialer.account_failed(array(select l.account_id from dialer.lease l where l.attempt_id = any (own)), at);
    return cardinality(own);
end $$;
comment on function dialer.mark_unknown(uuid[], bigint[], text[]) is
'These attempts may be ringing: the provider''s answer was lost. They stay open until evidence or the grace time ends them, and are looked up soon. See docs/dispatcher-api.md.';
