-- Planning: contacts become calls with a due time in a lane.
-- Who uses it: schedule_call, schedule_batch, import_contacts, enrol.
-- Invariants kept: 4 (a due time is only a hint), 6 (a call in a lane that never opens waits with its reason).

create type dialer.plan_row as (
    position bigint, contact_id bigint, endpoint_id bigint, due_at timestamptz, expires_at timestamptz, payload jsonb,
    idempotency_key text, priority smallint, offset_open interval);
comment on type dialer.plan_row is 'a call to plan: due_at (dialer time), and offset_open = open time to add from there (staggering inside open hours)';
create type dialer.planned_row as (position bigint, call_id bigint, due_at timestamptz, result text);
comment on type dialer.planned_row is 'what became of a call to plan: scheduled, waiting (never open: see why_waiting), exists, key_of_another (its idempotency key is that of a call to somebody else), do_not_call, number_unusable, no_number, wrong_channel (of another than its campaign''s account), not_needed (what is known of the number leaves no step)';

create function dialer.campaign_for(campaign text, by_mail boolean) returns bigint
language plpgsql stable as $$
declare target record;
begin
    select c.campaign_id, a.channel into target from dialer.campaign c join dialer.provider_account a using (account_id) where c.campaign_id = dialer.campaign_named(campaign);
    if (target.channel = 'email') <> by_mail then
        perform dialer.fail('PD066', format('campaign "%s" sends %s', campaign, case when by_mail then 'no e-mails' else 'e-mails and calls nobody' end),
            format('Its account works over %s.', target.channel), 'Name a campaign whose account has the channel.');
    end if;
    return target.campaign_id;
end $$;
comment on function dialer.campaign_for(text, boolean) is 'Number of a campaign that sends e-mails, or that does not. Errors: PD025 no such campaign, PD066 it is the other.';

create type dialer.lane_seeker as (contact_id bigint, endpoint_id bigint, priority smallint);
comment on type dialer.lane_seeker is 'what finds the lane of a call in its campaign: contact, number, and a priority of its own (null: the campaign''s)';

create function dialer.lanes_missing(campaign_id bigint, seekers dialer.lane_seeker[], own dialer.own_hours, at timestamptz)
returns table (zones text[], jurisdictions text[], lifted text[], priority smallint) language sql stable as $$
    select distinct x.zones, x.jurisdictions, x.lifted, x.priority
    from dialer.campaign c left join dialer.law w on w.law_id = c.law_id
    cross join lateral (
        select case when c.by_contact then p.zones else '{}' end as zones, case when c.law_id is null then '{}' else p.jurisdictions end as jurisdictions,
               case when w.exempt_consent is null then '{}' else dialer.lifted(w.law_id, p.jurisdictions, e.address, lanes_missing.at) end as lifted, coalesce(u.priority, c.priority) as priority
        from unnest(seekers) u join dialer.contact p using (contact_id) left join dialer.endpoint e on e.endpoint_id = u.endpoint_id) x
    where c.campaign_id = lanes_missing.campaign_id
      and not exists (select from dialer.lane l where l.campaign_id = c.campaign_id and l.zones = x.zones and l.jurisdictions = x.jurisdictions and l.lifted = x.lifted and l.priority = x.priority
                      and l.own_hours = coalesce((own).hours::text, '') and l.own_tz = coalesce((own).tz, ''))
$$;
comment on function dialer.lanes_missing(bigint, dialer.lane_seeker[], dialer.own_hours, timestamptz) is 'Zones, jurisdictions, lifted rules and priorities for which a campaign has no lane yet, of these contacts and numbers, for calls with these hours of their own.';

create function dialer.own_hours_fit(campaign_id bigint, own dialer.own_hours) returns void
language plpgsql stable as $$
declare kinds integer := (
    select count(distinct (l.own_hours, l.own_tz)) from dialer.lane l
    where l.campaign_id = own_hours_fit.campaign_id and (l.own_hours, l.own_tz) not in (('', ''), ((own).hours::text, coalesce((own).tz, ''))));
begin
    -- LIMIT: a claim looks at every lane, and each kind of own hours has lanes of its own.
    if kinds >= 100 then
        perform dialer.fail('PD040', format('campaign "%s" has calls with 100 different hours of their own', (select c.name from dialer.campaign c where c.campaign_id = own_hours_fit.campaign_id)),
            format('"%s" in zone "%s" would be one more; each kind opens and closes by itself.', (own).hours, coalesce((own).tz, 'of the contact')),
            'Give calls that may be placed at the same times the same hours, or plan these in another campaign.');
    end if;
end $$;
comment on function dialer.own_hours_fit(bigint, dialer.own_hours) is 'Refuses the 101st kind of own hours in a campaign. Error PD040.';

create function dialer.priority_of(priority integer) returns smallint
language plpgsql immutable as $$
begin
    if priority not between 1 and 100 then
        perform dialer.fail('PD056', format('priority %s is not known', priority), 'Priorities are 1 (served first) to 100; high, medium and low are 1, 5 and 10.',
            'Leave it out for the campaign''s own.');
    end if;
    return priority;
end $$;
comment on function dialer.priority_of(integer) is 'A priority, if it is one. Error PD056: not 1 to 100.';

create function dialer.lanes_for(campaign_id bigint, seekers dialer.lane_seeker[], own dialer.own_hours, at timestamptz) returns void
language plpgsql volatile as $$
begin
    if not exists (select from dialer.lanes_missing(lanes_for.campaign_id, seekers, own, at)) then
        return;
    end if;
    perform dialer.priority_of(s.priority) from unnest(seekers) s;
    -- An edit of the hours waits for us, or we for it: no lane is made with hours that have just been changed.
    perform from dialer.campaign c join dialer.calendar k using (calendar_id) where c.campaign_id = lanes_for.campaign_id for share of k;
    perform dialer.own_hours_fit(lanes_for.campaign_id, own) where (own).hours is not null;
    insert into dialer.lane (tenant_id, campaign_id, zones, jurisdictions, lifted, priority, own_hours, own_tz, openings, cappings, law)
    select c.tenant_id, c.campaign_id, m.zones, m.jurisdictions, m.lifted, m.priority, coalesce((own).hours::text, ''), coalesce((own).tz, ''),
           dialer.lane_openings(c.campaign_id, m.zones, own, m.jurisdictions, m.lifted), dialer.lane_cappings(c.campaign_id, m.jurisdictions, m.lifted),
           dialer.lane_law(c.campaign_id, m.jurisdictions, m.lifted)
    from dialer.campaign c cross join dialer.lanes_missing(lanes_for.campaign_id, seekers, own, at) m
    where c.campaign_id = lanes_for.campaign_id
    order by m.zones, m.jurisdictions, m.lifted, m.priority
    on conflict do nothing;
end $$;
comment on function dialer.lanes_for(bigint, dialer.lane_seeker[], dialer.own_hours, timestamptz) is 'Makes the lanes that a campaign lacks for these contacts and numbers, for calls with these hours of their own. Errors: PD040 too many kinds of own hours, PD056 a priority that is not 1 to 100.';

create function dialer.never_reason(campaign_id bigint, zones text[], jurisdictions text[]) returns text
language sql stable as $$
    select case when c.by_contact and never_reason.zones = '{}' then 'zone_unknown'
                when c.law_id is not null and never_reason.jurisdictions = '{}' then 'jurisdiction_unknown'
                when c.law_id is not null and not dialer.law_covers(c.law_id, never_reason.jurisdictions) then 'no_rule_known'
                else 'never_open' end
    from dialer.campaign c where c.campaign_id = never_reason.campaign_id
$$;
comment on function dialer.never_reason(bigint, text[], text[]) is 'Why a lane of these zones and jurisdictions never opens: zone_unknown, jurisdiction_unknown, no_rule_known (the chosen packs do not speak of it) or never_open.';

create function dialer.compute_plan(campaign_id bigint, rows dialer.plan_row[], at timestamptz, own dialer.own_hours default null)
returns table ("position" bigint, contact_id bigint, endpoint_id bigint, zones text[], jurisdictions text[], lifted text[], priority smallint, due_at timestamptz, result text,
               expires_at timestamptz, payload jsonb, idempotency_key text, existing bigint, wished_at timestamptz, wished_open interval)
language sql stable as $$
    with wanted as (
        select r.*, c.tenant_id, case when c.by_contact then p.zones else '{}' end as zones,
               case when c.law_id is null then '{}' else p.jurisdictions end as jurisdictions,
               case when v.exempt_consent is null then '{}' else dialer.lifted(v.law_id, p.jurisdictions, e.address, compute_plan.at) end as lifted, coalesce(r.priority, c.priority) as lane_priority,
               e.status, e.address, (e.channel = 'email') <> (k.channel = 'email') as wrong_channel, c.campaign_id as campaign
        from unnest(rows) r
        join dialer.campaign c on c.campaign_id = compute_plan.campaign_id join dialer.provider_account k using (account_id) left join dialer.law v on v.law_id = c.law_id
        left join dialer.contact p on p.contact_id = r.contact_id
        left join dialer.endpoint e on e.endpoint_id = r.endpoint_id),
    areas as (select w.zones, w.jurisdictions, w.lifted, dialer.lane_openings(compute_plan.campaign_id, w.zones, own, w.jurisdictions, w.lifted) as openings
              from wanted w group by w.zones, w.jurisdictions, w.lifted)
    select w.position, w.contact_id, w.endpoint_id, w.zones, w.jurisdictions, w.lifted, w.lane_priority, t.due_at,
           case when w.endpoint_id is null then 'no_number'
                -- A key that two people share is a mistake of whoever chose it: nobody is told that this one is planned.
                when x.call_id is not null and x.contact_id <> w.contact_id and x.endpoint_id <> w.endpoint_id then 'key_of_another'
                when x.call_id is not null then 'exists'
                when w.wrong_channel then 'wrong_channel'
                when w.status <> 'ok' then 'number_unusable'
                when exists (select from dialer.do_not_call_entries(w.tenant_id, w.contact_id, w.address, at)) then 'do_not_call'
                when t.due_at is null then 'waiting' else 'scheduled' end,
           w.expires_at, coalesce(w.payload, '{}'), w.idempotency_key, case when x.contact_id = w.contact_id or x.endpoint_id = w.endpoint_id then x.call_id end,
           case when t.due_at is distinct from w.due_at then w.due_at end, case when t.due_at is distinct from w.due_at then w.offset_open end
    from wanted w join areas a using (zones, jurisdictions, lifted)
    left join dialer.call x on x.tenant_id = w.tenant_id and x.idempotency_key = w.idempotency_key
    cross join lateral (
        select case when a.openings = '{}' then null
                    when w.offset_open is null then dialer.next_open_all(w.due_at, a.openings)
                    else dialer.add_open_callable_all(w.due_at, w.offset_open, a.openings) end as due_at) t
    order by w.position
$$;
comment on function dialer.compute_plan(bigint, dialer.plan_row[], timestamptz, dialer.own_hours) is
'What planning these rows would give: due time moved into open hours (staggered in open time where offset_open is given), and what becomes of each: key_of_another where its key is that of a call to somebody else. Stores nothing.';

create function dialer.plan(campaign_id bigint, rows dialer.plan_row[], at timestamptz, own dialer.own_hours default null) returns setof dialer.planned_row
language plpgsql volatile as $$
#variable_conflict use_column
declare
    reach datemultirange := dialer.bans_reach(plan.campaign_id);
    workflow integer;
    fixed text := (select k.tz from dialer.campaign c join dialer.calendar k using (calendar_id) where c.campaign_id = plan.campaign_id);
begin
    -- Whoever chooses another workflow for the campaign finds these calls, or they find the choice.
    perform pg_advisory_xact_lock_shared(hashtextextended('dialer.workflow', plan.campaign_id));
    workflow := (select c.workflow_id from dialer.campaign c where c.campaign_id = plan.campaign_id);
    -- Zones, caps and do-not-call are those of the contact whose number rings, whoever was meant.
    rows := array(select row(r.position, coalesce(e.contact_id, r.contact_id), r.endpoint_id, r.due_at, r.expires_at, r.payload, r.idempotency_key,
        r.priority, r.offset_open)::dialer.plan_row from unnest(rows) r left join dialer.endpoint e using (endpoint_id) order by r.position);
    perform dialer.lanes_for(plan.campaign_id, array(select row(r.contact_id, r.endpoint_id, r.priority)::dialer.lane_seeker from unnest(rows) r), own, at);
    return query
    with stepped as (
        -- What is known of the number at the time of the call says where it begins.
        select p.*, workflow is not null as in_steps, s.step
        from dialer.compute_plan(plan.campaign_id, rows, at, own) p
        cross join lateral (select case when workflow is not null then dialer.step_now(workflow, e.tenant_id, e.address, coalesce(nullif(p.due_at, 'infinity'), at)) end as step
                            from (select 1) one left join dialer.endpoint e on workflow is not null and e.endpoint_id = p.endpoint_id offset 0) s),
    plan_ as (
        select p.*, p.in_steps and (p.step).name is null and p.result in ('scheduled', 'waiting') as needless,
               case when p.result in ('scheduled', 'waiting') and not (p.in_steps and (p.step).name is null) then nextval('dialer.call_call_id_seq') end as fresh
        from stepped p),
    made as (
        insert into dialer.call (call_id, tenant_id, campaign_id, lane_id, contact_id, endpoint_id, channel, due_at, planned_at, expires_at,
                                 wait_reason, payload, idempotency_key, created_at, wished_at, wished_open, granted_at,
                                 step, workflow_metadata)
        select p.fresh, c.tenant_id, c.campaign_id, l.lane_id, p.contact_id, p.endpoint_id, e.channel, coalesce(p.due_at, 'infinity'),
               coalesce(p.due_at, 'infinity'), p.expires_at,
               case when p.due_at is null then dialer.never_reason(c.campaign_id, p.zones, p.jurisdictions) end,
               p.payload, p.idempotency_key, at, p.wished_at, p.wished_open, case when p.wished_at is not null then coalesce(p.due_at, 'infinity') end,
               (p.step).name, (p.step).found
        from plan_ p join dialer.campaign c on c.campaign_id = plan.campaign_id
        join dialer.lane l on l.campaign_id = c.campaign_id and l.zones = p.zones and l.jurisdictions = p.jurisdictions and l.lifted = p.lifted and l.priority = p.priority
             and l.own_hours = coalesce((own).hours::text, '') and l.own_tz = coalesce((own).tz, '')
        join dialer.endpoint e on e.endpoint_id = p.endpoint_id
        where p.fresh is not null
          and (reach is null or dialer.within_bans(plan.campaign_id, reach, p.due_at, case c.zone_rule when 'fixed' then array[fixed] else p.zones end))
        on conflict do nothing
        returning call_id, lane_id, due_at),
    queued as (
        insert into dialer.due (lane_id, due_at, call_id) select m.lane_id, m.due_at, m.call_id from made m)
    select p.position, coalesce(m.call_id, p.existing), p.due_at,
           case when p.fresh is not null and m.call_id is null then 'exists' when p.needless then 'not_needed' else p.result end
    from plan_ p left join made m on m.call_id = p.fresh
    order by p.position;
end $$;
comment on function dialer.plan(bigint, dialer.plan_row[], timestamptz, dialer.own_hours) is 'Plans calls in a campaign, in the caller''s transaction, all with the same hours of their own, if any; one result per row. Errors: PD017 bans are not loaded for the date of a call, PD040 too many kinds of own hours.';

create function dialer.own_lanes(call_ids bigint[], at timestamptz) returns table (campaign_id bigint, own dialer.own_hours, seekers dialer.lane_seeker[], missing boolean)
language sql stable as $$
    select m.campaign_id, m.own, m.seekers, exists (select from dialer.lanes_missing(m.campaign_id, m.seekers, m.own, own_lanes.at))
    from (select c.campaign_id, dialer.lane_own(l) as own, array_agg(row(c.contact_id, c.endpoint_id, l.priority)::dialer.lane_seeker) as seekers
          from dialer.call c join dialer.lane l using (lane_id) where c.call_id = any (call_ids) group by c.campaign_id, dialer.lane_own(l)) m
$$;
comment on function dialer.own_lanes(bigint[], timestamptz) is 'What seeks lanes for these calls, by campaign and own hours, and whether a lane is missing.';

create function dialer.relane(call_ids bigint[], at timestamptz, patient boolean default true) returns integer
language plpgsql volatile as $$
declare lacking bigint[] := array(select distinct o.campaign_id from dialer.own_lanes(call_ids, at) o where o.missing);
begin
    if lacking <> '{}' then
        -- Claims and ticks do not wait for whoever edits hours: what is left here is found astray by the next claim. Where every lane
        -- is there, no calendar is held: the same statement may wait for another one's.
        call_ids := array(
            select c.call_id from dialer.call c join dialer.campaign g using (campaign_id)
            where c.call_id = any (call_ids) and (c.campaign_id <> all (lacking) or g.calendar_id in (
                select k.calendar_id from dialer.calendar k where k.calendar_id in (select y.calendar_id from dialer.campaign y where y.campaign_id = any (lacking))
                for share skip locked)));
        -- Only for those: what has come to lack a lane since is found astray by the next claim as well.
        perform dialer.lanes_for(o.campaign_id, o.seekers, o.own, at) from dialer.own_lanes(call_ids, at) o where o.missing and o.campaign_id = any (lacking);
    end if;
    if patient then
        perform dialer.lock_waiting(call_ids);
    else
        call_ids := dialer.lock_free(call_ids);
    end if;
    return dialer.move_locked(array(
        select row(c.call_id, n.lane_id, t.due_at, case when c.due_at = 'infinity' and t.due_at < 'infinity' then null else c.wait_reason end, null)::dialer.move
        from dialer.call c join dialer.contact p using (contact_id) join dialer.lane l using (lane_id)
        join dialer.campaign g on g.campaign_id = c.campaign_id and g.by_contact left join dialer.law v on v.law_id = g.law_id left join dialer.endpoint e on e.endpoint_id = c.endpoint_id
        join dialer.lane n on n.campaign_id = c.campaign_id and n.zones = p.zones and n.jurisdictions = case when g.law_id is null then '{}' else p.jurisdictions end and n.priority = l.priority
             and n.lifted = case when v.exempt_consent is null then '{}' else dialer.lifted(v.law_id, p.jurisdictions, e.address, at) end
             and n.own_hours = l.own_hours and n.own_tz = l.own_tz and n.lane_id <> l.lane_id
        cross join lateral (select coalesce(case when c.wait_reason in ('zone_unknown', 'jurisdiction_unknown', 'no_rule_known', 'never_open') then null else c.due_at end,
            case when n.openings <> '{}' then dialer.next_open_all(at, n.openings) end, 'infinity') as due_at) t
        where c.call_id = any (call_ids) and c.state = 'scheduled'));
end $$;
comment on function dialer.relane(bigint[], timestamptz, boolean) is
'Moves those of the given calls that wait into the lane of the zones and jurisdictions in which their contact is known to be now, and of the rules that are lifted for their number; returns how many. Not patient: those that somebody is moving now are passed over.';

create function dialer.contact_moved() returns trigger
language plpgsql security definer set search_path = pg_catalog, dialer, pg_temp as $$
begin
    perform dialer.relane(array(
        select c.call_id from after_rows n join before_rows o using (contact_id) join dialer.call c using (contact_id)
        where (n.zones <> o.zones or n.jurisdictions <> o.jurisdictions) and c.state = 'scheduled'), dialer.now());
    return null;
end $$;
comment on function dialer.contact_moved() is 'Trigger: waiting calls follow their contact into another zone or jurisdiction.';
create trigger _500_relane after update on dialer.contact referencing old table as before_rows new table as after_rows
    for each statement execute function dialer.contact_moved();
