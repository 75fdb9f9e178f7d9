-- Attainable: how many attempts a day still holds, and what a number of leads means for lines and days.
-- Who uses it: people before they plan, explain. The same functions as settle and claim; nothing is changed.

create function dialer.caps_of_attempts(cappings dialer.capping[], channel dialer.channel) returns dialer.cap[]
language sql immutable as $$
    select array(select k.cap from unnest(cappings) k where k.counts = 'attempts' and k.instead = 'wait' and channel = any (k.channels))
$$;
comment on function dialer.caps_of_attempts(dialer.capping[], dialer.channel) is 'Of the caps of the law and the tenant those that every attempt in a channel counts for.';

create function dialer.attempts_from(openings dialer.opening[], policy dialer.redial_policy, more dialer.cap[], counted timestamptz[], own timestamptz[], from_at timestamptz, average_call interval)
returns table (attempt integer, at timestamptz)
language plpgsql stable as $$
declare
    tz constant text := openings[1].tz;
    on_ constant date := (from_at at time zone tz)::date;
    caps constant dialer.cap[] := dialer.policy_caps(policy) || more;
    ready timestamptz := from_at;
    made integer := (select count(*) from unnest(own) o where (o at time zone tz)::date = on_);
    step integer;
begin
    -- LIMIT: attempts of one day that are looked at.
    while openings <> '{}' and made < 100 and coalesce(cardinality(own) < (policy).max_lifetime, true) loop
        at := dialer.next_callable(ready, openings, counted, caps, tz);
        exit when at is null or (at at time zone tz)::date <> on_;
        made := made + 1;
        counted := counted || at;
        own := own || at;
        attempt := made;
        return next;
        step := case (policy).ladder_scope when 'lifetime' then cardinality(own) else made end;
        ready := at + average_call + (policy).ladder[least(1 + step, cardinality((policy).ladder))];
    end loop;
end $$;
comment on function dialer.attempts_from(dialer.opening[], dialer.redial_policy, dialer.cap[], timestamptz[], timestamptz[], timestamptz, interval) is
'The attempts that the hours, a policy, further caps and the attempts made so far leave for the local date of an instant, if nobody is reached.';

create function dialer.openings_of(campaign text, tz text default null, state text default null) returns dialer.opening[]
language plpgsql stable as $$
declare
    target dialer.campaign;
    zones text[] := case when openings_of.tz is not null then array[dialer.zone_named(openings_of.tz)] else (select z.zones from dialer.zones_known(null, openings_of.state, null) z) end;
    places text[] := (select r.jurisdictions from dialer.resolve_jurisdiction(openings_of.state) r);
    openings dialer.opening[];
begin
    select c.* into target from dialer.campaign c where c.campaign_id = dialer.campaign_named(openings_of.campaign);
    openings := dialer.lane_openings(target.campaign_id, case when target.by_contact then zones else '{}' end, null, case when target.law_id is null then '{}' else places end);
    if openings = '{}' then
        perform dialer.fail('PD011', 'it is not known when the lead may be called', 'The hours of this campaign follow the contact, or its law the contact''s state.', 'Give tz, e.g. America/New_York, or state, e.g. FL.');
    end if;
    return openings;
end $$;
comment on function dialer.openings_of(text, text, text) is 'When a campaign may call somebody in a zone or a state. Errors: PD025 campaign, PD011 zone, or where somebody is decides and is not given.';

create function dialer.attainable(campaign text, arrives_at timestamptz default dialer.now(), tz text default null, average_call interval default '0 seconds', state text default null)
returns table (attempt integer, at timestamptz, local_time text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    target dialer.campaign;
    places text[] := (select r.jurisdictions from dialer.resolve_jurisdiction(attainable.state) r);
    openings dialer.opening[] := dialer.openings_of(attainable.campaign, attainable.tz, attainable.state);
begin
    select c.* into target from dialer.campaign c where c.campaign_id = dialer.campaign_named(attainable.campaign);
    return query select a.attempt, a.at, dialer.wall_time(a.at, openings[1].tz)
        from dialer.redial_policy y join dialer.provider_account k on k.account_id = target.account_id
        cross join lateral dialer.attempts_from(openings, y, dialer.caps_of_attempts(dialer.lane_cappings(target.campaign_id, case when target.law_id is null then '{}' else places end), k.channel),
            '{}', '{}', arrives_at, average_call) a
        where y.policy_id = target.policy_id;
end $$;
comment on function dialer.attainable(text, timestamptz, text, interval, text) is
'The attempts that a lead who arrives at an instant can get on that local date, if nobody is reached and calls last so long: one row each, none if the day is over. tz or state: where the lead is, for campaigns whose hours or law follow the contact. Errors: PD025 campaign, PD011 zone.';

create function dialer.policy_with_step(policy dialer.redial_policy, step_policy dialer.redial_policy) returns dialer.redial_policy
language plpgsql immutable as $$
begin
    if step_policy.policy_id is not null then
        policy.ladder := step_policy.ladder;
        policy.ladder_scope := step_policy.ladder_scope;
        policy.max_lifetime := step_policy.max_lifetime;
    end if;
    return policy;
end $$;
comment on function dialer.policy_with_step(dialer.redial_policy, dialer.redial_policy) is 'A campaign''s policy with the ladder and the tries of a step''s own, if it has one; the caps stay.';

create function dialer.attempts_today(call_id bigint, at timestamptz default dialer.now()) returns table (made_today bigint, left_today bigint)
language sql stable as $$
    select (select count(*) from dialer.attempt a where a.call_id = c.call_id and a.counts and (a.dialled_at at time zone l.openings[1].tz)::date = (at at time zone l.openings[1].tz)::date),
           case when c.ended_at is null then (select count(*) from dialer.attempts_from(l.openings, dialer.policy_with_step(y, s), dialer.caps_of_attempts(l.cappings, c.channel),
               dialer.dialled_times(y.cap_scope, c.call_id, c.contact_id, c.endpoint_id, c.channel, '-infinity'), o.own,
               greatest(at, case when c.due_at < 'infinity' and (c.due_at at time zone l.openings[1].tz)::date = (at at time zone l.openings[1].tz)::date then c.due_at end), '0 seconds')) else 0 end
    from dialer.call c join dialer.lane l using (lane_id) join dialer.campaign g on g.campaign_id = c.campaign_id join dialer.redial_policy y using (policy_id)
    left join dialer.workflow_step q on q.workflow_id = g.workflow_id and q.name = c.step left join dialer.redial_policy s on s.policy_id = q.policy_id
    -- Each step has its own ladder and its own tries.
    cross join lateral (select array(select a.dialled_at from dialer.attempt a where a.call_id = c.call_id and a.counts and a.step is not distinct from c.step order by a.dialled_at) as own) o
    where c.call_id = attempts_today.call_id and c.tenant_id = dialer.current_tenant()
$$;
comment on function dialer.attempts_today(bigint, timestamptz) is 'How many attempts a call has had on the contact''s local date, and how many more the day can hold (in a workflow: of its present step).';

create function dialer.open_a_day(campaign_id bigint, at timestamptz) returns interval
language sql stable as $$
    select dialer.open_between_all(w.monday, w.monday + interval '168 hours', w.openings) / nullif(w.days, 0)
    from (select m.monday, o.openings, (select count(*) from generate_series(0, 6) d
                 where dialer.open_between_all(m.monday + d * interval '24 hours', m.monday + (d + 1) * interval '24 hours', o.openings) > interval '0') as days
          from (select array[row(k.hours, 'UTC', null, null)::dialer.opening] as openings from dialer.campaign c join dialer.calendar k using (calendar_id) where c.campaign_id = open_a_day.campaign_id) o
          cross join (select date_trunc('week', at at time zone 'UTC') at time zone 'UTC' as monday) m) w
$$;
comment on function dialer.open_a_day(bigint, timestamptz) is 'How long the hours of a campaign are open on an open day of the week of an instant, on average; closures are not looked at.';

create function dialer.expected_volume(campaign text, added bigint default 0, attempts_a_day integer default null, average_call interval default '150 seconds', at timestamptz default dialer.now())
returns table (measure text, now_ numeric, after_ numeric, definition text)
language plpgsql stable as $$
#variable_conflict use_column
declare
    target record;
    leads bigint;
begin
    select c.campaign_id, coalesce(expected_volume.attempts_a_day, dialer.policy_a_day(y)) as attempts, least(c.max_concurrent, a.max_concurrent - a.inbound_reserve) as lines, dialer.open_a_day(c.campaign_id, at) as open into target
    from dialer.campaign c join dialer.redial_policy y using (policy_id) join dialer.provider_account a on a.account_id = c.account_id where c.campaign_id = dialer.campaign_named(campaign);
    if target.attempts is null or added is null or added < 0 then
        perform dialer.fail('PD015', 'there is no volume to expect', format('attempts_a_day %s, added %s', coalesce(target.attempts::text, 'none in the policy'), coalesce(added::text, 'null')), 'Give attempts_a_day, and a number of added leads that is not negative.');
    end if;
    select count(*) into leads from dialer.call c where c.campaign_id = target.campaign_id and c.ended_at is null;
    return query
        select 'leads', leads::numeric, (leads + added)::numeric, 'calls of the campaign that have not ended; after: with those added'
        union all
        select b.measure, b.value, a.value, b.definition
        from dialer.capacity(leads, target.attempts, target.open, greatest(target.lines, 1), average_call) b
        join dialer.capacity(leads + added, target.attempts, target.open, greatest(target.lines, 1), average_call) a using (measure)
        union all
        select v.measure, v.value, null, v.definition from (
            select count(*) filter (where d.attempts < target.attempts) as limited, sum(least(d.attempts, target.attempts)) as calls
            from dialer.call c join dialer.lane l using (lane_id)
            cross join lateral (select min(k.max_count) as attempts from unnest(dialer.caps_of_attempts(l.cappings, c.channel)) k
                where k.kind = 'rolling' and k.amount between 82800 and 90000 or k.kind = 'local_dates' and k.amount = 1) d
            where c.campaign_id = target.campaign_id and c.ended_at is null) s
        cross join lateral (values ('leads_limited_by_law', s.limited::numeric, 'of the leads now: the law or the tenant allows them fewer attempts in a day than the policy'),
            ('calls_a_day_within_law', s.calls::numeric, 'calls a day now, each lead with as many as policy, law and tenant all allow')) v(measure, value, definition)
        where s.limited > 0;
end $$;
comment on function dialer.expected_volume(text, bigint, integer, interval, timestamptz) is
'What a campaign''s leads mean in calls a day, a minute and at once, now and with so many added, beside what its lines carry; attempts a day are those of its policy unless stated, the open day that of its hours. Errors: PD025 campaign, PD015 no attempts a day.';
