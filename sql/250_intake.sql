-- Intake: rows from a file or a program become contacts, endpoints and calls. Set-based; a bad row never stops the others.
-- Who uses it: schedule_call, schedule_batch, import_contacts, enrol.
-- Invariants kept: 1 (first match wins, the strictest status wins), 6 (no usable number or zone: said, and not called).

create type dialer.intake_row as (
    line bigint, external_key text, name text, phone text, email text, tz text, state text, status text, attributes jsonb);
comment on type dialer.intake_row is 'one row as it comes from outside; every field may be null';
create type dialer.intake_result as (
    line bigint, contact_id bigint, voice_endpoint_id bigint, email_endpoint_id bigint, verdict text, created boolean, first_line bigint);
comment on type dialer.intake_result is 'what became of a row: verdict accepted, duplicate, do_not_call or finished (a sale before); first_line: where its address came first';
create type dialer.intake_problem as (line bigint, col text, value text, reason text, severity text);
comment on type dialer.intake_problem is 'why a row, or a field of it, was not taken: severity error (not taken) or note (taken, with a restriction)';
create type dialer.intake_parsed as (
    line bigint, external_key text, name text, e164 text, email text, zones text[], zone_source text, jurisdiction text,
    meaning dialer.outcome, attributes jsonb, first_line bigint, contact_id bigint, created boolean, jurisdictions text[], jurisdiction_source text);
comment on type dialer.intake_parsed is 'a row of intake with its fields understood';

create function dialer.try_phone(phone text, region text, out e164 text, out problem text)
language plpgsql stable as $$
begin
    e164 := dialer.normalize_phone(phone, region);
    if e164 is null and phone is not null then
        problem := 'no region is stated for it';
    end if;
exception when sqlstate 'PD014' then
    problem := sqlerrm;
end $$;
comment on function dialer.try_phone(text, text) is 'Number in E.164, or the problem with it; never an error.';

create function dialer.zones_known(tz text, state text, e164 text) returns table (zones text[], zone_source text)
language sql stable parallel safe rows 1 as $$
    select r.zones, r.source from dialer.resolve_zone(tz, state, e164) r
$$;
comment on function dialer.zones_known(text, text, text) is
'Candidate zones of a contact by precedence: stated (one zone or several with commas), state of the address, number; with the source. Several zones: callable only when open in all.';

-- A file comes in chunks, each with its own transaction; a duplicate may follow in a later chunk.
create table dialer.import_line (import_id bigint, address text, line bigint not null, do_not_call boolean not null, primary key (import_id, address));
comment on table dialer.import_line is 'where each address of a running import came first; emptied when the import ends';

create function dialer.parse_intake(rows dialer.intake_row[], region text, import_id bigint, out parsed dialer.intake_parsed[], out problems dialer.intake_problem[])
language plpgsql stable as $$
begin
    with read as (
        select r.*, dialer.zip_of(r.attributes) as zip, p.e164, p.problem as phone_problem,
               case when r.email ~ '^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+$' then lower(r.email) end as address
        from (select u.line, nullif(btrim(u.external_key), '') as external_key, nullif(btrim(u.name), '') as name, nullif(btrim(u.phone), '') as phone,
                     nullif(btrim(u.email), '') as email, nullif(btrim(u.tz), '') as tz, nullif(btrim(u.state), '') as state,
                     nullif(btrim(u.status), '') as status,
                     -- A ZIP code that stands where the state should is kept as what it is.
                     u.attributes as given, case when jsonb_typeof(u.attributes) = 'object' then u.attributes else '{}' end || case when dialer.states_of_zip(u.state) <> '{}' and dialer.zip_of(case when jsonb_typeof(u.attributes) = 'object' then u.attributes end) is null then jsonb_build_object('zip', btrim(u.state)) else '{}' end as attributes
              from unnest(rows) u) r
        left join lateral dialer.try_phone(r.phone, region) p on r.phone is not null),
    usable as (
        select r.*, z.zones, z.zone_source, dialer.jurisdiction_of(r.state, r.e164) as jurisdiction, j.jurisdictions, j.source as jurisdiction_source, dialer.normalize_outcome(r.status)::dialer.outcome as meaning,
               coalesce(i.line, min(r.line) over (partition by coalesce(r.e164, r.address))) as first_line
        from read r cross join lateral dialer.zones_known(r.tz, coalesce(case when cardinality(dialer.zones_of_state(r.state)) > 0 then r.state end, r.zip, r.state), r.e164) z
        cross join lateral dialer.resolve_jurisdiction(r.state, array[r.e164], r.zip) j
        left join dialer.import_line i on i.import_id = parse_intake.import_id and i.address = coalesce(r.e164, r.address)
        where r.e164 is not null or r.address is not null)
    select array(select row(u.line, u.external_key, u.name, u.e164, u.address, u.zones, u.zone_source, u.jurisdiction, u.meaning, u.attributes,
                            u.first_line, null, null, u.jurisdictions, u.jurisdiction_source)::dialer.intake_parsed from usable u order by u.line),
           array(select row(p.line, p.col, p.value, p.reason, p.severity)::dialer.intake_problem from (
                select r.line, 'phone' as col, r.phone as value, r.phone_problem as reason,
                       case when r.address is null then 'error' else 'note' end as severity from read r where r.phone_problem is not null
                union all
                select r.line, 'email', r.email, 'not an e-mail address', case when r.e164 is null then 'error' else 'note' end
                from read r where r.email is not null and r.address is null
                union all
                select r.line, 'phone', null, 'neither a phone number nor an e-mail address', 'error' from read r where r.phone is null and r.email is null
                union all
                select u.line, 'tz', u.tz, 'not a known time zone' || case u.zone_source
                           when 'unknown' then ', and nothing else tells the zone: will not be called'
                           else format(', %s used instead', array_to_string(u.zones, ' and ')) end, 'note'
                from usable u where u.tz is not null and u.zone_source <> 'stated'
                union all
                select u.line, 'tz', u.tz, format('an abbreviation, which is read as %s', array_to_string(u.zones, ' and ')), 'note'
                from usable u where u.zone_source = 'stated' and exists (select from regexp_split_to_table(u.tz, ',') a where dialer.zones_of_abbreviation(btrim(a), u.e164) <> '{}')
                union all
                select u.line, 'phone', u.e164, 'no time zone is known for it: will not be called where hours follow the contact', 'note'
                from usable u where u.tz is null and u.zone_source = 'unknown' and u.e164 is not null
                union all
                select u.line, 'attributes', left(u.given::text, 100), 'not a JSON object: ignored', 'note' from usable u where jsonb_typeof(u.given) not in ('object', 'null')
                union all
                select u.line, 'state', u.state, 'not a known state, province or country: ignored', 'note' from usable u where u.state is not null and u.jurisdiction is null
                    and not coalesce(dialer.states_of_zip(u.state) <> '{}' and u.jurisdiction_source in ('stated', 'both'), false)
                union all
                select u.line, 'zip', u.zip, 'no state is known for this ZIP code: it does not tell whose law holds', 'note'
                from usable u where u.jurisdiction is null and u.e164 like '+1%' and u.zip ~ '^[0-9]{3,5}(-[0-9]{4})?$' and dialer.states_of_zip(u.zip) = '{}'
                union all
                select u.line, 'status', u.status, 'not a known status: ignored', 'note' from usable u where u.status is not null and u.meaning is null
                    and lower(u.status) not in ('new', 'pending', 'open', 'active', 'ok', 'waiting')
                union all
                select u.line, case when u.e164 is null then 'email' else 'phone' end, coalesce(u.e164, u.address),
                       format('same as in line %s: merged, the first line wins', u.first_line), 'note' from usable u where u.line > u.first_line
                ) p order by p.line)
    into parsed, problems;
end $$;
comment on function dialer.parse_intake(dialer.intake_row[], text, bigint) is
'Reads rows from outside: numbers, addresses, zones and status understood, duplicates within the rows (and earlier ones of the import, if any) marked; problems by line and column.';

create function dialer.admit(rows dialer.intake_row[], region text, source text, at timestamptz, import_id bigint,
    out results dialer.intake_result[], out problems dialer.intake_problem[])
language plpgsql volatile as $$
declare
    tenant integer := dialer.current_tenant();
    parsed dialer.intake_parsed[];
begin
    select p.parsed, p.problems into parsed, problems from dialer.parse_intake(rows, region, import_id) p;
    -- Two imports of one tenant at once would both find a number missing and both add it. Reading the rows, which takes longest, needs no lock.
    perform pg_advisory_xact_lock(hashtext('dialer.admit'), tenant);
    parsed := dialer.admit_contacts(parsed, tenant, source, at);
    insert into dialer.endpoint (tenant_id, contact_id, channel, address)
    select tenant, p.contact_id, 'voice'::dialer.channel, p.e164 from unnest(parsed) p where p.e164 is not null and p.line = p.first_line
    union all
    select tenant, p.contact_id, 'email', p.email from unnest(parsed) p where p.email is not null and p.line = p.first_line
    on conflict do nothing;
    insert into dialer.do_not_call (tenant_id, address, source, added_at)
    select distinct tenant, x.address, admit.source, at
    from unnest(parsed) p cross join lateral (values (p.e164), (p.email)) x(address)
    where p.meaning = 'dnc' and x.address is not null and not dialer.must_not_call(tenant, null, x.address, at);
    results := array(
        select row(p.line, p.contact_id, v.endpoint_id, m.endpoint_id,
            case when dialer.must_not_call(tenant, p.contact_id, coalesce(p.e164, p.email), at) then 'do_not_call'
                 when s.sold then 'finished'
                 when p.line > p.first_line then 'duplicate'
                 else 'accepted' end, p.created, p.first_line)::dialer.intake_result
        from unnest(parsed) p
        left join dialer.endpoint v on v.tenant_id = tenant and v.channel = 'voice' and v.address = p.e164
        left join dialer.endpoint m on m.tenant_id = tenant and m.channel = 'email' and m.address = p.email
        left join (select o.first_line, bool_or(o.meaning = 'sale') as sold from unnest(parsed) o group by o.first_line) s
               on s.first_line = p.first_line
        order by p.line);
end $$;
comment on function dialer.admit(dialer.intake_row[], text, text, timestamptz, bigint) is
'Adds or updates contacts and endpoints from rows, puts those marked so on do-not-call, and says what became of every row. A do-not-call mark or a sale on any duplicate holds for all.';

create function dialer.admit_contacts(parsed dialer.intake_parsed[], tenant integer, source text, at timestamptz) returns dialer.intake_parsed[]
language plpgsql volatile as $$
declare resolved dialer.intake_parsed[];
begin
    resolved := array(
        with found as (
            select p.*, coalesce(k.contact_id, v.contact_id, m.contact_id) as known,
                   coalesce('k' || p.external_key, 'a' || coalesce(p.e164, p.email)) as identity
            from unnest(parsed) p
            left join dialer.contact k on k.tenant_id = tenant and k.external_key = p.external_key
            left join dialer.endpoint v on v.tenant_id = tenant and v.channel = 'voice' and v.address = p.e164
            left join dialer.endpoint m on m.tenant_id = tenant and m.channel = 'email' and m.address = p.email),
        leaders as (
            select f.identity, nextval('dialer.contact_contact_id_seq') as fresh from found f
            where f.known is null and f.line = f.first_line group by f.identity)
        select row(f.line, f.external_key, f.name, f.e164, f.email, f.zones, f.zone_source, f.jurisdiction, f.meaning, f.attributes, f.first_line,
                   coalesce(f.known, l.fresh, first_value(coalesce(f.known, l.fresh)) over (partition by f.first_line order by f.line)),
                   f.known is null and f.line = f.first_line, f.jurisdictions, f.jurisdiction_source)::dialer.intake_parsed
        from found f left join leaders l using (identity) order by f.line);
    insert into dialer.contact (contact_id, tenant_id, external_key, name, zones, zone_source, jurisdiction, jurisdictions, jurisdiction_source, attributes, sources, created_at)
    select distinct on (p.contact_id) p.contact_id, tenant, p.external_key, p.name, p.zones, p.zone_source, p.jurisdiction, p.jurisdictions, p.jurisdiction_source, p.attributes, array[source], at
    from unnest(resolved) p where p.created order by p.contact_id, p.line
    on conflict do nothing;
    update dialer.contact c
    set name = coalesce(p.name, c.name), sources = case when source = any (c.sources) then c.sources else c.sources || source end, attributes = c.attributes || p.attributes, jurisdiction = coalesce(p.jurisdiction, c.jurisdiction),
        zones = case when c.zone_source = 'unknown' or p.zone_source = 'stated' then p.zones else c.zones end,
        zone_source = case when c.zone_source = 'unknown' or p.zone_source = 'stated' then p.zone_source else c.zone_source end
    from (select distinct on (u.contact_id) u.* from unnest(resolved) u where not u.created and u.line = u.first_line order by u.contact_id, u.line) p
    where c.contact_id = p.contact_id;
    return resolved;
end $$;
comment on function dialer.admit_contacts(dialer.intake_parsed[], integer, text, timestamptz) is
'Finds the contact of each row by external key, number or address, adds the missing and updates the known; returns the rows with contact numbers.';
