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
