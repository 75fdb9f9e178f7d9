//! Civil dates as Postgres keeps them: days since 2000-01-01 in the Gregorian calendar.
//!
//! Only date arithmetic; what date it is somewhere is a question for `zone`.

/// The dates that a finite `timestamptz` can have.
const DATES: std::ops::RangeInclusive<i32> = -2_451_545..=106_751_983;
const DAYS_PER_400_YEARS: i64 = 146_097;
/// Days from 0000-03-01 to 2000-01-01.
const DAYS_TO_2000: i64 = 730_425;

/// The day number of a date, or `None` if there is no such date.
///
/// ```
/// assert_eq!(dialer_core::date_of(2000, 1, 2), Some(1));
/// assert_eq!(dialer_core::date_of(2026, 2, 29), None);
/// ```
pub fn date_of(year: i32, month: u32, day: u32) -> Option<i32> {
    if !(1..=12).contains(&month) || day == 0 || day > month_days(year, month) {
        return None;
    }
    // March is the first month, so that the leap day is the last of its year.
    let shifted = i64::from(year) - i64::from(month <= 2);
    let month_index = i64::from((month + 9) % 12);
    let year_of_era = shifted.rem_euclid(400);
    let day_of_year = (153 * month_index + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    let days = shifted.div_euclid(400) * DAYS_PER_400_YEARS + day_of_era - DAYS_TO_2000;
    i32::try_from(days).ok()
}

/// Year, month and day of a day number.
///
/// ```
/// assert_eq!(dialer_core::ymd_of(-1), (1999, 12, 31));
/// ```
pub fn ymd_of(date: i32) -> (i32, u32, u32) {
    let days = i64::from(date) + DAYS_TO_2000;
    let era = days.div_euclid(DAYS_PER_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_PER_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

/// How many days the month has.
///
/// ```
/// assert_eq!(dialer_core::month_days(2028, 2), 29);
/// ```
pub fn month_days(year: i32, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The weekday of a day number: Monday is 0, Sunday is 6.
///
/// ```
/// assert_eq!(dialer_core::weekday_of(0), 5); // 2000-01-01 was a Saturday
/// ```
pub fn weekday_of(date: i32) -> usize {
    (i64::from(date) + 5).rem_euclid(7) as usize
}

/// Is it a date that a finite `timestamptz` can have?
pub(crate) fn is_reachable(date: i32) -> bool {
    DATES.contains(&date)
}

/// The wall clock at the start of a date, in microseconds after 2000-01-01 00:00.
pub(crate) fn midnight_of(date: i32) -> i64 {
    i64::from(date).saturating_mul(crate::instant::DAY)
}

/// A sorted set of civil dates: closures, legal bans. Dates that no instant can have are left out.
///
/// ```
/// let set: dialer_core::DateSet = [7, 3, 7].into_iter().collect();
/// assert_eq!(set.as_slice(), &[3, 7]);
/// assert!(set.contains(7));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DateSet {
    dates: Vec<i32>,
    /// Where the dates of each stretch of `1 << stretch_shift` days begin, and the end of the last.
    /// A stretch has about one date: a binary search through 30 years of closures cost as much as
    /// the rest of `next_open`.
    starts: Vec<u32>,
    stretch_shift: u32,
}

impl DateSet {
    /// The set without any date.
    ///
    /// ```
    /// assert!(dialer_core::DateSet::EMPTY.is_empty());
    /// ```
    pub const EMPTY: DateSet = DateSet { dates: Vec::new(), starts: Vec::new(), stretch_shift: 0 };
    /// The empty set to borrow where none is given.
    ///
    /// ```
    /// assert!(dialer_core::DateSet::none().is_empty());
    /// ```
    pub fn none() -> &'static DateSet {
        static NONE: DateSet = DateSet::EMPTY;
        &NONE
    }

    /// Is the date in the set?
    ///
    /// ```
    /// assert!(!dialer_core::DateSet::EMPTY.contains(0));
    /// ```
    pub fn contains(&self, date: i32) -> bool {
        self.dates.get(self.index_from(date)) == Some(&date)
    }

    /// The dates in order.
    ///
    /// ```
    /// assert_eq!(dialer_core::DateSet::EMPTY.as_slice(), &[0_i32; 0]);
    /// ```
    pub fn as_slice(&self) -> &[i32] {
        &self.dates
    }

    /// Is there no date at all?
    ///
    /// ```
    /// assert!(dialer_core::DateSet::EMPTY.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.dates.is_empty()
    }

    /// The first date on or after `date`.
    ///
    /// ```
    /// let set: dialer_core::DateSet = [3, 7].into_iter().collect();
    /// assert_eq!(set.next_from(4), Some(7));
    /// ```
    pub fn next_from(&self, date: i32) -> Option<i32> {
        self.dates.get(self.index_from(date)).copied()
    }

    /// How many dates lie before `date`.
    pub(crate) fn index_from(&self, date: i32) -> usize {
        let Some(first) = self.dates.first() else { return 0 };
        let Some(distance) = distance(*first, date) else { return 0 };
        let stretch = (distance >> self.stretch_shift) as usize;
        match self.starts.get(stretch..stretch + 2) {
            Some([from, to]) => {
                let (from, to) = (*from as usize, *to as usize);
                from + self.dates[from..to].partition_point(|known| *known < date)
            }
            _ => self.dates.len(),
        }
    }
}

/// Days from one date to another that is not before it.
fn distance(from: i32, to: i32) -> Option<u32> {
    u32::try_from(i64::from(to) - i64::from(from)).ok()
}

/// Where the dates of each stretch begin, in a list of distances from the first, and the end of all.
fn starts_of(distances: &[u32], stretch_shift: u32) -> Vec<u32> {
    let last = distances.last().map_or(0, |last| last >> stretch_shift);
    let mut starts = Vec::with_capacity(last as usize + 2);
    for (index, distance) in distances.iter().enumerate() {
        starts.resize((distance >> stretch_shift) as usize + 1, index as u32);
    }
    starts.push(distances.len() as u32);
    starts
}

impl FromIterator<i32> for DateSet {
    fn from_iter<I: IntoIterator<Item = i32>>(dates: I) -> Self {
        let mut dates: Vec<i32> = dates.into_iter().filter(|date| is_reachable(*date)).collect();
        dates.sort_unstable();
        dates.dedup();
        let (Some(first), Some(last)) = (dates.first(), dates.last()) else {
            return DateSet::EMPTY;
        };
        let range = distance(*first, *last).unwrap_or(0) as usize;
        let stretch_shift = (range / dates.len()).checked_ilog2().map_or(0, |log| log + 1);
        let distances: Vec<u32> = dates.iter().filter_map(|date| distance(*first, *date)).collect();
        DateSet { starts: starts_of(&distances, stretch_shift), stretch_shift, dates }
    }
}

#[cfg(test)]
mod tests;
