-- Upkeep: each task is bounded, so that a tick is short whatever has piled up.
-- Who uses it: pg_cron after install_cron(), else a dispatcher; both at once do no harm.

create table dialer.upkeep_step (
    task text primary key,
    block bigint not null default 0,
    storage oid,
    call_id bigint not null default 0,
    rest_until timestamptz not null default '-infinity'
);
comment on table dialer.upkeep_step is 'how far the bounded work of ticks has come; may be emptied at any time, then it begins again';
comment on column dialer.upkeep_step.block is 'pages of the task''s table that have been read';
comment on column dialer.upkeep_step.storage is 'the file that they are pages of: after vacuum full or a restored dump the reading begins again';
comment on column dialer.upkeep_step.rest_until is 'nothing was left to do; looked at again then';

create function dialer.expire_calls(at timestamptz, limit_ integer) returns integer
language sql volatile as $$
    select dialer.end_waiting(array(
        select c.call_id from dialer.call c where c.expires_at <= at and c.ended_at is null and c.state = 'scheduled' order by c.expires_at limit limit_), 'expired', 'expired', at)
$$;
comment on function dialer.expire_calls(timestamptz, integer) is 'Expires waiting calls whose expires_at has come, a bounded number.';

create function dialer.clear_campaigns(at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
declare
    target record;
    cleared integer := 0;
begin
    for target in
        select c.campaign_id, c.state in ('stopped', 'archived') as stopped from dialer.campaign c
        where c.state in ('stopped', 'archived') or c.valid_until <= at order by c.campaign_id
    loop
        exit when cleared >= limit_;
        cleared := cleared + dialer.end_waiting(array(
                select d.call_id from dialer.lane l join dialer.due d using (lane_id) where l.campaign_id = target.campaign_id limit limit_ - cleared),
            case when target.stopped then 'cancelled' else 'expired' end::dialer.call_state,
            case when target.stopped then 'campaign_stopped' else 'expired' end, at);
    end loop;
    return cleared;
end $$;
comment on function dialer.clear_campaigns(timestamptz, integer) is 'Cancels what waits in stopped campaigns and expires what waits in campaigns that are over, a bounded number.';

create function dialer.refresh_all_lanes(at timestamptz) returns integer
language sql volatile as $$
    select coalesce(sum(dialer.refresh_lanes(s.account_id, at)), 0)::integer
    from (select k.account_id from dialer.account_control k order by k.account_id for update skip locked) s
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
    return query values ('partitions', dialer.ensure_partitions(at));
    delete from dialer.dispatcher d where d.seen_at < clock_timestamp() - interval '1 day';
    -- Last, because claims pass over the accounts that are locked here until the tick has committed.
    return query values ('lanes', dialer.refresh_all_lanes(at));
    -- The very last, because everybody who reads a record waits from the exchange of a partition to the commit.
    return query select r.task, r.done from dialer.retain(at) r;
end $$;
comment on function dialer.tick() is 'One bounded round of upkeep: leases, expiry, stopped campaigns, lanes, partitions, retention. One row per task, of retention only for what it did; no row when another session is at it.';

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
