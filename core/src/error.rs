//! The one error type of the crate: what was wrong, where, and what to do about it.
//!
//! Calculations cannot fail and return values; only the doors (parsers and validators) return
//! this. The three texts follow the rules for SQL errors, so that the extension passes them on.

use std::fmt;

/// What kind of input was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hours,
    Zone,
    Ladder,
    Recurrence,
    Phone,
    Limit,
    Calendar,
}

/// A refused input: a message, a detail sentence, a hint, and a byte position where there is one.
///
/// ```
/// let error = dialer_core::Hours::parse("Mo 25:00-26:00").unwrap_err();
/// assert!(error.is_hours());
/// assert_eq!(error.position(), Some(4));
/// assert!(error.to_string().contains("25:00"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    message: String,
    detail: String,
    hint: String,
    position: Option<usize>,
    line: Option<usize>,
}

impl Error {
    fn new(kind: Kind, message: String, detail: String, hint: String) -> Self {
        Error { kind, message, detail, hint, position: None, line: None }
    }

    pub(crate) fn hours(text: &str, position: usize, detail: &str, hint: &str) -> Self {
        let shown = shorten(text);
        let message = format!("invalid hours at byte {position}: \"{shown}\"");
        Error {
            position: Some(position),
            ..Error::new(Kind::Hours, message, detail.into(), hint.into())
        }
    }

    pub(crate) fn stored_hours(detail: &str) -> Self {
        let hint = "Write the hours again as text.";
        Error::new(Kind::Hours, "stored hours are damaged".into(), detail.into(), hint.into())
    }

    pub(crate) fn zone(name: &str, detail: &str) -> Self {
        let hint = "Use an IANA name such as America/New_York, or UTC.";
        let message = format!("unknown time zone \"{}\"", shorten(name));
        Error::new(Kind::Zone, message, detail.into(), hint.into())
    }

    pub(crate) fn ladder(message: String, detail: &str, hint: &str) -> Self {
        Error::new(Kind::Ladder, message, detail.into(), hint.into())
    }

    pub(crate) fn recurrence_at(part: &str, position: usize, detail: &str, hint: &str) -> Self {
        let message = format!("invalid recurrence rule at byte {position}: \"{}\"", shorten(part));
        Error {
            position: Some(position),
            ..Error::new(Kind::Recurrence, message, detail.into(), hint.into())
        }
    }

    pub(crate) fn phone(reason: &str, detail: &str, hint: &str) -> Self {
        let message = format!("invalid phone number: {reason}");
        Error::new(Kind::Phone, message, detail.into(), hint.into())
    }

    pub(crate) fn limit(message: String, detail: &str, hint: &str) -> Self {
        Error::new(Kind::Limit, message, detail.into(), hint.into())
    }

    pub(crate) fn calendar(line: usize, shown: &str, detail: &str, hint: &str) -> Self {
        let message = match shown {
            "" => format!("invalid calendar at line {line}"),
            shown => format!("invalid calendar at line {line}: \"{}\"", shorten(shown)),
        };
        Error {
            line: Some(line),
            ..Error::new(Kind::Calendar, message, detail.into(), hint.into())
        }
    }

    /// A sentence that says which rule was broken.
    ///
    /// ```
    /// let error = dialer_core::Hours::parse("Mo 09:00-09:00").unwrap_err();
    /// assert!(error.detail().contains("same"));
    /// ```
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do instead.
    ///
    /// ```
    /// let error = dialer_core::Hours::parse("Mo 09:00-09:00").unwrap_err();
    /// assert!(error.hint().contains("00:00-24:00"));
    /// ```
    pub fn hint(&self) -> &str {
        &self.hint
    }

    /// The byte at which the offending text starts; the first byte is 1, as Postgres counts.
    ///
    /// ```
    /// assert_eq!(dialer_core::Hours::parse("Xx 09:00-10:00").unwrap_err().position(), Some(1));
    /// ```
    pub fn position(&self) -> Option<usize> {
        self.position
    }

    /// The line of a text of many lines; the first line is 1.
    ///
    /// ```
    /// let error = dialer_core::HolidayCalendar::parse("nonsense", 0).unwrap_err();
    /// assert_eq!(error.line(), Some(1));
    /// ```
    pub fn line(&self) -> Option<usize> {
        self.line
    }

    /// Was it opening hours (SQLSTATE PD010)?
    ///
    /// ```
    /// assert!(dialer_core::Hours::parse("?").unwrap_err().is_hours());
    /// ```
    pub fn is_hours(&self) -> bool {
        self.kind == Kind::Hours
    }

    /// Was it a zone name (SQLSTATE PD011)?
    ///
    /// ```
    /// assert!(dialer_core::IanaZone::parse("CET").unwrap_err().is_zone());
    /// ```
    pub fn is_zone(&self) -> bool {
        self.kind == Kind::Zone
    }

    /// Was it a redial ladder or an interval (SQLSTATE PD012)?
    ///
    /// ```
    /// assert!(dialer_core::Ladder::new(vec![]).unwrap_err().is_ladder());
    /// ```
    pub fn is_ladder(&self) -> bool {
        self.kind == Kind::Ladder
    }

    /// Was it a recurrence rule (SQLSTATE PD013)?
    ///
    /// ```
    /// assert!("FREQ=HOURLY".parse::<dialer_core::Rule>().unwrap_err().is_recurrence());
    /// ```
    pub fn is_recurrence(&self) -> bool {
        self.kind == Kind::Recurrence
    }

    /// Was it a phone number (SQLSTATE PD014)?
    ///
    /// ```
    /// assert!(dialer_core::PhoneNumber::normalize("911", "US").unwrap_err().is_phone());
    /// ```
    pub fn is_phone(&self) -> bool {
        self.kind == Kind::Phone
    }

    /// Was it a cap or an option (SQLSTATE PD015)?
    ///
    /// ```
    /// assert!(dialer_core::Cap::new(1, "sometimes", None, None).unwrap_err().is_limit());
    /// ```
    pub fn is_limit(&self) -> bool {
        self.kind == Kind::Limit
    }

    /// Was it iCalendar text (SQLSTATE PD016)?
    ///
    /// ```
    /// assert!(dialer_core::HolidayCalendar::parse("", 0).unwrap_err().is_calendar());
    /// ```
    pub fn is_calendar(&self) -> bool {
        self.kind == Kind::Calendar
    }
}

/// LIMIT: an error shows at most this many characters of what it refuses.
const SHOWN_CHARS_MAX: usize = 40;

fn shorten(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_string(),
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
