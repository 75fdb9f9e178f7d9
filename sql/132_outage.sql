-- Outages: spans in which no dispatcher claimed anything, because dispatchers or the database were down or a backup was restored.
-- Who uses it: the claim notes that it lives and finds the span since it last did; a campaign's misfire rule asks whether a call was
-- due in one.

create table dialer.outage (
    outage_id integer generated always as identity primary key,
    from_at timestamptz not null,
    to_at timestamptz not null,
    constraint outage_ends_after_it_began check (to_at > from_at)
);
create index outage_by_end on dialer.outage (to_at);
comment on index dialer.outage_by_end is 'claim asks for the outages that a due time lies in';
comment on table dialer.outage is 'spans of dialer time in which nobody claimed; a claim writes them when it comes back after half a minute';

create table dialer.pulse (
    only_row boolean primary key default true constraint pulse_is_one_row check (only_row),
    seen_at timestamptz not null
) with (fillfactor = 10);
comment on table dialer.pulse is 'when any dispatcher last claimed, to a few seconds; one row';

create function dialer.is_outage(seen_at timestamptz, at timestamptz) returns boolean
language plpgsql stable as $$
begin
    return seen_at < at - dialer.real_interval(interval '30 seconds');
end $$;
comment on function dialer.is_outage(timestamptz, timestamptz) is 'Whether nobody has claimed for so long (half a minute, real time) that it is an outage.';

create function dialer.note_alive(at timestamptz) returns void
language plpgsql volatile as $$
declare before timestamptz;
begin
    select p.seen_at into before from dialer.pulse p;
    -- A write every few seconds is enough; between two, nothing is locked.
    if before <= at and before > at - dialer.real_interval(interval '5 seconds') then
        return;
    end if;
    if before is null then
        -- Two first claims at once: the second does not wait for the first.
        if pg_try_advisory_xact_lock(hashtext('dialer.pulse')) then
            insert into dialer.pulse (seen_at) values (at) on conflict do nothing;
        end if;
        return;
    end if;
    select p.seen_at into before from dialer.pulse p for update skip locked;
    if found and dialer.is_outage(before, at) then
        insert into dialer.outage (from_at, to_at) values (before, at);
        -- Nobody could ask meanwhile: evidence is awaited from now. Whoever is being settled has evidence.
        update dialer.lease l set until = greatest(l.until, at + dialer.real_interval(make_interval(secs => a.grace_seconds)))
        from (select x.call_id from dialer.lease x where x.state <> 'claimed' order by x.call_id for update skip locked) open_, dialer.provider_account a
        where l.call_id = open_.call_id and a.account_id = l.account_id;
    end if;
    update dialer.pulse set seen_at = at where found;
end $$;
comment on function dialer.note_alive(timestamptz) is 'Notes that somebody claims; after half a minute (real time) in which nobody did, writes the outage, and gives open attempts their grace time anew.';
