//! One event of a calendar, and the dates on which it is.

use super::lines::Line;
use super::{DATES_MAX, NAME_CHARS_MAX, refuse};
use crate::civil::date_of;
use crate::error::Error;
use crate::recurrence::{Rule, dates_between};

/// LIMIT: days of one event.
const DAYS_MAX: i32 = 400;

#[derive(Default)]
pub(super) struct Event {
    begun: usize,
    start: Option<(usize, i32)>,
    timed: Option<usize>,
    end: Option<i32>,
    days: Option<i32>,
    rule: Option<Rule>,
    more: Vec<i32>,
    except: Vec<i32>,
    name: String,
    is_cancelled: bool,
}

impl Event {
    pub fn new(line: usize) -> Event {
        Event { begun: line, ..Event::default() }
    }

    /// The line to which messages about the event point.
    pub fn line(&self) -> usize {
        self.start.map(|(line, _)| line).or(self.timed).unwrap_or(self.begun)
    }

    pub fn name(&self) -> String {
        self.name.clone()
    }

    pub fn is_repeated(&self) -> bool {
        self.rule.is_some()
    }

    pub fn is_endless(&self) -> bool {
        self.rule.as_ref().is_some_and(Rule::is_endless)
    }

    /// Why the event gives no date; `None` if it gives one.
    pub fn ignored(&self) -> Option<&'static str> {
        match (self.start, self.timed) {
            _ if self.is_cancelled => Some("ignored: the event is cancelled"),
            (_, Some(_)) => Some("ignored: the event is at a time of day, not a whole day"),
            (None, None) => Some("ignored: the event has no DTSTART"),
            (Some(_), None) => None,
        }
    }

    /// Takes a property in.
    pub fn take(&mut self, line: &Line) -> Result<(), Error> {
        match line.name.as_str() {
            "DTSTART" if is_timed(line) => self.timed = Some(line.number),
            "DTSTART" => self.start = Some((line.number, date(line, &line.value)?)),
            "DTEND" if !is_timed(line) => self.end = Some(date(line, &line.value)?),
            // Of an event at a time of day nothing else matters.
            _ if self.timed.is_some() => {}
            "DURATION" => self.days = Some(days(line)?),
            "RRULE" => self.rule = Some(rule(line)?),
            "RDATE" => self.more.extend(dates(line)?),
            "EXDATE" => self.except.extend(dates(line)?),
            "RECURRENCE-ID" => {
                let detail = "An event that replaces one repetition is not understood.";
                return Err(refuse(line.number, &line.value, detail));
            }
            "SUMMARY" => self.name = plain(&line.value),
            "STATUS" => self.is_cancelled = line.value.trim().eq_ignore_ascii_case("CANCELLED"),
            _ => {}
        }
        Ok(())
    }

    /// All dates of the event, each repetition with all its days; endless repetitions up to `until`.
    pub fn dates(&self, until: i32) -> Result<Vec<i32>, Error> {
        let Some((line, start)) = self.start else { return Ok(Vec::new()) };
        let days = self.length(line, start)?;
        let mut starts = match &self.rule {
            Some(rule) => dates_between(rule, start, until.max(start), DATES_MAX + 1),
            None => vec![start],
        };
        starts.extend(&self.more);
        let mut except = self.except.clone();
        except.sort_unstable();
        starts.retain(|date| except.binary_search(date).is_err());
        if starts.len().saturating_mul(days.unsigned_abs() as usize) > DATES_MAX {
            return Err(refuse(line, &self.name, "The event has more than 40000 dates."));
        }
        let one = |start: &i32| (*start..start.saturating_add(days)).collect::<Vec<i32>>();
        let mut dates: Vec<i32> = starts.iter().flat_map(one).collect();
        dates.sort_unstable();
        dates.dedup();
        Ok(dates)
    }

    /// Days of one repetition. An end on the day of the start, which many programs write, is one.
    fn length(&self, line: usize, start: i32) -> Result<i32, Error> {
        let days = match (self.end, self.days) {
            (Some(_), Some(_)) => {
                let detail = "An event has DTEND or DURATION, not both.";
                return Err(refuse(line, &self.name, detail));
            }
            (Some(end), None) if end < start => {
                return Err(refuse(line, &self.name, "The event ends before it starts."));
            }
            (Some(end), None) => end.saturating_sub(start).max(1),
            (None, days) => days.unwrap_or(1),
        };
        if days > DAYS_MAX {
            return Err(refuse(line, &self.name, "The event is longer than 400 days."));
        }
        Ok(days)
    }
}

/// Is the value a time of day rather than a date?
fn is_timed(line: &Line) -> bool {
    line.value.contains(['T', 't']) && !line.parameters.iter().any(|it| it == "VALUE=DATE")
}

fn date(line: &Line, text: &str) -> Result<i32, Error> {
    let text = text.trim();
    let is_digits = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let found = || date_of(i32::try_from(part(0, 4)?).ok()?, part(4, 6)?, part(6, 8)?);
    let found = if is_digits { found() } else { None };
    found.ok_or_else(|| refuse(line.number, text, "A date is written 20261224 and must exist."))
}

fn dates(line: &Line) -> Result<Vec<i32>, Error> {
    line.value.split(',').map(|text| date(line, text)).collect()
}

fn days(line: &Line) -> Result<i32, Error> {
    let text = line.value.trim().to_ascii_uppercase();
    let text = text.strip_prefix('+').unwrap_or(&text);
    let number = |suffix: char| {
        let digits = text.strip_prefix('P')?.strip_suffix(suffix)?;
        let is_short = digits.len() <= 4 && digits.bytes().all(|byte| byte.is_ascii_digit());
        if is_short { digits.parse::<i32>().ok().filter(|days| *days > 0) } else { None }
    };
    let found = number('D').or_else(|| number('W').map(|weeks| weeks * 7));
    found.ok_or_else(|| {
        let detail = "The length of a whole-day event is written P1D or P2W.";
        refuse(line.number, &line.value, detail)
    })
}

fn rule(line: &Line) -> Result<Rule, Error> {
    let parsed: Rule = line
        .value
        .parse()
        .map_err(|error: Error| refuse(line.number, &line.value, error.detail()))?;
    if !parsed.is_yearly() {
        let detail = "Only events that repeat yearly are understood.";
        return Err(refuse(line.number, &line.value, detail));
    }
    Ok(parsed)
}

/// Text without its escapes, on one line, and not longer than anybody reads.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut letters = text.trim().chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('n' | 'N') => plain.push(' '),
                Some(escaped) => plain.push(escaped),
                None => {}
            },
            control if control.is_control() => plain.push(' '),
            _ => plain.push(letter),
        }
    }
    plain.chars().take(NAME_CHARS_MAX).collect()
}
