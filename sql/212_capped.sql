-- Caps of the law and of the tenant: each counts its own attempts, per number, person or subject, over campaigns and channels.
-- Who uses it: the claim, the instant of placing, explain. A lane without such caps costs nothing.
-- Invariants kept: 4, 8.

create function dialer.outcome_is(counts text, outcome dialer.outcome) returns boolean
language sql immutable parallel safe as $$
    select case counts
        when 'attempts' then true
        when 'answered' then outcome in ('completed', 'voicemail', 'sale', 'dnc', 'transferred', 'callback', 'not_interested')
        when 'conversations' then outcome in ('completed', 'sale', 'dnc', 'transferred', 'callback', 'not_interested')
        when 'voicemails' then outcome = 'voicemail'
        when 'refusals' then outcome in ('not_interested', 'dnc')
        when 'hang_ups' then outcome = 'rejected'
        else true end
$$;
comment on function dialer.outcome_is(text, dialer.outcome) is 'Whether an outcome is what a cap counts: attempts (any), answered, conversations, voicemails, refusals, hang_ups.';

create function dialer.capping_horizon(cap dialer.cap, at timestamptz) returns timestamptz
language plpgsql immutable as $$
begin
    return case when (cap).kind = 'lifetime' then '-infinity' when (cap).kind = 'cooldown_dates' then at - make_interval(days => (cap).amount + 2)
                else at - make_interval(secs => case (cap).kind when 'local_dates' then ((cap).amount + 1) * 86400.0 when 'calendar_week' then 8 * 86400 else coalesce((cap).amount, 0) end + 86400) end;
end $$;
comment on function dialer.capping_horizon(dialer.cap, timestamptz) is 'How far back attempts matter for a cap.';

create function dialer.counted_times(capping dialer.capping, contact_id bigint, endpoint_id bigint, campaign_id bigint, subject text, at timestamptz, but uuid) returns timestamptz[]
language plpgsql stable as $$
declare since timestamptz := dialer.capping_horizon(capping.cap, at);
begin
    return array(
        select a.dialled_at from dialer.attempt a
        where a.contact_id = counted_times.contact_id and a.channel = any (capping.channels) and a.counts and a.dialled_at > since and a.ended_at > since
          and (dialer.outcome_is(capping.counts, a.outcome)
               -- Nobody says who ended an answered call: a short one may have been hung up on.
               or capping.counts = 'hang_ups' and a.outcome in ('completed', 'not_interested', 'dnc') and coalesce(a.duration_seconds < capping.hang_up_seconds, capping.hang_up_seconds > 0))
          -- Where no message was left, the mailbox heard nothing.
          and not (capping.counts = 'voicemails' and coalesce(a.decision ->> 'no_message' = 'true', false))
          and case capping.cap_key when 'number' then a.endpoint_id = counted_times.endpoint_id when 'campaign' then a.campaign_id = counted_times.campaign_id
                   -- An attempt of which the subject is not known may have been about this one.
                   when 'subject' then coalesce(a.decision ->> 'subject' = counted_times.subject, true) else true end
        union all
        select coalesce(l.placed_at, l.intended_at, l.place_at) from dialer.lease l
        where l.contact_id = counted_times.contact_id and l.channel = any (capping.channels) and l.attempt_id is distinct from but
          and capping.counts in ('attempts', 'answered', 'conversations', 'voicemails')
          and case capping.cap_key when 'number' then l.endpoint_id = counted_times.endpoint_id when 'campaign' then l.campaign_id = counted_times.campaign_id
                   when 'subject' then coalesce(l.decision ->> 'subject' = counted_times.subject, true) else true end
        order by 1);
end $$;
comment on function dialer.counted_times(dialer.capping, bigint, bigint, bigint, text, timestamptz, uuid) is
'Instants of the attempts that a cap counts, ended and open ones (but one), in order. An open attempt may yet become anything, so it counts.';

create type dialer.capped as (callable_at timestamptz, code text, no_message boolean, seen jsonb);
comment on type dialer.capped is 'what the caps of a lane say of a call: from when on it is allowed (infinity: never again), by which cap, whether it may leave a message, and what each counted';

create function dialer.capped(cappings dialer.capping[], zones text[], contact_id bigint, endpoint_id bigint, campaign_id bigint, channel dialer.channel, subject text, at timestamptz,
    but uuid default null) returns dialer.capped
language plpgsql stable as $$
declare
    found dialer.capped := row(at, null, false, '{}');
    one dialer.capping;
    limit_ dialer.cap;
    times timestamptz[];
    allowed timestamptz;
begin
    foreach one in array cappings loop
        continue when channel <> all (one.channels);
        times := dialer.counted_times(one, contact_id, endpoint_id, campaign_id, subject, at, but);
        limit_ := one.cap;
        if limit_.kind = 'cooldown_dates' then
            limit_.since := times[cardinality(times)];
        end if;
        -- Local dates of somebody who may be in several zones: allowed where it is in all of them.
        select max(coalesce(dialer.next_callable(at, '{}', times, array[limit_], z), 'infinity')) into allowed from unnest(zones) z;
        found.seen := found.seen || jsonb_build_object(one.code, cardinality(times));
        if allowed > at and one.instead = 'no_message' then
            found.no_message := true;
        elsif allowed > found.callable_at then
            found.callable_at := allowed;
            found.code := one.code;
        end if;
    end loop;
    return found;
end $$;
comment on function dialer.capped(dialer.capping[], text[], bigint, bigint, bigint, dialer.channel, text, timestamptz, uuid) is
'What caps of the law and the tenant say of a call at an instant; but: an open attempt that is the call''s own.';

create function dialer.capping_text(capping dialer.capping) returns text
language sql immutable as $$
    select case (capping).cap.kind
        when 'gap' then format('at least %s between two', make_interval(secs => (capping).cap.amount))
        when 'rolling' then format('%s in any %s', (capping).cap.max_count, make_interval(secs => (capping).cap.amount))
        when 'local_dates' then format('%s in %s local dates', (capping).cap.max_count, (capping).cap.amount)
        when 'calendar_week' then format('%s a calendar week', (capping).cap.max_count)
        when 'cooldown_dates' then format('none for %s local dates after the last', (capping).cap.amount)
        else format('%s ever', (capping).cap.max_count) end
        || format(': %s per %s in %s', (capping).counts || case when (capping).counts = 'hang_ups' then coalesce(' (rejected, or talked for less than ' || (capping).hang_up_seconds || ' s)', '') else '' end, (capping).cap_key, array_to_string((capping).channels, ', '))
        || case (capping).instead when 'no_message' then ', else no message is left' else '' end
$$;
comment on function dialer.capping_text(dialer.capping) is 'A cap of the law or the tenant in words.';
