//! `dialerd`: the part of pg_dialer that talks to the world.
