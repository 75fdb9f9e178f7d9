-- Time zones by name: which names may stand in a row.
--
-- Called wherever a zone comes in. A zone that passes is known to this server under this name, and
-- `at time zone` means the same by it as every function of pg_dialer.

create function dialer.is_zone(name text)
returns boolean
stable strict parallel safe
language c as 'MODULE_PATHNAME', 'is_zone_wrapper';

comment on function dialer.is_zone(text) is
    'Whether a name is an IANA zone of this server: Area/City, UTC or GMT, in any case of letters. Abbreviations and fixed offsets are not, because they know no daylight saving.';

create function dialer.canonical_zone(name text)
returns text
stable strict parallel safe
language c as 'MODULE_PATHNAME', 'canonical_zone_wrapper';

comment on function dialer.canonical_zone(text) is
    'The name of a zone in its correct case; null if dialer.is_zone(name) is false.';
