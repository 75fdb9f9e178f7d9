-- Recurrence: the occurrences of a rule by the wall clock of a zone.
--
-- For anybody; series use the same functions. Everything is computed from start_local, never from
-- the occurrence before, so nothing drifts, and from_at resumes far from the start at no cost
-- (unless the rule has COUNT, which counts from the start).

create function dialer.occurrences(
    rule text, start_local timestamp, tz text, n integer,
    from_at timestamptz default '-infinity',
    gap text default 'forward', overlap text default 'first', month_end text default 'clamp',
    adjust text default 'none', hours dialer.hours default null, closures date[] default '{}'
)
returns setof timestamptz
stable parallel safe cost 100 rows 100 support dialer.series_rows
language c as 'MODULE_PATHNAME', 'occurrences_wrapper';

comment on function dialer.occurrences(text, timestamp, text, integer, timestamptz, text, text, text, text, dialer.hours, date[]) is
    'The first n occurrences at or after from_at of an RFC 5545 RRULE (FREQ DAILY to YEARLY, INTERVAL, COUNT, UNTIL, BYDAY, BYMONTHDAY, BYMONTH, WKST) that starts at the wall-clock time start_local in tz. gap: a time that the clocks skip is left out (skip), moved by the length of the gap (forward) or to its end (gap_end). overlap: a time that happens twice means the first, the second or both. month_end: a day that the month does not have is left out (omit), its last day (clamp) or the first of the next (forward). adjust: none, following, modified_following, preceding; business days have hours and no closure. Errors: PD011 zone, PD013 rule, PD015 policy.
e.g. select array_agg(o) from dialer.occurrences(''FREQ=MONTHLY'', ''2026-01-31 09:00'', ''America/New_York'', 3) o --> {"2026-01-31 14:00:00+00","2026-02-28 14:00:00+00","2026-03-31 13:00:00+00"}';

create function dialer.next_occurrence(
    rule text, start_local timestamp, tz text,
    from_at timestamptz default '-infinity',
    gap text default 'forward', overlap text default 'first', month_end text default 'clamp',
    adjust text default 'none', hours dialer.hours default null, closures date[] default '{}'
)
returns timestamptz
stable parallel safe cost 50
language c as 'MODULE_PATHNAME', 'next_occurrence_wrapper';

comment on function dialer.next_occurrence(text, timestamp, text, timestamptz, text, text, text, text, dialer.hours, date[]) is
    'The first occurrence at or after from_at; null if there is none. Arguments and errors as for dialer.occurrences.
e.g. select dialer.next_occurrence(''FREQ=WEEKLY;BYDAY=TU'', ''2026-01-06 09:00'', ''America/New_York'', ''2026-12-04 15:00+00'') --> 2026-12-08 14:00:00+00';
