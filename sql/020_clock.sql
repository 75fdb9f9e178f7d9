-- The clock of everything that decides.
--
-- Real by default. `dialer.clock` makes it stand still (tests), `dialer.clock_rate` with
-- `dialer.clock_origin` makes it run fast (demos, rehearsals); only a superuser may set them, and
-- running sessions follow `alter system` and a reload. No function of pg_dialer reads another clock.

create function dialer.now()
returns timestamptz
volatile parallel safe
language c as 'MODULE_PATHNAME', 'now_wrapper';

comment on function dialer.now() is
    'The time by which pg_dialer decides: the setting dialer.clock if set, else a clock that runs at dialer.clock_rate from dialer.clock_origin (shown at dialer.clock_origin_at), else clock_timestamp().
e.g. select dialer.now()';

create function dialer.clock()
returns table (now_at timestamptz, rate double precision, fixed boolean)
volatile parallel safe rows 1
language c as 'MODULE_PATHNAME', 'clock_wrapper';

comment on function dialer.clock() is
    'dialer.now() together with how it runs: dialer time per real time, and whether it stands still.
e.g. select now_at, rate, fixed from dialer.clock()';

create function dialer.real_interval(amount interval)
returns interval
stable strict parallel safe
language c as 'MODULE_PATHNAME', 'real_interval_wrapper';

comment on function dialer.real_interval(interval) is
    'A length of real time (a lease, a time-out) in dialer time: multiplied by dialer.clock_rate.
e.g. select dialer.real_interval(''1 minute'') --> 00:01:00';
