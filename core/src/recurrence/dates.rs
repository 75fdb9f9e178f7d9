//! The dates of a rule, period by period, in order.
//!
//! A period is a day, a week, a month or a year, numbered from the anchor's; any period can be
//! reached at once, which is what makes a far resumption cheap.

use super::MonthEnd;
use super::rule::{Frequency, Rule};
use crate::civil::{date_of, is_reachable, month_days, weekday_of, ymd_of};

/// LIMIT: periods in a row without a date before the rule is taken to have no more. The rarest rule
/// that still has dates, a leap day in steps of days, needs less.
const EMPTY_PERIODS_MAX: u32 = 20_000;

pub(super) struct Dates<'a> {
    rule: &'a Rule,
    start: i32,
    month_end: MonthEnd,
    period: i64,
    /// Dates of the period before `period`, the next one last.
    waiting: Vec<i32>,
}

impl<'a> Dates<'a> {
    /// Starts with the period that contains `resume_on`, or with the anchor's if that is later.
    pub fn new(rule: &'a Rule, start: i32, month_end: MonthEnd, resume_on: i32) -> Self {
        let mut dates = Dates { rule, start, month_end, period: 0, waiting: Vec::new() };
        let ahead = dates.units_to(resume_on).div_euclid(rule.interval);
        // One period earlier: a month end that moves forward belongs to the month before.
        dates.period = (ahead - 1).max(0);
        dates
    }

    /// How many days, weeks, months or years lie between the anchor's and the date's.
    fn units_to(&self, date: i32) -> i64 {
        let (year, month, _) = ymd_of(date);
        let (start_year, start_month, _) = ymd_of(self.start);
        let years = i64::from(year) - i64::from(start_year);
        match self.rule.frequency {
            Frequency::Daily => i64::from(date) - i64::from(self.start),
            Frequency::Weekly => (i64::from(date) - self.week_of_start()).div_euclid(7),
            Frequency::Monthly => years * 12 + i64::from(month) - i64::from(start_month),
            Frequency::Yearly => years,
        }
    }

    /// The first day of the anchor's week.
    fn week_of_start(&self) -> i64 {
        let into_week = (weekday_of(self.start) + 7 - self.rule.week_start) % 7;
        i64::from(self.start) - into_week as i64
    }

    /// The dates of a period in order; `None` once no instant can have them.
    fn period_dates(&self, period: i64) -> Option<Vec<i32>> {
        let units = period.checked_mul(self.rule.interval)?;
        let mut dates = match self.rule.frequency {
            Frequency::Daily => {
                let date = reachable(i64::from(self.start).checked_add(units)?)?;
                if self.fits(date) { vec![date] } else { Vec::new() }
            }
            Frequency::Weekly => self.week_dates(self.week_of_start().checked_add(units * 7)?)?,
            Frequency::Monthly => {
                let (year, month, _) = ymd_of(self.start);
                let months = i64::from(year) * 12 + i64::from(month) - 1 + units;
                let year = reachable_year(months.div_euclid(12))?;
                let month = months.rem_euclid(12) as u32 + 1;
                if self.has_month(month) { self.month_dates(year, month) } else { Vec::new() }
            }
            Frequency::Yearly => {
                let (year, _, _) = ymd_of(self.start);
                self.year_dates(reachable_year(i64::from(year) + units)?)
            }
        };
        dates.sort_unstable();
        dates.dedup();
        Some(dates)
    }

    fn has_month(&self, month: u32) -> bool {
        self.rule.by_month == 0 || self.rule.by_month & (1 << month) != 0
    }

    /// Do the limiting parts of a daily rule allow the date?
    fn fits(&self, date: i32) -> bool {
        let (year, month, day) = ymd_of(date);
        let length = month_days(year, month) as i32;
        let is_day = |wanted: &i32| *wanted == day as i32 || *wanted == day as i32 - length - 1;
        self.has_month(month)
            && (self.rule.by_month_day.is_empty() || self.rule.by_month_day.iter().any(is_day))
            && (self.rule.by_day.is_empty() || self.has_weekday(weekday_of(date)))
    }

    fn has_weekday(&self, weekday: usize) -> bool {
        self.rule.by_day.iter().any(|day| day.weekday == weekday)
    }

    fn week_dates(&self, first: i64) -> Option<Vec<i32>> {
        let first = reachable(first)?;
        let wanted = |date: &i32| {
            let weekday = weekday_of(*date);
            let is_day = match self.rule.by_day.is_empty() {
                true => weekday == weekday_of(self.start),
                false => self.has_weekday(weekday),
            };
            is_day && self.has_month(ymd_of(*date).1)
        };
        Some((first..first.saturating_add(7)).filter(wanted).collect())
    }

    fn month_dates(&self, year: i32, month: u32) -> Vec<i32> {
        let rule = self.rule;
        let Some(first) = date_of(year, month, 1) else { return Vec::new() };
        let last = first + month_days(year, month) as i32 - 1;
        match (rule.by_month_day.is_empty(), rule.by_day.is_empty()) {
            (true, true) => {
                let (_, _, day) = ymd_of(self.start);
                self.month_day(first, last, day as i32).into_iter().collect()
            }
            (true, false) => self.numbered_weekdays(first, last),
            (false, is_any_weekday) => {
                let days = rule.by_month_day.iter();
                let dates = days.filter_map(|day| self.month_day(first, last, *day));
                let weekdays = self.numbered_weekdays(first, last);
                dates.filter(|date| is_any_weekday || weekdays.contains(date)).collect()
            }
        }
    }

    /// The day of the month from `first` to `last`; negative days count from its end.
    fn month_day(&self, first: i32, last: i32, day: i32) -> Option<i32> {
        let date = if day > 0 { first + day - 1 } else { last + day + 1 };
        if (first..=last).contains(&date) {
            return Some(date);
        }
        match self.month_end {
            _ if day < 0 => None,
            MonthEnd::Omit => None,
            MonthEnd::Clamp => Some(last),
            MonthEnd::Forward => Some(last + 1),
        }
    }

    /// The weekdays of BYDAY from `first` to `last`, numbered ones counted in that range.
    fn numbered_weekdays(&self, first: i32, last: i32) -> Vec<i32> {
        let mut dates = Vec::new();
        for day in &self.rule.by_day {
            let earliest = first + ((day.weekday + 7 - weekday_of(first)) % 7) as i32;
            let latest = last - ((weekday_of(last) + 7 - day.weekday) % 7) as i32;
            match day.nth {
                None => dates.extend((earliest..=latest).step_by(7)),
                Some(nth) if nth > 0 => dates.push(earliest + (nth - 1) * 7),
                Some(nth) => dates.push(latest + (nth + 1) * 7),
            }
        }
        dates.retain(|date| (first..=last).contains(date));
        dates
    }

    fn year_dates(&self, year: i32) -> Vec<i32> {
        let rule = self.rule;
        let (_, start_month, _) = ymd_of(self.start);
        let whole_year =
            rule.by_month == 0 && !rule.by_day.is_empty() && rule.by_month_day.is_empty();
        if whole_year {
            let ends = (date_of(year, 1, 1), date_of(year, 12, 31));
            return match ends {
                (Some(first), Some(last)) => self.numbered_weekdays(first, last),
                _ => Vec::new(),
            };
        }
        let every_month = rule.by_month == 0 && !rule.by_month_day.is_empty();
        let is_wanted = |month: &u32| match rule.by_month {
            0 => every_month || *month == start_month,
            _ => self.has_month(*month),
        };
        (1..=12).filter(is_wanted).flat_map(|month| self.month_dates(year, month)).collect()
    }
}

fn reachable(date: i64) -> Option<i32> {
    i32::try_from(date).ok().filter(|date| is_reachable(*date))
}

fn reachable_year(year: i64) -> Option<i32> {
    i32::try_from(year).ok().filter(|year| (-4713..=294_276).contains(year))
}

impl Iterator for Dates<'_> {
    type Item = i32;

    fn next(&mut self) -> Option<i32> {
        for _ in 0..EMPTY_PERIODS_MAX {
            if let Some(date) = self.waiting.pop() {
                return Some(date);
            }
            self.waiting = self.period_dates(self.period)?;
            self.waiting.reverse();
            self.period += 1;
        }
        None
    }
}
