-- Scheduling for people and programs: one call, moving, cancelling.
-- Who uses it: applications, in their own transactions.

create function dialer.admit_one(address text, name text, tz text, state text, external_key text, region text, source text, at timestamptz) returns dialer.intake_result
language plpgsql volatile as $$
declare
    by_mail boolean := position('@' in address) > 0;
    admitted record;
    problem dialer.intake_problem;
begin
    admitted := dialer.admit(array[row(1, external_key, name, case when by_mail then null else address end, case when by_mail then address end,
        tz, state, null, '{}')::dialer.intake_row], region, source, at, null);
    if cardinality(admitted.results) = 0 then
        perform dialer.fail('PD014', coalesce((admitted.problems[1]).reason, 'no usable number'), format('The value is "%s".', coalesce(address, '')),
            'Give a number with its country code, such as +12125550123, or an e-mail address.');
    end if;
    foreach problem in array admitted.problems loop
        -- Not what names a person: notices may be logged.
        if problem.col in ('tz', 'state', 'zip') then
            raise notice '% "%": %', problem.col, problem.value, problem.reason;
        end if;
    end loop;
    return admitted.results[1];
end $$;
comment on function dialer.admit_one(text, text, text, text, text, text, text, timestamptz) is 'Adds or updates the contact of one number or e-mail address; what was not understood of zone and state is a notice. Error PD014: neither.';

create function dialer.check_due(due_at timestamptz, at timestamptz) returns void
language plpgsql stable as $$
begin
    -- LIMIT: whoever means more has mistyped the year, and four digits are all that many programs read.
    if due_at > at + interval '100 years' then
        perform dialer.fail('PD027', format('due time %s is more than 100 years ahead', due_at), format('It is now %s.', at), 'Correct the year.');
    end if;
end $$;
comment on function dialer.check_due(timestamptz, timestamptz) is 'Refuses a due time that is out of all reason. Error PD027.';

create function dialer.schedule_call(
    campaign text, address text, due_at timestamptz default null, name text default null, tz text default null, state text default null,
    external_key text default null, priority integer default null, expires_at timestamptz default null, payload jsonb default '{}',
    idempotency_key text default null, region text default 'US', at timestamptz default dialer.now(),
    hours dialer.hours default null, hours_tz text default null,
    out call_id bigint, out planned_at timestamptz, out result text)
language plpgsql volatile as $$
#variable_conflict use_variable
declare
    campaign_id bigint := dialer.campaign_for(campaign, coalesce(position('@' in address) > 0, false));
    own dialer.own_hours := dialer.own_hours(hours, hours_tz);
    who dialer.intake_result;
begin
    if due_at = 'infinity' then
        perform dialer.fail('PD027', 'a call that is due at infinity is never placed', null, 'Give a time, or leave due_at out to call as soon as it is allowed.');
    end if;
    if due_at is not null and due_at < at - interval '1 minute' then
        perform dialer.fail('PD027', format('due time %s is in the past', due_at), format('It is now %s.', at), 'Leave due_at out to call as soon as it is allowed.');
    end if;
    perform dialer.check_due(due_at, at);
    if expires_at is not null and expires_at <= coalesce(due_at, at) then
        perform dialer.fail('PD027', format('the call would expire at %s, before it is due at %s', expires_at, coalesce(due_at, at)), null,
            'Give a later expires_at, or none.');
    end if;
    who := dialer.admit_one(address, name, tz, state, external_key, region, 'schedule_call', at);
    select p.call_id, p.due_at, p.result into call_id, planned_at, result
    from dialer.plan(campaign_id, array[row(1, who.contact_id, coalesce(who.email_endpoint_id, who.voice_endpoint_id),
        coalesce(due_at, at), expires_at, payload, idempotency_key, dialer.priority_of(priority), null)::dialer.plan_row], at, own) p;
    if result = 'scheduled' and planned_at >= expires_at then
        perform dialer.fail('PD027', format('the call would expire at %s, before it may first be placed at %s', expires_at, planned_at), null, 'Give a later expires_at, or none.');
    end if;
end $$;
comment on function dialer.schedule_call(text, text, timestamptz, text, text, text, text, integer, timestamptz, jsonb, text, text, timestamptz, dialer.hours, text) is
'Plans one call or e-mail in a campaign. due_at null: as soon as allowed; a due time outside the calling window moves to the next opening, and planned_at is that time. hours: business hours of this call''s own, on top of the campaign''s, read in hours_tz (null: where the campaign''s are read); null or 24/7: none of its own. result: scheduled, waiting, exists (same idempotency_key), do_not_call, number_unusable. Errors: PD025 campaign, PD014 number, PD027 past or expired time, PD017 bans not loaded that far, PD011 zone, PD040 too many kinds of own hours, PD056 priority, PD066 a number for a campaign that sends e-mails, or an address for one that calls.';

create function dialer.waiting_call(call_id bigint) returns dialer.call
language plpgsql volatile as $$
declare found dialer.call;
begin
    select c.* into found from dialer.call c where c.call_id = waiting_call.call_id and c.tenant_id = dialer.current_tenant();
    if found.call_id is null then
        perform dialer.fail('PD028', format('call %s does not exist', coalesce(waiting_call.call_id::text, 'null')), null, 'Calls of this tenant are in dialer.call.');
    elsif found.state <> 'scheduled' then
        perform dialer.fail('PD029', format('call %s does not wait: it is %s', found.call_id, found.state),
            'Only a call in state scheduled can be moved or cancelled.', 'A call in flight ends by itself; an ended call can be planned anew.');
    end if;
    return found;
end $$;
comment on function dialer.waiting_call(bigint) is 'The call, if it waits. Errors: PD028 no such call, PD029 it does not wait.';

create function dialer.cancel_call(call_id bigint, reason text default 'cancelled by a person', at timestamptz default dialer.now()) returns void
language plpgsql volatile as $$
begin
    perform dialer.waiting_call(call_id);
    if dialer.end_waiting(array[cancel_call.call_id], 'cancelled', reason, at) = 0 then
        perform dialer.fail('PD029', format('call %s is being placed', call_id), 'A dispatcher claimed it in this moment.', 'Look at its state and try again.');
    end if;
end $$;
comment on function dialer.cancel_call(bigint, text, timestamptz) is 'Cancels a waiting call. Errors: PD028 no such call, PD029 it does not wait.';

create function dialer.move_call(call_id bigint, due_at timestamptz, reason text, at timestamptz) returns timestamptz
language plpgsql volatile as $$
declare
    target dialer.call := dialer.waiting_call(call_id);
    moved timestamptz;
    over_at timestamptz;
begin
    if target.wait_reason = 'review' then
        perform dialer.fail('PD029', format('call %s waits for review', call_id), 'Nobody has said what the last word in it means; it may have been a refusal.',
            'Say it with dialer.set_disposition or dialer.map_disposition; then the call goes on, or can be moved.');
    end if;
    if due_at is null then
        perform dialer.fail('PD027', format('call %s is to be moved to no time', call_id), null, 'Give a time; dialer.cancel_call ends a call.');
    end if;
    if due_at < at then
        perform dialer.fail('PD027', format('due time %s is in the past', due_at), format('It is now %s.', at), 'Give a time in the future.');
    end if;
    perform dialer.check_due(due_at, at);
    select dialer.next_open_all(due_at, l.openings) into moved from dialer.lane l where l.lane_id = target.lane_id and l.openings <> '{}';
    if moved is null then
        perform dialer.fail('PD027', format('call %s can never be placed after %s', call_id, due_at), 'Its calling window has no opening from there on.',
            'See dialer.explain for the reason.');
    end if;
    select least(target.expires_at, g.valid_until) into over_at from dialer.campaign g where g.campaign_id = target.campaign_id;
    if moved >= over_at then
        perform dialer.fail('PD027', format('call %s would be over at %s, before it is due at %s', call_id, over_at, moved), 'That is its own expires_at, or the valid_until of its campaign.', 'Give an earlier time.');
    end if;
    perform dialer.check_bans(target.lane_id, moved);
    if dialer.move_waiting(array[move_call.call_id], array[moved], reason) = 0 then
        perform dialer.fail('PD029', format('call %s is being placed', call_id), 'A dispatcher claimed it in this moment.', 'Look at its state and try again.');
    end if;
    update dialer.call c set wished_at = move_call.due_at, wished_open = null, granted_at = moved
    where c.call_id = target.call_id and moved <> move_call.due_at;
    return moved;
end $$;
comment on function dialer.move_call(bigint, timestamptz, text, timestamptz) is
'Moves a waiting call, for a reason, to the first opening at or after a time, and returns that. Errors as reschedule_call.';
