-- What programs ask and do over HTTP: requests that are not done twice, lists by page, and calls in the words of a call scheduler.
-- Who uses it: dialerd's API, and anybody else. Lists read with the rights of whoever asks.
-- Invariants kept: 2 (a repeated request plans nothing twice), 15 (answers that are kept hold no names and numbers), 16.

-- Requests that carry a key of their own.
create table dialer.api_request (
    tenant_id integer not null default dialer.current_tenant() references dialer.tenant,
    idempotency_key text not null,
    fingerprint bytea not null,
    status integer,
    answer jsonb,
    requested_at timestamptz not null default clock_timestamp(),
    primary key (tenant_id, idempotency_key)
);
create index api_request_that_is_old on dialer.api_request (requested_at);
comment on index dialer.api_request_that_is_old is 'begin_request forgets what is older than a day';
comment on table dialer.api_request is 'answers to requests with an idempotency key, for a day of real time; they hold ids and times, no names and numbers';

create function dialer.begin_request(idempotency_key text, fingerprint bytea) returns table (status integer, answer jsonb)
language plpgsql volatile as $$
#variable_conflict use_variable
declare before dialer.api_request;
begin
    if coalesce(btrim(idempotency_key), '') = '' or fingerprint is null then
        perform dialer.fail('PD050', 'an idempotency key names a request', 'Neither the key nor the fingerprint of the request may be empty.', 'Send a key of one letter or more, or none.');
    end if;
    -- LIMIT: so many are forgotten by each that comes.
    delete from dialer.api_request r where (r.tenant_id, r.idempotency_key) in (
        select o.tenant_id, o.idempotency_key from dialer.api_request o where o.requested_at < clock_timestamp() - interval '1 day'
        order by o.requested_at limit 100 for update skip locked);
    -- Whoever asks the same at this moment is waited for: they commit, or have asked in vain.
    insert into dialer.api_request (tenant_id, idempotency_key, fingerprint) values (dialer.current_tenant(), idempotency_key, fingerprint) on conflict do nothing;
    if found then
        return;
    end if;
    select r.* into before from dialer.api_request r where r.tenant_id = dialer.current_tenant() and r.idempotency_key = idempotency_key;
    if before.fingerprint is distinct from fingerprint then
        perform dialer.fail('PD050', 'this idempotency key was used for another request', 'A key belongs to one request, with its path and its body, for a day.', 'Send a new key with a new request.');
    end if;
    return query select before.status, before.answer;
end $$;
comment on function dialer.begin_request(text, bytea) is
'Begins a request that is not to be done twice, in its own transaction: no row for a new one; the answer of then for one that was done. Waits for whoever is at the same. fingerprint: a hash of the request. Error PD050: the key belongs to another request, or is none.';

create function dialer.finish_request(idempotency_key text, status integer, answer jsonb) returns void
language sql volatile as $$
    update dialer.api_request r set status = finish_request.status, answer = finish_request.answer
    where r.tenant_id = dialer.current_tenant() and r.idempotency_key = finish_request.idempotency_key
$$;
comment on function dialer.finish_request(text, integer, jsonb) is 'Keeps the answer of a request that begin_request has begun, for those who ask the same again.';

-- Calls, for lists.
create index call_of_tenant on dialer.call (tenant_id, call_id);
comment on index dialer.call_of_tenant is 'find_calls reads the calls of a tenant, the youngest first';
create index call_of_owner on dialer.call (tenant_id, (payload ->> 'userId'), call_id) where payload ? 'userId';
comment on index dialer.call_of_owner is 'scheduled_calls reads the calls of one owner';
create index series_of_owner on dialer.series (tenant_id, (payload ->> 'userId'), series_id) where payload ? 'userId';
comment on index dialer.series_of_owner is 'scheduled_calls reads the series of one owner';

create function dialer.local_text(at timestamptz, tz text) returns text
language sql stable as $$
    select to_char(at at time zone tz, 'YYYY-MM-DD"T"HH24:MI:SS') || case when o.seconds < 0 then '-' else '+' end || to_char(make_interval(secs => abs(o.seconds)), 'HH24:MI')
    from (select extract(epoch from (at at time zone tz) - (at at time zone 'UTC'))::double precision as seconds) o
$$;
comment on function dialer.local_text(timestamptz, text) is
'An instant as a zone''s wall clock shows it, with the offset.
e.g. select dialer.local_text(''2025-11-03 03:30Z'', ''Asia/Kolkata'') --> 2025-11-03T09:00:00+05:30';

create function dialer.openings_text(openings dialer.opening[]) returns text
language sql stable as $$
    select string_agg(distinct format('%s in %s', coalesce((o).hours::text, 'never'), (o).tz), ' and ') from unnest(openings) o
$$;
comment on function dialer.openings_text(dialer.opening[]) is 'Openings in words.';

create function dialer.adjustment_text(asked_at timestamptz, openings dialer.opening[], tz text) returns text
language sql stable as $$
    select format('%s %s in %s is outside the calling window (%s)', to_char(asked_at at time zone tz, 'FMDay'), to_char(asked_at at time zone tz, 'YYYY-MM-DD HH24:MI'), tz,
                  coalesce(dialer.openings_text(openings), 'never open'))
$$;
comment on function dialer.adjustment_text(timestamptz, dialer.opening[], text) is 'Why a call is not planned for the time that was asked for.';

create view dialer.call_detail as
    select c.tenant_id, c.call_id, g.name as campaign, c.campaign_id, c.contact_id, p.external_key, p.name as contact, e.address, c.channel, c.state,
           nullif(c.due_at, 'infinity') as due_at, nullif(c.planned_at, 'infinity') as planned_at,
           case when c.granted_at = c.due_at then c.wished_at end as asked_at, z.tz, dialer.local_text(nullif(c.due_at, 'infinity'), z.tz) as due_local,
           case when c.granted_at = c.due_at then dialer.adjustment_text(c.wished_at, l.openings, z.tz) end as adjustment,
           c.wait_reason, c.end_reason, c.outcome, l.priority, nullif(c.expires_at, 'infinity') as expires_at, c.payload, c.idempotency_key, c.series_id, c.occurrence, c.created_at, c.ended_at
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.lane l on l.lane_id = c.lane_id
    join dialer.contact p using (contact_id) join dialer.endpoint e on e.endpoint_id = c.endpoint_id
    cross join lateral (select coalesce((l.openings[1]).tz, 'UTC') as tz) z;
comment on view dialer.call_detail is 'calls with campaign, contact, number and both times; asked_at and adjustment: where the due time was moved into the calling window';

create function dialer.find_calls(campaign text default null, state text default null, from_at timestamptz default null, until_at timestamptz default null,
    person text default null, owner text default null, external_key text default null, outcome text default null, series_id bigint default null,
    only_call bigint default null, before_id bigint default null, limit_ integer default 50)
returns setof dialer.call_detail language sql stable as $$
    select d.* from dialer.call_detail d
    where d.tenant_id = (select dialer.current_tenant())
      and (find_calls.campaign is null or d.campaign_id = dialer.campaign_named(find_calls.campaign))
      and (find_calls.state is null or d.state = find_calls.state::dialer.call_state)
      and (from_at is null or coalesce(d.due_at, d.planned_at) >= from_at) and (until_at is null or coalesce(d.due_at, d.planned_at) < until_at)
      and (person is null or d.contact_id = any ((select dialer.contacts_like(person))::bigint[]))
      and (find_calls.owner is null or (d.payload ? 'userId' and d.payload ->> 'userId' = find_calls.owner))
      and (find_calls.external_key is null or d.external_key = find_calls.external_key)
      and (find_calls.outcome is null or d.outcome = find_calls.outcome::dialer.outcome)
      and (find_calls.series_id is null or d.series_id = find_calls.series_id)
      and (only_call is null or d.call_id = only_call) and (before_id is null or d.call_id < before_id)
    order by d.call_id desc limit limit_
$$;
comment on function dialer.find_calls(text, text, timestamptz, timestamptz, text, text, text, text, bigint, bigint, bigint, integer) is
'Calls of this tenant, the youngest first, by what is stated: campaign, state, span of the due time (until_at excluded), person (see contacts_like), owner (userId of the payload), external_key of the contact, last outcome, series. before_id: the next page. Error PD025: no such campaign.';

create function dialer.call_attempts(call_id bigint)
returns table (attempt_id uuid, state text, outcome dialer.outcome, disposition text, word text, due_at timestamptz, dialled_at timestamptz, ringing_at timestamptz,
    answered_at timestamptz, ended_at timestamptz, duration_seconds double precision, provider_call_id text)
language sql stable as $$
    select a.attempt_id, a.state, a.outcome, a.disposition, a.word, a.due_at, a.dialled_at, a.ringing_at, a.answered_at, a.ended_at, a.duration_seconds, a.provider_call_id
    from dialer.attempt_all a
    where a.tenant_id = (select dialer.current_tenant()) and a.call_id = call_attempts.call_id
    -- LIMIT: the latest.
    order by a.claimed_at desc, a.attempt_id limit 1000
$$;
comment on function dialer.call_attempts(bigint) is 'The attempts of a call of this tenant, the latest first, the open one included (at most 1000).';

-- Calls in the words of a call scheduler: one for the user, an agent, a time.
create type dialer.scheduled_call as (
    id text, phone_number text, agent_id text, agent jsonb, user_id text, scheduled_for timestamptz, requested_for timestamptz, timezone text,
    scheduled_for_local text, weekday text, adjusted boolean, adjustment text, status text, respect_business_hours boolean, business_hours jsonb, recurring jsonb,
    metadata jsonb, priority integer, call_log_id text, processed_at timestamptz, failed_at timestamptz, failure_reason text, next_run timestamptz,
    parent_scheduled_call_id text, occurrence_number integer, is_recurring boolean, can_cancel boolean, created_at timestamptz, updated_at timestamptz);
comment on type dialer.scheduled_call is 'a call, or a series of them, as a call scheduler shows it; ids are "17" for a call, "series-3" for a series';

create function dialer.agent_shown(campaign dialer.campaign) returns jsonb
language sql stable as $$
    select jsonb_build_object('id', (campaign).name, 'campaignId', (campaign).campaign_id, 'state', (campaign).state)
$$;
comment on function dialer.agent_shown(dialer.campaign) is 'A campaign as the agent of a scheduled call.';

create function dialer.calls_as_scheduled(call_ids bigint[]) returns setof dialer.scheduled_call
language sql stable as $$
    select row(c.call_id::text, e.address, g.name, dialer.agent_shown(g), c.payload ->> 'userId', t.at, coalesce(t.asked, t.at), z.tz,
               dialer.local_text(t.at, z.tz), to_char(t.at at time zone z.tz, 'FMDay'), t.asked is not null,
               case when t.asked is not null then dialer.adjustment_text(t.asked, l.openings, z.tz) end,
               dialer.scheduled_call_word(c.state), coalesce(c.payload #> '{scheduling,respectBusinessHours}' = 'true', false), c.payload #> '{scheduling,businessHours}',
               c.payload #> '{scheduling,recurring}', coalesce(c.payload -> 'metadata', '{}'), l.priority::integer, a.provider_call_id, a.intended_at,
               case when c.state in ('failed', 'expired') then c.ended_at end, case when c.state in ('failed', 'expired') then c.end_reason end, s.next_at,
               'series-' || c.series_id, c.occurrence, c.series_id is not null, c.state = 'scheduled', c.created_at, coalesce(x.at, c.created_at))::dialer.scheduled_call
    from unnest(call_ids) with ordinality u(call_id, position)
    join dialer.call c on c.call_id = u.call_id join dialer.campaign g using (campaign_id) join dialer.lane l on l.lane_id = c.lane_id
    join dialer.endpoint e on e.endpoint_id = c.endpoint_id left join dialer.series s on s.series_id = c.series_id
    cross join lateral (select nullif(c.due_at, 'infinity') as at, case when c.granted_at = c.due_at then c.wished_at end as asked) t
    -- A payload is whatever its sender wrote: what is no zone is passed over.
    cross join lateral (select coalesce(case when dialer.is_zone(c.payload #>> '{scheduling,timezone}') then c.payload #>> '{scheduling,timezone}' end, (l.openings[1]).tz, 'UTC') as tz) z
    left join lateral (select y.provider_call_id, y.intended_at from dialer.attempt_all y where y.call_id = c.call_id and y.intended_at is not null
                       order by y.claimed_at desc limit 1) a on true
    left join lateral (select max(y.at) as at from dialer.transition y where y.call_id = c.call_id) x on true
    where c.tenant_id = (select dialer.current_tenant())
    order by u.position
$$;
comment on function dialer.calls_as_scheduled(bigint[]) is 'These calls of this tenant as a call scheduler shows them, in the order given.';

create function dialer.series_ahead(series_id bigint, most integer default 10, at timestamptz default dialer.now())
returns table (occurrence integer, by_rule_at timestamptz, planned_at timestamptz, planned_local text, weekday text, left_out boolean)
language sql stable as $$
    with one as (
        select s.* from dialer.series s where s.series_id = series_ahead.series_id and s.tenant_id = (select dialer.current_tenant()) and s.next_at is not null),
    coming as (
        select o.position, o.at, lead(o.at) over (order by o.position) as following
        from one s cross join lateral dialer.occurrences(s.rule, s.start_local, s.tz, least(greatest(most, 1), 1000) + 1, s.next_at, s.gap, s.overlap, s.month_end)
             with ordinality o(at, position))
    select (s.occurrence_count + c.position)::integer, c.at, p.due_at, dialer.local_text(p.due_at, s.tz), to_char(p.due_at at time zone s.tz, 'FMDay'),
           coalesce((p.due_at at time zone s.tz)::date >= (c.following at time zone s.tz)::date, false)
    from one s cross join lateral dialer.compute_plan(s.campaign_id, array(
            select row(c.position, s.contact_id, s.endpoint_id, greatest(c.at, series_ahead.at), null, '{}', null, s.priority, null)::dialer.plan_row
            from coming c where c.position <= least(greatest(most, 1), 1000) order by c.position), series_ahead.at, row(s.hours, s.hours_tz)::dialer.own_hours) p
    join coming c on c.position = p.position
    order by c.position
$$;
comment on function dialer.series_ahead(bigint, integer, timestamptz) is
'The next occurrences of a series of this tenant: by the rule, and as they would be planned now; left_out: only the day of the next would serve. LIMIT: 1000. No row: it has ended, or is not known.';

create function dialer.series_as_scheduled(series_ids bigint[]) returns setof dialer.scheduled_call
language sql stable as $$
    select row('series-' || s.series_id, e.address, g.name, dialer.agent_shown(g), s.payload ->> 'userId', t.at, t.asked, s.tz,
               dialer.local_text(t.at, s.tz), to_char(t.at at time zone s.tz, 'FMDay'), t.at <> t.asked,
               case when t.at <> t.asked then format('%s %s in %s is outside the calling window', to_char(t.asked at time zone s.tz, 'FMDay'), to_char(t.asked at time zone s.tz, 'YYYY-MM-DD HH24:MI'), s.tz) end,
               case s.state when 'active' then 'pending' when 'ended' then 'completed' else 'cancelled' end,
               coalesce(s.payload #> '{scheduling,respectBusinessHours}' = 'true', false), s.payload #> '{scheduling,businessHours}',
               case jsonb_typeof(s.payload #> '{scheduling,recurring}') when 'object' then s.payload #> '{scheduling,recurring}' else '{}' end || jsonb_build_object('rule', s.rule, 'startLocal', to_char(s.start_local, 'YYYY-MM-DD"T"HH24:MI:SS'),
                   'occurrencesMade', s.occurrence_count - s.left_out_count, 'occurrencesLeftOut', s.left_out_count),
               coalesce(s.payload -> 'metadata', '{}'), coalesce(s.priority, g.priority)::integer, null, null, null, null, s.next_at, null, null, true, s.state = 'active',
               s.created_at, coalesce(s.ended_at, s.created_at))::dialer.scheduled_call
    from unnest(series_ids) with ordinality u(series_id, position)
    join dialer.series s using (series_id) join dialer.campaign g using (campaign_id) join dialer.endpoint e using (endpoint_id)
    left join lateral (select a.planned_at as at, a.by_rule_at as asked from dialer.series_ahead(s.series_id, 1) a) t on true
    where s.tenant_id = (select dialer.current_tenant())
    order by u.position
$$;
comment on function dialer.series_as_scheduled(bigint[]) is 'These series of this tenant as a call scheduler shows them, in the order given: with their next occurrence.';

create function dialer.scheduled_call_ids(owner text, status text default null, from_at timestamptz default null, until_at timestamptz default null, agent text default null)
returns table (created_at timestamptz, id text, call_id bigint, series_id bigint) language sql stable as $$
    select c.created_at, c.call_id::text, c.call_id, null::bigint
    from dialer.call c join dialer.campaign g using (campaign_id)
    where c.tenant_id = (select dialer.current_tenant()) and c.payload ? 'userId' and c.payload ->> 'userId' = scheduled_call_ids.owner
      and (scheduled_call_ids.status is null or dialer.scheduled_call_word(c.state) = scheduled_call_ids.status)
      and (from_at is null or c.due_at >= from_at) and (until_at is null or c.due_at < until_at)
      and (scheduled_call_ids.agent is null or g.name = scheduled_call_ids.agent or g.settings ->> 'agentId' = scheduled_call_ids.agent)
    union all
    select s.created_at, 'series-' || s.series_id, null, s.series_id
    from dialer.series s join dialer.campaign g using (campaign_id)
    where s.tenant_id = (select dialer.current_tenant()) and s.payload ? 'userId' and s.payload ->> 'userId' = scheduled_call_ids.owner
      and (scheduled_call_ids.status is null or scheduled_call_ids.status = case s.state when 'active' then 'pending' when 'ended' then 'completed' else 'cancelled' end)
      and (from_at is null or s.next_at >= from_at) and (until_at is null or s.next_at < until_at)
      and (scheduled_call_ids.agent is null or g.name = scheduled_call_ids.agent or g.settings ->> 'agentId' = scheduled_call_ids.agent)
$$;
comment on function dialer.scheduled_call_ids(text, text, timestamptz, timestamptz, text) is 'Which calls and series of this tenant belong to an owner (userId of the payload), by status, span of the next time (until_at excluded) and agent.';

create function dialer.scheduled_calls(owner text, status text default null, from_at timestamptz default null, until_at timestamptz default null, agent text default null,
    before_at timestamptz default null, before_id text default null, limit_ integer default 50)
returns setof dialer.scheduled_call language sql stable as $$
    with page as (
        select i.* from dialer.scheduled_call_ids(owner, status, from_at, until_at, agent) i
        where before_at is null or (i.created_at, i.id) < (before_at, before_id)
        order by i.created_at desc, i.id desc limit limit_)
    select f.* from page p cross join lateral (
        select x.* from dialer.calls_as_scheduled(array[p.call_id]) x where p.call_id is not null
        union all select x.* from dialer.series_as_scheduled(array[p.series_id]) x where p.series_id is not null) f
    order by p.created_at desc, p.id desc
$$;
comment on function dialer.scheduled_calls(text, text, timestamptz, timestamptz, text, timestamptz, text, integer) is
'Calls and series of an owner as a call scheduler shows them, the youngest first; before_at, before_id: the next page.';

create function dialer.scheduled_calls_total(owner text, status text default null, from_at timestamptz default null, until_at timestamptz default null, agent text default null)
returns bigint language sql stable as $$
    select count(*) from dialer.scheduled_call_ids(owner, status, from_at, until_at, agent)
$$;
comment on function dialer.scheduled_calls_total(text, text, timestamptz, timestamptz, text) is 'How many rows scheduled_calls has on all pages together.';

create function dialer.scheduled_call_named(id text) returns setof dialer.scheduled_call
language plpgsql stable as $$
begin
    if id ~ '^[0-9]{1,18}$' then
        return query select c.* from dialer.calls_as_scheduled(array[id::bigint]) c;
    elsif id ~ '^series-[0-9]{1,18}$' then
        return query select s.* from dialer.series_as_scheduled(array[substr(id, 8)::bigint]) s;
    end if;
end $$;
comment on function dialer.scheduled_call_named(text) is 'The call or series with this id as a call scheduler shows it; no row: there is none in this tenant.';

create function dialer.agent_campaign(agent text) returns text
language plpgsql stable as $$
declare
    found text[] := array(select c.name from dialer.campaign c
        where c.tenant_id = dialer.current_tenant() and c.state not in ('stopped', 'archived') and (c.name = agent or c.settings ->> 'agentId' = agent)
        order by c.name = agent desc, c.campaign_id);
begin
    if found = '{}' then
        perform dialer.fail('PD051', format('agent "%s" does not exist', coalesce(agent, '')), 'An agent is a campaign that is not stopped: its name, or the agentId of its settings.', 'Add it with dialer.create_campaign.');
    elsif cardinality(found) > 1 and found[1] <> agent then
        -- Each has its own window and policy: none is guessed.
        perform dialer.fail('PD015', format('agent "%s" could be any of %s campaigns', agent, cardinality(found)), format('It is the agentId of %s.', array_to_string(found, ', ')), 'Name the campaign.');
    end if;
    return found[1];
end $$;
comment on function dialer.agent_campaign(text) is 'The campaign that is meant by an agent: by its name, or the agentId of its settings. Errors: PD051 there is none, PD015 several have it.';

create function dialer.recurring_rule(every text, step integer, until_on date, times integer, start_local timestamp, tz text) returns text
language plpgsql stable as $$
declare
    until_rule text := dialer.series_rule(every, step, until_on);
begin
    if until_on is null or times is null then
        return dialer.series_rule(every, step, until_on, times);
    end if;
    -- A rule ends by one of both: by that which comes first.
    return case when (select count(*) from dialer.occurrences(until_rule, start_local, tz, least(times, 10000))) < times
                then until_rule else dialer.series_rule(every, step, times => times) end;
end $$;
comment on function dialer.recurring_rule(text, integer, date, integer, timestamp, text) is
'An RFC 5545 rule for calls that come back until a date or so many times, whichever comes first. Errors: PD013, PD011.
e.g. select dialer.recurring_rule(''daily'', 1, ''2026-12-31'', 30, ''2026-12-07 10:00'', ''America/New_York'') --> FREQ=DAILY;UNTIL=20261231T235959';

create function dialer.only_zone(address text) returns text
language sql stable as $$
    select z.zones[1] from dialer.zones_known(null, null, case when position('@' in address) = 0 then dialer.read_address(address, 'US') end) z where cardinality(z.zones) = 1
$$;
comment on function dialer.only_zone(text) is 'The zone that a phone number tells; null where it could be several, and for e-mail addresses.';

create function dialer.schedule_for_agent(
    agent text, address text, due_at timestamptz, owner text default null, tz text default null, hours dialer.hours default null, hours_tz text default null,
    every text default null, step integer default 1, until_on date default null, until_at timestamptz default null, times integer default null, weekday text default null,
    priority integer default null, metadata jsonb default '{}', scheduling jsonb default '{}', default_tz text default 'UTC', at timestamptz default dialer.now())
returns setof dialer.scheduled_call language plpgsql volatile as $$
#variable_conflict use_variable
declare
    campaign text := dialer.agent_campaign(agent);
    zone text := dialer.zone_named(coalesce(tz, dialer.only_zone(address), hours_tz, default_tz));
    load jsonb;
    planned record;
begin
    if due_at is null or due_at <= at then
        perform dialer.fail('PD027', format('scheduled time %s is not in the future', coalesce(due_at::text, 'null')), format('It is now %s.', at), 'Give a later time.');
    end if;
    if weekday is not null then
        perform dialer.check_weekday(due_at, zone, weekday);
    end if;
    if every is not null then
        -- It comes back by a wall clock, which is that of the contact: no other is guessed.
        zone := coalesce(tz, dialer.only_zone(address));
        if zone is null then
            perform dialer.fail('PD011', 'a call that comes back needs a time zone', 'It comes back by the wall clock of the contact, and the number does not tell a single zone.', 'State the timezone, such as America/New_York.');
        end if;
    end if;
    load := jsonb_strip_nulls(jsonb_build_object('userId', owner)) || jsonb_build_object('metadata', coalesce(metadata, '{}'),
        'scheduling', coalesce(scheduling, '{}') || jsonb_strip_nulls(jsonb_build_object('timezone', coalesce(tz, case when every is not null then zone end))));
    if every is not null then
        select s.series_id into planned from dialer.schedule_series(campaign, address, due_at at time zone zone,
            dialer.recurring_rule(every, step, coalesce(until_on, (until_at at time zone zone)::date), times, due_at at time zone zone, zone), zone, priority => priority, payload => load, hours => hours,
            hours_tz => case when hours is not null then coalesce(hours_tz, zone) end, at => at) s;
        return query select s.* from dialer.series_as_scheduled(array[planned.series_id]) s;
        return;
    end if;
    select p.call_id, p.result into planned from dialer.schedule_call(campaign, address, due_at, tz => tz, priority => priority, payload => load, hours => hours,
        hours_tz => case when hours is not null then coalesce(hours_tz, zone) end, at => at) p;
    if planned.result in ('do_not_call', 'number_unusable') then
        perform dialer.fail('PD054', format('this number may not be called: %s', planned.result), 'It is on the do-not-call list, or a provider has said that it does not exist.', 'Nothing was planned.');
    elsif planned.result = 'waiting' then
        perform dialer.fail('PD027', format('the calling window of agent "%s" never opens for this call', agent), 'Its hours, with those of the call, have no opening in the zone of the contact, or no zone is known.', 'State the timezone of the contact, or other business hours.');
    end if;
    return query select c.* from dialer.calls_as_scheduled(array[planned.call_id]) c;
end $$;
comment on function dialer.schedule_for_agent(text, text, timestamptz, text, text, dialer.hours, text, text, integer, date, timestamptz, integer, text, integer, jsonb, jsonb, text, timestamptz) is
'Plans a call, or with every (daily, weekly, monthly) a series of calls, as a call scheduler is asked to: for an agent (see agent_campaign), an owner, a zone (tz: of the contact), hours of its own on top of the campaign''s. Returns it as it will be: moved into the calling window, with the reason. Errors: PD051 agent, PD011 zone, PD027 not in the future or never open, PD053 weekday, PD054 the number may not be called, PD013 rule, PD014 number.';

create function dialer.cancel_scheduled(id text, reason text default 'cancelled by a person', at timestamptz default dialer.now()) returns setof dialer.scheduled_call
language plpgsql volatile as $$
#variable_conflict use_variable
declare
    target dialer.call;
    series bigint := case when id ~ '^series-[0-9]{1,18}$' then substr(id, 8)::bigint end;
begin
    if series is null then
        target := dialer.waiting_call(case when id ~ '^[0-9]{1,18}$' then id::bigint end);
        -- Who cancels a call that comes back wants no more of them.
        select s.series_id into series from dialer.series s where s.series_id = target.series_id and s.state = 'active';
    end if;
    if series is not null then
        perform dialer.cancel_series(series, reason, at);
    else
        perform dialer.cancel_call(target.call_id, reason, at);
    end if;
    return query select n.* from dialer.scheduled_call_named(id) n;
end $$;
comment on function dialer.cancel_scheduled(text, text, timestamptz) is
'Cancels a call or a series as a call scheduler does: an occurrence takes its series along (dialer.cancel_call leaves one out). Returns what it is now. Errors: PD028 no such call, PD029 it does not wait.';

create function dialer.reschedule_scheduled(id text, due_at timestamptz, at timestamptz default dialer.now()) returns setof dialer.scheduled_call
language plpgsql volatile as $$
#variable_conflict use_variable
begin
    if id ~ '^series-' then
        perform dialer.fail('PD029', format('%s is a series and has no single time', id), 'Its occurrences follow from the rule and its start.', 'Reschedule one of its calls, or cancel the series and schedule another.');
    elsif due_at is null or due_at <= at then
        perform dialer.fail('PD027', format('scheduled time %s is not in the future', coalesce(due_at::text, 'null')), format('It is now %s.', at), 'Give a later time.');
    end if;
    perform dialer.reschedule_call(case when id ~ '^[0-9]{1,18}$' then id::bigint end, due_at, at);
    return query select n.* from dialer.scheduled_call_named(id) n;
end $$;
comment on function dialer.reschedule_scheduled(text, timestamptz, timestamptz) is 'Moves a waiting call to a later time, or the next opening after it, and returns what it is now. Errors: PD027 not in the future or never open, PD028, PD029.';

-- Lists of the rest.
create function dialer.find_campaigns(state text default null, only_campaign text default null, before_id bigint default null, limit_ integer default 50)
returns table (campaign_id bigint, name text, state dialer.campaign_state, state_reason text, account text, calendar text, hours dialer.hours, tz text, policy text, priority smallint,
    weight double precision, max_concurrent integer, per_second numeric, misfire text, misfire_after text, caller_pool text, consent text, valid_until timestamptz, settings jsonb, created_at timestamptz)
language sql stable as $$
    select c.campaign_id, c.name, c.state, c.state_reason, a.name, k.name, k.hours, case c.zone_rule when 'fixed' then k.tz end, y.name, c.priority, c.weight, c.max_concurrent, c.per_second,
           c.misfire, c.misfire_after::text, c.caller_pool, c.consent, nullif(c.valid_until, 'infinity'), c.settings, c.created_at
    from dialer.campaign c join dialer.provider_account a using (account_id) join dialer.calendar k using (calendar_id) join dialer.redial_policy y using (policy_id)
    where c.tenant_id = (select dialer.current_tenant()) and (find_campaigns.state is null or c.state = find_campaigns.state::dialer.campaign_state)
      and (only_campaign is null or c.name = only_campaign) and (before_id is null or c.campaign_id < before_id)
    order by c.campaign_id desc limit limit_
$$;
comment on function dialer.find_campaigns(text, text, bigint, integer) is 'Campaigns of this tenant, the youngest first, by state or name. before_id: the next page.';

create function dialer.campaign_stats(campaign text)
returns table (scheduled bigint, claimed bigint, in_flight bigint, completed bigint, failed bigint, cancelled bigint, expired bigint, total bigint, attempts bigint, first_due_at timestamptz)
language sql stable as $$
    with one as (select dialer.campaign_named(campaign_stats.campaign) as campaign_id)
    select count(*) filter (where c.state = 'scheduled'), count(*) filter (where c.state = 'claimed'), count(*) filter (where c.state = 'in_flight'), count(*) filter (where c.state = 'completed'),
           count(*) filter (where c.state = 'failed'), count(*) filter (where c.state = 'cancelled'), count(*) filter (where c.state = 'expired'), count(c.call_id),
           coalesce(sum(a.attempts), 0)::bigint, nullif(min(c.due_at) filter (where c.state = 'scheduled'), 'infinity')
    from one left join dialer.call c using (campaign_id)
    left join lateral (select count(*) as attempts from dialer.attempt x where x.call_id = c.call_id and x.counts) a on c.call_id is not null
$$;
comment on function dialer.campaign_stats(text) is 'The calls of a campaign by state, their attempts that count, and when the first is due. Error PD025: no such campaign.';

create function dialer.find_contacts(person text default null, external_key text default null, only_contact bigint default null, before_id bigint default null, limit_ integer default 50)
returns table (contact_id bigint, external_key text, name text, zones text[], zone_source text, jurisdiction text, attributes jsonb, addresses jsonb, created_at timestamptz)
language sql stable as $$
    select p.contact_id, p.external_key, p.name, p.zones, p.zone_source, p.jurisdiction, p.attributes,
           coalesce((select jsonb_agg(jsonb_build_object('channel', e.channel, 'address', e.address, 'status', e.status) order by e.channel, e.position, e.endpoint_id)
                     from dialer.endpoint e where e.contact_id = p.contact_id), '[]'), p.created_at
    from dialer.contact p
    where p.tenant_id = (select dialer.current_tenant()) and (find_contacts.external_key is null or p.external_key = find_contacts.external_key)
      and (person is null or p.contact_id = any ((select dialer.contacts_like(person))::bigint[]))
      and (only_contact is null or p.contact_id = only_contact) and (before_id is null or p.contact_id < before_id)
    order by p.contact_id desc limit limit_
$$;
comment on function dialer.find_contacts(text, text, bigint, bigint, integer) is 'Contacts of this tenant with their numbers and addresses, the youngest first, by person (see contacts_like) or external key. before_id: the next page.';

create function dialer.add_contact(address text, name text default null, tz text default null, state text default null, external_key text default null,
    attributes jsonb default '{}', region text default 'US', at timestamptz default dialer.now(), out contact_id bigint, out created boolean, out verdict text)
language plpgsql volatile as $$
#variable_conflict use_variable
declare
    by_mail boolean := position('@' in address) > 0;
    admitted record;
begin
    if jsonb_typeof(coalesce(attributes, '{}')) <> 'object' then
        perform dialer.fail('PD015', 'the attributes of a contact are no object', null, 'E.g. attributes => ''{"plan": "gold"}''.');
    end if;
    if tz is not null then
        perform dialer.zone_named(tz);
    end if;
    perform dialer.check_place(state);
    admitted := dialer.admit(array[row(1, external_key, name, case when not by_mail then dialer.read_address(address, region) end, case when by_mail then dialer.read_address(address, region) end,
        tz, state, null, coalesce(attributes, '{}'))::dialer.intake_row], region, 'add_contact', at, null);
    select r.contact_id, r.created, r.verdict into contact_id, created, verdict from unnest(admitted.results) r;
end $$;
comment on function dialer.add_contact(text, text, text, text, text, jsonb, text, timestamptz) is
'Adds the contact of a number or e-mail address, or updates it: found by external key or address. verdict: accepted, or do_not_call. Errors: PD014 neither number nor address, PD011 zone, PD041 state, PD015 attributes.';

create function dialer.find_do_not_call(address text default null, external_key text default null, before_id bigint default null, limit_ integer default 50)
returns table (do_not_call_id bigint, address text, contact_id bigint, contact text, external_key text, source text, added_at timestamptz, expires_at timestamptz)
language sql stable as $$
    select d.do_not_call_id, d.address, d.contact_id, w.name, w.external_key, d.source, d.added_at, nullif(d.expires_at, 'infinity')
    from dialer.do_not_call d left join dialer.contact w using (contact_id)
    where d.tenant_id = (select dialer.current_tenant()) and d.removed_at is null
      and (find_do_not_call.address is null or d.address = (select dialer.read_address(find_do_not_call.address, 'US'))
           or d.contact_id in (select e.contact_id from dialer.endpoint e where e.tenant_id = (select dialer.current_tenant()) and e.channel = any (enum_range(null::dialer.channel))
                               and e.address = (select dialer.read_address(find_do_not_call.address, 'US'))))
      and (find_do_not_call.external_key is null or d.contact_id in (select p.contact_id from dialer.contact p
               where p.tenant_id = (select dialer.current_tenant()) and p.external_key = find_do_not_call.external_key))
      and (before_id is null or d.do_not_call_id < before_id)
    order by d.do_not_call_id desc limit limit_
$$;
comment on function dialer.find_do_not_call(text, text, bigint, integer) is 'Do-not-call entries of this tenant that were not taken off, the youngest first, those of a person with their name and key: all, those that are about a number or address (its person''s included), or those of a person by your own key. before_id: the next page. Error PD014: neither number nor address.';

create function dialer.take_off_do_not_call(do_not_call_id bigint) returns void
language plpgsql volatile as $$
declare entry dialer.do_not_call;
begin
    select d.* into entry from dialer.do_not_call d where d.do_not_call_id = take_off_do_not_call.do_not_call_id and d.tenant_id = dialer.current_tenant() and d.removed_at is null for update;
    if entry.do_not_call_id is null then
        perform dialer.fail('PD052', format('do-not-call entry %s does not exist', coalesce(take_off_do_not_call.do_not_call_id::text, 'null')), null, 'Entries of this tenant are in dialer.do_not_call.');
    elsif entry.source like 'said in call %' then
        perform dialer.fail('PD029', format('do-not-call entry %s is what the contact %s', entry.do_not_call_id, entry.source), 'What a contact has said stays.', 'If they have asked to be called again, record that with dialer.give_consent and have the owner remove the entry.');
    end if;
    update dialer.do_not_call d set removed_at = dialer.now(), removed_by = dialer.actor() where d.do_not_call_id = entry.do_not_call_id;
end $$;
comment on function dialer.take_off_do_not_call(bigint) is
'Takes off a do-not-call entry that a person or a program has made; what was cancelled stays cancelled, and the entry is kept with who took it off and when. Errors: PD052 no such entry, PD029 the contact said so in a call.';

create function dialer.find_bans(state text default null, before_id bigint default null, limit_ integer default 50, at timestamptz default dialer.now())
returns table (ban_id bigint, reason text, state text, from_at timestamptz, to_at timestamptz, jurisdictions text[], area_codes text[], zips text[], exempt_purposes text[],
    declared_at timestamptz, lifted_at timestamptz)
language sql stable as $$
    select b.ban_id, b.reason, x.state, case when isfinite(b.from_at) then b.from_at else b.declared_at end, nullif(b.to_at, 'infinity'), coalesce(b.jurisdictions, '{}'), coalesce(b.area_codes, '{}'), coalesce(b.zips, '{}'), b.exempt_purposes,
           b.declared_at, b.lifted_at
    from dialer.ban b
    cross join lateral (select case when b.lifted_at is not null or b.to_at <= at then 'over' when b.from_at > at then 'to_come' else 'in_force' end as state) x
    where b.tenant_id = (select dialer.current_tenant()) and (find_bans.state is null or x.state = find_bans.state) and (before_id is null or b.ban_id < before_id)
    order by b.ban_id desc limit limit_
$$;
comment on function dialer.find_bans(text, bigint, integer, timestamptz) is 'Bans of this tenant, the youngest first, by state: to_come, in_force, over. No jurisdictions and no area codes: it holds for everybody. before_id: the next page.';

create function dialer.find_consents(address text default null, purpose text default null, before_id bigint default null, limit_ integer default 50)
returns table (consent_id bigint, address text, purpose text, kind text, source text, given_at timestamptz, expires_at timestamptz, withdrawn_at timestamptz, evidence jsonb)
language sql stable as $$
    select c.consent_id, c.address, c.purpose, c.kind, c.source, c.given_at, nullif(c.expires_at, 'infinity'), c.withdrawn_at, c.evidence
    from dialer.consent c
    where c.tenant_id = (select dialer.current_tenant()) and (find_consents.address is null or c.address = dialer.read_address(find_consents.address, 'US'))
      and (find_consents.purpose is null or c.purpose = find_consents.purpose) and (before_id is null or c.consent_id < before_id)
    order by c.consent_id desc limit limit_
$$;
comment on function dialer.find_consents(text, text, bigint, integer) is 'Consents of this tenant, the youngest first, by number or address and purpose; withdrawn ones too. before_id: the next page. Error PD014: neither.';

create function dialer.find_series(campaign text default null, state text default null, person text default null, only_series bigint default null, before_id bigint default null, limit_ integer default 50)
returns table (series_id bigint, campaign text, contact_id bigint, contact text, address text, rule text, start_local text, tz text, state text, end_reason text, next_at timestamptz, next_local text,
    occurrence_count integer, left_out_count integer, payload jsonb, created_at timestamptz, ended_at timestamptz)
language sql stable as $$
    select s.series_id, g.name, s.contact_id, p.name, e.address, s.rule, to_char(s.start_local, 'YYYY-MM-DD"T"HH24:MI:SS'), s.tz, s.state, s.end_reason, s.next_at, dialer.local_text(s.next_at, s.tz),
           s.occurrence_count, s.left_out_count, s.payload, s.created_at, s.ended_at
    from dialer.series s join dialer.campaign g using (campaign_id) join dialer.endpoint e using (endpoint_id) join dialer.contact p on p.contact_id = s.contact_id
    where s.tenant_id = (select dialer.current_tenant()) and (find_series.campaign is null or s.campaign_id = dialer.campaign_named(find_series.campaign))
      and (find_series.state is null or s.state = find_series.state) and (only_series is null or s.series_id = only_series)
      and (person is null or s.contact_id = any ((select dialer.contacts_like(person))::bigint[]))
      and (before_id is null or s.series_id < before_id)
    order by s.series_id desc limit limit_
$$;
comment on function dialer.find_series(text, text, text, bigint, bigint, integer) is 'Series of this tenant, the youngest first, by campaign, state and person (see contacts_like), with the next instant by the rule. before_id: the next page. Error PD025.';

create function dialer.find_accounts()
returns table (name text, provider text, channel dialer.channel, state dialer.account_state, state_reason text, max_concurrent integer, per_second numeric, inbound_reserve integer,
    in_use bigint, blocked_until timestamptz, blocked_reason text, created_at timestamptz)
language sql stable as $$
    select a.name, a.provider, a.channel, a.state, a.state_reason, a.max_concurrent, a.per_second, a.inbound_reserve,
           (select count(*) from dialer.lease l where l.account_id = a.account_id),
           case when isfinite(k.blocked_until) and k.blocked_until > dialer.now() then k.blocked_until end, k.blocked_reason, a.created_at
    from dialer.provider_account a left join dialer.account_health k using (account_id)
    where a.tenant_id = (select dialer.current_tenant()) order by a.name
$$;
comment on function dialer.find_accounts() is 'Accounts of this tenant with limits and state; no secrets, no names of secrets and no settings.';

create function dialer.dispatchers_alive() returns bigint
language sql stable as $$
    select count(*) from dialer.dispatcher d where d.seen_at > clock_timestamp() - interval '15 seconds'
$$;
comment on function dialer.dispatchers_alive() is 'Dispatchers that were heard of in the last 15 seconds of real time.';

create function dialer.local_day(tz text, day date default null, at timestamptz default dialer.now()) returns table (day date, from_at timestamptz, to_at timestamptz)
language sql stable as $$
    select d.day, d.day::timestamp at time zone z.tz, (d.day + 1)::timestamp at time zone z.tz
    from (select dialer.zone_named(local_day.tz) as tz) z cross join lateral (select coalesce(local_day.day, (at at time zone z.tz)::date) as day) d
$$;
comment on function dialer.local_day(text, date, timestamptz) is
'A local date (null: that of "at") in a zone, and the span of time that it is. Error PD011: no such zone.
e.g. select to_at - from_at from dialer.local_day(''America/New_York'', ''2026-11-01'') --> 1 day 01:00:00';
