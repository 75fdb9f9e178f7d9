-- Scheduling for people and programs: one call, a batch on two channels, moving, cancelling, callbacks.
-- Who uses it: applications, in their own transactions.

create function dialer.admit_one(address text, name text, tz text, state text, external_key text, region text, source text, at timestamptz) returns dialer.intake_result
language plpgsql volatile as $$
declare
    by_mail boolean := position('@' in address) > 0;
    admitted record;
begin
    admitted := dialer.admit(array[row(1, external_key, name, case when by_mail then null else address end, case when by_mail then address end,
        tz, state, null, '{}')::dialer.intake_row], region, source, at, null);
    if cardinality(admitted.results) = 0 then
        perform dialer.fail('PD014', coalesce((admitted.problems[1]).reason, 'no usable number'), format('The value is "%s".', coalesce(address, '')),
            'Give a number with its country code, such as +12125550123, or an e-mail address.');
    end if;
    return admitted.results[1];
end $$;
comment on function dialer.admit_one(text, text, text, text, text, text, text, timestamptz) is 'Adds or updates the contact of one number or e-mail address. Error PD014: neither.';

create function dialer.schedule_call(
    campaign text, address text, due_at timestamptz default null, name text default null, tz text default null, state text default null,
    external_key text default null, priority integer default null, expires_at timestamptz default null, payload jsonb default '{}',
    idempotency_key text default null, region text default 'US', at timestamptz default dialer.now(),
    hours dialer.hours default null, hours_tz text default null,
    out call_id bigint, out planned_at timestamptz, out result text)
language plpgsql volatile as $$
#variable_conflict use_variable
declare
    campaign_id bigint := dialer.campaign_named(campaign);
    own dialer.own_hours := dialer.own_hours(hours, hours_tz);
    who dialer.intake_result;
begin
    if due_at is not null and due_at < at - interval '1 minute' then
        perform dialer.fail('PD027', format('due time %s is in the past', due_at), format('It is now %s.', at), 'Leave due_at out to call as soon as it is allowed.');
    end if;
    if expires_at is not null and expires_at <= coalesce(due_at, at) then
        perform dialer.fail('PD027', format('the call would expire at %s, before it is due at %s', expires_at, coalesce(due_at, at)), null,
            'Give a later expires_at, or none.');
    end if;
    who := dialer.admit_one(address, name, tz, state, external_key, region, 'schedule_call', at);
    select p.call_id, p.due_at, p.result into call_id, planned_at, result
    from dialer.plan(campaign_id, array[row(1, who.contact_id, coalesce(who.email_endpoint_id, who.voice_endpoint_id),
        coalesce(due_at, at), expires_at, payload, idempotency_key, priority::smallint, null)::dialer.plan_row], at, own) p;
end $$;
comment on function dialer.schedule_call(text, text, timestamptz, text, text, text, text, integer, timestamptz, jsonb, text, text, timestamptz, dialer.hours, text) is
'Plans one call or e-mail in a campaign. due_at null: as soon as allowed; a due time outside the calling window moves to the next opening, and planned_at is that time. hours: business hours of this call''s own, on top of the campaign''s, read in hours_tz (null: where the campaign''s are read); null or 24/7: none of its own. result: scheduled, waiting, exists (same idempotency_key), do_not_call, number_unusable. Errors: PD025 campaign, PD014 number, PD027 past or expired time, PD017 bans not loaded that far, PD011 zone, PD040 too many kinds of own hours.';

create function dialer.batch_rows(cases jsonb) returns dialer.intake_row[]
language sql immutable as $$
    select array(select row(c.position, c.value ->> 'external_key', c.value ->> 'name', c.value ->> 'phone', c.value ->> 'email', c.value ->> 'tz',
        c.value ->> 'state', c.value ->> 'status', coalesce(nullif(c.value -> 'attributes', 'null'), '{}'))::dialer.intake_row
        from jsonb_array_elements(cases) with ordinality c(value, position) order by c.position)
$$;
comment on function dialer.batch_rows(jsonb) is 'Rows of intake from a JSON array of objects with the keys external_key, name, phone, email, tz, state, status, attributes.';

create function dialer.batch_plan(results dialer.intake_result[], channel text, base timestamptz, step interval, batch_key text, cases jsonb)
returns dialer.plan_row[] language sql stable as $$
    select array(select row(r.line, r.contact_id, case channel when 'email' then r.email_endpoint_id else r.voice_endpoint_id end, base, null,
        coalesce(nullif(cases -> (r.line - 1)::integer -> 'payload', 'null'), '{}'),
        case when batch_key is not null then format('%s/%s/%s', batch_key, channel,
            coalesce(cases -> (r.line - 1)::integer ->> 'external_key', r.line::text)) end, null,
        step * (r.line - 1))::dialer.plan_row
        from unnest(results) r where r.verdict = 'accepted' order by r.line)
$$;
comment on function dialer.batch_plan(dialer.intake_result[], text, timestamptz, interval, text, jsonb) is
'Calls of a batch in one channel: case n is due (n - 1) steps of open time after the base, whatever the chunking.';

create function dialer.batch_steps(preset text, out call_step interval, out email_step interval)
language plpgsql immutable as $$
begin
    select p.calls, p.emails into call_step, email_step
    from (values ('discharge_batch', interval '2 minutes', interval '20 seconds'), ('resend_safe', interval '2 minutes', interval '3 seconds'),
                 ('immediate', interval '60 seconds', interval '60 seconds')) p(name, calls, emails)
    where p.name = preset;
    if call_step is null then
        perform dialer.fail('PD015', format('batch preset "%s" is not known', coalesce(preset, 'null')), 'Known are: discharge_batch, resend_safe, immediate.',
            'Use one of them, or state call_step and email_step.');
    end if;
end $$;
comment on function dialer.batch_steps(text) is
'Steps between two calls and two mails of a batch by name: discharge_batch (2 minutes, 20 seconds), resend_safe (2 minutes, 3 seconds), immediate (a minute each). The rates of accounts hold besides. Error PD015: no such preset.';

create function dialer.schedule_batch(
    cases jsonb, call_campaign text default null, email_campaign text default null, call_at timestamptz default null, email_at timestamptz default null,
    call_step interval default null, email_step interval default null, batch_key text default null, region text default 'US',
    at timestamptz default dialer.now(), preset text default 'resend_safe')
returns table ("position" bigint, channel text, call_id bigint, due_at timestamptz, result text)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    admitted record;
    steps record := dialer.batch_steps(preset);
begin
    call_step := coalesce(call_step, steps.call_step);
    email_step := coalesce(email_step, steps.email_step);
    if cases is null or jsonb_typeof(cases) <> 'array' then
        perform dialer.fail('PD015', format('a batch is a JSON array, not %s', coalesce(jsonb_typeof(cases), 'null')),
            'Each case is an object with the keys external_key, name, phone, email, tz, state, status, attributes, payload.',
            'Build it with jsonb_agg(jsonb_build_object(...)).');
    end if;
    if call_campaign is null and email_campaign is null then
        perform dialer.fail('PD025', 'a batch needs a campaign', 'Neither call_campaign nor email_campaign was given.', 'Name one or both.');
    end if;
    if call_step < interval '0' or email_step < interval '0' then
        perform dialer.fail('PD012', 'a step may not be negative', null, 'Give a step of zero or more.');
    end if;
    admitted := dialer.admit(dialer.batch_rows(cases), region, 'schedule_batch', at, null);
    return query
        select p.line, coalesce(p.col, 'row'), null::bigint, null::timestamptz, p.reason from unnest(admitted.problems) p where p.severity = 'error'
        union all
        select r.line, 'row', null, null, r.verdict from unnest(admitted.results) r where r.verdict <> 'accepted';
    if call_campaign is not null then
        return query select p.position, 'voice', p.call_id, p.due_at, p.result from dialer.plan(dialer.campaign_named(call_campaign),
            dialer.batch_plan(admitted.results, 'voice', coalesce(call_at, at), call_step, batch_key, cases), at) p;
    end if;
    if email_campaign is not null then
        return query select p.position, 'email', p.call_id, p.due_at, p.result from dialer.plan(dialer.campaign_named(email_campaign),
            dialer.batch_plan(admitted.results, 'email', coalesce(email_at, at), email_step, batch_key, cases), at) p;
    end if;
end $$;
comment on function dialer.schedule_batch(jsonb, text, text, timestamptz, timestamptz, interval, interval, text, text, timestamptz, text) is
'Plans one call and/or one e-mail per case (JSON array; keys as in batch_rows, and payload). Case n is due (n - 1) steps after the base of its channel, walking open hours; steps that are not stated are those of the preset (see batch_steps). With a batch_key a repetition plans nothing twice. One row per case and channel; bad cases come back with their reason. Works inside the caller''s transaction.';

create function dialer.preview_batch(
    cases jsonb, call_campaign text default null, email_campaign text default null, call_at timestamptz default null, email_at timestamptz default null,
    call_step interval default null, email_step interval default null, batch_key text default null, region text default 'US',
    at timestamptz default dialer.now(), preset text default 'resend_safe')
returns table ("position" bigint, channel text, due_at timestamptz, result text)
language plpgsql volatile as $$
#variable_conflict use_column
declare rows jsonb;
begin
    -- The same code, undone: what a preview shows is what a run would do.
    begin
        select coalesce(jsonb_agg(b), '[]') into rows
        from dialer.schedule_batch(cases, call_campaign, email_campaign, call_at, email_at, call_step, email_step, batch_key, region, at, preset) b;
        raise exception using errcode = 'PD099', message = rows::text;
    exception when sqlstate 'PD099' then rows := sqlerrm::jsonb;
    end;
    return query select r.position, r.channel, r.due_at, r.result
        from jsonb_to_recordset(rows) r(position bigint, channel text, due_at timestamptz, result text);
end $$;
comment on function dialer.preview_batch(jsonb, text, text, timestamptz, timestamptz, interval, interval, text, text, timestamptz, text) is
'What schedule_batch would do with the same arguments: times, and who is left out and why. Runs the same code and undoes it; nothing is stored.';

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
begin
    if due_at is null then
        perform dialer.fail('PD027', format('call %s is to be moved to no time', call_id), null, 'Give a time; dialer.cancel_call ends a call.');
    end if;
    if due_at < at then
        perform dialer.fail('PD027', format('due time %s is in the past', due_at), format('It is now %s.', at), 'Give a time in the future.');
    end if;
    select dialer.next_open_all(due_at, l.openings) into moved from dialer.lane l where l.lane_id = target.lane_id and l.openings <> '{}';
    if moved is null then
        perform dialer.fail('PD027', format('call %s can never be placed after %s', call_id, due_at), 'Its calling window has no opening from there on.',
            'See dialer.explain for the reason.');
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

create function dialer.reschedule_call(call_id bigint, due_at timestamptz, at timestamptz default dialer.now()) returns timestamptz
language sql volatile as $$
    select dialer.move_call(call_id, due_at, 'rescheduled', at)
$$;
comment on function dialer.reschedule_call(bigint, timestamptz, timestamptz) is
'Moves a waiting call to another time, or the next opening after it, and returns that. Errors: PD027 past or never open, PD017 bans not loaded that far, PD028, PD029.';

create function dialer.request_callback(call_id bigint, callback_at timestamptz, at timestamptz default dialer.now()) returns timestamptz
language plpgsql volatile as $$
declare moved timestamptz := dialer.move_call(call_id, callback_at, 'callback', at);
begin
    -- After the move, which locks the due row: whoever locks the call first deadlocks with a claim.
    update dialer.call c set not_before = callback_at where c.call_id = request_callback.call_id;
    return moved;
end $$;
comment on function dialer.request_callback(bigint, timestamptz, timestamptz) is
'The contact asked to be called at this time: the call waits until then (or the next opening after it), and returns that. Hours, do-not-call and caps still hold. Errors as reschedule_call.';

create function dialer.restagger(call_ids bigint[], base timestamptz, step interval, at timestamptz default dialer.now()) returns table (call_id bigint, due_at timestamptz)
language plpgsql volatile as $$
#variable_conflict use_column
declare
    ids bigint[];
    times timestamptz[];
begin
    if restagger.step is null or restagger.step < interval '0' then
        perform dialer.fail('PD012', 'a step may not be negative', null, 'Give a step of zero or more.');
    end if;
    select array_agg(w.call_id order by w.position), array_agg(w.new_at order by w.position) into ids, times from (
        select u.call_id, u.position,
            dialer.next_open_all(dialer.add_open_all(greatest(base, at), restagger.step * (u.position - 1), l.openings), l.openings) as new_at
        from unnest(call_ids) with ordinality u(call_id, position)
        join dialer.call c on c.call_id = u.call_id and c.tenant_id = dialer.current_tenant() and c.state = 'scheduled'
        join dialer.lane l on l.lane_id = c.lane_id and l.openings <> '{}') w
    where w.new_at is not null;
    perform dialer.check_bans(c.lane_id, u.due_at) from unnest(ids, times) u(call_id, due_at) join dialer.call c using (call_id);
    perform dialer.move_waiting(ids, times, 'restaggered');
    return query select c.call_id, c.due_at from dialer.call c where c.call_id = any (ids) order by c.due_at, c.call_id;
end $$;
comment on function dialer.restagger(bigint[], timestamptz, interval, timestamptz) is
'Spreads waiting calls from a base time, one step of open time apart, in the order given; returns the new times. Errors: PD012 negative step, PD017 bans not loaded that far.';
