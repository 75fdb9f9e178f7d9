-- The schema of everything that pg_dialer puts into a database.
--
-- `create extension pg_dialer` creates it (or refuses, if somebody else's schema of that name
-- already holds something). Users' own tables stay in users' own schemas.

comment on schema dialer is
    'pg_dialer: outbound-call scheduler. Belongs to the extension; keep your own tables elsewhere.';
