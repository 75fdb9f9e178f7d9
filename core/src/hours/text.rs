//! The text of `Hours`: a strict reader with exact error positions, and the canonical writer.
//!
//! hours := rule (";" rule)*, rule := [days | dates] ("off" | window ("," window)*). A bar may
//! stand for the semicolon. Nothing is guessed: what is not understood is refused at its byte.

use super::{DATED_MAX, DAY_SECONDS, Dated, Hours, WINDOWS_PER_DAY_MAX, Window};
use crate::Error;
use crate::civil::{date_of, ymd_of};
use std::fmt::{self, Write};

/// LIMIT: bytes of one text.
const TEXT_MAX: usize = 262_144;
const DAY_NAMES: [&str; 7] = ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"];
const FULL_DAY_NAMES: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const GRAMMAR: &str = "Write for example 'Mo-Fr 09:00-12:00,13:00-18:00; Sa 10:00-14:00; 2026-12-24 off', '24/7' or 'off'.";

pub(super) fn parse(text: &str) -> Result<Hours, Error> {
    if text.len() > TEXT_MAX {
        return Err(Error::hours(
            "...",
            TEXT_MAX,
            "The text is longer than 262144 bytes.",
            GRAMMAR,
        ));
    }
    let mut reader = Reader { text, at: 0, week: Default::default(), dated: Vec::new() };
    reader.skip_blanks();
    while !reader.is_done() {
        reader.rule()?;
        reader.skip_blanks();
        if !reader.is_done() && !reader.eat(b';') && !reader.eat(b'|') {
            return Err(reader.refuse_here("A semicolon is expected between two rules."));
        }
        reader.skip_blanks();
    }
    reader.finish()
}

/// The windows of one weekday, and where the text first spoke of it.
#[derive(Clone, Default)]
struct WeekdayRule {
    windows: Vec<Window>,
    said_off: bool,
}

/// What the left-hand side of a rule selects.
enum Selected {
    Weekdays(u8),
    Dates(Vec<(i32, i32)>),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    week: [WeekdayRule; 7],
    dated: Vec<Dated>,
}

impl<'a> Reader<'a> {
    fn rule(&mut self) -> Result<(), Error> {
        let start = self.at;
        let selected = self.selected()?;
        self.skip_blanks();
        let windows = self.windows()?;
        match selected {
            Selected::Weekdays(mask) => self.add_weekdays(start, mask, &windows),
            Selected::Dates(ranges) => self.add_dates(start, &ranges, &windows),
        }
    }

    fn selected(&mut self) -> Result<Selected, Error> {
        const EVERY_DAY: u8 = 0b111_1111;
        let token = self.token();
        if token.is_empty() {
            return Err(self.refuse_here("A weekday, a date, a time or 'off' is expected."));
        }
        if is_date_like(token) {
            return self.dates().map(Selected::Dates);
        }
        if token.as_bytes()[0].is_ascii_digit() || is_off(token) {
            return Ok(Selected::Weekdays(EVERY_DAY));
        }
        self.weekdays().map(Selected::Weekdays)
    }

    fn weekdays(&mut self) -> Result<u8, Error> {
        let mut mask = 0;
        loop {
            let start = self.at;
            let range = self.weekday_range()?;
            if mask & range != 0 {
                return Err(self.refuse(start, "A weekday is named twice in one rule."));
            }
            mask |= range;
            if !self.eat_comma() {
                return Ok(mask);
            }
        }
    }

    fn weekday_range(&mut self) -> Result<u8, Error> {
        let first = self.weekday()?;
        if !self.eat(b'-') {
            return Ok(1 << first);
        }
        let last = self.weekday()?;
        let length = (last + 7 - first) % 7;
        Ok((0..=length).fold(0, |mask, step| mask | 1 << ((first + step) % 7)))
    }

    fn weekday(&mut self) -> Result<usize, Error> {
        let (start, word) = (self.at, self.word());
        let word = word.to_ascii_lowercase();
        let found = FULL_DAY_NAMES.iter().position(|full| {
            let short = [&full[..2], &full[..3], full];
            short.contains(&word.as_str()) || (word.len() == 4 && full.starts_with(&word))
        });
        found.ok_or_else(|| {
            self.refuse(start, "A weekday is expected: Mo Tu We Th Fr Sa Su, or its English name.")
        })
    }

    fn dates(&mut self) -> Result<Vec<(i32, i32)>, Error> {
        let mut ranges = Vec::new();
        loop {
            let start = self.at;
            let first = self.date()?;
            let last = if self.rest().starts_with("..") {
                self.at += 2;
                self.date()?
            } else {
                first
            };
            if last < first {
                return Err(self.refuse(start, "The range of dates ends before it starts."));
            }
            ranges.push((first, last));
            if !self.eat_comma() {
                return Ok(ranges);
            }
        }
    }

    fn date(&mut self) -> Result<i32, Error> {
        let start = self.at;
        let token = self.rest().get(..10).filter(|token| is_date_like(token));
        let date = token.and_then(|token| {
            let part = |from: usize, to: usize| token[from..to].parse::<u32>().ok();
            date_of(part(0, 4)? as i32, part(5, 7)?, part(8, 10)?)
        });
        match date {
            Some(date) => {
                self.at += 10;
                Ok(date)
            }
            None => Err(self.refuse(start, "A date is written 2026-12-24 and must exist.")),
        }
    }

    fn windows(&mut self) -> Result<Vec<Window>, Error> {
        let start = self.at;
        if is_off(self.token()) {
            self.at += self.token().len();
            return Ok(Vec::new());
        }
        if self.token() == "24/7" {
            self.at += 4;
            return Ok(vec![Window { start: 0, end: DAY_SECONDS }]);
        }
        let mut windows = Vec::new();
        loop {
            windows.push(self.window()?);
            if !self.eat_comma() {
                break;
            }
        }
        merge(windows).map_err(|problem| self.refuse(start, problem))
    }

    fn window(&mut self) -> Result<Window, Error> {
        let place = self.at;
        let start = self.time()?;
        self.skip_blanks();
        if !self.eat(b'-') {
            return Err(self.refuse_here("A window is written 09:00-17:00; its '-' is missing."));
        }
        self.skip_blanks();
        let end = self.time()?;
        if start == DAY_SECONDS {
            return Err(self.refuse(place, "24:00 may only end a window."));
        }
        if start == end {
            let detail = "A window's start and end are the same.";
            let hint = "Use 00:00-24:00 for the whole day, or off for none of it.";
            return Err(Error::hours(&self.text[place..self.at], place + 1, detail, hint));
        }
        Ok(Window { start, end: if end < start { end + DAY_SECONDS } else { end } })
    }

    fn time(&mut self) -> Result<u32, Error> {
        let start = self.at;
        let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.');
        let length = self.rest().bytes().take_while(|byte| is_part(byte)).count();
        self.at += length;
        let text = &self.text[start..self.at];
        let seconds = time_of_day(text);
        seconds.ok_or_else(|| {
            self.refuse(start, "A time of day is written 09:30 or 09:30:15, from 00:00 to 24:00.")
        })
    }

    fn add_weekdays(&mut self, start: usize, mask: u8, windows: &[Window]) -> Result<(), Error> {
        for day in (0..7).filter(|day| mask & (1 << day) != 0) {
            let rule = &self.week[day];
            let off = windows.is_empty();
            if (off && !rule.windows.is_empty()) || (!off && rule.said_off) {
                return Err(self.refuse(start, "A weekday is both off and open."));
            }
            let all = rule.windows.iter().chain(windows).copied().collect();
            let merged = merge(all).map_err(|problem| self.refuse(start, problem))?;
            self.week[day] = WeekdayRule { windows: merged, said_off: off };
        }
        Ok(())
    }

    fn add_dates(
        &mut self,
        start: usize,
        ranges: &[(i32, i32)],
        windows: &[Window],
    ) -> Result<(), Error> {
        for &(first, last) in ranges {
            let place = self.dated.partition_point(|dated| dated.last < first);
            if self.dated.get(place).is_some_and(|dated| dated.first <= last) {
                return Err(self.refuse(start, "A date has two exceptions; it may have one."));
            }
            if self.dated.len() >= DATED_MAX {
                return Err(self.refuse(start, "There are more than 4096 dated exceptions."));
            }
            self.dated.insert(place, Dated { first, last, windows: windows.to_vec() });
        }
        Ok(())
    }

    fn finish(self) -> Result<Hours, Error> {
        let week = self.week.map(|rule| rule.windows);
        Ok(Hours::new(week, join_dated(self.dated)))
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn is_done(&self) -> bool {
        self.at >= self.text.len()
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().bytes().take_while(u8::is_ascii_whitespace).count();
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.text.as_bytes().get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn eat_comma(&mut self) -> bool {
        let before = self.at;
        self.skip_blanks();
        if !self.eat(b',') {
            self.at = before;
            return false;
        }
        self.skip_blanks();
        true
    }

    fn word(&mut self) -> &'a str {
        let length = self.rest().bytes().take_while(u8::is_ascii_alphabetic).count();
        let start = self.at;
        self.at += length;
        &self.text[start..self.at]
    }

    /// What stands here up to the next blank, comma, semicolon or bar.
    fn token(&self) -> &'a str {
        let rest = self.rest();
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, ',' | ';' | '|');
        &rest[..rest.find(is_end).unwrap_or(rest.len())]
    }

    fn refuse(&self, start: usize, detail: &str) -> Error {
        let rest = &self.text[start..];
        let end = rest.find([';', '|']).unwrap_or(rest.len());
        Error::hours(rest[..end].trim_end(), start + 1, detail, GRAMMAR)
    }

    fn refuse_here(&self, detail: &str) -> Error {
        self.refuse(self.at, detail)
    }
}

fn is_off(token: &str) -> bool {
    token.eq_ignore_ascii_case("off") || token.eq_ignore_ascii_case("closed")
}

fn is_date_like(token: &str) -> bool {
    let bytes = token.as_bytes();
    bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(index, byte)| match index {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}

fn time_of_day(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 1)?;
    let minute = number(parts.next()?, 2)?;
    let second = parts.next().map_or(Some(0), |part| number(part, 2))?;
    let is_clock = parts.next().is_none() && minute < 60 && second < 60;
    let seconds = hour * 3600 + minute * 60 + second;
    (is_clock && seconds <= DAY_SECONDS).then_some(seconds)
}

fn number(text: &str, digits_min: usize) -> Option<u32> {
    let is_plain =
        (digits_min..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if is_plain { text.parse().ok() } else { None }
}

/// Sorts a day's windows and joins those that touch; overlapping ones are refused.
fn merge(mut windows: Vec<Window>) -> Result<Vec<Window>, &'static str> {
    windows.sort_unstable();
    let mut merged: Vec<Window> = Vec::with_capacity(windows.len());
    for window in windows {
        match merged.last_mut() {
            Some(last) if window.start < last.end => {
                return Err("Two windows of one day overlap; windows may touch, not overlap.");
            }
            // Joined windows must still be writable as one: shorter than a day, or the whole day.
            Some(last) if window.start == last.end && is_writable(last.start, window.end) => {
                last.end = window.end;
            }
            _ => merged.push(window),
        }
    }
    if merged.len() > WINDOWS_PER_DAY_MAX {
        return Err("A day has more than 48 windows.");
    }
    Ok(merged)
}

fn is_writable(start: u32, end: u32) -> bool {
    end - start < DAY_SECONDS || (start == 0 && end == DAY_SECONDS)
}

/// Joins exceptions of neighbouring dates that say the same, so that equal hours are equal values.
fn join_dated(dated: Vec<Dated>) -> Vec<Dated> {
    let mut joined: Vec<Dated> = Vec::with_capacity(dated.len());
    for next in dated {
        match joined.last_mut() {
            Some(last) if last.last + 1 == next.first && last.windows == next.windows => {
                last.last = next.last;
            }
            _ => joined.push(next),
        }
    }
    joined
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        if self.always {
            f.write_str("24/7")?;
            separator = "; ";
        } else {
            let mut shown: u8 = 0;
            for day in 0..7 {
                let same = self.same_days(day) & !shown;
                if same & (1 << day) == 0 || self.week[day].is_empty() {
                    continue;
                }
                shown |= same;
                f.write_str(separator)?;
                write_days(f, same)?;
                write_windows(f, &self.week[day])?;
                separator = "; ";
            }
        }
        for dated in &self.dated {
            f.write_str(separator)?;
            write_date(f, dated.first)?;
            if dated.last != dated.first {
                f.write_str("..")?;
                write_date(f, dated.last)?;
            }
            write_windows(f, &dated.windows)?;
            separator = "; ";
        }
        if separator.is_empty() { f.write_str("off") } else { Ok(()) }
    }
}

impl Hours {
    fn same_days(&self, day: usize) -> u8 {
        let is_same = |other: &usize| self.week[*other] == self.week[day];
        (0..7).filter(is_same).fold(0, |mask, other| mask | 1 << other)
    }
}

fn write_days(f: &mut fmt::Formatter<'_>, mask: u8) -> fmt::Result {
    let mut day = 0;
    let mut separator = "";
    while day < 7 {
        if mask & (1 << day) == 0 {
            day += 1;
            continue;
        }
        let first = day;
        while day < 7 && mask & (1 << day) != 0 {
            day += 1;
        }
        write!(f, "{separator}{}", DAY_NAMES[first])?;
        if day - 1 > first {
            write!(f, "-{}", DAY_NAMES[day - 1])?;
        }
        separator = ",";
    }
    Ok(())
}

fn write_windows(f: &mut fmt::Formatter<'_>, windows: &[Window]) -> fmt::Result {
    if windows.is_empty() {
        return f.write_str(" off");
    }
    let mut separator = ' ';
    for window in windows {
        let end = if window.end > DAY_SECONDS { window.end - DAY_SECONDS } else { window.end };
        f.write_char(separator)?;
        write_time(f, window.start)?;
        f.write_char('-')?;
        write_time(f, end)?;
        separator = ',';
    }
    Ok(())
}

fn write_time(f: &mut fmt::Formatter<'_>, seconds: u32) -> fmt::Result {
    write!(f, "{:02}:{:02}", seconds / 3600, seconds / 60 % 60)?;
    match seconds % 60 {
        0 => Ok(()),
        second => write!(f, ":{second:02}"),
    }
}

fn write_date(f: &mut fmt::Formatter<'_>, date: i32) -> fmt::Result {
    let (year, month, day) = ymd_of(date);
    write!(f, "{year:04}-{month:02}-{day:02}")
}
