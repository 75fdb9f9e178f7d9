-- Stagger: spreading many calls over time.
--
-- For anybody; schedule_batch and restagger use the same mathematics. A slot depends on its global
-- index alone, so chunks give the same times as one pass. With hours, offsets are walked as open
-- time: the slot after closing is at the next opening.

create function dialer.series_rows(internal)
returns internal
immutable strict parallel safe
language c as 'MODULE_PATHNAME', 'series_rows';

comment on function dialer.series_rows(internal) is
    'Tells the planner how many rows a series gives, where n is known when the statement is planned.';

create function dialer.stagger(base timestamptz, index bigint, step interval)
returns timestamptz
immutable strict parallel safe cost 2
language c as 'MODULE_PATHNAME', 'stagger_wrapper';

comment on function dialer.stagger(timestamptz, bigint, interval) is
    'base + index x step, exact to the microsecond; index 0 is base itself. A day of step is 24 hours. Null for an infinite base. Errors: PD012 for months, PD015 for an instant out of range.
e.g. select dialer.stagger(''2026-12-04 15:00+00'', 30, ''2 minutes'') --> 2026-12-04 16:00:00+00';

create function dialer.safe_step(avg_duration interval, max_concurrent integer)
returns interval
immutable strict parallel safe cost 2
language c as 'MODULE_PATHNAME', 'safe_step_wrapper';

comment on function dialer.safe_step(interval, integer) is
    'The smallest step between calls of that average duration that keeps a steady flow at or below max_concurrent calls at once. Errors: PD012 for months, PD015 for a limit below 1.
e.g. select dialer.safe_step(''150 seconds'', 100) --> 00:00:01.5';

create function dialer.stagger_slots(
    base timestamptz, n bigint, step interval, strategy text,
    hours dialer.hours, tz text[], closures date[], bans date[],
    option_names text[], factor double precision, max_step interval, until timestamptz,
    seed bigint, jitter interval, offsets interval[]
)
returns table (index bigint, at timestamptz)
stable parallel safe cost 100 rows 1000 support dialer.series_rows
language c as 'MODULE_PATHNAME', 'stagger_slots_wrapper';

comment on function dialer.stagger_slots(timestamptz, bigint, interval, text, dialer.hours, text[], date[], date[], text[], double precision, interval, timestamptz, bigint, interval, interval[]) is
    'What dialer.stagger_series does, with its options as arguments; use dialer.stagger_series.
e.g. select array_agg(at) from dialer.stagger_slots(''2026-12-04 15:00+00'', 3, ''2 minutes'', ''fixed'', null, null, null, null, null, null, null, null, null, null, null) --> {"2026-12-04 15:00:00+00","2026-12-04 15:02:00+00","2026-12-04 15:04:00+00"}';

create function dialer.stagger_series(
    base timestamptz, n bigint, step interval, strategy text default 'fixed',
    hours dialer.hours default null, tz text default null,
    closures date[] default '{}', options jsonb default '{}', bans date[] default '{}'
)
returns table (index bigint, at timestamptz)
stable parallel safe rows 1000 support dialer.series_rows
language sql as $$
    select slot.index, slot.at
    from dialer.stagger_slots(
        base, n, step, strategy, hours, array[tz], closures, bans,
        array(select pg_catalog.jsonb_object_keys(options)),
        (options ->> 'factor')::double precision,
        (options ->> 'max_step')::interval,
        (options ->> 'until')::timestamptz,
        (options ->> 'seed')::bigint,
        (options ->> 'jitter')::interval,
        array(select pg_catalog.jsonb_array_elements_text(options -> 'offsets')::interval)
    ) slot
$$;

comment on function dialer.stagger_series(timestamptz, bigint, interval, text, dialer.hours, text, date[], jsonb, date[]) is
    'n slots from base on, numbered from 0. strategy: fixed (index x step), exponential (gaps grow by options.factor, default 2, up to options.max_step), even (spread over the time up to options.until; without it up to closing), jitter (each slot later by a repeatable hash of options.seed below options.jitter, default step), custom (options.offsets, one interval a slot). With hours and tz the offsets are open time and every slot is open; at is null where nothing opens any more. A null hours does not restrict. Errors: PD011 zone, PD012 interval with months, PD015 option.
e.g. select array_agg(at) from dialer.stagger_series(''2026-12-04 21:58+00'', 3, ''2 minutes'', ''fixed'', ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> {"2026-12-04 21:58:00+00","2026-12-07 14:00:00+00","2026-12-07 14:02:00+00"}';

create function dialer.stagger_series(
    base timestamptz, n bigint, step interval, strategy text,
    hours dialer.hours, tz text[],
    closures date[] default '{}', options jsonb default '{}', bans date[] default '{}'
)
returns table (index bigint, at timestamptz)
stable parallel safe rows 1000 support dialer.series_rows
language sql as $$
    select slot.index, slot.at
    from dialer.stagger_slots(
        base, n, step, strategy, hours, tz, closures, bans,
        array(select pg_catalog.jsonb_object_keys(options)),
        (options ->> 'factor')::double precision,
        (options ->> 'max_step')::interval,
        (options ->> 'until')::timestamptz,
        (options ->> 'seed')::bigint,
        (options ->> 'jitter')::interval,
        array(select pg_catalog.jsonb_array_elements_text(options -> 'offsets')::interval)
    ) slot
$$;

comment on function dialer.stagger_series(timestamptz, bigint, interval, text, dialer.hours, text[], date[], jsonb, date[]) is
    'The same in several zones: every slot is open in all of them.
e.g. select array_agg(at) from dialer.stagger_series(''2026-12-04 21:58+00'', 3, ''2 minutes'', ''fixed'', ''Mo-Fr 09:00-17:00'', array[''America/New_York'', ''America/Chicago'']) --> {"2026-12-04 21:58:00+00","2026-12-07 15:00:00+00","2026-12-07 15:02:00+00"}';

create function dialer.assign_slots(
    ready timestamptz[], next_at timestamptz, step interval,
    campaigns bigint[], campaign_next timestamptz[], campaign_step interval[],
    callers bigint[], caller_next timestamptz[], caller_step interval[]
)
returns timestamptz[]
immutable parallel safe cost 50
language c as 'MODULE_PATHNAME', 'assign_slots_wrapper';

comment on function dialer.assign_slots(timestamptz[], timestamptz, interval, bigint[], timestamptz[], interval[], bigint[], timestamptz[], interval[]) is
    'Exact instants for calls that share rates. Call n is ready at ready[n]; all keep the rate that begins at next_at, one every step (null: none), those of one campaign and those of one caller id keep theirs as well. Whoever can go first goes first; between equals the order given decides. Error PD015: arrays of different lengths.
e.g. select dialer.assign_slots(''{2026-12-04 10:00+00,2026-12-04 10:00+00}'', ''2026-12-04 10:00+00'', ''1 s'', ''{1,1}'', ''{-infinity,-infinity}'', ''{3 s,3 s}'', ''{null,null}'', ''{null,null}'', ''{null,null}'') --> {"2026-12-04 10:00:00+00","2026-12-04 10:00:03+00"}';

create function dialer.choose_callers(called text[], pools text[], numbers text[], number_pools text[], rooms integer[], used integer[])
returns integer[]
immutable strict parallel safe cost 50
language c as 'MODULE_PATHNAME', 'choose_callers_wrapper';

comment on function dialer.choose_callers(text[], text[], text[], text[], integer[], integer[]) is
    'For each number that is called the place (from 1) of the number to call it from, null where none has room. pools: which pool each call wants (null: any). Of those with room, the nearest is taken: same area code, then a shared time zone, then the same country; of equals the one least in use, then the first. rooms: how many more calls each may have; used: how many it has. Error PD015: arrays of different lengths.
e.g. select dialer.choose_callers(''{+13105550123,+12125550123}'', ''{null,null}'', ''{+12125550100,+13105550100}'', ''{a,a}'', ''{5,5}'', ''{0,0}'') --> {2,1}';
