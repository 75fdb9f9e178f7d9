-- Silence: attempts of which nothing is heard are looked up at the provider, and end as unknown when the grace time is over.
-- Who uses it: the dispatcher (silent_attempts; streaming_accounts and look_again where a provider reports to whoever listens), tick (the sweeps).
-- Invariants kept: 3 (silence never causes a call: an intended attempt is never given back by time).

create function dialer.silent_attempts(dispatcher text, want integer)
returns table (attempt_id uuid, token bigint, account_id integer, provider text, channel text, base_url text, secret_name text, settings jsonb, address text,
               provider_call_id text, intended_at timestamptz, look_by timestamptz)
language sql volatile security definer set search_path = pg_catalog, dialer, pg_temp as $$
    with silent as (
        select l.call_id from dialer.account_control k join dialer.lease l on l.account_id = k.account_id and l.token >= k.lease_floor
        where l.state <> 'claimed' and l.look_at <= dialer.now()
        order by l.look_at limit least(want, 1000) for update of l skip locked),
    noted as (
        update dialer.lease l set look_at = dialer.now() + dialer.real_interval(make_interval(secs => a.answer_seconds))
        from silent s, dialer.provider_account a where l.call_id = s.call_id and a.account_id = l.account_id
        returning l.*)
    select n.attempt_id, n.token, n.account_id, a.provider, a.channel::text, a.base_url, a.secret_name, a.settings, e.address, n.provider_call_id, n.intended_at, n.until
    from noted n join dialer.provider_account a using (account_id) join dialer.endpoint e using (endpoint_id)
$$;
comment on function dialer.silent_attempts(text, integer) is
'Attempts about which the provider has said nothing for too long; the caller looks them up. Not returned again to anybody for the account''s answer_seconds. See docs/dispatcher-api.md.';

create function dialer.streaming_accounts(providers text[])
returns table (account_id integer, tenant text, name text, provider text, channel text, base_url text, secret_name text, webhook_secret_name text, settings jsonb)
language sql stable security definer set search_path = pg_catalog, dialer, pg_temp as $$
    select a.account_id, t.name, a.name, a.provider, a.channel::text, a.base_url, a.secret_name, a.webhook_secret_name, a.settings
    from dialer.provider_account a join dialer.tenant t using (tenant_id)
    where a.provider = any (providers) and (a.state = 'open' or exists (select from dialer.lease l where l.account_id = a.account_id))
    order by a.account_id
$$;
comment on function dialer.streaming_accounts(text[]) is
'Accounts at these providers that are to be listened to: the open ones, and those that still have calls. See docs/dispatcher-api.md.';

create function dialer.look_again(account_id integer) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, dialer, pg_temp as $$
declare found integer;
begin
    with chosen as (
        select l.call_id from dialer.account_control k join dialer.lease l on l.account_id = k.account_id and l.token >= k.lease_floor
        where k.account_id = look_again.account_id and l.state <> 'claimed' and l.look_at > dialer.now() order by l.call_id for update of l),
    moved as (update dialer.lease l set look_at = dialer.now() from chosen c where l.call_id = c.call_id returning l.call_id)
    select count(*) into found from moved;
    return found;
end $$;
comment on function dialer.look_again(integer) is
'Events of this account may have been missed: its open attempts are looked up as soon as somebody asks for silent ones. Returns how many. See docs/dispatcher-api.md.';

create function dialer.unknown_end(attempt_id uuid) returns dialer.attempt_end
language sql immutable as $$
    select row(attempt_id, 'unknown', 'no evidence within the grace time', null, null, null, null, '{"source": "grace"}', null, null)::dialer.attempt_end
$$;
comment on function dialer.unknown_end(uuid) is 'The end of an attempt of which nothing was heard until its grace time was over.';

create function dialer.end_leases(at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
declare
    unsent uuid[];
    silent uuid[];
begin
    unsent := array(select l.attempt_id from dialer.account_control k join dialer.lease l on l.account_id = k.account_id and l.token >= k.lease_floor
        where l.state = 'claimed' and l.until <= at order by l.call_id limit limit_ for update of l skip locked);
    perform dialer.take_back(unsent, array(select 'lease_over' from unnest(unsent)), at);
    -- While no dispatcher lives nobody could look anything up, and nobody needs the slot: evidence comes first when one is back.
    if exists (select from dialer.pulse p where dialer.is_outage(p.seen_at, at)) then
        return cardinality(unsent);
    end if;
    silent := array(select l.attempt_id from dialer.account_control k join dialer.lease l on l.account_id = k.account_id and l.token >= k.lease_floor
        where l.state <> 'claimed' and l.until <= at order by l.call_id limit limit_ for update of l skip locked);
    perform dialer.end_attempts(array(select dialer.unknown_end(s) from unnest(silent) s), at);
    return cardinality(unsent) + cardinality(silent);
end $$;
comment on function dialer.end_leases(timestamptz, integer) is
'Ends leases whose time is over, a bounded number: without an intention the call waits again, with one the attempt ends as unknown, which counts, unless nobody has claimed for half a minute: then it waits for whoever can look it up.';

create function dialer.stuck_since(lease dialer.lease, account dialer.provider_account, at timestamptz, out since timestamptz, out why text)
language plpgsql stable as $$
begin
    -- By the lease and what the account says of its calls, never after a fixed number of minutes.
    if (lease).until <= at then
        since := (lease).until;
        why := case when (lease).state = 'claimed' then 'its lease is over and no tick has given it back' else 'its grace time is over and no tick has ended it' end;
    elsif (lease).look_at + dialer.real_interval(make_interval(secs => 2 * (account).answer_seconds)) <= at then
        since := (lease).look_at;
        why := 'the provider is silent and no dispatcher has looked it up';
    end if;
end $$;
comment on function dialer.stuck_since(dialer.lease, dialer.provider_account, timestamptz) is 'Since when an open attempt is stuck, and why; null: it is not.';

create function dialer.attempt_to_hang_up(call_id bigint)
returns table (attempt_id uuid, account_id integer, provider text, channel text, base_url text, secret_name text, settings jsonb, provider_call_id text)
language plpgsql stable security definer set search_path = pg_catalog, dialer, pg_temp as $$
#variable_conflict use_column
declare
    target dialer.call;
    live dialer.lease;
begin
    select c.* into target from dialer.call c where c.call_id = attempt_to_hang_up.call_id and c.tenant_id = dialer.current_tenant();
    if target.call_id is null then
        perform dialer.fail('PD028', format('call %s does not exist', coalesce(attempt_to_hang_up.call_id::text, 'null')), null, 'Calls of this tenant are in dialer.call.');
    end if;
    select l.* into live from dialer.lease l where l.call_id = target.call_id and l.state in ('placed', 'ringing', 'answered') and l.provider_call_id is not null;
    if live.call_id is null then
        perform dialer.fail('PD029', format('call %s has nothing to hang up: it is %s', target.call_id, target.state),
            'Only an attempt that its provider has taken, and of which no end was told, can be hung up.', 'Cancel a call that waits; one that has ended needs nothing.');
    end if;
    return query
        select live.attempt_id, a.account_id, a.provider, a.channel::text, a.base_url, a.secret_name, a.settings, live.provider_call_id
        from dialer.provider_account a where a.account_id = live.account_id;
end $$;
comment on function dialer.attempt_to_hang_up(bigint) is
'The live attempt of a call of this tenant, with what its provider has to be asked with; for the REST API alone, because it names secrets. Changes nothing: the end is told by the provider. Errors: PD028 no such call, PD029 nothing is at a provider.';
