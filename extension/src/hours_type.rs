//! The SQL type `dialer.hours`: opening hours as people write them, stored flat.
//!
//! Equal hours are stored as equal bytes, so comparing and hashing never parse. A function that
//! returns bytes returns a varlena of these bytes, which is what the type is.

use crate::datum::{Call, payload, refuse};
use dialer_core::Hours;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cmp::Ordering;
use std::ffi::CStr;

#[pg_extern(sql = false)]
fn hours_in(call: pg_sys::FunctionCallInfo) -> Option<Vec<u8>> {
    let text = Call::new(call).datum(0)?;
    // SAFETY: an input function's argument is a terminated string.
    let text = unsafe { CStr::from_ptr(text.cast_mut_ptr()) };
    Some(parsed(&text.to_string_lossy()).to_bytes())
}

#[pg_extern(sql = false)]
fn hours_out(call: pg_sys::FunctionCallInfo) -> std::ffi::CString {
    let text = Call::new(call).bytes(0).map_or(String::new(), |bytes| stored(bytes).to_string());
    std::ffi::CString::new(text).unwrap_or_default()
}

/// The binary form is the canonical text, so that it survives a change of the stored form.
#[pg_extern(sql = false)]
fn hours_recv(call: pg_sys::FunctionCallInfo) -> Option<Vec<u8>> {
    let message = Call::new(call).datum(0)?;
    // SAFETY: a receive function's argument is the message; Postgres terminates the text it returns.
    let text = unsafe {
        let message = message.cast_mut_ptr::<pg_sys::StringInfoData>();
        let mut length = 0;
        let rest = (*message).len - (*message).cursor;
        CStr::from_ptr(pg_sys::pq_getmsgtext(message, rest, &mut length))
    };
    Some(parsed(&text.to_string_lossy()).to_bytes())
}

#[pg_extern(sql = false)]
fn hours_send(call: pg_sys::FunctionCallInfo) -> Vec<u8> {
    Call::new(call).bytes(0).map_or(Vec::new(), |bytes| stored(bytes).to_string().into_bytes())
}

/// Any order will do that never changes: that of the stored bytes.
fn order(call: pg_sys::FunctionCallInfo) -> Ordering {
    let call = Call::new(call);
    call.bytes(0).cmp(&call.bytes(1))
}

#[pg_extern(sql = false)]
fn hours_eq(call: pg_sys::FunctionCallInfo) -> bool {
    order(call).is_eq()
}

#[pg_extern(sql = false)]
fn hours_ne(call: pg_sys::FunctionCallInfo) -> bool {
    order(call).is_ne()
}

#[pg_extern(sql = false)]
fn hours_lt(call: pg_sys::FunctionCallInfo) -> bool {
    order(call).is_lt()
}

#[pg_extern(sql = false)]
fn hours_le(call: pg_sys::FunctionCallInfo) -> bool {
    order(call).is_le()
}

#[pg_extern(sql = false)]
fn hours_gt(call: pg_sys::FunctionCallInfo) -> bool {
    order(call).is_gt()
}

#[pg_extern(sql = false)]
fn hours_ge(call: pg_sys::FunctionCallInfo) -> bool {
    order(call).is_ge()
}

#[pg_extern(sql = false)]
fn hours_cmp(call: pg_sys::FunctionCallInfo) -> i32 {
    order(call) as i32
}

#[pg_extern(sql = false)]
fn hours_hash(call: pg_sys::FunctionCallInfo) -> i32 {
    let bytes = Call::new(call).bytes(0).unwrap_or_default();
    // FNV-1a: few bytes, few values.
    let mix = |hash: u32, byte: &u8| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193);
    bytes.iter().fold(0x811C_9DC5, mix).cast_signed()
}

fn parsed(text: &str) -> Hours {
    Hours::parse(text).unwrap_or_else(|error| refuse(&error))
}

/// Hours from stored bytes.
pub fn stored(bytes: &[u8]) -> Hours {
    Hours::from_bytes(bytes).unwrap_or_else(|error| refuse(&error))
}

/// Hours from a datum of type `dialer.hours`.
pub fn hours_of_datum(datum: pg_sys::Datum) -> Hours {
    stored(payload(datum))
}
