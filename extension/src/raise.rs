//! Errors with our own SQLSTATE, and with detail and hint.
//!
//! pgrx knows only the codes that Postgres ships. Codes of ours (`PD001` ...) get through by an
//! error-context callback: Postgres calls it while the error is being assembled, and there the code
//! may still be replaced. Casting a number to pgrx's enum of codes would be undefined behaviour.

use pgrx::pg_sys;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;
use std::ffi::{c_int, c_void};

unsafe extern "C-unwind" {
    /// pgrx leaves it out of its bindings.
    fn errcode(code: c_int) -> c_int;
}

/// What a user is told: message without full stop, detail in sentences, hint says what to do.
pub struct Complaint {
    /// Five characters of 0-9 and A-Z.
    pub code: &'static str,
    pub message: String,
    pub detail: String,
    pub hint: String,
}

/// Ends the statement. Not for use inside `PgTryBuilder`, which would leave the callback behind.
pub fn raise(complaint: Complaint) -> ! {
    replace_code(sqlstate(complaint.code));
    ErrorReport::new(PgSqlErrorCode::ERRCODE_RAISE_EXCEPTION, complaint.message, function_name!())
        .set_detail(complaint.detail)
        .set_hint(complaint.hint)
        .report(PgLogLevel::ERROR);
    unreachable!("a report of level ERROR does not return")
}

/// Puts the callback on Postgres' stack; whoever catches the error resets that stack.
fn replace_code(code: i32) {
    // SAFETY: the node lives in the current memory context, which outlives the report: nothing
    // between here and there returns to Postgres. The stack is a global of this one thread.
    unsafe {
        let node = pg_sys::palloc0(size_of::<pg_sys::ErrorContextCallback>())
            .cast::<pg_sys::ErrorContextCallback>();
        (*node).previous = pg_sys::error_context_stack;
        (*node).callback = Some(set_code);
        (*node).arg = std::ptr::without_provenance_mut(code as usize);
        pg_sys::error_context_stack = node;
    }
}

/// Called by Postgres while it assembles the error.
unsafe extern "C-unwind" fn set_code(code: *mut c_void) {
    // SAFETY: an error is being assembled, so there is one whose code can be set.
    unsafe { errcode(code.addr() as c_int) };
}

/// Postgres packs the five characters into six bits each.
fn sqlstate(code: &str) -> i32 {
    let pack = |packed: i32, (place, byte): (usize, u8)| {
        packed | ((i32::from(byte) - i32::from(b'0')) & 0x3F) << (6 * place)
    };
    code.bytes().enumerate().fold(0, pack)
}
