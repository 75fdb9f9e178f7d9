-- Editing campaigns, campaigns that recur, and running one again.
-- Who uses it: people and programs. What is edited holds from the next claim on: claims, intentions and the ticks read the row itself.
-- Invariants kept: 14.

create function dialer.own_calendar(campaign dialer.campaign) returns integer
language sql stable as $$
    select k.calendar_id from dialer.calendar k
    where k.calendar_id = (campaign).calendar_id and k.name ^@ 'campaign '
      and not exists (select from dialer.campaign o where o.calendar_id = k.calendar_id and o.campaign_id <> (campaign).campaign_id)
$$;
comment on function dialer.own_calendar(dialer.campaign) is 'The calendar that create_campaign made for this campaign alone; null: it follows one that was made by name.';

create function dialer.set_own_hours(campaign dialer.campaign, hours dialer.hours, tz text) returns integer
language plpgsql volatile as $$
declare own integer := dialer.own_calendar(campaign);
begin
    if tz is not null then
        perform dialer.zone_named(tz);
    end if;
    if own is not null then
        update dialer.calendar k set hours = set_own_hours.hours, tz = set_own_hours.tz where k.calendar_id = own;
        return own;
    end if;
    -- A calendar that others follow stays as it is; its closures go on to hold for this campaign.
    own := dialer.create_calendar(dialer.calendar_name((campaign).name), hours, tz);
    insert into dialer.closure (calendar_id, closed_on, kind, name) select own, x.closed_on, x.kind, x.name from dialer.closure x where x.calendar_id = (campaign).calendar_id;
    insert into dialer.closure_range (calendar_id, kind, loaded) select own, r.kind, r.loaded from dialer.closure_range r where r.calendar_id = (campaign).calendar_id;
    return own;
end $$;
comment on function dialer.set_own_hours(dialer.campaign, dialer.hours, text) is 'Gives a campaign hours of its own, in place where it has a calendar of its own; returns the calendar. Error PD011: no such zone.';

create function dialer.frequency_policy(campaign text, campaign_id bigint, frequency text) returns integer
language plpgsql volatile as $$
declare
    caps_ dialer.cap[] := dialer.frequency_caps(frequency);
    -- A policy that other campaigns follow, such as another run of this one, stays as it is.
    own integer := (
        select y.policy_id from dialer.campaign c join dialer.redial_policy y using (policy_id)
        where c.campaign_id = frequency_policy.campaign_id and y.tenant_id = c.tenant_id and y.name ^@ 'frequency of '
          and not exists (select from dialer.campaign o where o.policy_id = y.policy_id and o.campaign_id <> c.campaign_id));
begin
    if own is not null then
        update dialer.redial_policy y set caps = caps_ where y.policy_id = own;
        return own;
    end if;
    -- A period's call is over when a person was reached; what was missed is tried again in the next period, or an hour later where it has room.
    return dialer.create_redial_policy((
            select n.name from (select format('frequency of %s', campaign) || case when i > 1 then format(' (%s)', i) else '' end as name, i from generate_series(1, 1000) i) n
            where not exists (select from dialer.redial_policy y where y.tenant_id = dialer.current_tenant() and y.name = n.name) order by n.i limit 1),
        '{0,1 hour}', caps => caps_, cap_scope => 'campaign', final_outcomes => '{completed,sale,dnc,transferred,not_interested,invalid_number,blocked}');
end $$;
comment on function dialer.frequency_policy(text, bigint, text) is 'The redial policy that keeps a campaign to a frequency (see frequency_caps): its own is changed, or one is made. Error PD058: not understood.';

create function dialer.edited_columns(before dialer.campaign, changes jsonb) returns jsonb
language plpgsql volatile as $$
declare
    columns jsonb := changes - '{account,calendar,hours,tz,policy,frequency,per_minute,settings}'::text[];
    calendar_ dialer.calendar;
begin
    select k.* into calendar_ from dialer.calendar k where k.calendar_id = (before).calendar_id;
    if changes ? 'account' then
        columns := columns || jsonb_build_object('account_id', dialer.account_named(changes ->> 'account'));
    end if;
    if changes ? 'calendar' then
        select k.* into calendar_ from dialer.calendar k where k.tenant_id = (before).tenant_id and k.name = changes ->> 'calendar';
        if calendar_.calendar_id is null then
            perform dialer.fail('PD022', format('calendar "%s" does not exist', changes ->> 'calendar'), null, 'Add it with dialer.create_calendar.');
        end if;
        columns := columns || jsonb_build_object('calendar_id', calendar_.calendar_id);
    elsif changes ?| '{hours,tz}' then
        columns := columns || jsonb_build_object('calendar_id', dialer.set_own_hours(before, coalesce((changes ->> 'hours')::dialer.hours, calendar_.hours),
            case when changes ? 'tz' then changes ->> 'tz' else calendar_.tz end));
    end if;
    if changes ? 'tz' then
        columns := columns || jsonb_build_object('zone_rule', case when changes ->> 'tz' is null then 'contact' else 'fixed' end);
    end if;
    if changes ? 'frequency' then
        columns := columns || jsonb_build_object('policy_id', dialer.frequency_policy(coalesce(changes ->> 'name', (before).name), (before).campaign_id, changes ->> 'frequency'));
    elsif changes ? 'policy' then
        columns := columns || jsonb_build_object('policy_id', dialer.policy_named(changes ->> 'policy'));
    end if;
    if changes ? 'per_minute' then
        columns := columns || jsonb_build_object('per_second', round((changes ->> 'per_minute')::numeric / 60, 6));
    end if;
    if changes ? 'settings' then
        columns := columns || jsonb_build_object('settings', jsonb_strip_nulls((before).settings || (changes -> 'settings')));
    end if;
    return columns;
end $$;
comment on function dialer.edited_columns(dialer.campaign, jsonb) is 'Changes of settings in people''s words as columns of dialer.campaign.';

create function dialer.check_changes(campaign dialer.campaign, changes jsonb) returns void
language plpgsql stable as $$
declare
    known constant text[] := '{name,account,calendar,hours,tz,policy,frequency,priority,weight,max_concurrent,per_second,per_minute,misfire,misfire_after,finish_within,caller_pool,consent,subject,valid_until,callback_priority,callback_tolerance,callback_late,conversion_reach,recurs,contact_limit,contact_limit_counts,settings}';
    wrong text;
begin
    if (campaign).state in ('stopped', 'archived') then
        perform dialer.fail('PD057', format('campaign "%s" is %s', (campaign).name, (campaign).state), 'A campaign that is over is not edited.', 'dialer.restore_campaign runs it again, as a new one.');
    elsif changes is null or jsonb_typeof(changes) <> 'object' then
        perform dialer.fail('PD057', 'changes are a JSON object', format('It is %s.', coalesce(jsonb_typeof(changes), 'null')), 'Write e.g. {"max_concurrent": 10, "hours": "Mo-Fr 09:00-17:00"}.');
    end if;
    select k into wrong from jsonb_object_keys(changes) k where k <> all (known) limit 1;
    if wrong is not null then
        perform dialer.fail('PD057', format('a campaign has no setting "%s"', wrong), format('Known are: %s.', array_to_string(known, ', ')), 'Correct the name; what the provider is to be told goes into settings.');
    elsif changes ? 'calendar' and changes ?| '{hours,tz}' or changes ? 'policy' and changes ? 'frequency' or changes ? 'per_second' and changes ? 'per_minute' then
        perform dialer.fail('PD057', 'two settings contradict each other', 'A campaign has a calendar or hours, a policy or a frequency, a rate per second or per minute.', 'Leave one of them out.');
    end if;
    select k into wrong from jsonb_each(changes) e(k, v) where case when k = 'settings' then jsonb_typeof(v) not in ('object', 'null') else jsonb_typeof(v) = any ('{object,array}') end limit 1;
    if wrong is not null then
        perform dialer.fail('PD057', format('setting "%s" has a value of another kind', wrong), format('It is %s.', changes -> wrong), 'settings is an object, everything else a single value.');
    end if;
    select k into wrong from jsonb_each(changes) e(k, v) where jsonb_typeof(v) = 'null'
        and k <> all ('{tz,max_concurrent,per_second,per_minute,finish_within,caller_pool,consent,subject,valid_until,contact_limit}') limit 1;
    if wrong is not null then
        perform dialer.fail('PD057', format('setting "%s" cannot be taken away', wrong), 'Null takes a limit, zone, pool, consent or end away.', 'Give it a value.');
    end if;
end $$;
comment on function dialer.check_changes(dialer.campaign, jsonb) is 'Refuses changes that edit_campaign does not know. Error PD057.';

create function dialer.move_lanes(campaign_id bigint, before smallint, after smallint) returns void
language sql volatile as $$
    select from dialer.lane l where l.campaign_id = move_lanes.campaign_id order by l.lane_id for no key update;
    -- Where calls wait with the new priority already, those with the old one keep it until they are planned anew.
    update dialer.lane l set priority = after
    where l.campaign_id = move_lanes.campaign_id and l.priority = before and not exists (select from dialer.lane_beside(l, after))
$$;
comment on function dialer.move_lanes(bigint, smallint, smallint) is 'Gives what waits with the campaign''s priority another one, one row per lane.';

create function dialer.edit_campaign(name text, changes jsonb, at timestamptz default dialer.now())
returns table (setting text, before text, after text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    old dialer.campaign;
    new dialer.campaign;
begin
    -- Whoever makes a lane holds the calendar and asks for the campaign's key: a lock that leaves the key alone lets them end.
    select c.* into old from dialer.campaign c where c.campaign_id = dialer.campaign_named(edit_campaign.name) for no key update;
    perform dialer.check_changes(old, changes);
    begin
        new := jsonb_populate_record(old, dialer.edited_columns(old, changes));
    exception when invalid_text_representation or numeric_value_out_of_range or datetime_field_overflow or invalid_datetime_format then
        perform dialer.fail('PD057', format('campaign "%s" cannot be given these settings', old.name), sqlerrm, 'Correct the value.');
    end;
    if changes ? 'valid_until' and new.valid_until <= edit_campaign.at then
        perform dialer.fail('PD057', format('campaign "%s" would have been over at %s', old.name, new.valid_until), format('It is now %s, and whatever waits would expire.', edit_campaign.at), 'dialer.stop_campaign ends a campaign now.');
    end if;
    update dialer.campaign c
    set name = new.name, account_id = new.account_id, calendar_id = new.calendar_id, policy_id = new.policy_id, zone_rule = new.zone_rule, priority = new.priority,
        weight = new.weight, max_concurrent = new.max_concurrent, per_second = new.per_second, misfire = new.misfire, misfire_after = new.misfire_after, finish_within = new.finish_within,
        caller_pool = new.caller_pool, consent = new.consent, subject = new.subject, valid_until = new.valid_until, callback_priority = new.callback_priority,
        callback_tolerance = new.callback_tolerance, callback_late = new.callback_late, conversion_reach = new.conversion_reach, recurs = new.recurs,
        contact_limit = new.contact_limit, contact_limit_counts = new.contact_limit_counts, settings = new.settings
    where c.campaign_id = old.campaign_id;
    if new.priority <> old.priority then
        perform dialer.move_lanes(old.campaign_id, old.priority, new.priority);
    end if;
    if (new.recurs and not old.recurs) or new.contact_limit is distinct from old.contact_limit or changes ?| '{frequency,policy}' then
        update dialer.enrolment m set next_at = edit_campaign.at, end_reason = null where m.campaign_id = old.campaign_id and new.recurs and m.end_reason is distinct from 'converted';
    end if;
    notify dialer_wake;
    return query
        select b.key, b.value, a.value from jsonb_each_text(to_jsonb(old)) b join jsonb_each_text(to_jsonb(new)) a using (key)
        where a.value is distinct from b.value and b.key not in ('strays', 'next_slot_at', 'account_since')
        union all
        select v.key, null, changes ->> v.key from unnest('{hours,tz,frequency}'::text[]) v(key) where changes ? v.key
        order by 1;
end $$;
comment on function dialer.edit_campaign(text, jsonb, timestamptz) is
'Changes settings of a campaign from the next claim on, whatever waits, and returns what changed: name, account, calendar or hours and tz, policy or frequency, priority, weight, max_concurrent, per_second or per_minute, misfire, misfire_after, finish_within, caller_pool, consent, subject, valid_until, callback_priority, callback_tolerance, callback_late, conversion_reach, recurs, contact_limit, contact_limit_counts, settings (merged; null takes a key away). null takes a limit, zone, pool, consent or end away. Errors: PD057 unknown setting or a campaign that is over, PD021, PD022, PD023, PD024, PD025, PD036, PD058.';

create function dialer.create_recurring_campaign(
    name text, account text, hours dialer.hours, tz text default null, frequency text default '1 per day', retry_attempts integer default null,
    retry_counts text default 'attempts', max_concurrent integer default 10, per_minute numeric default 50, settings jsonb default '{}', valid_until timestamptz default null)
returns bigint language plpgsql volatile as $$
declare
    made bigint;
    kept integer := dialer.frequency_policy(create_recurring_campaign.name, null, frequency);
    policy_ text := (select y.name from dialer.redial_policy y where y.policy_id = kept);
begin
    made := dialer.create_campaign(name, account, hours, tz, policy => policy_, max_concurrent => max_concurrent, valid_until => valid_until, settings => settings);
    perform dialer.edit_campaign(create_recurring_campaign.name, jsonb_build_object('recurs', true, 'per_minute', per_minute, 'contact_limit', retry_attempts, 'contact_limit_counts', retry_counts));
    perform dialer.start_campaign(name);
    return made;
end $$;
comment on function dialer.create_recurring_campaign(text, text, dialer.hours, text, text, integer, text, integer, numeric, jsonb, timestamptz) is
'Adds a campaign that calls its members (import_contacts, enrol) again and again, and starts it: n per period (see frequency_caps; once a day where nothing is said) on the days and in the window that the hours name, until they convert or have had retry_attempts attempts, answered calls or conversations (retry_counts). The calls of each period are made by the ticks. max_concurrent calls at once, per_minute new ones (null: no limit). Errors as create_campaign, and PD058 frequency.';

create function dialer.copy_campaign(old dialer.campaign, name text, at timestamptz) returns bigint
language plpgsql volatile as $$
declare made bigint;
begin
    insert into dialer.campaign (tenant_id, name, account_id, calendar_id, policy_id, zone_rule, priority, weight, max_concurrent, per_second, misfire, misfire_after, finish_within,
        caller_pool, consent, valid_until, callback_priority, callback_tolerance, callback_late, conversion_reach, recurs, contact_limit, contact_limit_counts, run_of, settings, subject, workflow_id)
    values (old.tenant_id, copy_campaign.name, old.account_id, old.calendar_id, old.policy_id, old.zone_rule, old.priority, old.weight, old.max_concurrent, old.per_second, old.misfire, old.misfire_after, old.finish_within,
        old.caller_pool, old.consent, case when old.valid_until > at then old.valid_until end, old.callback_priority, old.callback_tolerance, old.callback_late, old.conversion_reach,
        old.recurs, old.contact_limit, old.contact_limit_counts, old.campaign_id, old.settings, old.subject, old.workflow_id)
    returning campaign_id into made;
    -- A law of its own goes along.
    insert into dialer.law (tenant_id, campaign_id, packs, purposes, min_confidence, contradictions, uncovered, margin, exempt_consent, hang_up_seconds, chosen_at)
    select w.tenant_id, made, w.packs, w.purposes, w.min_confidence, w.contradictions, w.uncovered, w.margin, w.exempt_consent, w.hang_up_seconds, at from dialer.law w where w.campaign_id = old.campaign_id;
    perform dialer.follow_law(array[made], at);
    return made;
end $$;
comment on function dialer.copy_campaign(dialer.campaign, text, timestamptz) is 'A new campaign in state draft with the settings, the workflow and the law of another; returns its number.';

create function dialer.runs_again(series dialer.series) returns boolean
language sql immutable as $$
    select (series).state = 'active' or coalesce((series).end_reason = 'the campaign was stopped', false)
$$;
comment on function dialer.runs_again(dialer.series) is 'Whether another run of its campaign takes a series over: it has not ended but by the stop.';

create function dialer.to_run_again(old dialer.campaign, at timestamptz) returns table (call_id bigint, own dialer.own_hours, planned dialer.plan_row, unreviewed boolean)
language sql stable as $$
    -- What the stop cancelled, and what the ticks have not come to yet. Calls in flight end by themselves, and series bring their own occurrences.
    select c.call_id, dialer.lane_own(l), row(c.call_id, c.contact_id, c.endpoint_id, greatest(at, nullif(c.due_at, 'infinity'), c.not_before), c.expires_at, c.payload, null, l.priority, null)::dialer.plan_row,
           -- A word that nobody understands may have been a refusal; so may one whose meaning was said after the stop.
           c.review_word is not null or exists (
               select from (select a.review, dialer.outcome_of(c.tenant_id, coalesce(a.disposition, a.word)) as meaning from dialer.attempt a where a.call_id = c.call_id order by a.ended_at desc limit 1) last_
               where last_.review and coalesce(last_.meaning = any (y.final_outcomes), true))
    from dialer.call c join dialer.lane l on l.lane_id = coalesce(c.usual_lane_id, c.lane_id) join dialer.redial_policy y on y.policy_id = (old).policy_id
    where c.campaign_id = (old).campaign_id and (c.state = 'scheduled' or c.end_reason = 'campaign_stopped') and coalesce(c.expires_at > at, true)
      and not exists (select from dialer.series s where s.series_id = c.series_id and dialer.runs_again(s))
      and not exists (select from dialer.conversions(c.contact_id, (old).campaign_id, '-infinity'))
$$;
comment on function dialer.to_run_again(dialer.campaign, timestamptz) is
'The calls that another run of a campaign takes over: when each is due (never before it was, or was promised), with its priority, payload and own hours; unreviewed: its last word is not understood or was final, and it is left out.';

create function dialer.restore_campaign(name text, new_name text default null, at timestamptz default dialer.now())
returns table (campaign text, planned bigint, members bigint, series bigint, left_out bigint)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    old dialer.campaign;
    made bigint;
begin
    select c.* into old from dialer.campaign c where c.campaign_id = dialer.campaign_named(restore_campaign.name) for no key update;
    if old.state not in ('stopped', 'archived') then
        perform dialer.fail('PD001', format('campaign "%s" is %s', old.name, old.state), 'A campaign that was stopped can be run again.', 'A pause ends with dialer.resume_campaign.');
    end if;
    campaign := coalesce(new_name, (select format('%s (run %s)', old.name, n) from generate_series(2, 1000) n
        where not exists (select from dialer.campaign c where c.tenant_id = old.tenant_id and c.name = format('%s (run %s)', old.name, n)) limit 1));
    made := dialer.copy_campaign(old, campaign, at);
    with again as materialized (select r.* from dialer.to_run_again(old, at) r)
    select (select count(*) from again a where a.unreviewed), (
        select count(*) from (select a.own, array_agg(a.planned order by a.call_id) as rows from again a where not a.unreviewed group by a.own) g
        cross join lateral dialer.plan(made, g.rows, at, g.own) p where p.result in ('scheduled', 'waiting'))
    into left_out, planned;
    insert into dialer.enrolment (contact_id, campaign_id, tenant_id, enrolled_at, next_at)
    select m.contact_id, made, m.tenant_id, at, case when old.recurs then at end from dialer.enrolment m
    where m.campaign_id = old.campaign_id and not exists (select from dialer.conversions(m.contact_id, old.campaign_id, '-infinity'))
    order by m.contact_id;
    get diagnostics members = row_count;
    insert into dialer.series (tenant_id, campaign_id, contact_id, endpoint_id, rule, start_local, tz, gap, overlap, month_end, priority, hours, hours_tz, payload, next_at, occurrence_count, left_out_count, created_at)
    select s.tenant_id, made, s.contact_id, s.endpoint_id, s.rule, s.start_local, s.tz, s.gap, s.overlap, s.month_end, s.priority, s.hours, s.hours_tz, s.payload, n.next_at, s.occurrence_count, s.left_out_count, at
    from dialer.series s cross join lateral dialer.occurrence_after(s, at) n(next_at)
    where s.campaign_id = old.campaign_id and dialer.runs_again(s) and n.next_at is not null
      and not exists (select from dialer.conversions(s.contact_id, old.campaign_id, '-infinity'));
    get diagnostics series = row_count;
    return next;
end $$;
comment on function dialer.restore_campaign(text, text, timestamptz) is
'Runs a stopped or archived campaign again, as a new one in state draft with the same settings, workflow and law: what its stop cancelled is planned anew, not before it was due or promised and with its own priority; members go on (a contact_limit counts from the beginning again), and so do series. The old run stays as it was. Returns the new name (the old one and a number, where none is given), how many calls were planned, members and series it has, and how many calls are left out because the last word said in them is not understood, or was final (see dialer.disposition). Errors: PD025, PD001 it is not over, PD017.';
