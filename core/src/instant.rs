//! An instant as Postgres keeps it: microseconds since 2000-01-01 00:00:00 UTC.
//!
//! Every value lies in the range of a finite `timestamptz`, so that adding a zone's offset never
//! overflows. Infinities are the caller's business and never get this far.

/// Microseconds in a second.
///
/// ```
/// assert_eq!(dialer_core::SECOND * 60, dialer_core::MINUTE);
/// ```
pub const SECOND: i64 = 1_000_000;
/// Microseconds in a minute.
///
/// ```
/// assert_eq!(dialer_core::MINUTE * 60, dialer_core::HOUR);
/// ```
pub const MINUTE: i64 = 60 * SECOND;
/// Microseconds in an hour.
///
/// ```
/// assert_eq!(dialer_core::HOUR * 24, dialer_core::DAY);
/// ```
pub const HOUR: i64 = 60 * MINUTE;
/// Microseconds in a day of 24 hours.
///
/// ```
/// assert_eq!(dialer_core::DAY, 86_400_000_000);
/// ```
pub const DAY: i64 = 24 * HOUR;

const UNIX_SECONDS_OF_2000: i64 = 946_684_800;

/// A point in time, exact to the microsecond.
///
/// ```
/// use dialer_core::{Instant, HOUR};
/// let noon = Instant::from_micros(12 * HOUR);
/// assert_eq!(noon.checked_add(HOUR), Some(Instant::from_micros(13 * HOUR)));
/// assert_eq!(Instant::MAX.checked_add(1), None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Instant(i64);

impl Instant {
    /// The first instant of a finite `timestamptz`: 24 November 4714 BC.
    ///
    /// ```
    /// assert_eq!(dialer_core::Instant::from_micros(i64::MIN), dialer_core::Instant::MIN);
    /// ```
    pub const MIN: Instant = Instant(-211_813_488_000_000_000);
    /// The last instant of a finite `timestamptz`: the end of the year 294276.
    ///
    /// ```
    /// assert_eq!(dialer_core::Instant::from_micros(i64::MAX), dialer_core::Instant::MAX);
    /// ```
    pub const MAX: Instant = Instant(9_223_371_331_199_999_999);

    /// From Postgres's microseconds; values outside the finite range become its nearest end.
    ///
    /// ```
    /// assert_eq!(dialer_core::Instant::from_micros(5).micros(), 5);
    /// ```
    pub const fn from_micros(micros: i64) -> Self {
        if micros < Self::MIN.0 {
            Self::MIN
        } else if micros > Self::MAX.0 {
            Self::MAX
        } else {
            Instant(micros)
        }
    }

    /// From seconds since 1970, as clocks and zone files count.
    ///
    /// ```
    /// assert_eq!(dialer_core::Instant::from_unix_seconds(946_684_800).micros(), 0);
    /// ```
    pub const fn from_unix_seconds(seconds: i64) -> Self {
        Self::from_micros(seconds.saturating_sub(UNIX_SECONDS_OF_2000).saturating_mul(SECOND))
    }

    /// Microseconds since 2000-01-01 00:00:00 UTC.
    ///
    /// ```
    /// assert_eq!(dialer_core::Instant::from_micros(-1).micros(), -1);
    /// ```
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since 1970, rounded down.
    ///
    /// ```
    /// assert_eq!(dialer_core::Instant::from_micros(-1).unix_seconds(), 946_684_799);
    /// ```
    pub const fn unix_seconds(self) -> i64 {
        self.0.div_euclid(SECOND) + UNIX_SECONDS_OF_2000
    }

    /// Later by that many microseconds (earlier if negative); `None` outside the range.
    ///
    /// ```
    /// assert_eq!(dialer_core::Instant::MIN.checked_add(-1), None);
    /// ```
    pub const fn checked_add(self, micros: i64) -> Option<Instant> {
        match self.0.checked_add(micros) {
            Some(sum) if sum >= Self::MIN.0 && sum <= Self::MAX.0 => Some(Instant(sum)),
            _ => None,
        }
    }

    /// Later by that many microseconds, stopping at the ends of the range.
    ///
    /// ```
    /// use dialer_core::Instant;
    /// assert_eq!(Instant::MAX.saturating_add(5), Instant::MAX);
    /// ```
    pub const fn saturating_add(self, micros: i64) -> Instant {
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Microseconds from `earlier` to `self`.
    ///
    /// ```
    /// use dialer_core::Instant;
    /// assert_eq!(Instant::from_micros(7).since(Instant::from_micros(9)), -2);
    /// ```
    pub const fn since(self, earlier: Instant) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}
