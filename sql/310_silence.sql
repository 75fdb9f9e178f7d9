-- Silence: attempts of which nothing is heard are looked up at the provider, and end as unknown when the grace time is over.
-- Who uses it: the dispatcher (silent_attempts), tick (the sweeps).
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

create function dialer.end_leases(at timestamptz, limit_ integer) returns integer
language plpgsql volatile as $$
declare
    unsent uuid[];
    silent uuid[];
begin
    unsent := array(select l.attempt_id from dialer.account_control k join dialer.lease l on l.account_id = k.account_id and l.token >= k.lease_floor
        where l.state = 'claimed' and l.until <= at order by l.call_id limit limit_ for update of l skip locked);
    perform dialer.take_back(unsent, array(select 'lease_over' from unnest(unsent)), at);
    silent := array(select l.attempt_id from dialer.account_control k join dialer.lease l on l.account_id = k.account_id and l.token >= k.lease_floor
        where l.state <> 'claimed' and l.until <= at order by l.call_id limit limit_ for update of l skip locked);
    perform dialer.end_attempts(array(select row(s, 'unknown', 'no evidence within the grace time', null, null, null, null, '{"source": "grace"}')::dialer.attempt_end
        from unnest(silent) s), at);
    return cardinality(unsent) + cardinality(silent);
end $$;
comment on function dialer.end_leases(timestamptz, integer) is
'Ends leases whose time is over, a bounded number: without an intention the call waits again, with one the attempt ends as unknown, which counts.';
