//! The SQL surface of pg_dialer: turns datums into the types of `dialer_core` and back.
//!
//! What is here: functions exported for SQL, and the order in which the SQL files are installed.
//! What is not here: the SQL itself. Every `create function`, `create type` and `create table` is
//! written by hand in `sql/`, so that a reader finds the whole surface in one place and in one
//! language. A function is therefore exported with `#[pg_extern(sql = false)]`, and its SQL names
//! the symbol `<rust name>_wrapper` of `'MODULE_PATHNAME'`.

mod built_in;
mod callers;
mod datum;
mod floor;
mod guard;
mod hours_type;
mod ical;
mod install;
mod machine;
mod open;
mod phone;
mod raise;
mod recurrence;
mod redial;
mod series_rows;
mod server_zone;
mod settings;
mod slots;
mod stagger;
mod zone_data;

use pgrx::prelude::*;

pgrx::pg_module_magic!();

/// Postgres calls this once a backend, when it loads the library.
#[pg_guard]
pub extern "C-unwind" fn _PG_init() {
    settings::define();
    machine::watch_changes();
}
