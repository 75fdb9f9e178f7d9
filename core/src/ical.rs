//! Dates without opening from iCalendar text (RFC 5545), which is what holiday calendars export, and
//! from plain dates.
//!
//! Whole-day events are read: their dates, names and yearly repetitions. Events at a time of day
//! are no closures and are told of in a note. What would change the dates and is not understood is
//! an error with its line, because a ban that is silently lost is a call that is forbidden.

mod event;
mod lines;
mod plain;

use crate::civil::{date_of, ymd_of};
use crate::error::Error;
use event::Event;
use lines::{Line, Lines};

/// LIMIT: bytes of a calendar; thirty years of holidays have less than one hundredth of it.
const TEXT_MAX: usize = 4 << 20;
/// LIMIT: dates of a calendar.
const DATES_MAX: usize = 40_000;
/// LIMIT: events that repeat.
const REPEATING_MAX: usize = 500;
/// LIMIT: characters of a name that are kept.
const NAME_CHARS_MAX: usize = 200;
const HINT: &str = "Export the calendar again, or give the dates to dialer.add_closures.";

/// A date of a whole-day event.
///
/// ```
/// # let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225\nSUMMARY:Xmas\nEND:VEVENT\nEND:VCALENDAR";
/// let calendar = dialer_core::HolidayCalendar::parse(text, 20_000).unwrap();
/// assert_eq!((calendar.dates[0].line, calendar.dates[0].name.as_str()), (3, "Xmas"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayDate {
    /// The line of the event's DTSTART; the first line is 1.
    pub line: usize,
    /// The date, as days since 2000-01-01.
    pub date: i32,
    /// The event's SUMMARY; may be empty.
    pub name: String,
}

/// Something in the text that gave no date, though an event is there.
///
/// ```
/// # let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261225T100000Z\nEND:VEVENT\nEND:VCALENDAR";
/// let calendar = dialer_core::HolidayCalendar::parse(text, 20_000).unwrap();
/// assert!(calendar.dates.is_empty() && calendar.notes[0].text.contains("time of day"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolidayNote {
    /// The line of the event's DTSTART, or of its end.
    pub line: usize,
    /// Why nothing was taken.
    pub text: String,
}

/// What a calendar says.
///
/// ```
/// use dialer_core::{HolidayCalendar, date_of};
/// let text = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20261224\r\n\
///             DTEND;VALUE=DATE:20261227\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
/// let calendar = HolidayCalendar::parse(text, 20_000).unwrap();
/// assert_eq!(calendar.dates.len(), 3);
/// assert_eq!(calendar.loaded, Some((date_of(2026, 1, 1).unwrap(), date_of(2026, 12, 31).unwrap())));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HolidayCalendar {
    /// Sorted by date, then line.
    pub dates: Vec<HolidayDate>,
    /// Sorted by line.
    pub notes: Vec<HolidayNote>,
    /// First and last date of the whole years that the calendar speaks for: up to the last year
    /// with a date of its own, and only if there is none up to where repetitions were followed.
    pub loaded: Option<(i32, i32)>,
}

impl HolidayCalendar {
    /// Reads plain dates: one date or `from..to` to a line, a label behind it if there is one, and
    /// comments from `#` on. A line that is not understood becomes a note.
    ///
    /// ```
    /// use dialer_core::HolidayCalendar;
    /// let calendar = HolidayCalendar::parse_plain("2026-12-24..2026-12-26 Christmas\n24.12.").unwrap();
    /// assert_eq!(calendar.dates.len(), 3);
    /// assert!(calendar.notes[0].text.starts_with("invalid: \"24.12.\": a date is written 2026-12-24"));
    /// ```
    pub fn parse_plain(text: &str) -> Result<HolidayCalendar, Error> {
        plain::parse(text)
    }

    /// Reads a calendar; endless repetitions are followed up to the date `until`.
    ///
    /// ```
    /// use dialer_core::{HolidayCalendar, date_of};
    /// let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20201126\n\
    ///             RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=4TH\nEND:VEVENT\nEND:VCALENDAR\n";
    /// let calendar = HolidayCalendar::parse(text, date_of(2029, 12, 31).unwrap()).unwrap();
    /// assert_eq!(calendar.dates.len(), 10);
    /// let error = HolidayCalendar::parse("BEGIN:VCALENDAR\n", 0).unwrap_err();
    /// assert_eq!(error.line(), Some(1));
    /// ```
    pub fn parse(text: &str, until: i32) -> Result<HolidayCalendar, Error> {
        if text.len() > TEXT_MAX {
            return Err(refuse(1, "...", "The text is longer than 4194304 bytes."));
        }
        let mut reader = Reader { until, ..Reader::default() };
        let mut last = 1;
        for line in Lines::new(text) {
            last = line.number;
            reader.take(&line)?;
        }
        if reader.stack.is_empty() && reader.was_calendar {
            return Ok(reader.finish());
        }
        let detail = "The text ends inside the calendar: END:VCALENDAR is missing.";
        Err(refuse(last, "", if reader.stack.is_empty() { NO_CALENDAR } else { detail }))
    }
}

const NO_CALENDAR: &str = "An iCalendar text begins with BEGIN:VCALENDAR.";

#[derive(Default)]
struct Reader {
    until: i32,
    /// Names of the components that are open, in capitals.
    stack: Vec<String>,
    was_calendar: bool,
    event: Option<Event>,
    repeating: usize,
    /// First and last date of events that end by themselves.
    own: Option<(i32, i32)>,
    calendar: HolidayCalendar,
}

/// LIMIT: components inside one another.
const DEPTH_MAX: usize = 8;

impl Reader {
    fn take(&mut self, line: &Line) -> Result<(), Error> {
        match line.name.as_str() {
            "BEGIN" => self.begin(line),
            "END" => self.end(line),
            _ if self.stack.is_empty() => Err(refuse(line.number, &line.name, NO_CALENDAR)),
            // Properties of an alarm or of a time zone are not the event's.
            _ => match &mut self.event {
                Some(event) if self.stack.last().is_some_and(|name| name == "VEVENT") => {
                    event.take(line)
                }
                _ => Ok(()),
            },
        }
    }

    fn begin(&mut self, line: &Line) -> Result<(), Error> {
        let name = line.value.trim().to_ascii_uppercase();
        if self.stack.is_empty() && name != "VCALENDAR" {
            return Err(refuse(line.number, &name, NO_CALENDAR));
        }
        if self.stack.len() >= DEPTH_MAX {
            return Err(refuse(line.number, &name, "Components lie more than 8 deep."));
        }
        if name == "VEVENT" {
            if self.event.is_some() {
                return Err(refuse(line.number, &name, "An event lies inside another event."));
            }
            self.event = Some(Event::new(line.number));
        }
        self.was_calendar = true;
        self.stack.push(name);
        Ok(())
    }

    fn end(&mut self, line: &Line) -> Result<(), Error> {
        let name = line.value.trim().to_ascii_uppercase();
        if self.stack.pop().as_deref() != Some(name.as_str()) {
            return Err(refuse(line.number, &name, "What ends here did not begin last."));
        }
        match self.event.take_if(|_| name == "VEVENT") {
            Some(event) => self.add(&event),
            None => Ok(()),
        }
    }

    fn add(&mut self, event: &Event) -> Result<(), Error> {
        if let Some(text) = event.ignored() {
            self.calendar.notes.push(HolidayNote { line: event.line(), text: text.into() });
            return Ok(());
        }
        self.repeating += usize::from(event.is_repeated());
        if self.repeating > REPEATING_MAX {
            return Err(refuse(event.line(), "RRULE", "More than 500 events repeat."));
        }
        let dates = event.dates(self.until)?;
        if self.calendar.dates.len() + dates.len() > DATES_MAX {
            return Err(refuse(event.line(), "", "The calendar has more than 40000 dates."));
        }
        if !event.is_endless() {
            let (first, last) = (dates.iter().min(), dates.iter().max());
            for date in [first, last].into_iter().flatten() {
                let (from, to) = self.own.unwrap_or((*date, *date));
                self.own = Some((from.min(*date), to.max(*date)));
            }
        }
        let name = event.name();
        let one = |date| HolidayDate { line: event.line(), date, name: name.clone() };
        self.calendar.dates.extend(dates.into_iter().map(one));
        Ok(())
    }

    fn finish(mut self) -> HolidayCalendar {
        self.calendar.dates.sort_by_key(|found| (found.date, found.line));
        self.calendar.notes.sort_by_key(|note| note.line);
        let all = self.calendar.dates.first().zip(self.calendar.dates.last());
        let followed = all.map(|(first, last)| (first.date, last.date.max(self.until)));
        self.calendar.loaded = self.own.or(followed).and_then(|(first, last)| {
            let (from, to) = year_ends(first, last)?;
            Some((from, if self.own.is_some() { to } else { last }))
        });
        self.calendar
    }
}

/// The first and last date of the years from one date to another.
fn year_ends(first: i32, last: i32) -> Option<(i32, i32)> {
    Some((date_of(ymd_of(first).0, 1, 1)?, date_of(ymd_of(last).0, 12, 31)?))
}

/// A name as far as it is kept.
fn name_of(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(NAME_CHARS_MAX).collect()
}

/// An error at a line; `shown` is what stands there.
fn refuse(line: usize, shown: &str, detail: &str) -> Error {
    Error::calendar(line, shown, detail, HINT)
}

#[cfg(test)]
mod tests;
