-- Roles, rights and row-level security.
-- Who uses it: whoever logs in. Invariants kept: 16; the dispatcher may call its functions and nothing else.

do $$
declare wanted text;
begin
    foreach wanted in array array['dialer_admin', 'dialer_user', 'dialer_reader', 'dialer_dispatcher'] loop
        if not exists (select from pg_roles where rolname = wanted) then
            execute format('create role %I nologin', wanted);
        end if;
    end loop;
end $$;
comment on role dialer_dispatcher is 'pg_dialer: may execute the dispatcher''s functions and nothing else';
comment on role dialer_admin is 'pg_dialer: everything but the clock';
comment on role dialer_user is 'pg_dialer: plans and controls within its tenant';
comment on role dialer_reader is 'pg_dialer: reads within its tenant';

do $$
declare object record;
begin
    -- Row-level security for every table that names a tenant. The owner, and functions that run as the owner, see all.
    for object in
        select c.oid::regclass as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
        where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'p')
    loop
        execute format('alter table %s enable row level security', object.name);
        execute format('create policy own_tenant_only on %s using (tenant_id = dialer.current_tenant() %s)', object.name,
            case when object.name = 'dialer.redial_policy'::regclass then 'or tenant_id is null' else '' end);
    end loop;
    -- Functions that decide or change are for our roles; the pure ones of the 01x to 04x files stay public.
    for object in
        select p.oid::regprocedure as name, p.prorettype = 'trigger'::regtype as is_trigger, l.lanname from pg_proc p join pg_language l on l.oid = p.prolang
        where p.pronamespace = 'dialer'::regnamespace and l.lanname in ('sql', 'plpgsql')
    loop
        execute format('revoke execute on function %s from public', object.name);
        execute format('grant execute on function %s to dialer_admin, dialer_user', object.name);
    end loop;
end $$;

grant usage on schema dialer to public;
grant execute on function dialer.current_tenant(), dialer.outcome_counts(dialer.outcome), dialer.outcome_end_state(dialer.outcome) to public;
grant execute on function
    dialer.claim(text, integer), dialer.intend(text, uuid[], bigint[]), dialer.mark_placed(uuid[], bigint[], text[]),
    dialer.mark_unknown(uuid[], bigint[], text[]), dialer.release(uuid[], bigint[], text[]), dialer.settle(uuid[], bigint[], text[], text[], jsonb[]),
    dialer.ingest_event(integer, jsonb), dialer.silent_attempts(text, integer), dialer.next_wake(text), dialer.tick(), dialer.heartbeat(text, text),
    dialer.account_for_hook(text, text)
    to dialer_dispatcher;
revoke execute on function
    dialer.claim(text, integer), dialer.intend(text, uuid[], bigint[]), dialer.mark_placed(uuid[], bigint[], text[]),
    dialer.mark_unknown(uuid[], bigint[], text[]), dialer.release(uuid[], bigint[], text[]), dialer.settle(uuid[], bigint[], text[], text[], jsonb[]),
    dialer.ingest_event(integer, jsonb), dialer.silent_attempts(text, integer), dialer.account_for_hook(text, text), dialer.tick(),
    dialer.install_cron(), dialer.create_tenant(text)
    from dialer_user;
grant select on all tables in schema dialer to dialer_reader, dialer_user, dialer_admin;
grant insert, update, delete on dialer.tenant, dialer.provider_account, dialer.calendar, dialer.closure, dialer.redial_policy, dialer.disposition,
    dialer.campaign, dialer.contact, dialer.endpoint, dialer.do_not_call, dialer.import, dialer.import_row to dialer_admin;
grant insert, update, delete on dialer.calendar, dialer.closure, dialer.redial_policy, dialer.disposition, dialer.campaign, dialer.contact,
    dialer.endpoint, dialer.do_not_call, dialer.import, dialer.import_row to dialer_user;
grant insert, update, delete on dialer.call, dialer.due, dialer.lease, dialer.lane, dialer.account_control to dialer_admin;
grant insert, update on dialer.lane to dialer_user;
grant insert, update on dialer.call to dialer_user;
grant insert, delete on dialer.due to dialer_user;
grant usage on all sequences in schema dialer to dialer_admin, dialer_user;

-- What a dump must hold: every row of every table, but those that create extension makes itself.
do $$
declare object record;
begin
    for object in select c.oid, c.relname, c.relkind from pg_class c where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'S', 'p')
        and c.relname not in ('machine', 'machine_edge') and c.relname !~ '^machine'
    loop
        perform pg_extension_config_dump(object.oid, case object.relname
            when 'tenant' then 'where tenant_id <> 1' when 'redial_policy' then 'where tenant_id is not null' else '' end);
    end loop;
end $$;

