-- A pre-classification workflow on a team's own table pending_calls, driven by pg_dialer's machine, guards and calendar functions and by
-- pg_cron; the calls themselves are placed by dialerd, because SQL makes no requests.
--
-- Before: create extension pg_dialer, an account, and two running campaigns: "probe", which finds out what a number is, and "task".
-- The steps stand in classification-workflow.md. Run as the owner of pending_calls: psql -v ON_ERROR_STOP=1 -f preclassify.sql
begin;

-- 1. Columns.
alter table pending_calls
    add column workflow_state text not null default 'new',
    add column classification_lookup_at timestamptz,
    add column classification_id bigint,
    add column retry_count integer not null default 0,
    add column max_retries integer not null default 3,
    add column next_action_at timestamptz not null default dialer.now(),
    add column last_error text,
    add column workflow_metadata jsonb not null default '{}',
    add column last_attempt_at timestamptz,
    add column failed_at timestamptz,
    add column failure_reason text;

create table call_sessions (
    session_id bigint generated always as identity primary key,
    pending_call_id bigint not null references pending_calls (id) on delete cascade,
    call_type text not null check (call_type in ('classification', 'task')),
    dialer_call_id bigint not null,
    created_at timestamptz not null default dialer.now()
);
create index call_sessions_of_pending_call on call_sessions (pending_call_id, session_id);

create table pending_call_changes (
    at timestamptz not null, pending_call_id bigint not null, from_state text not null, to_state text not null, reason text, actor text not null
);
create index pending_call_changes_by_time on pending_call_changes (at);
-- A record that could be rewritten would prove nothing.
create trigger _100_append_only before update or delete on pending_call_changes for each row execute function dialer.refuse_change();
create trigger _100_append_only_all before truncate on pending_call_changes for each statement execute function dialer.refuse_change();

create table pending_call_runs (
    run_id bigint generated always as identity primary key, started_at timestamptz not null, seconds double precision not null,
    found integer not null, processed integer not null, errors integer not null, results jsonb not null
);

-- 2. The machine says what a state is, which moves are legal, and which states are ends: nothing here repeats it.
do $$
begin
    execute format('alter table pending_calls add constraint workflow_state_is_known check (workflow_state = any (%L))', dialer.machine_states('preclassify'));
    execute format('create index pending_calls_to_do on pending_calls (next_action_at, workflow_state) where workflow_state <> all (%L)', dialer.final_states('preclassify'));
    execute format('create view pending_calls_open as select * from pending_calls where workflow_state <> all (%L)', dialer.final_states('preclassify'));
end $$;
create trigger _500_guard before insert or update of workflow_state on pending_calls
    for each row execute function dialer.guard_transition('preclassify', 'workflow_state');

create function log_pending_calls() returns trigger language plpgsql as $$
begin
    insert into pending_call_changes (at, pending_call_id, from_state, to_state, reason, actor)
    select dialer.now(), n.id, o.workflow_state, n.workflow_state, case when n.workflow_state = 'retry_pending' or n.failed_at is not null then n.last_error end, session_user
    from after_rows n join before_rows o using (id) where o.workflow_state <> n.workflow_state;
    return null;
end $$;
create trigger _900_log after update on pending_calls referencing old table as before_rows new table as after_rows
    for each statement execute function log_pending_calls();

-- 3. One row. A change of state names the state that it leaves: whoever lost a race is told so.
create function move_pending_call(id bigint, from_state text, to_state text, next_at timestamptz, reason text default null, known jsonb default '{}', failure text default null) returns text
language plpgsql as $$
declare
    over boolean := to_state = any (dialer.final_states('preclassify')) and to_state <> 'completed';
    moved bigint;
begin
    update pending_calls p
    set workflow_state = to_state, next_action_at = coalesce(next_at, p.next_action_at), last_error = coalesce(reason, p.last_error),
        workflow_metadata = p.workflow_metadata || known, classification_id = coalesce((known ->> 'classification_id')::bigint, p.classification_id),
        failed_at = case when over then dialer.now() end, failure_reason = case when over then coalesce(failure, reason) end
    where p.id = move_pending_call.id and p.workflow_state = from_state;
    get diagnostics moved = row_count;
    if moved = 0 then
        raise exception using errcode = 'PD048', message = 'Failed to update workflow state - call may be in progress';
    end if;
    return to_state;
end $$;

-- What is known of the number: active and not over. Numbers are compared in E.164, however the table writes them.
create function look_classification_up(phone_number text, at timestamptz) returns jsonb
language sql stable as $$
    select jsonb_build_object('classification_id', k.classification_id, 'classification_type', k.result, 'classification_completed_at', k.classified_at)
    from dialer.classification k
    where k.tenant_id = dialer.current_tenant() and k.kind = 'classification' and k.address = dialer.normalize_phone(phone_number, 'US')
      and k.active and (k.expires_at is null or k.expires_at > at)
$$;

-- Hands a call over to the dialer, in this transaction: limits, windows, caps and do-not-call are tested where it is placed, and nothing
-- is placed once the appointment has begun. Returns what became of it, or why it cannot be: the appointment is over, or comes before any opening.
create function hand_over(pending pending_calls, call_type text, campaign text, at timestamptz) returns text
language plpgsql as $$
declare planned record;
begin
    select s.call_id, s.result into planned from dialer.schedule_call(campaign, pending.phone_number, at => at, expires_at => pending.appointment_time, external_key => 'pending/' || pending.id,
        payload => to_jsonb(pending) - array['phone_number', 'last_error', 'workflow_metadata'] || pending.workflow_metadata,
        idempotency_key => format('pending/%s/%s', pending.id, (select count(*) from call_sessions c where c.pending_call_id = pending.id))) s;
    if planned.call_id is not null then
        insert into call_sessions (pending_call_id, call_type, dialer_call_id) values (pending.id, hand_over.call_type, planned.call_id);
    end if;
    return planned.result;
exception when sqlstate 'PD027' then
    return sqlerrm;
end $$;

-- A call that waits for its window was not attempted: the dialer knows when it was.
create function note_attempt(pending_call_id bigint) returns void
language sql as $$
    update pending_calls p set last_attempt_at = a.at
    from (select max(x.dialled_at) as at from call_sessions s join dialer.attempt_all x on x.call_id = s.dialer_call_id
          where s.pending_call_id = note_attempt.pending_call_id and x.intended_at is not null) a
    where p.id = note_attempt.pending_call_id and a.at > coalesce(p.last_attempt_at, '-infinity')
$$;

-- How the call that was handed over went: null, it is not over.
create function latest_call(pending_call_id bigint) returns table (state text, reason text, word text)
language sql stable as $$
    select c.state::text, c.end_reason, coalesce(a.disposition, a.word, a.outcome::text, c.end_reason)
    from (select s.dialer_call_id from call_sessions s where s.pending_call_id = latest_call.pending_call_id order by s.session_id desc limit 1) s
    join dialer.call c on c.call_id = s.dialer_call_id and c.ended_at is not null
    left join lateral (select x.disposition, x.word, x.outcome from dialer.attempt x where x.call_id = c.call_id order by x.ended_at desc limit 1) a on true
$$;

-- One more try in half an hour, or none any more: last_error keeps what the last one came to.
create function retry_pending_call(pending pending_calls, from_state text, reason text, at timestamptz) returns text
language plpgsql as $$
begin
    update pending_calls p set retry_count = p.retry_count + 1 where p.id = pending.id;
    if pending.retry_count + 1 >= pending.max_retries then
        perform move_pending_call(pending.id, from_state, case when from_state = 'classifying' then 'classification_failed' else 'failed' end, null, reason, failure => 'Max retries exceeded');
        return 'max_retries_exceeded';
    end if;
    perform move_pending_call(pending.id, from_state, 'retry_pending', at + interval '30 minutes', reason);
    return 'retry_scheduled';
end $$;

-- An error is a try as well: a number that cannot be read is not looked at for ever.
create function note_error(pending pending_calls, reason text, at timestamptz) returns text
language plpgsql as $$
begin
    update pending_calls p set retry_count = p.retry_count + 1, last_error = reason, next_action_at = at + interval '30 minutes' where p.id = pending.id;
    if pending.retry_count + 1 >= pending.max_retries then
        perform move_pending_call(pending.id, pending.workflow_state, 'failed', null, reason, failure => 'Max retries exceeded');
    end if;
    return 'error';
exception when others then
    -- Not even that can be written, by a trigger or constraint of the table's own: the others go on.
    return 'error';
end $$;

-- One state after another in one transaction, until the row waits for a call or for a time.
create function advance_pending_call(pending pending_calls, at timestamptz) returns text
language plpgsql as $$
declare
    known jsonb;
    done record;
    planned text;
    result text;
begin
    loop
        select p.* into pending from pending_calls p where p.id = pending.id;
        case pending.workflow_state
        when 'new' then
            perform move_pending_call(pending.id, 'new', 'checking_classification', at);
        when 'checking_classification' then
            known := look_classification_up(pending.phone_number, at);
            update pending_calls p set classification_lookup_at = at where p.id = pending.id;
            result := case when known is null then 'needs_classification' else 'classification_found' end;
            perform move_pending_call(pending.id, 'checking_classification', case when known is null then 'needs_classification' else 'ready_to_call' end, at, null, coalesce(known, '{}'));
        when 'needs_classification' then
            planned := hand_over(pending, 'classification', 'probe', at);
            if planned in ('scheduled', 'waiting', 'exists') then
                perform move_pending_call(pending.id, 'needs_classification', 'classifying', at);
                return 'classification_call_triggered';
            end if;
            -- Known in this moment: looked up again. Else the number may not be called.
            perform move_pending_call(pending.id, 'needs_classification', case planned when 'not_needed' then 'retry_pending' else 'failed' end, at, planned);
            return case planned when 'not_needed' then 'retry_scheduled' else 'error' end;
        when 'classifying' then
            perform note_attempt(pending.id);
            select * into done from latest_call(pending.id);
            known := look_classification_up(pending.phone_number, at);
            if done.state is null then
                return 'still_waiting';
            elsif done.state = 'completed' and done.reason <> 'answered' then
                -- With a human the call may have done the task itself: the outcome decides.
                perform move_pending_call(pending.id, 'classifying', 'completed', at, null, coalesce(known, '{}'));
                return 'skipped';
            elsif done.state = 'cancelled' or (done.state = 'expired' and pending.appointment_time <= at) then
                perform move_pending_call(pending.id, 'classifying', 'failed', at, done.reason);
                return 'error';
            elsif known is null then
                return retry_pending_call(pending, 'classifying', done.word, at);
            elsif known ->> 'classification_type' = 'human' then
                perform move_pending_call(pending.id, 'classifying', 'ready_to_call', at, null, known);
            else
                perform move_pending_call(pending.id, 'classifying', 'classification_pending', (known ->> 'classification_completed_at')::timestamptz + interval '30 seconds', null, known);
            end if;
        when 'classification_pending' then
            if pending.next_action_at > at then
                return 'still_waiting';
            end if;
            perform move_pending_call(pending.id, 'classification_pending', 'ready_to_call', at);
        when 'ready_to_call' then
            planned := hand_over(pending, 'task', 'task', at);
            if planned in ('scheduled', 'waiting', 'exists') then
                perform move_pending_call(pending.id, 'ready_to_call', 'calling', at);
                return 'task_call_triggered';
            end if;
            perform move_pending_call(pending.id, 'ready_to_call', 'failed', at, planned);
            return 'error';
        when 'calling' then
            perform note_attempt(pending.id);
            select * into done from latest_call(pending.id);
            if done.state is null then
                return 'still_waiting';
            elsif done.state = 'cancelled' or (done.state = 'expired' and pending.appointment_time <= at) then
                perform move_pending_call(pending.id, 'calling', 'failed', at, done.reason);
                return 'error';
            elsif done.state <> 'completed' then
                return retry_pending_call(pending, 'calling', done.word, at);
            end if;
            perform move_pending_call(pending.id, 'calling', 'completed', at);
            return 'skipped';
        when 'retry_pending' then
            if pending.next_action_at > at then
                return 'still_waiting';
            end if;
            perform move_pending_call(pending.id, 'retry_pending', case when look_classification_up(pending.phone_number, at) is null then 'checking_classification' else 'ready_to_call' end, at);
        else
            return coalesce(result, 'skipped');
        end case;
    end loop;
end $$;

-- By hand, for one row; 4. is for all of them.
create function process_pending_call(pending_call_id bigint, at timestamptz default dialer.now()) returns text
language plpgsql as $$
declare pending pending_calls;
begin
    if pending_call_id is null then
        raise exception using errcode = 'PD048', message = 'pending_call_id is required';
    end if;
    select p.* into pending from pending_calls p where p.id = pending_call_id for update skip locked;
    if pending.id is not null then
        return advance_pending_call(pending, at);
    elsif exists (select from pending_calls p where p.id = pending_call_id) then
        raise exception using errcode = 'PD048', message = 'Failed to update workflow state - call may be in progress';
    end if;
    raise exception using errcode = 'PD048', message = format('Pending call not found: %s', pending_call_id);
end $$;

-- 4. All that is due, each row by itself: an error stays with its row. What another session is at is passed over. The batch only bounds
-- a transaction, as do 45 seconds; how many are called at once and a second is the account's limit, not the clock's.
create function process_pending_calls(batch integer default 200, at timestamptz default dialer.now()) returns table (pending_call_id bigint, result text)
language plpgsql as $$
declare
    pending pending_calls;
    began timestamptz := clock_timestamp();
begin
    for pending in
        select p.* from pending_calls p
        -- Who only waits for a call comes last: else a batch of them would hold all others up.
        where p.id in (
            select o.id from pending_calls_open o where o.next_action_at <= at
            order by o.workflow_state in ('classifying', 'calling') and not exists (select from latest_call(o.id)), o.next_action_at, o.id limit batch)
        order by p.id for update skip locked
    loop
        pending_call_id := pending.id;
        begin
            result := advance_pending_call(pending, at);
        exception when others then
            result := note_error(pending, sqlerrm, at);
        end;
        return next;
        exit when clock_timestamp() > began + interval '45 seconds';
    end loop;
end $$;

-- What the job does: as above, and one row that tells of it. A week of minutes is kept.
create function run_pending_calls(batch integer default 200, at timestamptz default dialer.now()) returns text
language plpgsql as $$
declare
    began timestamptz := clock_timestamp();
    due integer := (select count(*) from pending_calls_open o where o.next_action_at <= at);
    done pending_call_runs;
begin
    insert into pending_call_runs (started_at, found, processed, errors, results, seconds)
    select at, due, coalesce(sum(r.times), 0), coalesce(sum(r.times) filter (where r.result = 'error'), 0),
           coalesce(jsonb_object_agg(r.result, r.times), '{}'), extract(epoch from clock_timestamp() - began)
    from (select p.result, count(*) as times from process_pending_calls(batch, at) p group by 1) r
    returning * into done;
    delete from pending_call_runs r where r.run_id <= done.run_id - 7 * 1440;
    return format('%s found, %s processed, %s errors', done.found, done.processed, done.errors);
end $$;

-- 5. What somebody looks at.
create view scheduler_dashboard as
    select workflow_state, count(*) as count, min(next_action_at) as earliest_next_action, round(avg(retry_count), 2) as avg_retries
    from pending_calls_open group by workflow_state;
create view dead_letters as
    select id, phone_number, workflow_state, failed_at, failure_reason, last_error, retry_count from pending_calls
    where workflow_state = any (dialer.final_states('preclassify')) and workflow_state <> 'completed' order by failed_at desc, id desc;
-- Stuck is what waits for a call that is over, or for one that the dialer itself calls stuck: not what takes long; and what was due an hour
-- ago while nobody came: the job does not run, or not often enough.
create view stuck_pending_calls as
    select p.id, p.workflow_state, p.next_action_at, s.dialer_call_id, t.why
    from pending_calls_open p
    join lateral (select c.dialer_call_id from call_sessions c where c.pending_call_id = p.id order by c.session_id desc limit 1) s on p.workflow_state in ('classifying', 'calling')
    left join dialer.call c on c.call_id = s.dialer_call_id left join dialer.stuck t on t.call_id = s.dialer_call_id
    where t.call_id is not null or c.call_id is null or c.ended_at < dialer.now() - interval '10 minutes'
    union all
    select p.id, p.workflow_state, p.next_action_at, null, format('due since %s, and no job came to it', p.next_action_at)
    from pending_calls_open p where p.workflow_state not in ('classifying', 'calling') and p.next_action_at < dialer.now() - interval '1 hour';
-- Back into the workflow, along legal moves; of a call that may be ringing, only the dialer says when it is over.
create function reset_stuck_pending_calls(at timestamptz default dialer.now()) returns bigint
language sql as $$
    with reset as (
        update pending_calls p set workflow_state = 'retry_pending', next_action_at = at, last_error = 'reset by hand'
        from stuck_pending_calls s where p.id = s.id and s.why is null and p.workflow_state = s.workflow_state returning 1)
    select count(*) from reset
$$;

-- 6. Every minute, if pg_cron is in this database; where it is not, anything that calls the same statement does. A run that hangs is ended
-- before the next begins, and what it did is undone.
do $$
begin
    if dialer.cron_is_here() then
        perform cron.schedule('preclassify', '* * * * *', 'set local statement_timeout = ''55s''; select run_pending_calls()');
    end if;
end $$;
commit;
