-- Roles, rights and row-level security.
-- Who uses it: whoever logs in. Invariants kept: 16; the dispatcher may call its functions and nothing else.

do $$
declare wanted text;
begin
    foreach wanted in array array['dialer_admin', 'dialer_user', 'dialer_reader', 'dialer_dispatcher', 'dialer_api'] loop
        if not exists (select from pg_catalog.pg_roles r where r.rolname = wanted) then
            execute format('create role %I nologin', wanted);
        end if;
    end loop;
end $$;
comment on role dialer_admin is 'pg_dialer: sets everything up within its tenant';
comment on role dialer_user is 'pg_dialer: plans and controls within its tenant';
comment on role dialer_reader is 'pg_dialer: reads within its tenant';
comment on role dialer_dispatcher is 'pg_dialer: may execute the dispatcher''s functions and nothing else';
comment on role dialer_api is 'pg_dialer: shows an API key, then takes the role of its scope; has no right of its own but that';
alter role dialer_api noinherit;
grant dialer_reader, dialer_user, dialer_admin to dialer_api;

-- Row-level security. The owner, and functions that run as the owner, see all; everybody else one tenant.
-- Partitions have no rights of their own: they are reached through their parent and its policy.
do $$
declare object record;
begin
    for object in
        select c.oid::regclass as name, c.relname from pg_catalog.pg_class c
        join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped
        where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
    loop
        execute format('alter table %s enable row level security', object.name);
        -- In a subquery the tenant is looked up once a statement, not once a row.
        execute format('create policy own_tenant_only on %s using (tenant_id = (select dialer.current_tenant())%s) with check (tenant_id = (select dialer.current_tenant()))',
            object.name, case when object.relname in ('redial_policy', 'workflow', 'workflow_step') then ' or tenant_id is null' else '' end);
    end loop;
    for object in
        select c.oid::regclass as name from pg_catalog.pg_class c where c.relnamespace = 'dialer'::regnamespace and c.relkind = 'v'
    loop
        execute format('alter view %s set (security_invoker = true)', object.name);
    end loop;
end $$;
-- Foreign keys do not ask whose row it is: a number is added to a contact of the own tenant only.
create policy own_contacts_only on dialer.endpoint as restrictive for all
    using (true) with check (exists (select from dialer.contact p where p.contact_id = endpoint.contact_id and p.tenant_id = endpoint.tenant_id));
alter table dialer.account_control enable row level security;
create policy own_accounts_only on dialer.account_control
    using (exists (select from dialer.provider_account a where a.account_id = account_control.account_id));
alter table dialer.account_health enable row level security;
create policy own_accounts_only on dialer.account_health
    using (exists (select from dialer.provider_account a where a.account_id = account_health.account_id));
alter table dialer.caller_id enable row level security;
create policy own_accounts_only on dialer.caller_id
    using (exists (select from dialer.provider_account a where a.account_id = caller_id.account_id));
alter table dialer.due enable row level security;
create policy own_lanes_only on dialer.due using (exists (select from dialer.lane l where l.lane_id = due.lane_id));
alter table dialer.import_row enable row level security;
create policy own_imports_only on dialer.import_row using (exists (select from dialer.import i where i.import_id = import_row.import_id));
alter table dialer.import_line enable row level security;
create policy own_imports_only on dialer.import_line using (exists (select from dialer.import i where i.import_id = import_line.import_id));
alter table dialer.backfill_call enable row level security;
create policy own_backfills_only on dialer.backfill_call using (exists (select from dialer.backfill b where b.backfill_id = backfill_call.backfill_id));
alter table dialer.backfill_status enable row level security;
create policy own_backfills_only on dialer.backfill_status using (exists (select from dialer.backfill b where b.backfill_id = backfill_status.backfill_id));
-- Of all tenants together, so for the owner.
alter table dialer.retention_log enable row level security;
alter table dialer.upkeep_step enable row level security;

-- Functions. The pure ones (files 010 to 040) are for everybody; the others for our roles.
do $$
declare object record;
begin
    for object in
        select p.oid::regprocedure as name, p.proname from pg_catalog.pg_proc p join pg_catalog.pg_language l on l.oid = p.prolang
        where p.pronamespace = 'dialer'::regnamespace and l.lanname in ('sql', 'plpgsql')
    loop
        execute format('revoke execute on function %s from public', object.name);
        execute format('grant execute on function %s to dialer_admin, dialer_user, dialer_reader', object.name);
        -- What changes the work runs as the owner and looks only at the tenant of the session: nobody needs a right on the hot tables.
        if object.proname = any (array[
                'create_api_key', 'revoke_api_key',
                'create_account', 'set_limits', 'remove_rate', 'rest_caller_id', 'reopen_account', 'pause_account', 'account_settings',
                'create_calendar', 'add_closures', 'import_closures',
                'create_redial_policy',
                'map_disposition', 'set_disposition',
                'create_campaign', 'start_campaign', 'pause_campaign', 'resume_campaign', 'stop_campaign', 'archive_campaign',
                'add_do_not_call', 'add_person_do_not_call',
                'create_workflow', 'use_workflow', 'classify_number', 'forget_classification', 'set_classification', 'map_classification',
                'retry_dead_letters', 'reset_stuck',
                'pause_queue', 'resume_queue', 'close_queue', 'clean_queue',
                'give_consent', 'withdraw_consent',
                'load_calling_rules', 'unload_calling_rules', 'add_legal_holidays', 'remove_legal_holidays', 'choose_law', 'drop_law',
                'set_tenant_cap', 'remove_tenant_cap',
                'declare_ban', 'lift_ban',
                'schedule_call', 'schedule_batch', 'preview_batch', 'cancel_call', 'reschedule_call', 'request_callback', 'restagger', 'enrol',
                'preview_restagger',
                'mark_converted',
                'edit_campaign', 'create_recurring_campaign', 'restore_campaign',
                'begin_import', 'import_contacts', 'finish_import',
                'schedule_series', 'cancel_series',
                'begin_backfill', 'take_backfill', 'backfill_to_check', 'note_backfill_status', 'backfill_summary', 'apply_backfill',
                'stored_events', 'replay_events',
                'begin_request', 'finish_request', 'schedule_for_agent', 'cancel_scheduled', 'reschedule_scheduled', 'add_contact', 'take_off_do_not_call',
                'export_person', 'erase_person'
                ]) then
            execute format('alter function %s security definer set search_path = pg_catalog, dialer, pg_temp', object.name);
            execute format('revoke execute on function %s from dialer_reader', object.name);
        end if;
        if object.proname = any (array['load_calling_rules', 'unload_calling_rules', 'remove_legal_holidays', 'choose_law', 'drop_law', 'set_tenant_cap', 'remove_tenant_cap', 'lift_ban',
                'create_api_key', 'revoke_api_key', 'create_account', 'set_limits', 'remove_rate', 'reopen_account', 'pause_account', 'install_cron', 'cron_runs', 'replay_events', 'export_person', 'erase_person', 'take_off_do_not_call']) then
            execute format('revoke execute on function %s from dialer_user, dialer_reader', object.name);
        end if;
        if object.proname = any (array['claim', 'intend', 'mark_placed', 'mark_unknown', 'release', 'settle', 'ingest_event', 'silent_attempts', 'next_wake',
                'tick', 'heartbeat', 'account_for_hook', 'account_to_check', 'streaming_accounts', 'look_again', 'old_snapshots', 'oldest_snapshot_seconds', 'cron_health']) then
            -- They work for every tenant: not even an administrator of one may call them, except for those that tell nothing of a tenant.
            execute format('revoke execute on function %s from dialer_user, dialer_reader', object.name);
            if object.proname <> all (array['tick', 'old_snapshots', 'oldest_snapshot_seconds', 'cron_health']) then
                execute format('revoke execute on function %s from dialer_admin', object.name);
            end if;
            execute format('grant execute on function %s to dialer_dispatcher', object.name);
        end if;
        if object.proname = 'use_api_key' then
            execute format('alter function %s security definer set search_path = pg_catalog, dialer, pg_temp', object.name);
            execute format('revoke execute on function %s from dialer_admin, dialer_user, dialer_reader', object.name);
            execute format('grant execute on function %s to dialer_api', object.name);
        end if;
        if object.proname in ('set_retention', 'recompute_due', 'set_tenant_limits', 'create_tenant', 'bind_role', 'unbind_role', 'allow_secret', 'forbid_secret') then
            -- It holds for all tenants, or says what a tenant may.
            execute format('revoke execute on function %s from dialer_admin, dialer_user, dialer_reader', object.name);
        end if;
    end loop;
end $$;

-- Tables.
grant usage on schema dialer to public;
do $$
declare object record;
begin
    for object in
        select c.oid::regclass as name, c.relname from pg_catalog.pg_class c
        where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'p', 'v') and not c.relispartition and c.relname <> 'invariant_violation'
    loop
        execute format('grant select on %s to dialer_reader, dialer_user, dialer_admin', object.name);
    end loop;
end $$;
revoke select on dialer.api_key from dialer_reader, dialer_user, dialer_admin;
grant select (api_key_id, tenant_id, name, scope, created_at, expires_at, revoked_at, last_used_on) on dialer.api_key to dialer_admin;
grant insert, update, delete on dialer.calendar, dialer.closure, dialer.redial_policy, dialer.disposition, dialer.import_row, dialer.classification to dialer_user, dialer_admin;
-- Caps and the record of calls go by the numbers of people and endpoints: these are not deleted (erase_person takes out whom they name), and
-- another number is another endpoint. What is on the do-not-call list leaves it by its expiry, by take_off_do_not_call or by the owner.
grant insert, update on dialer.contact to dialer_user, dialer_admin;
grant insert, update (position, status) on dialer.endpoint to dialer_user, dialer_admin;
grant insert on dialer.do_not_call to dialer_user, dialer_admin;
grant update (wait, keep, policy_id) on dialer.workflow_step to dialer_user, dialer_admin;
-- Not the columns by which the claim shares and paces: a slot at infinity would make every claim fail.
grant insert (tenant_id, name, account_id, calendar_id, policy_id, zone_rule, priority, weight, max_concurrent, per_second, misfire, misfire_after, finish_within,
        caller_pool, consent, subject, valid_until, callback_priority, callback_tolerance, callback_late, conversion_reach, recurs, contact_limit, contact_limit_counts,
        settings, state, state_reason),
    update (name, account_id, calendar_id, policy_id, zone_rule, priority, weight, max_concurrent, per_second, misfire, misfire_after, finish_within,
        caller_pool, consent, subject, valid_until, callback_priority, callback_tolerance, callback_late, conversion_reach, recurs, contact_limit, contact_limit_counts,
        settings, state, state_reason), delete on dialer.campaign to dialer_user, dialer_admin;
grant insert, update, delete on dialer.provider_account to dialer_admin;
grant insert on dialer.account_control, dialer.account_health to dialer_admin;
grant update on dialer.account_health to dialer_admin;
grant update (next_slot_at) on dialer.account_control to dialer_admin;
grant insert, delete, update (number, provider_ref, max_concurrent, per_second, max_per_day, pool, rests_until, next_slot_at) on dialer.caller_id to dialer_admin;
grant usage on all sequences in schema dialer to dialer_admin, dialer_user;

-- What a dump must hold: every row of every table, but those that create extension makes itself.
do $$
declare object record;
begin
    for object in
        select c.oid, c.relname from pg_catalog.pg_class c
        where c.relnamespace = 'dialer'::regnamespace and c.relkind in ('r', 'S') and c.relname !~ '^machine'
    loop
        perform pg_catalog.pg_extension_config_dump(object.oid, case object.relname
            when 'tenant' then 'where tenant_id <> 1' when 'redial_policy' then 'where tenant_id is not null'
            when 'workflow' then 'where tenant_id is not null' when 'workflow_step' then 'where tenant_id is not null'
            when 'upkeep_step' then 'where false' when 'provider_word' then 'where false' when 'shipped_pack' then 'where false' when 'shipped_rule' then 'where false' when 'shipped_holiday' then 'where false' else '' end);
    end loop;
end $$;
