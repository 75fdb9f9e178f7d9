//! The floor under a trigger in Rust: does nothing, so that `make bench-functions` can say what a
//! guard costs beyond it. No SQL declares it.

use pgrx::pg_sys;
use pgrx::prelude::*;

#[unsafe(no_mangle)]
pub extern "C-unwind" fn pg_finfo_empty_trigger() -> &'static pg_sys::Pg_finfo_record {
    const VERSION_1: pg_sys::Pg_finfo_record = pg_sys::Pg_finfo_record { api_version: 1 };
    &VERSION_1
}

/// # Safety
/// Called by Postgres, as a row-level trigger on update.
#[pg_guard]
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn empty_trigger(call: pg_sys::FunctionCallInfo) -> pg_sys::Datum {
    // SAFETY: Postgres calls a trigger function with trigger data as its context.
    unsafe {
        let data = (*call).context.cast::<pg_sys::TriggerData>();
        pg_sys::Datum::from((*data).tg_newtuple)
    }
}
