-- Recurring enrolment: members of a campaign that recurs get a call each time its frequency allows, made by the ticks.
-- Who uses it: tick; restore_campaign and edit_campaign set it going.
-- Invariants kept: 4 and 8: what is made here is only planned; the frequency is a cap of the redial policy, which claim and intend count from
-- attempts. A member has at most one living call: what could not be called in its period does not pile up.
--
-- A look at a member is due at enrolment.next_at. It plans a call, or finds the instant of the next look, and is then done with: looked at
-- twice, nothing happens twice.

create function dialer.frequency_caps(frequency text) returns dialer.cap[]
language plpgsql immutable as $$
declare
    words text := case lower(btrim(frequency)) when 'daily' then '1 per day' when 'weekly' then '1 per week' when 'monthly' then '1 per month' else lower(btrim(frequency)) end;
    part text[] := regexp_match(words, '^(\d{1,3})\s+per\s+(?:(\d{1,3})\s+)?(day|days|week|month)$');
    times integer := part[1]::integer;
    days integer := case when part[3] ^@ 'day' then coalesce(part[2]::integer, 1) when part[3] = 'month' and part[2] is null then 30 end;
begin
    if times >= 1 and part[3] = 'week' and part[2] is null then
        -- Not several on one day while other days are left.
        return array[row(times, 'calendar_week', null, null), row((times + 6) / 7, 'local_dates', 1, null)]::dialer.cap[];
    elsif times >= 1 and days between 1 and 366 then
        return array[row(times, 'local_dates', days, null)]::dialer.cap[] || case when days > 1 then array[row((times + days - 1) / days, 'local_dates', 1, null)]::dialer.cap[] end;
    end if;
    perform dialer.fail('PD058', format('frequency "%s" is not understood', coalesce(frequency, 'null')),
        'It is so many calls per day, week (Monday to Sunday), month (30 days) or number of days, at most one a day where days are left.',
        'Write daily, weekly, monthly, or e.g. 3 per week, 2 per 10 days.');
end $$;
comment on function dialer.frequency_caps(text) is
'A frequency in words as caps: daily, weekly, monthly, or n per day, week, month or k days. Weeks begin on Monday, a month is 30 local dates; several calls are spread over days. Error PD058: not understood.
e.g. select dialer.cap_text(k) from unnest(dialer.frequency_caps(''3 per week'')) k limit 1 --> 3 a calendar week';

create function dialer.frequency_text(policy dialer.redial_policy) returns text
language sql immutable as $$
    select case when (policy).name ^@ 'frequency of ' then
        format('%s per %s', (c).max_count, case when (c).kind = 'calendar_week' then 'week' when (c).amount = 1 then 'day' when (c).amount = 30 then 'month' else (c).amount || ' days' end) end
    from (select (policy).caps[1] as c) k where (c).kind in ('calendar_week', 'local_dates')
$$;
comment on function dialer.frequency_text(dialer.redial_policy) is 'The frequency that a policy was made of, in the words that frequency_caps reads; null: it was made by hand.';

create function dialer.member_caps(policy dialer.redial_policy) returns dialer.cap[]
language sql immutable as $$
    -- Without any period a member would be called again as soon as the call before has ended.
    select case when exists (select from unnest(k.caps) c where c.kind in ('rolling', 'local_dates', 'calendar_week')) then k.caps
                else k.caps || array[row(1, 'local_dates', 1, null)::dialer.cap] end
    from (select dialer.policy_caps(policy) as caps) k
$$;
comment on function dialer.member_caps(dialer.redial_policy) is 'How often members are called: the caps of the policy, or once a day where it has none for a period.';

create function dialer.contact_spent(contact_id bigint, campaign_id bigint, limit_ integer, counted text) returns boolean
language plpgsql stable as $$
begin
    return limit_ <= (select count(*) from dialer.attempt a
        where a.contact_id = contact_spent.contact_id and a.campaign_id = contact_spent.campaign_id and a.counts and dialer.outcome_is(counted, a.outcome));
end $$;
comment on function dialer.contact_spent(bigint, bigint, integer, text) is
'Whether a contact has had as many attempts, answered calls or conversations in a campaign as its contact_limit allows.';

create function dialer.look_at_members(campaign dialer.campaign, contact_ids bigint[], at timestamptz)
returns table (contact_id bigint, endpoint_id bigint, reason text, callable_at timestamptz, after_at timestamptz)
language sql stable as $$
    with policy as materialized (
        select y.cap_scope, k.caps, dialer.cap_horizon(k.caps, at) as since, a.channel, (select c.tz from dialer.calendar c where c.calendar_id = (campaign).calendar_id) as fixed
        from dialer.redial_policy y cross join lateral (select dialer.member_caps(y) as caps offset 0) k join dialer.provider_account a on a.account_id = (campaign).account_id
        where y.policy_id = (campaign).policy_id),
    member as materialized (
        select u.contact_id, y.caps, case (campaign).zone_rule when 'fixed' then y.fixed else coalesce(p.zones[1], 'UTC') end as tz,
               (select e.endpoint_id from dialer.endpoint e where e.contact_id = u.contact_id and e.channel = y.channel and e.status = 'ok'
                order by e.position, e.endpoint_id limit 1) as endpoint_id,
               exists (select from dialer.conversions(u.contact_id, (campaign).campaign_id, '-infinity')) as converted,
               (campaign).contact_limit is not null and dialer.contact_spent(u.contact_id, (campaign).campaign_id, (campaign).contact_limit, (campaign).contact_limit_counts) as spent,
               (select max(c.due_at) from dialer.call c where c.contact_id = u.contact_id and c.campaign_id = (campaign).campaign_id
                and c.state in ('scheduled', 'claimed', 'in_flight')) as living_until,
               array(select a.dialled_at from dialer.attempt a where a.contact_id = u.contact_id and a.channel = y.channel and a.counts
                     and a.dialled_at > y.since and a.ended_at > y.since and (y.cap_scope <> 'campaign' or a.campaign_id = (campaign).campaign_id) order by a.dialled_at) as dialled
        from unnest(contact_ids) u(contact_id) join dialer.contact p using (contact_id) cross join policy y)
    select m.contact_id, m.endpoint_id,
           case when m.converted then 'converted' when m.spent then 'contact_limit' when m.endpoint_id is null then 'no_number' when m.living_until is not null then 'living' end,
           n.callable_at,
           -- Supposing that the call is made then, the first instant at which the caps allow another.
           dialer.next_callable(n.supposed_at, '{}', m.dialled || n.supposed_at, m.caps, m.tz)
    from member m cross join lateral (
        select x.callable_at, greatest(at, x.callable_at, nullif(m.living_until, 'infinity')) as supposed_at
        from (select dialer.next_callable(at, '{}', m.dialled, m.caps, m.tz) as callable_at) x) n
$$;
comment on function dialer.look_at_members(dialer.campaign, bigint[], timestamptz) is
'What is to be done for members of a campaign: why none is to be called (converted, contact_limit, no_number, living: a call of theirs has not ended), when their caps allow a call (null: never), and when another after that.';

create function dialer.renew_members(campaign dialer.campaign, contact_ids bigint[], at timestamptz) returns integer
language plpgsql volatile as $$
declare made integer;
begin
    with look as materialized (select l.* from dialer.look_at_members(campaign, contact_ids, at) l),
    planned as materialized (
        select w.contact_id, p.due_at, p.result
        from (select l.contact_id, l.endpoint_id, row_number() over (order by l.contact_id) as position from look l where l.reason is null and l.callable_at <= at + interval '1 minute') w
        join dialer.plan((campaign).campaign_id, array(
            select row(row_number() over (order by l.contact_id), l.contact_id, l.endpoint_id, greatest(at, l.callable_at), null, '{}', null, null, null)::dialer.plan_row
            from look l where l.reason is null and l.callable_at <= at + interval '1 minute' order by l.contact_id), at) p using (position)),
    -- Whom nobody can call is looked at again each week: numbers come, and do-not-call entries expire.
    decided as (
        select l.contact_id, case when l.reason in ('converted', 'contact_limit') or l.callable_at is null then null
                when not (campaign).recurs and p.result in ('scheduled', 'waiting') then null
                when l.reason = 'no_number' or p.result not in ('scheduled', 'waiting') then at + interval '7 days'
                when l.reason = 'living' or p.result is not null then greatest(l.after_at, at + interval '1 hour')
                else l.callable_at end as next_at,
            case when l.reason in ('converted', 'contact_limit') then l.reason when l.callable_at is null then 'caps_spent' end as end_reason
        from look l left join planned p using (contact_id)),
    noted as (
        update dialer.enrolment m set next_at = d.next_at, end_reason = d.end_reason
        from decided d where m.contact_id = d.contact_id and m.campaign_id = (campaign).campaign_id)
    select count(*) into made from planned p where p.result in ('scheduled', 'waiting');
    -- Whose contact is gone, or was never read, is not looked at for ever.
    update dialer.enrolment m set next_at = null where m.campaign_id = (campaign).campaign_id and m.contact_id = any (contact_ids)
        and not exists (select from dialer.contact p where p.contact_id = m.contact_id);
    return made;
end $$;
comment on function dialer.renew_members(dialer.campaign, bigint[], timestamptz) is 'Plans the next calls of members whose look is due, and notes when to look again; returns how many were planned.';

create function dialer.renew_each(campaign dialer.campaign, contact_ids bigint[], at timestamptz) returns integer
language plpgsql volatile as $$
begin
    return dialer.renew_members(campaign, contact_ids, at);
exception when data_exception or integrity_constraint_violation or sqlstate 'PD000' then
    -- An error would undo the whole tick, for every tenant, and come again with each: it stays with the member that it is about.
    if cardinality(contact_ids) > 1 then
        return (select sum(dialer.renew_each(campaign, array[m], at)) from unnest(contact_ids) m);
    end if;
    update dialer.enrolment m set next_at = at + interval '1 hour', end_reason = left('put off: ' || sqlerrm, 300)
    where m.campaign_id = (campaign).campaign_id and m.contact_id = any (contact_ids);
    return 0;
end $$;
comment on function dialer.renew_each(dialer.campaign, bigint[], timestamptz) is 'renew_members; a member whose call cannot be planned is looked at again in an hour, and the others are planned.';

create function dialer.make_member_calls(at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
declare
    target dialer.campaign;
    members bigint[];
    looked integer := 0;
    made integer := 0;
begin
    for target in
        select c.* from dialer.campaign c where c.state = 'running' and coalesce(c.valid_until > at, true)
            and exists (select from dialer.enrolment m where m.campaign_id = c.campaign_id and m.next_at <= at) order by c.campaign_id
    loop
        members := array(
            select m.contact_id from dialer.enrolment m where m.campaign_id = target.campaign_id and m.next_at <= at
            order by m.next_at, m.contact_id limit limit_ - looked for update skip locked);
        looked := looked + cardinality(members);
        made := made + dialer.renew_each(target, members, at);
        exit when looked >= limit_;
    end loop;
    return made;
end $$;
comment on function dialer.make_member_calls(timestamptz, integer) is
'Makes the calls of members whose turn has come in running campaigns; looks at a bounded number of members, those first who wait the longest. Returns how many calls were planned.';
