-- Giving and withdrawing consent, and the calls that waited for it.
-- Who uses it: forms, programs, people.
-- Invariants kept: 4 (the claim asks again), the lock order due, call.

create function dialer.give_consent(address text, purpose text, source text, expires_at timestamptz default null, evidence jsonb default '{}', region text default 'US',
    at timestamptz default dialer.now(), kind text default 'consent') returns bigint
language plpgsql volatile as $$
declare
    known text := dialer.read_address(address, region);
    given bigint;
    waiting bigint[];
    exempt bigint[];
begin
    if coalesce(btrim(purpose), '') = '' or coalesce(btrim(source), '') = '' or expires_at <= at then
        perform dialer.fail('PD015', format('a consent to "%s" from "%s" until %s says nothing', coalesce(purpose, 'null'), coalesce(source, 'null'), coalesce(expires_at::text, 'for ever')),
            'It names its purpose and where it is known from, and ends in the future.', 'E.g. select dialer.give_consent(''+12125550123'', ''sales'', ''web form 7'').');
    end if;
    if coalesce(kind, '') not in ('consent', 'relationship') then
        perform dialer.fail('PD060', format('"%s" is no kind of consent', coalesce(kind, 'null')), 'Somebody has agreed (consent), or is a customer (relationship).', 'Leave kind out for a consent.');
    end if;
    insert into dialer.consent (address, purpose, kind, source, given_at, expires_at, evidence)
    values (known, btrim(purpose), give_consent.kind, btrim(source), at, give_consent.expires_at, coalesce(evidence, '{}'))
    returning consent_id into given;
    select array_agg(c.call_id), array_agg(c.call_id) filter (where w.exempt_consent = btrim(purpose)) into waiting, exempt
    from dialer.endpoint e join dialer.call c on c.contact_id = e.contact_id and c.endpoint_id = e.endpoint_id
    join dialer.campaign g using (campaign_id) left join dialer.law w on w.law_id = g.law_id
    where e.tenant_id = dialer.current_tenant() and e.channel = any (enum_range(null::dialer.channel)) and e.address = known and c.state = 'scheduled'
      and (c.wait_reason = 'consent_missing' and g.consent = btrim(purpose) and give_consent.kind = 'consent' or w.exempt_consent = btrim(purpose));
    -- Rules that hold no more: other lanes, and no waiting for the caps of these.
    perform dialer.relane(exempt, dialer.now()) where exempt is not null;
    waiting := array(select c.call_id from dialer.call c where c.call_id = any (waiting) and c.wait_reason in ('consent_missing', 'law_cap') order by c.call_id);
    perform dialer.move_waiting(waiting, array_fill(dialer.now(), array[cardinality(waiting)]), 'consent_given') where waiting <> '{}';
    return given;
end $$;
comment on function dialer.give_consent(text, text, text, timestamptz, jsonb, text, timestamptz, text) is
'Notes that a number or e-mail address has agreed to a purpose, since when (at), where that is known from, until when (null: until it is withdrawn), and what proves it; calls that waited for it are looked at again. kind relationship: the number is a customer''s, since a purchase or payment (at), or an inquiry, which ends sooner; it lifts the calling rules that say so, and is no consent to be called. Errors: PD014 no number, PD015 no purpose or source, or over already, PD060 no such kind.';

create function dialer.withdraw_consent(address text, purpose text default null, region text default 'US', at timestamptz default dialer.now()) returns integer
language plpgsql volatile as $$
declare
    known text := dialer.read_address(address, region);
    withdrawn integer;
begin
    update dialer.consent c set withdrawn_at = at
    where c.tenant_id = dialer.current_tenant() and c.address = known and (withdraw_consent.purpose is null or c.purpose = withdraw_consent.purpose)
      and c.withdrawn_at is null and (c.expires_at is null or c.expires_at > at);
    get diagnostics withdrawn = row_count;
    return withdrawn;
end $$;
comment on function dialer.withdraw_consent(text, text, text, timestamptz) is
'Withdraws what a number or address has agreed to (purpose null: all of it), and ends its relationship, from now on; returns how many consents. Calls that wait are not placed any more; add_do_not_call forbids everything. Error PD014.';
