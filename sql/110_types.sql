-- Words of the dialer: the states of a call, an attempt and a campaign, and the outcomes.
-- Who uses them: every table below.
-- Invariants kept: 11 (states are a closed list; the moves between them are in dialer.machine_edges).

create type dialer.channel as enum ('voice', 'email', 'sms');
comment on type dialer.channel is 'the way a contact is reached';

create type dialer.call_state as enum (
    'scheduled',    -- by schedule_call, or back from claimed (released) and in_flight (redial)
    'claimed',      -- by claim
    'in_flight',    -- by intend
    'completed',    -- by settle, outcome final, or by set_disposition
    'failed',       -- by settle, attempts exhausted or number unusable
    'cancelled',    -- by cancel_call, stop_campaign, do-not-call
    'expired'       -- by claim or tick, when expires_at or the campaign's valid_until has come
);
comment on type dialer.call_state is 'life of a call: scheduled, claimed, in_flight, and one of four ends: completed, failed, cancelled, expired';

create type dialer.attempt_state as enum (
    'claimed',      -- by claim: nothing has been sent
    'intended',     -- by intend: committed, may be sent
    'placed',       -- by mark_placed or an event: the provider has accepted
    'ringing',      -- by an event
    'answered'      -- by an event
);
comment on type dialer.attempt_state is 'life of an open attempt (a lease); an ended attempt is a row of dialer.attempt';

create type dialer.outcome as enum (
    'completed', 'no_answer', 'busy', 'voicemail', 'rejected', 'invalid_number', 'blocked', 'cancelled',
    'over_limit', 'account_error', 'config_error', 'provider_fault', 'maybe_reached', 'unknown', 'not_sent',
    'sale', 'dnc', 'transferred', 'callback', 'not_interested'
);
comment on type dialer.outcome is 'how an attempt ended; a provider''s or a business''s own word is mapped onto one of these';

create type dialer.campaign_state as enum ('draft', 'running', 'paused', 'stopped', 'archived');
comment on type dialer.campaign_state is 'draft -> running <-> paused; stopped is terminal and cancels what waits; archived hides';

create type dialer.account_state as enum ('open', 'paused', 'stopped');
comment on type dialer.account_state is 'open accounts are claimed for; paused by a person, stopped by an error that only a person can mend';

create function dialer.outcome_counts(outcome dialer.outcome) returns boolean
language sql immutable parallel safe as $$
    select outcome not in ('over_limit', 'account_error', 'config_error', 'provider_fault', 'not_sent', 'cancelled')
$$;
comment on function dialer.outcome_counts(dialer.outcome) is
'Whether an attempt with this outcome counts against caps and moves the redial ladder: technical failures that never reached the contact do not.';

create function dialer.outcome_end_state(outcome dialer.outcome) returns dialer.call_state
language sql immutable parallel safe as $$
    -- Each literal is cast by itself: a cast of the whole case goes through text, which is not immutable, and is not inlined.
    select case when outcome is null then null::dialer.call_state
                when outcome in ('invalid_number', 'blocked', 'config_error', 'account_error', 'provider_fault', 'not_sent', 'over_limit')
                then 'failed'::dialer.call_state else 'completed'::dialer.call_state end
$$;
comment on function dialer.outcome_end_state(dialer.outcome) is
'The state in which a call ends when this outcome is final for it: failed where the contact cannot be reached, else completed.';

create function dialer.fail(sqlstate_ text, message text, detail text default null, hint text default null) returns void
language plpgsql as $$
begin
    if detail is null and hint is null then
        raise exception using errcode = sqlstate_, message = message;
    elsif detail is null then
        raise exception using errcode = sqlstate_, message = message, hint = hint;
    elsif hint is null then
        raise exception using errcode = sqlstate_, message = message, detail = detail;
    end if;
    raise exception using errcode = sqlstate_, message = message, detail = detail, hint = hint;
end $$;
comment on function dialer.fail(text, text, text, text) is 'Raises an error with one of our SQLSTATEs (PD...), a message, a detail and a hint.';
