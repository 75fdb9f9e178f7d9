-- Ending or moving calls that wait: the one place where a scheduled call changes without an attempt.
-- Who uses it: do-not-call, cancel, stop, expiry, reschedule, callbacks, set_disposition.
-- Invariants kept: 13; the lock order due, then call (claim locks the due row first and skips locked ones).

create function dialer.lock_waiting(call_ids bigint[]) returns void
language plpgsql volatile as $$
declare
    held dialer.due[];
    wait dialer.due[];
begin
    -- LIMIT: ten rounds; after them whatever moves still is waited for as it comes, and Postgres would find a deadlock.
    for round in 1..10 loop
        begin
            held := array(
                select x.d from (
                    select d, d.call_id from dialer.call c join dialer.due d on d.lane_id = c.lane_id and d.due_at = c.due_at and d.call_id = c.call_id
                    where c.call_id = any (call_ids) order by d.call_id for update of d) x order by x.call_id);
            -- A call that moved while we waited for it has a new due row, which is not ours and comes too late for the order.
            -- Whole lists are compared: of tables that nobody has analysed, the planner would compare each row with each.
            wait := array(
                select d from dialer.call c join dialer.due d on d.lane_id = c.lane_id and d.due_at = c.due_at and d.call_id = c.call_id
                where c.call_id = any (call_ids) order by d.call_id);
            if wait = held then
                return;
            end if;
            raise sqlstate 'PDMOV';
        exception when sqlstate 'PDMOV' then
            -- Gives the locks of this round back.
            null;
        end;
    end loop;
end $$;
comment on function dialer.lock_waiting(bigint[]) is
'Locks the due rows of the given calls, in one order for everybody: two who move the same calls wait for each other instead of deadlocking.';

create function dialer.lock_free(call_ids bigint[]) returns bigint[]
language plpgsql volatile as $$
begin
    return array(
        select d.call_id from dialer.call c join dialer.due d on d.lane_id = c.lane_id and d.due_at = c.due_at and d.call_id = c.call_id
        where c.call_id = any (call_ids) order by d.call_id for update of d skip locked);
end $$;
comment on function dialer.lock_free(bigint[]) is
'Locks the due rows of those of the given calls that wait and that nobody is moving now, and returns which. For whoever holds campaigns or calendars: who moves a call may wait for these.';

create function dialer.end_waiting(call_ids bigint[], to_state dialer.call_state, reason text, at timestamptz, outcome dialer.outcome default null)
returns integer language plpgsql volatile as $$
declare ended integer;
begin
    perform dialer.lock_waiting(call_ids);
    with taken as (
        delete from dialer.due d using dialer.call c
        where c.call_id = any (call_ids) and d.lane_id = c.lane_id and d.due_at = c.due_at and d.call_id = c.call_id
        returning d.call_id)
    update dialer.call c
    set state = to_state, end_reason = reason, wait_reason = null, ended_at = at, outcome = coalesce(end_waiting.outcome, c.outcome)
    from taken where c.call_id = taken.call_id;
    get diagnostics ended = row_count;
    return ended;
end $$;
comment on function dialer.end_waiting(bigint[], dialer.call_state, text, timestamptz, dialer.outcome) is
'Ends those of the given calls that wait (are scheduled), with a reason; returns how many. Calls that are being placed are left alone.';

create type dialer.move as (call_id bigint, lane_id bigint, due_at timestamptz, wait_reason text, granted_at timestamptz);
comment on type dialer.move is 'where a waiting call goes: another lane (null: it stays in its own), due time, why it waits from then on, and the due time that its wish gave (null: as it was)';

create function dialer.move_locked(moves dialer.move[]) returns integer
language plpgsql volatile as $$
declare moved integer;
begin
    with taken as (
        delete from dialer.due d using dialer.call c, unnest(moves) m
        where c.call_id = m.call_id and d.lane_id = c.lane_id and d.due_at = c.due_at and d.call_id = c.call_id
        returning d.call_id, coalesce(m.lane_id, d.lane_id) as lane_id, m.due_at, m.wait_reason, m.granted_at),
    changed as (
        update dialer.call c set lane_id = t.lane_id, due_at = t.due_at, wait_reason = t.wait_reason, granted_at = coalesce(t.granted_at, c.granted_at)
        from taken t where c.call_id = t.call_id)
    insert into dialer.due (lane_id, due_at, call_id) select t.lane_id, t.due_at, t.call_id from taken t;
    get diagnostics moved = row_count;
    return moved;
end $$;
comment on function dialer.move_locked(dialer.move[]) is 'Moves those of the calls that wait; the caller has locked their due rows (lock_waiting). Returns how many.';

create function dialer.move_waiting(call_ids bigint[], due_ats timestamptz[], reason text) returns integer
language plpgsql volatile as $$
begin
    perform dialer.lock_waiting(call_ids);
    return dialer.move_locked(array(select row(u.call_id, null, u.due_at, reason, null)::dialer.move from unnest(call_ids, due_ats) u(call_id, due_at)));
end $$;
comment on function dialer.move_waiting(bigint[], timestamptz[], text) is 'Gives waiting calls new due times; returns how many were waiting and have moved.';

create function dialer.do_not_call_added() returns trigger
language plpgsql security definer set search_path = pg_catalog, dialer, pg_temp as $$
declare
    now_ timestamptz := dialer.now();
    numbers bigint[];
    people bigint[];
    waiting bigint[];
begin
    -- Every channel is named, because the index begins with tenant and channel.
    numbers := array(select e.endpoint_id from added a join dialer.endpoint e on e.tenant_id = a.tenant_id
        and e.channel = any (enum_range(null::dialer.channel)) and e.address = a.address where a.expires_at is null or a.expires_at > now_);
    people := array(select p.contact_id from added a join dialer.contact p on p.contact_id = a.contact_id and p.tenant_id = a.tenant_id
        where a.expires_at is null or a.expires_at > now_);
    -- Whoever is ending an attempt comes first, and then its call waits and is found below; or comes after us, and sees the entry.
    perform from dialer.lease l where l.endpoint_id = any (numbers) or l.contact_id = any (people) order by l.call_id for update;
    -- LIMIT: a call that a claim moves while we wait for it is found in the next round; the claim itself asks again.
    for round in 1..5 loop
        waiting := array(
            select c.call_id from dialer.endpoint e join dialer.call c on c.contact_id = e.contact_id and c.endpoint_id = e.endpoint_id
            where e.endpoint_id = any (numbers) and c.state = 'scheduled'
            union
            select c.call_id from dialer.call c where c.contact_id = any (people) and c.state = 'scheduled');
        exit when cardinality(waiting) = 0;
        perform dialer.end_waiting(waiting, 'cancelled', 'do_not_call', now_);
    end loop;
    return null;
end $$;
comment on function dialer.do_not_call_added() is 'Trigger: a new do-not-call entry cancels the waiting calls of the number or person in the same transaction.';
create trigger _500_cancel_waiting after insert on dialer.do_not_call referencing new table as added
    for each statement execute function dialer.do_not_call_added();

create function dialer.read_address(address text, region text) returns text
language plpgsql stable as $$
begin
    if coalesce(btrim(address), '') = '' or (position('@' in address) > 0 and btrim(address) !~ '^[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>]+$') then
        perform dialer.fail('PD014', format('"%s" is neither a phone number nor an e-mail address', address), null,
            'Give a number with its country code, such as +12125550123, or an address such as ada@example.com.');
    end if;
    return case when position('@' in address) > 0 then lower(btrim(address)) else dialer.normalize_phone(address, region) end;
end $$;
comment on function dialer.read_address(text, text) is 'A phone number (any usual spelling; region for national ones) in E.164, or an e-mail address in lower case. Error PD014: neither.';

create function dialer.check_expiry(expires_at timestamptz) returns void
language plpgsql stable as $$
begin
    if expires_at <= dialer.now() then
        perform dialer.fail('PD064', format('a do-not-call entry until %s would forbid nothing', expires_at), format('It is now %s.', dialer.now()), 'Give an instant to come, or none for an entry that stays.');
    end if;
end $$;
comment on function dialer.check_expiry(timestamptz) is 'Refuses a do-not-call entry that would be over before it begins. Error PD064.';

create function dialer.add_do_not_call(address text, source text default 'stated', expires_at timestamptz default null, region text default 'US')
returns bigint language plpgsql volatile as $$
declare added bigint;
begin
    perform dialer.check_expiry(expires_at);
    insert into dialer.do_not_call (address, source, expires_at, added_at)
    values (dialer.read_address(address, region),
            add_do_not_call.source, add_do_not_call.expires_at, dialer.now())
    returning do_not_call_id into added;
    return added;
end $$;
comment on function dialer.add_do_not_call(text, text, timestamptz, text) is
'Puts a phone number (any usual spelling; region for national ones) or e-mail address on the do-not-call list of the tenant and cancels its waiting calls. Errors: PD014 neither, PD064 it would be over already.';

create function dialer.add_person_do_not_call(external_key text default null, source text default 'stated', expires_at timestamptz default null, contact_id bigint default null)
returns bigint language plpgsql volatile as $$
#variable_conflict use_variable
declare
    whom bigint := contact_id;
    added bigint;
begin
    perform dialer.check_expiry(expires_at);
    if contact_id is null then
        whom := (dialer.person_named(null, external_key, 'US')).contact_id;
    elsif external_key is not null then
        perform dialer.fail('PD018', 'a person is named by an external key or by the number of the contact, not both', null, 'Give one of the two.');
    elsif not exists (select from dialer.contact p where p.tenant_id = dialer.current_tenant() and p.contact_id = whom) then
        perform dialer.fail('PD018', format('contact %s does not exist', contact_id), null, 'Contacts of this tenant are in dialer.contact.');
    end if;
    insert into dialer.do_not_call (contact_id, source, expires_at, added_at) values (whom, source, expires_at, dialer.now())
    returning do_not_call_id into added;
    return added;
end $$;
comment on function dialer.add_person_do_not_call(text, text, timestamptz, bigint) is
'Puts a person, named by your own key or by the number of the contact, on the do-not-call list of the tenant: all their numbers and addresses, those that come later included, until expires_at (null: for good); cancels their waiting calls. An area is closed by declare_ban. Errors: PD018 nobody, or named twice, PD064 it would be over already.';
