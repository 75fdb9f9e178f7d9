-- Wishes: after an update of the zone data, waiting calls go to the opening that their wish means by the new rules.
-- Who uses it: whoever updates the server's zone data, in a new session; see dialer.tz_data_is_stale().
-- Invariants kept: 4 (only hints are moved: the claim tests the window by the session's rules anyway); the lock order lane, due, call.

create function dialer.wishes_now(only_calls bigint[], at timestamptz) returns table (call_id bigint, due_at timestamptz)
language sql stable as $$
    select c.call_id, coalesce(n.due_at, 'infinity')
    from dialer.call c join dialer.lane l using (lane_id)
    cross join lateral (select dialer.next_open_all(
        case when c.wished_open is null then c.wished_at else dialer.add_open_all(c.wished_at, c.wished_open, l.openings) end, l.openings) as due_at) n
    where (only_calls is null or c.call_id = any (only_calls)) and c.state = 'scheduled' and c.granted_at = c.due_at and c.due_at > at and l.openings <> '{}'
      and coalesce(n.due_at, 'infinity') <> c.due_at
    -- LIMIT: one transaction moves this many; another call moves the next.
    limit 100000
$$;
comment on function dialer.wishes_now(bigint[], timestamptz) is
'Waiting calls (of the given ones; null: of all) whose wish means another opening now than the one they wait for, and that opening (infinity: none).';

create function dialer.recompute_due(at timestamptz default dialer.now()) returns integer
language plpgsql volatile as $$
declare astray bigint[];
begin
    -- In one order for everybody: an edit of hours locks calendars, and then the same lanes.
    perform from dialer.calendar k order by k.calendar_id for no key update;
    perform from dialer.lane l where l.recheck_at > '-infinity' order by l.lane_id for no key update;
    update dialer.lane l set recheck_at = '-infinity' where l.recheck_at > '-infinity';
    -- Who moves a call may wait for the calendars: theirs are left for the next time. Asked again below, under their locks.
    astray := dialer.lock_free(array(select w.call_id from dialer.wishes_now(null, at) w));
    return dialer.move_locked(array(
        select row(c.call_id, null, w.due_at, case when w.due_at = 'infinity' then 'never_open' when c.due_at = 'infinity' then null else c.wait_reason end, w.due_at)::dialer.move
        from dialer.wishes_now(astray, at) w join dialer.call c using (call_id)));
end $$;
comment on function dialer.recompute_due(timestamptz) is
'To be run in a new session after the server''s zone data was updated: every lane looks its openings up again, and waiting calls whose due time had been moved to an opening are moved to the opening that the same wish means now. Returns how many moved, of all tenants; at most 100000 at once, so repeat it until it returns 0. Kept: the wall clock of openings, for calls as planned (staggered ones too), rescheduled or called back. Not kept: an instant that was asked for and was open stays that instant; redials and calls put off by a cap stay when they are, and the claim tests their window by the new rules.';
