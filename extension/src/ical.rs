//! Holiday calendars in SQL: the dates of iCalendar text, as rows.

use crate::datum::refuse;
use crate::raise::{Complaint, raise};
use dialer_core::HolidayCalendar;
use pgrx::datum::Date;
use pgrx::prelude::*;

/// A row for every date and note; `loaded_from` and `loaded_until` are the same in every row.
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
    let calendar = HolidayCalendar::parse(ical, until_on.to_pg_epoch_days())
        .unwrap_or_else(|error| refuse(&error));
    let (from, until) = calendar.loaded.map(|(from, until)| (date(from), date(until))).unzip();
    let dates = calendar.dates.into_iter().map(|it| (it.line, Some(date(it.date)), it.name));
    let notes = calendar.notes.into_iter().map(|it| (it.line, None, it.text));
    let row = |(line, on, name)| (i32::try_from(line).unwrap_or(i32::MAX), on, name, from, until);
    TableIterator::new(dates.chain(notes).map(row).collect::<Vec<_>>())
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
