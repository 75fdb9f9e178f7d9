-- Caps of a tenant: over all its campaigns, and over channels if it says so, on top of each campaign's own policy.
-- Who uses it: lanes carry them (170_campaign.sql); the claim and the instant of placing count (212_capped.sql).
-- Invariants kept: 4, 8 (counted from attempts; there is no counter).

create table dialer.tenant_cap (
    tenant_id integer not null default dialer.current_tenant() references dialer.tenant,
    name text not null constraint tenant_cap_name_is_not_blank check (btrim(name) <> ''),
    capping dialer.capping not null,
    primary key (tenant_id, name)
);
comment on table dialer.tenant_cap is 'caps that hold over all campaigns of a tenant';

create function dialer.set_tenant_cap(name text, max_count integer, kind text, amount integer default null, cap_key text default 'person', counts text default 'attempts',
    channels text[] default '{voice}', instead text default 'wait', hang_up_seconds integer default 30) returns void
language plpgsql volatile as $$
begin
    if coalesce(btrim(name), '') = '' then
        perform dialer.fail('PD044', 'a cap of the tenant has no name', 'By its name it is changed and removed.', 'Name it after what it is for.');
    elsif coalesce(cap_key, '') <> all ('{number,person,subject,campaign}') or coalesce(counts, '') <> all ('{attempts,answered,conversations,voicemails,refusals,hang_ups}')
       or coalesce(instead, '') <> all ('{wait,no_message}') or coalesce(cardinality(channels), 0) = 0 or not channels <@ enum_range(null::dialer.channel)::text[] then
        perform dialer.fail('PD044', format('cap "%s" counts %s per %s in %s, else %s', name, counts, cap_key, coalesce(channels::text, 'null'), instead),
            'cap_key is number, person, subject or campaign; counts is attempts, answered, conversations, voicemails, refusals or hang_ups; channels are voice, email, sms; instead is wait or no_message.',
            'E.g. select dialer.set_tenant_cap(''after a refusal'', 0, ''cooldown_dates'', 60, counts => ''refusals'').');
    elsif not coalesce(hang_up_seconds between 0 and 3600, false) then
        perform dialer.fail('PD044', format('cap "%s" takes conversations of less than %s seconds for hang-ups', name, coalesce(hang_up_seconds::text, 'null')), 'It is 0 (none) to 3600.', 'Leave it out for 30.');
    elsif amount > 31622400 or (kind like '%dates' and amount > 366) then
        perform dialer.fail('PD044', format('cap "%s" looks back %s', name, amount), 'A cap looks back a year at most: 31622400 seconds, or 366 dates.');
    end if;
    -- Raises PD015 for a cap that the claim could not use.
    perform dialer.next_callable('2000-01-01 00:00:00+00', '{}', '{}', array[row(max_count, kind, amount, null)::dialer.cap], 'UTC');
    insert into dialer.tenant_cap (name, capping)
    values (set_tenant_cap.name, row('tenant: ' || set_tenant_cap.name, row(max_count, kind, amount, null)::dialer.cap, cap_key, counts, channels::dialer.channel[], instead, 'set by the tenant', hang_up_seconds)::dialer.capping)
    on conflict on constraint tenant_cap_pkey do update set capping = excluded.capping;
    perform dialer.reconsider(array(select c.campaign_id from dialer.campaign c where c.tenant_id = dialer.current_tenant()), 'cap_changed', dialer.now());
end $$;
comment on function dialer.set_tenant_cap(text, integer, text, integer, text, text, text[], text, integer) is
'Sets a cap over all campaigns of the tenant, from the next claim on, on top of their policies: max_count, kind and amount as in dialer.cap (gap and rolling in seconds; cooldown_dates counts from the last of what it counts). cap_key: per number, person, subject (person and subject) or campaign (person in one campaign). counts: attempts, answered, conversations, voicemails (messages left), refusals or hang_ups. channels: which calls count and are held back. instead: wait until it is allowed, or no_message (call, and leave no message). hang_up_seconds: which conversations count among hang_ups, besides calls that were rejected: those that were shorter. Errors: PD044, PD015.';

create function dialer.remove_tenant_cap(name text) returns void
language plpgsql volatile as $$
begin
    delete from dialer.tenant_cap k where k.tenant_id = dialer.current_tenant() and k.name = remove_tenant_cap.name;
    if not found then
        perform dialer.fail('PD044', format('cap "%s" does not exist', coalesce(name, 'null')), null, 'Caps of this tenant are in dialer.tenant_cap.');
    end if;
    perform dialer.reconsider(array(select c.campaign_id from dialer.campaign c where c.tenant_id = dialer.current_tenant()), 'cap_changed', dialer.now());
end $$;
comment on function dialer.remove_tenant_cap(text) is 'Takes a cap of the tenant away, from the next claim on. Error PD044: no such cap.';

create function dialer.tenant_cappings(tenant_id integer) returns dialer.capping[]
language sql stable as $$
    select coalesce(array_agg(k.capping order by k.name), '{}') from dialer.tenant_cap k where k.tenant_id = tenant_cappings.tenant_id
$$;
comment on function dialer.tenant_cappings(integer) is 'The caps of a tenant.';
