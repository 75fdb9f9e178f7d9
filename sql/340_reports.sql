-- Reports: one source (calls and attempts), with the definition beside each number.
-- Who uses it: people, `dialerd report`, dashboards. Nothing here changes anything.

create function dialer.report_breakdown(from_at timestamptz default '-infinity', to_at timestamptz default 'infinity', campaign text default null)
returns table (measure text, calls bigint, definition text)
language sql stable as $$
    with lead as (
        select c.*, exists (select from dialer.attempt a where a.call_id = c.call_id and a.outcome = 'transferred') as transferred
        from dialer.call c
        where c.tenant_id = dialer.current_tenant() and c.created_at >= from_at and c.created_at < to_at
          and (report_breakdown.campaign is null or c.campaign_id = dialer.campaign_named(report_breakdown.campaign))),
    counted as (
        select count(*) as total,
            count(*) filter (where ended_at is null) as active,
            count(*) filter (where ended_at is null and wait_reason is distinct from 'review') as should_continue,
            count(*) filter (where state = 'completed' and outcome = 'sale') as sale,
            count(*) filter (where outcome = 'dnc' and ended_at is not null) as dnc,
            count(*) filter (where state = 'completed' and outcome is distinct from 'sale' and outcome is distinct from 'dnc') as other,
            count(*) filter (where state = 'failed' and outcome is distinct from 'dnc') as failed,
            count(*) filter (where state = 'cancelled' and end_reason = 'do_not_call' and outcome is distinct from 'dnc') as forbidden,
            count(*) filter (where state = 'cancelled' and end_reason = 'converted' and outcome is distinct from 'dnc') as converted,
            count(*) filter (where state = 'cancelled' and coalesce(end_reason, '') not in ('do_not_call', 'converted') and outcome is distinct from 'dnc') as cancelled,
            count(*) filter (where state = 'expired' and outcome is distinct from 'dnc') as expired,
            count(*) filter (where transferred and outcome is distinct from 'sale') as transferred
        from lead)
    select m.measure, m.calls, m.definition from counted k cross join lateral (values
        (1, 'total_leads', k.total, 'calls planned in the range; the sum of the next nine lines'),
        (2, 'active_for_redial', k.active, 'not ended: waiting or in flight'),
        (3, 'completed_sale', k.sale, 'ended with outcome sale'),
        (4, 'completed_dnc', k.dnc, 'ended because the contact said: do not call'),
        (5, 'completed_other', k.other, 'ended with any other final outcome'),
        (6, 'failed', k.failed, 'number unusable, or attempts or technical retries spent'),
        (7, 'cancelled_do_not_call', k.forbidden, 'cancelled because the number or person is on the do-not-call list'),
        (8, 'cancelled_converted', k.converted, 'over because the person converted in another call or outside of any'),
        (9, 'cancelled_other', k.cancelled, 'cancelled by a person, their campaign was stopped, or its limit per contact was reached'),
        (10, 'expired', k.expired, 'their time was over before they were reached'),
        (11, 'should_continue', k.should_continue, 'of the active ones: not waiting for a person''s review'),
        (12, 'transferred_not_sale', k.transferred, 'had an attempt with outcome transferred and no sale'),
        (13, 'non_sale', k.total - k.sale, 'all but sales'),
        (14, 'non_dnc', k.total - k.dnc, 'all but those who said: do not call'),
        (15, 'non_sale_non_dnc', k.total - k.sale - k.dnc, 'all but sales and do-not-call')) m(rank, measure, calls, definition)
    order by m.rank
$$;
comment on function dialer.report_breakdown(timestamptz, timestamptz, text) is
'What became of the calls planned in [from_at, to_at) of a campaign (null: all): one measure a row with its definition. Every planned call is in exactly one of lines 2 to 10.';

create function dialer.report_range(from_at timestamptz, to_at timestamptz, campaign text default null)
returns table (measure text, value numeric, definition text)
language sql stable as $$
    with attempt as (
        select a.*, exists (select from dialer.attempt b where b.call_id = a.call_id and b.counts and b.dialled_at < a.dialled_at) as again
        from dialer.attempt a
        where a.tenant_id = dialer.current_tenant() and a.dialled_at >= from_at and a.dialled_at < to_at and a.ended_at >= from_at and a.counts
          and (report_range.campaign is null or a.campaign_id = dialer.campaign_named(report_range.campaign))),
    counted as (
        select count(*) as calls, count(*) filter (where again) as redials, count(*) filter (where dialer.outcome_is('conversations', outcome)) as reached,
               count(*) filter (where outcome in ('transferred', 'sale')) as transferred from attempt)
    select m.measure, m.value, m.definition from (
        select 1 as rank, 'leads_created' as measure, (select count(*) from dialer.call c where c.tenant_id = dialer.current_tenant()
               and c.created_at >= from_at and c.created_at < to_at
               and (report_range.campaign is null or c.campaign_id = dialer.campaign_named(report_range.campaign)))::numeric as value, 'calls planned' as definition
        union all select 2, 'total_calls', k.calls, 'attempts that count, by the time of dialling' from counted k
        union all select 3, 'redials', k.redials, 'attempts beyond the first of their call' from counted k
        union all select 4, 'connectivity_rate', round(k.reached::numeric / nullif(k.calls, 0), 4), 'attempts that reached a person / total_calls' from counted k
        union all select 5, 'transfer_rate', round(k.transferred::numeric / nullif(k.calls, 0), 4), 'attempts with outcome transferred or sale / total_calls' from counted k
        union all select 6, 'outcome_' || a.outcome, count(*), 'attempts with this outcome' from attempt a group by a.outcome) m
    order by m.rank, m.measure
$$;
comment on function dialer.report_range(timestamptz, timestamptz, text) is
'Attempts dialled in [from_at, to_at): calls, redials, outcomes, connectivity and transfer rate, with definitions. Open attempts are not in it.';

create function dialer.report_retries(from_at timestamptz default '-infinity', to_at timestamptz default 'infinity', campaign text default null)
returns table (attempt bigint, attempts bigint, answered bigint, reached bigint, reach_rate numeric, sales bigint, outcomes jsonb)
language sql stable as $$
    with tried as (
        select a.outcome, case when a.counts then 1 + (select count(*) from dialer.attempt b
                   where b.call_id = a.call_id and b.counts and (b.dialled_at, b.attempt_id) < (a.dialled_at, a.attempt_id)) else 0 end as attempt
        from dialer.attempt a
        where a.tenant_id = dialer.current_tenant() and a.dialled_at >= from_at and a.dialled_at < to_at and a.ended_at >= from_at
          and (report_retries.campaign is null or a.campaign_id = dialer.campaign_named(report_retries.campaign))),
    counted as (
        select t.attempt, t.outcome, count(*) as attempts, count(*) filter (where t.attempt > 0 and dialer.outcome_is('answered', t.outcome)) as answered,
               count(*) filter (where t.attempt > 0 and dialer.outcome_is('conversations', t.outcome)) as reached, count(*) filter (where t.outcome = 'sale') as sales
        from tried t group by t.attempt, t.outcome)
    select c.attempt, sum(c.attempts)::bigint, sum(c.answered)::bigint, sum(c.reached)::bigint, round(sum(c.reached) / sum(c.attempts), 4), sum(c.sales)::bigint,
           jsonb_object_agg(coalesce(c.outcome::text, 'none'), c.attempts)
    from counted c group by c.attempt order by c.attempt
$$;
comment on function dialer.report_retries(timestamptz, timestamptz, text) is
'What each further attempt brings: of those dialled in [from_at, to_at), by their place among the attempts of their call (1: the first; 0: failures that reached nobody and count as none), how many there were, were answered (voicemail included), reached a person, their share, sales, and how many had each outcome. Open attempts are not in it. Error PD025: no such campaign.';

create function dialer.report_today(tz text default 'UTC', campaign text default null, at timestamptz default dialer.now())
returns table (measure text, value numeric, definition text)
language sql stable as $$
    select r.measure, r.value, r.definition
    from (select dialer.zone_named(report_today.tz) as tz) z
    cross join lateral dialer.report_range(date_trunc('day', at at time zone z.tz) at time zone z.tz,
                                           (date_trunc('day', at at time zone z.tz) + interval '1 day') at time zone z.tz, campaign) r
$$;
comment on function dialer.report_today(text, text, timestamptz) is 'report_range of the local date of "at" in a zone (default UTC). Error PD011: no such zone.';

create function dialer.daily_max_reached(campaign text default null, at timestamptz default dialer.now()) returns table (call_id bigint, attempts_today bigint, max_per_day integer)
language sql stable as $$
    select c.call_id, n.attempts, m.max_per_day
    from dialer.call c join dialer.campaign g using (campaign_id) join dialer.redial_policy y using (policy_id) join dialer.lane l on l.lane_id = c.lane_id
    cross join lateral (select dialer.policy_a_day(y) as max_per_day offset 0) m
    cross join lateral (select dialer.dialled_on(y.cap_scope, c.call_id, c.contact_id, c.endpoint_id, c.channel, at, l.openings[1].tz) as attempts offset 0) n
    where c.tenant_id = dialer.current_tenant() and c.state = 'scheduled' and n.attempts >= m.max_per_day
      and (daily_max_reached.campaign is null or c.campaign_id = dialer.campaign_named(daily_max_reached.campaign))
$$;
comment on function dialer.daily_max_reached(text, timestamptz) is
'Waiting calls that have had as many attempts on the contact''s local date as their policy allows a day; counted from attempts, so that nothing is reset at midnight. Error PD025: no such campaign.';

create function dialer.report_totals(campaign text default null, at timestamptz default dialer.now(), tz text default 'UTC')
returns table (measure text, calls bigint, definition text)
language sql stable as $$
    with lead as (
        select c.*, z.zone, (at at time zone z.zone)::date - (c.created_at at time zone z.zone)::date as age
        from (select dialer.zone_named(report_totals.tz) as zone) z join dialer.call c on true
        where c.tenant_id = dialer.current_tenant() and (report_totals.campaign is null or c.campaign_id = dialer.campaign_named(report_totals.campaign)))
    select m.measure, m.calls, m.definition
    from (select count(*) as total, count(*) filter (where ended_at is null) as active,
                 count(*) filter (where ended_at is null and age = 1) as yesterday, count(*) filter (where ended_at is null and age > 1) as older,
                 count(*) filter (where ended_at is null and wait_reason in ('cap', 'redial') and (due_at at time zone zone)::date > (at at time zone zone)::date) as spent,
                 count(*) filter (where state = 'completed') as completed from lead) k
    cross join (select count(*) as maxed from dialer.daily_max_reached(report_totals.campaign, at)) d
    cross join lateral (values (1, 'total_leads', k.total, 'calls ever planned'), (2, 'active', k.active, 'not ended'),
        (3, 'active_from_yesterday', k.yesterday, 'not ended, planned on the local date before'), (4, 'active_older', k.older, 'not ended, planned before that'),
        (5, 'tomorrow_or_later', k.spent, 'not ended, tried, and next due on a later local date (the day''s attempts are spent or its hours are over)'),
        (6, 'daily_max_reached', d.maxed, 'not ended: have had as many attempts on this local date as their policy allows a day'),
        (7, 'completed', k.completed, 'ended as completed')) m(rank, measure, calls, definition)
    order by m.rank
$$;
comment on function dialer.report_totals(text, timestamptz, text) is 'Lifetime totals of a campaign (null: all), with definitions; dates are local dates of tz. Errors: PD011 no such zone, PD025 no such campaign.';

create view dialer.account_dashboard as
    select t.name as tenant, a.name as account, a.provider, a.state, a.state_reason, a.max_concurrent, count(l.call_id) as in_use,
           count(*) filter (where l.state in ('intended', 'placed')) as dialling, count(*) filter (where l.state = 'ringing') as ringing,
           count(*) filter (where l.state = 'answered') as answered, k.blocked_until, k.blocked_reason
    from dialer.provider_account a join dialer.tenant t using (tenant_id) join dialer.account_health k using (account_id)
    left join dialer.lease l using (account_id)
    group by t.name, a.name, a.provider, a.state, a.state_reason, a.max_concurrent, k.blocked_until, k.blocked_reason;
comment on view dialer.account_dashboard is 'accounts with their slots: limit, in use, ringing, answered, and why nothing goes out';

create view dialer.call_history as
    select a.tenant_id, a.ended_at, a.dialled_at, g.name as campaign, p.name as contact, e.address, a.channel, a.state, a.outcome, a.disposition, a.word,
           a.duration_seconds, a.call_id, a.attempt_id, a.decision
    from dialer.attempt_all a join dialer.campaign g using (campaign_id) join dialer.contact p using (contact_id) join dialer.endpoint e using (endpoint_id);
comment on view dialer.call_history is 'every attempt with campaign, contact and number, to be filtered';

create function dialer.report_stagger(campaign text, from_at timestamptz, until_at timestamptz) returns table (measure text, value numeric, definition text)
language sql stable as $$
    with planned as (
        select c.call_id, c.planned_at from dialer.call c
        where c.campaign_id = dialer.campaign_named(report_stagger.campaign) and c.planned_at >= from_at and c.planned_at < until_at),
    begun as (
        select p.call_id, p.planned_at, (select min(a.dialled_at) from dialer.attempt_all a where a.call_id = p.call_id and a.intended_at is not null) as begun_at from planned p),
    live as (
        select a.dialled_at as from_at, coalesce(a.ended_at, 'infinity') as to_at from dialer.attempt_all a join planned p using (call_id) where a.intended_at is not null)
    select m.measure, m.value, m.definition
    from (select count(*)::numeric as calls, count(distinct b.planned_at)::numeric as instants, count(b.begun_at)::numeric as begun,
                 round(percentile_cont(0.5) within group (order by extract(epoch from b.begun_at - b.planned_at))::numeric, 3) as median,
                 round(max(extract(epoch from b.begun_at - b.planned_at))::numeric, 3) as worst from begun b) k
    cross join (select max(n.calls)::numeric as crowd from (select count(*) as calls from planned p group by p.planned_at) n) c
    cross join (select dialer.most_at_once(array_agg(l.from_at), array_agg(l.to_at))::numeric as peak from live l) p
    cross join lateral (values (1, 'calls_planned', k.calls, 'calls planned for an instant of the span'), (2, 'instants', k.instants, 'different instants among them'),
        (3, 'most_at_one_instant', coalesce(c.crowd, 0), 'calls planned for one and the same instant: 1 where they are staggered'),
        (4, 'calls_begun', k.begun, 'of which a first attempt was made'), (5, 'median_delay_seconds', k.median, 'from the planned instant to the first attempt'),
        (6, 'worst_delay_seconds', k.worst, 'the longest of these'), (7, 'peak_at_once', p.peak, 'most attempts of these calls that were open at one instant')) m(rank, measure, value, definition)
    order by m.rank
$$;
comment on function dialer.report_stagger(text, timestamptz, timestamptz) is
'What became of a stagger: the calls of a campaign that were planned for a span (until_at excluded), how far apart, how punctually they were begun, and how many were in progress at once. Error PD025: no such campaign.';

create function dialer.capacity(contacts bigint, attempts_a_day integer, open_a_day interval, max_concurrent integer, average_call interval default '150 seconds')
returns table (measure text, value numeric, definition text)
language plpgsql immutable as $$
declare
    minutes numeric := extract(epoch from open_a_day) / 60;
    call_minutes numeric := extract(epoch from average_call) / 60;
    calls numeric := contacts::numeric * attempts_a_day;
begin
    if contacts is null or contacts < 0 or attempts_a_day is null or attempts_a_day < 1 or minutes is null or minutes not between 1 and 1440
       or call_minutes is null or call_minutes <= 0 or max_concurrent is null or max_concurrent < 1 then
        perform dialer.fail('PD015', 'there is no capacity to compute',
            format('contacts %s, attempts_a_day %s, open_a_day %s, max_concurrent %s, average_call %s', contacts, attempts_a_day, open_a_day, max_concurrent, average_call),
            'Give contacts of 0 or more, at least one attempt and one line, a day open for a minute to 24 hours, and a call longer than nothing.');
    end if;
    return query values
        ('calls_a_day', calls, 'contacts x attempts a day'),
        ('calls_a_minute', round(calls / minutes, 2), 'calls a day / minutes open'),
        ('calls_at_once', round(calls / minutes * call_minutes, 2), 'calls a minute x average length (Little''s law): below this, calls wait'),
        ('ceiling_a_day', floor(max_concurrent * minutes / call_minutes), 'calls at once x minutes open / average length'),
        ('contacts_served', least(contacts::numeric, floor(max_concurrent * minutes / call_minutes / attempts_a_day)), 'contacts that get all their attempts');
end $$;
comment on function dialer.capacity(bigint, integer, interval, integer, interval) is
'How many calls a day, a minute and at once so many contacts mean, and what so many lines can carry; with definitions. average_call: 150 seconds if nothing is known. Error PD015: an argument is impossible.
e.g. select value from dialer.capacity(980, 8, ''9 hours'', 10) where measure = ''calls_a_day'' --> 7840';
