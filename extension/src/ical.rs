//! Holiday calendars in SQL: the dates of iCalendar text or of a plain list, as rows.

use crate::datum::refuse;
use crate::raise::{Complaint, raise};
use dialer_core::HolidayCalendar;
use pgrx::datum::Date;
use pgrx::prelude::*;

/// Line, date, name, and the ends of what is loaded.
type Row = (i32, Option<Date>, String, Option<Date>, Option<Date>);

#[pg_extern(sql = false)]
#[expect(clippy::type_complexity, reason = "pgrx reads the columns from the signature")]
fn ical_dates(
    ical: &str,
    until_on: Date,
) -> TableIterator<
    'static,
    (
        name!(line, i32),
        name!(closed_on, Option<Date>),
        name!(name, String),
        name!(loaded_from, Option<Date>),
        name!(loaded_until, Option<Date>),
    ),
> {
    let found = HolidayCalendar::parse(ical, until_on.to_pg_epoch_days());
    TableIterator::new(rows(found.unwrap_or_else(|error| refuse(&error))))
}

#[pg_extern(sql = false)]
#[expect(clippy::type_complexity, reason = "pgrx reads the columns from the signature")]
fn plain_dates(
    dates: &str,
) -> TableIterator<
    'static,
    (
        name!(line, i32),
        name!(closed_on, Option<Date>),
        name!(name, String),
        name!(loaded_from, Option<Date>),
        name!(loaded_until, Option<Date>),
    ),
> {
    let found = HolidayCalendar::parse_plain(dates);
    TableIterator::new(rows(found.unwrap_or_else(|error| refuse(&error))))
}

/// A row for every date and note; the ends are the same in every row.
fn rows(calendar: HolidayCalendar) -> Vec<Row> {
    let (from, until) = calendar.loaded.map(|(from, until)| (date(from), date(until))).unzip();
    let dates = calendar.dates.into_iter().map(|it| (it.line, Some(date(it.date)), it.name));
    let notes = calendar.notes.into_iter().map(|it| (it.line, None, it.text));
    let row = |(line, on, name)| (i32::try_from(line).unwrap_or(i32::MAX), on, name, from, until);
    dates.chain(notes).map(row).collect()
}

fn date(days: i32) -> Date {
    Date::try_from(days).unwrap_or_else(|_| {
        raise(Complaint {
            code: "PD016",
            message: "date of the calendar is out of range".into(),
            detail: "It cannot be stored as a date.".into(),
            hint: "Correct the calendar.".into(),
        })
    })
}
