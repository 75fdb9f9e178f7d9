-- The call history, page by page: what people scroll through, filtered.
-- Who uses it: applications, `dialerd`. Nothing here changes anything. A page is found by an index however many calls there have been.

-- On the pattern of partitions, as the other indexes of attempts.
create index attempt_by_end on dialer.attempt_other (tenant_id, ended_at, attempt_id);
comment on index dialer.attempt_by_end is 'the history is read from its end, page by page';
create index contact_by_name on dialer.contact (tenant_id, lower(name) text_pattern_ops) where name is not null;
comment on index dialer.contact_by_name is 'the history is filtered by the beginning of a name';

create function dialer.contacts_like(contact text) returns bigint[]
language plpgsql stable as $$
declare
    tenant integer := dialer.current_tenant();
    digits text := regexp_replace(contact, '[\s().\-/]', '', 'g');
begin
    -- LIMIT: people whom one filter may mean.
    if contact ~ '@' then
        return array(select e.contact_id from dialer.endpoint e where e.tenant_id = tenant and e.channel = 'email' and e.address = lower(btrim(contact)));
    elsif digits ~ '^\+?\d{4,}$' then
        -- With its country code, without the plus, or a national number of North America.
        return array(select e.contact_id from dialer.endpoint e where e.tenant_id = tenant and e.channel = any ('{voice,sms}')
            and e.address = any (array[digits, '+' || digits, '+1' || digits]));
    end if;
    return array(select p.contact_id from dialer.contact p where p.tenant_id = tenant and lower(p.name) ~~ (regexp_replace(lower(btrim(contact)), '([\\%_])', '\\\1', 'g') || '%')
        order by lower(p.name) limit 1000);
end $$;
comment on function dialer.contacts_like(text) is 'Contacts of the tenant with this phone number or e-mail address, or whose name begins so, in any case of letters (at most 1000).';

create type dialer.history_row as (
    ended_at timestamptz, attempt_id uuid, call_id bigint, campaign text, contact_id bigint, contact text, address text, channel dialer.channel, outcome dialer.outcome, disposition text,
    dialled_at timestamptz, duration_seconds double precision, call_state dialer.call_state);
comment on type dialer.history_row is 'an attempt as people look at it: who, when, from which campaign, how it ended, and what its call is now';

create function dialer.history_page(
    campaign text default null, status text default null, from_at timestamptz default '-infinity', to_at timestamptz default 'infinity', contact text default null,
    page_size integer default 50, before_at timestamptz default null, before_id uuid default null)
returns setof dialer.history_row language plpgsql stable set plan_cache_mode = force_custom_plan set jit = off as $$
declare
    tenant integer := dialer.current_tenant();
    target bigint := case when campaign is not null then dialer.campaign_named(campaign) end;
    people bigint[] := case when btrim(contact) <> '' then dialer.contacts_like(contact) end;
    outcomes dialer.outcome[] := case when status = any (enum_range(null::dialer.outcome)::text[]) then array[status::dialer.outcome]
        when status = any ('{attempts,answered,conversations,voicemails,refusals,hang_ups}') then array(select o from unnest(enum_range(null::dialer.outcome)) o where dialer.outcome_is(status, o)) end;
    states dialer.call_state[] := case when status = any (enum_range(null::dialer.call_state)::text[]) and outcomes is null then array[status::dialer.call_state] end;
begin
    if status is not null and outcomes is null and states is null then
        perform dialer.fail('PD015', format('status "%s" is not known', status), 'It is an outcome of an attempt, a group of outcomes (answered, conversations), or the state of its call.',
            'Use e.g. sale, no_answer, conversations, scheduled, failed.');
    end if;
    return query
        select a.ended_at, a.attempt_id, a.call_id, g.name, a.contact_id, p.name, e.address, a.channel, a.outcome, a.disposition, a.dialled_at, a.duration_seconds, c.state
        from dialer.attempt a join dialer.campaign g using (campaign_id) left join dialer.call c on c.call_id = a.call_id
        left join dialer.contact p on p.contact_id = a.contact_id left join dialer.endpoint e on e.endpoint_id = a.endpoint_id
        where a.tenant_id = tenant and a.ended_at >= from_at and a.ended_at < to_at and (target is null or a.campaign_id = target)
          and (people is null or a.contact_id = any (people)) and (outcomes is null or a.outcome = any (outcomes)) and (states is null or c.state = any (states))
          and (before_at is null or (a.ended_at, a.attempt_id) < (before_at, coalesce(before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
        -- LIMIT: rows of a page.
        order by a.ended_at desc, a.attempt_id desc limit least(greatest(page_size, 1), 1000);
end $$;
comment on function dialer.history_page(text, text, timestamptz, timestamptz, text, integer, timestamptz, uuid) is
'Attempts of the tenant that ended in [from_at, to_at), newest first: of a campaign, with a status (an outcome; answered, conversations ...; or a state of the call), of a contact (phone, e-mail address, or the beginning of the name). The next page begins before the last row: before_at => its ended_at, before_id => its attempt_id. Errors: PD025 campaign, PD015 status.';
