-- Time zones by name: which names may stand in a row, and how new their rules are.
--
-- Called wherever a zone comes in. A zone that passes is known to this server under this name, and
-- `at time zone` means the same by it as every function of pg_dialer.

create function dialer.is_zone(name text)
returns boolean
stable strict parallel safe
language c as 'MODULE_PATHNAME', 'is_zone_wrapper';

comment on function dialer.is_zone(text) is
    'Whether a name is an IANA zone of this server: Area/City, UTC or GMT, in any case of letters. Abbreviations and fixed offsets are not, because they know no daylight saving.
e.g. select dialer.is_zone(''america/new_york'') --> t';

create function dialer.canonical_zone(name text)
returns text
stable strict parallel safe
language c as 'MODULE_PATHNAME', 'canonical_zone_wrapper';

comment on function dialer.canonical_zone(text) is
    'The name of a zone in its correct case; null if dialer.is_zone(name) is false.
e.g. select dialer.canonical_zone(''america/new_york'') --> America/New_York';

create function dialer.tz_data_version()
returns text
stable parallel safe cost 1000
language c as 'MODULE_PATHNAME', 'tz_data_version_wrapper';

comment on function dialer.tz_data_version() is
    'The release of the tz database that this server''s zone files are of, such as 2026f: as written beside them (tzdata.zi, +VERSION), else told from what the zones say about instants of 2026 (before 2026b, 2026f or later).
e.g. select dialer.tz_data_version()';

create function dialer.tz_data_is_stale()
returns boolean
stable parallel safe cost 100
language c as 'MODULE_PATHNAME', 'tz_data_is_stale_wrapper';

comment on function dialer.tz_data_is_stale() is
    'Whether the zones, as this session has read them, lack a change of law up to release 2026f: British Columbia, Alberta, Morocco, Northwest Territories, Manitoba or Cuba would be called an hour wrong. Update the zone data (package tzdata), restart the server, and run dialer.recompute_due().
e.g. select dialer.tz_data_is_stale()';
