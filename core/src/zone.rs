//! Zone rules: which offset holds at an instant, and until when.
//!
//! One call is all that the calendar needs. Postgres answers it with its own zone tables; the
//! chrono-tz implementation here serves tests and tools without a server. Local time is resolved to
//! an instant only for recurrence and for times that people enter, never for opening hours.

mod iana;
mod release;

pub use iana::{IanaZone, check_zone_name};
pub use release::{NEWEST_RELEASE_PROBED, first_release_missing, release_named_in};

use crate::instant::{DAY, Instant, SECOND};

/// A stretch of time with one offset, from the instant that was asked for onwards.
///
/// ```
/// use dialer_core::{Instant, Segment};
/// let utc = Segment { offset_seconds: 0, ends: Instant::MAX };
/// assert_eq!(utc.local(Instant::from_micros(5)), 5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// Seconds east of UTC.
    pub offset_seconds: i32,
    /// The first instant after it; `Instant::MAX` if the offset never changes again.
    pub ends: Instant,
}

impl Segment {
    /// The wall clock at an instant of this segment, in microseconds after 2000-01-01 00:00.
    ///
    /// ```
    /// use dialer_core::{Instant, Segment, HOUR};
    /// let paris = Segment { offset_seconds: 3600, ends: Instant::MAX };
    /// assert_eq!(paris.local(Instant::from_micros(0)), HOUR);
    /// ```
    pub fn local(self, at: Instant) -> i64 {
        at.micros().saturating_add(self.offset())
    }

    /// The instant at which this segment's wall clock shows `local`.
    pub(crate) fn instant(self, local: i64) -> Instant {
        Instant::from_micros(local.saturating_sub(self.offset()))
    }

    fn offset(self) -> i64 {
        i64::from(self.offset_seconds) * SECOND
    }
}

/// The rules of one time zone.
///
/// ```
/// use dialer_core::{Instant, Segment, ZoneRules, local_date};
/// struct Fixed(i32);
/// impl ZoneRules for Fixed {
///     fn segment(&self, _at: Instant) -> Segment {
///         Segment { offset_seconds: self.0, ends: Instant::MAX }
///     }
/// }
/// assert_eq!(local_date(&Fixed(-3600), Instant::from_micros(0)), -1);
/// ```
pub trait ZoneRules {
    /// The segment that holds at `at`; it must end after `at` unless `at` is `Instant::MAX`.
    fn segment(&self, at: Instant) -> Segment;
}

impl<Z: ZoneRules + ?Sized> ZoneRules for &Z {
    fn segment(&self, at: Instant) -> Segment {
        (**self).segment(at)
    }
}

/// The date that calendars show there at that instant.
///
/// ```
/// use dialer_core::{Instant, IanaZone, local_date};
/// let tokyo = IanaZone::parse("Asia/Tokyo").unwrap();
/// assert_eq!(local_date(&tokyo, Instant::from_micros(15 * dialer_core::HOUR)), 1);
/// ```
pub fn local_date<Z: ZoneRules>(zone: &Z, at: Instant) -> i32 {
    date_of_local(zone.segment(at).local(at))
}

pub(crate) fn date_of_local(local: i64) -> i32 {
    // The range of an instant holds fewer days than i32 can count.
    local.div_euclid(DAY) as i32
}

/// The first instant at or after `from` at which the local date is `date` or later.
///
/// ```
/// use dialer_core::{Instant, IanaZone, first_instant_of, HOUR};
/// let tokyo = IanaZone::parse("Asia/Tokyo").unwrap();
/// let from = Instant::from_micros(0);
/// assert_eq!(first_instant_of(&tokyo, 1, from), Some(Instant::from_micros(15 * HOUR)));
/// ```
pub fn first_instant_of<Z: ZoneRules>(zone: &Z, date: i32, from: Instant) -> Option<Instant> {
    let midnight = crate::civil::midnight_of(date);
    // No offset reaches two days, so nothing earlier can be the answer.
    let mut at = from.max(Instant::from_micros(midnight.saturating_sub(2 * DAY)));
    for _ in 0..SEGMENTS_NEAR_MAX {
        let segment = zone.segment(at);
        let candidate = at.micros().max(midnight.checked_sub(segment.offset())?);
        if candidate < segment.ends.micros() {
            return Some(Instant::from_micros(candidate));
        }
        if segment.ends <= at {
            return None;
        }
        at = segment.ends;
    }
    None
}

/// LIMIT: segments that are looked at around one local time; real zones have at most a few a week.
const SEGMENTS_NEAR_MAX: usize = 64;

/// What to do with a local time that the clocks skip.
///
/// ```
/// assert_eq!("gap_end".parse::<dialer_core::Gap>().unwrap(), dialer_core::Gap::GapEnd);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// It does not happen (RFC 5545 for generated instances).
    Skip,
    /// It happens later by the length of the gap: 02:30 becomes 03:30.
    Forward,
    /// It happens when the gap ends: 02:30 becomes 03:00.
    GapEnd,
}

/// Which of the two instants of a repeated local time is meant.
///
/// ```
/// assert_eq!("both".parse::<dialer_core::Overlap>().unwrap(), dialer_core::Overlap::Both);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overlap {
    /// The earlier one, as calendars do.
    First,
    /// The later one, as `AT TIME ZONE` does.
    Second,
    /// Both.
    Both,
}

/// The instants meant by a wall-clock time: none, one, or two in order.
///
/// ```
/// use dialer_core::{Gap, IanaZone, Instant, Overlap, resolve_local};
/// let utc = IanaZone::parse("UTC").unwrap();
/// let at = Instant::from_micros(7);
/// assert_eq!(resolve_local(&utc, 7, Gap::Skip, Overlap::First), [Some(at), None]);
/// ```
pub fn resolve_local<Z: ZoneRules>(
    zone: &Z,
    local: i64,
    gap: Gap,
    overlap: Overlap,
) -> [Option<Instant>; 2] {
    let found = find_local(zone, local);
    match (found.first, found.second) {
        (Some(first), Some(second)) => match overlap {
            Overlap::First => [Some(first), None],
            Overlap::Second => [Some(second), None],
            Overlap::Both => [Some(first), Some(second)],
        },
        (Some(only), None) => [Some(only), None],
        (None, _) => match gap {
            Gap::Skip => [None, None],
            Gap::Forward => [found.with_offset_before_gap, None],
            Gap::GapEnd => [found.gap_end, None],
        },
    }
}

#[derive(Default)]
struct Found {
    first: Option<Instant>,
    second: Option<Instant>,
    with_offset_before_gap: Option<Instant>,
    gap_end: Option<Instant>,
}

fn find_local<Z: ZoneRules>(zone: &Z, local: i64) -> Found {
    let mut found = Found::default();
    let outside = |micros: i64| Instant::from_micros(micros).micros() != micros;
    if outside(local) {
        return found;
    }
    let until = Instant::from_micros(local).saturating_add(2 * DAY);
    let mut at = Instant::from_micros(local).saturating_add(-2 * DAY);
    for _ in 0..SEGMENTS_NEAR_MAX {
        let segment = zone.segment(at);
        let candidate = local.saturating_sub(segment.offset());
        if candidate >= segment.ends.micros() && segment.ends < Instant::MAX {
            // Still before the answer, or just before the gap that swallows it.
            found.with_offset_before_gap = Some(Instant::from_micros(candidate));
            found.gap_end = Some(segment.ends);
        } else if candidate >= at.micros() && !outside(candidate) {
            if found.first.is_none() {
                found.first = Some(Instant::from_micros(candidate));
            } else {
                found.second = Some(Instant::from_micros(candidate));
                break;
            }
        }
        if segment.ends >= until || segment.ends <= at {
            break;
        }
        at = segment.ends;
    }
    found
}

macro_rules! option_words {
    ($type:ident, $name:literal, $words:literal, $($word:literal => $variant:ident),+) => {
        impl std::str::FromStr for $type {
            type Err = crate::Error;

            fn from_str(text: &str) -> Result<Self, crate::Error> {
                match text {
                    $($word => Ok($type::$variant),)+
                    _ => Err(crate::Error::limit(
                        format!("unknown {} \"{}\"", $name, text.chars().take(40).collect::<String>()),
                        concat!("It may be ", $words, "."),
                        concat!("Use one of ", $words, "."),
                    )),
                }
            }
        }
    };
}
pub(crate) use option_words;

option_words!(Gap, "gap policy", "skip, forward or gap_end",
    "skip" => Skip, "forward" => Forward, "gap_end" => GapEnd);
option_words!(Overlap, "overlap policy", "first, second or both",
    "first" => First, "second" => Second, "both" => Both);

#[cfg(test)]
mod tests;
