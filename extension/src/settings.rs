//! The settings `dialer.*`, and the clock that they make.
//!
//! `dialer.now()` is the only clock of everything that decides in SQL: real by default, fixed in
//! tests, fast in demos and rehearsals. Only superusers may set it. The settings are read at every
//! use, so running sessions follow `alter system` and a reload.

use pgrx::fcinfo::{direct_function_call, direct_function_call_as_datum};
use pgrx::guc::{GucContext, GucFlags, GucRegistry, GucSetting};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_void};

/// LIMIT: a rate beyond this makes a day pass in less than a second.
const RATE_MAX: f64 = 100_000.0;
const RATE_MIN: f64 = 0.001;

static CLOCK: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static CLOCK_RATE: GucSetting<f64> = GucSetting::<f64>::new(1.0);
static CLOCK_ORIGIN: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static CLOCK_ORIGIN_AT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static TENANT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static KEY_TENANT: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);
static KEY_NAME: GucSetting<Option<CString>> = GucSetting::<Option<CString>>::new(None);

/// Called once a backend, when the library is loaded.
pub fn define() {
    define_instant(
        c"dialer.clock",
        c"Makes dialer.now() stand still at this instant.",
        c"A timestamptz; text without an offset is read in the session's time zone. Empty: not fixed.",
        &CLOCK,
    );
    define_instant(
        c"dialer.clock_origin",
        c"What dialer.now() showed at dialer.clock_origin_at.",
        c"A timestamptz. Empty: the same instant as dialer.clock_origin_at.",
        &CLOCK_ORIGIN,
    );
    define_instant(
        c"dialer.clock_origin_at",
        c"The real instant at which dialer.now() showed dialer.clock_origin.",
        c"A timestamptz. Empty: the start of the server.",
        &CLOCK_ORIGIN_AT,
    );
    GucRegistry::define_float_guc(
        c"dialer.clock_rate",
        c"How many seconds pass for dialer.now() in a real second.",
        c"For demos and rehearsals; real calls are placed at rate 1 only.",
        &CLOCK_RATE,
        RATE_MIN,
        RATE_MAX,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"dialer.tenant",
        c"The tenant whose rows this session sees and writes.",
        c"It chooses among the tenants that the role is bound to. Empty: the only one of these.",
        &TENANT,
        GucContext::Userset,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"dialer.key_tenant",
        c"The number of the tenant whose API key this transaction has shown.",
        c"Set by dialer.use_api_key; only the owner may set it, so it is a proof.",
        &KEY_TENANT,
        GucContext::Suset,
        GucFlags::default(),
    );
    GucRegistry::define_string_guc(
        c"dialer.key_name",
        c"The name of the API key that this transaction has shown.",
        c"Set by dialer.use_api_key; records name it beside the role.",
        &KEY_NAME,
        GucContext::Suset,
        GucFlags::default(),
    );
}

fn define_instant(
    name: &'static CStr,
    short: &'static CStr,
    long: &'static CStr,
    setting: &'static GucSetting<Option<CString>>,
) {
    // SAFETY: the hook is guarded against panics and does not keep its arguments.
    unsafe {
        GucRegistry::define_string_guc_with_hooks(
            name,
            short,
            long,
            setting,
            GucContext::Suset,
            GucFlags::default(),
            Some(check_instant),
            None,
            None,
        );
    }
}

/// Refuses text that is not an instant when it is set, not when the clock is read.
#[pg_guard]
unsafe extern "C-unwind" fn check_instant(
    new_value: *mut *mut c_char,
    _extra: *mut *mut c_void,
    _source: pg_sys::GucSource::Type,
) -> bool {
    // A parallel worker takes over what its leader has checked. It does so before its table of zone
    // abbreviations is in place, and reading an instant with letters in it would crash the server.
    // SAFETY: a global of this single-threaded process, read only.
    if unsafe { pg_sys::InitializingParallelWorker } {
        return true;
    }
    // SAFETY: Postgres passes a pointer to the new value, which is null or a terminated string.
    let text = unsafe { new_value.as_ref().filter(|value| !value.is_null()) };
    let Some(&text) = text else { return true };
    // SAFETY: not null, see above.
    match instant_of(unsafe { CStr::from_ptr(text) }) {
        Ok(_) => true,
        Err(reason) => {
            let reason = CString::new(reason).unwrap_or_default();
            // SAFETY: Postgres reads the string before the memory context of the call goes away.
            unsafe { pg_sys::GUC_check_errdetail_string = pg_sys::pstrdup(reason.as_ptr()) };
            false
        }
    }
}

/// The instant that a text means, in microseconds since 2000; `None` for empty text.
fn instant_of(text: &CStr) -> Result<Option<i64>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    // "now", "tomorrow" and "infinity" would mean another instant in every session, or none.
    if !text.to_bytes()[0].is_ascii_digit() {
        return Err("An instant begins with its year, as in 2026-03-02 09:00:00+00.".to_string());
    }
    PgTryBuilder::new(|| parse(text).map(Some))
        .catch_others(|error| match error {
            pg_sys::panic::CaughtError::PostgresError(report)
            | pg_sys::panic::CaughtError::ErrorReport(report) => Err(report.message().to_string()),
            pg_sys::panic::CaughtError::RustPanic { .. } => Err("This is no instant.".to_string()),
        })
        .execute()
}

fn parse(text: &CStr) -> Result<i64, String> {
    let arguments = [
        Some(pg_sys::Datum::from(text.as_ptr())),
        Some(pg_sys::Datum::from(pg_sys::InvalidOid)),
        Some(pg_sys::Datum::from(-1_i32)),
    ];
    // SAFETY: timestamptz_in takes a terminated string, an oid that it ignores, and a type modifier.
    let datum = unsafe { direct_function_call_as_datum(pg_sys::timestamptz_in, &arguments) };
    datum.map(|datum| datum.value() as i64).ok_or_else(|| "This is no instant.".to_string())
}

/// A setting's text and what it means. Without an offset that depends on the session's time zone.
struct Read {
    text: CString,
    zone: *mut pg_sys::pg_tz,
    instant: Option<i64>,
}

thread_local! {
    static READS: RefCell<[Option<Read>; 3]> = const { RefCell::new([None, None, None]) };
}

/// The instant of a setting, parsed once for as long as neither it nor the zone changes.
fn instant(setting: &GucSetting<Option<CString>>, slot: usize) -> Option<i64> {
    let text = setting.get()?;
    // SAFETY: a global of this single-threaded process, read only.
    let zone = unsafe { pg_sys::session_timezone };
    let known = READS.with_borrow(|reads| {
        let read = reads[slot].as_ref()?;
        (read.zone == zone && read.text == text).then_some(read.instant)
    });
    known.unwrap_or_else(|| {
        let instant = instant_of(&text).unwrap_or_else(|reason| error!("{reason}"));
        READS.with_borrow_mut(|reads| reads[slot] = Some(Read { text, zone, instant }));
        instant
    })
}

struct Clock {
    now: i64,
    rate: f64,
    fixed: bool,
}

fn read_clock() -> Clock {
    let rate = CLOCK_RATE.get();
    if let Some(now) = instant(&CLOCK, 0) {
        return Clock { now, rate, fixed: true };
    }
    // SAFETY: no arguments, reads the system's clock.
    let real = unsafe { pg_sys::GetCurrentTimestamp() };
    let origin = instant(&CLOCK_ORIGIN, 1);
    if rate == 1.0 && origin.is_none() {
        return Clock { now: real, rate, fixed: false };
    }
    // The start of the server, because all sessions must see the same clock.
    // SAFETY: a global that is set once, before any backend exists.
    let origin_at = instant(&CLOCK_ORIGIN_AT, 2).unwrap_or(unsafe { pg_sys::PgStartTime });
    let passed = real.saturating_sub(origin_at) as f64 * rate;
    let now = origin.unwrap_or(origin_at).saturating_add(passed as i64);
    Clock { now, rate, fixed: false }
}

fn timestamptz(micros: i64) -> TimestampWithTimeZone {
    TimestampWithTimeZone::try_from(micros)
        .unwrap_or_else(|_| error!("the simulated clock has left the range of timestamptz"))
}

#[pg_extern(sql = false)]
fn now() -> TimestampWithTimeZone {
    timestamptz(read_clock().now)
}

#[pg_extern(sql = false)]
fn clock() -> TableIterator<
    'static,
    (name!(now_at, TimestampWithTimeZone), name!(rate, f64), name!(fixed, bool)),
> {
    let clock = read_clock();
    TableIterator::once((timestamptz(clock.now), clock.rate, clock.fixed))
}

#[pg_extern(sql = false)]
fn real_interval(amount: Interval) -> Interval {
    let rate = CLOCK_RATE.get();
    if rate == 1.0 {
        return amount;
    }
    let arguments = [amount.into_datum(), rate.into_datum()];
    // SAFETY: interval_mul takes an interval and a float8, and returns an interval.
    let product = unsafe { direct_function_call(pg_sys::interval_mul, &arguments) };
    product.unwrap_or_else(|| error!("an interval cannot be multiplied"))
}
