//! Recurrence by wall clock: RFC 5545 rules, resolved in a zone.
//!
//! Everything is computed from the anchor, never from the result before, so nothing drifts; a rule
//! without COUNT is resumed far from its start by going straight to the period. Dates come first
//! (`recurrence/dates.rs`), then the business-day adjustment, then the wall clock's instant.

mod dates;
mod rule;

pub use rule::Rule;

use crate::civil::{DateSet, ymd_of};
use crate::hours::Hours;
use crate::instant::{DAY, Instant};
use crate::zone::{
    Gap, Overlap, ZoneRules, date_of_local, local_date, option_words, resolve_local,
};
use dates::Dates;
use rule::Until;

/// What a day of month means in a month that does not have it.
///
/// ```
/// assert_eq!("clamp".parse::<dialer_core::MonthEnd>().unwrap(), dialer_core::MonthEnd::Clamp);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MonthEnd {
    /// Nothing happens in that month (RFC 5545).
    Omit,
    /// The last day of the month.
    Clamp,
    /// The first day of the next month.
    Forward,
}

/// Where an occurrence goes that falls on a day that is no business day.
///
/// ```
/// assert_eq!("none".parse::<dialer_core::Adjust>().unwrap(), dialer_core::Adjust::None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjust {
    /// It stays.
    None,
    /// To the next business day.
    Following,
    /// To the next business day, or the one before if that is another month.
    ModifiedFollowing,
    /// To the business day before.
    Preceding,
}

option_words!(MonthEnd, "month end policy", "omit, clamp or forward",
    "omit" => Omit, "clamp" => Clamp, "forward" => Forward);
option_words!(Adjust, "adjustment", "none, following, modified_following or preceding",
    "none" => None, "following" => Following,
    "modified_following" => ModifiedFollowing, "preceding" => Preceding);

/// How the edges of a recurrence are resolved.
///
/// ```
/// let policy = dialer_core::Policy::DEFAULT;
/// assert_eq!(policy.gap, dialer_core::Gap::Forward);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Local times that the clocks skip.
    pub gap: Gap,
    /// Local times that happen twice.
    pub overlap: Overlap,
    /// Days of month that a month does not have.
    pub month_end: MonthEnd,
    /// Days that are no business days.
    pub adjust: Adjust,
}

impl Policy {
    /// Forward, first, clamp, no adjustment: what users of calendars expect.
    ///
    /// ```
    /// assert_eq!(dialer_core::Policy::DEFAULT.adjust, dialer_core::Adjust::None);
    /// ```
    pub const DEFAULT: Policy = Policy {
        gap: Gap::Forward,
        overlap: Overlap::First,
        month_end: MonthEnd::Clamp,
        adjust: Adjust::None,
    };
}

/// The days on which business is done: those with hours and without a closure.
///
/// ```
/// use dialer_core::{BusinessDays, DateSet, Hours};
/// let hours = Hours::parse("Mo-Fr 09:00-17:00").unwrap();
/// let days = BusinessDays { hours: Some(&hours), closures: DateSet::none() };
/// assert!(!days.contains(0)); // a Saturday
/// ```
#[derive(Debug, Clone, Copy)]
pub struct BusinessDays<'a> {
    /// Opening hours; without them every day may be one.
    pub hours: Option<&'a Hours>,
    /// Dates on which no business is done.
    pub closures: &'a DateSet,
}

/// LIMIT: days that an adjustment may move an occurrence; beyond it the occurrence is dropped.
const ADJUST_DAYS_MAX: i32 = 400;

/// LIMIT: occurrences in a row that find no business day before the series is taken to have ended.
const DROPPED_MAX: u32 = 10_000;

impl BusinessDays<'_> {
    /// Is business done on that date?
    ///
    /// ```
    /// use dialer_core::{BusinessDays, DateSet};
    /// assert!(BusinessDays { hours: None, closures: DateSet::none() }.contains(0));
    /// ```
    pub fn contains(&self, date: i32) -> bool {
        self.hours.is_none_or(|hours| !hours.windows_on(date).is_empty())
            && !self.closures.contains(date)
    }

    fn search(&self, date: i32, step: i32) -> Option<i32> {
        if self.hours.is_some_and(Hours::is_never) {
            return None;
        }
        (0..=ADJUST_DAYS_MAX)
            .filter_map(|days| date.checked_add(days * step))
            .find(|candidate| self.contains(*candidate))
    }

    fn adjusted(&self, date: i32, adjust: Adjust) -> Option<i32> {
        let month = |date: i32| {
            let (year, month, _) = ymd_of(date);
            (year, month)
        };
        match adjust {
            Adjust::None => Some(date),
            Adjust::Following => self.search(date, 1),
            Adjust::Preceding => self.search(date, -1),
            Adjust::ModifiedFollowing => match self.search(date, 1) {
                Some(next) if month(next) == month(date) => Some(next),
                next => {
                    self.search(date, -1).filter(|before| month(*before) == month(date)).or(next)
                }
            },
        }
    }
}

/// The plain dates of a rule from its start up to `last`, at most `dates_max`; dates that a month
/// does not have are left out.
pub(crate) fn dates_between(rule: &Rule, start: i32, last: i32, dates_max: usize) -> Vec<i32> {
    let is_within_until = |date: &i32| match rule.until {
        None => true,
        Some(Until::Date(until)) => *date <= until,
        Some(Until::Local(until)) => *date <= date_of_local(until),
        Some(Until::Instant(until)) => *date <= date_of_local(until.micros()),
    };
    let count = rule.count.map_or(dates_max, |count| dates_max.min(count as usize));
    let dates = Dates::new(rule, start, MonthEnd::Omit, start).filter(|date| *date >= start);
    dates.take(count).take_while(|date| *date <= last && is_within_until(date)).collect()
}

/// The anchor and everything around a rule.
///
/// ```
/// use dialer_core::*;
/// let rule: Rule = "FREQ=DAILY".parse().unwrap();
/// let utc = IanaZone::parse("UTC").unwrap();
/// let series = Series {
///     rule: &rule,
///     start_local: 9 * HOUR,
///     zone: &utc,
///     policy: Policy::DEFAULT,
///     business_days: BusinessDays { hours: None, closures: DateSet::none() },
/// };
/// let mut days = series.occurrences(Instant::from_micros(12 * HOUR));
/// assert_eq!(days.next(), Some(Instant::from_micros(33 * HOUR)));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Series<'a, Z> {
    /// Which dates.
    pub rule: &'a Rule,
    /// The wall clock of the anchor, in microseconds after 2000-01-01 00:00.
    pub start_local: i64,
    /// Whose wall clock.
    pub zone: Z,
    /// Gaps, overlaps, month ends, business days.
    pub policy: Policy,
    /// Which days are business days, if `policy.adjust` asks.
    pub business_days: BusinessDays<'a>,
}

impl<'a, Z: ZoneRules> Series<'a, Z> {
    /// The occurrences at or after `from`, in order, each once. COUNT counts from the anchor.
    ///
    /// ```
    /// use dialer_core::*;
    /// # let utc = IanaZone::parse("UTC").unwrap();
    /// # let none = BusinessDays { hours: None, closures: DateSet::none() };
    /// let rule: Rule = "FREQ=MONTHLY;COUNT=2".parse().unwrap();
    /// let series = Series { rule: &rule, start_local: 30 * DAY, zone: &utc,
    ///     policy: Policy::DEFAULT, business_days: none };
    /// assert_eq!(series.occurrences(Instant::MIN).count(), 2);
    /// ```
    pub fn occurrences(self, from: Instant) -> Occurrences<'a, Z> {
        let in_range = Instant::from_micros(self.start_local).micros() == self.start_local;
        let start_date = date_of_local(Instant::from_micros(self.start_local).micros());
        let resume_on = if self.rule.count.is_some() { start_date } else { self.resume_on(from) };
        let dates = Dates::new(self.rule, start_date, self.policy.month_end, resume_on);
        Occurrences {
            series: self,
            dates,
            from,
            start_date,
            held: None,
            last: None,
            emitted: 0,
            is_done: !in_range,
        }
    }

    /// The date from which on nominal dates may lead to an instant at or after `from`.
    fn resume_on(&self, from: Instant) -> i32 {
        // A gap or a change of zone moves by less than two days, a month end by less than one more.
        let mut date = local_date(&self.zone, from).saturating_sub(3);
        if self.policy.adjust != Adjust::None {
            // Only days in a row without business can push an earlier date past this one.
            for _ in 0..ADJUST_DAYS_MAX {
                if self.business_days.contains(date) {
                    break;
                }
                date = date.saturating_sub(1);
            }
        }
        date.saturating_sub(1)
    }
}

/// An iterator over the instants of a series.
///
/// ```
/// fn takes<Z: dialer_core::ZoneRules>(mut all: dialer_core::Occurrences<'_, Z>) {
///     let _next: Option<dialer_core::Instant> = all.next();
/// }
/// ```
pub struct Occurrences<'a, Z> {
    series: Series<'a, Z>,
    dates: Dates<'a>,
    from: Instant,
    start_date: i32,
    held: Option<Instant>,
    last: Option<Instant>,
    emitted: u64,
    is_done: bool,
}

impl<Z: ZoneRules> Occurrences<'_, Z> {
    /// The next instant from the anchor (or from where it was resumed), before `from` is applied.
    fn next_from_anchor(&mut self) -> Option<Instant> {
        if self.series.rule.count.is_some_and(|count| self.emitted >= count) {
            return None;
        }
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let mut dropped = 0;
        // Every round takes one date; the dates give up by themselves when none come any more.
        loop {
            if dropped > DROPPED_MAX {
                return None;
            }
            let nominal = self.dates.next()?;
            if nominal < self.start_date {
                continue;
            }
            if self.is_past_until(nominal) {
                return None;
            }
            let adjust = self.series.policy.adjust;
            let Some(date) = self.series.business_days.adjusted(nominal, adjust) else {
                dropped += 1;
                continue;
            };
            let [first, second] = self.resolve(date);
            let is_new = |at: &Instant| self.last.is_none_or(|last| *at > last);
            let first = first.filter(is_new);
            let second = second.filter(is_new);
            match (first, second) {
                (Some(at), later) => {
                    self.held = later;
                    return Some(at);
                }
                (None, Some(at)) => return Some(at),
                (None, None) => {}
            }
        }
    }

    fn resolve(&self, date: i32) -> [Option<Instant>; 2] {
        let clock = self.series.start_local.rem_euclid(DAY);
        let Some(local) = i64::from(date).checked_mul(DAY).and_then(|day| day.checked_add(clock))
        else {
            return [None, None];
        };
        let policy = self.series.policy;
        resolve_local(&self.series.zone, local, policy.gap, policy.overlap)
    }

    /// UNTIL bounds the nominal occurrence; the adjustment may move it past the bound.
    fn is_past_until(&self, date: i32) -> bool {
        let clock = self.series.start_local.rem_euclid(DAY);
        let local = i64::from(date).saturating_mul(DAY).saturating_add(clock);
        match self.series.rule.until {
            None => false,
            Some(Until::Date(last)) => date > last,
            Some(Until::Local(last)) => local > last,
            Some(Until::Instant(last)) => match self.resolve(date) {
                [Some(at), _] => at > last,
                _ => self.series.zone.segment(last).local(last) < local,
            },
        }
    }
}

impl<Z: ZoneRules> Iterator for Occurrences<'_, Z> {
    type Item = Instant;

    fn next(&mut self) -> Option<Instant> {
        // Every round takes one occurrence; `from` is reached or the series ends.
        while !self.is_done {
            match self.next_from_anchor() {
                Some(at) => {
                    self.last = Some(at);
                    self.emitted += 1;
                    if at >= self.from {
                        return Some(at);
                    }
                }
                None => self.is_done = true,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
