-- What the dispatch benchmark works on: four accounts, twenty campaigns, people with a number each.
create schema bench;
select dialer.create_account('account ' || i, 'sandbox', 100000) from generate_series(1, 4) i;
select dialer.create_redial_policy('bench', '{1 hour}', max_per_day => 8, min_gap => '2 minutes', final_outcomes => '{completed,sale,dnc}');
select dialer.create_campaign('campaign ' || i, 'account ' || 1 + i % 4, hours => '24/7', policy => 'bench') from generate_series(1, 20) i;
select dialer.start_campaign('campaign ' || i) from generate_series(1, 20) i;

create function bench.people(n integer) returns void language sql as $$
    with first as (select coalesce(max(contact_id), 0) as id from dialer.contact),
    made as (
        insert into dialer.contact (tenant_id, external_key, name, zones, zone_source, attributes)
        select dialer.current_tenant(), 'k' || f.id + i, 'Person ' || i, '{America/New_York}', 'stated', '{"plan": "gold"}'
        from first f, generate_series(1, n) i returning contact_id)
    insert into dialer.endpoint (tenant_id, contact_id, channel, address)
    select dialer.current_tenant(), contact_id, 'voice', '+1212' || lpad(contact_id::text, 9, '0') from made
$$;

-- Plans the n newest people, in all campaigns in turn.
create function bench.plan(n integer, campaigns integer, due timestamptz) returns void language plpgsql as $$
begin
    for i in 1..campaigns loop
        perform dialer.plan(dialer.campaign_named('campaign ' || i), array(
            select row(row_number() over (), e.contact_id, e.endpoint_id, due, null, '{}', null, null, null)::dialer.plan_row
            from dialer.endpoint e
            where e.endpoint_id > (select max(endpoint_id) from dialer.endpoint) - n and e.endpoint_id % campaigns = i - 1), dialer.now());
    end loop;
end $$;

-- Calls that wait and are not to be claimed: in the future, or (nine of ten) where nothing opens: campaigns 10 to 20 are paused or closed.
create function bench.wait_in(campaign text, n integer, due timestamptz) returns void language sql as $$
    with lane as (
        select c.tenant_id, c.campaign_id, l.lane_id from dialer.campaign c
        cross join lateral (select dialer.lanes_for(c.campaign_id, array(select row(contact_id, null, null)::dialer.lane_seeker from dialer.contact limit 1), null, dialer.now())) made
        join dialer.lane l using (campaign_id) where c.name = wait_in.campaign limit 1),
    made as (
        insert into dialer.call (tenant_id, campaign_id, lane_id, contact_id, endpoint_id, channel, due_at, planned_at, created_at)
        select l.tenant_id, l.campaign_id, l.lane_id, -i, -i, 'voice', due + i * interval '1 ms', due, now()
        from lane l, generate_series(1, n) i returning call_id, lane_id, due_at)
    insert into dialer.due (lane_id, due_at, call_id) select lane_id, due_at, call_id from made
$$;

create function bench.wait(n integer, hidden boolean) returns void language plpgsql as $$
declare part integer := n / 20;
begin
    perform bench.people(1);
    if hidden then
        for i in 1..20 loop
            perform bench.wait_in('campaign ' || i, case when i <= 10 then n / 100 else n * 9 / 100 end,
                clock_timestamp() + case when i <= 10 then interval '1 day' else interval '-1 day' end);
        end loop;
        perform dialer.pause_campaign('campaign ' || i) from generate_series(11, 15) i;
        update dialer.calendar set hours = '2090-01-01 09:00-10:00' where name in (select 'campaign campaign ' || i from generate_series(16, 20) i);
        update dialer.campaign set name = 'hidden ' || name where name in (select 'campaign ' || i from generate_series(11, 20) i);
        update dialer.calendar set name = 'hidden ' || name where name in (select 'campaign campaign ' || i from generate_series(11, 20) i);
        perform dialer.create_campaign('campaign ' || i, 'account ' || 1 + i % 4, hours => '24/7', policy => 'bench') from generate_series(11, 20) i;
        perform dialer.start_campaign('campaign ' || i) from generate_series(11, 20) i;
    else
        for i in 1..20 loop
            perform bench.wait_in('campaign ' || i, part, clock_timestamp() + interval '1 day');
        end loop;
    end if;
end $$;

-- Rows as wide as those of planning, with the same indexes and triggers of none.
create function bench.bare_insert() returns void language plpgsql as $$
begin
    create table bench.call (like dialer.call including indexes including defaults including constraints);
    create table bench.due (like dialer.due including indexes);
    with made as (
        insert into bench.call (call_id, tenant_id, campaign_id, lane_id, contact_id, endpoint_id, channel, due_at, planned_at, created_at)
        select e.endpoint_id, e.tenant_id, 1, 1, e.contact_id, e.endpoint_id, 'voice', now() + e.endpoint_id * interval '1 ms', now(), now()
        from dialer.endpoint e returning call_id, lane_id, due_at)
    insert into bench.due (lane_id, due_at, call_id) select lane_id, due_at, call_id from made;
end $$;

-- Attempts of other people over the last year, in monthly partitions.
create function bench.history(n integer) returns void language plpgsql set session_replication_role = replica as $$
begin
    for month in 1..12 loop
        perform dialer.ensure_partitions(clock_timestamp() - month * interval '1 month');
        insert into dialer.attempt (attempt_id, call_id, tenant_id, campaign_id, account_id, contact_id, endpoint_id, channel, outcome, counts, dispatcher,
            due_at, claimed_at, place_at, ended_at, dialled_at, decision)
        select gen_random_uuid(), -i, 1, 1, 1, -i, -i, 'voice', 'no_answer', true, 'bench', at, at, at, at, at, '{"zones": ["America/New_York"]}'
        from (select i, clock_timestamp() - month * interval '1 month' as at from generate_series(1, n / 12) i) x;
    end loop;
end $$;
