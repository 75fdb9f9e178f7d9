//! Caps: how often may be called, and when the next call is allowed.
//!
//! Every cap answers one question, "from when on is a call allowed, looking from `at`?", from the
//! list of attempts alone. There is no counter and no reset: a day is the local date at the
//! instant. Attempts after `at` (already planned) count too, because they will have happened.

use crate::civil::weekday_of;
use crate::error::Error;
use crate::instant::{Instant, SECOND};
use crate::open::{Opening, next_open};
use crate::zone::{ZoneRules, first_instant_of, local_date};

/// LIMIT: ten thousand years of seconds or dates; more is a mistake.
const AMOUNT_MAX: i64 = 315_576_000_000;

/// One limit on attempts.
///
/// ```
/// use dialer_core::Cap;
/// assert!(Cap::new(3, "rolling", Some(86_400), None).is_ok());
/// assert!(Cap::new(3, "rolling", None, None).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    max_count: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Rolling { micros: i64 },
    LocalDates { days: i32 },
    CalendarWeek,
    Gap { micros: i64 },
    CooldownDates { days: i32, since: Option<Instant> },
    Lifetime,
}

impl Cap {
    /// A cap of one of the kinds `rolling` (amount in seconds), `local_dates` (amount in consecutive
    /// local dates), `calendar_week` (Monday to Sunday), `gap` (seconds since the last attempt),
    /// `cooldown_dates` (local dates, that of `since` being the first; no `since`, no cool-down) and
    /// `lifetime`.
    ///
    /// ```
    /// use dialer_core::Cap;
    /// assert!(Cap::new(1, "calendar_week", None, None).is_ok());
    /// assert!(Cap::new(-1, "lifetime", None, None).unwrap_err().is_limit());
    /// ```
    pub fn new(
        max_count: i64,
        kind: &str,
        amount: Option<i64>,
        since: Option<Instant>,
    ) -> Result<Cap, Error> {
        let kind = match kind {
            "rolling" => Kind::Rolling { micros: seconds(kind, amount)? },
            "local_dates" => Kind::LocalDates { days: days(kind, amount)? },
            "calendar_week" => Kind::CalendarWeek,
            "gap" => Kind::Gap { micros: seconds(kind, amount)? },
            "cooldown_dates" => Kind::CooldownDates { days: days(kind, amount)?, since },
            "lifetime" => Kind::Lifetime,
            _ => return Err(unknown_kind(kind)),
        };
        let max_count = usize::try_from(max_count).map_err(|_| {
            let detail = "The number of attempts that a cap allows is zero or more.";
            let message = format!("cap allows {max_count} attempts");
            Error::limit(message, detail, "Use 0 to allow none.")
        })?;
        Ok(Cap { max_count, kind })
    }

    /// The first instant at or after `at` at which this cap allows a call; `None` if never again.
    ///
    /// ```
    /// use dialer_core::{Attempts, Cap, IanaZone, Instant, SECOND};
    /// let utc = IanaZone::parse("UTC").unwrap();
    /// let zero = Instant::from_micros(0);
    /// let gap = Cap::new(1, "gap", Some(60), None).unwrap();
    /// let allowed = gap.allowed_from(zero, &Attempts::new([zero]), &utc);
    /// assert_eq!(allowed, Some(Instant::from_micros(60 * SECOND)));
    /// ```
    pub fn allowed_from<Z: ZoneRules>(
        &self,
        at: Instant,
        attempts: &Attempts,
        zone: &Z,
    ) -> Option<Instant> {
        match self.kind {
            Kind::Lifetime => (attempts.0.len() < self.max_count).then_some(at),
            Kind::Gap { micros } => match attempts.0.last() {
                Some(last) => last.checked_add(micros).map(|free| free.max(at)),
                None => Some(at),
            },
            Kind::Rolling { micros } => match self.blocking(attempts) {
                Blocking::Nothing => Some(at),
                Blocking::Everything => None,
                Blocking::By(attempt) => attempt.checked_add(micros).map(|free| free.max(at)),
            },
            Kind::LocalDates { days } => match self.blocking(attempts) {
                Blocking::Nothing => Some(at),
                Blocking::Everything => None,
                Blocking::By(attempt) => {
                    let free_on = local_date(zone, attempt).checked_add(days)?;
                    first_instant_of(zone, free_on, at)
                }
            },
            Kind::CalendarWeek => match self.blocking(attempts) {
                Blocking::Nothing => Some(at),
                Blocking::Everything => None,
                Blocking::By(attempt) => {
                    let date = local_date(zone, attempt);
                    let free_on = date.checked_add(7 - weekday_of(date) as i32)?;
                    first_instant_of(zone, free_on, at)
                }
            },
            Kind::CooldownDates { days, since } => match since {
                None => Some(at),
                Some(since) => {
                    let free_on = local_date(zone, since).checked_add(days)?;
                    first_instant_of(zone, free_on, at)
                }
            },
        }
    }

    /// The attempt that must leave the cap's period before another one fits.
    fn blocking(&self, attempts: &Attempts) -> Blocking {
        if self.max_count == 0 {
            return Blocking::Everything;
        }
        match attempts.0.len().checked_sub(self.max_count) {
            Some(index) => attempts.0.get(index).map_or(Blocking::Nothing, |at| Blocking::By(*at)),
            None => Blocking::Nothing,
        }
    }
}

enum Blocking {
    Nothing,
    By(Instant),
    Everything,
}

fn seconds(kind: &str, amount: Option<i64>) -> Result<i64, Error> {
    positive(kind, amount).map(|seconds| seconds * SECOND)
}

fn days(kind: &str, amount: Option<i64>) -> Result<i32, Error> {
    let days = positive(kind, amount)?;
    i32::try_from(days).map_err(|_| bad_amount(kind, Some(days)))
}

fn positive(kind: &str, amount: Option<i64>) -> Result<i64, Error> {
    match amount {
        Some(amount) if (0..=AMOUNT_MAX).contains(&amount) => Ok(amount),
        other => Err(bad_amount(kind, other)),
    }
}

fn bad_amount(kind: &str, amount: Option<i64>) -> Error {
    let amount = amount.map_or("null".to_string(), |amount| amount.to_string());
    let message = format!("cap of kind \"{kind}\" has the amount {amount}");
    let detail = "The amount is a number of seconds (rolling, gap) or of local dates (local_dates, cooldown_dates), zero or more.";
    Error::limit(message, detail, "Give the amount in the unit of the kind.")
}

fn unknown_kind(kind: &str) -> Error {
    let shown: String = kind.chars().take(40).collect();
    let detail =
        "The kinds are rolling, local_dates, calendar_week, gap, cooldown_dates and lifetime.";
    Error::limit(format!("unknown kind of cap \"{shown}\""), detail, "Use one of these kinds.")
}

/// The attempts that count, in order of time.
///
/// ```
/// use dialer_core::{Attempts, Instant};
/// let attempts = Attempts::new([Instant::from_micros(5), Instant::from_micros(3)]);
/// assert_eq!(attempts.last(), Some(Instant::from_micros(5)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attempts(Vec<Instant>);

impl Attempts {
    /// Sorts what it is given; the same instant twice is two attempts.
    ///
    /// ```
    /// assert_eq!(dialer_core::Attempts::new([]).last(), None);
    /// ```
    pub fn new(attempts: impl IntoIterator<Item = Instant>) -> Attempts {
        let mut sorted: Vec<Instant> = attempts.into_iter().collect();
        sorted.sort_unstable();
        Attempts(sorted)
    }

    /// The latest attempt.
    ///
    /// ```
    /// assert_eq!(dialer_core::Attempts::default().last(), None);
    /// ```
    pub fn last(&self) -> Option<Instant> {
        self.0.last().copied()
    }
}

/// LIMIT: rounds between caps and hours. A cap's answer never moves once it is passed, so two rounds
/// are the rule; more are needed only around a midnight that happens twice.
const ROUNDS_MAX: usize = 64;

/// The first instant at or after `at` that is open in all openings and within all caps; `None` if
/// there is none within the horizon. Local dates are those of `zone`. Without any opening only the
/// caps are asked: whoever has no hours must not ask this whether to call.
///
/// ```
/// use dialer_core::{Attempts, Cap, Hours, IanaZone, Instant, Opening, next_callable, HOUR};
/// let hours = Hours::parse("09:00-17:00").unwrap();
/// let utc = IanaZone::parse("UTC").unwrap();
/// let opening = Opening::new(&hours, &utc);
/// let caps = [Cap::new(1, "local_dates", Some(1), None).unwrap()];
/// let done = Attempts::new([Instant::from_micros(10 * HOUR)]);
/// let next = next_callable(Instant::from_micros(11 * HOUR), &[opening], &done, &caps, &utc);
/// assert_eq!(next, Some(Instant::from_micros(33 * HOUR)));
/// ```
pub fn next_callable<O: ZoneRules, Z: ZoneRules>(
    at: Instant,
    openings: &[Opening<'_, O>],
    attempts: &Attempts,
    caps: &[Cap],
    zone: &Z,
) -> Option<Instant> {
    let mut at = at;
    for _ in 0..ROUNDS_MAX {
        let start = at;
        if !openings.is_empty() {
            at = next_open(openings, at)?;
        }
        for cap in caps {
            at = cap.allowed_from(at, attempts, zone)?;
        }
        if at == start {
            return Some(at);
        }
    }
    None
}

#[cfg(test)]
mod tests;
