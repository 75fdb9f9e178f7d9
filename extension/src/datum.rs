//! Arguments of SQL functions, read from the call without conversions that cost.
//!
//! A function here takes the raw call, because a million rows pay for every detour: an instant is
//! the datum itself, text and `dialer.hours` are borrowed from the row. What has to be parsed is
//! parsed once and remembered at the call site (`Remembered`), found again by comparing bytes.

use crate::raise::{Complaint, raise};
use dialer_core::Instant;
use pgrx::PgMemoryContexts;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::ffi::c_int;

/// The arguments of one call.
#[derive(Clone, Copy)]
pub struct Call {
    info: pg_sys::FunctionCallInfo,
}

impl Call {
    /// Wraps what Postgres passes; it outlives the call.
    pub fn new(info: pg_sys::FunctionCallInfo) -> Call {
        Call { info }
    }

    /// An argument as it is; `None` for null and beyond the last argument.
    pub fn datum(self, index: usize) -> Option<pg_sys::Datum> {
        // SAFETY: Postgres passes a valid call with `nargs` arguments behind it.
        unsafe {
            let count = usize::try_from((*self.info).nargs).unwrap_or(0);
            let args = (*self.info).args.as_slice(count);
            args.get(index).filter(|arg| !arg.isnull).map(|arg| arg.value)
        }
    }

    /// A `timestamptz`; `None` for null, `infinity` and `-infinity`.
    pub fn instant(self, index: usize) -> Option<Instant> {
        instant_of(self.micros(index)?)
    }

    /// The raw 64 bits of a `timestamptz`, `timestamp` or `bigint`.
    pub fn micros(self, index: usize) -> Option<i64> {
        self.datum(index).map(|datum| datum.value() as i64)
    }

    /// An `integer`.
    pub fn integer(self, index: usize) -> Option<i32> {
        self.datum(index).map(|datum| datum.value() as i32)
    }

    /// A `double precision`.
    pub fn number(self, index: usize) -> Option<f64> {
        self.datum(index).map(|datum| f64::from_bits(datum.value() as u64))
    }

    /// The bytes behind the header of a `text`, an array or a `dialer.hours`.
    pub fn bytes<'a>(self, index: usize) -> Option<&'a [u8]> {
        self.datum(index).map(payload)
    }

    /// A `text`.
    pub fn text<'a>(self, index: usize) -> Option<&'a str> {
        self.bytes(index).map(text_of)
    }

    /// An `interval` in microseconds, a day being 24 hours.
    pub fn interval(self, index: usize) -> Option<i64> {
        self.datum(index).map(interval_micros)
    }

    /// What this call site remembers between rows. Not for set-returning functions, whose state
    /// lives in the same place. A function uses one type only.
    pub fn site<'a, T: Default>(self) -> &'a mut T {
        // SAFETY: `flinfo` lives as long as the call site; the value is dropped with its context;
        // nothing else of ours writes `fn_extra`, and a function always asks for the same type.
        unsafe {
            let site = &mut *(*self.info).flinfo;
            if site.fn_extra.is_null() {
                let mut context = PgMemoryContexts::For(site.fn_mcxt);
                site.fn_extra = context.leak_and_drop_on_delete(T::default()).cast();
            }
            &mut *site.fn_extra.cast::<T>()
        }
    }
}

/// An instant from Postgres's microseconds; `None` for the infinities.
pub fn instant_of(micros: i64) -> Option<Instant> {
    (micros != i64::MIN && micros != i64::MAX).then(|| Instant::from_micros(micros))
}

/// Values parsed from bytes, a few at a time.
pub struct Remembered<T> {
    entries: Vec<(Box<[u8]>, T)>,
    last: usize,
    oldest: usize,
}

/// LIMIT: values remembered at one call site for one argument.
const REMEMBERED_MAX: usize = 16;

impl<T> Default for Remembered<T> {
    fn default() -> Self {
        Remembered { entries: Vec::new(), last: 0, oldest: 0 }
    }
}

impl<T> Remembered<T> {
    /// The value of these bytes, parsed now if it is not remembered.
    pub fn get(&mut self, bytes: &[u8], parse: impl FnOnce() -> T) -> &T {
        self.get_mut(bytes, parse)
    }

    /// The same, for a value that learns as it is asked.
    pub fn get_mut(&mut self, bytes: &[u8], parse: impl FnOnce() -> T) -> &mut T {
        let is_last = self.entries.get(self.last).is_some_and(|(key, _)| **key == *bytes);
        if !is_last {
            self.last = match self.entries.iter().position(|(key, _)| **key == *bytes) {
                Some(index) => index,
                None => self.insert(bytes, parse()),
            };
        }
        &mut self.entries[self.last].1
    }

    fn insert(&mut self, bytes: &[u8], value: T) -> usize {
        let entry = (bytes.into(), value);
        if self.entries.len() < REMEMBERED_MAX {
            self.entries.push(entry);
            return self.entries.len() - 1;
        }
        let index = self.oldest;
        self.entries[index] = entry;
        self.oldest = (index + 1) % REMEMBERED_MAX;
        index
    }
}

/// The bytes behind a varlena's header, uncompressed and in memory.
pub fn payload<'a>(datum: pg_sys::Datum) -> &'a [u8] {
    // SAFETY: the datum is a varlena by the function's SQL declaration; a detoasted copy lives in
    // the current memory context, which outlives the call.
    unsafe {
        let varlena = pg_sys::pg_detoast_datum_packed(datum.cast_mut_ptr());
        let length = pgrx::varsize_any_exhdr(varlena);
        std::slice::from_raw_parts(pgrx::vardata_any(varlena).cast(), length)
    }
}

/// Text from a row. What is not UTF-8 (letters beyond ASCII in a database of another encoding) is
/// nothing that any parser here accepts, so it is read as empty text.
fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("")
}

/// Text from a datum.
pub fn text_of_datum<'a>(datum: pg_sys::Datum) -> &'a str {
    text_of(payload(datum))
}

/// An interval in microseconds, a day being 24 hours; months have no length and are refused.
pub fn interval_micros(datum: pg_sys::Datum) -> i64 {
    // SAFETY: the datum is an interval by the function's SQL declaration.
    let interval = unsafe { *datum.cast_mut_ptr::<pg_sys::Interval>() };
    let days = i64::from(interval.day).checked_mul(dialer_core::DAY);
    let micros = days.and_then(|days| days.checked_add(interval.time));
    match micros {
        Some(micros) if interval.month == 0 => micros,
        _ => raise(Complaint {
            code: "PD012",
            message: "interval has months, or is too long".into(),
            detail: "A month has no fixed length; a day counts as 24 hours.".into(),
            hint: "Write the interval in days, hours, minutes and seconds.".into(),
        }),
    }
}

/// An interval of that many microseconds.
pub fn interval_of(micros: i64) -> Interval {
    // Proof: it refuses only months and days whose signs disagree with the rest; there are none.
    Interval::new(0, 0, micros).expect("an interval of microseconds alone")
}

/// The elements of an array of any dimension; null elements are `None`.
pub fn elements(datum: pg_sys::Datum) -> Vec<Option<pg_sys::Datum>> {
    let (mut length, mut by_value, mut align) = (0i16, false, 0);
    let (mut values, mut nulls, mut count) =
        (std::ptr::null_mut(), std::ptr::null_mut(), 0 as c_int);
    // SAFETY: the datum is an array by the function's SQL declaration; Postgres allocates the two
    // lists, which have `count` entries, in the current memory context.
    unsafe {
        let array = pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let kind = (*array).elemtype;
        pg_sys::get_typlenbyvalalign(kind, &mut length, &mut by_value, &mut align);
        pg_sys::deconstruct_array(
            array,
            kind,
            length.into(),
            by_value,
            align,
            &mut values,
            &mut nulls,
            &mut count,
        );
        let element = |index: usize| (!*nulls.add(index)).then(|| *values.add(index));
        (0..usize::try_from(count).unwrap_or(0)).map(element).collect()
    }
}

/// The fields of a composite value; null fields are `None`.
pub fn fields(datum: pg_sys::Datum) -> Vec<Option<pg_sys::Datum>> {
    // SAFETY: the datum is a composite by the function's SQL declaration; its header names its
    // type, and the copy of the description lives in the current memory context.
    unsafe {
        let header =
            pg_sys::pg_detoast_datum(datum.cast_mut_ptr()).cast::<pg_sys::HeapTupleHeaderData>();
        let kind = (*header).t_choice.t_datum;
        let description = pg_sys::lookup_rowtype_tupdesc_copy(kind.datum_typeid, kind.datum_typmod);
        let count = usize::try_from((*description).natts).unwrap_or(0);
        let mut tuple = pg_sys::HeapTupleData {
            t_len: pgrx::varsize(header.cast()) as u32,
            t_data: header,
            ..Default::default()
        };
        let mut values = vec![pg_sys::Datum::from(0); count];
        let mut nulls = vec![true; count];
        pg_sys::heap_deform_tuple(&mut tuple, description, values.as_mut_ptr(), nulls.as_mut_ptr());
        let field = |(value, is_null): (pg_sys::Datum, bool)| (!is_null).then_some(value);
        values.into_iter().zip(nulls).map(field).collect()
    }
}

/// Ends the statement with the code that belongs to the kind of the refusal.
pub fn refuse(error: &dialer_core::Error) -> ! {
    let code = match error {
        _ if error.is_hours() => "PD010",
        _ if error.is_zone() => "PD011",
        _ if error.is_ladder() => "PD012",
        _ if error.is_recurrence() => "PD013",
        _ if error.is_phone() => "PD014",
        _ if error.is_calendar() => "PD016",
        _ => "PD015",
    };
    raise(Complaint {
        code,
        message: error.to_string(),
        detail: error.detail().into(),
        hint: error.hint().into(),
    })
}
