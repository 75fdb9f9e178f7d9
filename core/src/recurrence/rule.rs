//! The text of a recurrence rule: the part of RFC 5545's RRULE that dialling needs.
//!
//! What is not supported is refused by name, because a part that is silently ignored would call on
//! days that nobody meant.

use crate::civil::date_of;
use crate::error::Error;
use crate::instant::{DAY, HOUR, Instant, MINUTE, SECOND};

/// LIMIT: bytes of a rule.
const TEXT_MAX: usize = 2000;
/// LIMIT: periods between two occurrences.
const INTERVAL_MAX: i64 = 100_000;
/// LIMIT: occurrences that COUNT may ask for.
const COUNT_MAX: i64 = 1_000_000;
const EXAMPLE: &str = "Write for example FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=10.";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    Date(i32),
    Local(i64),
    Instant(Instant),
}

/// A weekday, or the nth (from the end if negative) of its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByDay {
    pub nth: Option<i32>,
    pub weekday: usize,
}

/// A parsed recurrence rule.
///
/// ```
/// use dialer_core::Rule;
/// assert!("RRULE:FREQ=MONTHLY;BYDAY=-1FR".parse::<Rule>().is_ok());
/// let error = "FREQ=DAILY;BYSETPOS=1".parse::<Rule>().unwrap_err();
/// assert_eq!(error.position(), Some(12));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub(super) frequency: Frequency,
    pub(super) interval: i64,
    pub(super) count: Option<u64>,
    pub(super) until: Option<Until>,
    pub(super) by_day: Vec<ByDay>,
    pub(super) by_month_day: Vec<i32>,
    /// Bit m is set for month m; zero means every month.
    pub(super) by_month: u16,
    /// The weekday on which weeks start, Monday is 0.
    pub(super) week_start: usize,
}

impl Rule {
    /// Does it say neither COUNT nor UNTIL?
    pub(crate) fn is_endless(&self) -> bool {
        self.count.is_none() && self.until.is_none()
    }

    pub(crate) fn is_yearly(&self) -> bool {
        self.frequency == Frequency::Yearly
    }
}

impl std::str::FromStr for Rule {
    type Err = Error;

    fn from_str(text: &str) -> Result<Rule, Error> {
        if text.len() > TEXT_MAX {
            let detail = "The rule is longer than 2000 bytes.";
            return Err(Error::recurrence_at(text, TEXT_MAX + 1, detail, EXAMPLE));
        }
        let trimmed = text.trim();
        let prefix = trimmed.get(..6).filter(|prefix| prefix.eq_ignore_ascii_case("RRULE:"));
        let body = if prefix.is_some() { &trimmed[6..] } else { trimmed };
        let mut parts = Parts::default();
        let mut seen: Vec<(String, &str)> = Vec::new();
        let refuse_at = |part: &str, detail: &str| {
            let position = part.as_ptr() as usize - text.as_ptr() as usize + 1;
            Error::recurrence_at(part, position, detail, EXAMPLE)
        };
        for part in body.split(';') {
            let refuse = |detail: &str| refuse_at(part, detail);
            let (name, value) = part.split_once('=').ok_or_else(|| {
                refuse("A part is written NAME=VALUE; parts are separated by semicolons.")
            })?;
            let name = name.trim().to_ascii_uppercase();
            if seen.iter().any(|(known, _)| *known == name) {
                return Err(refuse("A part may be given once."));
            }
            let value = value.trim().to_ascii_uppercase();
            parts.set(&name, &value).map_err(|detail| refuse(&detail))?;
            seen.push((name, part));
        }
        parts.rule().map_err(|(name, detail)| {
            let part = seen.iter().find(|(known, _)| known == name);
            refuse_at(part.map_or(body, |(_, part)| *part), detail)
        })
    }
}

#[derive(Default)]
struct Parts {
    frequency: Option<Frequency>,
    interval: Option<i64>,
    count: Option<u64>,
    until: Option<Until>,
    by_day: Vec<ByDay>,
    by_month_day: Vec<i32>,
    by_month: u16,
    week_start: usize,
}

impl Parts {
    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "FREQ" => self.frequency = Some(frequency(value)?),
            "INTERVAL" => self.interval = Some(number(value, 1, INTERVAL_MAX)?),
            "COUNT" => self.count = Some(number(value, 1, COUNT_MAX)?.unsigned_abs()),
            "UNTIL" => self.until = Some(until(value)?),
            "BYDAY" => self.by_day = list(value, by_day)?,
            "BYMONTHDAY" => self.by_month_day = list(value, |text| signed(text, 31))?,
            "BYMONTH" => {
                let months = list(value, |text| number(text, 1, 12))?;
                self.by_month = months.iter().fold(0, |mask, month| mask | 1 << month);
            }
            "WKST" => self.week_start = weekday(value).ok_or("WKST is one of MO to SU.")?,
            "BYSECOND" | "BYMINUTE" | "BYHOUR" | "BYYEARDAY" | "BYWEEKNO" | "BYSETPOS"
            | "RSCALE" | "SKIP" => return Err(format!("{name} is not supported.")),
            _ => return Err("There is no such part in a recurrence rule.".into()),
        }
        Ok(())
    }

    /// The error names the part that does not fit to the others.
    fn rule(self) -> Result<Rule, (&'static str, &'static str)> {
        let frequency = self.frequency.ok_or(("FREQ", "FREQ is missing."))?;
        if self.count.is_some() && self.until.is_some() {
            return Err(("UNTIL", "COUNT and UNTIL exclude each other."));
        }
        let has_nth = self.by_day.iter().any(|day| day.nth.is_some());
        if has_nth && matches!(frequency, Frequency::Daily | Frequency::Weekly) {
            let detail = "A numbered weekday such as 2TU needs FREQ=MONTHLY or YEARLY.";
            return Err(("BYDAY", detail));
        }
        if frequency == Frequency::Weekly && !self.by_month_day.is_empty() {
            return Err(("BYMONTHDAY", "BYMONTHDAY cannot be used with FREQ=WEEKLY."));
        }
        Ok(Rule {
            frequency,
            interval: self.interval.unwrap_or(1),
            count: self.count,
            until: self.until,
            by_day: self.by_day,
            by_month_day: self.by_month_day,
            by_month: self.by_month,
            week_start: self.week_start,
        })
    }
}

fn frequency(value: &str) -> Result<Frequency, String> {
    match value {
        "DAILY" => Ok(Frequency::Daily),
        "WEEKLY" => Ok(Frequency::Weekly),
        "MONTHLY" => Ok(Frequency::Monthly),
        "YEARLY" => Ok(Frequency::Yearly),
        "SECONDLY" | "MINUTELY" | "HOURLY" => Err(format!("FREQ={value} is not supported.")),
        _ => Err("FREQ is DAILY, WEEKLY, MONTHLY or YEARLY.".into()),
    }
}

fn number(value: &str, min: i64, max: i64) -> Result<i64, String> {
    let digits = !value.is_empty() && value.len() <= 9 && value.bytes().all(|b| b.is_ascii_digit());
    let parsed = if digits { value.parse().ok() } else { None };
    let in_range = parsed.filter(|number| (min..=max).contains(number));
    in_range.ok_or_else(|| format!("A whole number from {min} to {max} is expected."))
}

fn signed(value: &str, max: i64) -> Result<i32, String> {
    let (sign, digits) = match value.as_bytes().first() {
        Some(b'-') => (-1, &value[1..]),
        Some(b'+') => (1, &value[1..]),
        _ => (1, value),
    };
    let found = number(digits, 1, max)
        .map_err(|_| format!("A whole number from 1 to {max} or from -{max} to -1 is expected."))?;
    Ok(sign * found as i32)
}

fn list<T>(value: &str, one: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, String> {
    value.split(',').map(|text| one(text.trim())).collect()
}

fn by_day(value: &str) -> Result<ByDay, String> {
    let detail = "BYDAY lists weekdays MO to SU, with a number such as 2TU or -1FR if needed.";
    let split = value.len().checked_sub(2).filter(|split| value.is_char_boundary(*split));
    let (nth, name) = value.split_at(split.ok_or(detail)?);
    let weekday = weekday(name).ok_or(detail)?;
    let nth = if nth.is_empty() { None } else { Some(signed(nth, 53)?) };
    Ok(ByDay { nth, weekday })
}

fn weekday(name: &str) -> Option<usize> {
    ["MO", "TU", "WE", "TH", "FR", "SA", "SU"].iter().position(|known| *known == name)
}

fn until(value: &str) -> Result<Until, String> {
    let detail = "UNTIL is written 20261231, 20261231T235959 or 20261231T235959Z.";
    let digits = |range: std::ops::Range<usize>| {
        value.get(range).filter(|t| t.bytes().all(|b| b.is_ascii_digit()))?.parse::<u32>().ok()
    };
    let date = || date_of(digits(0..4)? as i32, digits(4..6)?, digits(6..8)?);
    let date = date().ok_or(detail)?;
    if value.len() == 8 {
        return Ok(Until::Date(date));
    }
    let clock = || {
        let (hour, minute, second) = (digits(9..11)?, digits(11..13)?, digits(13..15)?);
        let is_clock = hour < 24 && minute < 60 && second < 60 && value.as_bytes()[8] == b'T';
        let micros =
            i64::from(hour) * HOUR + i64::from(minute) * MINUTE + i64::from(second) * SECOND;
        is_clock.then_some(i64::from(date) * DAY + micros)
    };
    match (clock(), value.get(15..)) {
        (Some(local), Some("")) => Ok(Until::Local(local)),
        (Some(local), Some("Z")) => Ok(Until::Instant(Instant::from_micros(local))),
        _ => Err(detail.into()),
    }
}
