-- What somebody should look at: the dashboard, dead letters, stuck attempts, changes of state, runs of pg_cron; and what to do about them.
-- Who uses it: people, `dialerd doctor`. Nothing here stores anything; what is done goes the ways of all calls.
-- Invariants kept: 3 (a stuck attempt that may be ringing is looked up, never dialled again), 11 (an end is an end: a retry is a new call).

create view dialer.scheduler_dashboard as
    select t.name as tenant, g.name as campaign, g.state as campaign_state, c.state, w.word as workflow_state, count(*) as calls,
           min(c.due_at) filter (where c.state = 'scheduled' and c.due_at < 'infinity') as earliest_due_at,
           round(avg(a.attempts), 2) as average_attempts, round(avg(greatest(a.attempts - 1, 0)), 2) as average_retries
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.tenant t on t.tenant_id = c.tenant_id
    left join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = c.step
    cross join lateral (select count(*) as attempts, bool_or(x.step is not distinct from c.step) as tried from dialer.attempt x where x.call_id = c.call_id and x.counts) a
    cross join lateral (select case when q.name is not null then
        dialer.workflow_word(c.state, q.finds is not null, c.wait_reason, null, c.due_at <= dialer.now(), coalesce(a.tried, false)) end as word) w
    where c.ended_at is null
    group by t.name, g.name, g.state, c.state, w.word;
comment on view dialer.scheduler_dashboard is
'what is not ended: per campaign and state (and the workflow''s word for it), how many, the earliest due time, attempts and retries so far on average';

create view dialer.dead_letter as
    select c.tenant_id, c.call_id, g.name as campaign, c.contact_id, c.ended_at, c.end_reason, c.outcome, dialer.failure_text(c.end_reason) as failure_reason,
           a.attempts, a.last_attempt_at, a.last_error, r.call_id as retried_as, c.campaign_id
    from dialer.call c join dialer.campaign g using (campaign_id)
    cross join lateral (select count(*) as attempts, max(x.dialled_at) as last_attempt_at,
                               (array_agg(coalesce(x.disposition, x.word, x.outcome::text) order by x.ended_at desc))[1] as last_error
                        from dialer.attempt x where x.call_id = c.call_id) a
    left join dialer.call r on r.tenant_id = c.tenant_id and r.idempotency_key = 'retry/' || c.call_id
    where c.state = 'failed'
    order by c.ended_at desc, c.call_id desc;
comment on view dialer.dead_letter is 'calls that failed, newest first, for a person to look at: why, how often tried, the last word, and the call that retry_dead_letters has made of it';

create function dialer.retry_dead_letters(campaign text default null, call_ids bigint[] default null, reasons text[] default null, dry_run boolean default true,
    most integer default 1000, at timestamptz default dialer.now())
returns table (call_id bigint, failure_reason text, result text, new_call_id bigint, due_at timestamptz)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    wanted bigint := case when retry_dead_letters.campaign is not null then dialer.campaign_named(retry_dead_letters.campaign) end;
    letters bigint[];
    target record;
begin
    letters := array(
        select c.call_id from dialer.call c
        where c.tenant_id = dialer.current_tenant() and c.state = 'failed' and (wanted is null or c.campaign_id = wanted)
          and (retry_dead_letters.call_ids is null or c.call_id = any (retry_dead_letters.call_ids)) and (reasons is null or c.end_reason = any (reasons))
        order by c.ended_at desc, c.call_id desc limit most);
    -- Who has bought since then is not called again because a list of failures is.
    return query select c.call_id, c.end_reason, 'converted', null::bigint, null::timestamptz from dialer.call c
        where c.call_id = any (letters) and exists (select from dialer.conversions(c.contact_id, c.campaign_id, c.created_at)) order by c.call_id;
    letters := array(select c.call_id from dialer.call c where c.call_id = any (letters) and not exists (select from dialer.conversions(c.contact_id, c.campaign_id, c.created_at)));
    for target in
        select c.campaign_id, g.state, dialer.lane_own(l) as own, array_agg(row(c.call_id, c.contact_id, c.endpoint_id, at, null, c.payload, 'retry/' || c.call_id, l.priority, null)::dialer.plan_row order by c.call_id) as rows
        from dialer.call c join dialer.campaign g using (campaign_id) join dialer.lane l on l.lane_id = c.lane_id
        where c.call_id = any (letters) group by c.campaign_id, g.state, dialer.lane_own(l) order by c.campaign_id, min(c.call_id)
    loop
        if target.state in ('stopped', 'archived') then
            return query select r.position, c.end_reason, 'campaign_' || target.state, null::bigint, null::timestamptz from unnest(target.rows) r join dialer.call c on c.call_id = r.position;
        elsif dry_run is not false then
            return query select p.position, c.end_reason, p.result, p.existing, p.due_at from dialer.compute_plan(target.campaign_id, target.rows, at, target.own) p join dialer.call c on c.call_id = p.position;
        else
            return query select p.position, c.end_reason, p.result, p.call_id, p.due_at from dialer.plan(target.campaign_id, target.rows, at, target.own) p join dialer.call c on c.call_id = p.position;
        end if;
    end loop;
end $$;
comment on function dialer.retry_dead_letters(text, bigint[], text[], boolean, integer, timestamptz) is
'Plans calls that failed once more: all of the tenant, or those of a campaign, of these numbers, of these reasons; the newest first, at most so many. Each is a new call to the same number with the same payload, due as soon as it is allowed, once: a letter that has been retried comes back as exists. Do-not-call, unusable numbers and caps hold, and who has converted since then stays done. dry_run (usual): says what would become of each, and plans nothing. Error PD025: no such campaign.';

create view dialer.stuck as
    select l.tenant_id, l.call_id, l.attempt_id, l.state, l.step, l.dispatcher, l.intended_at, l.until, l.note, s.since as stuck_since, s.why, g.name as campaign
    from dialer.lease l join dialer.provider_account a using (account_id) join dialer.campaign g on g.campaign_id = l.campaign_id
    cross join lateral dialer.stuck_since(l, a, dialer.now()) s
    where s.since is not null;
comment on view dialer.stuck is
'open attempts that somebody should have looked after: their lease or grace time is over and no tick ran, or the provider is silent and no dispatcher asked; since when, and why';

create function dialer.reset_stuck(call_ids bigint[] default null, dry_run boolean default true, at timestamptz default dialer.now())
returns table (call_id bigint, attempt_id uuid, stuck_since timestamptz, why text, action text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    -- LIMIT: a reset looks after so many; the next one goes on.
    most constant integer := 1000;
    found record;
begin
    if dry_run is false then
        perform from dialer.lease l where l.tenant_id = dialer.current_tenant() and (reset_stuck.call_ids is null or l.call_id = any (reset_stuck.call_ids)) order by l.call_id for update;
    end if;
    for found in
        select l.call_id, l.attempt_id, l.state, s.since, s.why,
               -- While no dispatcher lives nobody has looked it up.
               l.until <= at and not exists (select from dialer.pulse p where dialer.is_outage(p.seen_at, at)) as hopeless from dialer.lease l join dialer.provider_account a using (account_id)
        cross join lateral dialer.stuck_since(l, a, at) s
        where l.tenant_id = dialer.current_tenant() and s.since is not null and (reset_stuck.call_ids is null or l.call_id = any (reset_stuck.call_ids))
        order by l.call_id limit most
    loop
        call_id := found.call_id;
        attempt_id := found.attempt_id;
        stuck_since := found.since;
        why := found.why;
        action := case when found.state = 'claimed' then 'waits again' when found.hopeless then 'ends as unknown' else 'is looked up' end;
        if dry_run is not false then
            null;
        elsif found.state = 'claimed' then
            perform dialer.take_back(array[found.attempt_id], '{lease_over}', at);
        elsif found.hopeless then
            perform dialer.end_attempts(array[dialer.unknown_end(found.attempt_id)], at);
        else
            update dialer.lease l set look_at = at where l.call_id = found.call_id;
        end if;
        return next;
    end loop;
end $$;
comment on function dialer.reset_stuck(bigint[], boolean, timestamptz) is
'Looks after stuck attempts, all of the tenant or of these calls: what was never sent waits again; what may have rung and whose grace time is over ends as unknown, which counts; anything else is looked up first, because silence never causes a call. dry_run (usual): says what would be done. One row each.';

create view dialer.state_change as
    select t.tenant_id, t.at, t.machine, t.call_id, t.attempt_id, g.name as campaign, t.from_state, t.to_state, t.reason, t.actor
    from dialer.transition t join dialer.call c using (call_id) join dialer.campaign g using (campaign_id)
    where t.at > dialer.now() - interval '1 hour' and t.at <= dialer.now();
comment on view dialer.state_change is 'changes of state of calls and attempts in the last hour; dialer.transition has all of them';

create view dialer.call_session as
    select a.tenant_id, a.attempt_id as session_id, a.call_id as pending_call_id, a.campaign_id, w.campaign, a.step, a.state, dialer.webhook_word(a.state, a.outcome) as status, a.outcome,
           a.provider_call_id, a.dialled_at as started_at, a.answered_at, a.ended_at, a.duration_seconds, w.workflow_state, w.detection, w.next_action_at
    from dialer.attempt_all a join dialer.workflow_state w using (call_id);
comment on view dialer.call_session is 'the attempts of calls in workflows, each with the state that its call has come to';

create function dialer.cron_is_here() returns boolean language sql stable as $$
    select to_regclass('cron.job') is not null
$$;
comment on function dialer.cron_is_here() is 'Whether pg_cron is installed in this database.';

create function dialer.cron_runs(job text default null, most integer default 100)
returns table (jobname text, runid bigint, status text, return_message text, start_time timestamptz, end_time timestamptz)
language plpgsql stable security definer set search_path = pg_catalog, dialer, pg_temp as $$
begin
    if not dialer.cron_is_here() then
        perform dialer.fail('PD034', 'pg_cron is not installed in this database', 'Ticks are then driven by dialerd.', 'pg_cron keeps its jobs in one database of a server: look there.');
    end if;
    -- By the job's number: the history knows no names.
    return query execute 'select j.jobname::text, d.runid, d.status, d.return_message, d.start_time, d.end_time
        from cron.job_run_details d join cron.job j using (jobid)
        where j.database = current_database() and ($1 is null and j.jobname like ''dialer-%'' or j.jobname = $1) order by d.runid desc limit $2' using job, most;
end $$;
comment on function dialer.cron_runs(text, integer) is
'The last runs of pg_cron''s jobs of pg_dialer (or of a job of another name), newest first, with their errors. Error PD034: pg_cron is not installed here.';

create function dialer.cron_health(now_ timestamptz default clock_timestamp()) returns table (verdict text, found text, remedy text)
language plpgsql stable security definer set search_path = pg_catalog, dialer, pg_temp as $$
declare
    job record;
    run record;
    every interval;
begin
    if not dialer.cron_is_here() then
        return query values ('ok', 'no pg_cron here; dialerd run drives dialer.tick()', null);
        return;
    end if;
    execute 'select j.jobid, j.schedule, j.active, j.command from cron.job j where j.jobname = ''dialer-tick'' and j.database = current_database()' into job;
    if job.jobid is null then
        return query values ('ok', 'pg_cron has no job dialer-tick; dialerd run drives dialer.tick()', 'to let pg_cron do it: select dialer.install_cron()');
        return;
    elsif not job.active or job.command <> 'select dialer.tick()' then
        return query select 'warn', format('the job dialer-tick %s', case when job.active then 'does something else: ' || job.command else 'is switched off' end), 'select dialer.install_cron()';
        return;
    end if;
    every := case when job.schedule ~ '^\d+ seconds?$' then job.schedule::interval else interval '1 minute' end;
    execute 'select count(*) as runs, count(*) filter (where r.status = ''failed'') as failed, max(r.start_time) filter (where r.status = ''succeeded'') as last_at,
                max(r.end_time - r.start_time) as longest, max(r.start_time - r.before) as widest,
                (array_agg(r.return_message order by r.runid desc) filter (where r.status = ''failed''))[1] as said
             from (select d.runid, d.status, d.return_message, d.start_time, d.end_time, lag(d.start_time) over (order by d.runid) as before
                   from cron.job_run_details d where d.jobid = $1 order by d.runid desc limit 20) r' into run using job.jobid;
    if run.runs = 0 then
        return query values ('warn', 'dialer-tick has not run yet', 'wait a minute; is cron.database_name this database?');
    elsif run.last_at is null or run.last_at < now_ - 3 * every - interval '1 minute' then
        return query select 'fail', format('dialer-tick has not succeeded %s%s', coalesce('since ' || date_trunc('second', run.last_at), 'yet'), coalesce(': ' || run.said, '')),
            'see select dialer.cron_runs(); is cron.database_name this database, and may its user log in? dialerd run ticks as well';
    elsif run.failed > 0 then
        return query select 'warn', format('%s of the last %s runs of dialer-tick failed: %s', run.failed, run.runs, run.said), 'see select dialer.cron_runs()';
    elsif run.longest > every then
        return query select 'warn', format('a run of dialer-tick took %s, longer than its distance of %s', run.longest, every), 'runs never overlap, but upkeep falls behind: see docs/operating.md';
    elsif run.widest > 2 * every + interval '10 seconds' then
        return query select 'warn', format('two of the last %s runs of dialer-tick were %s apart instead of %s', run.runs, date_trunc('milliseconds', run.widest), every),
            'the server was down or busy, or cron.max_running_jobs is too low';
    else
        return query select 'ok', format('pg_cron runs dialer-tick every %s; the last %s runs succeeded, the longest in %s', every, run.runs, date_trunc('milliseconds', run.longest)), null;
    end if;
end $$;
comment on function dialer.cron_health(timestamptz) is
'Whether pg_cron drives the ticks as it should: one row with ok, warn or fail, what was found, and what to do. Looks at the last 20 runs: missing, failed, too long, too far apart. now_ is the real time.';
