//! Redial: when to try again after an attempt.
//!
//! A ladder gives the interval by the number of attempts; a spent day moves to the first opening of
//! the next local day. Technical failures climb their own ladder and use up no attempt. Nothing is
//! reset at midnight: the caller counts attempts in the contact's local day.

use crate::error::Error;
use crate::instant::{Instant, MINUTE};
use crate::open::{Opening, next_open};
use crate::outcome::Outcome;
use crate::zone::{ZoneRules, first_instant_of, local_date};

/// LIMIT: steps of a ladder.
const STEPS_MAX: usize = 1000;
/// LIMIT: length of one step, about a thousand years.
const STEP_MICROS_MAX: i64 = 366_000 * crate::instant::DAY;

/// Intervals between attempts, never getting shorter.
///
/// ```
/// use dialer_core::{Ladder, MINUTE};
/// let ladder = Ladder::from_minutes(&[0, 2, 5, 10, 30, 60, 120]).unwrap();
/// assert_eq!(ladder.interval_after(1), 2 * MINUTE);
/// assert_eq!(ladder.interval_after(8), 120 * MINUTE);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder(Vec<i64>);

impl Ladder {
    /// Checks the steps (microseconds): at least one, none negative, none shorter than the one
    /// before it.
    ///
    /// ```
    /// use dialer_core::Ladder;
    /// assert!(Ladder::new(vec![0, 5, 5]).is_ok());
    /// let error = Ladder::new(vec![0, 5, 3]).unwrap_err();
    /// assert!(error.to_string().contains("step 3"));
    /// ```
    pub fn new(steps: Vec<i64>) -> Result<Ladder, Error> {
        let hint = "Give at least one interval, ordered from the shortest to the longest.";
        if steps.is_empty() || steps.len() > STEPS_MAX {
            let message = format!("redial ladder has {} steps", steps.len());
            return Err(Error::ladder(message, "A ladder has 1 to 1000 steps.", hint));
        }
        let mut before = 0;
        for (index, step) in steps.iter().copied().enumerate() {
            let place = index + 1;
            if !(0..=STEP_MICROS_MAX).contains(&step) {
                let message = format!("redial ladder step {place} is out of range");
                let detail = "A step is an interval of zero or more, up to a thousand years.";
                return Err(Error::ladder(message, detail, hint));
            }
            if step < before {
                let message = format!("redial ladder step {place} is shorter than step {index}");
                return Err(Error::ladder(message, "The steps must not get shorter.", hint));
            }
            before = step;
        }
        Ok(Ladder(steps))
    }

    /// A ladder given in whole minutes.
    ///
    /// ```
    /// assert!(dialer_core::Ladder::from_minutes(&[-1]).is_err());
    /// ```
    pub fn from_minutes(minutes: &[i64]) -> Result<Ladder, Error> {
        Ladder::new(minutes.iter().map(|minutes| minutes.saturating_mul(MINUTE)).collect())
    }

    /// The interval to wait after that many attempts; beyond the list the last one.
    ///
    /// ```
    /// assert_eq!(dialer_core::Ladder::new(vec![0, 7]).unwrap().interval_after(0), 0);
    /// ```
    pub fn interval_after(&self, attempts_count: u32) -> i64 {
        let index = (attempts_count as usize).min(self.0.len().saturating_sub(1));
        self.0.get(index).copied().unwrap_or(0)
    }
}

/// When to try again after `attempts_today` attempts, the last of them at `last_at`: after the
/// ladder's interval, moved into the hours; when the day is spent, the first opening of the next
/// local day. `None` if nothing opens any more.
///
/// ```
/// use dialer_core::{Hours, IanaZone, Instant, Ladder, Opening, next_redial, HOUR, MINUTE};
/// let hours = Hours::parse("11:00-20:00").unwrap();
/// let opening = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
/// let ladder = Ladder::from_minutes(&[0, 2, 5]).unwrap();
/// let last = Instant::from_micros(12 * HOUR);
/// let next = |today| next_redial(last, today, &ladder, Some(8), &opening).unwrap().micros();
/// assert_eq!(next(2), 12 * HOUR + 5 * MINUTE);
/// assert_eq!(next(8), 35 * HOUR);
/// ```
pub fn next_redial<Z: ZoneRules>(
    last_at: Instant,
    attempts_today: u32,
    ladder: &Ladder,
    max_per_day: Option<u32>,
    openings: &[Opening<'_, Z>],
) -> Option<Instant> {
    let waited = last_at.checked_add(ladder.interval_after(attempts_today))?;
    let from = if max_per_day.is_some_and(|max| attempts_today >= max) {
        waited.max(next_local_day(last_at, openings)?)
    } else {
        waited
    };
    next_open(openings, from)
}

/// The first instant that is a later local date in the zone of every opening.
fn next_local_day<Z: ZoneRules>(at: Instant, openings: &[Opening<'_, Z>]) -> Option<Instant> {
    let mut latest = at;
    for opening in openings {
        let tomorrow = local_date(&opening.zone, at).checked_add(1)?;
        latest = latest.max(first_instant_of(&opening.zone, tomorrow, at)?);
    }
    Some(latest)
}

/// Over which attempts the ladder is climbed.
///
/// ```
/// assert_eq!("day".parse::<dialer_core::LadderScope>().unwrap(), dialer_core::LadderScope::Day);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LadderScope {
    /// It starts again every local day.
    Day,
    /// It goes on over the days.
    Lifetime,
}

crate::zone::option_words!(LadderScope, "ladder scope", "day or lifetime",
    "day" => Day, "lifetime" => Lifetime);

/// Everything that decides about the next attempt but the hours.
///
/// ```
/// use dialer_core::{Ladder, LadderScope, Outcome, RedialPolicy};
/// let policy = RedialPolicy {
///     ladder: Ladder::from_minutes(&[0, 2, 5]).unwrap(),
///     scope: LadderScope::Day,
///     max_per_day: Some(8),
///     max_lifetime: None,
///     technical_ladder: Ladder::from_minutes(&[1, 5]).unwrap(),
///     max_technical: Some(3),
///     final_outcomes: vec![Outcome::Sale, Outcome::Dnc],
/// };
/// assert!(policy.is_final(Outcome::Sale));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedialPolicy {
    /// Intervals after attempts that count.
    pub ladder: Ladder,
    /// Whether the ladder starts again each day.
    pub scope: LadderScope,
    /// Attempts in one local day; none means no such cap.
    pub max_per_day: Option<u32>,
    /// Attempts ever; none means no such cap.
    pub max_lifetime: Option<u32>,
    /// Intervals after failures that do not count as attempts.
    pub technical_ladder: Ladder,
    /// Technical failures in a row after which it gives up; none means never.
    pub max_technical: Option<u32>,
    /// Outcomes that end redialling.
    pub final_outcomes: Vec<Outcome>,
}

/// What has happened so far.
///
/// ```
/// use dialer_core::{History, Instant, Outcome};
/// let history = History {
///     last_at: Instant::from_micros(0),
///     outcome: Outcome::Busy,
///     attempts_today: 1,
///     attempts_ever: 4,
///     technical_failures: 0,
/// };
/// assert!(history.attempts_ever > history.attempts_today);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// When the last attempt, counting or not, was made.
    pub last_at: Instant,
    /// How it ended.
    pub outcome: Outcome,
    /// Attempts that count on the local day of `last_at`, the last one included if it counts.
    pub attempts_today: u32,
    /// Attempts that count, ever.
    pub attempts_ever: u32,
    /// Technical failures in a row, the last one included.
    pub technical_failures: u32,
}

impl RedialPolicy {
    /// Does the outcome end redialling?
    ///
    /// ```
    /// # use dialer_core::{Ladder, LadderScope, Outcome, RedialPolicy};
    /// # let ladder = Ladder::from_minutes(&[1]).unwrap();
    /// # let policy = RedialPolicy { ladder: ladder.clone(), scope: LadderScope::Day,
    /// #     max_per_day: None, max_lifetime: None, technical_ladder: ladder, max_technical: None,
    /// #     final_outcomes: vec![Outcome::Dnc] };
    /// assert!(policy.is_final(Outcome::Dnc) && !policy.is_final(Outcome::Transferred));
    /// ```
    pub fn is_final(&self, outcome: Outcome) -> bool {
        self.final_outcomes.contains(&outcome)
    }

    /// When to try again; `None` if the outcome is final, a lifetime cap is reached, or nothing
    /// opens any more.
    ///
    /// ```
    /// # use dialer_core::*;
    /// # let ladder = Ladder::from_minutes(&[0, 30]).unwrap();
    /// # let policy = RedialPolicy { ladder: ladder.clone(), scope: LadderScope::Lifetime,
    /// #     max_per_day: None, max_lifetime: Some(3), technical_ladder: ladder, max_technical: None,
    /// #     final_outcomes: vec![Outcome::Dnc] };
    /// let hours = Hours::parse("24/7").unwrap();
    /// let always = [Opening::new(&hours, IanaZone::parse("UTC").unwrap())];
    /// let mut history = History { last_at: Instant::from_micros(0), outcome: Outcome::Busy,
    ///     attempts_today: 1, attempts_ever: 1, technical_failures: 0 };
    /// assert_eq!(policy.next(history, &always), Some(Instant::from_micros(30 * MINUTE)));
    /// history.attempts_ever = 3;
    /// assert_eq!(policy.next(history, &always), None);
    /// ```
    pub fn next<Z: ZoneRules>(
        &self,
        history: History,
        openings: &[Opening<'_, Z>],
    ) -> Option<Instant> {
        let is_spent = self.max_lifetime.is_some_and(|max| history.attempts_ever >= max);
        if self.is_final(history.outcome) || is_spent {
            return None;
        }
        if !history.outcome.counts_as_attempt() {
            return self.next_technical(history, openings);
        }
        let climbed = match self.scope {
            LadderScope::Day => history.attempts_today,
            LadderScope::Lifetime => history.attempts_ever,
        };
        let waited = history.last_at.checked_add(self.ladder.interval_after(climbed))?;
        self.move_into_day(history, waited, openings)
    }

    fn next_technical<Z: ZoneRules>(
        &self,
        history: History,
        openings: &[Opening<'_, Z>],
    ) -> Option<Instant> {
        if self.max_technical.is_some_and(|max| history.technical_failures >= max) {
            return None;
        }
        // The first failure waits the first interval: n tries have n - 1 waits between them.
        let climbed = history.technical_failures.saturating_sub(1);
        let waited = history.last_at.checked_add(self.technical_ladder.interval_after(climbed))?;
        self.move_into_day(history, waited, openings)
    }

    fn move_into_day<Z: ZoneRules>(
        &self,
        history: History,
        waited: Instant,
        openings: &[Opening<'_, Z>],
    ) -> Option<Instant> {
        let from = if self.max_per_day.is_some_and(|max| history.attempts_today >= max) {
            waited.max(next_local_day(history.last_at, openings)?)
        } else {
            waited
        };
        next_open(openings, from)
    }
}

#[cfg(test)]
mod tests;
