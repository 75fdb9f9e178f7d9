-- Opening hours: open or not, the next opening and closing, open time added and measured.
--
-- For anybody; campaigns, claims and forecasts use the same functions. Open is a predicate on the
-- wall clock at the instant, read with the zone rules of this server, so every answer agrees with
-- `at time zone`. Nothing here reads the clock. Invariant 6: what is unknown is closed.

create function dialer.is_open(
    at timestamptz, hours dialer.hours, tz text,
    closures date[] default '{}', bans date[] default '{}'
)
returns boolean
stable strict parallel safe cost 5
language c as 'MODULE_PATHNAME', 'is_open_in_zone_wrapper';

create function dialer.is_open(
    at timestamptz, hours dialer.hours, tz text[],
    closures date[] default '{}', bans date[] default '{}'
)
returns boolean
stable strict parallel safe cost 5
language c as 'MODULE_PATHNAME', 'is_open_in_zones_wrapper';

create function dialer.is_open_all(at timestamptz, openings dialer.opening[])
returns boolean
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'is_open_all_wrapper';

comment on function dialer.is_open(timestamptz, dialer.hours, text, date[], date[]) is
    'Whether an instant lies inside the opening hours in the zone; windows are half-open. Null for an infinite instant. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.is_open(''2026-12-04 22:30+00'', ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> f';
comment on function dialer.is_open(timestamptz, dialer.hours, text[], date[], date[]) is
    'Whether an instant lies inside the opening hours in every one of the zones at once; windows are half-open. Null for an infinite instant. No zone at all is never open. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.is_open(''2026-12-04 22:30+00'', ''Mo-Fr 09:00-17:00'', array[''America/New_York'', ''America/Chicago'']) --> f';
comment on function dialer.is_open_all(timestamptz, dialer.opening[]) is
    'Whether an instant lies inside the opening hours in every one of the openings at once; windows are half-open. Null for an infinite instant. An empty list is never open, nor is an opening without hours or zone. Errors: PD011 for an unknown zone, PD015 for more than 64 openings.
e.g. select dialer.is_open_all(''2026-12-04 22:30+00'', array[row(''Mo-Fr 09:00-17:00'', ''America/New_York'', null, null)]::dialer.opening[]) --> f';

create function dialer.next_open(
    at timestamptz, hours dialer.hours, tz text,
    closures date[] default '{}', bans date[] default '{}'
)
returns timestamptz
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'next_open_in_zone_wrapper';

create function dialer.next_open(
    at timestamptz, hours dialer.hours, tz text[],
    closures date[] default '{}', bans date[] default '{}'
)
returns timestamptz
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'next_open_in_zones_wrapper';

create function dialer.next_open_all(at timestamptz, openings dialer.opening[])
returns timestamptz
stable strict parallel safe cost 20
language c as 'MODULE_PATHNAME', 'next_open_all_wrapper';

comment on function dialer.next_open(timestamptz, dialer.hours, text, date[], date[]) is
    'The first instant at or after at that is open in the zone: at itself if it is open. Null if there is none within 400 days (beyond them only what closures, bans and dated exceptions can have delayed is found). Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.next_open(''2026-12-04 22:30+00'', ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> 2026-12-07 14:00:00+00';
comment on function dialer.next_open(timestamptz, dialer.hours, text[], date[], date[]) is
    'The first instant at or after at that is open in every one of the zones at once: at itself if it is open. Null if there is none within 400 days (beyond them only what closures, bans and dated exceptions can have delayed is found). No zone at all is never open. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.next_open(''2026-12-04 22:30+00'', ''Mo-Fr 09:00-17:00'', array[''America/New_York'', ''America/Chicago'']) --> 2026-12-07 15:00:00+00';
comment on function dialer.next_open_all(timestamptz, dialer.opening[]) is
    'The first instant at or after at that is open in every one of the openings at once: at itself if it is open. Null if there is none within 400 days (beyond them only what closures, bans and dated exceptions can have delayed is found). An empty list is never open, nor is an opening without hours or zone. Errors: PD011 for an unknown zone, PD015 for more than 64 openings.
e.g. select dialer.next_open_all(''2026-12-04 22:30+00'', array[row(''Mo-Fr 09:00-17:00'', ''America/New_York'', null, null)]::dialer.opening[]) --> 2026-12-07 14:00:00+00';

create function dialer.next_close(
    at timestamptz, hours dialer.hours, tz text,
    closures date[] default '{}', bans date[] default '{}'
)
returns timestamptz
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'next_close_in_zone_wrapper';

create function dialer.next_close(
    at timestamptz, hours dialer.hours, tz text[],
    closures date[] default '{}', bans date[] default '{}'
)
returns timestamptz
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'next_close_in_zones_wrapper';

create function dialer.next_close_all(at timestamptz, openings dialer.opening[])
returns timestamptz
stable strict parallel safe cost 20
language c as 'MODULE_PATHNAME', 'next_close_all_wrapper';

comment on function dialer.next_close(timestamptz, dialer.hours, text, date[], date[]) is
    'The first instant after the next opening that is not open any more in the zone. Null if it never opens or never closes. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.next_close(''2026-12-04 22:30+00'', ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> 2026-12-07 22:00:00+00';
comment on function dialer.next_close(timestamptz, dialer.hours, text[], date[], date[]) is
    'The first instant after the next opening that is not open any more in every one of the zones at once. Null if it never opens or never closes. No zone at all is never open. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.next_close(''2026-12-04 22:30+00'', ''Mo-Fr 09:00-17:00'', array[''America/New_York'', ''America/Chicago'']) --> 2026-12-07 22:00:00+00';
comment on function dialer.next_close_all(timestamptz, dialer.opening[]) is
    'The first instant after the next opening that is not open any more in every one of the openings at once. Null if it never opens or never closes. An empty list is never open, nor is an opening without hours or zone. Errors: PD011 for an unknown zone, PD015 for more than 64 openings.
e.g. select dialer.next_close_all(''2026-12-04 22:30+00'', array[row(''Mo-Fr 09:00-17:00'', ''America/New_York'', null, null)]::dialer.opening[]) --> 2026-12-07 22:00:00+00';

create function dialer.open_span(
    at timestamptz, hours dialer.hours, tz text,
    closures date[] default '{}', bans date[] default '{}'
)
returns tstzrange
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'open_span_in_zone_wrapper';

create function dialer.open_span(
    at timestamptz, hours dialer.hours, tz text[],
    closures date[] default '{}', bans date[] default '{}'
)
returns tstzrange
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'open_span_in_zones_wrapper';

create function dialer.open_span_all(at timestamptz, openings dialer.opening[])
returns tstzrange
stable strict parallel safe cost 20
language c as 'MODULE_PATHNAME', 'open_span_all_wrapper';

comment on function dialer.open_span(timestamptz, dialer.hours, text, date[], date[]) is
    'The whole open span that contains at, or else the next one, in the zone. Unbounded where no edge lies within 400 days; null if it never opens. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.open_span(''2026-12-04 22:30+00'', ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> ["2026-12-07 14:00:00+00","2026-12-07 22:00:00+00")';
comment on function dialer.open_span(timestamptz, dialer.hours, text[], date[], date[]) is
    'The whole open span that contains at, or else the next one, in every one of the zones at once. Unbounded where no edge lies within 400 days; null if it never opens. No zone at all is never open. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.open_span(''2026-12-04 22:30+00'', ''Mo-Fr 09:00-17:00'', array[''America/New_York'', ''America/Chicago'']) --> ["2026-12-07 15:00:00+00","2026-12-07 22:00:00+00")';
comment on function dialer.open_span_all(timestamptz, dialer.opening[]) is
    'The whole open span that contains at, or else the next one, in every one of the openings at once. Unbounded where no edge lies within 400 days; null if it never opens. An empty list is never open, nor is an opening without hours or zone. Errors: PD011 for an unknown zone, PD015 for more than 64 openings.
e.g. select dialer.open_span_all(''2026-12-04 22:30+00'', array[row(''Mo-Fr 09:00-17:00'', ''America/New_York'', null, null)]::dialer.opening[]) --> ["2026-12-07 14:00:00+00","2026-12-07 22:00:00+00")';

create function dialer.add_open(
    at timestamptz, amount interval, hours dialer.hours, tz text,
    closures date[] default '{}', bans date[] default '{}'
)
returns timestamptz
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'add_open_in_zone_wrapper';

create function dialer.add_open(
    at timestamptz, amount interval, hours dialer.hours, tz text[],
    closures date[] default '{}', bans date[] default '{}'
)
returns timestamptz
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'add_open_in_zones_wrapper';

create function dialer.add_open_all(at timestamptz, amount interval, openings dialer.opening[])
returns timestamptz
stable strict parallel safe cost 20
language c as 'MODULE_PATHNAME', 'add_open_all_wrapper';

comment on function dialer.add_open(timestamptz, interval, dialer.hours, text, date[], date[]) is
    'The first instant before which amount of open time has passed since at, in the zone. It may be a closing instant: next_open of it is the callable one. A day of amount is 24 hours of open time. Null if there is not that much. Error PD012 for months and for negative amounts. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.add_open(''2026-12-04 21:30+00'', ''1 hour'', ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> 2026-12-07 14:30:00+00';
comment on function dialer.add_open(timestamptz, interval, dialer.hours, text[], date[], date[]) is
    'The first instant before which amount of open time has passed since at, in every one of the zones at once. It may be a closing instant: next_open of it is the callable one. A day of amount is 24 hours of open time. Null if there is not that much. Error PD012 for months and for negative amounts. No zone at all is never open. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.add_open(''2026-12-04 21:30+00'', ''1 hour'', ''Mo-Fr 09:00-17:00'', array[''America/New_York'', ''America/Chicago'']) --> 2026-12-07 15:30:00+00';
comment on function dialer.add_open_all(timestamptz, interval, dialer.opening[]) is
    'The first instant before which amount of open time has passed since at, in every one of the openings at once. It may be a closing instant: next_open of it is the callable one. A day of amount is 24 hours of open time. Null if there is not that much. Error PD012 for months and for negative amounts. An empty list is never open, nor is an opening without hours or zone. Errors: PD011 for an unknown zone, PD015 for more than 64 openings.
e.g. select dialer.add_open_all(''2026-12-04 21:30+00'', ''1 hour'', array[row(''Mo-Fr 09:00-17:00'', ''America/New_York'', null, null)]::dialer.opening[]) --> 2026-12-07 14:30:00+00';

create function dialer.add_open_callable_all(at timestamptz, amount interval, openings dialer.opening[])
returns timestamptz
stable strict parallel safe cost 20
language c as 'MODULE_PATHNAME', 'add_open_callable_all_wrapper';

comment on function dialer.add_open_callable_all(timestamptz, interval, dialer.opening[]) is
    'next_open_all of add_open_all: the first callable instant after that much open time. For many amounts from one instant on, whose open time is walked once. Null if there is none. Errors: PD011 for an unknown zone, PD012 for months and for negative amounts, PD015 for more than 64 openings.
e.g. select dialer.add_open_callable_all(''2026-12-04 21:30+00'', ''30 minutes'', array[row(''Mo-Fr 09:00-17:00'', ''America/New_York'', null, null)]::dialer.opening[]) --> 2026-12-07 14:00:00+00';

create function dialer.open_between(
    a timestamptz, b timestamptz, hours dialer.hours, tz text,
    closures date[] default '{}', bans date[] default '{}'
)
returns interval
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'open_between_in_zone_wrapper';

create function dialer.open_between(
    a timestamptz, b timestamptz, hours dialer.hours, tz text[],
    closures date[] default '{}', bans date[] default '{}'
)
returns interval
stable strict parallel safe cost 10
language c as 'MODULE_PATHNAME', 'open_between_in_zones_wrapper';

create function dialer.open_between_all(a timestamptz, b timestamptz, openings dialer.opening[])
returns interval
stable strict parallel safe cost 20
language c as 'MODULE_PATHNAME', 'open_between_all_wrapper';

comment on function dialer.open_between(timestamptz, timestamptz, dialer.hours, text, date[], date[]) is
    'The open time from a to b in the zone, in elapsed hours, minutes and seconds; negative if b is before a. Exact to the ends of time: beyond 2100 yearly rules repeat every 400 years. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.open_between(''2026-12-04 12:00+00'', ''2026-12-07 15:00+00'', ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> 09:00:00';
comment on function dialer.open_between(timestamptz, timestamptz, dialer.hours, text[], date[], date[]) is
    'The open time from a to b in every one of the zones at once, in elapsed hours, minutes and seconds; negative if b is before a. No zone at all is never open. Closures close the windows that start on these dates; bans close the local date itself. Errors: PD011 for an unknown zone.
e.g. select dialer.open_between(''2026-12-04 12:00+00'', ''2026-12-07 15:00+00'', ''Mo-Fr 09:00-17:00'', array[''America/New_York'', ''America/Chicago'']) --> 07:00:00';
comment on function dialer.open_between_all(timestamptz, timestamptz, dialer.opening[]) is
    'The open time from a to b in every one of the openings at once, in elapsed hours, minutes and seconds; negative if b is before a. An empty list is never open, nor is an opening without hours or zone. Errors: PD011 for an unknown zone, PD015 for more than 64 openings.
e.g. select dialer.open_between_all(''2026-12-04 12:00+00'', ''2026-12-07 15:00+00'', array[row(''Mo-Fr 09:00-17:00'', ''America/New_York'', null, null)]::dialer.opening[]) --> 09:00:00';

create function dialer.next_callable(
    at timestamptz, openings dialer.opening[], attempts timestamptz[], caps dialer.cap[], tz text
)
returns timestamptz
stable strict parallel safe cost 30
language c as 'MODULE_PATHNAME', 'next_callable_wrapper';

comment on function dialer.next_callable(timestamptz, dialer.opening[], timestamptz[], dialer.cap[], text) is
    'The first instant at or after at that is open in every opening and within every cap, counted from attempts (in any order; those after at count too). tz is the zone of local dates and weeks. Null if there is none. An empty list of openings asks the caps alone: it says nothing about opening hours. Errors: PD011 for an unknown zone, PD015 for a cap that makes no sense.
e.g. select dialer.next_callable(''2026-12-04 15:00+00'', array[row(''Mo-Fr 09:00-17:00'', ''America/New_York'', null, null)]::dialer.opening[], ''{2026-12-04 14:30+00}'', array[row(1, ''local_dates'', 1, null)]::dialer.cap[], ''America/New_York'') --> 2026-12-07 14:00:00+00';
