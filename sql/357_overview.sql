-- How it stands, for a page that asks again every few seconds, and what a campaign can be made from.
-- Who uses it: dialerd's API for the console, and anybody else. All is read with the rights of whoever asks.
-- Invariants kept: 15 (what may be a million is counted up to a limit), 16.

create function dialer.whoami() returns table (tenant text, now_at timestamptz, clock_rate double precision)
language sql stable as $$
    select t.name, c.now_at, c.rate from dialer.tenant t cross join dialer.clock() c where t.tenant_id = dialer.current_tenant()
$$;
comment on function dialer.whoami() is 'The tenant of this session, the dialer''s time, and how fast its clock runs (1: as fast as any other).';

create function dialer.overview(at timestamptz default dialer.now(), most integer default 10000)
returns table (now_at timestamptz, dispatchers bigint, queue_paused boolean, queue_reason text, due bigint, outside_hours bigint, later bigint, held bigint, next_due_at timestamptz,
    claimed bigint, dialling bigint, ringing bigint, answered bigint, stuck bigint)
language sql stable as $$
    with lane as materialized (
        select l.lane_id, g.state = 'running' as runs,
               case when l.openings = '{}' then false when l.open_until <= at then coalesce(dialer.next_open_all(at, l.openings) <= at, false) else l.opens_at <= at end as opened
        from dialer.lane l join dialer.campaign g using (campaign_id)
        where g.tenant_id = (select dialer.current_tenant()) and g.state in ('draft', 'running', 'paused')),
    -- LIMIT: each is counted up to most, so that a page that asks often costs the same however many wait.
    waiting as (
        select (select count(*) from (select from lane l cross join lateral (select from dialer.due d where d.lane_id = l.lane_id and d.due_at <= at limit most) d where l.runs and l.opened limit most) x) as due,
               (select count(*) from (select from lane l cross join lateral (select from dialer.due d where d.lane_id = l.lane_id and d.due_at <= at limit most) d where l.runs and not l.opened limit most) x) as outside_hours,
               (select count(*) from (select from lane l cross join lateral (select from dialer.due d where d.lane_id = l.lane_id and d.due_at > at limit most) d where l.runs limit most) x) as later,
               (select count(*) from (select from lane l cross join lateral (select from dialer.due d where d.lane_id = l.lane_id limit most) d where not l.runs limit most) x) as held,
               (select min(n.due_at) from lane l cross join lateral (select d.due_at from dialer.due d where d.lane_id = l.lane_id and d.due_at > at order by d.due_at limit 1) n where l.runs) as next_due_at),
    open as (
        select count(*) filter (where l.state = 'claimed') as claimed, count(*) filter (where l.state in ('intended', 'placed')) as dialling,
               count(*) filter (where l.state = 'ringing') as ringing, count(*) filter (where l.state = 'answered') as answered
        from dialer.lease l where l.tenant_id = (select dialer.current_tenant()))
    select at, dialer.dispatchers_alive(), coalesce(q.paused, false), case when q.paused then q.reason end, w.due, w.outside_hours, w.later, w.held, nullif(w.next_due_at, 'infinity'),
           o.claimed, o.dialling, o.ringing, o.answered, (select count(*) from dialer.stuck s where s.tenant_id = (select dialer.current_tenant()))
    from waiting w cross join open o left join dialer.queue_control q on q.tenant_id = (select dialer.current_tenant())
$$;
comment on function dialer.overview(timestamptz, integer) is
'How this tenant stands at an instant, in one row: dispatchers heard of in the last 15 seconds, whether the queue rests, waiting calls (due; due but outside their hours; and due later, of campaigns that run; held: of drafts and paused ones; each counted up to most), when the next is due, open attempts by how far they are, and stuck ones.';

create function dialer.accounts_in_use(at timestamptz default dialer.now())
returns table (name text, provider text, channel dialer.channel, state dialer.account_state, state_reason text, max_concurrent integer, inbound_reserve integer, per_second numeric,
    in_use bigint, ringing bigint, answered bigint, started_last_minute bigint, blocked_until timestamptz, blocked_reason text)
language sql stable as $$
    with span as (select at - dialer.real_interval(interval '1 minute') as from_at),
    begun as (
        select a.account_id, count(*) as calls from dialer.attempt a cross join span s
        where a.tenant_id = (select dialer.current_tenant()) and a.ended_at > s.from_at and a.intended_at > s.from_at group by a.account_id),
    open as (
        select l.account_id, count(*) as in_use, count(*) filter (where l.state = 'ringing') as ringing, count(*) filter (where l.state = 'answered') as answered,
               count(*) filter (where l.intended_at > s.from_at) as begun
        from dialer.lease l cross join span s where l.tenant_id = (select dialer.current_tenant()) group by l.account_id)
    select a.name, a.provider, a.channel, a.state, a.state_reason, a.max_concurrent, a.inbound_reserve, a.per_second,
           coalesce(o.in_use, 0), coalesce(o.ringing, 0), coalesce(o.answered, 0), coalesce(o.begun, 0) + coalesce(b.calls, 0),
           case when isfinite(k.blocked_until) and k.blocked_until > at then k.blocked_until end, case when k.blocked_until > at then k.blocked_reason end
    from dialer.provider_account a left join dialer.account_health k using (account_id) left join open o using (account_id) left join begun b using (account_id)
    where a.tenant_id = (select dialer.current_tenant()) order by a.name
$$;
comment on function dialer.accounts_in_use(timestamptz) is
'Accounts of this tenant with what is in use of their limits: open attempts, of these ringing and answered, and how many were begun in the last minute of real time. No secrets and no settings.';

create function dialer.outcomes_today(tz text default 'UTC', at timestamptz default dialer.now()) returns table (outcome dialer.outcome, attempts bigint)
language sql stable as $$
    -- An attempt ends after it was dialled: the end finds it by its index.
    select a.outcome, count(*) from dialer.local_day(outcomes_today.tz, null, at) d join dialer.attempt a on a.ended_at >= d.from_at and a.dialled_at >= d.from_at and a.dialled_at < d.to_at
    where a.tenant_id = (select dialer.current_tenant()) and a.counts group by a.outcome order by count(*) desc, a.outcome
$$;
comment on function dialer.outcomes_today(text, timestamptz) is 'Attempts dialled on the local date of "at" in a zone, by outcome: the lines outcome_... of report_today. Error PD011: no such zone.';

create function dialer.find_stuck(limit_ integer default 200)
returns table (call_id bigint, attempt_id uuid, campaign text, state dialer.attempt_state, dispatcher text, intended_at timestamptz, stuck_since timestamptz, why text)
language sql stable as $$
    select s.call_id, s.attempt_id, s.campaign, s.state, s.dispatcher, s.intended_at, s.stuck_since, s.why from dialer.stuck s
    where s.tenant_id = (select dialer.current_tenant()) order by s.stuck_since, s.call_id limit limit_
$$;
comment on function dialer.find_stuck(integer) is 'Stuck attempts of this tenant (see dialer.stuck), the longest first.';

create function dialer.find_dead_letters(campaign text default null, before_at timestamptz default null, before_id bigint default null, limit_ integer default 50)
returns table (call_id bigint, campaign text, contact_id bigint, ended_at timestamptz, end_reason text, outcome dialer.outcome, failure_reason text, attempts bigint,
    last_attempt_at timestamptz, last_error text, retried_as bigint)
language sql stable as $$
    -- The page first: what is told of a letter is looked up for its letters only.
    select d.call_id, d.campaign, d.contact_id, d.ended_at, d.end_reason, d.outcome, d.failure_reason, d.attempts, d.last_attempt_at, d.last_error, d.retried_as
    from (select c.call_id from dialer.call c
          where c.tenant_id = (select dialer.current_tenant()) and c.state = 'failed'
            and (find_dead_letters.campaign is null or c.campaign_id = dialer.campaign_named(find_dead_letters.campaign))
            and (before_at is null or (c.ended_at, c.call_id) < (before_at, coalesce(before_id, 9223372036854775807)))
          order by c.ended_at desc, c.call_id desc limit limit_) p
    cross join lateral (select x.call_id, x.campaign, x.contact_id, x.ended_at, x.end_reason, x.outcome, x.failure_reason, x.attempts, x.last_attempt_at, x.last_error, x.retried_as
        from dialer.dead_letter x where x.call_id = p.call_id) d order by d.ended_at desc, d.call_id desc
$$;
comment on function dialer.find_dead_letters(text, timestamptz, bigint, integer) is
'Calls of this tenant that failed (see dialer.dead_letter), the latest first. The next page begins before the last row: before_at => its ended_at, before_id => its call_id. Error PD025: no such campaign.';

create function dialer.call_transitions(call_id bigint)
returns table (at timestamptz, machine text, attempt_id uuid, from_state text, to_state text, reason text, actor text)
language sql stable as $$
    select t.at, t.machine, t.attempt_id, t.from_state, t.to_state, t.reason, t.actor from dialer.transition t
    where t.tenant_id = (select dialer.current_tenant()) and t.call_id = call_transitions.call_id
    -- LIMIT: the latest.
    order by t.at desc, t.machine, t.attempt_id, t.to_state limit 1000
$$;
comment on function dialer.call_transitions(bigint) is 'The changes of state of a call of this tenant and of its attempts, the latest first (at most 1000): from, to, why, who.';

create function dialer.find_policies()
returns table (name text, own boolean, ladder text[], ladder_scope text, max_per_day integer, max_lifetime integer, final_outcomes text[])
language sql stable as $$
    select y.name, y.tenant_id is not null, y.ladder::text[], y.ladder_scope, y.max_per_day, y.max_lifetime, y.final_outcomes::text[]
    from dialer.redial_policy y where y.tenant_id is null or y.tenant_id = (select dialer.current_tenant()) order by y.tenant_id is null, y.name
$$;
comment on function dialer.find_policies() is 'Redial policies that campaigns of this tenant can have: its own, then those for all.';

create function dialer.find_calendars() returns table (name text, hours dialer.hours, tz text)
language sql stable as $$
    select k.name, k.hours, k.tz from dialer.calendar k where k.tenant_id = (select dialer.current_tenant()) and not k.name ^@ 'campaign ' order by k.name limit 1000
$$;
comment on function dialer.find_calendars() is 'Calendars of this tenant that campaigns can follow; not those that one campaign has to itself.';

create function dialer.find_caller_pools() returns table (account text, pool text, numbers bigint)
language sql stable as $$
    select a.name, i.pool, count(*) from dialer.caller_id i join dialer.provider_account a using (account_id)
    where a.tenant_id = (select dialer.current_tenant()) group by a.name, i.pool order by a.name, i.pool
$$;
comment on function dialer.find_caller_pools() is 'Pools of numbers that accounts of this tenant call from, and how many numbers each has.';

create function dialer.find_consent_purposes() returns setof text
language sql stable as $$
    select g.consent from dialer.campaign g where g.tenant_id = (select dialer.current_tenant()) and g.consent is not null and g.state <> 'archived'
    union select w.exempt_consent from dialer.law w where w.tenant_id = (select dialer.current_tenant()) and w.exempt_consent is not null
    order by 1 limit 1000
$$;
comment on function dialer.find_consent_purposes() is 'Purposes that campaigns of this tenant ask consent for, or under which a consent or a relationship lifts rules of their law.';
