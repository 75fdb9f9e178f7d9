//! Opening hours: weekly windows and dated exceptions, without any zone.
//!
//! The text grammar and the canonical text are in `hours/text.rs`; this file holds the value and
//! its flat bytes. Windows are half-open and belong to the date on which they start.

mod bytes;
mod text;

use crate::civil::weekday_of;

pub(crate) const DAY_SECONDS: u32 = 86_400;
/// LIMIT: windows of one weekday or date.
pub(crate) const WINDOWS_PER_DAY_MAX: usize = 48;
/// LIMIT: dated exceptions in one value; thirty years of holidays are about 400.
pub(crate) const DATED_MAX: usize = 4096;

/// A half-open stretch of one date's wall clock, in seconds after midnight; past 86,400 it runs
/// into the next date.
///
/// ```
/// let hours = dialer_core::Hours::parse("Fr 22:00-02:00").unwrap();
/// let window = hours.windows_on_weekday(4)[0];
/// assert_eq!((window.start, window.end), (79_200, 93_600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Window {
    /// First second inside, below 86,400.
    pub start: u32,
    /// First second outside, above `start`, below 172,800.
    pub end: u32,
}

/// Dates from `first` to `last` whose windows are these instead of the week's; none means closed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Dated {
    pub first: i32,
    pub last: i32,
    pub windows: Vec<Window>,
}

/// Opening hours as people write them; the SQL type `dialer.hours`.
///
/// ```
/// let hours: dialer_core::Hours = "mon-fri 9:00-12:00, 13:00-18:00; 2026-12-24 off".parse()?;
/// assert_eq!(hours.to_string(), "Mo-Fr 09:00-12:00,13:00-18:00; 2026-12-24 off");
/// # Ok::<(), dialer_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hours {
    week: [Vec<Window>; 7],
    dated: Vec<Dated>,
    /// Bit d is set when weekday d has windows.
    open_weekdays: u8,
    always: bool,
    runs_past_midnight: bool,
}

impl Hours {
    /// Parses the text grammar; the error names the byte and the rule.
    ///
    /// ```
    /// assert!(dialer_core::Hours::parse("24/7").is_ok());
    /// assert!(dialer_core::Hours::parse("Mo 09:00-12:00,11:00-13:00").is_err());
    /// ```
    pub fn parse(text: &str) -> Result<Hours, crate::Error> {
        text::parse(text)
    }

    /// The value as flat bytes, equal for equal hours.
    ///
    /// ```
    /// let hours = dialer_core::Hours::parse("Sa 10:00-14:00").unwrap();
    /// assert_eq!(dialer_core::Hours::from_bytes(&hours.to_bytes()).unwrap(), hours);
    /// ```
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes::write(self)
    }

    /// Reads what `to_bytes` wrote; anything else is an error, never a panic.
    ///
    /// ```
    /// assert!(dialer_core::Hours::from_bytes(b"nonsense").is_err());
    /// ```
    pub fn from_bytes(bytes: &[u8]) -> Result<Hours, crate::Error> {
        bytes::read(bytes)
    }

    /// The week's windows of a weekday (Monday is 0); empty for any other number.
    ///
    /// ```
    /// let hours = dialer_core::Hours::parse("Mo 09:00-10:00").unwrap();
    /// assert_eq!(hours.windows_on_weekday(0).len(), 1);
    /// assert!(hours.windows_on_weekday(7).is_empty());
    /// ```
    pub fn windows_on_weekday(&self, weekday: usize) -> &[Window] {
        self.week.get(weekday).map_or(&[], Vec::as_slice)
    }

    /// The windows that start on a date: its own if it has an exception, else its weekday's.
    ///
    /// ```
    /// let hours = dialer_core::Hours::parse("24/7; 2026-12-25 off").unwrap();
    /// let christmas = dialer_core::date_of(2026, 12, 25).unwrap();
    /// assert!(hours.windows_on(christmas).is_empty());
    /// assert_eq!(hours.windows_on(christmas + 1).len(), 1);
    /// ```
    pub fn windows_on(&self, date: i32) -> &[Window] {
        match self.dated_at(date) {
            Some(dated) => &dated.windows,
            None => &self.week[weekday_of(date)],
        }
    }

    /// Has it no window at all, in any week or on any date?
    ///
    /// ```
    /// assert!(dialer_core::Hours::parse("off").unwrap().is_never());
    /// ```
    pub fn is_never(&self) -> bool {
        self.open_weekdays == 0 && self.dated.iter().all(|dated| dated.windows.is_empty())
    }

    /// Is the week open around the clock, dated exceptions aside?
    pub(crate) fn is_always(&self) -> bool {
        self.always
    }

    /// May a window of one date still be open on the next?
    pub(crate) fn runs_past_midnight(&self) -> bool {
        self.runs_past_midnight
    }

    pub(crate) fn open_weekdays(&self) -> u8 {
        self.open_weekdays
    }

    pub(crate) fn dated(&self) -> &[Dated] {
        &self.dated
    }

    /// How many exceptions end before `date`.
    pub(crate) fn dated_index_from(&self, date: i32) -> usize {
        self.dated.partition_point(|dated| dated.last < date)
    }

    fn dated_at(&self, date: i32) -> Option<&Dated> {
        if self.dated.is_empty() {
            return None;
        }
        self.dated.get(self.dated_index_from(date)).filter(|dated| dated.first <= date)
    }

    /// INVARIANT: windows are sorted and do not overlap, exceptions likewise; both doors (text and
    /// bytes) have checked it.
    fn new(week: [Vec<Window>; 7], dated: Vec<Dated>) -> Hours {
        let whole = Window { start: 0, end: DAY_SECONDS };
        let always = week.iter().all(|windows| windows.as_slice() == [whole]);
        let open = |(day, windows): (usize, &Vec<Window>)| u8::from(!windows.is_empty()) << day;
        let open_weekdays = week.iter().enumerate().map(open).fold(0, |mask, bit| mask | bit);
        let exceptions = dated.iter().map(|dated| &dated.windows);
        let mut windows = week.iter().chain(exceptions).flatten();
        let runs_past_midnight = windows.any(|window| window.end > DAY_SECONDS);
        Hours { week, dated, open_weekdays, always, runs_past_midnight }
    }
}

impl std::str::FromStr for Hours {
    type Err = crate::Error;

    fn from_str(text: &str) -> Result<Hours, crate::Error> {
        Hours::parse(text)
    }
}

#[cfg(test)]
mod tests;
