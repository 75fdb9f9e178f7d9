-- The days of a recurring campaign: whom its frequency lets be called on which day, and whom the lines can serve.
-- Who uses it: people before they start or edit one. The caps are those of the claim; lines and lengths are averages. Nothing is changed.

create type dialer.member_group as (called_at timestamptz[], members bigint);
comment on type dialer.member_group is 'members who were called on the same days';

create function dialer.member_groups(campaign dialer.campaign, tz text, since timestamptz) returns dialer.member_group[]
language sql stable as $$
    select array(
        select row(h.called_at, count(*))::dialer.member_group from (
            select array(select distinct (date_trunc('day', a.dialled_at at time zone tz) + interval '12 hours') at time zone tz from dialer.attempt a
                where a.contact_id = m.contact_id and a.campaign_id = m.campaign_id and a.counts and a.dialled_at > since and a.ended_at > since order by 1) as called_at
            from dialer.enrolment m where m.campaign_id = (campaign).campaign_id and m.end_reason is null) h
        group by h.called_at order by h.called_at)
$$;
comment on function dialer.member_groups(dialer.campaign, text, timestamptz) is 'Members of a campaign by the local days on which they were called since an instant.';

create function dialer.serve_day(groups dialer.member_group[], caps dialer.cap[], tz text, noon timestamptz, capacity bigint, out after dialer.member_group[], out due bigint, out served bigint)
language plpgsql stable as $$
declare
    one dialer.member_group;
    now_ bigint;
begin
    after := '{}';
    due := 0;
    served := 0;
    -- Those first whose last call is the longest ago.
    foreach one in array array(select g from unnest(groups) g order by g.called_at[cardinality(g.called_at)] nulls first, g.called_at) loop
        now_ := 0;
        if dialer.next_callable(noon, '{}', one.called_at, caps, tz) <= noon then
            due := due + one.members;
            now_ := least(one.members, capacity - served);
        end if;
        served := served + now_;
        if now_ > 0 then
            after := after || row(one.called_at || noon, now_)::dialer.member_group;
        end if;
        if now_ < one.members then
            after := after || row(one.called_at, one.members - now_)::dialer.member_group;
        end if;
    end loop;
end $$;
comment on function dialer.serve_day(dialer.member_group[], dialer.cap[], text, timestamptz, bigint) is 'One day of a campaign: who may be called, and how many of them are, once each.';

create function dialer.campaign_days(campaign text, days integer default 14, average_call interval default '150 seconds', at timestamptz default dialer.now())
returns table (on_ date, weekday text, open interval, due bigint, capacity bigint, calls bigint, left_over bigint)
language plpgsql stable as $$
#variable_conflict use_column
declare
    target dialer.campaign;
    facts record;
    groups dialer.member_group[];
    day record;
begin
    if average_call < interval '0' then
        perform dialer.fail('PD015', format('calls of %s on average are not possible', average_call), 'A length is zero or more.', 'Give e.g. average_call => ''150 seconds''.');
    end if;
    select c.* into target from dialer.campaign c where c.campaign_id = dialer.campaign_named(campaign_days.campaign);
    select dialer.member_caps(y) as caps, least(target.max_concurrent, a.max_concurrent - a.inbound_reserve) as lines, coalesce(k.tz, area.tz, 'UTC') as tz,
           case when target.law_id is null then '{}' else coalesce(area.jurisdictions, '{}') end as jurisdictions
    into facts from dialer.redial_policy y join dialer.provider_account a on a.account_id = target.account_id join dialer.calendar k on k.calendar_id = target.calendar_id
    left join (select p.zones[1] as tz, p.jurisdictions from dialer.enrolment m join dialer.contact p using (contact_id) where m.campaign_id = target.campaign_id and p.zones <> '{}'
               group by p.zones[1], p.jurisdictions order by count(*) desc, 1, 2 limit 1) area on true
    where y.policy_id = target.policy_id;
    groups := dialer.member_groups(target, facts.tz, dialer.cap_horizon(facts.caps, at));
    -- LIMIT: days that are looked ahead.
    for n in 0..least(greatest(days, 1), 100) - 1 loop
        on_ := (at at time zone facts.tz)::date + n;
        weekday := to_char(on_, 'Dy');
        open := dialer.open_between_all(greatest(at, on_::timestamp at time zone facts.tz), (on_ + 1)::timestamp at time zone facts.tz,
            dialer.lane_openings(target.campaign_id, array[facts.tz], null, facts.jurisdictions));
        capacity := floor(least(facts.lines * extract(epoch from open) / nullif(extract(epoch from average_call), 0), target.per_second * extract(epoch from open)));
        day := dialer.serve_day(groups, facts.caps, facts.tz, (on_ + time '12:00') at time zone facts.tz, case when open > interval '0' then capacity else 0 end);
        groups := day.after;
        due := day.due;
        calls := day.served;
        left_over := day.due - day.served;
        return next;
    end loop;
end $$;
comment on function dialer.campaign_days(text, integer, interval, timestamptz) is
'The next days of a campaign that recurs: how long it is open, how many members its frequency lets be called, how many calls its lines and its rate carry, and who is left over for the next allowed day. At most one call a member and day; everybody is supposed to be reached. Weeks as in frequency_caps; the zone is the campaign''s, or that of most members, and so is the law. Errors: PD025 no such campaign, PD015 a length below zero.';
