//! Recurrence in SQL: the occurrences of an RFC 5545 rule by the wall clock of a zone.

use crate::datum::{Call, refuse};
use crate::hours_type::hours_of_datum;
use crate::open::{dates_of_array, zone_named};
use crate::raise::{Complaint, raise};
use crate::server_zone::ServerZone;
use dialer_core::{BusinessDays, DateSet, Error, Hours, Instant, Policy, Rule, Series};
use pgrx::iter::SetOfIterator;
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::str::FromStr;

/// LIMIT: occurrences of one call.
const OCCURRENCES_MAX: i32 = 1_000_000;

/// A series that owns its parts.
struct OwnedSeries {
    rule: Rule,
    start_local: i64,
    zone: ServerZone,
    policy: Policy,
    hours: Option<Hours>,
    closures: DateSet,
}

impl OwnedSeries {
    fn borrow(&self) -> Series<'_, ServerZone> {
        Series {
            rule: &self.rule,
            start_local: self.start_local,
            zone: self.zone,
            policy: self.policy,
            business_days: BusinessDays { hours: self.hours.as_ref(), closures: &self.closures },
        }
    }
}

/// The arguments are rule, start_local, tz, n, from_at, gap, overlap, month_end, adjust, hours,
/// closures.
#[pg_extern(sql = false)]
fn occurrences(call: pg_sys::FunctionCallInfo) -> SetOfIterator<'static, i64> {
    SetOfIterator::new(found(Call::new(call)).unwrap_or_default())
}

fn found(call: Call) -> Option<Vec<i64>> {
    let n = call.integer(3)?;
    if !(0..=OCCURRENCES_MAX).contains(&n) {
        raise(Complaint {
            code: "PD015",
            message: format!("{n} occurrences are asked for"),
            detail: "One call returns at most 1000000 occurrences.".into(),
            hint: "Ask for fewer and go on from the last one with from_at.".into(),
        });
    }
    let from = from_of(call.micros(4)?)?;
    let series = series_of(call, 5)?;
    let first_n = series.borrow().occurrences(from).take(n.unsigned_abs() as usize);
    let mut found = Vec::new();
    for at in first_n {
        check_for_interrupts!();
        found.push(at.micros());
    }
    Some(found)
}

/// The arguments are rule, start_local, tz, from_at, gap, overlap, month_end, adjust, hours,
/// closures.
#[pg_extern(sql = false)]
fn next_occurrence(call: pg_sys::FunctionCallInfo) -> Option<i64> {
    let call = Call::new(call);
    let from = from_of(call.micros(3)?)?;
    let series = series_of(call, 4)?;
    series.borrow().occurrences(from).next().map(Instant::micros)
}

/// `-infinity` is the beginning of time; after `infinity` nothing comes.
fn from_of(micros: i64) -> Option<Instant> {
    (micros != i64::MAX).then(|| Instant::from_micros(micros))
}

/// Rule, start and zone stand first; the policies, hours and closures from `first` on. Nothing if
/// one of them but hours is null, or if the start is infinite.
fn series_of(call: Call, first: usize) -> Option<OwnedSeries> {
    let start_local = call.micros(1).filter(|at| *at != i64::MIN && *at != i64::MAX)?;
    Some(OwnedSeries {
        rule: word(call, 0)?,
        start_local,
        zone: zone_named(call.text(2)?),
        policy: Policy {
            gap: word(call, first)?,
            overlap: word(call, first + 1)?,
            month_end: word(call, first + 2)?,
            adjust: word(call, first + 3)?,
        },
        hours: call.datum(first + 4).map(hours_of_datum),
        closures: dates_of_array(call.datum(first + 5)?),
    })
}

fn word<T: FromStr<Err = Error>>(call: Call, index: usize) -> Option<T> {
    call.text(index).map(|text| text.parse().unwrap_or_else(|error| refuse(&error)))
}
