-- Attempts that have ended: append-only, partitioned by month. Caps, ladders and reports count these rows.
-- Who uses it: end_attempts writes; claim, settle, reports and explain read.
-- Invariants kept: 3 (unknown is an outcome and counts), 8 (no counters).

create table dialer.attempt (
    attempt_id uuid not null,
    call_id bigint not null,
    tenant_id integer not null,
    campaign_id bigint not null,
    account_id integer not null,
    caller_id integer,
    contact_id bigint not null,
    endpoint_id bigint not null,
    step text,
    channel dialer.channel not null,
    outcome dialer.outcome not null,
    counts boolean not null,
    review boolean not null default false,
    word text,
    disposition text,
    dispatcher text not null,
    due_at timestamptz not null,
    claimed_at timestamptz not null,
    place_at timestamptz not null,
    intended_at timestamptz,
    placed_at timestamptz,
    ringing_at timestamptz,
    answered_at timestamptz,
    ended_at timestamptz not null,
    dialled_at timestamptz not null,
    duration_seconds double precision,
    provider_call_id text,
    decision jsonb not null,
    detail jsonb not null default '{}'
) partition by range (ended_at);
create table dialer.attempt_other partition of dialer.attempt default;
-- On the partition, and from there on every month that is made like it: a dump could not be restored where the parent,
-- which comes with the extension, has an index that the dump of a month brings as well.
create index attempt_of_contact on dialer.attempt_other (contact_id, dialled_at);
comment on index dialer.attempt_of_contact is 'caps count the attempts of a contact';
create index attempt_of_call on dialer.attempt_other (call_id);
comment on index dialer.attempt_of_call is 'ladders count the attempts of a call';
create index attempt_of_caller on dialer.attempt_other (caller_id, dialled_at) where caller_id is not null;
comment on index dialer.attempt_of_caller is 'claim counts the calls of a caller id in the last day';
create index attempt_by_id on dialer.attempt_other (attempt_id);
comment on index dialer.attempt_by_id is 'late events find their attempt';
comment on table dialer.attempt is 'one row per attempt that has ended, with all its times, its outcome and the decision that allowed it';
comment on table dialer.attempt_other is 'attempts outside the months that have partitions; the pattern of these';
comment on column dialer.attempt.step is 'the step of the workflow that it was made for';
comment on column dialer.attempt.counts is 'whether it counts against caps and moves the ladder: by its outcome, and always when it rang';
comment on column dialer.attempt.review is 'the outcome''s word was not known; the call waits for set_disposition';
comment on column dialer.attempt.dialled_at is 'when the phone may first have rung: placed_at, else intended_at, else ended_at';
comment on column dialer.attempt.decision is 'the decision record: zones, local time, open until, policy, counts seen';

create view dialer.attempt_all as
    select attempt_id, call_id, tenant_id, campaign_id, account_id, contact_id, endpoint_id, channel, 'ended' as state, outcome, counts,
           word, disposition, dispatcher, due_at, claimed_at, place_at, intended_at, placed_at, ringing_at, answered_at, ended_at,
           dialled_at, duration_seconds, provider_call_id, decision, step
    from dialer.attempt
    union all
    select attempt_id, call_id, tenant_id, campaign_id, account_id, contact_id, endpoint_id, channel, state::text, null, true,
           null, null, dispatcher, due_at, claimed_at, place_at, intended_at, placed_at, ringing_at, answered_at, null,
           coalesce(placed_at, intended_at, place_at), null, provider_call_id, decision, step
    from dialer.lease;
comment on view dialer.attempt_all is 'attempts, ended and open';

-- A set, so that a statement over many calls can take the lookup into its own plan. An attempt ends after it was dialled: the
-- second condition passes over the partitions of older months, and the third, the same for all calls of a statement, does not even open them.
create function dialer.dialled(scope text, call_id bigint, contact_id bigint, endpoint_id bigint, channel dialer.channel, since timestamptz, oldest timestamptz)
returns setof timestamptz language sql stable rows 5 as $$
    select a.dialled_at from dialer.attempt a
    where a.contact_id = dialled.contact_id and a.channel = dialled.channel and a.counts and a.dialled_at > since and a.ended_at > since and a.ended_at > oldest
      and (scope = 'contact' or (scope = 'number' and a.endpoint_id = dialled.endpoint_id) or (scope = 'call' and a.call_id = dialled.call_id)
           or (scope = 'campaign' and a.campaign_id = (select c.campaign_id from dialer.call c where c.call_id = dialled.call_id)))
    order by a.dialled_at
$$;
comment on function dialer.dialled(text, bigint, bigint, bigint, dialer.channel, timestamptz, timestamptz) is
'Instants of the ended attempts that count for a cap of this scope (call, number, contact), after an instant, in order. oldest: that instant or an earlier one, the same for the whole statement.';

create function dialer.dialled_times(scope text, call_id bigint, contact_id bigint, endpoint_id bigint, channel dialer.channel, since timestamptz)
returns timestamptz[] language sql stable as $$
    select array(select d from dialer.dialled(scope, dialled_times.call_id, dialled_times.contact_id, dialled_times.endpoint_id, dialled_times.channel, since, since) d)
$$;
comment on function dialer.dialled_times(text, bigint, bigint, bigint, dialer.channel, timestamptz) is
'Instants of the ended attempts that count for a cap of this scope (call, number, contact), after an instant.';

create function dialer.dialled_on(scope text, call_id bigint, contact_id bigint, endpoint_id bigint, channel dialer.channel, at timestamptz, tz text) returns bigint
language plpgsql stable as $$
begin
    return (
        select count(*) from dialer.dialled(scope, dialled_on.call_id, dialled_on.contact_id, dialled_on.endpoint_id, dialled_on.channel, at - interval '2 days', at - interval '2 days') d
        where (d at time zone tz)::date = (at at time zone tz)::date);
end $$;
comment on function dialer.dialled_on(text, bigint, bigint, bigint, dialer.channel, timestamptz, text) is
'How many ended attempts that count for a cap of this scope (call, number, contact) lie on the local date of an instant.';

create function dialer.cap_horizon(caps dialer.cap[], at timestamptz) returns timestamptz
language plpgsql immutable as $$
begin
    return (select case when coalesce(bool_or(k.kind in ('lifetime')), false) then '-infinity'::timestamptz
                else at - make_interval(secs => coalesce(max(case k.kind when 'rolling' then k.amount when 'gap' then k.amount
                     when 'local_dates' then (k.amount + 1) * 86400.0 when 'calendar_week' then 8 * 86400 else 0 end), 0) + 86400) end
            from unnest(caps) k);
end $$;
comment on function dialer.cap_horizon(dialer.cap[], timestamptz) is 'How far back attempts matter for these caps: older ones need not be read.';

-- In plpgsql, which keeps its plan: a function in SQL that cannot be taken into its caller is planned anew at each call (0.5 ms).
create function dialer.oldest_horizon(lane_ids bigint[], at timestamptz) returns timestamptz
language plpgsql stable as $$
begin
    return (select coalesce(min(dialer.cap_horizon(dialer.policy_caps(y), at)), at)
            from dialer.redial_policy y
            where y.policy_id in (select g.policy_id from dialer.lane l join dialer.campaign g using (campaign_id) where l.lane_id = any (lane_ids)));
end $$;
comment on function dialer.oldest_horizon(bigint[], timestamptz) is 'How far back attempts matter for the caps of any of these lanes.';
