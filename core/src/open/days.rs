//! Walks the dates on which windows start, skipping the others without looking at each.
//!
//! A cursor into the closures and one into the dated exceptions move forward with the date, so
//! that a month of closures costs a month of comparisons and nothing more.

use crate::civil::{DateSet, weekday_of};
use crate::hours::{Hours, Window};

pub(super) struct DayWalk<'a> {
    hours: &'a Hours,
    closures: &'a [i32],
    exceptions: &'a [crate::hours::Dated],
    date: i32,
}

impl<'a> DayWalk<'a> {
    pub fn new(hours: &'a Hours, closures: &'a DateSet, date: i32) -> Self {
        let closures = match closures.as_slice() {
            [] => &[],
            dates => &dates[closures.index_from(date)..],
        };
        let exceptions = match hours.dated() {
            [] => &[],
            dated => &dated[hours.dated_index_from(date)..],
        };
        DayWalk { hours, closures, exceptions, date }
    }

    /// The next date that has windows; `None` if there is none any more.
    pub fn next_date(&mut self) -> Option<i32> {
        // Every round moves the date or a cursor forward.
        loop {
            let date = self.next_weekly().into_iter().chain(self.next_exception()).min()?;
            self.skip_before(date);
            let exception = self.exceptions.first().filter(|dated| dated.first <= date);
            let next = match exception {
                Some(dated) if dated.windows.is_empty() => dated.last.checked_add(1)?,
                _ if self.closures.first() == Some(&date) => date.checked_add(1)?,
                _ => {
                    self.date = date.checked_add(1)?;
                    return Some(date);
                }
            };
            self.date = next;
        }
    }

    /// The windows of the date that `next_date` has just returned.
    pub fn windows(&self, date: i32) -> &'a [Window] {
        match self.exceptions.first() {
            Some(dated) if dated.first <= date => &dated.windows,
            _ => self.hours.windows_on_weekday(weekday_of(date)),
        }
    }

    fn next_weekly(&self) -> Option<i32> {
        let mask = u32::from(self.hours.open_weekdays());
        let today = weekday_of(self.date);
        let rotated = (mask | mask << 7) >> today;
        if mask == 0 { None } else { self.date.checked_add(rotated.trailing_zeros() as i32) }
    }

    fn next_exception(&self) -> Option<i32> {
        let opening = self
            .exceptions
            .iter()
            .find(|dated| !dated.windows.is_empty() && dated.last >= self.date)?;
        Some(opening.first.max(self.date))
    }

    fn skip_before(&mut self, date: i32) {
        while let [first, rest @ ..] = self.closures
            && *first < date
        {
            self.closures = rest;
        }
        while let [first, rest @ ..] = self.exceptions
            && first.last < date
        {
            self.exceptions = rest;
        }
    }
}
