-- Replay: stored webhooks are understood and applied once more, e.g. with a newer dialerd that knows more words, or after an
-- account was repaired. Who uses it: `dialerd replay`.
-- Invariants kept: 12 (what has ended stays ended; a replay may add what was not understood before).

create function dialer.account_settings(account text)
returns table (account_id integer, provider text, channel text, base_url text, secret_name text, settings jsonb)
language sql stable as $$
    select a.account_id, a.provider, a.channel::text, a.base_url, a.secret_name, a.settings
    from dialer.provider_account a where a.account_id = dialer.account_named(account)
$$;
comment on function dialer.account_settings(text) is 'An account of this tenant as dialerd needs it to talk to its provider; the secret is named, not held. Error PD021.';

create function dialer.stored_events(account text, received_on date, after_at timestamptz, after_key text, want integer)
returns table (event_key text, received_at timestamptz, attempt_id uuid, source text, result text, raw jsonb)
language sql stable as $$
    select e.event_key, e.received_at, e.attempt_id, e.source, e.result, e.raw
    from dialer.provider_event e
    where e.account_id = dialer.account_named(account) and e.received_on = stored_events.received_on
      and (e.received_at, e.event_key) > (after_at, after_key)
    order by e.received_at, e.event_key limit least(want, 1000)
$$;
comment on function dialer.stored_events(text, date, timestamptz, text, integer) is
'Events of an account that were received on a day (UTC), in the order of their receipt, after an instant and key; at most 1000. result: what became of them then. Error PD021.';

create function dialer.replay_events(account text, events jsonb) returns table ("position" bigint, result text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    now_ timestamptz := dialer.now();
    account_ integer := dialer.account_named(account);
    tenant integer := dialer.current_tenant();
    incoming dialer.incoming[] := dialer.match_events(account_, dialer.read_events(events), now_);
begin
    -- Stored ones are as fresh as new ones; of doubles within the batch the first counts.
    incoming := array(
        select row(i.position, i.event_key, i.kind, i.attempt_id, i.provider_call_id, i.at, i.outcome, i.word, i.disposition, i.duration_seconds, i.callback_at, i.source,
            i.raw, i.problem, i.call_id, i.open, i.problem is null and i.position = min(i.position) over (partition by i.event_key), i.step, i.campaign_id, i.answer, i.success)::dialer.incoming
        from unnest(incoming) i order by i.position);
    insert into dialer.provider_event (account_id, event_key, received_on, tenant_id, received_at, attempt_id, call_id, kind, source, result, raw)
    select account_, i.event_key, (now_ at time zone 'UTC')::date, tenant, now_, i.attempt_id, i.call_id, i.kind, i.source,
           case when i.open then 'applied' when i.call_id is not null then 'late' else 'unmatched' end, i.raw
    from unnest(incoming) i
    where i.fresh and not exists (select from dialer.provider_event e where e.account_id = account_ and e.event_key = i.event_key)
    on conflict do nothing;
    perform dialer.apply_events(account_, tenant, incoming, now_);
    return query select i.position, case when i.problem is not null then 'invalid: ' || i.problem when not i.fresh then 'doubled'
        when i.open then 'applied' when i.call_id is not null then 'late' else 'unmatched' end
        from unnest(incoming) i order by i.position;
end $$;
comment on function dialer.replay_events(text, jsonb) is
'Applies a JSON array of normalised events of an account although they were stored before; new ones are stored as well. One row each: applied, late (its attempt has ended: a label or a final outcome may still count), unmatched, doubled, invalid: ... Error PD021.';
