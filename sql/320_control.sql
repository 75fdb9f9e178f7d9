-- Control of campaigns: each changes one row, whatever waits.
-- Who uses it: people and programs. Invariants kept: 14.

create function dialer.set_campaign_state(name text, target dialer.campaign_state, allowed dialer.campaign_state[], reason text) returns text
language plpgsql volatile as $$
declare
    id bigint := dialer.campaign_named(name);
    before dialer.campaign_state;
begin
    select c.state into before from dialer.campaign c where c.campaign_id = id for update;
    if before = target then
        return before;
    end if;
    if before <> all (allowed) then
        perform dialer.fail('PD001', format('campaign "%s" may not go from "%s" to "%s"', name, before, target),
            format('To "%s" it goes from: %s.', target, array_to_string(allowed, ', ')),
            case when before in ('stopped', 'archived') then 'A stopped campaign is over; make a new one.' else 'See dialer.campaign.state.' end);
    end if;
    update dialer.campaign c set state = target, state_reason = reason where c.campaign_id = id;
    if target = 'running' then
        perform dialer.ensure_partitions(dialer.now());
        notify dialer_wake;
    end if;
    return before;
end $$;
comment on function dialer.set_campaign_state(text, dialer.campaign_state, dialer.campaign_state[], text) is
'Moves a campaign to another state and returns the one before; already there: nothing happens. Errors: PD025 no such campaign, PD001 not allowed from its state.';

create function dialer.start_campaign(name text) returns text language sql volatile as $$
    select dialer.set_campaign_state(name, 'running', '{draft,paused}', null)
$$;
comment on function dialer.start_campaign(text) is 'Begins (or goes on) calling. Returns the state before. Errors PD025, PD001.';
create function dialer.pause_campaign(name text, reason text default 'paused by a person') returns text language sql volatile as $$
    select dialer.set_campaign_state(name, 'paused', '{running}', reason)
$$;
comment on function dialer.pause_campaign(text, text) is 'Places no more calls from the next claim and intention on; calls in flight finish; nothing is lost. Errors PD025, PD001.';
create function dialer.resume_campaign(name text) returns text language sql volatile as $$
    select dialer.set_campaign_state(name, 'running', '{paused}', null)
$$;
comment on function dialer.resume_campaign(text) is 'Goes on after a pause. Errors PD025, PD001.';
create function dialer.stop_campaign(name text, reason text default 'stopped by a person') returns text language sql volatile as $$
    select dialer.set_campaign_state(name, 'stopped', '{draft,running,paused}', reason)
$$;
comment on function dialer.stop_campaign(text, text) is 'Ends a campaign for good: nothing more is placed from now on, and its waiting calls are cancelled by the ticks in bounded steps. Errors PD025, PD001.';
create function dialer.archive_campaign(name text) returns text language sql volatile as $$
    select dialer.set_campaign_state(name, 'archived', '{draft,stopped}', null)
$$;
comment on function dialer.archive_campaign(text) is 'Puts a stopped campaign out of sight; its calls and attempts stay. Errors PD025, PD001.';

create function dialer.set_limits(account text, max_concurrent integer default null, per_second numeric default null, inbound_reserve integer default null) returns void
language sql volatile as $$
    update dialer.provider_account a
    set max_concurrent = coalesce(set_limits.max_concurrent, a.max_concurrent), per_second = coalesce(set_limits.per_second, a.per_second),
        inbound_reserve = coalesce(set_limits.inbound_reserve, a.inbound_reserve)
    where a.account_id = dialer.account_named(account)
$$;
comment on function dialer.set_limits(text, integer, numeric, integer) is
'Changes the limits of an account from the next claim on; null leaves one as it is. max_concurrent 0 stops new calls; inbound_reserve: calls at once that are kept free for people who call in. remove_rate takes per_second away. Errors PD021, PD035.';

create function dialer.remove_rate(account text) returns void
language sql volatile as $$
    update dialer.provider_account a set per_second = null where a.account_id = dialer.account_named(account)
$$;
comment on function dialer.remove_rate(text) is 'Takes the calls a second of an account away, from the next claim on; its calls at once stay. Error PD021.';
