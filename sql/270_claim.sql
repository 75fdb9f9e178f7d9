-- The claim: which calls may be placed now. Every gate is tested here, in one transaction, under the account's lock.
-- Who uses it: the dispatcher, through dialer.claim.
-- Invariants kept: 1, 4, 5, 7, 8. Lock order: account, lane, due, call.
--
-- 1. The account_control row is locked, skipping accounts that another dispatcher is at.
-- 2. Open attempts are counted in a later statement than the lock: a count in the same statement has an older snapshot.
-- 3. The rate gives exact instants (GCRA): each call its own slot, up to a horizon ahead.
-- 4. Open lanes of running campaigns give their first due calls, by priority and by who has had less for its weight.
-- 5. The gates of each call are tested in a statement of their own; what may not be placed moves or ends, with its reason.

create type dialer.candidate as (
    call_id bigint, lane_id bigint, campaign_id bigint, due_at timestamptz, virtual_rank double precision);
comment on type dialer.candidate is 'a due call that the claim has locked';
create type dialer.judged as (
    call_id bigint, lane_id bigint, campaign_id bigint, due_at timestamptz, verdict text, reason text, next_at timestamptz,
    decision jsonb, rank double precision);
comment on type dialer.judged is 'a candidate with the verdict of its gates: place, wait (until next_at), completed, cancelled, expired, failed, elsewhere (another lane), orphan';

create function dialer.free_slots(account_id integer, at timestamptz, want integer, horizon interval,
    out slots integer, out first_slot timestamptz, out slot_step interval)
language plpgsql stable as $$
declare account dialer.provider_account;
begin
    select a.* into account from dialer.provider_account a where a.account_id = free_slots.account_id;
    select least(want, account.max_concurrent - account.inbound_reserve - count(*)) into slots
    from dialer.lease l where l.account_id = free_slots.account_id;
    first_slot := at;
    if account.per_second is not null and slots > 0 then
        slot_step := make_interval(secs => 1 / account.per_second::double precision);
        select greatest(k.next_slot_at, at) into first_slot from dialer.account_control k where k.account_id = free_slots.account_id;
        slots := least(slots, 1 + floor(extract(epoch from at + horizon - first_slot) / extract(epoch from slot_step)));
    end if;
    slots := greatest(slots, 0);
end $$;
comment on function dialer.free_slots(integer, timestamptz, integer, interval) is
'How many calls an account may be given now, the instant of the first, and the distance between two (null: no rate). The caller holds the lock on account_control.';

create function dialer.pick_candidates(account_id integer, at timestamptz, slots integer, horizon interval,
    out picked dialer.candidate[], out more boolean)
language plpgsql volatile as $$
begin
    with open_lane as materialized (
        select l.lane_id, l.campaign_id, l.priority, c.weight, greatest(c.virtual_time, k.virtual_time) as start_time,
               case when c.max_concurrent is null then slots else
                   least(slots, c.max_concurrent - (select count(*) from dialer.lease x where x.account_id = c.account_id and x.campaign_id = c.campaign_id)) end as room
        from dialer.campaign c join dialer.lane l using (campaign_id)
        join dialer.provider_account a using (account_id) join dialer.account_control k using (account_id)
        where c.account_id = pick_candidates.account_id and c.state = 'running' and (c.valid_until is null or c.valid_until > at + dialer.place_margin(a))
          and l.opens_at <= at + horizon and l.open_until > at + dialer.place_margin(a)),
    -- Each campaign is read as far as its share of the slots; what others leave over is given out in the next round.
    campaign as materialized (
        select o.campaign_id, o.priority, least(o.room, ceil(slots * o.weight / sum(o.weight) over (partition by o.priority)))::integer as quota
        from (select distinct on (l.priority, l.campaign_id) l.* from open_lane l where l.room > 0 order by l.priority, l.campaign_id) o),
    first_due as (
        select o.*, q.quota, d.due_at, d.call_id,
               row_number() over (partition by o.campaign_id order by o.priority, d.due_at, d.call_id) as position,
               row_number() over (partition by o.campaign_id, o.priority order by d.due_at, d.call_id) as position_in_quota
        from campaign q join open_lane o using (campaign_id, priority) cross join lateral (
            select u.due_at, u.call_id from dialer.due u where u.lane_id = o.lane_id and u.due_at <= at + horizon
            order by u.due_at, u.call_id limit q.quota) d),
    ranked as materialized (
        select f.*, f.start_time + f.position / f.weight as virtual_rank, f.position_in_quota = f.quota as full from first_due f
        where f.position <= f.room and f.position_in_quota <= f.quota
        order by f.priority, f.start_time + f.position / f.weight, f.due_at, f.call_id limit slots),
    locked as (
        select r.* from ranked r join dialer.due u on u.lane_id = r.lane_id and u.due_at = r.due_at and u.call_id = r.call_id
        for update of u skip locked)
    select coalesce(array_agg(row(r.call_id, r.lane_id, r.campaign_id, r.due_at, r.virtual_rank)::dialer.candidate order by r.priority, r.virtual_rank, r.due_at), '{}'),
           coalesce(bool_or(r.full), false)
    into picked, more from locked r;
end $$;
comment on function dialer.pick_candidates(integer, timestamptz, integer, interval) is
'First due calls of the open lanes of an account''s running campaigns, by priority, fair share and due time; each campaign within its own limit. Locks their due rows. more: a campaign may have further calls.';

create type dialer.verdict as (verdict text, reason text, next_at timestamptz);
comment on type dialer.verdict is 'what the gates say of a call: place, wait (until next_at), completed, cancelled, expired, failed, elsewhere (another lane), orphan';

create function dialer.judge(candidates dialer.candidate[], at timestamptz) returns dialer.judged[]
language plpgsql stable as $$
declare judged dialer.judged[];
begin
    -- What is the lane's, the campaign's and the policy's is looked up once for all its calls. Materialized: a column that
    -- calls a function would otherwise be computed anew wherever it is used.
    with lane_facts as materialized (
        select l.lane_id, l.openings, l.openings[1].tz as tz, l.zones, l.opens_at, l.open_until, g.zone_rule = 'contact' as by_contact, dialer.place_margin(k) as margin,
               y.cap_scope, p.caps, dialer.cap_horizon(p.caps, at) as since,
               jsonb_build_object('zones', array(select o.tz from unnest(l.openings) o), 'hours', l.openings[1].hours::text, 'open_until', l.open_until,
                   'policy', y.name, 'scope', y.cap_scope, 'caps', (select coalesce(jsonb_agg(jsonb_build_object('kind', c.kind, 'max', c.max_count, 'amount', c.amount)), '[]')
                       from unnest(p.caps) c)) as decision
        from dialer.lane l join dialer.campaign g using (campaign_id) join dialer.provider_account k using (account_id)
        join dialer.redial_policy y using (policy_id) cross join lateral (select dialer.policy_caps(y) as caps offset 0) p
        where l.lane_id in (select u.lane_id from unnest(candidates) u)),
    facts as materialized (
        select x.call_id, x.lane_id, x.campaign_id, x.due_at, x.virtual_rank, x.position, c.state, c.stated_outcome, c.review_word, c.expires_at, c.not_before, c.endpoint_id,
               c.contact_id, c.channel, e.status, p.zone_source, f.openings, f.tz, f.margin, f.caps, f.decision,
               f.by_contact and p.zones <> f.zones as elsewhere, greatest(at, x.due_at, f.opens_at) as at_,
               row_number() over (partition by c.endpoint_id order by x.position) as same_number,
               row_number() over (partition by c.contact_id, c.channel order by x.position) as same_person,
               exists (select from dialer.do_not_call_entries(c.tenant_id, c.contact_id, e.address, at)) as forbidden,
               exists (select from dialer.lease z where z.endpoint_id = c.endpoint_id)
                   or exists (select from dialer.lease z where z.contact_id = c.contact_id and z.channel = c.channel) as busy,
               case when f.caps <> '{}' then array(select d from dialer.dialled(f.cap_scope, c.call_id, c.contact_id, c.endpoint_id, c.channel, f.since) d) else '{}' end as dialled
        from (select u.*, row_number() over () as position from unnest(candidates) u) x
        left join dialer.call c on c.call_id = x.call_id and c.lane_id = x.lane_id and c.due_at = x.due_at
        left join dialer.endpoint e on e.endpoint_id = c.endpoint_id
        left join dialer.contact p on p.contact_id = c.contact_id
        left join lane_facts f on f.lane_id = x.lane_id),
    allowed as materialized (
        select f.*, dialer.next_callable(f.at_, f.openings, f.dialled, f.caps, f.tz) as callable_at from facts f),
    gated as materialized (
        select a.*, case
            when a.state is null or a.state <> 'scheduled' then row('orphan', null, null)::dialer.verdict
            when a.stated_outcome is not null then row(dialer.outcome_end_state(a.stated_outcome), a.stated_outcome, null)::dialer.verdict
            when a.elsewhere then row('elsewhere', null, null)::dialer.verdict
            -- Nothing is placed in the last moment (place_by), and a call that can no longer be placed would be offered for ever.
            when a.expires_at <= a.at_ + a.margin then row('expired', 'expired', null)::dialer.verdict
            when a.status is distinct from 'ok' then row('failed', 'number_unusable', null)::dialer.verdict
            when a.forbidden then row('cancelled', 'do_not_call', null)::dialer.verdict
            when a.review_word is not null then row('wait', 'review', 'infinity')::dialer.verdict
            when a.not_before > a.at_ then row('wait', 'callback', a.not_before)::dialer.verdict
            when a.same_number > 1 or a.same_person > 1 or a.busy then row('wait', 'number_busy', a.at_ + interval '1 minute')::dialer.verdict
            when a.callable_at is null then row('wait', 'caps_spent', 'infinity')::dialer.verdict
            when a.callable_at > a.at_ then row('wait', case when dialer.is_open_all(a.at_, a.openings) then 'cap' else 'window' end, a.callable_at)::dialer.verdict
            else row('place', null, null)::dialer.verdict end as gate
        from allowed a)
    select coalesce(array_agg(row(j.call_id, j.lane_id, j.campaign_id, j.due_at, (j.gate).verdict, (j.gate).reason, (j.gate).next_at,
        case when (j.gate).verdict = 'place' then j.decision || jsonb_build_object('zone_source', j.zone_source,
            'local_time', to_char(j.at_ at time zone j.tz, 'Dy YYYY-MM-DD HH24:MI:SS'), 'counted', cardinality(j.dialled)) end,
        j.virtual_rank)::dialer.judged order by j.position), '{}')
    into judged from gated j;
    return judged;
end $$;
comment on function dialer.judge(dialer.candidate[], timestamptz) is
'Tests the gates that are a call''s own: a stated end, expiry, number, do-not-call, callback time, one live call per number and person, window and caps.';

create function dialer.turn_away(judged dialer.judged[], at timestamptz) returns integer
language plpgsql volatile as $$
declare turned integer;
begin
    delete from dialer.due d using unnest(judged) j
    where j.verdict not in ('place', 'elsewhere') and d.lane_id = j.lane_id and d.due_at = j.due_at and d.call_id = j.call_id;
    get diagnostics turned = row_count;
    if turned = 0 then
        return 0;
    end if;
    update dialer.call c set state = j.verdict::dialer.call_state, end_reason = j.reason, wait_reason = null, ended_at = at,
        outcome = coalesce(c.stated_outcome, c.outcome)
    from unnest(judged) j where c.call_id = j.call_id and j.verdict in ('completed', 'expired', 'cancelled', 'failed');
    update dialer.call c set due_at = j.next_at, wait_reason = j.reason
    from unnest(judged) j where c.call_id = j.call_id and j.verdict = 'wait';
    insert into dialer.due (lane_id, due_at, call_id)
    select j.lane_id, j.next_at, j.call_id from unnest(judged) j where j.verdict = 'wait';
    return turned;
end $$;
comment on function dialer.turn_away(dialer.judged[], timestamptz) is 'Moves or ends the calls whose gates said no, with the reason; returns how many.';

create function dialer.lease_out(judged dialer.judged[], dispatcher text, account dialer.provider_account, at timestamptz, first_slot timestamptz, slot_step interval)
returns uuid[] language plpgsql volatile as $$
declare leased uuid[];
begin
    with numbered as (
        select j.*, l.open_until, l.opens_at, row_number() over (order by greatest(at, j.due_at, l.opens_at), j.rank, j.due_at, j.call_id) - 1 as position
        from unnest(judged) j join dialer.lane l using (lane_id) where j.verdict = 'place'),
    timed as (
        -- Each waits for its own time and for one step after the call before it, which may itself have had to wait.
        select n.*, greatest(first_slot, at, max(greatest(n.due_at, n.opens_at) - coalesce(slot_step * n.position, '0')) over before)
                    + coalesce(slot_step * n.position, '0') as place_at
        from numbered n window before as (order by n.position)),
    inserted as (
        insert into dialer.lease (call_id, attempt_id, endpoint_id, token, tenant_id, campaign_id, lane_id, account_id, contact_id, channel,
                                  dispatcher, due_at, claimed_at, place_at, place_by, until, decision)
        select c.call_id, gen_random_uuid(), c.endpoint_id, nextval('dialer.lease_token'), c.tenant_id, c.campaign_id, c.lane_id, account.account_id,
               c.contact_id, c.channel, lease_out.dispatcher, t.due_at, at, t.place_at, b.place_by, b.until, t.decision
        from timed t join dialer.call c using (call_id) join dialer.campaign g on g.campaign_id = c.campaign_id
        cross join lateral (
            select t.place_at + dialer.real_interval(make_interval(secs => account.lease_seconds)) as until) e
        cross join lateral (
            select e.until, least(t.open_until, e.until, c.expires_at, g.valid_until)
                - dialer.place_margin(account) as place_by) b
        where t.place_at < b.place_by
        on conflict do nothing
        returning attempt_id, call_id, lane_id, due_at),
    taken as (
        delete from dialer.due d using inserted i where d.lane_id = i.lane_id and d.due_at = i.due_at and d.call_id = i.call_id),
    moved as (
        update dialer.call c set state = 'claimed', wait_reason = null from inserted i where c.call_id = i.call_id)
    select coalesce(array_agg(i.attempt_id), '{}') into leased from inserted i;
    return leased;
end $$;
comment on function dialer.lease_out(dialer.judged[], text, dialer.provider_account, timestamptz, timestamptz, interval) is
'Opens an attempt for each call that may be placed: its slot, its latest instant, its lease; returns the attempts. A call that another dispatcher took in this moment is passed over.';

create function dialer.account_served(account_id integer, leased uuid[], slot_step interval) returns void
language plpgsql volatile as $$
begin
    update dialer.campaign c set virtual_time = greatest(c.virtual_time, k.virtual_time) + n.placed / c.weight
    from (select l.campaign_id, count(*) as placed from dialer.lease l where l.attempt_id = any (leased) group by l.campaign_id) n,
         dialer.account_control k
    where c.campaign_id = n.campaign_id and k.account_id = account_served.account_id;
    update dialer.account_control k
    set next_slot_at = coalesce((select max(l.place_at) + slot_step from dialer.lease l where l.attempt_id = any (leased)), k.next_slot_at),
        virtual_time = greatest(k.virtual_time, coalesce((select min(c.virtual_time - n.placed / c.weight)
            from (select l.campaign_id, count(*) as placed from dialer.lease l where l.attempt_id = any (leased) group by l.campaign_id) n
            join dialer.campaign c using (campaign_id)), k.virtual_time))
    where k.account_id = account_served.account_id;
end $$;
comment on function dialer.account_served(integer, uuid[], interval) is 'Moves the account''s rate slot and the shares of the campaigns on by what was claimed.';

create function dialer.claim_account(dispatcher text, account_id integer, want integer, at timestamptz, horizon interval) returns uuid[]
language plpgsql volatile as $$
declare
    account dialer.provider_account;
    free record;
    pick record;
    judged dialer.judged[];
    elsewhere bigint[];
    leased uuid[] := '{}';
    fresh uuid[];
begin
    select a.* into account from dialer.provider_account a where a.account_id = claim_account.account_id;
    perform dialer.refresh_lanes(account_id, at);
    -- LIMIT: ten rounds, in which candidates are turned away or shares are left over; the next claim goes on.
    for round in 1..10 loop
        free := dialer.free_slots(account_id, at, want - cardinality(leased), horizon);
        exit when free.slots <= 0;
        pick := dialer.pick_candidates(account_id, at, free.slots, horizon);
        exit when cardinality(pick.picked) = 0;
        judged := dialer.judge(pick.picked, at);
        elsewhere := array(select j.call_id from unnest(judged) j where j.verdict = 'elsewhere');
        if elsewhere <> '{}' then
            perform dialer.relane(elsewhere, at);
        end if;
        fresh := dialer.lease_out(judged, dispatcher, account, at, free.first_slot, free.slot_step);
        if cardinality(fresh) > 0 then
            perform dialer.account_served(account_id, fresh, free.slot_step);
            leased := leased || fresh;
        end if;
        exit when dialer.turn_away(judged, at) = 0 and not pick.more;
    end loop;
    return leased;
end $$;
comment on function dialer.claim_account(text, integer, integer, timestamptz, interval) is 'Claims calls of one account whose control row the caller has locked; returns the attempts.';

create function dialer.claim(dispatcher text, want integer)
returns table (attempt_id uuid, token bigint, call_id bigint, campaign_id bigint, account_id integer, tenant text, provider text, channel text,
               base_url text, secret_name text, settings jsonb, address text, variables jsonb, due_at timestamptz, place_at timestamptz,
               place_by timestamptz, claimed_at timestamptz)
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
    at timestamptz := dialer.now();
    horizon interval := dialer.real_interval(interval '250 milliseconds');
    leased uuid[] := '{}';
    account record;
begin
    if coalesce(btrim(dispatcher), '') = '' or want is null or want < 0 or want > 10000 then
        perform dialer.fail('PD032', format('claim("%s", %s) is not sound', dispatcher, want), 'A dispatcher has a name and wants 0 to 10000 calls.',
            'Give the dispatcher''s own name and a batch size.');
    end if;
    for account in
        select k.account_id from dialer.account_control k join dialer.provider_account a using (account_id)
        where a.state = 'open' and a.max_concurrent > a.inbound_reserve and k.blocked_until <= at
          and exists (select from dialer.campaign c where c.account_id = k.account_id and c.state = 'running')
        order by k.next_slot_at, k.account_id
        for update of k skip locked
    loop
        exit when cardinality(leased) >= want;
        leased := leased || dialer.claim_account(dispatcher, account.account_id, want - cardinality(leased), at, horizon);
    end loop;
    return query
        select l.attempt_id, l.token, l.call_id, l.campaign_id, l.account_id, t.name, a.provider, l.channel::text, a.base_url, a.secret_name,
               a.settings || g.settings || coalesce(c.payload -> 'settings', '{}'), e.address,
               jsonb_strip_nulls(jsonb_build_object('name', p.name, 'external_key', p.external_key)) || p.attributes || (c.payload - 'settings'),
               l.due_at, l.place_at, l.place_by, l.claimed_at
        from dialer.lease l join dialer.call c using (call_id) join dialer.campaign g on g.campaign_id = l.campaign_id
        join dialer.provider_account a on a.account_id = l.account_id join dialer.tenant t on t.tenant_id = l.tenant_id
        join dialer.endpoint e on e.endpoint_id = l.endpoint_id join dialer.contact p on p.contact_id = l.contact_id
        where l.attempt_id = any (leased)
        order by l.place_at;
end $$;
comment on function dialer.claim(text, integer) is
'Claims up to "want" calls for a dispatcher: opens an attempt for each and returns all that placing needs. Every gate is tested; limits are exact for any number of dispatchers. See docs/dispatcher-api.md. Error PD032: bad arguments.';


create function dialer.next_wake(dispatcher text) returns table (now_at timestamptz, rate double precision, wake_at timestamptz)
language sql stable security definer set search_path = pg_catalog, dialer, pg_temp as $$
    select k.now_at, k.rate,
        (select min(greatest(d.due_at, case when l.recheck_at > k.now_at then l.opens_at end, x.blocked_until, x.next_slot_at,
             case when l.open_until > k.now_at and l.open_until <= k.now_at + dialer.place_margin(a)
                  then l.open_until end))
         from dialer.provider_account a join dialer.account_control x using (account_id)
         join dialer.campaign c on c.account_id = a.account_id and c.state = 'running'
              and (c.valid_until is null or c.valid_until > k.now_at + dialer.place_margin(a))
         join dialer.lane l on l.campaign_id = c.campaign_id
         cross join lateral (select u.due_at from dialer.due u where u.lane_id = l.lane_id order by u.due_at, u.call_id limit 1) d
         where a.state = 'open' and d.due_at < 'infinity' and (l.opens_at < 'infinity' or l.recheck_at <= k.now_at)
           and (select count(*) from dialer.lease y where y.account_id = a.account_id) < a.max_concurrent - a.inbound_reserve
           and (c.max_concurrent is null or (select count(*) from dialer.lease y where y.account_id = a.account_id and y.campaign_id = c.campaign_id) < c.max_concurrent))
    from dialer.clock() k
$$;
comment on function dialer.next_wake(text) is
'Dialer time, its rate, and the next instant at which a claim could find something (null: nothing planned, or every slot is in use).';
