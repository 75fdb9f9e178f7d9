-- The compliance record of one number: every call to it, by whose rules, and what was known of consent and do-not-call at that time.
-- Who uses it: whoever has to show it; `dialerd report compliance`. It reads what was written down when each call was allowed
-- (attempt.decision), not what would be decided today.
-- Invariants kept: 3 (open attempts and unknown ends are shown as what they are).

create function dialer.consents_known(tenant_id integer, address text, at timestamptz) returns text
language sql stable as $$
    select coalesce(string_agg(format('%s%s: given %s (%s)%s', c.purpose, case c.kind when 'relationship' then ', as a customer' else '' end, c.given_at, c.source,
        case when c.withdrawn_at <= at then format(', withdrawn %s', c.withdrawn_at) when c.expires_at <= at then format(', ended %s', c.expires_at) else ', held' end), '; ' order by c.consent_id), 'none known')
    from dialer.consent c where c.tenant_id = consents_known.tenant_id and c.address = consents_known.address and c.given_at <= at
$$;
comment on function dialer.consents_known(integer, text, timestamptz) is 'The consents of an address that were known at an instant, and whether they held then, in words.';

create function dialer.do_not_call_known(tenant_id integer, contact_id bigint, address text, at timestamptz) returns text
language sql stable as $$
    select coalesce(string_agg(format('since %s (%s)%s', d.added_at, d.source, case when d.removed_at <= at then format(', taken off %s by %s', d.removed_at, d.removed_by) when d.expires_at <= at then format(', ended %s', d.expires_at) else ', in force' end), '; ' order by d.do_not_call_id), 'not on the list')
    from dialer.do_not_call d
    where d.tenant_id = do_not_call_known.tenant_id and (d.address = do_not_call_known.address or d.contact_id = do_not_call_known.contact_id) and d.added_at <= at
$$;
comment on function dialer.do_not_call_known(integer, bigint, text, timestamptz) is 'The do-not-call entries of a number or person that were known at an instant, in words.';

create function dialer.compliance_export(number text, from_at timestamptz default '-infinity', to_at timestamptz default 'infinity', region text default 'US')
returns table (dialled_at timestamptz, local_time text, zones text, zone_source text, channel text, campaign text, call_id bigint, attempt_id uuid, caller_id text, outcome text,
               answered_at timestamptz, duration_seconds double precision, jurisdictions text, jurisdiction_source text, hours text, rules text, lifted text, packs text, caps_counted text, policy text,
               consent text, do_not_call text, do_not_call_now text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    known text := dialer.read_address(number, region);
    tenant integer := dialer.current_tenant();
begin
    return query
    with tried as (
        select a.attempt_id, a.call_id, a.campaign_id, a.account_id, a.caller_id, a.contact_id, a.endpoint_id, a.channel, a.outcome::text as outcome, a.dialled_at, a.answered_at,
               a.duration_seconds, a.decision
        from dialer.endpoint e join dialer.attempt a on a.contact_id = e.contact_id and a.endpoint_id = e.endpoint_id
        where e.tenant_id = tenant and e.channel = any (enum_range(null::dialer.channel)) and e.address = known
        union all
        select l.attempt_id, l.call_id, l.campaign_id, l.account_id, l.caller_id, l.contact_id, l.endpoint_id, l.channel, 'open: ' || l.state, coalesce(l.placed_at, l.intended_at), l.answered_at,
               null, l.decision
        from dialer.endpoint e join dialer.lease l on l.endpoint_id = e.endpoint_id
        where e.tenant_id = tenant and e.channel = any (enum_range(null::dialer.channel)) and e.address = known and l.intended_at is not null)
    select t.dialled_at, to_char(t.dialled_at at time zone coalesce(t.decision -> 'zones' ->> 0, 'UTC'), 'Dy YYYY-MM-DD HH24:MI:SS'),
        array_to_string(array(select jsonb_array_elements_text(t.decision -> 'zones')), ' '), t.decision ->> 'zone_source', t.channel::text, g.name, t.call_id, t.attempt_id,
        coalesce(i.number, 'chosen by the provider'), t.outcome, t.answered_at, t.duration_seconds,
        case when t.decision ? 'law' then array_to_string(array(select jsonb_array_elements_text(t.decision -> 'law' -> 'jurisdictions')), ' ') else 'no law was chosen' end, t.decision ->> 'jurisdiction_source',
        concat_ws(' and ', t.decision ->> 'hours', t.decision ->> 'own_hours'),
        (select string_agg(coalesce(format('%s (%s, as of %s)', c.code, r.source, r.as_of), c.code), '; ' order by c.code)
         from jsonb_array_elements_text(t.decision -> 'law' -> 'rules') c(code) left join dialer.calling_rule r on r.tenant_id = tenant and r.code = c.code
             and r.pack in (select jsonb_object_keys(t.decision -> 'law' -> 'packs'))),
        (select string_agg(c.code, '; ' order by c.code) || format(' (recorded for "%s")', t.decision -> 'law' ->> 'exempt_consent') from jsonb_array_elements_text(t.decision -> 'law' -> 'lifted') c(code)),
        (select string_agg(format('%s loaded %s', p.key, p.value), '; ' order by p.key) from jsonb_each_text(t.decision -> 'law' -> 'packs') p),
        (select string_agg(format('%s: %s', s.key, s.value), '; ' order by s.key) from jsonb_each_text(coalesce(t.decision -> 'capped', '{}') || jsonb_build_object('policy', t.decision -> 'counted')) s),
        t.decision ->> 'policy',
        dialer.consents_known(tenant, known, t.dialled_at), dialer.do_not_call_known(tenant, t.contact_id, known, t.dialled_at), dialer.do_not_call_known(tenant, t.contact_id, known, dialer.now())
    from tried t join dialer.campaign g using (campaign_id) left join dialer.caller_id i on i.caller_id = t.caller_id
    where t.dialled_at >= from_at and t.dialled_at < to_at
    order by t.dialled_at, t.attempt_id;
end $$;
comment on function dialer.compliance_export(text, timestamptz, timestamptz, text) is
'Every call to a number (or mail to an address): when, the local time and zone that the decision went by, from which number, with what outcome; the jurisdictions, rules and versions of packs in force, rules that were lifted by consent or a relationship, what the caps counted; which consents and do-not-call entries were known then, and do-not-call now. As written down when each was allowed. Error PD014: no number.';

create function dialer.law_a_day(law_id integer, jurisdictions text[]) returns table (attempts integer, rule text)
language sql stable as $$
    -- A cap over a day or longer is at least a cap of a day; those that only keep distances are none.
    select (k.cap).max_count, format('%s (%s)', k.code, k.source)
    from unnest(dialer.law_cappings(law_a_day.law_id, law_a_day.jurisdictions)) k
    where k.counts = 'attempts' and (k.cap).kind in ('rolling', 'local_dates', 'calendar_week', 'lifetime') and ((k.cap).kind <> 'rolling' or (k.cap).amount >= 86400)
    order by (k.cap).max_count, k.code limit 1
$$;
comment on function dialer.law_a_day(integer, text[]) is 'The most attempts a day that a choice of law allows for people of these jurisdictions, and the rule that says so; no row: it does not say.';

create function dialer.backfill_by_law(backfill_id bigint)
returns table (jurisdictions text, numbers bigint, policy_a_day integer, law_a_day integer, rule text, expected_a_day bigint)
language sql stable as $$
    with place as (
        select r.jurisdictions, count(*) as numbers
        from dialer.backfill b cross join lateral dialer.backfill_meaning(b.backfill_id, null) m cross join lateral dialer.resolve_jurisdiction(null, array[m.phone]) r
        where b.backfill_id = backfill_by_law.backfill_id and b.tenant_id = dialer.current_tenant() and m.meaning = 'redial' group by r.jurisdictions)
    select coalesce(nullif(array_to_string(p.jurisdictions, ' '), ''), 'not known'), p.numbers, s.policy, w.attempts, w.rule, p.numbers * least(s.policy, w.attempts)
    from place p join dialer.backfill b on b.backfill_id = backfill_by_law.backfill_id
    join dialer.campaign c on c.campaign_id = b.campaign_id join dialer.redial_policy y using (policy_id)
    cross join lateral (select coalesce(dialer.policy_a_day(y), case y.ladder_scope when 'day' then cardinality(y.ladder) end) as policy) s
    left join lateral dialer.law_a_day(c.law_id, p.jurisdictions) w on true
    order by p.numbers desc, 1
$$;
comment on function dialer.backfill_by_law(bigint) is
'What a staged backfill would give a day by jurisdiction of its numbers: those to be redialled, attempts a day by the policy and by the law that the campaign goes by, and the less of the two for all of them. No row: no such backfill.';
