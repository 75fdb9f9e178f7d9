-- Upkeep: each task is bounded, so that a tick is short whatever has piled up.
-- Who uses it: pg_cron after install_cron(), else a dispatcher; both at once do no harm.

create table dialer.upkeep_step (
    task text primary key,
    block bigint not null default 0,
    storage oid,
    call_id bigint not null default 0,
    reached timestamptz not null default '-infinity',
    rest_until timestamptz not null default '-infinity'
);
comment on table dialer.upkeep_step is 'how far the bounded work of ticks has come; may be emptied at any time, then it begins again';
comment on column dialer.upkeep_step.block is 'pages of the task''s table that have been read';
comment on column dialer.upkeep_step.storage is 'the file that they are pages of: after vacuum full or a restored dump the reading begins again';
comment on column dialer.upkeep_step.rest_until is 'nothing was left to do; looked at again then';

create type dialer.expiring as (expires_at timestamptz, call_id bigint, waits boolean);
comment on type dialer.expiring is 'a call whose time has run out, and whether it still waits';

create function dialer.expire_from(task text, at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
#variable_conflict use_column
declare
    step dialer.upkeep_step;
    read dialer.expiring[];
    last dialer.expiring;
begin
    insert into dialer.upkeep_step (task) values (expire_from.task) on conflict do nothing;
    select s.* into step from dialer.upkeep_step s where s.task = expire_from.task;
    read := array(
        select row(c.expires_at, c.call_id, c.state = 'scheduled')::dialer.expiring
        from dialer.call c
        where c.expires_at is not null and (c.expires_at, c.call_id) > (step.reached, step.call_id) and c.expires_at <= at
        order by c.expires_at, c.call_id limit limit_);
    if read = '{}' then
        return null;
    end if;
    last := read[cardinality(read)];
    update dialer.upkeep_step s set reached = last.expires_at, call_id = last.call_id where s.task = expire_from.task;
    return dialer.end_waiting(array(select r.call_id from unnest(read) r where r.waits), 'expired', 'expired', at);
end $$;
comment on function dialer.expire_from(text, timestamptz, integer) is
'Expires what waits among the next calls whose time has run out, from where the task came the last time; null: it has come to the end.';

create function dialer.expire_calls(at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
declare
    expired integer := coalesce(dialer.expire_from('expiry', at, limit_), 0);
    found_again integer;
begin
    -- Once an hour, and slowly, all of them: a call may have been planned late, or was being placed when its turn came.
    -- Nothing depends on it: a claim places no call whose time has run out.
    if not exists (select from dialer.upkeep_step s where s.task = 'expiry_again' and s.rest_until > at) then
        found_again := dialer.expire_from('expiry_again', at, greatest(limit_ / 5, 1));
        if found_again is null then
            update dialer.upkeep_step s set reached = '-infinity', call_id = 0, rest_until = at + interval '1 hour' where s.task = 'expiry_again';
        end if;
    end if;
    return expired + coalesce(found_again, 0);
end $$;
comment on function dialer.expire_calls(timestamptz, integer) is
'Expires waiting calls whose expires_at has come; reads a bounded number, and not again those that ended long ago.';

create function dialer.clear_lane(lane_id bigint, stopped boolean, at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
#variable_conflict use_column
declare
    name text := 'lane ' || clear_lane.lane_id;
    from_at timestamptz;
    waiting dialer.due[];
begin
    insert into dialer.upkeep_step (task) values (name) on conflict do nothing;
    select s.reached into from_at from dialer.upkeep_step s where s.task = name;
    -- From where it came to: what was cleared before leaves dead entries at the beginning, for as long as anybody holds a snapshot.
    waiting := array(select d from dialer.due d
        where d.lane_id = clear_lane.lane_id and d.due_at >= from_at order by d.due_at, d.call_id limit limit_);
    if cardinality(waiting) < limit_ then
        -- Looked at again, because somebody may be planning calls at this moment.
        update dialer.upkeep_step s set reached = '-infinity', rest_until = at + interval '5 minutes' where s.task = name;
    else
        update dialer.upkeep_step s set reached = waiting[limit_].due_at where s.task = name;
    end if;
    return dialer.end_waiting(array(select w.call_id from unnest(waiting) w), case when stopped then 'cancelled' else 'expired' end::dialer.call_state,
        case when stopped then 'campaign_stopped' else 'expired' end, at);
end $$;
comment on function dialer.clear_lane(bigint, boolean, timestamptz, integer) is
'Ends what waits in a lane of a campaign that is stopped or over, a bounded number, and goes on from there the next time.';

create function dialer.clear_campaigns(at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
declare
    target record;
    cleared integer := 0;
begin
    -- LIMIT: lanes that a tick looks at; those that were empty rest.
    for target in
        select l.lane_id, c.state in ('stopped', 'archived') as stopped
        from dialer.campaign c join dialer.lane l using (campaign_id) left join dialer.upkeep_step s on s.task = 'lane ' || l.lane_id
        where (c.state in ('stopped', 'archived') or c.valid_until <= at) and coalesce(s.rest_until <= at, true)
        order by s.rest_until nulls first, l.lane_id limit 100
    loop
        exit when cleared >= limit_;
        cleared := cleared + dialer.clear_lane(target.lane_id, target.stopped, at, limit_ - cleared);
    end loop;
    return cleared;
end $$;
comment on function dialer.clear_campaigns(timestamptz, integer) is 'Cancels what waits in stopped campaigns and expires what waits in campaigns that are over, a bounded number.';

create function dialer.is_stray(lane dialer.lane, contact dialer.contact) returns boolean
language sql stable as $$
    select (lane).zones = '{}' and (contact).zones <> '{}'
        or (lane).jurisdictions = '{}' and (contact).jurisdictions <> '{}' and (select c.law_id is not null from dialer.campaign c where c.campaign_id = (lane).campaign_id)
$$;
comment on function dialer.is_stray(dialer.lane, dialer.contact) is 'Whether a contact''s calls wait in a lane from before its campaign went by zones, or by a law.';

create function dialer.bring_strays_home(at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
declare
    target record;
    astray bigint[];
    moved integer := 0;
begin
    -- The campaign before the calendar that relane locks, as an edit of the zone rule does; one that is being edited waits for the next tick.
    for target in
        select c.campaign_id from dialer.campaign c where c.strays and c.by_contact order by c.campaign_id for no key update skip locked
    loop
        astray := array(
            select d.call_id from dialer.lane l join dialer.due d using (lane_id) join dialer.call c using (call_id) join dialer.contact p using (contact_id)
            where l.campaign_id = target.campaign_id and dialer.is_stray(l, p) limit limit_ - moved);
        moved := moved + dialer.relane(astray, at, patient => false);
        -- A call in flight comes back to the lane that it had.
        update dialer.campaign c set strays = false
        where c.campaign_id = target.campaign_id and astray = '{}'
          and not exists (select from dialer.lane l join dialer.lease x using (lane_id) join dialer.contact p using (contact_id) where l.campaign_id = c.campaign_id and dialer.is_stray(l, p));
        exit when moved >= limit_;
    end loop;
    return moved;
end $$;
comment on function dialer.bring_strays_home(timestamptz, integer) is
'Moves calls that wait in a lane without zones or jurisdictions, since their campaign''s zone rule was changed or a law chosen, to the lanes of their contacts, a bounded number.';

create function dialer.refresh_all_lanes(at timestamptz) returns integer
language sql volatile as $$
    select coalesce(sum(dialer.refresh_lanes(s.account_id, at)), 0)::integer
    from (select k.account_id from dialer.account_control k
          where exists (select from dialer.campaign c join dialer.lane l using (campaign_id) where c.account_id = k.account_id and l.recheck_at <= at)
          order by k.account_id for update skip locked) s
$$;
comment on function dialer.refresh_all_lanes(timestamptz) is 'Looks up the next open span of every lane whose span has ended, so that reports are true while nothing is claimed.';

create function dialer.tick() returns table (task text, done integer)
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
    at timestamptz := dialer.now();
begin
    if not pg_try_advisory_xact_lock(hashtext('dialer.tick')) then
        return;
    end if;
    return query values ('leases', dialer.end_leases(at, 1000));
    return query values ('expiry', dialer.expire_calls(at, 5000));
    return query values ('campaigns', dialer.clear_campaigns(at, 5000));
    return query values ('series', dialer.make_occurrences(at, 1000));
    return query values ('members', dialer.make_member_calls(at, 2000));
    return query values ('strays', dialer.bring_strays_home(at, 5000));
    return query values ('partitions', dialer.ensure_partitions(at));
    delete from dialer.dispatcher d where d.seen_at < clock_timestamp() - interval '1 day';
    -- Last, because claims pass over the accounts that are locked here until the tick has committed.
    return query values ('lanes', dialer.refresh_all_lanes(at));
    -- The very last, because everybody who reads a record waits from the exchange of a partition to the commit.
    return query select r.task, r.done from dialer.retain(at) r;
end $$;
comment on function dialer.tick() is 'One bounded round of upkeep: leases, expiry, stopped campaigns, series, recurring members, lanes, partitions, retention. One row per task, of retention only for what it did; no row when another session is at it.';

create table dialer.dispatcher (
    name text primary key,
    version text not null,
    started_at timestamptz not null default clock_timestamp(),
    seen_at timestamptz not null default clock_timestamp()
);
comment on table dialer.dispatcher is 'dispatchers that were heard of lately, in real time';

create function dialer.heartbeat(dispatcher text, version text) returns void
language sql volatile security definer set search_path = pg_catalog, dialer, pg_temp as $$
    insert into dialer.dispatcher (name, version) values (heartbeat.dispatcher, heartbeat.version)
    on conflict (name) do update set seen_at = clock_timestamp(), version = excluded.version
$$;
comment on function dialer.heartbeat(text, text) is 'A dispatcher says that it lives.';

create function dialer.install_cron() returns text
language plpgsql volatile as $$
declare
    version text := (select e.extversion from pg_catalog.pg_extension e where e.extname = 'pg_cron');
    every text;
begin
    if version is null then
        perform dialer.fail('PD034', 'pg_cron is not installed in this database',
            'Ticks are then driven by dialerd, which needs no set-up.', 'To use pg_cron: load it in shared_preload_libraries, then create extension pg_cron.');
    end if;
    -- Seconds came with 1.5; before, a minute is the shortest.
    every := case when version ~ '^1\.[0-4]([.-]|$)' then '* * * * *' else '5 seconds' end;
    execute format('select cron.schedule(%L, %L, %L)', 'dialer-tick', every, 'select dialer.tick()');
    execute format('select cron.schedule(%L, %L, %L)', 'dialer-tidy-cron', '17 3 * * *',
        'delete from cron.job_run_details where end_time < dialer.kept_since(''cron_history'', now())');
    return format('pg_cron %s runs dialer-tick every %s', version, case every when '5 seconds' then every else 'minute' end);
end $$;
comment on function dialer.install_cron() is
'Lets pg_cron drive tick(): every 5 seconds, or every minute where pg_cron is older than 1.5. Calling it again changes nothing. Dispatchers may tick as well. Returns what it did. Error PD034: pg_cron is not installed here.';
