-- The claim: which calls may be placed now. Every gate is tested here, in one transaction, under the account's lock.
-- Who uses it: the dispatcher, through dialer.claim.
-- Invariants kept: 1, 4, 5, 7, 8. Lock order: account, tenant, campaign, caller id, lane, due, lease, call; but of leases, what is
-- locked by another is passed over and never waited for.
--
-- 1. The account_control row is locked, skipping accounts that another dispatcher is at.
-- 2. Open attempts are counted in a later statement than the lock: a count in the same statement has an older snapshot.
-- 3. Open lanes of running campaigns give their first due calls, by priority and by who has had less for its weight.
-- 4. The gates of each call are tested in a statement of their own; what may not be placed moves or ends, with its reason.
-- 5. The rates of account, tenant, campaign and caller id give exact instants, each call its own, up to a horizon ahead.
-- 6. All attempts of a claim are opened by one statement, ordered by contact: two claims that meet on a person wait in one order.

create type dialer.candidate as (
    call_id bigint, lane_id bigint, campaign_id bigint, due_at timestamptz, virtual_rank double precision);
comment on type dialer.candidate is 'a due call that the claim has locked';
create type dialer.judged as (
    call_id bigint, lane_id bigint, campaign_id bigint, due_at timestamptz, verdict text, reason text, next_at timestamptz,
    decision jsonb, rank double precision, allowed_until timestamptz);
comment on type dialer.judged is 'a candidate with the verdict of its gates: place, wait (until next_at), completed, cancelled, expired, failed, elsewhere (another lane), orphan; allowed_until: when the consents that it needs end, or a ban of its area begins';
create type dialer.caller_room as (caller_id integer, number text, pool text, room integer, used integer);
comment on type dialer.caller_room is 'a number to call from: how many more calls it may have now, and how many are open';
create type dialer.room as (
    slots integer, first_slot timestamptz, step interval, oldest bigint, callers dialer.caller_room[]);
comment on type dialer.room is 'how many calls an account may be given now, the beginning and distance of their instants (null: no rate), the token of its oldest open attempt, and the numbers to call from (null: the provider''s own choice)';
create type dialer.placing as (
    call_id bigint, lane_id bigint, campaign_id bigint, account_id integer, caller_id integer, due_at timestamptz, place_at timestamptz,
    place_by timestamptz, decision jsonb);
comment on type dialer.placing is 'a call that may be placed, with its instant';

create function dialer.rate_room(next_at timestamptz, step interval, until timestamptz) returns integer
language sql immutable as $$
    select case when step is null then 2147483647 else
        greatest(0, least(100000, 1 + floor(extract(epoch from until - next_at) / extract(epoch from step))))::integer end
$$;
comment on function dialer.rate_room(timestamptz, interval, timestamptz) is 'How many instants of a rate lie at or before an instant; without a rate, any number.';

create function dialer.slot_from(next_at timestamptz, step interval, at timestamptz) returns timestamptz
language sql immutable as $$
    select case when step is null then at else greatest(at, next_at) end
$$;
comment on function dialer.slot_from(timestamptz, interval, timestamptz) is 'The first instant that a rate gives now; without a rate, now.';

create function dialer.caller_rooms(account_id integer, at timestamptz, want integer, horizon interval, limited integer[], chosen dialer.placing[]) returns dialer.caller_room[]
language plpgsql stable as $$
begin
    return array(
        select row(c.caller_id, c.number, c.pool, least(want, c.max_concurrent - coalesce(u.used, 0), c.max_per_day - coalesce(u.used, 0) - d.dialled,
            dialer.rate_room(dialer.slot_from(c.next_slot_at, dialer.slot_step(c.per_second), at), dialer.slot_step(c.per_second), at + horizon)), coalesce(u.used, 0))::dialer.caller_room
        from dialer.caller_id c
        left join (select x.caller_id, count(*)::integer as used
                   from (select l.caller_id from dialer.open_attempts(caller_rooms.account_id) l union all select p.caller_id from unnest(chosen) p) x
                   group by x.caller_id) u using (caller_id)
        cross join lateral (select count(*)::integer as dialled from dialer.attempt a
            where c.max_per_day is not null and a.caller_id = c.caller_id and a.intended_at is not null
              and a.dialled_at > at - interval '24 hours' and a.ended_at > at - interval '24 hours') d
        where c.account_id = caller_rooms.account_id and c.rests_until <= at and (c.per_second is null or c.caller_id = any (limited))
        order by c.next_slot_at, c.caller_id);
end $$;
comment on function dialer.caller_rooms(integer, timestamptz, integer, interval, integer[], dialer.placing[]) is
'The numbers that an account may call from now, with what their limits leave; those with a rate only if the caller holds their lock (limited).';

create function dialer.free_room(account dialer.provider_account, at timestamptz, want integer, horizon interval, tenant_chosen integer, limited integer[], chosen dialer.placing[]) returns dialer.room
language plpgsql stable as $$
declare
    room dialer.room;
    tenant record;
    probing timestamptz;
    pending integer := cardinality(chosen);
begin
    select want - pending, dialer.slot_from(k.next_slot_at, dialer.slot_step(account.per_second), at), dialer.slot_step(account.per_second), k.lease_floor, null
    into room from dialer.account_control k where k.account_id = account.account_id;
    select h.blocked_until into probing from dialer.account_health h where h.account_id = account.account_id and h.level > 0;
    -- Where the breaker was open, one call at a time until one got through; one of which nothing was heard does not count for long.
    if probing is not null then
        probing := greatest(probing, at - dialer.real_interval(make_interval(secs => account.lease_seconds + account.answer_seconds)));
    end if;
    select least(room.slots, account.max_concurrent - account.inbound_reserve - pending - count(*),
               case when probing is not null then 1 - pending - count(*) filter (where l.claimed_at >= probing) end),
           coalesce(min(l.token), (select q.last_value from dialer.lease_token q))
    into room.slots, room.oldest from dialer.open_attempts(account.account_id) l;
    select t.max_concurrent, dialer.slot_step(t.per_second) as step, k.next_slot_at into tenant
    from dialer.tenant t join dialer.tenant_control k using (tenant_id) where t.tenant_id = account.tenant_id;
    if tenant.max_concurrent is not null then
        select least(room.slots, tenant.max_concurrent - tenant_chosen - pending - count(*)) into room.slots
        from dialer.provider_account a cross join lateral dialer.open_attempts(a.account_id) l where a.tenant_id = account.tenant_id;
    end if;
    room.first_slot := greatest(room.first_slot, dialer.slot_from(tenant.next_slot_at, tenant.step, at));
    room.step := greatest(room.step, tenant.step);
    room.slots := greatest(0, least(room.slots, dialer.rate_room(room.first_slot, room.step, at + horizon)));
    if room.slots > 0 and exists (select from dialer.caller_id c where c.account_id = account.account_id) then
        room.callers := dialer.caller_rooms(account.account_id, at, room.slots, horizon, limited, chosen);
        room.slots := least(room.slots, (select sum(greatest(0, r.room)) from unnest(room.callers) r));
    end if;
    return room;
end $$;
comment on function dialer.free_room(dialer.provider_account, timestamptz, integer, interval, integer, integer[], dialer.placing[]) is
'How many calls an account may be given now, by its own limits, its tenant''s and its caller ids'', and at which instants. What the claim has chosen already, here and (tenant_chosen) at other accounts of the tenant, counts as open. The caller holds the locks on account_control and tenant_control.';

create function dialer.pick_candidates(account_id integer, at timestamptz, slots integer, callers dialer.caller_room[], horizon interval, limited bigint[], chosen dialer.placing[], passed_over bigint[],
    out picked dialer.candidate[], out held bigint[], out more boolean)
language plpgsql volatile as $$
begin
    with open_calls as materialized (
        select l.campaign_id, count(*) as calls from dialer.open_attempts(pick_candidates.account_id) l where limited <> '{}' group by l.campaign_id),
    campaign as materialized (
        select c.campaign_id, c.weight, greatest(c.virtual_time, k.virtual_time) as start_time, greatest(dialer.place_margin(a), c.finish_within) as margin,
               least(slots, c.max_concurrent - (select count(*) from unnest(chosen) p where p.campaign_id = c.campaign_id) - case when c.max_concurrent is null then 0
                     -- Attempts at the account that the campaign had before count as well, for as long as a call can last.
                     when c.account_since > at - interval '2 days' then (select count(*) from dialer.lease x where x.campaign_id = c.campaign_id)
                     else coalesce((select x.calls from open_calls x where x.campaign_id = c.campaign_id), 0) end,
                   dialer.rate_room(dialer.slot_from(c.next_slot_at, dialer.slot_step(c.per_second), at), dialer.slot_step(c.per_second), at + horizon),
                   case when c.caller_pool is not null then (select coalesce(sum(greatest(0, r.room)), 0) from unnest(callers) r where r.pool = c.caller_pool) end) as room
        from dialer.campaign c join dialer.provider_account a using (account_id) join dialer.account_control k using (account_id)
        where c.account_id = pick_candidates.account_id and c.state = 'running' and (c.valid_until is null or c.valid_until > at + dialer.place_margin(a))
          and (c.campaign_id = any (limited) or (c.max_concurrent is null and c.per_second is null))),
    open_lane as materialized (
        select l.lane_id, l.campaign_id, l.priority, c.weight, c.start_time, c.room, f.floor
        from campaign c join dialer.lane l using (campaign_id)
        cross join lateral (select case when l.floor_from > at - dialer.real_interval(interval '1 minute') and l.floor_from <= at then l.floor else '-infinity' end as floor) f
        -- A campaign of which nothing is due has no share.
        where c.room > 0 and l.opens_at <= at + horizon and l.open_until > at + c.margin
          and exists (select from dialer.due u where u.lane_id = l.lane_id and u.due_at >= f.floor and u.due_at <= at + horizon)),
    -- Each campaign is read as far as its share of the slots; what others leave over is given out in the next round.
    share as materialized (
        select o.campaign_id, o.priority, least(o.room, ceil(slots * o.weight / sum(o.weight) over (partition by o.priority)))::integer as quota
        from (select distinct on (l.priority, l.campaign_id) l.* from open_lane l order by l.priority, l.campaign_id) o),
    first_due as (
        select o.*, q.quota, d.due_at, d.call_id,
               row_number() over (partition by o.campaign_id order by o.priority, d.due_at, d.call_id) as position,
               row_number() over (partition by o.campaign_id, o.priority order by d.due_at, d.call_id) as position_in_quota
        from share q join open_lane o using (campaign_id, priority) cross join lateral (
            select u.due_at, u.call_id from dialer.due u
            where u.lane_id = o.lane_id and u.due_at >= o.floor and u.due_at <= at + horizon and u.call_id <> all (passed_over)
            order by u.due_at, u.call_id limit q.quota) d),
    ranked as materialized (
        select f.*, f.start_time + f.position / f.weight as virtual_rank, f.position_in_quota = f.quota as full from first_due f
        where f.position <= f.room and f.position_in_quota <= f.quota
        order by f.priority, f.start_time + f.position / f.weight, f.due_at, f.call_id limit slots),
    locked as materialized (
        select r.* from ranked r join dialer.due u on u.lane_id = r.lane_id and u.due_at = r.due_at and u.call_id = r.call_id
        for update of u skip locked)
    select coalesce(array_agg(row(r.call_id, r.lane_id, r.campaign_id, r.due_at, r.virtual_rank)::dialer.candidate order by r.priority, r.virtual_rank, r.due_at), '{}'),
           case when count(*) < (select count(*) from ranked) then array(select x.call_id from ranked x except select y.call_id from locked y) else '{}' end,
           coalesce(bool_or(r.full), false) or count(*) < (select count(*) from ranked)
    into picked, held, more from locked r;
end $$;
comment on function dialer.pick_candidates(integer, timestamptz, integer, dialer.caller_room[], interval, bigint[], dialer.placing[], bigint[]) is
'First due calls of the open lanes of an account''s running campaigns, by priority, fair share and due time; each campaign within its own limits, which needs its lock (limited), and within those of its pool of numbers. Locks their due rows. held: calls that another transaction is at; more: there may be further calls.';

create type dialer.verdict as (verdict text, reason text, next_at timestamptz);
comment on type dialer.verdict is 'what the gates say of a call: place, wait (until next_at), completed, cancelled, expired, failed, elsewhere (another lane), orphan';

create function dialer.judge(candidates dialer.candidate[], at timestamptz) returns dialer.judged[]
language plpgsql stable as $$
declare
    judged dialer.judged[];
    oldest timestamptz := dialer.oldest_horizon(array(select distinct u.lane_id from unnest(candidates) u), at);
    bans dialer.ban[] := dialer.bans_in_force(array(select distinct l.tenant_id from unnest(candidates) u join dialer.lane l using (lane_id)), at);
begin
    -- What is the lane's, the campaign's and the policy's is looked up once for all its calls. Materialized: a column that
    -- calls a function would otherwise be computed anew wherever it is used.
    with lane_facts as materialized (
        select l.lane_id, l.openings, l.openings[1].tz as tz, l.zones, l.opens_at, l.open_until, g.by_contact, g.law_id, g.subject, l.jurisdictions, l.cappings, l.lifted, w.purposes, w.exempt_consent, dialer.place_margin(k) as margin,
               g.misfire, g.misfire_after, g.consent, g.callback_late, g.contact_limit, g.contact_limit_counts,
               y.cap_scope, p.caps, dialer.cap_horizon(p.caps, at) as since,
               jsonb_strip_nulls(jsonb_build_object('law', l.law)) || jsonb_build_object('zones', dialer.opening_zones(l.openings), 'hours', l.openings[1].hours::text, 'own_hours', nullif(l.own_hours, ''), 'open_until', l.open_until,
                   'policy', y.name, 'consent', g.consent, 'scope', y.cap_scope, 'caps', (select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'max', c.max_count, 'amount', c.amount)), '[]')
                       from unnest(p.caps) c)) as decision
        from dialer.lane l join dialer.campaign g using (campaign_id) join dialer.provider_account k using (account_id)
        join dialer.redial_policy y using (policy_id) left join dialer.law w on w.law_id = g.law_id cross join lateral (select dialer.policy_caps(y) as caps offset 0) p
        where l.lane_id in (select u.lane_id from unnest(candidates) u)),
    facts as materialized (
        select x.call_id, x.lane_id, x.campaign_id, x.due_at, x.virtual_rank, x.position, c.state, c.stated_outcome, c.review_word, c.expires_at, c.not_before, c.callback_by, c.endpoint_id,
               c.contact_id, c.channel, e.status, p.zone_source, f.openings, f.tz, f.margin, f.consent, f.law_id, f.lifted, f.caps, f.decision, f.misfire, f.callback_late,
               f.consent is not null and not exists (select from dialer.consents(c.tenant_id, e.address, f.consent, at)) as unconsented,
               case when f.misfire <> 'place' then (select o from dialer.outage o where o.from_at <= x.due_at and o.to_at > x.due_at and o.to_at <= at
                   and o.to_at - o.from_at >= f.misfire_after order by o.to_at desc limit 1) end as outage,
               f.contact_limit is not null and dialer.contact_spent(c.contact_id, x.campaign_id, f.contact_limit, f.contact_limit_counts) as contact_spent,
               f.by_contact and (p.zones <> f.zones or f.law_id is not null and p.jurisdictions <> f.jurisdictions
                   or f.lifted <> case when f.exempt_consent is null then '{}' else dialer.lifted(f.law_id, p.jurisdictions, e.address, greatest(at, x.due_at, f.opens_at)) end) as elsewhere, f.cappings, f.zones,
               coalesce(c.payload ->> 'subject', f.subject) as subject, e.address, p.jurisdictions, p.jurisdiction_source, case when bans <> '{}' then p.attributes end as attributes, f.purposes, c.tenant_id, greatest(at, x.due_at, f.opens_at) as at_,
               row_number() over (partition by c.endpoint_id order by x.position) as same_number,
               row_number() over (partition by c.contact_id, c.channel order by x.position) as same_person,
               exists (select from dialer.do_not_call_entries(c.tenant_id, c.contact_id, e.address, at)) as forbidden,
               exists (select from dialer.conversions(c.contact_id, c.campaign_id, c.created_at)) as converted,
               exists (select from dialer.lease z where z.endpoint_id = c.endpoint_id)
                   or exists (select from dialer.lease z where z.contact_id = c.contact_id and z.channel = c.channel) as busy,
               case when f.caps <> '{}' then array(select d from dialer.dialled(f.cap_scope, c.call_id, c.contact_id, c.endpoint_id, c.channel, f.since, oldest) d) else '{}' end as dialled
        from (select u.*, row_number() over () as position from unnest(candidates) u) x
        left join dialer.call c on c.call_id = x.call_id and c.lane_id = x.lane_id and c.due_at = x.due_at
        left join dialer.endpoint e on e.endpoint_id = c.endpoint_id
        left join dialer.contact p on p.contact_id = c.contact_id
        left join lane_facts f on f.lane_id = x.lane_id),
    allowed as materialized (
        select f.*, dialer.next_callable(f.at_, f.openings, f.dialled, f.caps, f.tz) as callable_at,
               case when f.cappings <> '{}' then dialer.capped(f.cappings, case when f.zones = '{}' then array[f.tz] else f.zones end, f.contact_id, f.endpoint_id, f.campaign_id, f.channel,
                   f.subject, f.at_) end as capped,
               case when bans <> '{}' then dialer.ban_until(bans, f.tenant_id, f.jurisdictions, f.address, f.attributes, f.purposes, f.at_) end as banned_until,
               case when bans <> '{}' then (select min(b.from_at) from unnest(bans) b
                   where b.from_at > f.at_ and dialer.ban_until(array[b], f.tenant_id, f.jurisdictions, f.address, f.attributes, f.purposes, b.from_at) is not null) end as banned_from,
               case when f.consent is not null or f.lifted <> '{}' then dialer.agreed_until(f.tenant_id, f.address, f.consent, f.law_id, f.jurisdictions, f.lifted, f.at_) end as agreed_until,
               -- The outage is taken out of the open time: calls keep their distances, and none comes before its end.
               case when f.misfire = 'shift' and f.outage is not null then
                   dialer.next_open_all(dialer.add_open_all((f.outage).to_at, dialer.open_between_all((f.outage).from_at, f.due_at, f.openings), f.openings), f.openings)
               end as shifted_at
        from facts f),
    gated as materialized (
        select a.*, case
            when a.state is null or a.state <> 'scheduled' then row('orphan', null, null)::dialer.verdict
            when a.stated_outcome is not null then row(dialer.outcome_end_state(a.stated_outcome), a.stated_outcome, null)::dialer.verdict
            when a.elsewhere then row('elsewhere', null, null)::dialer.verdict
            -- Nothing is placed in the last moment (place_by), and a call that can no longer be placed would be offered for ever.
            when a.expires_at <= a.at_ + a.margin then row('expired', 'expired', null)::dialer.verdict
            when a.status is distinct from 'ok' then row('failed', 'number_unusable', null)::dialer.verdict
            when a.forbidden then row('cancelled', 'do_not_call', null)::dialer.verdict
            when a.converted then row('cancelled', 'converted', null)::dialer.verdict
            -- Looked at again each day, in case the campaign asks for less; a consent that is given brings it forward.
            when a.contact_spent then row('cancelled', 'contact_limit', null)::dialer.verdict
            when a.unconsented then row('wait', 'consent_missing', a.at_ + interval '1 day')::dialer.verdict
            -- It ends in the last moment, in which nothing is placed.
            when a.agreed_until <= a.at_ + a.margin then row('wait', case when a.consent is null then 'elsewhere' else 'consent_missing' end, a.agreed_until)::dialer.verdict
            -- Looked at again soon: a ban that is lifted holds nobody back.
            when a.banned_until > a.at_ then row('wait', 'ban', least(a.banned_until, a.at_ + interval '15 minutes'))::dialer.verdict
            when a.review_word is not null then row('wait', 'review', 'infinity')::dialer.verdict
            when a.misfire = 'expire' and a.outage is not null then row('expired', 'misfired', null)::dialer.verdict
            when a.shifted_at > a.at_ then row('wait', 'misfired', a.shifted_at)::dialer.verdict
            when a.not_before > a.at_ then row('wait', 'callback', a.not_before)::dialer.verdict
            when a.callback_by < a.at_ and a.callback_late = 'expire' then row('expired', 'callback_late', null)::dialer.verdict
            when a.callback_by < a.at_ then row('wait', 'callback_late', a.at_)::dialer.verdict
            when a.same_number > 1 or a.same_person > 1 or a.busy then row('wait', 'number_busy', a.at_ + interval '1 minute')::dialer.verdict
            -- Looked at again each day: caps, hours and laws are edited, and then nobody remembers who waited for them.
            when a.callable_at is null then row('wait', 'caps_spent', a.at_ + interval '1 day')::dialer.verdict
            when a.callable_at > a.at_ then row('wait', case when dialer.is_open_all(a.at_, a.openings) then 'cap' else 'window' end, a.callable_at)::dialer.verdict
            when (a.capped).callable_at = 'infinity' then row('wait', 'caps_spent', a.at_ + interval '1 day')::dialer.verdict
            when (a.capped).callable_at > a.at_ then row('wait', case when (a.capped).code like 'tenant: %' then 'tenant_cap' else 'law_cap' end, (a.capped).callable_at)::dialer.verdict
            else row('place', null, null)::dialer.verdict end as gate
        from allowed a)
    select coalesce(array_agg(row(j.call_id, j.lane_id, j.campaign_id, j.due_at, (j.gate).verdict, (j.gate).reason, (j.gate).next_at,
        case when (j.gate).verdict <> 'place' then null when j.capped is null and j.subject is null then j.decision || n.noted
             else j.decision || n.noted || jsonb_strip_nulls(jsonb_build_object('subject', j.subject, 'jurisdiction_source', j.jurisdiction_source, 'capped', (j.capped).seen,
                  'no_message', nullif((j.capped).no_message, false))) end,
        j.virtual_rank, least(j.agreed_until, j.banned_from))::dialer.judged order by j.position), '{}')
    into judged from gated j cross join lateral (select jsonb_build_object('zone_source', j.zone_source,
        'local_time', to_char(j.at_ at time zone j.tz, 'Dy YYYY-MM-DD HH24:MI:SS'), 'counted', cardinality(j.dialled)) as noted) n;
    return judged;
end $$;
comment on function dialer.judge(dialer.candidate[], timestamptz) is
'Tests the gates that are a call''s own: a stated end, expiry, number, do-not-call, conversion, the campaign''s limit per contact, consent, bans, callback time, one live call per number and person, window, and the caps of policy, law and tenant.';

create function dialer.turn_away(judged dialer.judged[], at timestamptz) returns integer
language plpgsql volatile as $$
declare turned integer;
begin
    if not exists (select from unnest(judged) j where j.verdict not in ('place', 'elsewhere')) then
        return 0;
    end if;
    delete from dialer.due d using unnest(judged) j
    where j.verdict not in ('place', 'elsewhere') and d.lane_id = j.lane_id and d.due_at = j.due_at and d.call_id = j.call_id;
    get diagnostics turned = row_count;
    if turned = 0 then
        return 0;
    end if;
    update dialer.call c set state = j.verdict::dialer.call_state, end_reason = j.reason, wait_reason = null, ended_at = at,
        outcome = coalesce(c.stated_outcome, c.outcome)
    from unnest(judged) j where c.call_id = j.call_id and j.verdict in ('completed', 'expired', 'cancelled', 'failed');
    -- A late callback goes back among the others.
    with waiting as (
        update dialer.call c set due_at = j.next_at, wait_reason = j.reason,
            lane_id = case when j.reason = 'callback_late' then coalesce(c.usual_lane_id, c.lane_id) else c.lane_id end,
            usual_lane_id = case when j.reason <> 'callback_late' then c.usual_lane_id end, callback_by = case when j.reason <> 'callback_late' then c.callback_by end
        from unnest(judged) j where c.call_id = j.call_id and j.verdict = 'wait'
        returning c.lane_id, c.due_at, c.call_id)
    insert into dialer.due (lane_id, due_at, call_id) select w.lane_id, w.due_at, w.call_id from waiting w;
    return turned;
end $$;
comment on function dialer.turn_away(dialer.judged[], timestamptz) is 'Moves or ends the calls whose gates said no, with the reason; returns how many.';

create function dialer.callers_for(calls dialer.judged[], callers dialer.caller_room[]) returns integer[]
language plpgsql stable as $$
declare
    called text[];
    pools text[];
begin
    select array_agg(e.address order by c.position), array_agg(g.caller_pool order by c.position) into called, pools
    from unnest(calls) with ordinality c(call_id, lane_id, campaign_id, due_at, verdict, reason, next_at, decision, rank, allowed_until, position)
    join dialer.call k on k.call_id = c.call_id join dialer.endpoint e using (endpoint_id) join dialer.campaign g on g.campaign_id = c.campaign_id;
    return array(
        select callers[p.place].caller_id
        from unnest(dialer.choose_callers(called, pools, array(select r.number from unnest(callers) r), array(select r.pool from unnest(callers) r),
            array(select r.room from unnest(callers) r), array(select r.used from unnest(callers) r))) with ordinality p(place, position)
        order by p.position);
end $$;
comment on function dialer.callers_for(dialer.judged[], dialer.caller_room[]) is 'For each call the number that it goes out from: the nearest with room, of its campaign''s pool; null where none is left.';

create function dialer.place_times(judged dialer.judged[], account dialer.provider_account, room dialer.room, at timestamptz) returns dialer.placing[]
language plpgsql stable as $$
declare
    calls dialer.judged[] := array(
        select j from unnest(judged) j join dialer.lane l using (lane_id) where j.verdict = 'place'
        order by greatest(at, j.due_at, l.opens_at), j.rank, j.due_at, j.call_id);
    callers integer[];
    ready timestamptz[];
    times timestamptz[];
    paced record;
begin
    if calls <> '{}' and room.callers is not null then
        callers := dialer.callers_for(calls, room.callers);
        calls := array(select calls[n] from generate_subscripts(calls, 1) n where callers[n] is not null order by n);
        callers := array_remove(callers, null);
    end if;
    if calls = '{}' then
        return '{}';
    end if;
    select array_agg(greatest(at, c.due_at, l.opens_at) order by c.position),
           array_agg(c.campaign_id order by c.position) as campaigns,
           array_agg(dialer.slot_from(g.next_slot_at, dialer.slot_step(g.per_second), at) order by c.position) as campaign_next,
           array_agg(dialer.slot_step(g.per_second) order by c.position) as campaign_step,
           array_agg(i.caller_id::bigint order by c.position) as callers, array_agg(dialer.slot_from(i.next_slot_at, dialer.slot_step(i.per_second), at) order by c.position) as caller_next,
           array_agg(dialer.slot_step(i.per_second) order by c.position) as caller_step,
           room.step is not null or bool_or(g.per_second is not null) or bool_or(i.per_second is not null) as any_rate
    into paced
    from unnest(calls) with ordinality c(call_id, lane_id, campaign_id, due_at, verdict, reason, next_at, decision, rank, allowed_until, position)
    join dialer.lane l using (lane_id) join dialer.campaign g on g.campaign_id = c.campaign_id
    left join dialer.caller_id i on i.caller_id = callers[c.position];
    ready := paced.array_agg;
    times := case when paced.any_rate then dialer.assign_slots(ready, room.first_slot, room.step, paced.campaigns, paced.campaign_next, paced.campaign_step,
        paced.callers, paced.caller_next, paced.caller_step) else ready end;
    return array(
        select row(c.call_id, c.lane_id, c.campaign_id, account.account_id, callers[c.position], c.due_at, times[c.position],
            -- Earlier of the window's end, the lease's end and whatever else ends, less a margin.
            least(l.open_until - greatest(g.finish_within - dialer.place_margin(account), interval '0'), times[c.position] + dialer.real_interval(make_interval(secs => account.lease_seconds)), g.valid_until, c.allowed_until,
                  case when account.per_second is not null then k.owned_until end) - dialer.place_margin(account), c.decision)::dialer.placing
        from unnest(calls) with ordinality c(call_id, lane_id, campaign_id, due_at, verdict, reason, next_at, decision, rank, allowed_until, position)
        join dialer.lane l using (lane_id) join dialer.campaign g on g.campaign_id = c.campaign_id
        join dialer.account_control k on k.account_id = account.account_id
        order by c.position);
end $$;
comment on function dialer.place_times(dialer.judged[], dialer.provider_account, dialer.room, timestamptz) is
'Gives each call that may be placed its exact instant under all rates that hold for it, its latest instant and its caller id.';

create function dialer.account_served(placings dialer.placing[], account dialer.provider_account, oldest bigint, at timestamptz) returns void
language plpgsql volatile as $$
begin
    update dialer.campaign c
    set virtual_time = greatest(c.virtual_time, k.virtual_time) + n.placed / c.weight,
        next_slot_at = case when c.per_second is null then c.next_slot_at else n.last_at + dialer.slot_step(c.per_second) end
    from (select p.campaign_id, count(*) as placed, max(p.place_at) as last_at from unnest(placings) p group by p.campaign_id) n
    join (select x.campaign_id from dialer.campaign x where x.campaign_id in (select p.campaign_id from unnest(placings) p) for no key update skip locked) free using (campaign_id),
         dialer.account_control k
    where c.campaign_id = n.campaign_id and k.account_id = account.account_id;
    update dialer.account_control k
    set next_slot_at = case when account.per_second is null then k.next_slot_at else n.last_at + dialer.slot_step(account.per_second) end,
        virtual_time = greatest(k.virtual_time, n.virtual_time),
        served_at = at,
        lease_floor = case when oldest > k.lease_floor + 100 then oldest else k.lease_floor end
    from (select max(p.place_at) as last_at, min(c.virtual_time - x.placed / c.weight) as virtual_time
          from unnest(placings) p join dialer.campaign c using (campaign_id)
          join (select y.campaign_id, count(*) as placed from unnest(placings) y group by y.campaign_id) x using (campaign_id)) n
    where k.account_id = account.account_id;
    if exists (select from dialer.tenant_control k where k.tenant_id = account.tenant_id) then
        update dialer.tenant_control k set next_slot_at = n.last_at + dialer.slot_step(t.per_second)
        from dialer.tenant t, (select max(p.place_at) as last_at from unnest(placings) p) n
        where k.tenant_id = account.tenant_id and t.tenant_id = k.tenant_id and t.per_second is not null;
    end if;
    if exists (select from unnest(placings) p where p.caller_id is not null) then
        update dialer.caller_id i set next_slot_at = n.last_at + dialer.slot_step(i.per_second)
        from (select p.caller_id, max(p.place_at) as last_at from unnest(placings) p where p.caller_id is not null group by p.caller_id) n
        where i.caller_id = n.caller_id and i.per_second is not null;
    end if;
    -- The floor lags behind what was served, and a claim in the first minute after a reading from the beginning keeps that reading's time.
    update dialer.lane l
    set floor = greatest(n.floor, case when l.floor_from > at - dialer.real_interval(interval '1 minute') and l.floor_from <= at then l.floor end),
        floor_from = case when l.floor_from > at - dialer.real_interval(interval '1 minute') and l.floor_from <= at then l.floor_from else at end
    from (select p.lane_id, count(*) as placed, least(max(p.due_at), at - dialer.real_interval(interval '10 seconds')) as floor from unnest(placings) p group by p.lane_id) n
    join (select x.lane_id from dialer.lane x where x.lane_id in (select p.lane_id from unnest(placings) p) for no key update skip locked) free using (lane_id)
    where l.lane_id = n.lane_id and (n.placed >= 50 or l.floor_from <= at - dialer.real_interval(interval '1 minute') or l.floor_from > at);
end $$;
comment on function dialer.account_served(dialer.placing[], dialer.provider_account, bigint, timestamptz) is
'Moves rates, shares and floors on by what was claimed. A campaign or lane that somebody is editing is passed over: its share is counted the next time.';

create function dialer.choose_calls(account dialer.provider_account, want integer, at timestamptz, horizon interval, tenant_chosen integer, placings dialer.placing[]) returns dialer.placing[]
language plpgsql volatile as $$
declare
    room dialer.room;
    pick record;
    judged dialer.judged[];
    elsewhere bigint[];
    fresh dialer.placing[];
    passed_over bigint[] := array(select p.call_id from unnest(placings) p);
    limited bigint[] := array(
        select c.campaign_id from dialer.campaign c
        where c.account_id = account.account_id and c.state = 'running' and (c.max_concurrent is not null or c.per_second is not null)
        order by c.campaign_id for no key update skip locked);
    callers integer[] := array(
        select i.caller_id from dialer.caller_id i where i.account_id = account.account_id and i.per_second is not null
        order by i.caller_id for no key update skip locked);
begin
    perform dialer.refresh_lanes(account.account_id, at);
    -- LIMIT: ten rounds, in which candidates are turned away or shares are left over; the next claim goes on.
    for round in 1..10 loop
        exit when cardinality(placings) >= want;
        room := dialer.free_room(account, at, want, horizon, tenant_chosen, callers, placings);
        exit when room.slots <= 0;
        pick := dialer.pick_candidates(account.account_id, at, room.slots, room.callers, horizon, limited, placings, passed_over);
        exit when pick.picked = '{}' and not pick.more;
        judged := dialer.judge(pick.picked, at);
        elsewhere := array(select j.call_id from unnest(judged) j where j.verdict = 'elsewhere');
        if elsewhere <> '{}' and dialer.relane(elsewhere, at) < cardinality(elsewhere) then
            passed_over := passed_over || elsewhere;
        end if;
        fresh := dialer.place_times(judged, account, room, at);
        if fresh <> '{}' then
            perform dialer.account_served(fresh, account, room.oldest, at);
            placings := placings || fresh;
        end if;
        -- With those for which no number to call from was left.
        passed_over := passed_over || pick.held || array(select j.call_id from unnest(judged) j where j.verdict = 'place');
        exit when dialer.turn_away(judged, at) = 0 and not pick.more;
    end loop;
    return placings;
end $$;
comment on function dialer.choose_calls(dialer.provider_account, integer, timestamptz, interval, integer, dialer.placing[]) is
'Chooses calls of one account whose control row the caller has locked, and gives them their instants; what may not be placed moves or ends.';

create function dialer.one_at_a_person(placings dialer.placing[]) returns dialer.placing[]
language plpgsql stable as $$
begin
    if not exists (select from unnest(placings) p join dialer.lane l using (lane_id) where l.cappings <> '{}') then
        return placings;
    end if;
    -- A cap may count over channels, and what is chosen here was judged without the other: it waits until the other's lease is open.
    return array(
        select row(c.call_id, c.lane_id, c.campaign_id, c.account_id, c.caller_id, c.due_at, c.place_at, c.place_by, c.decision)::dialer.placing
        from (select p.*, row_number() over (partition by k.contact_id order by p.place_at, p.call_id) as turn, bool_or(l.cappings <> '{}') over (partition by k.contact_id) as capped
              from unnest(placings) p join dialer.call k using (call_id) join dialer.lane l on l.lane_id = p.lane_id) c
        where c.turn = 1 or not c.capped);
end $$;
comment on function dialer.one_at_a_person(dialer.placing[]) is
'Of what a claim has chosen for a person under caps of the law or the tenant only the first; the others are due still, and are judged with it open.';

create function dialer.lease_out(placings dialer.placing[], dispatcher text, at timestamptz) returns uuid[]
language plpgsql volatile as $$
declare leased uuid[];
begin
    with inserted as (
        insert into dialer.lease (call_id, attempt_id, endpoint_id, token, tenant_id, campaign_id, lane_id, account_id, caller_id, contact_id, step, channel,
                                  dispatcher, due_at, claimed_at, place_at, place_by, until, decision)
        select c.call_id, gen_random_uuid(), c.endpoint_id, nextval('dialer.lease_token'), c.tenant_id, c.campaign_id, c.lane_id, p.account_id, p.caller_id,
               c.contact_id, c.step, c.channel, lease_out.dispatcher, p.due_at, at, p.place_at, least(p.place_by, c.expires_at - dialer.place_margin(a)),
               p.place_at + dialer.real_interval(make_interval(secs => a.lease_seconds)), p.decision
        from unnest(dialer.one_at_a_person(placings)) p join dialer.call c using (call_id) join dialer.provider_account a on a.account_id = p.account_id
        where p.place_at < least(p.place_by, c.expires_at - dialer.place_margin(a))
        order by c.contact_id, c.channel, c.endpoint_id
        on conflict do nothing
        returning attempt_id, call_id, lane_id, due_at),
    taken as (
        delete from dialer.due d using inserted i where d.lane_id = i.lane_id and d.due_at = i.due_at and d.call_id = i.call_id),
    moved as (
        update dialer.call c set state = 'claimed', wait_reason = null from inserted i where c.call_id = i.call_id)
    select coalesce(array_agg(i.attempt_id), '{}') into leased from inserted i;
    return leased;
end $$;
comment on function dialer.lease_out(dialer.placing[], text, timestamptz) is
'Opens an attempt for each call that may be placed; returns the attempts. A call whose number or person another dispatcher took in this moment is passed over.';

create function dialer.own_account(account dialer.provider_account, dispatcher text, at timestamptz) returns void
language plpgsql volatile as $$
begin
    -- A successor begins a second (or a whole step) after the last instant at which the owner before it may have placed, if that one
    -- was given a slot at all: else owners who follow each other sooner than the slots do would push the next slot on for ever.
    update dialer.account_control k
    set owner = own_account.dispatcher, owned_until = at + dialer.real_interval(interval '5 seconds') + dialer.place_margin(account),
        next_slot_at = n.slot_at, owned_slot_at = case when k.owner is distinct from own_account.dispatcher then n.slot_at else k.owned_slot_at end
    from (select o.account_id, case when o.owner <> own_account.dispatcher and o.next_slot_at is distinct from o.owned_slot_at
              then greatest(o.next_slot_at, o.owned_until + greatest(dialer.real_interval(interval '1 second'), dialer.slot_step(account.per_second)))
              else o.next_slot_at end as slot_at
          from dialer.account_control o where o.account_id = account.account_id) n
    where k.account_id = n.account_id
      and (k.owner is distinct from own_account.dispatcher
           or k.owned_until < at + dialer.real_interval(interval '2.5 seconds') + dialer.place_margin(account));
end $$;
comment on function dialer.own_account(dialer.provider_account, text, timestamptz) is
'Makes a dispatcher the owner of an account with a rate for five seconds and the margin (real time). Nobody else claims for it meanwhile, and nothing is placed after.';

create function dialer.lock_tenant(tenant_id integer) returns boolean
language plpgsql volatile as $$
begin
    if not exists (select from dialer.tenant_control k where k.tenant_id = lock_tenant.tenant_id) then
        return true;
    end if;
    perform from dialer.tenant_control k where k.tenant_id = lock_tenant.tenant_id for update skip locked;
    return found;
end $$;
comment on function dialer.lock_tenant(integer) is 'Locks the limits of a tenant, if it has any; false where another dispatcher holds them in this moment.';

create function dialer.told_settings(settings jsonb, decision jsonb) returns jsonb
language plpgsql immutable as $$
begin
    return case when decision ? 'no_message' and settings ->> 'voicemail' = 'leave_message' then settings - 'voicemail_message' || '{"voicemail": "hang_up"}' else settings end;
end $$;
comment on function dialer.told_settings(jsonb, jsonb) is 'What the provider is told: the settings, less the message on a mailbox where caps say that none is left.';

create function dialer.claim(dispatcher text, want integer)
returns table (attempt_id uuid, token bigint, call_id bigint, campaign_id bigint, account_id integer, tenant text, provider text, channel text,
               base_url text, secret_name text, settings jsonb, address text, variables jsonb, due_at timestamptz, place_at timestamptz,
               place_by timestamptz, claimed_at timestamptz, per_second double precision)
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
    at timestamptz := dialer.now();
    horizon interval := dialer.real_interval(interval '250 milliseconds');
    placings dialer.placing[] := '{}';
    leased uuid[] := '{}';
    accounts integer[] := '{}';
    hungry integer[];
    others dialer.placing[];
    own dialer.placing[];
    target record;
    account dialer.provider_account;
    share integer;
begin
    if coalesce(btrim(dispatcher), '') = '' or want is null or want < 0 or want > 10000 then
        perform dialer.fail('PD032', format('claim("%s", %s) is not sound', dispatcher, want), 'A dispatcher has a name and wants 0 to 10000 calls.',
            'Give the dispatcher''s own name and a batch size.');
    end if;
    perform dialer.note_alive(at);
    for target in
        select k.account_id from dialer.account_control k join dialer.provider_account a using (account_id) join dialer.account_health h using (account_id)
        where a.state = 'open' and a.max_concurrent > a.inbound_reserve and h.blocked_until <= at
          and (a.per_second is null or k.owner is null or k.owner = claim.dispatcher or k.owned_until <= at)
          and exists (select from dialer.campaign c where c.account_id = k.account_id and c.state = 'running')
          and not exists (select from dialer.queue_rests(a.tenant_id))
        order by k.served_at, k.account_id
        for update of k skip locked
    loop
        select a.* into account from dialer.provider_account a where a.account_id = target.account_id;
        continue when not dialer.lock_tenant(account.tenant_id);
        if account.per_second is not null then
            perform dialer.own_account(account, dispatcher, at);
        end if;
        accounts := accounts || target.account_id;
    end loop;
    -- Whoever was served longest ago comes first. Each account has its share of what is wanted; in a second round those that could take
    -- more have what others left over.
    for round in 1..2 loop
        hungry := '{}';
        for position in 1..cardinality(accounts) loop
            share := ceil((want - cardinality(placings))::numeric / (cardinality(accounts) - position + 1));
            exit when share <= 0;
            select a.* into account from dialer.provider_account a where a.account_id = accounts[position];
            others := array(select p from unnest(placings) p where p.account_id <> account.account_id);
            own := array(select p from unnest(placings) p where p.account_id = account.account_id);
            share := share + cardinality(own);
            own := dialer.choose_calls(account, share, at, horizon,
                (select count(*)::integer from unnest(others) p join dialer.provider_account a using (account_id) where a.tenant_id = account.tenant_id), own);
            placings := others || own;
            if cardinality(own) >= share then
                hungry := hungry || account.account_id;
            end if;
        end loop;
        exit when cardinality(placings) >= want or hungry = '{}';
        accounts := hungry;
    end loop;
    if placings = '{}' then
        return;
    end if;
    leased := dialer.lease_out(placings, dispatcher, at);
    return query
        select l.attempt_id, l.token, l.call_id, l.campaign_id, l.account_id, t.name, a.provider, l.channel::text, a.base_url, a.secret_name,
               -- Only an account names secrets, or says as whom, over what and in which recipe they go: a campaign or a call could have any of them sent to anybody.
               -- A number to call from comes with its own name at the provider or with none: that of another number would be called from.
               dialer.told_settings((a.settings || (dialer.settings_of_step(g.settings, c.step) - k.own) || (dialer.settings_of_step(coalesce(c.payload -> 'settings', '{}'), c.step) - k.own)) - case when i.caller_id is null then '' else 'caller_ref' end
                   || case when i.caller_id is null then '{}' else jsonb_strip_nulls(jsonb_build_object('caller_id', i.number, 'caller_ref', i.provider_ref)) end, l.decision), e.address,
               jsonb_strip_nulls(jsonb_build_object('name', p.name, 'external_key', p.external_key)) || p.attributes || (c.payload - 'settings') || coalesce(c.workflow_metadata, '{}'),
               l.due_at, l.place_at, l.place_by, l.claimed_at, a.per_second::double precision
        from (values ('{secrets,recipe,account_sid,api_key_sid,username,user,tls,tls_roots_file}'::text[])) k(own),
             unnest(leased) x(attempt_id) join dialer.lease l using (attempt_id) join dialer.call c using (call_id) join dialer.campaign g on g.campaign_id = l.campaign_id
        join dialer.provider_account a on a.account_id = l.account_id join dialer.tenant t on t.tenant_id = l.tenant_id
        join dialer.endpoint e on e.endpoint_id = l.endpoint_id join dialer.contact p on p.contact_id = l.contact_id
        left join dialer.caller_id i on i.caller_id = l.caller_id
        order by l.place_at;
end $$;
comment on function dialer.claim(text, integer) is
'Claims up to "want" calls for a dispatcher: opens an attempt for each and returns all that placing needs. Every gate is tested; limits are exact for any number of dispatchers. per_second: the account''s rate, which the dispatcher keeps at the instant of sending. See docs/dispatcher-api.md. Error PD032: bad arguments.';

create function dialer.next_wake(dispatcher text) returns table (now_at timestamptz, rate double precision, wake_at timestamptz)
language sql stable security definer
set search_path = pg_catalog, dialer, pg_temp set enable_seqscan = off set jit = off as $$
    with used as materialized (
        select l.account_id, l.campaign_id, count(*) as calls from dialer.account_control x join dialer.lease l on l.account_id = x.account_id and l.token >= x.lease_floor
        group by l.account_id, l.campaign_id)
    select k.now_at, k.rate,
        (select min(greatest(d.due_at, case when l.recheck_at > k.now_at then l.opens_at end, h.blocked_until, x.next_slot_at, c.next_slot_at, (select t.next_slot_at from dialer.tenant_control t where t.tenant_id = a.tenant_id),
             case when a.per_second is not null and x.owner <> next_wake.dispatcher then x.owned_until end,
             case when l.open_until > k.now_at and l.open_until <= k.now_at + greatest(dialer.place_margin(a), c.finish_within)
                  then l.open_until end))
         from dialer.provider_account a join dialer.account_control x using (account_id) join dialer.account_health h using (account_id)
         join dialer.campaign c on c.account_id = a.account_id and c.state = 'running'
              and (c.valid_until is null or c.valid_until > k.now_at + dialer.place_margin(a))
         join dialer.lane l on l.campaign_id = c.campaign_id
         cross join lateral (select u.due_at from dialer.due u where u.lane_id = l.lane_id
             and u.due_at >= case when l.floor_from > k.now_at - dialer.real_interval(interval '1 minute') and l.floor_from <= k.now_at then l.floor else '-infinity' end
             order by u.due_at, u.call_id limit 1) d
         where a.state = 'open' and not exists (select from dialer.queue_rests(a.tenant_id)) and d.due_at < 'infinity' and (l.opens_at < 'infinity' or l.recheck_at <= k.now_at)
           and coalesce((select sum(y.calls) from used y where y.account_id = a.account_id), 0) < a.max_concurrent - a.inbound_reserve
           and not exists (select from dialer.tenant t where t.tenant_id = a.tenant_id and t.max_concurrent <= (
                   select coalesce(sum(y.calls), 0) from used y join dialer.provider_account z using (account_id) where z.tenant_id = a.tenant_id))
           and (c.max_concurrent is null or coalesce((select y.calls from used y where y.account_id = a.account_id and y.campaign_id = c.campaign_id), 0) < c.max_concurrent))
    from dialer.clock() k
$$;
comment on function dialer.next_wake(text) is
'Dialer time, its rate, and the next instant at which a claim could find something (null: nothing planned, or every slot is in use).';
