//! Zone rules from the tables compiled into chrono-tz, for tests and for tools without a server.
//!
//! chrono-tz offers no list of transitions, so they are found by probing and bisection, and kept in
//! a small cache. Its tables end in 2099 and its newest release is months behind the law: where
//! there is a server, the server's own rules decide.

use super::{Segment, ZoneRules};
use crate::Error;
use crate::instant::Instant;
use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;
use std::cell::Cell;

/// Probing in steps of this many seconds finds every pair of transitions that is farther apart.
const PROBE_SECONDS: i64 = 6 * 3600;
/// LIMIT: one segment is reported as ending after this time even if the offset stays; a cut in the
/// middle of a constant offset is harmless because touching pieces are joined.
const LOOK_AHEAD_SECONDS: i64 = 200 * 86_400;
/// 2100-01-01: behind the tables there are no more transitions.
const TABLES_END: i64 = 4_102_444_800;
/// 1850-01-01: before it every zone has its first offset.
const TABLES_START: i64 = -3_786_825_600;

/// A zone of the tz database by its IANA name.
///
/// ```
/// use dialer_core::{IanaZone, Instant, ZoneRules};
/// let zone = IanaZone::parse("America/New_York").unwrap();
/// assert_eq!(zone.segment(Instant::from_unix_seconds(1_795_000_000)).offset_seconds, -18_000);
/// assert!(IanaZone::parse("america/new_york").is_err());
/// ```
#[derive(Debug, Clone)]
pub struct IanaZone {
    tz: Tz,
    cache: Cell<Option<Cached>>,
}

#[derive(Debug, Clone, Copy)]
struct Cached {
    from: Instant,
    segment: Segment,
}

impl IanaZone {
    /// Finds a zone by its exact name; abbreviations such as `CET` or `EST` are refused because
    /// Postgres reads them as fixed offsets.
    ///
    /// ```
    /// assert!(dialer_core::IanaZone::parse("EST5EDT").is_err());
    /// assert!(dialer_core::IanaZone::parse("UTC").is_ok());
    /// ```
    pub fn parse(name: &str) -> Result<IanaZone, Error> {
        check_zone_name(name)?;
        match name.parse() {
            Ok(tz) => Ok(IanaZone { tz, cache: Cell::new(None) }),
            Err(_) => Err(Error::zone(name, "There is no zone of that name in the tz database.")),
        }
    }

    /// Its IANA name.
    ///
    /// ```
    /// assert_eq!(dialer_core::IanaZone::parse("Asia/Tokyo").unwrap().name(), "Asia/Tokyo");
    /// ```
    pub fn name(&self) -> &'static str {
        self.tz.name()
    }

    fn offset_at(&self, unix_seconds: i64) -> i32 {
        let clamped = unix_seconds.clamp(TABLES_START, TABLES_END);
        let utc: NaiveDateTime =
            DateTime::from_timestamp(clamped, 0).map(|at| at.naive_utc()).unwrap_or_default();
        self.tz.offset_from_utc_datetime(&utc).fix().local_minus_utc()
    }

    fn find_segment(&self, unix_seconds: i64) -> Segment {
        let offset_seconds = self.offset_at(unix_seconds);
        if unix_seconds >= TABLES_END {
            return Segment { offset_seconds, ends: Instant::MAX };
        }
        let mut low = unix_seconds.max(TABLES_START);
        let last = low + LOOK_AHEAD_SECONDS;
        while low < last {
            let high = low + PROBE_SECONDS;
            if self.offset_at(high) != offset_seconds {
                let ends = self.bisect(low, high, offset_seconds);
                return Segment { offset_seconds, ends };
            }
            low = high;
        }
        Segment { offset_seconds, ends: Instant::from_unix_seconds(last) }
    }

    fn bisect(&self, mut low: i64, mut high: i64, offset_seconds: i32) -> Instant {
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.offset_at(middle) == offset_seconds { low = middle } else { high = middle }
        }
        Instant::from_unix_seconds(high)
    }
}

impl ZoneRules for IanaZone {
    fn segment(&self, at: Instant) -> Segment {
        if let Some(cached) = self.cache.get()
            && cached.from <= at
            && at < cached.segment.ends
        {
            return cached.segment;
        }
        let segment = self.find_segment(at.unix_seconds());
        self.cache.set(Some(Cached { from: at, segment }));
        segment
    }
}

/// Refuses names that are not a place (or `UTC`): abbreviations, POSIX strings, offsets.
///
/// ```
/// assert!(dialer_core::check_zone_name("MET").is_err());
/// assert!(dialer_core::check_zone_name("Europe/Paris").is_ok());
/// ```
pub fn check_zone_name(name: &str) -> Result<(), Error> {
    const PLAIN: [&str; 4] = ["UTC", "Etc/UTC", "GMT", "Etc/GMT"];
    if PLAIN.contains(&name) {
        return Ok(());
    }
    let is_place =
        name.contains('/') && name.bytes().next().is_some_and(|b| b.is_ascii_uppercase());
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+');
    if !is_place || name.len() > 64 || !name.bytes().all(is_plain) {
        let detail = "A zone is named by area and place; abbreviations and offsets are refused because their meaning differs between systems.";
        return Err(Error::zone(name, detail));
    }
    Ok(())
}
