-- Batches: many cases planned at once on one or two channels, staggered; what that would give; and spreading again what crowds one instant.
-- Who uses it: applications, in their own transactions. A batch that is rolled back has never been.
-- Invariants kept: 4 (a slot is a due time and no permission), 6 (a case that cannot be planned comes back with its reason).
--
-- A case has a position in the whole batch, counted from 1, and its slot depends on that position alone: chunks of a batch
-- (first_position, of_count) get the times of one pass. Offsets are open time: what does not fit before closing goes on at the next opening.

create type dialer.batch_line as (
    "position" bigint, of_count bigint, case_key text, channel text, campaign text, call_id bigint, after interval, due_at timestamptz,
    utc_time text, local_time text, tz text, days_after integer, result text);
comment on type dialer.batch_line is
'what became of a case in a channel, without its name: position of of_count, the case''s external key, open time after the base, due instant with the wall clock in UTC and at the contact, and how many local dates after the base''s it is; channel row, phone or email with no campaign: the case was left out, result says why';

create function dialer.wall_time(at timestamptz, tz text) returns text
language sql stable parallel safe as $$
    select to_char(at at time zone tz, 'Dy YYYY-MM-DD HH24:MI:SS') || coalesce(nullif(to_char(at at time zone tz, '.MS'), '.000'), '')
$$;
comment on function dialer.wall_time(timestamptz, text) is
'An instant as a clock in a zone shows it, with its weekday; milliseconds where there are any.
e.g. select dialer.wall_time(''2025-12-20 01:57:45.934+00'', ''America/New_York'') --> Fri 2025-12-19 20:57:45.934';

create function dialer.check_weekday(at timestamptz, tz text, weekday text) returns void
language plpgsql stable as $$
declare
    is_day text := to_char(at at time zone tz, 'FMDay');
    stated text := lower(btrim(weekday, ' .,'));
begin
    if stated !~ '^[a-z]{2,}$' or not starts_with(lower(is_day), stated) then
        perform dialer.fail('PD053', format('%s is a %s in %s, not a %s', to_char(at at time zone tz, 'YYYY-MM-DD'), is_day, tz, weekday),
            'A weekday that is stated has to be that of the date, on the wall clock of the zone.', 'Correct the date or the weekday, or leave the weekday out.');
    end if;
end $$;
comment on function dialer.check_weekday(timestamptz, text, text) is 'Refuses a weekday that is not that of the date; its first two letters or more are enough. Error PD053.';

create function dialer.at_wall(wall text, tz text) returns timestamptz
language plpgsql stable as $$
declare
    part text[] := regexp_match(wall, '^\s*(?:([a-z]+)[\s.,]+)?(\d{4}-\d\d-\d\d)(?:[T\s]+(\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?))?\s*$', 'i');
    zone text := dialer.zone_named(tz);
    local_ timestamp;
    at timestamptz;
begin
    begin
        local_ := (part[2] || ' ' || coalesce(part[3], '00:00'))::timestamp;
    exception when datetime_field_overflow or invalid_datetime_format then
        part := null;
    end;
    if part is null then
        perform dialer.fail('PD055', format('"%s" is not a wall-clock time', coalesce(wall, 'null')), 'It is a date, with its weekday if you like, and a time of day.',
            'Write e.g. Tuesday 2025-11-04 09:00.');
    end if;
    at := dialer.next_occurrence('FREQ=DAILY;COUNT=1', local_, zone);
    if part[1] is not null then
        perform dialer.check_weekday(at, zone, part[1]);
    end if;
    return at;
end $$;
comment on function dialer.at_wall(text, text) is
'The instant of a wall-clock time in a zone, such as Tuesday 2025-11-04 09:00; a weekday that is stated must be that of the date. A time that does not exist when clocks go forward is moved forward, one that comes twice is the first. Errors: PD055 not a time, PD053 another weekday, PD011 zone.
e.g. select dialer.at_wall(''Tuesday 2025-11-04 09:00'', ''Asia/Kolkata'') --> 2025-11-04 03:30:00+00';

create function dialer.batch_case(fields jsonb) returns jsonb
language sql immutable parallel safe as $$
    select jsonb_strip_nulls(jsonb_object_agg(f.key, f.value) filter (where f.known)
        || jsonb_build_object('attributes', coalesce(jsonb_object_agg(f.key, f.value) filter (where not f.known), '{}')
            || case jsonb_typeof(fields -> 'attributes') when 'object' then fields -> 'attributes' else '{}' end))
    from (select e.key, e.value, e.key = any ('{external_key,name,phone,email,tz,state,status,payload,attributes}') as known from jsonb_each(fields) e) f
$$;
comment on function dialer.batch_case(jsonb) is 'A row of a query as a case of a batch: columns that a case does not have become attributes.';

create function dialer.cases_of(query text) returns jsonb
language plpgsql volatile as $$
declare found jsonb;
begin
    if coalesce(btrim(query), '') = '' then
        perform dialer.fail('PD015', 'no query is given', 'Its rows are the cases of a batch.', 'Say e.g. dialer.cases_of(''select id as external_key, phone, tz from my_cases order by id'').');
    end if;
    -- With the rights of whoever asks: this function must never become one that runs as the owner.
    execute format('select coalesce(jsonb_agg(dialer.batch_case(to_jsonb(q))), ''[]'') from (%s) q', rtrim(query, E'; \n\t')) into found;
    if found <> '[]' and not (found -> 0 ?| '{phone,email}') and not exists (select from jsonb_array_elements(found) c where c ?| '{phone,email}') then
        perform dialer.fail('PD015', 'the query gives neither a phone nor an email', 'Columns of a case are external_key, name, phone, email, tz, state, status, payload; others become attributes.',
            'Name the column, e.g. mobile as phone.');
    end if;
    return found;
end $$;
comment on function dialer.cases_of(text) is
'The rows of a query as the cases of a batch, in the order in which the query gives them: columns external_key, name, phone, email, tz, state, status, payload; any other becomes an attribute of the contact. The query runs with the rights of the caller. Error PD015: no query, or neither phone nor email.
e.g. select dialer.cases_of(''select 7 as external_key, ''''+12125550123'''' as phone, 3 as ward'') --> [{"phone": "+12125550123", "attributes": {"ward": 3}, "external_key": 7}]';

create function dialer.case_fault(one jsonb) returns text
language sql immutable parallel safe as $$
    select case when jsonb_typeof(one) <> 'object' then 'a case is an object'
                when jsonb_typeof(coalesce(nullif(one -> 'payload', 'null'), '{}')) <> 'object' then 'payload is no object'
                when coalesce(jsonb_typeof(one -> 'payload' -> 'settings'), 'object') <> 'object' then 'settings in the payload are no object'
                when jsonb_typeof(coalesce(nullif(one -> 'attributes', 'null'), '{}')) <> 'object' then 'attributes are no object' end
$$;
comment on function dialer.case_fault(jsonb) is 'Why a case of a batch cannot be read at all; null: it can.';

create function dialer.batch_rows(cases jsonb) returns dialer.intake_row[]
language sql immutable as $$
    select array(select row(c.position, c.value ->> 'external_key', c.value ->> 'name', c.value ->> 'phone', c.value ->> 'email', c.value ->> 'tz',
        c.value ->> 'state', c.value ->> 'status', coalesce(nullif(c.value -> 'attributes', 'null'), '{}'))::dialer.intake_row
        from jsonb_array_elements(cases) with ordinality c(value, position) where dialer.case_fault(c.value) is null order by c.position)
$$;
comment on function dialer.batch_rows(jsonb) is 'Rows of intake, those without a case_fault, from a JSON array of objects with the keys external_key, name, phone, email, tz, state, status, attributes.';

create function dialer.spread_open(base timestamptz, until timestamptz, openings dialer.opening[], fallback interval) returns interval
language plpgsql stable as $$
declare closes timestamptz := coalesce(until, case when openings <> '{}' then dialer.next_close_all(base, openings) end);
begin
    if until <= base then
        perform dialer.fail('PD015', format('nothing can be spread from %s until %s', base, until), 'The end comes before the base.', 'Give a later "until", or an earlier base.');
    end if;
    return case when openings = '{}' or closes is null or closes = 'infinity' then fallback else dialer.open_between_all(base, closes, openings) end;
end $$;
comment on function dialer.spread_open(timestamptz, timestamptz, dialer.opening[], interval) is
'Open time that an even stagger has: from the base until an instant, or else until closing; the fallback where nothing ever closes. Error PD015: until is before the base.';

create function dialer.offsets_of(openings dialer.opening[], positions bigint[], of_count bigint, base timestamptz, step interval, strategy text, options jsonb)
returns interval[] language plpgsql stable as $$
declare
    origin constant timestamptz := '2000-01-01 00:00:00+00';
    spread interval;
    slots interval[];
begin
    if jsonb_typeof(coalesce(options, '{}')) <> 'object' or strategy is null then
        perform dialer.fail('PD015', format('a stagger "%s" with the options %s is not understood', coalesce(strategy, 'null'), coalesce(options::text, 'null')), 'Options are a JSON object.', 'See dialer.stagger_series.');
    end if;
    if strategy = 'even' then
        spread := dialer.spread_open(base, (options ->> 'until')::timestamptz, openings, step * of_count);
        return array(select spread * ((p - 1) / of_count::double precision) from unnest(positions) with ordinality u(p, place) order by u.place);
    end if;
    -- Slots without hours are the offsets; the calls walk them in the open time of their own lanes.
    slots := array(select s.at - origin from dialer.stagger_series(origin, of_count, step, strategy, options => coalesce(options, '{}')) s order by s.index);
    return array(select slots[u.p] from unnest(positions) with ordinality u(p, place) order by u.place);
exception when invalid_text_representation or invalid_datetime_format or datetime_field_overflow then
    perform dialer.fail('PD015', 'an option of the stagger has a value that is none', sqlerrm, 'See dialer.stagger_series.');
end $$;
comment on function dialer.offsets_of(dialer.opening[], bigint[], bigint, timestamptz, interval, text, jsonb) is
'Open time from the base to the slots of these positions by a stagger strategy (see stagger_series). Errors: PD012 step, PD015 strategy or option.';

create function dialer.batch_plan(campaign_id bigint, results dialer.intake_result[], channel text, base timestamptz, step interval, strategy text, options jsonb,
    batch_key text, cases jsonb, first_position bigint, of_count bigint)
returns dialer.plan_row[] language plpgsql stable as $$
begin
    -- Nothing is joined by position: of a large batch the planner would not know how large it is.
    return array(
        with accepted as (
            select r.line, r.contact_id, case channel when 'email' then r.email_endpoint_id else r.voice_endpoint_id end as endpoint_id,
                   case when strategy = 'even' and c.by_contact then p.zones else '{}' end as zones, case when strategy = 'even' and c.law_id is not null then p.jurisdictions else '{}' end as jurisdictions
            from unnest(results) r join dialer.campaign c on c.campaign_id = batch_plan.campaign_id left join dialer.contact p using (contact_id)
            where r.verdict = 'accepted'),
        -- An even spread is as long as the day of each area; any other is alike for all.
        area as (
            select a.zones, a.jurisdictions, array_agg(a.line order by a.line) as lines, array_agg(a.line + first_position - 1 order by a.line) as positions,
                   array_agg(a.contact_id order by a.line) as contacts, array_agg(a.endpoint_id order by a.line) as endpoints
            from accepted a group by a.zones, a.jurisdictions)
        select row(u.line, u.contact_id, u.endpoint_id, base, null, coalesce(nullif(cases -> (u.line - 1)::integer -> 'payload', 'null'), '{}'),
            batch_key || '/' || channel || '/' || coalesce(cases -> (u.line - 1)::integer ->> 'external_key', (first_position + u.line - 1)::text), null, u.after)::dialer.plan_row
        from area g cross join lateral unnest(g.lines, g.contacts, g.endpoints, dialer.offsets_of(
            case when strategy = 'even' then dialer.lane_openings(batch_plan.campaign_id, g.zones, null, g.jurisdictions) else '{}' end,
            g.positions, of_count, base, step, strategy, options)) u(line, contact_id, endpoint_id, after)
        order by u.line);
end $$;
comment on function dialer.batch_plan(bigint, dialer.intake_result[], text, timestamptz, interval, text, jsonb, text, jsonb, bigint, bigint) is
'Calls of a batch in one channel: each case at its slot of open time after the base, whatever the chunking.';

create function dialer.batch_steps(preset text, out call_step interval, out email_step interval)
language plpgsql immutable as $$
begin
    select p.calls, p.emails into call_step, email_step
    from (values ('discharge_batch', interval '2 minutes', interval '20 seconds'), ('resend_safe', interval '2 minutes', interval '3 seconds'),
                 ('immediate', interval '60 seconds', interval '60 seconds')) p(name, calls, emails)
    where p.name = preset;
    if call_step is null then
        perform dialer.fail('PD015', format('batch preset "%s" is not known', coalesce(preset, 'null')), 'Known are: discharge_batch, resend_safe, immediate.',
            'Use one of them, or state call_step and email_step.');
    end if;
end $$;
comment on function dialer.batch_steps(text) is
'Steps between two calls and two mails of a batch by name: discharge_batch (2 minutes, 20 seconds), resend_safe (2 minutes, 3 seconds), immediate (a minute each). The rates of accounts hold besides. Error PD015: no such preset.';

create function dialer.check_batch(cases jsonb, call_campaign text, email_campaign text, bases timestamptz[], steps interval[], first_position bigint, of_count bigint, at timestamptz)
returns void language plpgsql stable as $$
begin
    if cases is null or jsonb_typeof(cases) <> 'array' then
        perform dialer.fail('PD015', format('a batch is a JSON array, not %s', coalesce(jsonb_typeof(cases), 'null')),
            'Each case is an object with the keys external_key, name, phone, email, tz, state, status, attributes, payload.',
            'Build it with dialer.cases_of(''select ...''), or with jsonb_agg(jsonb_build_object(...)).');
    elsif jsonb_array_length(cases) > 100000 then
        -- LIMIT: cases of one call of schedule_batch.
        perform dialer.fail('PD015', format('a batch of %s cases is too long', jsonb_array_length(cases)), 'At most 100000 are planned at once.', 'Plan it in chunks, with first_position and of_count.');
    elsif first_position < 1 or of_count < first_position + jsonb_array_length(cases) - 1 then
        perform dialer.fail('PD015', format('%s cases from position %s on are more than the %s of the batch', jsonb_array_length(cases), first_position, of_count),
            'Positions count from 1 over the whole batch.', 'Correct first_position or of_count.');
    elsif call_campaign is null and email_campaign is null then
        perform dialer.fail('PD025', 'a batch needs a campaign', 'Neither call_campaign nor email_campaign was given.', 'Name one or both.');
    elsif exists (select from unnest(steps) s where s < interval '0') then
        perform dialer.fail('PD012', 'a step may not be negative', null, 'Give a step of zero or more.');
    elsif exists (select from unnest(bases) b where b < at - interval '1 minute' or b = 'infinity') then
        perform dialer.fail('PD027', format('a batch cannot begin at %s', (select b from unnest(bases) b where b < at - interval '1 minute' or b = 'infinity' limit 1)), format('It is now %s.', at), 'Leave call_at and email_at out to begin as soon as it is allowed.');
    end if;
    perform dialer.check_due(coalesce((select max(b) from unnest(bases) b), at) + coalesce((select max(s) from unnest(steps) s), interval '0') * greatest(of_count, 1)::double precision, at);
end $$;
comment on function dialer.check_batch(jsonb, text, text, timestamptz[], interval[], bigint, bigint, timestamptz) is 'Refuses arguments of schedule_batch that make no sense. Errors: PD012, PD015, PD025, PD027.';

create function dialer.batch_channel(results dialer.intake_result[], channel text, campaign text, base timestamptz, step interval, strategy text, options jsonb,
    batch_key text, cases jsonb, first_position bigint, of_count bigint, at timestamptz)
returns setof dialer.batch_line language plpgsql volatile as $$
declare
    target bigint := dialer.campaign_for(campaign, channel = 'email');
    rows dialer.plan_row[] := dialer.batch_plan(target, results, channel, base, step, strategy, options, batch_key, cases, first_position, of_count);
    planned dialer.planned_row[] := array(select p from dialer.plan(target, rows, at) p order by p.position);
begin
    -- One planned row for each row, both in the order of positions.
    return query
        select first_position + p.position - 1, of_count, cases -> (p.position - 1)::integer ->> 'external_key', channel, campaign, p.call_id, p.offset_open, p.due_at,
               dialer.wall_time(p.due_at, 'UTC'), dialer.wall_time(p.due_at, z.tz), z.tz, (p.due_at at time zone z.tz)::date - (base at time zone z.tz)::date, p.result
        from unnest(planned, array(select r.contact_id from unnest(rows) r order by r.position), array(select r.offset_open from unnest(rows) r order by r.position))
             p(position, call_id, due_at, result, contact_id, offset_open)
        join dialer.campaign c on c.campaign_id = target join dialer.calendar k using (calendar_id) left join dialer.contact o on o.contact_id = p.contact_id
        cross join lateral (select case c.zone_rule when 'fixed' then k.tz else o.zones[1] end as tz) z
        order by p.position;
end $$;
comment on function dialer.batch_channel(dialer.intake_result[], text, text, timestamptz, interval, text, jsonb, text, jsonb, bigint, bigint, timestamptz) is
'Plans a batch in one channel and says what became of each case.';

create function dialer.schedule_batch(
    cases jsonb, call_campaign text default null, email_campaign text default null, call_at timestamptz default null, email_at timestamptz default null,
    call_step interval default null, email_step interval default null, batch_key text default null, region text default 'US',
    at timestamptz default dialer.now(), preset text default 'resend_safe',
    call_strategy text default 'fixed', email_strategy text default 'fixed', call_options jsonb default '{}', email_options jsonb default '{}',
    first_position bigint default 1, of_count bigint default null)
returns setof dialer.batch_line language plpgsql volatile as $$
declare
    admitted record;
    steps record := dialer.batch_steps(preset);
    first_position bigint := coalesce(schedule_batch.first_position, 1);
    total bigint := coalesce(of_count, first_position - 1 + case jsonb_typeof(cases) when 'array' then jsonb_array_length(cases) else 0 end);
begin
    call_step := coalesce(call_step, steps.call_step);
    email_step := coalesce(email_step, steps.email_step);
    perform dialer.check_batch(cases, call_campaign, email_campaign, array[call_at, email_at], array[call_step, email_step], first_position, total, at);
    admitted := dialer.admit(dialer.batch_rows(cases), region, 'schedule_batch', at, null);
    return query
        select first_position + o.line - 1, total, cases -> (o.line - 1)::integer ->> 'external_key', o.channel, null::text, null::bigint, null::interval, null::timestamptz,
               null::text, null::text, null::text, null::integer, o.reason
        from (select p.line, coalesce(p.col, 'row'), p.reason from unnest(admitted.problems) p where p.severity = 'error'
              union all
              select r.line, 'row', r.verdict from unnest(admitted.results) r where r.verdict <> 'accepted'
              union all
              select c.line, 'row', dialer.case_fault(c.value) from jsonb_array_elements(cases) with ordinality c(value, line) where dialer.case_fault(c.value) is not null) o(line, channel, reason);
    if call_campaign is not null then
        return query select b.* from dialer.batch_channel(admitted.results, 'voice', call_campaign, coalesce(call_at, at), call_step, call_strategy, call_options,
            batch_key, cases, first_position, total, at) b;
    end if;
    if email_campaign is not null then
        return query select b.* from dialer.batch_channel(admitted.results, 'email', email_campaign, coalesce(email_at, at), email_step, email_strategy, email_options,
            batch_key, cases, first_position, total, at) b;
    end if;
end $$;
comment on function dialer.schedule_batch(jsonb, text, text, timestamptz, timestamptz, interval, interval, text, text, timestamptz, text, text, text, jsonb, jsonb, bigint, bigint) is
'Plans one call and/or one e-mail per case (JSON array; see cases_of and batch_rows, and payload). Case n is due at slot n of its channel: base, step (those of the preset where not stated, see batch_steps), strategy and options as for stagger_series, walking open hours; even spreads over the time until closing, or until options.until. With a batch_key a repetition plans nothing twice; a case whose key belongs to somebody else''s call is left out as key_of_another. A batch in chunks states the same base, its own first_position and of_count. One row per case and channel; bad cases come back with their reason. Works inside the caller''s transaction. Errors: PD012 step, PD015 cases, preset, strategy or option, PD025 campaign, PD027 a base in the past, PD066 a campaign of the other channel.';

create function dialer.preview_batch(
    cases jsonb, call_campaign text default null, email_campaign text default null, call_at timestamptz default null, email_at timestamptz default null,
    call_step interval default null, email_step interval default null, batch_key text default null, region text default 'US',
    at timestamptz default dialer.now(), preset text default 'resend_safe',
    call_strategy text default 'fixed', email_strategy text default 'fixed', call_options jsonb default '{}', email_options jsonb default '{}',
    first_position bigint default 1, of_count bigint default null)
returns setof dialer.batch_line language plpgsql volatile as $$
declare shown dialer.batch_line[];
begin
    -- The same code, undone: what a preview shows is what a run would do. Variables outlive the block that is rolled back.
    begin
        shown := array(
            select b from dialer.schedule_batch(cases, call_campaign, email_campaign, call_at, email_at, call_step, email_step, batch_key, region, at, preset,
                call_strategy, email_strategy, call_options, email_options, first_position, of_count) b);
        raise sqlstate 'PD099';
    exception when sqlstate 'PD099' then
        null;
    end;
    return query select s.position, s.of_count, s.case_key, s.channel, s.campaign, null::bigint, s.after, s.due_at, s.utc_time, s.local_time, s.tz, s.days_after, s.result
        from unnest(shown) s;
end $$;
comment on function dialer.preview_batch(jsonb, text, text, timestamptz, timestamptz, interval, interval, text, text, timestamptz, text, text, text, jsonb, jsonb, bigint, bigint) is
'What schedule_batch would do with the same arguments: times, and who is left out and why. Runs the same code and undoes it; nothing is stored. batch_summary sums it up.';

create function dialer.most_at_once(starts timestamptz[], ends timestamptz[]) returns bigint
language sql immutable parallel safe as $$
    -- At an instant at which one ends and another begins, the one that ends comes first.
    select coalesce(max(s.at_once), 0) from (
        select sum(e.change) over (order by e.at, e.change) as at_once
        from (select u as at, 1 as change from unnest(starts) u union all select u, -1 from unnest(ends) u) e) s
$$;
comment on function dialer.most_at_once(timestamptz[], timestamptz[]) is
'How many calls that begin and end at these instants are in progress at one instant.
e.g. select dialer.most_at_once(''{2026-12-04 10:00+00,2026-12-04 10:02+00}'', ''{2026-12-04 10:02:30+00,2026-12-04 10:04:30+00}'') --> 2';

create function dialer.batch_summary(lines dialer.batch_line[], average_call interval default '150 seconds')
returns table (channel text, measure text, value text, definition text)
language sql stable as $$
    with line as (select l.*, l.campaign is not null and l.result in ('scheduled', 'waiting', 'exists') as planned from unnest(lines) l),
    timed as (select l.* from line l where l.planned and l.due_at is not null),
    total as (
        select t.channel, t.campaign, count(*) as calls, min(t.due_at) as first_at, max(t.due_at) as last_at, dialer.most_at_once(array_agg(t.due_at), array_agg(t.due_at + average_call)) as peak,
               count(*) filter (where t.days_after > 0) as spilled, (array_agg(t.tz order by t.due_at))[1] as first_tz, (array_agg(t.tz order by t.due_at desc))[1] as last_tz
        from timed t group by t.channel, t.campaign)
    select m.channel, m.measure, m.value, m.definition from (
        select 1 as rank, 'all' as channel, 'cases' as measure, count(distinct l.position)::text as value, 'cases of the batch that were looked at' as definition, '' as tie from line l
        union all select 2, l.channel, 'left_out', count(*)::text, l.result, l.result from line l where not l.planned group by l.channel, l.result
        union all select 3, l.channel, 'never_open', count(*)::text, 'planned, but no opening is known: they wait (see explain)', '' from line l where l.planned and l.due_at is null group by l.channel
        union all select 4, t.channel, 'planned', t.calls::text, format('calls of campaign "%s" with a time', t.campaign), '' from total t
        union all select 5, t.channel, 'first', dialer.wall_time(t.first_at, t.first_tz), t.first_tz, '' from total t
        union all select 6, t.channel, 'last', dialer.wall_time(t.last_at, t.last_tz), t.last_tz, '' from total t
        union all select 7, t.channel, 'finish', dialer.wall_time(t.last_at + average_call, t.last_tz), format('last + %s', average_call), '' from total t
        union all select 8, t.channel, 'spilled', t.spilled::text, 'calls that did not fit before closing and went to a later local date than the base''s', '' from total t
        union all select 9, d.channel, 'on ' || to_char(d.on_, 'Dy YYYY-MM-DD'), count(*)::text, 'calls on this local date', d.on_::text
            from (select t.channel, (t.due_at at time zone t.tz)::date as on_ from timed t) d group by d.channel, d.on_
        union all select 10, t.channel, 'in ' || t.tz, count(*)::text, 'calls by the clock of this zone', t.tz from timed t group by t.channel, t.tz
        union all select 11, t.channel, 'most_at_once', t.peak::text, format('calls in progress at one instant if each lasts %s; account "%s" carries %s, and what is more waits', average_call,
                a.name, a.max_concurrent - a.inbound_reserve), ''
            from total t join dialer.campaign c on c.tenant_id = dialer.current_tenant() and c.name = t.campaign join dialer.provider_account a using (account_id)) m
    order by m.channel <> 'all', m.channel, m.rank, m.tie
$$;
comment on function dialer.batch_summary(dialer.batch_line[], interval) is
'What a batch amounts to, per channel: cases, who is left out and why, first, last, finish (last + average call), how many spill past closing and to which dates, zones, and the most calls at once. Takes what schedule_batch or preview_batch returned: batch_summary(array(select b from dialer.preview_batch(...) b)).';

create function dialer.crowded(campaign text default null, calls_min integer default 2, at timestamptz default dialer.now())
returns table (campaign_name text, due_at timestamptz, calls bigint)
language sql stable as $$
    select g.name, c.due_at, count(*)
    from dialer.call c join dialer.campaign g using (campaign_id)
    where c.tenant_id = dialer.current_tenant() and c.state = 'scheduled' and c.due_at < 'infinity'
      and (crowded.campaign is null or c.campaign_id = dialer.campaign_named(crowded.campaign))
    group by g.name, c.due_at having count(*) >= calls_min
    -- LIMIT: the worst hundred.
    order by count(*) desc, c.due_at limit 100
$$;
comment on function dialer.crowded(text, integer, timestamptz) is 'Instants at which several calls are due, the most crowded first: what dialer.restagger mends. Error PD025: no such campaign.';

create function dialer.calls_due(instant timestamptz, campaign text default null, wait_reason text default null) returns bigint[]
language sql stable as $$
    select array(
        select c.call_id from dialer.call c
        where c.tenant_id = dialer.current_tenant() and c.state = 'scheduled' and c.due_at = instant
          and (calls_due.campaign is null or c.campaign_id = dialer.campaign_named(calls_due.campaign))
          and (calls_due.wait_reason is null or c.wait_reason = calls_due.wait_reason)
        order by c.call_id)
$$;
comment on function dialer.calls_due(timestamptz, text, text) is
'Waiting calls that are due at one instant, of one campaign and for one reason if stated, in the order in which they were planned: for dialer.restagger. Error PD025: no such campaign.';

create type dialer.restaggered as ("position" bigint, call_id bigint, was_at timestamptz, due_at timestamptz, local_time text, tz text, result text);
comment on type dialer.restaggered is 'what becomes of a call that is spread again: result moved, same (it has that time already), or why it stays: unknown, not_waiting, never_open, review (its last word waits for a person), too_late (its own or its campaign''s time is over before the slot)';

create function dialer.restagger_plan(call_ids bigint[], base timestamptz, step interval, at timestamptz, strategy text, options jsonb) returns setof dialer.restaggered
language plpgsql stable as $$
declare from_at timestamptz;
begin
    if step is null or step < interval '0' then
        perform dialer.fail('PD012', 'a step may not be negative', null, 'Give a step of zero or more.');
    end if;
    select greatest(at, coalesce(base, min(c.due_at))) into from_at from dialer.call c where c.call_id = any (call_ids) and c.tenant_id = dialer.current_tenant() and c.state = 'scheduled';
    return query
        with asked as (
            select u.call_id, u.place, case when c.state = 'scheduled' and c.wait_reason = 'review' then 'review' else c.state::text end as state, c.due_at, least(c.expires_at, g.valid_until) as over_at,
                   l.openings, l.openings[1].tz as tz
            from (select x.call_id, row_number() over (order by min(x.place)) as place from unnest(call_ids) with ordinality x(call_id, place) group by x.call_id) u
            left join dialer.call c on c.call_id = u.call_id and c.tenant_id = dialer.current_tenant() left join dialer.lane l using (lane_id) left join dialer.campaign g on g.campaign_id = c.campaign_id),
        area as (
            select a.openings, array_agg(a.call_id order by a.place) as ids, array_agg(a.place order by a.place) as places, array_agg(a.state order by a.place) as states,
                   array_agg(a.due_at order by a.place) as dues, array_agg(a.over_at order by a.place) as overs
            from asked a where a.openings <> '{}' group by a.openings),
        timed as (
            select u.place, u.call_id, u.state, u.due_at, u.over_at, g.openings[1].tz as tz, case when u.state = 'scheduled'
                then dialer.add_open_callable_all(from_at, u.after, g.openings) end as new_at
            from area g cross join lateral unnest(g.ids, g.places, g.states, g.dues, g.overs,
                dialer.offsets_of(g.openings, g.places, cardinality(call_ids), from_at, step, strategy, options)) u(call_id, place, state, due_at, over_at, after)
            union all
            select a.place, a.call_id, a.state, a.due_at, a.over_at, a.tz, null from asked a where a.openings is null or a.openings = '{}')
        select t.place, t.call_id, t.due_at, t.new_at, dialer.wall_time(t.new_at, t.tz), t.tz,
               case when t.state is null then 'unknown' when t.state = 'review' then 'review' when t.state <> 'scheduled' then 'not_waiting' when t.new_at is null then 'never_open'
                    when t.new_at >= t.over_at then 'too_late'
                    when t.new_at = t.due_at then 'same' else 'moved' end
        from timed t order by t.place;
end $$;
comment on function dialer.restagger_plan(bigint[], timestamptz, interval, timestamptz, text, jsonb) is 'The slots that restagger would give; nothing is stored. Errors: PD012 step, PD015 strategy or option.';

create function dialer.preview_restagger(call_ids bigint[], base timestamptz default null, step interval default '2 minutes', at timestamptz default dialer.now(),
    strategy text default 'fixed', options jsonb default '{}')
returns setof dialer.restaggered language sql stable as $$
    select r.* from dialer.restagger_plan(call_ids, base, step, at, strategy, options) r
$$;
comment on function dialer.preview_restagger(bigint[], timestamptz, interval, timestamptz, text, jsonb) is
'What restagger would do with the same arguments; nothing is stored. Errors as restagger, but for PD017.';

create function dialer.restagger(call_ids bigint[], base timestamptz default null, step interval default '2 minutes', at timestamptz default dialer.now(),
    strategy text default 'fixed', options jsonb default '{}')
returns setof dialer.restaggered language plpgsql volatile as $$
declare
    slots dialer.restaggered[];
    ids bigint[];
    times timestamptz[];
begin
    slots := array(select r from dialer.restagger_plan(call_ids, base, step, at, strategy, options) r);
    select array_agg(s.call_id), array_agg(s.due_at) into ids, times from unnest(slots) s where s.result = 'moved';
    -- The reach of bans is the campaign's, and looked up once for all its calls.
    perform dialer.within_bans(l.campaign_id, r.reach, u.due_at, dialer.opening_zones(l.openings))
    from (select g.campaign_id, dialer.bans_reach(g.campaign_id) as reach from dialer.campaign g where g.tenant_id = dialer.current_tenant()
          and exists (select from dialer.closure_range x where x.tenant_id = g.tenant_id and x.kind = 'ban') offset 0) r
    join dialer.lane l using (campaign_id) join dialer.call c on c.lane_id = l.lane_id join unnest(ids, times) u(call_id, due_at) on u.call_id = c.call_id
    where r.reach is not null;
    perform dialer.move_waiting(ids, times, 'restaggered');
    -- One that a claim took in this moment has not moved.
    return query select s.position, s.call_id, s.was_at, c.due_at, s.local_time, s.tz, case when s.result = 'moved' and c.due_at <> s.due_at then 'not_waiting' else s.result end
        from unnest(slots) s left join dialer.call c on c.call_id = s.call_id and c.tenant_id = dialer.current_tenant() order by s.position;
end $$;
comment on function dialer.restagger(bigint[], timestamptz, interval, timestamptz, text, jsonb) is
'Spreads waiting calls from a base time (null: the earliest of their due times) over open time, in the order given, by a stagger strategy (see stagger_series); e.g. restagger(calls_due(''2025-12-20 01:57:45.934+00'')). One row per call: where it was and is, or why it stayed. preview_restagger shows the same and moves nothing. Errors: PD012 negative step, PD015 strategy or option, PD017 bans not loaded that far.';
