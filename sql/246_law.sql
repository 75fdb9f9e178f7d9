-- Choosing a law: which packs, for which purposes, how strictly. And what its lanes make of it and of bans.
-- Who uses it: people set it up; triggers close the lanes of which something has changed until the next claim has looked them up again.
-- Invariants kept: 4 (effective at the next claim, and for what is claimed already in the instant of placing), 6, 14 (lanes are touched, never calls,
-- but for the calls that wait in lanes from before a law was chosen: those are moved in bounded steps, and closed until then).

create function dialer.law_for(tenant_id integer, campaign_id bigint, account_id integer) returns integer
language sql stable as $$
    select w.law_id from dialer.law w
    where w.tenant_id = law_for.tenant_id and (w.campaign_id is null or w.campaign_id = law_for.campaign_id)
      and exists (select from dialer.provider_account a where a.account_id = law_for.account_id and a.channel <> 'email')
    order by w.campaign_id nulls last limit 1
$$;
comment on function dialer.law_for(integer, bigint, integer) is 'The choice of law of a campaign: its own, else its tenant''s; none for campaigns that send mail.';

create function dialer.reconsider(campaign_ids bigint[], reason text, at timestamptz) returns integer
language plpgsql volatile as $$
declare
    -- LIMIT: what is left over is looked at when it is due, or where it never opened with the next edit.
    waiting bigint[] := dialer.lock_free(array(
        select c.call_id from dialer.call c join dialer.lane l using (lane_id)
        where c.campaign_id = any (campaign_ids) and c.state = 'scheduled' and c.due_at > at and l.openings <> '{}'
          and (c.due_at = 'infinity' and c.wait_reason in ('never_open', 'jurisdiction_unknown', 'no_rule_known') or c.wait_reason in ('law_cap', 'tenant_cap', 'caps_spent'))
        order by c.call_id limit 10000));
begin
    return dialer.move_locked(array(
        select row(x.call_id, null, x.opens_at, reconsider.reason, null)::dialer.move from (
            select c.call_id, dialer.next_open_all(at, l.openings) as opens_at from dialer.call c join dialer.lane l using (lane_id) where c.call_id = any (waiting)) x
        where x.opens_at is not null));
end $$;
comment on function dialer.reconsider(bigint[], text, timestamptz) is
'Lets the calls of campaigns go on that wait for caps of the law or the tenant, or for an opening where there was none, because these were edited (reason); a bounded number. Returns how many.';

create function dialer.follow_law(campaign_ids bigint[], at timestamptz) returns void
language plpgsql volatile as $$
begin
    update dialer.campaign c set law_id = dialer.law_for(c.tenant_id, c.campaign_id, c.account_id)
    where c.campaign_id = any (campaign_ids) and c.law_id is distinct from dialer.law_for(c.tenant_id, c.campaign_id, c.account_id);
    -- LIMIT: the ticks move what is left over; its lanes are closed until then.
    perform dialer.bring_strays_home(at, 10000);
    -- LIMIT: the claim moves what is left over when it comes to it; until then every rule holds for it.
    perform dialer.relane(e.calls, at, patient => false) from (
        select array_agg(x.call_id) as calls from (
            select distinct c.call_id
            from dialer.campaign g join dialer.law w on w.law_id = g.law_id join dialer.consent k on k.tenant_id = w.tenant_id and k.purpose = w.exempt_consent
            join dialer.endpoint p on p.tenant_id = k.tenant_id and p.channel = any (enum_range(null::dialer.channel)) and p.address = k.address
            join dialer.call c on c.contact_id = p.contact_id and c.endpoint_id = p.endpoint_id and c.campaign_id = g.campaign_id
            where g.campaign_id = any (campaign_ids) and c.state = 'scheduled' order by c.call_id limit 10000) x) e
    where e.calls is not null;
    perform dialer.reconsider(campaign_ids, 'law_changed', at);
end $$;
comment on function dialer.follow_law(bigint[], timestamptz) is 'Lets campaigns go by the law that is chosen now: lanes at once, waiting calls in bounded steps.';

create function dialer.begin_choice(campaign_id bigint) returns void
language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock(hashtext('dialer.law'), dialer.current_tenant());
    -- Campaigns before the calendars and lanes that a changed choice locks, as everybody does.
    perform from dialer.campaign c where c.tenant_id = dialer.current_tenant() and (begin_choice.campaign_id is null or c.campaign_id = begin_choice.campaign_id)
        order by c.campaign_id for no key update;
end $$;
comment on function dialer.begin_choice(bigint) is 'Locks what a change of the choice of law touches (campaign null: all of the tenant), in the order of everybody.';

create function dialer.choose_law(campaign text, packs text[], purposes text[], min_confidence text default 'low', contradictions text default 'strictest',
    uncovered text default 'closed', margin interval default '60 seconds', exempt_consent text default null, hang_up_seconds integer default 30, at timestamptz default dialer.now()) returns integer
language plpgsql volatile as $$
#variable_conflict use_variable
declare
    target bigint := case when campaign is not null then dialer.campaign_named(campaign) end;
    meant text[] := array(select distinct case p when 'ai voice' then 'prerecorded' else p end from unnest(purposes) p order by 1);
    chosen integer;
begin
    if coalesce(cardinality(packs), 0) = 0 or exists (select from unnest(packs) p where not exists (select from dialer.rule_pack k where k.tenant_id = dialer.current_tenant() and k.pack = p)) then
        perform dialer.fail('PD042', format('packs %s are not loaded', coalesce(packs::text, 'null')), 'A law is made of packs of calling rules that this tenant has loaded.',
            'E.g. select dialer.load_calling_rules(''us-2026-11''); drop_law ends a choice.');
    elsif coalesce(cardinality(meant), 0) = 0 or not meant <@ dialer.known_purposes() then
        perform dialer.fail('PD042', format('purposes %s are not known', coalesce(purposes::text, 'null')), format('Known are: %s; ai voice means prerecorded.', array_to_string(dialer.known_purposes(), ', ')),
            'Name all that hold for these calls.');
    elsif coalesce(min_confidence, '') <> all ('{low,medium,high}') or coalesce(contradictions, '') <> all ('{strictest,as_read}') or coalesce(uncovered, '') <> all ('{closed,open}')
          or not coalesce(margin between interval '0' and interval '1 day', false) or not coalesce(hang_up_seconds between 0 and 3600, false) then
        perform dialer.fail('PD042', format('min_confidence %s, contradictions %s, uncovered %s, margin %s, hang_up_seconds %s', coalesce(min_confidence, 'null'), coalesce(contradictions, 'null'),
                coalesce(uncovered, 'null'), coalesce(margin::text, 'null'), coalesce(hang_up_seconds::text, 'null')),
            'min_confidence is low, medium or high; contradictions strictest or as_read; uncovered closed or open; margin up to a day; hang_up_seconds 0 to 3600.', 'Leave them out for what is usual, which is strict.');
    elsif exempt_consent is not null and target is null then
        perform dialer.fail('PD059', 'rules are lifted for the consents of one campaign, not for those of a tenant', 'Who has agreed to the calls of one campaign has not agreed to those of another.', 'Choose the law of each such campaign by itself, with its name.');
    elsif btrim(exempt_consent) = '' then
        perform dialer.fail('PD059', 'no purpose of consents is named', 'exempt_consent is the purpose under which give_consent has recorded them.', 'Leave it out, and every rule holds for everybody.');
    elsif target is not null and exists (select from dialer.campaign c join dialer.provider_account a using (account_id) where c.campaign_id = target and a.channel = 'email') then
        perform dialer.fail('PD042', format('campaign "%s" sends mail', campaign), 'Calling rules are about calls and texts.');
    end if;
    perform dialer.begin_choice(target);
    insert into dialer.law (campaign_id, packs, purposes, min_confidence, contradictions, uncovered, margin, exempt_consent, hang_up_seconds, chosen_at)
    values (target, packs, meant, min_confidence, contradictions, uncovered, margin, btrim(exempt_consent), hang_up_seconds, at)
    on conflict (tenant_id, coalesce(campaign_id, 0)) do update set packs = excluded.packs, purposes = excluded.purposes, min_confidence = excluded.min_confidence,
        contradictions = excluded.contradictions, uncovered = excluded.uncovered, margin = excluded.margin, exempt_consent = excluded.exempt_consent,
        hang_up_seconds = excluded.hang_up_seconds, chosen_at = excluded.chosen_at
    returning law_id into chosen;
    perform dialer.follow_law(array(select c.campaign_id from dialer.campaign c where c.tenant_id = dialer.current_tenant() and (target is null or c.campaign_id = target)), at);
    return chosen;
end $$;
comment on function dialer.choose_law(text, text[], text[], text, text, text, interval, text, integer, timestamptz) is
'Puts packs of calling rules in force for a campaign, or for all of the tenant that have no choice of their own (campaign null), from the next claim on. purposes: all that hold for its calls (telemarketing, debt collection, prerecorded, ai voice ...); a rule holds for campaigns that have all of its purposes. min_confidence: leave rules out that are known less surely; contradictions: strictest (every reading holds) or as_read (only the first); uncovered: closed or open where no pack speaks of the country; margin: added to rolling periods; exempt_consent (of one campaign only): the purpose of the consents and relationships (give_consent) that lift those rules which say that they do not hold with them, null: no rule is lifted for anybody; hang_up_seconds: a conversation that was shorter counts as a hang-up, where a rule is about these. The strictest of campaign and law wins. Not legal advice. Errors: PD042, PD059, PD025.';

create function dialer.drop_law(campaign text default null, at timestamptz default dialer.now()) returns void
language plpgsql volatile as $$
declare target bigint := case when campaign is not null then dialer.campaign_named(campaign) end;
begin
    perform dialer.begin_choice(target);
    delete from dialer.law w where w.tenant_id = dialer.current_tenant() and w.campaign_id is not distinct from target;
    if not found then
        perform dialer.fail('PD042', coalesce(format('campaign "%s" has no law of its own', campaign), 'the tenant has chosen no law'), null, 'See dialer.law.');
    end if;
    perform dialer.follow_law(array(select c.campaign_id from dialer.campaign c where c.tenant_id = dialer.current_tenant() and (target is null or c.campaign_id = target)), at);
end $$;
comment on function dialer.drop_law(text, timestamptz) is 'Ends the choice of law of a campaign, which then follows the tenant''s, or of the tenant (null). Errors: PD042 there is none, PD025.';

-- As closures_edited: what has changed is effective at the next claim.
create function dialer.law_edited() returns trigger
language plpgsql security definer set search_path = pg_catalog, dialer, pg_temp as $$
begin
    -- Campaigns before calendars, as an edit of a campaign: one that has been given another calendar meanwhile is seen with it.
    perform from dialer.campaign c where c.tenant_id in (select e.tenant_id from edited e) order by c.campaign_id for no key update;
    perform from dialer.calendar k where k.tenant_id in (select e.tenant_id from edited e) order by k.calendar_id for no key update;
    perform dialer.forget_spans(array(select c.campaign_id from dialer.campaign c where c.tenant_id in (select e.tenant_id from edited e)));
    return null;
end $$;
comment on function dialer.law_edited() is 'Trigger: an edit of calling rules, holidays, choices of law, bans or caps of the tenant is effective at the next claim.';
do $$
declare edited text;
begin
    foreach edited in array array['calling_rule', 'legal_holiday', 'law', 'ban', 'tenant_cap'] loop
        execute format('create trigger _500_forget_spans_of_added after insert on dialer.%I referencing new table as edited for each statement execute function dialer.law_edited()', edited);
        execute format('create trigger _500_forget_spans_of_removed after delete on dialer.%I referencing old table as edited for each statement execute function dialer.law_edited()', edited);
        execute format('create trigger _500_forget_spans_of_after after update on dialer.%I referencing new table as edited for each statement execute function dialer.law_edited()', edited);
    end loop;
end $$;

create function dialer.lane_banned(lane dialer.lane, at timestamptz) returns tstzmultirange
language plpgsql stable as $$
begin
    if not exists (select from dialer.ban b where b.tenant_id = lane.tenant_id and b.lifted_at is null and coalesce(b.to_at, 'infinity') > at) then
        return null;
    end if;
    return (select range_agg(tstzrange(b.from_at, b.to_at)) from dialer.ban b join dialer.campaign c on c.campaign_id = lane.campaign_id left join dialer.law w using (law_id)
        where b.tenant_id = lane.tenant_id and b.lifted_at is null and coalesce(b.to_at, 'infinity') > at and b.zips is null and not b.exempt_purposes && coalesce(w.purposes, '{}')
          and (b.jurisdictions is null and b.area_codes is null
               or exists (select from unnest(lane.jurisdictions) j where dialer.jurisdiction_chain(j) && b.jurisdictions)));
end $$;
comment on function dialer.lane_banned(dialer.lane, timestamptz) is 'When bans cover a whole lane from now on; null: never. Bans of a part of it are asked call by call.';

create function dialer.open_span_within(at timestamptz, openings dialer.opening[], banned tstzmultirange, out opens timestamptz, out closes timestamptz)
language plpgsql stable as $$
begin
    if openings = '{}' then
        return;
    end if;
    opens := at;
    -- LIMIT: bans that follow each other; a lane that is still banned then is looked at again in a day.
    for round in 1..100 loop
        opens := dialer.next_open_all(opens, openings);
        if banned is null or opens is null or not banned @> opens then
            closes := dialer.next_close_all(opens, openings);
            closes := least(closes, (select min(lower(r)) from unnest(banned) r where lower(r) > opens));
            return;
        end if;
        opens := (select upper(r) from unnest(banned) r where r @> opens);
        exit when opens is null or not isfinite(opens);
    end loop;
    opens := null;
end $$;
comment on function dialer.open_span_within(timestamptz, dialer.opening[], tstzmultirange) is 'The first open span at or after an instant that no ban forbids.';

create function dialer.exemption_text(rule dialer.calling_rule) returns text
language sql immutable as $$
    select case when (rule).exempt_with <> '{}' then 'lifted by ' || array_to_string((rule).exempt_with, ' or ') || coalesce(' (of at most ' || (rule).relationship_within || ')', '') end
$$;
comment on function dialer.exemption_text(dialer.calling_rule) is 'What lifts a rule, in words; null: nothing.';

create function dialer.calling_rules_of(campaign text) returns table (
    code text, jurisdiction text, provision text, rule text, in_force boolean, why_not text, confidence text, as_of text, contradicts text, exemption text, source text, url text, note text)
language sql stable as $$
    select r.code, r.jurisdiction, r.provision,
        coalesce(case when r.provision = 'window' then r.hours::text || coalesce(' in ' || r.tz, '') || coalesce(', not on holidays of ' || case when r.holiday_hours is null then r.holidays end,
                     ', on holidays of ' || r.holidays || ' ' || r.holiday_hours, '')
                 when r.provision = 'cap' then dialer.capping_text(r.capping) end, r.scope),
        v.why is null or v.why like 'in force %',
        coalesce(v.why, 'partly: ' || r.partly), r.confidence, r.as_of, r.contradicts, dialer.exemption_text(r) || case when w.exempt_consent is null then ', which is not chosen' else format(', recorded for "%s"', w.exempt_consent) end, r.source, r.url, r.note
    from dialer.campaign c join dialer.law w using (law_id) join dialer.calling_rule r on r.tenant_id = w.tenant_id and r.pack = any (w.packs)
    cross join lateral (select case when not r.purposes <@ w.purposes then 'other purpose: ' || array_to_string(r.purposes, ' and ')
        when r.not_enforced like 'in force %' then r.not_enforced
        when r.provision = 'note' then 'not enforced: ' || r.not_enforced
        when array_position('{low,medium,high}', r.confidence) < array_position('{low,medium,high}', w.min_confidence) then 'less sure than ' || w.min_confidence
        when r.contradicts is not null and w.contradictions = 'as_read' then 'another reading of ' || r.contradicts end as why) v
    where c.campaign_id = dialer.campaign_named(calling_rules_of.campaign)
    order by 5 desc, r.jurisdiction, r.code
$$;
comment on function dialer.calling_rules_of(text) is
'Every rule of the packs that hold for a campaign: what it says, whether it is in force, and if not, or only partly, why; what lifts it, if the law says so (exempt_consent of choose_law); with source, date and confidence. No row: no law is chosen. Error PD025.';

create view dialer.calling_rule_conflict as
    select r.tenant_id, r.pack, r.jurisdiction, a.code as as_read, a.hours as hours_as_read, a.holidays as holidays_as_read, a.confidence as confidence_as_read,
           r.code as other, r.hours as other_hours, r.holidays as other_holidays, r.confidence as other_confidence, r.note as reading, a.note
    from dialer.calling_rule r join dialer.calling_rule a on a.tenant_id = r.tenant_id and a.pack = r.pack and a.code = r.contradicts;
comment on view dialer.calling_rule_conflict is 'rules of which the sources contradict each other: the first reading, and the other. Both hold unless a choice of law says as_read';

create function dialer.law_age(at timestamptz default dialer.now()) returns table (tenant text, pack text, as_of date, months integer, holidays_until date, used_by text, advice text)
language sql stable as $$
    select t.name, p.pack, p.as_of, m.months, p.holidays_until, u.users,
        case when u.users is null then 'not in force' when p.holidays_until < at::date + 60 then 'its holidays end soon: later dates are closed'
             when m.months >= 6 then 'read more than six months ago: ask for a newer one' else 'fresh' end
    from dialer.rule_pack p join dialer.tenant t using (tenant_id)
    cross join lateral (select (extract(year from age(at, p.as_of::timestamptz)) * 12 + extract(month from age(at, p.as_of::timestamptz)))::integer as months) m
    left join lateral (select string_agg(coalesce(c.name, 'the tenant'), ', ' order by c.name) as users from dialer.law w left join dialer.campaign c on c.campaign_id = w.campaign_id
        where w.tenant_id = p.tenant_id and p.pack = any (w.packs)) u on true
    order by t.name, p.pack
$$;
comment on function dialer.law_age(timestamptz) is 'How old the loaded packs of calling rules are, who goes by them, and what to do about it.';
