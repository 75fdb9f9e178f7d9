-- The next free slot: when one more call may be due, so far from those that are planned.
-- Who uses it: programs that plan call by call, in the same transaction in which they plan; whoever has many plans a batch (263).
-- Invariants kept: none is touched; a slot is a wish, and every gate is tested when it comes.

create function dialer.planned_at(campaign_id bigint, after timestamptz, before timestamptz) returns table (at timestamptz)
language sql stable as $$
    select d.due_at from dialer.lane l join dialer.due d using (lane_id) where l.campaign_id = planned_at.campaign_id and d.due_at > after and d.due_at < before and d.due_at < 'infinity'
    union all
    select l.place_at from dialer.lease l where l.campaign_id = planned_at.campaign_id and l.place_at > after and l.place_at < before
$$;
comment on function dialer.planned_at(bigint, timestamptz, timestamptz) is 'Instants between two others (neither included) for which a campaign has calls planned, or is placing them.';

create function dialer.next_slot(campaign text, step interval, from_at timestamptz default null, tz text default null, state text default null, at timestamptz default dialer.now()) returns timestamptz
language plpgsql volatile as $$
declare
    target bigint := dialer.campaign_named(campaign);
    openings dialer.opening[] := dialer.openings_of(campaign, tz, state);
    slot timestamptz := greatest(from_at, at);
    taken timestamptz;
begin
    if not coalesce(step > interval '0' and step <= interval '1 year', false) then
        perform dialer.fail('PD012', format('a step of %s keeps no distance', coalesce(step::text, 'null')), 'It is more than nothing and at most a year.', 'E.g. ''2 minutes''.');
    end if;
    -- Two who ask at once would both be told the same slot: the second waits until the first has planned.
    perform pg_advisory_xact_lock(hashtextextended('dialer.next_slot', target));
    -- LIMIT: windows that are full from opening to closing; beyond them there is no answer.
    for round in 1..1000 loop
        slot := dialer.next_open_all(slot, openings);
        select min(t.at) into taken from dialer.planned_at(target, slot - step, slot + step) t;
        exit when slot is null or taken is null;
        -- The end of the row of calls that leaves no room between two of them.
        select t.at + step into slot from (
            select p.at, lead(p.at) over (order by p.at) as following from dialer.planned_at(target, taken - interval '1 microsecond', 'infinity') p) t
        where t.following is null or t.following - t.at >= step * 2
        order by t.at limit 1;
    end loop;
    return case when taken is null then slot end;
end $$;
comment on function dialer.next_slot(text, interval, timestamptz, text, text, timestamptz) is
'The first instant from from_at (null: now) on at which a campaign may call somebody in a zone (tz) or state and that lies at least step from every call that it has planned or open; null: it never opens. Whoever else asks for the campaign waits until this transaction ends, so plan in it: select dialer.schedule_call(''reminders'', ''+12125550123'', due_at => dialer.next_slot(''reminders'', ''2 minutes'', tz => ''America/New_York''), tz => ''America/New_York''). Errors: PD025 campaign, PD011 zone, PD012 step.';
