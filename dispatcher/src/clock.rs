//! The only place that reads a clock; everything else takes an instant as a parameter.
//!
//! Dialer time is the time that the database tells: real time, or a rehearsal that runs fast.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;
use tokio::time::Instant;

/// Now, by the machine's monotonic clock.
pub fn monotonic() -> Instant {
    Instant::now()
}

/// Now, by the wall clock.
pub fn wall() -> DateTime<Utc> {
    DateTime::<Utc>::from(std::time::SystemTime::now())
}

/// Two readings of dialer time from one answer of the database.
///
/// The answer was true at some instant between `asked` and `answered`, so the one reading never
/// runs behind the database and the other never ahead of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DialerTime {
    pub now_at: DateTime<Utc>,
    pub rate: f64,
    pub asked: Instant,
    pub answered: Instant,
}

impl DialerTime {
    /// Never behind the database: compare with `place_by`.
    pub fn late(&self, now: Instant) -> DateTime<Utc> {
        self.now_at + scaled(now.saturating_duration_since(self.asked), self.rate)
    }

    /// Never ahead of the database: compare with `place_at`.
    pub fn early(&self, now: Instant) -> DateTime<Utc> {
        self.now_at + scaled(now.saturating_duration_since(self.answered), self.rate)
    }

    /// The first instant at which the early reading has reached `at`; `None` if it never will.
    pub fn reached(&self, at: DateTime<Utc>) -> Option<Instant> {
        let ahead = (at - self.now_at).to_std().unwrap_or_default();
        if ahead.is_zero() {
            return Some(self.answered);
        }
        // LIMIT: a day of real time; whoever waits longer asks the database again first.
        let wait = real_length(ahead, self.rate).filter(|wait| *wait < LONGEST_WAIT)?;
        // One nanosecond more, because the quotient is rounded.
        Some(self.answered + wait + Duration::from_nanos(1))
    }

    /// This reading, with what a shorter question found out about the same clock: the statement
    /// that took long leaves its early reading behind by as much.
    pub fn tightened(self, other: DialerTime) -> DialerTime {
        if self.rate != other.rate || self.rate <= 0.0 {
            return self;
        }
        // When the other's early reading showed what this one calls now.
        let answered = match (self.now_at - other.now_at).to_std() {
            Ok(later) => real_length(later, self.rate).and_then(|l| other.answered.checked_add(l)),
            Err(_) => (other.now_at - self.now_at)
                .to_std()
                .ok()
                .and_then(|earlier| real_length(earlier, self.rate))
                .and_then(|length| other.answered.checked_sub(length)),
        };
        // Before the question it cannot have been so late: then the clock was set meanwhile.
        match answered.filter(|answered| (self.asked..self.answered).contains(answered)) {
            Some(answered) => DialerTime { answered, ..self },
            None => self,
        }
    }

    /// How little is known: the length of the question.
    pub fn uncertainty(&self) -> Duration {
        self.answered.saturating_duration_since(self.asked)
    }

    /// The first instant at which the late reading has reached `at`; `None` if that is far off.
    pub fn over(&self, at: DateTime<Utc>) -> Option<Instant> {
        let ahead = (at - self.now_at).to_std().unwrap_or_default();
        real_length(ahead, self.rate)
            .filter(|wait| *wait < LONGEST_WAIT)
            .map(|wait| self.asked + wait)
    }
}

const LONGEST_WAIT: Duration = Duration::from_secs(86_400);

/// A length of real time as dialer time.
pub fn scaled(real: Duration, rate: f64) -> TimeDelta {
    TimeDelta::nanoseconds((real.as_nanos() as f64 * rate) as i64)
}

/// A length of dialer time as real time; `None` when dialer time stands still.
pub fn real_length(dialer: Duration, rate: f64) -> Option<Duration> {
    if rate <= 0.0 || !rate.is_finite() {
        return None;
    }
    Duration::try_from_secs_f64(dialer.as_secs_f64() / rate).ok()
}

#[cfg(test)]
mod tests;
