-- The queue of a tenant as a whole: pause, resume, close, clean, one job, and the numbers.
-- Who uses it: people, the REST API. Invariants kept: 14 (each changes one row, whatever waits).

create function dialer.set_queue(paused boolean, reason text, at timestamptz) returns boolean
language plpgsql volatile as $$
declare before boolean;
begin
    insert into dialer.queue_control (tenant_id, changed_at) values (dialer.current_tenant(), at) on conflict do nothing;
    select q.paused into before from dialer.queue_control q where q.tenant_id = dialer.current_tenant() for update;
    update dialer.queue_control q set paused = set_queue.paused, reason = set_queue.reason, changed_at = at
    where q.tenant_id = dialer.current_tenant() and q.paused <> set_queue.paused;
    if before and not set_queue.paused then
        notify dialer_wake;
    end if;
    return before <> set_queue.paused;
end $$;
comment on function dialer.set_queue(boolean, text, timestamptz) is 'Pauses or resumes the queue of this tenant; false: it was so already.';

create function dialer.pause_queue(reason text default 'paused by a person', at timestamptz default dialer.now()) returns boolean
language sql volatile as $$
    select dialer.set_queue(true, coalesce(nullif(btrim(reason), ''), 'paused by a person'), at)
$$;
comment on function dialer.pause_queue(text, timestamptz) is
'Places no more calls of this tenant, whatever the campaign, from the next claim and intention on; calls in flight finish, and nothing is lost. False: it was paused already.';

create function dialer.resume_queue(at timestamptz default dialer.now()) returns boolean
language sql volatile as $$
    select dialer.set_queue(false, null, at)
$$;
comment on function dialer.resume_queue(timestamptz) is 'Goes on after pause_queue or close_queue; campaigns that were paused by themselves stay so. False: the queue was not paused.';

create function dialer.close_queue(reason text default 'closed by a person', at timestamptz default dialer.now()) returns bigint
language plpgsql volatile as $$
begin
    perform dialer.pause_queue(coalesce(nullif(btrim(reason), ''), 'closed by a person'), at);
    return (select count(*) from dialer.lease l where l.tenant_id = dialer.current_tenant() and l.state <> 'claimed');
end $$;
comment on function dialer.close_queue(text, timestamptz) is
'Pauses the queue of this tenant and says how many of its calls are still at a provider: ask again until it is 0, then everything has finished. resume_queue opens it again.';

create function dialer.clean_queue(keep_completed interval default '24 hours', keep_failed interval default '7 days', at timestamptz default dialer.now(), dry_run boolean default false)
returns table (status text, cleaned bigint)
language plpgsql volatile as $$
declare before dialer.queue_control;
begin
    if keep_completed is null or keep_failed is null or keep_completed < interval '0' or keep_failed < interval '0' or greatest(keep_completed, keep_failed) > interval '100 years' then
        perform dialer.fail('PD045', format('a queue cannot be cleaned of what is older than %s and %s', coalesce(keep_completed::text, 'null'), coalesce(keep_failed::text, 'null')),
            'Both are intervals of zero to 100 years.', 'E.g. dialer.clean_queue(keep_completed => ''1 hour'').');
    end if;
    select q.* into before from dialer.queue_control q where q.tenant_id = dialer.current_tenant();
    if dry_run is not true then
        insert into dialer.queue_control (tenant_id, changed_at) values (dialer.current_tenant(), at) on conflict do nothing;
        select q.* into before from dialer.queue_control q where q.tenant_id = dialer.current_tenant() for update;
        update dialer.queue_control q
        set completed_after = greatest(q.completed_after, at - keep_completed), failed_after = greatest(q.failed_after, at - keep_failed)
        where q.tenant_id = before.tenant_id;
    end if;
    return query
        select v.status, count(c.call_id) from (values ('completed', coalesce(before.completed_after, '-infinity'), at - keep_completed), ('failed', coalesce(before.failed_after, '-infinity'), at - keep_failed)) v(status, from_at, to_at)
        left join dialer.call c on c.tenant_id = dialer.current_tenant() and c.ended_at > v.from_at and c.ended_at <= v.to_at
             and (case when v.status = 'completed' then c.state = 'completed' else c.state in ('failed', 'expired') end)
        group by v.status order by v.status;
end $$;
comment on function dialer.clean_queue(interval, interval, timestamptz, boolean) is
'Takes what completed or failed longer ago than this out of queue_stats, for good; returns how many of each. dry_run: says how many it would be, and takes nothing out. The records stay for reports, caps and evidence; set_retention says when they go. Error PD045: no such interval.';

create function dialer.queue_word(state dialer.call_state, due_at timestamptz, resting boolean, silent boolean, at timestamptz) returns text
language sql immutable parallel safe as $$
    select case
        when state = 'scheduled' and due_at > at then 'delayed'
        when state = 'scheduled' and resting then 'paused'
        when state = 'scheduled' then 'waiting'
        when state in ('claimed', 'in_flight') then case when silent then 'stalled' else 'active' end
        when state = 'completed' then 'completed'
        when state = 'cancelled' then 'removed'
        else 'failed' end
$$;
comment on function dialer.queue_word(dialer.call_state, timestamptz, boolean, boolean, timestamptz) is
'A call in the words of a job queue: delayed (not due), paused (due, but queue or campaign rest), waiting, active, stalled (open, and the provider silent for too long), completed, failed (also: expired), removed (cancelled).
e.g. select dialer.queue_word(''scheduled'', ''2026-12-04 16:00Z'', false, false, ''2026-12-04 15:00Z'') --> delayed';

create view dialer.queue_status as
    select c.tenant_id, c.call_id, g.name as campaign,
           dialer.queue_word(c.state, c.due_at, g.state <> 'running' or coalesce(q.paused, false), s.since is not null, n.at) as status,
           nullif(c.due_at, 'infinity') as due_at, coalesce(c.end_reason, c.wait_reason) as reason, c.outcome, c.created_at, l.claimed_at as processing_at, c.ended_at,
           c.campaign_id, c.contact_id
    from dialer.call c join dialer.campaign g using (campaign_id) cross join (select dialer.now() as at) n
    left join dialer.lease l on l.call_id = c.call_id left join dialer.provider_account a on a.account_id = l.account_id
    left join lateral dialer.stuck_since(l, a, n.at) s on l.call_id is not null
    left join dialer.queue_control q on q.tenant_id = c.tenant_id;
comment on view dialer.queue_status is
'every call in the words of a job queue (queue_word): waiting, active, completed, failed, delayed, paused, stalled, removed. Found quickly by call_id, campaign_id or contact_id';

create function dialer.queue_stats(at timestamptz default dialer.now())
returns table (waiting bigint, active bigint, completed bigint, failed bigint, delayed bigint, paused bigint, total bigint)
language plpgsql stable as $$
declare
    -- What a job queue keeps of what has ended: R211.
    kept_completed constant bigint := 1000;
    control dialer.queue_control;
begin
    select q.* into control from dialer.queue_control q where q.tenant_id = dialer.current_tenant();
    return query
        with counted as (
            select count(*) filter (where w.word = 'waiting') as waiting, count(*) filter (where w.word in ('active', 'stalled')) as active,
                   least(count(*) filter (where w.word = 'completed' and c.ended_at > greatest(control.completed_after, at - interval '24 hours')), kept_completed) as completed,
                   count(*) filter (where w.word = 'failed' and c.ended_at > greatest(control.failed_after, at - interval '7 days')) as failed,
                   count(*) filter (where w.word = 'delayed') as delayed, count(*) filter (where w.word = 'paused') as paused
            from dialer.call c join dialer.campaign g using (campaign_id)
            cross join lateral (select dialer.queue_word(c.state, c.due_at, g.state <> 'running' or coalesce(control.paused, false), false, at) as word) w
            where c.tenant_id = dialer.current_tenant())
        select k.waiting, k.active, k.completed, k.failed, k.delayed, k.paused, k.waiting + k.active + k.completed + k.failed + k.delayed + k.paused from counted k;
end $$;
comment on function dialer.queue_stats(timestamptz) is
'The queue of this tenant in numbers: waiting (due), active, completed (of the last 24 hours, at most 1,000), failed (of the last 7 days), delayed (due later), paused (due, but queue or campaign rest), and their total. Cancelled calls have left the queue. clean_queue takes older ones out sooner.';

create function dialer.queue_gauges(at timestamptz default dialer.now()) returns table (state text, calls bigint)
language sql stable security definer set search_path = pg_catalog, dialer, pg_temp as $$
    with lane as materialized (
        select l.lane_id, g.state = 'running' and not coalesce(q.paused, false) as runs
        from dialer.lane l join dialer.campaign g using (campaign_id) left join dialer.queue_control q on q.tenant_id = g.tenant_id),
    -- LIMIT: a million that wait; more are shown as a million. What wait are the rows of the schedule, whatever has ended.
    waiting as (
        select count(*) filter (where d.due_at <= at and l.runs) as waiting, count(*) filter (where d.due_at <= at and not l.runs) as paused, count(*) filter (where d.due_at > at) as delayed
        from (select x.lane_id, x.due_at from dialer.due x limit 1000000) d join lane l using (lane_id)),
    ended as (
        select count(distinct c.call_id) filter (where c.state = 'completed') as completed, count(distinct c.call_id) filter (where c.state in ('failed', 'expired')) as failed
        from dialer.attempt a join dialer.call c using (call_id) where a.ended_at > at - interval '1 hour' and c.ended_at > at - interval '1 hour')
    select v.state, v.calls from waiting w cross join ended e
    cross join lateral (values ('waiting', w.waiting), ('paused', w.paused), ('delayed', w.delayed), ('completed', e.completed), ('failed', e.failed),
        ('active', (select count(*) from dialer.lease)), ('stuck', (select count(*) from dialer.stuck))) v(state, calls)
$$;
comment on function dialer.queue_gauges(timestamptz) is
'The queues of all tenants together, for metrics: waiting (due), paused (due, but queue or campaign rest), delayed (due later), active, stuck (see dialer.stuck); completed and failed: of calls that were tried, those that ended within the last hour.';

create function dialer.scheduler_stats(at timestamptz default dialer.now())
returns table (total bigint, pending bigint, processing bigint, completed bigint, failed bigint, cancelled bigint, upcoming_calls bigint)
language plpgsql stable as $$
begin
    return query
        select count(*), count(*) filter (where c.state = 'scheduled'), count(*) filter (where c.state in ('claimed', 'in_flight')), count(*) filter (where c.state = 'completed'),
               count(*) filter (where c.state in ('failed', 'expired')), count(*) filter (where c.state = 'cancelled'),
               count(*) filter (where c.state = 'scheduled' and c.due_at > at and c.due_at < 'infinity')
        from dialer.call c where c.tenant_id = dialer.current_tenant();
end $$;
comment on function dialer.scheduler_stats(timestamptz) is
'The calls of this tenant in numbers, whenever they were planned: total, and of these pending, processing, completed, failed (also: expired), cancelled; upcoming_calls: pending ones that are due later, at a known time.';

create function dialer.job_status(call_id bigint)
returns table (status text, attempts_made bigint, due_at timestamptz, processing_at timestamptz, ended_at timestamptz, reason text, outcome text, provider_call_id text)
language plpgsql stable as $$
#variable_conflict use_column
begin
    return query
        select s.status, a.attempts, s.due_at, s.processing_at, s.ended_at, s.reason, s.outcome::text, a.provider_call_id
        from dialer.queue_status s
        cross join lateral (select count(*) as attempts, (array_agg(x.provider_call_id order by x.claimed_at desc))[1] as provider_call_id
                            from dialer.attempt_all x where x.call_id = s.call_id and x.intended_at is not null) a
        where s.call_id = job_status.call_id and s.tenant_id = dialer.current_tenant();
    if not found then
        perform dialer.fail('PD028', format('call %s does not exist', coalesce(job_status.call_id::text, 'null')), null, 'Calls of this tenant are in dialer.call.');
    end if;
end $$;
comment on function dialer.job_status(bigint) is
'One call as a job of the queue: its word (queue_word), attempts made, when it is due or ended and why, and the provider''s id of its last attempt. Error PD028: no such call.';
