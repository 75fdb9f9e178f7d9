-- The audit: every change of state of a call or an open attempt, written per statement by triggers that nobody can forget.
-- Invariants kept: 11.

create table dialer.transition (
    at timestamptz not null,
    tenant_id integer not null,
    machine text not null,
    call_id bigint not null,
    attempt_id uuid,
    from_state text not null,
    to_state text not null,
    reason text,
    actor text not null
) partition by range (at);
create table dialer.transition_other partition of dialer.transition default;
create index transition_of_call on dialer.transition_other (call_id, at);
comment on index dialer.transition_of_call is 'the history of one call';
comment on table dialer.transition is 'append-only: who changed which call or attempt, when, from, to, why';
comment on table dialer.transition_other is 'transitions outside the months that have partitions; the pattern of these';

-- The first statement of a session may touch one row, and its plan is kept for those that touch a thousand: hence no nested loop.
create function dialer.log_call_transition() returns trigger
language plpgsql security definer set search_path = pg_catalog, dialer, pg_temp set enable_nestloop = off as $$
begin
    insert into dialer.transition (at, tenant_id, machine, call_id, from_state, to_state, reason, actor)
    select dialer.now(), n.tenant_id, 'call', n.call_id, o.state::text, n.state::text, coalesce(n.end_reason, n.wait_reason),
           dialer.actor()
    from after_rows n join before_rows o using (call_id)
    where o.state <> n.state;
    return null;
end $$;
comment on function dialer.log_call_transition() is 'Trigger: writes the changes of state of one statement on dialer.call into dialer.transition.';
create trigger _900_log after update on dialer.call referencing old table as before_rows new table as after_rows
    for each statement execute function dialer.log_call_transition();

create function dialer.log_attempt_transition() returns trigger
language plpgsql security definer set search_path = pg_catalog, dialer, pg_temp set enable_nestloop = off as $$
begin
    if tg_op = 'INSERT' and current_setting('dialer.ending', true) is distinct from 'on' then
        -- Moved by retention: it ended long ago.
        return null;
    elsif tg_op = 'INSERT' then
        insert into dialer.transition (at, tenant_id, machine, call_id, attempt_id, from_state, to_state, reason, actor)
        select dialer.now(), n.tenant_id, 'attempt', n.call_id, n.attempt_id,
               case when n.answered_at is not null then 'answered' when n.ringing_at is not null then 'ringing' when n.placed_at is not null then 'placed'
                    when n.intended_at is not null then 'intended' else 'claimed' end, 'ended', case when n.review then 'review' else n.outcome::text end,
               dialer.actor()
        from after_rows n;
        return null;
    elsif tg_op = 'DELETE' and current_setting('dialer.ending', true) = 'on' then
        return null;
    elsif tg_op = 'DELETE' then
        insert into dialer.transition (at, tenant_id, machine, call_id, attempt_id, from_state, to_state, reason, actor)
        select dialer.now(), o.tenant_id, 'attempt', o.call_id, o.attempt_id, o.state::text,
               case when o.state = 'claimed' then 'released' else 'ended' end, o.note,
               dialer.actor()
        from before_rows o;
        return null;
    end if;
    insert into dialer.transition (at, tenant_id, machine, call_id, attempt_id, from_state, to_state, reason, actor)
    select dialer.now(), n.tenant_id, 'attempt', n.call_id, n.attempt_id, o.state::text, n.state::text, n.note,
           dialer.actor()
    from after_rows n join before_rows o using (call_id)
    where o.state <> n.state;
    return null;
end $$;
comment on function dialer.log_attempt_transition() is 'Trigger: writes the changes of state of one statement on dialer.lease, and the ends in dialer.attempt, into dialer.transition.';
create trigger _900_log after update on dialer.lease referencing old table as before_rows new table as after_rows
    for each statement execute function dialer.log_attempt_transition();
create trigger _900_log_end after delete on dialer.lease referencing old table as before_rows
    for each statement execute function dialer.log_attempt_transition();
create trigger _900_log_end after insert on dialer.attempt referencing new table as after_rows
    for each statement execute function dialer.log_attempt_transition();

create function dialer.refuse_change() returns trigger language plpgsql as $$
begin
    -- Erasure of a person takes out what names them, and nothing of what happened.
    if tg_op = 'UPDATE' and tg_table_name like 'attempt%' and current_setting('dialer.erasing', true) = 'on'
            and to_jsonb(new) - '{detail,provider_call_id}'::text[] = to_jsonb(old) - '{detail,provider_call_id}'::text[] then
        return new;
    end if;
    perform dialer.fail('PD004', format('rows of %s.%s are not changed', tg_table_schema, tg_table_name),
        'The table is an append-only record' || case when tg_table_schema = 'dialer' then '; retention drops whole partitions.' else '.' end, 'Add a new fact instead of changing an old one.');
    return null;
end $$;
comment on function dialer.refuse_change() is 'Trigger: refuses to update or delete rows of an append-only table, of ours or of your own. Error PD004.';
create trigger _100_append_only before update or delete on dialer.transition for each row execute function dialer.refuse_change();
create trigger _100_append_only before update or delete on dialer.attempt for each row execute function dialer.refuse_change();

create function dialer.ensure_partitions(at timestamptz) returns integer
language plpgsql volatile set lock_timeout = '20ms' as $$
declare
    month date;
    parent text;
    child text;
    made integer := 0;
    key text;
    begun boolean;
begin
    for month in select (date_trunc('month', at at time zone 'UTC') + make_interval(months => ahead))::date from generate_series(0, 2) ahead loop
        foreach parent in array array['attempt', 'provider_event', 'transition'] loop
            child := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
            continue when to_regclass('dialer.' || child) is not null;
            -- Rows that fell into the default partition before would refuse the new one; when the month is over, retention moves them.
            -- Asked first, because the attempt would lock out every writer while it reads the default partition.
            key := case parent when 'attempt' then 'ended_at' when 'provider_event' then 'received_on' else 'at' end;
            begin
                execute format('select exists (select from dialer.%I x where x.%I >= %L and x.%I < %L)', parent || '_other',
                    key, month || ' 00:00:00+00', key, (month + interval '1 month')::date || ' 00:00:00+00') into begun;
                continue when begun;
                -- Whoever writes rows of this month would look for their place before it is there, and be refused: they wait instead.
                if month <= at then
                    execute format('lock table dialer.%I in share row exclusive mode', parent);
                end if;
                execute format('create table dialer.%I (like dialer.%I including all)', child, parent || '_other');
                execute format('alter table dialer.%I attach partition dialer.%I for values from (%L) to (%L)', parent, child,
                    case parent when 'provider_event' then month::text else month || ' 00:00:00+00' end,
                    case parent when 'provider_event' then (month + interval '1 month')::date::text else (month + interval '1 month')::date || ' 00:00:00+00' end);
                execute format('comment on table dialer.%I is %L', child, format('month %s of dialer.%s', to_char(month, 'YYYY-MM'), parent));
                made := made + 1;
            -- Somebody reads for long, or makes the same month: it is tried again with the next tick.
            exception when check_violation or lock_not_available or duplicate_table or unique_violation then null;
            end;
        end loop;
    end loop;
    return made;
end $$;
comment on function dialer.ensure_partitions(timestamptz) is 'Makes the monthly partitions of attempts, events and transitions for this month (UTC) and the next two; returns how many were new.';
