-- Exemptions: calling rules that do not hold for who has agreed, or is a customer, where the law says so and the campaign has chosen it.
-- Who uses it: planning and the claim find the lane of a call by it (lane.lifted); the instant of placing asks again.
-- Invariants kept: 4, 6 (a rule is lifted by a consent that is recorded and holds now, or not at all).

create function dialer.is_lifted_by(rule dialer.calling_rule, consent dialer.consent, at timestamptz) returns boolean
language sql stable as $$
    select (consent).kind = any ((rule).exempt_with) and ((consent).kind = 'consent' or (rule).relationship_within is null or (consent).given_at + (rule).relationship_within > at)
$$;
comment on function dialer.is_lifted_by(dialer.calling_rule, dialer.consent, timestamptz) is 'Whether a consent or relationship that holds is of a kind and an age that lifts a rule.';

create function dialer.lifted(law_id integer, jurisdictions text[], address text, at timestamptz) returns text[]
language plpgsql stable as $$
declare chosen dialer.law;
begin
    select w.* into chosen from dialer.law w where w.law_id = lifted.law_id and w.exempt_consent is not null;
    if not found or not exists (select from dialer.consent k where k.tenant_id = chosen.tenant_id and k.address = lifted.address and k.purpose = chosen.exempt_consent) then
        return '{}';
    end if;
    -- Packs may have rules of one code: it is lifted where all of them are.
    return array(
        select r.code from dialer.law_rules(chosen.law_id, lifted.jurisdictions) r group by r.code
        having bool_and(exists (select from dialer.consents_held(chosen.tenant_id, lifted.address, chosen.exempt_consent, at) k
            where dialer.is_lifted_by(r, k, at)))
        order by r.code);
end $$;
comment on function dialer.lifted(integer, text[], text, timestamptz) is
'Codes of the calling rules that do not hold for a number at an instant: those that say so of consent or of a relationship, where the choice of law names the purpose (exempt_consent) under which it is recorded.';

create function dialer.agreed_until(tenant_id integer, address text, consent text, law_id integer, jurisdictions text[], lifted text[], at timestamptz) returns timestamptz
language plpgsql stable as $$
declare ends timestamptz := 'infinity';
begin
    if consent is not null then
        ends := (select coalesce(max(coalesce(least(k.expires_at, k.withdrawn_at), 'infinity')), agreed_until.at)
            from dialer.consents_held(agreed_until.tenant_id, agreed_until.address, agreed_until.consent, agreed_until.at) k where k.kind = 'consent');
    end if;
    if lifted <> '{}' then
        ends := least(ends, (select min(x.ends) from (
            select max(coalesce(least(k.expires_at, k.withdrawn_at, case k.kind when 'relationship' then k.given_at + r.relationship_within end), 'infinity')) as ends
            from dialer.law w cross join lateral dialer.law_rules(w.law_id, agreed_until.jurisdictions) r
            cross join lateral dialer.consents_held(w.tenant_id, agreed_until.address, w.exempt_consent, agreed_until.at) k
            where w.law_id = agreed_until.law_id and r.code = any (agreed_until.lifted) and dialer.is_lifted_by(r, k, agreed_until.at)
            group by r.pack, r.code) x));
    end if;
    return ends;
end $$;
comment on function dialer.agreed_until(integer, text, text, integer, text[], text[], timestamptz) is
'Until when a number agrees, as far as it is known at an instant: to what its campaign asks for (consent; null: nothing), and to each rule that is lifted for it. Infinity: no end is known.';

create function dialer.lifted_by(law_id integer, rule dialer.calling_rule, address text, at timestamptz) returns text
language sql stable as $$
    select string_agg(format('%s to "%s" since %s (%s)', k.kind, k.purpose, k.given_at, k.source), ', ' order by k.consent_id)
    from dialer.law w cross join lateral dialer.consents_held(w.tenant_id, lifted_by.address, w.exempt_consent, at) k
    where w.law_id = lifted_by.law_id and dialer.is_lifted_by(rule, k, at)
$$;
comment on function dialer.lifted_by(integer, dialer.calling_rule, text, timestamptz) is 'The consents and relationships that lift a rule for a number, in words.';
