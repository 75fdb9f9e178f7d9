-- Redial: when to try again.
--
-- For anybody; settle uses the same rules. Attempts are counted by the caller, in the contact's
-- local day: there is no counter here that could leak, and no reset at midnight (invariant 8).

create function dialer.next_redial(
    last_at timestamptz, attempts_today integer, ladder interval[], max_per_day integer,
    hours dialer.hours, tz text, closures date[] default '{}', bans date[] default '{}'
)
returns timestamptz
stable parallel safe cost 20
language c as 'MODULE_PATHNAME', 'next_redial_wrapper';

comment on function dialer.next_redial(timestamptz, integer, interval[], integer, dialer.hours, text, date[], date[]) is
    'When to try again after attempts_today attempts, the last at last_at: after the ladder''s interval (its element number attempts_today, counted from 0; beyond the list its last), moved into the hours; at max_per_day attempts (null: no such cap) the first opening of the next local day. Null if an argument other than max_per_day is null, or if nothing opens. Errors: PD011 zone, PD012 ladder that is empty, negative or gets shorter, PD015 negative count.
e.g. select dialer.next_redial(''2026-12-04 21:30+00'', 1, ''{0, 10 min, 90 min}'', 8, ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> 2026-12-04 21:40:00+00';

create function dialer.next_redial(
    last_at timestamptz, outcome text, attempts_today integer, attempts_ever integer,
    technical_failures integer, ladder interval[], hours dialer.hours, tz text,
    closures date[] default '{}', bans date[] default '{}',
    max_per_day integer default null, max_lifetime integer default null,
    ladder_scope text default 'day',
    technical_ladder interval[] default '{2 s,4 s,8 s,30 s,2 min,10 min}',
    max_technical integer default null,
    final_outcomes text[] default '{sale,dnc,invalid_number,blocked}'
)
returns timestamptz
stable parallel safe cost 30
language c as 'MODULE_PATHNAME', 'next_redial_by_policy_wrapper';

comment on function dialer.next_redial(timestamptz, text, integer, integer, integer, interval[], dialer.hours, text, date[], date[], integer, integer, text, interval[], integer, text[]) is
    'When to try again by a whole policy. Null if the outcome is one of final_outcomes, if attempts_ever has reached max_lifetime, if technical_failures (in a row) has reached max_technical, or if nothing opens. An outcome that is no attempt (over_limit, account_error, config_error, provider_fault, not_sent, cancelled) waits by technical_ladder; any other by ladder, which starts again each local day (ladder_scope day) or goes on (lifetime). Errors: PD011 zone, PD012 ladder, PD015 unknown outcome, scope or negative count.
e.g. select dialer.next_redial(''2026-12-04 21:30+00'', ''busy'', 2, 5, 0, ''{0, 10 min, 90 min}'', ''Mo-Fr 09:00-17:00'', ''America/New_York'') --> 2026-12-07 14:00:00+00';
