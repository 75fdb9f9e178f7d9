//! Plain dates, one or a range to a line: what people keep where they have no calendar file.
//!
//! `2026-12-24..2026-12-26 Christmas # office only`. A line that is not understood is told of with
//! its number and does not hold up the others, so that one reading shows all that is wrong.

use super::{
    DATES_MAX, HolidayCalendar, HolidayDate, HolidayNote, TEXT_MAX, name_of, refuse, year_ends,
};
use crate::civil::date_of;
use crate::error::Error;

/// LIMIT: days of one range.
const RANGE_DAYS_MAX: i32 = 400;

pub(super) fn parse(text: &str) -> Result<HolidayCalendar, Error> {
    if text.len() > TEXT_MAX {
        return Err(refuse(1, "...", "The text is longer than 4194304 bytes."));
    }
    let mut calendar = HolidayCalendar::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let said = line.split('#').next().unwrap_or("").trim();
        if said.is_empty() {
            continue;
        }
        match dates_of(said) {
            Ok((dates, label)) => {
                let one = |date| HolidayDate { line: number, date, name: name_of(label) };
                calendar.dates.extend(dates.map(one));
            }
            Err(reason) => {
                let shown: String = said.chars().take(40).collect();
                let text = format!("invalid: \"{shown}\": {reason}");
                calendar.notes.push(HolidayNote { line: number, text });
            }
        }
        if calendar.dates.len() > DATES_MAX {
            return Err(refuse(number, "", "The list has more than 40000 dates."));
        }
    }
    calendar.dates.sort_by_key(|found| (found.date, found.line));
    let ends = calendar.dates.first().zip(calendar.dates.last());
    calendar.loaded = ends.and_then(|(first, last)| year_ends(first.date, last.date));
    Ok(calendar)
}

/// The dates of a line, and the label behind them.
fn dates_of(line: &str) -> Result<(std::ops::RangeInclusive<i32>, &str), &'static str> {
    const FORM: &str = "a date is written 2026-12-24, a range 2026-12-24..2026-12-26";
    let is_label = |letter: char| letter.is_whitespace() || matches!(letter, ',' | ';');
    let (said, label) = line.split_once(is_label).unwrap_or((line, ""));
    let (first, last) = said.split_once("..").unwrap_or((said, said));
    let (first, last) = (date(first).ok_or(FORM)??, date(last).ok_or(FORM)??);
    match last.checked_sub(first) {
        Some(days) if (0..RANGE_DAYS_MAX).contains(&days) => Ok((first..=last, label.trim())),
        Some(days) if days < 0 => Err("the range ends before it begins"),
        _ => Err("a range has at most 400 days"),
    }
}

/// `None` if it is no date at all, an error if there is no such date.
fn date(text: &str) -> Option<Result<i32, &'static str>> {
    let mut parts = text.split('-').map(|part| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then_some(part)
    });
    let [year, month, day] = [parts.next()??, parts.next()??, parts.next()??];
    let is_whole = year.len() == 4 && month.len() == 2 && day.len() == 2;
    if !is_whole || parts.next().is_some() {
        return None;
    }
    let number = |part: &str| part.parse::<u32>().ok();
    let found = date_of(i32::try_from(number(year)?).ok()?, number(month)?, number(day)?);
    Some(found.ok_or("there is no such date"))
}
