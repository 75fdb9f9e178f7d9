-- The invariants as questions to the database; each must return no row.
-- Not a question of rows, and held elsewhere: 6 (what is unreadable cannot be stored: types and constraints), 9 (core has no clock and no I/O:
-- its manifest), 14 (pausing changes one row: a test counts them), 15 (limits stand in the code, and a test searches the logs).
-- Half of 2, 3, 5 and 7 is what a provider saw: the simulation keeps a provider's journal beside these.
-- Who uses it: tests after every step, the demo, doctor. See ARCHITECTURE.md for the list.

create view dialer.invariant_violation as
    select 1 as invariant, 'a call in state ' || c.state || ' has an open attempt' as detail, l.call_id
    from dialer.lease l join dialer.call c using (call_id) where c.state not in ('claimed', 'in_flight')
    union all
    select 1, 'a call in state ' || c.state || ' has no open attempt', c.call_id
    from dialer.call c where c.state in ('claimed', 'in_flight') and not exists (select from dialer.lease l where l.call_id = c.call_id)
    union all
    select 1, 'two ended attempts overlap on one number', a.call_id
    from dialer.attempt a join dialer.attempt b on b.contact_id = a.contact_id and b.endpoint_id = a.endpoint_id and b.attempt_id > a.attempt_id
    -- What others dialled before (backfill) is not ours to answer for.
    where a.intended_at < b.ended_at and b.intended_at < a.ended_at and a.dispatcher <> 'backfill' and b.dispatcher <> 'backfill'
    union all
    select 2, 'an attempt was placed without an intention', a.call_id from dialer.attempt a where a.placed_at is not null and a.intended_at is null
    union all
    select 2, 'an attempt id was used twice', min(a.call_id) from dialer.attempt_all a group by a.attempt_id having count(*) > 1
    union all
    select 3, 'an attempt of which nothing is known does not count', a.call_id from dialer.attempt a where a.outcome = 'unknown' and not a.counts
    union all
    select 4, 'a lane is taken for open while its hours say closed, or the reverse', null from dialer.lane l
    where l.recheck_at > dialer.now() and l.openings <> '{}'
      and (dialer.is_open_all(dialer.now(), l.openings) and not coalesce(dialer.lane_banned(l, dialer.now()) @> dialer.now(), false)) <> (l.opens_at <= dialer.now() and l.open_until > dialer.now())
    union all
    select 4, 'an attempt was intended outside its window', a.call_id from dialer.attempt a
    where a.intended_at is not null and a.intended_at >= (a.decision ->> 'open_until')::timestamptz
    union all
    select 5, 'an attempt was intended after the end of its lease', l.call_id from dialer.lease l where l.intended_at >= l.place_by
    union all
    select 5, 'an attempt was intended after its call had expired', t.call_id
    from dialer.attempt_all t join dialer.call c using (call_id) where t.intended_at >= c.expires_at
    union all
    select 7, 'account ' || a.account_id || ' has more open attempts than its limit', null
    from dialer.provider_account a join dialer.lease l using (account_id) group by a.account_id
    -- Calls in flight finish after a limit was lowered; but nothing new may have been claimed above it.
    having count(*) > a.max_concurrent - a.inbound_reserve and max(l.claimed_at) > a.limits_changed_at
    union all
    select 7, 'two dispatchers may place at once for account ' || a.account_id || ', which has a rate', x.call_id
    from dialer.provider_account a join dialer.lease x using (account_id) join dialer.lease y using (account_id)
    where a.per_second is not null and x.dispatcher < y.dispatcher and x.claimed_at < y.place_by and y.claimed_at < x.place_by
      and x.claimed_at > a.limits_changed_at and y.claimed_at > a.limits_changed_at
    union all
    select 7, 'two attempts of account ' || x.account_id || ' are closer than its rate', x.call_id
    from (select a.account_id, a.per_second, t.call_id, t.place_at - lag(t.place_at) over (partition by a.account_id order by t.place_at) as distance
          from dialer.provider_account a join dialer.attempt_all t using (account_id)
          where a.per_second is not null and t.claimed_at > a.limits_changed_at) x
    where x.distance < make_interval(secs => 1 / x.per_second::double precision)
    union all
    select 8, 'an attempt counts that never reached the contact', a.call_id from dialer.attempt a
    where a.counts and a.outcome in ('over_limit', 'account_error', 'config_error', 'not_sent') and a.ringing_at is null and a.answered_at is null
    union all
    select 8, 'more attempts on a local day than the policy allows', min(a.call_id)
    from dialer.attempt a join dialer.campaign g using (campaign_id) join dialer.redial_policy y using (policy_id)
    where a.counts and y.max_per_day is not null and a.dispatcher <> 'backfill'
    group by a.call_id, y.max_per_day, (a.dialled_at at time zone (a.decision -> 'zones' ->> 0))::date having count(*) > y.max_per_day
    union all
    select 10, 'a scheduled call is not in the schedule', c.call_id from dialer.call c
    where c.state = 'scheduled' and not exists (select from dialer.due d where d.lane_id = c.lane_id and d.due_at = c.due_at and d.call_id = c.call_id)
    union all
    select 10, 'the schedule holds a call that is not scheduled', d.call_id from dialer.due d
    where not exists (select from dialer.call c where c.call_id = d.call_id and c.state = 'scheduled' and c.lane_id = d.lane_id and c.due_at = d.due_at)
    union all
    select 11, 'a change of state that the machine forbids was logged', t.call_id from dialer.transition t
    where not exists (select from dialer.machine_edges e where e.machine = t.machine and e.from_state = t.from_state and e.to_state = t.to_state)
    union all
    select 12, 'an attempt followed a final outcome', b.call_id
    from dialer.attempt a join dialer.attempt b using (call_id) join dialer.campaign g on g.campaign_id = a.campaign_id join dialer.redial_policy y using (policy_id)
    -- Of what was called before the dialer was here, a call that was planned since knows only what counts.
    where a.outcome = any (y.final_outcomes) and not a.review and b.intended_at > a.ended_at and a.dispatcher <> 'backfill'
      and not exists (select from dialer.workflow_step q where q.workflow_id = g.workflow_id and q.name = a.step
                      and (dialer.only_talked(q, a.outcome, a.detail ->> 'answer', (a.detail ->> 'success')::boolean)
                      -- What an erased person's calls came to is not known any more.
                      or a.detail = '{}'))
    union all
    select 13, 'a waiting call is on the do-not-call list', c.call_id
    from dialer.call c join dialer.endpoint e using (endpoint_id)
    where c.state = 'scheduled' and dialer.must_not_call(c.tenant_id, c.contact_id, e.address, dialer.now())
    union all
    select 16, 'a call mixes tenants', c.call_id from dialer.call c join dialer.campaign g using (campaign_id) join dialer.contact p using (contact_id)
    where c.tenant_id <> g.tenant_id or c.tenant_id <> p.tenant_id;
comment on view dialer.invariant_violation is 'one row per broken invariant (numbers as in ARCHITECTURE.md); must be empty. Reads everything: for tests, demos and doubts, not for every minute.';
