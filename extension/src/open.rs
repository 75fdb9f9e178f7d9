//! Opening hours in SQL: open or not, next opening and closing, open time added and measured.
//!
//! Each question comes in three forms: in one zone, in several zones, and for a list of
//! `dialer.opening`. The forms differ only in how the openings are read; they are parsed once a
//! call site. An infinite or unknown instant has no answer: null.

use crate::datum::{
    Call, Remembered, elements, fields, instant_of, interval_of, refuse, text_of_datum,
};
use crate::hours_type::{hours_of_datum, stored};
use crate::raise::{Complaint, raise};
use crate::server_zone::ServerZone;
use dialer_core::{Attempts, Cap, DateSet, Hours, Instant, OPENINGS_MAX, OpenTime, Opening, Span};
use pgrx::pg_sys;
use pgrx::prelude::*;

/// Openings as the functions of `dialer_core` take them.
pub type Openings<'a> = [Opening<'a, ServerZone>];

/// What a call site of the zone forms remembers.
#[derive(Default)]
struct ZoneSite {
    hours: Remembered<Hours>,
    zones: Remembered<Vec<ServerZone>>,
    closures: Remembered<DateSet>,
    bans: Remembered<DateSet>,
}

/// Whether a `tz` argument is `text` or `text[]`.
#[derive(Clone, Copy)]
enum Zones {
    One,
    Several,
}

/// Asks `question` with the openings that stand in the arguments `first`.. as hours, tz, closures,
/// bans. Functions of this form are strict, so none of them is null.
fn in_zones<T>(
    call: Call,
    first: usize,
    zones: Zones,
    question: impl FnOnce(&Openings<'_>) -> Option<T>,
) -> Option<T> {
    let site: &mut ZoneSite = call.site();
    let bytes = call.bytes(first)?;
    let hours = site.hours.get(bytes, || stored(bytes));
    let zone_datum = call.datum(first + 1)?;
    let zones = site.zones.get(call.bytes(first + 1)?, || match zones {
        Zones::One => vec![zone_named(text_of_datum(zone_datum))],
        Zones::Several => zones_of_array(zone_datum),
    });
    let closures = remembered_dates(&mut site.closures, call, first + 2)?;
    let bans = remembered_dates(&mut site.bans, call, first + 3)?;
    let one = |zone: &ServerZone| Opening { hours, zone: *zone, closures, bans };
    match zones.as_slice() {
        [zone] => question(&[one(zone)]),
        [first, second] => question(&[one(first), one(second)]),
        several => question(&several.iter().map(one).collect::<Vec<_>>()),
    }
}

fn remembered_dates(known: &mut Remembered<DateSet>, call: Call, index: usize) -> Option<&DateSet> {
    let datum = call.datum(index)?;
    Some(known.get(call.bytes(index)?, || dates_of_array(datum)))
}

/// The zone of that name, or error PD011.
pub fn zone_named(name: &str) -> ServerZone {
    ServerZone::named(name).unwrap_or_else(|| {
        let shown: String = name.chars().take(80).collect();
        raise(Complaint {
            code: "PD011",
            message: format!("unknown time zone \"{shown}\""),
            detail: "A zone is an IANA name that this server knows; abbreviations and fixed offsets are refused.".into(),
            hint: match dialer_core::zones_of_abbreviation(name.trim(), None) {
                [] => "Use a name such as America/New_York, or UTC; dialer.is_zone(name) tells whether one is known.".into(),
                zones => format!("In North America it means {}: use that.", zones.join(" or ")),
            },
        })
    })
}

fn zones_of_array(datum: pg_sys::Datum) -> Vec<ServerZone> {
    let names = elements(datum);
    limit(names.len(), OPENINGS_MAX, "time zones");
    names.into_iter().map(|name| zone_named(name.map_or("", text_of_datum))).collect()
}

/// A `date[]`; null elements and infinite dates are nobody's date and are left out.
pub fn dates_of_array(datum: pg_sys::Datum) -> DateSet {
    elements(datum).into_iter().flatten().map(|date| date.value() as i32).collect()
}

/// Error PD015 if a list is longer than its limit.
pub fn limit(count: usize, max: usize, what: &str) {
    if count > max {
        raise(Complaint {
            code: "PD015",
            message: format!("too many {what}: {count}"),
            detail: format!("At most {max} are looked at in one call."),
            hint: "Give fewer.".into(),
        });
    }
}

/// An opening that owns what it is made of.
pub struct OwnedOpening {
    hours: Hours,
    zone: ServerZone,
    closures: DateSet,
    bans: DateSet,
}

impl OwnedOpening {
    /// From values that were read one by one.
    pub fn new(hours: Hours, zone: ServerZone, closures: DateSet, bans: DateSet) -> Self {
        OwnedOpening { hours, zone, closures, bans }
    }

    /// Borrowed, as `dialer_core` wants it.
    pub fn borrow(&self) -> Opening<'_, ServerZone> {
        Opening { hours: &self.hours, zone: self.zone, closures: &self.closures, bans: &self.bans }
    }
}

/// A `dialer.opening[]`.
fn openings_of_array(datum: pg_sys::Datum) -> Vec<OwnedOpening> {
    let list = elements(datum);
    limit(list.len(), OPENINGS_MAX, "openings");
    list.into_iter().map(|opening| opening.map_or_else(never_open, opening_of_datum)).collect()
}

fn opening_of_datum(datum: pg_sys::Datum) -> OwnedOpening {
    let fields = fields(datum);
    let field = |index: usize| fields.get(index).copied().flatten();
    let dates = |index| field(index).map_or(DateSet::EMPTY, dates_of_array);
    match (field(0), field(1)) {
        (Some(hours), Some(tz)) => OwnedOpening {
            hours: hours_of_datum(hours),
            zone: zone_named(text_of_datum(tz)),
            closures: dates(2),
            bans: dates(3),
        },
        _ => never_open(),
    }
}

/// What stands for an unknown opening: when in doubt, closed.
fn never_open() -> OwnedOpening {
    let hours = Hours::parse("off").unwrap_or_else(|error| refuse(&error));
    OwnedOpening::new(hours, zone_named("UTC"), DateSet::EMPTY, DateSet::EMPTY)
}

/// What a call site of the list forms remembers.
#[derive(Default)]
struct ListSite {
    openings: Remembered<Vec<OwnedOpening>>,
    caps: Remembered<Vec<Cap>>,
    zone: Remembered<ServerZone>,
}

fn in_list<T>(
    call: Call,
    index: usize,
    question: impl FnOnce(&Openings<'_>) -> Option<T>,
) -> Option<T> {
    let site: &mut ListSite = call.site();
    let datum = call.datum(index)?;
    let owned = site.openings.get(call.bytes(index)?, || openings_of_array(datum));
    match owned.as_slice() {
        [one] => question(&[one.borrow()]),
        [first, second] => question(&[first.borrow(), second.borrow()]),
        several => question(&several.iter().map(OwnedOpening::borrow).collect::<Vec<_>>()),
    }
}

/// An open span as a range; edges beyond the horizon are unbounded.
fn range_of(span: Span) -> Range<TimestampWithTimeZone> {
    let bound = |at: Instant| TimestampWithTimeZone::try_from(at.micros()).ok();
    let from = bound(span.from).filter(|_| span.from > Instant::MIN);
    let to = bound(span.to).filter(|_| span.to < Instant::MAX);
    let lower = from.map_or(RangeBound::Infinite, RangeBound::Inclusive);
    let upper = to.map_or(RangeBound::Infinite, RangeBound::Exclusive);
    Range::new(lower, upper)
}

/// The amount of open time in an argument; negative amounts are refused.
fn amount(call: Call, index: usize) -> Option<i64> {
    let micros = call.interval(index)?;
    if micros < 0 {
        raise(Complaint {
            code: "PD012",
            message: "open time to add is negative".into(),
            detail: "Open time is added forwards only.".into(),
            hint: "Use dialer.open_between to measure backwards.".into(),
        });
    }
    Some(micros)
}

/// A function in its three forms; its openings start at argument `$first`.
macro_rules! three_forms {
    ($one:ident, $several:ident, $list:ident, $first:literal, $result:ty, $body:expr) => {
        #[pg_extern(sql = false)]
        fn $one(call: pg_sys::FunctionCallInfo) -> Option<$result> {
            let call = Call::new(call);
            let body: fn(Call, &Openings<'_>) -> Option<$result> = $body;
            in_zones(call, $first, Zones::One, |openings| body(call, openings))
        }

        #[pg_extern(sql = false)]
        fn $several(call: pg_sys::FunctionCallInfo) -> Option<$result> {
            let call = Call::new(call);
            let body: fn(Call, &Openings<'_>) -> Option<$result> = $body;
            in_zones(call, $first, Zones::Several, |openings| body(call, openings))
        }

        #[pg_extern(sql = false)]
        fn $list(call: pg_sys::FunctionCallInfo) -> Option<$result> {
            let call = Call::new(call);
            let body: fn(Call, &Openings<'_>) -> Option<$result> = $body;
            in_list(call, $first, |openings| body(call, openings))
        }
    };
}

three_forms!(is_open_in_zone, is_open_in_zones, is_open_all, 1, bool, |call, openings| {
    Some(dialer_core::is_open(openings, call.instant(0)?))
});

three_forms!(next_open_in_zone, next_open_in_zones, next_open_all, 1, i64, |call, openings| {
    dialer_core::next_open(openings, call.instant(0)?).map(Instant::micros)
});

three_forms!(next_close_in_zone, next_close_in_zones, next_close_all, 1, i64, |call, openings| {
    dialer_core::next_close(openings, call.instant(0)?).map(Instant::micros)
});

three_forms!(
    open_span_in_zone,
    open_span_in_zones,
    open_span_all,
    1,
    Range<TimestampWithTimeZone>,
    |call, openings| dialer_core::open_span(openings, call.instant(0)?).map(range_of)
);

three_forms!(add_open_in_zone, add_open_in_zones, add_open_all, 2, i64, |call, openings| {
    dialer_core::add_open(openings, call.instant(0)?, amount(call, 1)?).map(Instant::micros)
});

/// The open time from one instant on, as far as it has been walked.
struct Walk {
    openings: Vec<OwnedOpening>,
    open_time: OpenTime,
}

/// The arguments are at, amount, openings. Of many amounts from one instant on, as a stagger asks
/// for, each piece of open time is walked once.
#[pg_extern(sql = false)]
fn add_open_callable_all(call: pg_sys::FunctionCallInfo) -> Option<i64> {
    let call = Call::new(call);
    let (at, micros) = (call.instant(0)?, amount(call, 1)?);
    let (datum, bytes) = (call.datum(2)?, call.bytes(2)?);
    let walks: &mut Remembered<Walk> = call.site();
    let key = [at.micros().to_ne_bytes().as_slice(), bytes].concat();
    let Walk { openings, open_time } = walks.get_mut(&key, || Walk {
        openings: openings_of_array(datum),
        open_time: OpenTime::from(at),
    });
    let openings: Vec<_> = openings.iter().map(OwnedOpening::borrow).collect();
    open_time.near_or_far(&openings, micros).map(Instant::micros)
}

three_forms!(
    open_between_in_zone,
    open_between_in_zones,
    open_between_all,
    2,
    Interval,
    |call, openings| {
        let micros = dialer_core::open_between(openings, call.instant(0)?, call.instant(1)?);
        Some(interval_of(micros))
    }
);

/// The arguments are at, openings, attempts, caps, tz.
#[pg_extern(sql = false)]
fn next_callable(call: pg_sys::FunctionCallInfo) -> Option<i64> {
    let call = Call::new(call);
    let at = call.instant(0)?;
    let made = elements(call.datum(2)?).into_iter().flatten();
    let attempts = Attempts::new(made.filter_map(|made| instant_of(made.value() as i64)));
    let (caps_datum, zone_name) = (call.datum(3)?, call.text(4)?);
    let site: &mut ListSite = call.site();
    let openings_datum = call.datum(1)?;
    let owned = site.openings.get(call.bytes(1)?, || openings_of_array(openings_datum));
    let caps = site.caps.get(call.bytes(3)?, || caps_of_array(caps_datum));
    let zone = site.zone.get(zone_name.as_bytes(), || zone_named(zone_name));
    let openings: Vec<_> = owned.iter().map(OwnedOpening::borrow).collect();
    dialer_core::next_callable(at, &openings, &attempts, caps, zone).map(Instant::micros)
}

/// LIMIT: caps of one call.
const CAPS_MAX: usize = 64;

/// A `dialer.cap[]`.
fn caps_of_array(datum: pg_sys::Datum) -> Vec<Cap> {
    let caps = elements(datum);
    limit(caps.len(), CAPS_MAX, "caps");
    caps.into_iter().map(|cap| cap_of_fields(&cap.map_or(Vec::new(), fields))).collect()
}

fn cap_of_fields(fields: &[Option<pg_sys::Datum>]) -> Cap {
    let field = |index: usize| fields.get(index).copied().flatten();
    let integer = |index| field(index).map(|datum| i64::from(datum.value() as i32));
    let kind = field(1).map_or("", text_of_datum);
    let counts = !matches!(kind, "gap" | "cooldown_dates");
    let max_count = match integer(0) {
        Some(max_count) => max_count,
        None if !counts => 0,
        None => raise(Complaint {
            code: "PD015",
            message: "cap has no max_count".into(),
            detail: "A cap says how many attempts it allows.".into(),
            hint: "Give max_count, or leave the cap out.".into(),
        }),
    };
    let since = field(3).and_then(|since| instant_of(since.value() as i64));
    Cap::new(max_count, kind, integer(2), since).unwrap_or_else(|error| refuse(&error))
}
