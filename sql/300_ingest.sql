-- Events in: webhooks and look-up answers, stored and applied in one transaction.
-- Who uses it: the dispatcher. Doubled, late, early and misordered events are the usual case.
-- Invariants kept: 3, 12.

create type dialer.incoming as (
    position bigint, event_key text, kind text, attempt_id uuid, provider_call_id text, at timestamptz, outcome dialer.outcome, word text,
    disposition text, duration_seconds double precision, callback_at timestamptz, source text, raw jsonb, problem text,
    call_id bigint, open boolean, fresh boolean, step text, campaign_id bigint, answer text, success boolean);
comment on type dialer.incoming is 'an event as understood: open: its attempt is open; fresh: not received before; answer: what its step found out';

create function dialer.instant_or_null(value text) returns timestamptz language plpgsql stable as $$
begin
    -- LIMIT: infinity and the end of the calendar are no instants to which anything could be added. Words such as "yesterday" are none.
    return case when value ~ '^\s*\d{4}-\d\d-\d\d' and value::timestamptz between '1970-01-01 00:00:00+00' and '9999-12-31 00:00:00+00' then value::timestamptz end;
exception when others then
    return null;
end $$;
comment on function dialer.instant_or_null(text) is 'An instant from text; null where the text is not one between 1970 and 9999.';

create function dialer.read_events(events jsonb) returns dialer.incoming[]
language sql stable as $$
    select coalesce(array_agg(row(e.position - 1, v ->> 'event_key', v ->> 'kind',
        case when v ->> 'attempt_id' ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then (v ->> 'attempt_id')::uuid end,
        v ->> 'provider_call_id', dialer.instant_or_null(v ->> 'at'),
        case when v ->> 'outcome' = any (enum_range(null::dialer.outcome)::text[]) then (v ->> 'outcome')::dialer.outcome end,
        v ->> 'word', nullif(btrim(v ->> 'disposition'), ''),
        case when jsonb_typeof(v -> 'duration_seconds') = 'number' and (v ->> 'duration_seconds')::numeric between 0 and 1e9 then (v ->> 'duration_seconds')::double precision end,
        dialer.instant_or_null(v ->> 'callback_at'), coalesce(v ->> 'source', 'webhook'), coalesce(v -> 'raw', v),
        case when jsonb_typeof(v) <> 'object' then 'not an object'
             when coalesce(v ->> 'event_key', '') = '' then 'event_key is missing'
             when length(v ->> 'event_key') > 500 then 'event_key is longer than 500 characters'
             when coalesce(v ->> 'kind', '') not in ('placed', 'ringing', 'answered', 'ended', 'note') then format('kind "%s" is not known', v ->> 'kind')
             when v ->> 'outcome' is not null and v ->> 'outcome' <> all (enum_range(null::dialer.outcome)::text[]) then format('outcome "%s" is not known', v ->> 'outcome')
        end, null, false, false, null, null, nullif(btrim(v ->> 'classification'), ''),
        case jsonb_typeof(v -> 'success') when 'boolean' then (v ->> 'success')::boolean end)::dialer.incoming order by e.position), '{}')
    from jsonb_array_elements(case when jsonb_typeof(events) = 'array' then events else jsonb_build_array(events) end) with ordinality e(v, position)
$$;
comment on function dialer.read_events(jsonb) is 'Understands an array of normalised events; what is wrong with one is in its field problem.';

create function dialer.match_events(account_id integer, incoming dialer.incoming[], at timestamptz) returns dialer.incoming[]
language plpgsql volatile as $$
begin
    -- The leases concerned are locked in one order; two webhooks about one call wait for each other here.
    perform from dialer.lease l where l.account_id = match_events.account_id
        and (l.attempt_id in (select i.attempt_id from unnest(incoming) i)
             or l.provider_call_id in (select i.provider_call_id from unnest(incoming) i where i.attempt_id is null))
        order by l.call_id for update;
    return array(
        select row(i.position, i.event_key, i.kind, coalesce(l.attempt_id, i.attempt_id, e.attempt_id), i.provider_call_id, i.at, i.outcome, i.word, i.disposition,
                   i.duration_seconds, i.callback_at, i.source, i.raw, i.problem, coalesce(l.call_id, e.call_id), l.attempt_id is not null, false,
                   coalesce(l.step, e.step), coalesce(l.campaign_id, e.campaign_id), i.answer, i.success)::dialer.incoming
        from unnest(incoming) i
        left join dialer.lease l on l.account_id = match_events.account_id and l.state <> 'claimed'
             and (l.attempt_id = i.attempt_id or (i.attempt_id is null and l.provider_call_id = i.provider_call_id))
        left join lateral (
            select a.attempt_id, a.call_id, a.step, a.campaign_id from dialer.attempt a
            where l.attempt_id is null and a.attempt_id = i.attempt_id and a.account_id = match_events.account_id limit 1) e on true
        order by i.position);
end $$;
comment on function dialer.match_events(integer, dialer.incoming[], timestamptz) is
'Finds the attempt of each event by attempt id, else by the provider''s call id among the open ones, and locks the open ones.';

create function dialer.event_ends(incoming dialer.incoming[], tenant_id integer) returns dialer.attempt_end[]
language sql stable as $$
    select array(
        select distinct on (i.attempt_id) row(i.attempt_id,
            case when i.disposition is not null then dialer.outcome_of(event_ends.tenant_id, i.disposition)
                 else coalesce(dialer.own_outcome(event_ends.tenant_id, i.word), i.outcome, dialer.outcome_of(event_ends.tenant_id, i.word)) end,
            i.word, i.disposition, i.provider_call_id, i.duration_seconds, i.callback_at,
            jsonb_strip_nulls(jsonb_build_object('source', i.source, 'provider_at', i.at, 'answer', i.answer, 'success', i.success)), i.answer, i.success)::dialer.attempt_end
        from unnest(incoming) i
        where i.kind = 'ended' and i.open and i.fresh and i.problem is null
        order by i.attempt_id, (i.disposition is null), (i.answer is null), (i.outcome is null), i.position)
$$;
comment on function dialer.event_ends(dialer.incoming[], integer) is
'The ends among the events, one per attempt, the most telling first; a business label counts before the provider''s word, and what the tenant says of that word before what its vendor''s table says.';

create function dialer.late_facts(incoming dialer.incoming[], tenant_id integer, at timestamptz) returns void
language plpgsql volatile as $$
declare fact record;
begin
    -- LIMIT: late facts are rare; one statement each. A fact that the attempt already carries changes nothing.
    for fact in
        select i.call_id, i.attempt_id, i.answer, i.disposition, case when q.name is null or not dialer.only_talked(q, m.meaning, i.answer, i.success) then m.meaning end as meaning
        from unnest(incoming) i left join dialer.campaign g on i.step is not null and g.campaign_id = i.campaign_id
        left join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = i.step
        cross join lateral (select case when i.disposition is not null then dialer.outcome_of(late_facts.tenant_id, i.disposition)
             else coalesce(dialer.own_outcome(late_facts.tenant_id, i.word), i.outcome) end as meaning) m
        where i.fresh and not i.open and i.call_id is not null and i.kind = 'ended' and i.problem is null
            -- Not knowing is no fact.
            and (m.meaning <> 'unknown' or i.disposition is not null or i.answer is not null)
        order by i.call_id, i.position
    loop
        perform dialer.learn_answer(fact.call_id, fact.attempt_id, fact.answer, 'call ' || fact.call_id, at) where fact.answer is not null;
        continue when fact.meaning is null and fact.disposition is null;
        if fact.meaning is null then
            perform dialer.hold_for_review(fact.call_id, fact.disposition);
            continue;
        end if;
        perform dialer.learn(fact.call_id, fact.meaning, at);
        if fact.disposition is not null then
            perform dialer.release_from_review(fact.call_id, at);
        end if;
    end loop;
end $$;
comment on function dialer.late_facts(dialer.incoming[], integer, timestamptz) is
'Events for attempts that have ended: a final outcome ends a waiting call, a label that nobody knows holds it, and do-not-call is kept; that nothing is known changes nothing, and nothing is reopened.';

create function dialer.read_answers(incoming dialer.incoming[], tenant_id integer) returns dialer.incoming[]
language plpgsql stable as $$
declare
    one dialer.incoming;
    read dialer.incoming[] := '{}';
    asked record;
    meant text;
begin
    foreach one in array incoming loop
        select q.finds, q.answers into asked from dialer.campaign g join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = one.step and q.finds is not null
        where g.campaign_id = one.campaign_id;
        meant := dialer.answer_of(tenant_id, asked.finds, asked.answers, coalesce(one.answer, one.disposition));
        if meant is not null and one.answer is null then
            -- The label was the answer.
            one.disposition := null;
        elsif meant is null and asked.finds is not null and one.disposition is null then
            -- An answer that nobody understands waits for a person, as a label does.
            one.disposition := one.answer;
        end if;
        if meant is not null and one.disposition is null and one.word is null then
            one.outcome := coalesce(one.outcome, 'completed');
        end if;
        one.answer := meant;
        read := read || one;
    end loop;
    return read;
end $$;
comment on function dialer.read_answers(dialer.incoming[], integer) is
'Understands what the calls of asking steps have found out: as the event''s classification, else as its label. An answer of another step is none.';

create function dialer.apply_events(account_id integer, tenant_id integer, incoming dialer.incoming[], at timestamptz) returns void
language plpgsql volatile as $$
begin
    if exists (select from unnest(incoming) i where i.step is not null and i.kind = 'ended') then
        incoming := dialer.read_answers(incoming, tenant_id);
    end if;
    update dialer.lease l
    set state = greatest(l.state, f.state), provider_call_id = coalesce(l.provider_call_id, f.provider_call_id), placed_at = coalesce(l.placed_at, at),
        ringing_at = case when f.rang then coalesce(l.ringing_at, at) else l.ringing_at end,
        answered_at = case when f.answered then coalesce(l.answered_at, at) else l.answered_at end,
        look_at = at + make_interval(secs => a.ring_seconds + a.call_seconds_max) + dialer.real_interval(make_interval(secs => a.answer_seconds))
    from (select i.attempt_id, max(i.provider_call_id) as provider_call_id, bool_or(i.kind = 'ringing') as rang, bool_or(i.kind = 'answered') as answered,
                 max(case i.kind when 'ringing' then 'ringing' when 'answered' then 'answered' else 'placed' end::dialer.attempt_state) as state
          from unnest(incoming) i where i.open and i.fresh and i.kind in ('placed', 'ringing', 'answered') group by i.attempt_id) f,
         dialer.provider_account a
    where l.attempt_id = f.attempt_id and a.account_id = l.account_id;
    if exists (select from unnest(incoming) i where i.open and i.fresh and i.kind in ('placed', 'ringing', 'answered')) then
        perform dialer.account_fine(array[apply_events.account_id]);
    end if;
    perform dialer.end_attempts(dialer.event_ends(incoming, tenant_id), at);
    perform dialer.late_facts(incoming, tenant_id, at);
end $$;
comment on function dialer.apply_events(integer, integer, dialer.incoming[], timestamptz) is 'Applies events that are fresh: open attempts move on or end, ended ones may still teach something of their call.';

create function dialer.ingest_event(account_id integer, events jsonb) returns table ("position" bigint, result text)
language plpgsql volatile security definer
set search_path = pg_catalog, dialer, pg_temp set plan_cache_mode = force_generic_plan set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
    now_ timestamptz := dialer.now();
    tenant integer;
    incoming dialer.incoming[];
begin
    select a.tenant_id into tenant from dialer.provider_account a where a.account_id = ingest_event.account_id;
    if tenant is null then
        perform dialer.fail('PD021', format('provider account %s does not exist', ingest_event.account_id), null, 'Accounts are in dialer.provider_account.');
    end if;
    incoming := dialer.match_events(ingest_event.account_id, dialer.read_events(events), now_);
    with stored as (
        insert into dialer.provider_event (account_id, event_key, received_on, tenant_id, received_at, attempt_id, call_id, kind, source, result, raw)
        select distinct on (i.event_key) ingest_event.account_id, i.event_key, (now_ at time zone 'UTC')::date, tenant, now_, i.attempt_id, i.call_id, i.kind,
               i.source, case when i.open then 'applied' when i.call_id is not null then 'late' else 'unmatched' end, i.raw
        from unnest(incoming) i where i.problem is null order by i.event_key, i.position
        on conflict do nothing
        returning event_key)
    select array_agg(row(i.position, i.event_key, i.kind, i.attempt_id, i.provider_call_id, i.at, i.outcome, i.word, i.disposition, i.duration_seconds,
        i.callback_at, i.source, i.raw, i.problem, i.call_id, i.open,
        i.problem is null and i.position = i.first and exists (select from stored s where s.event_key = i.event_key), i.step, i.campaign_id, i.answer, i.success)::dialer.incoming order by i.position)
    into incoming from (select u.*, min(u.position) filter (where u.problem is null) over (partition by u.event_key) as first from unnest(incoming) u) i;
    perform dialer.apply_events(ingest_event.account_id, tenant, incoming, now_);
    return query select i.position, case when i.problem is not null then 'invalid: ' || i.problem when not i.fresh then 'doubled'
        when i.open then 'applied' when i.call_id is not null then 'late' else 'unmatched' end
        from unnest(incoming) i order by i.position;
end $$;
comment on function dialer.ingest_event(integer, jsonb) is
'Stores and applies a JSON array of normalised provider events; one row each: applied, doubled, late, unmatched, invalid: ... See docs/dispatcher-api.md. Error PD021: no such account.';

create function dialer.account_for_hook(provider text, account text)
returns table (account_id integer, channel text, secret_name text, webhook_secret_name text, settings jsonb)
language sql stable security definer set search_path = pg_catalog, dialer, pg_temp as $$
    select a.account_id, a.channel::text, a.secret_name, a.webhook_secret_name, a.settings from dialer.provider_account a
    where a.provider = account_for_hook.provider
      -- A name that several tenants gave names nobody: what one of them is told must not come to another.
      and (a.account_id::text = account or (a.name = account and not exists (
           select from dialer.provider_account o where o.provider = a.provider and o.name = a.name and o.account_id <> a.account_id)))
    order by (a.account_id::text = account) desc limit 1
$$;
comment on function dialer.account_for_hook(text, text) is
'The account that a webhook address names, by number, or by name where only one tenant has an account of that name at the provider; no row: no such account.';

create function dialer.account_to_check(account text)
returns table (account_id integer, tenant text, name text, provider text, channel text, base_url text, secret_name text, webhook_secret_name text, settings jsonb)
language sql stable security definer set search_path = pg_catalog, dialer, pg_temp as $$
    select a.account_id, t.name, a.name, a.provider, a.channel::text, a.base_url, a.secret_name, a.webhook_secret_name, a.settings
    from dialer.provider_account a join dialer.tenant t using (tenant_id)
    where a.account_id::text = account_to_check.account or a.name = account_to_check.account
    -- LIMIT: several tenants may have an account of the same name; so many are looked at.
    order by a.account_id limit 100
$$;
comment on function dialer.account_to_check(text) is 'The accounts with this name or number, of all tenants, as dialerd doctor needs them to try each; no row: no such account.';
