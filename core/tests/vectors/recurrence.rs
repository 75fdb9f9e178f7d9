//! `vectors_recurrence.csv`: recurrence by wall clock, at the edges of zones and calendars.

use super::{Row, date, expected, instant, rows, show};
use dialer_core::{BusinessDays, DateSet, Hours, IanaZone, Instant, Policy, Rule, Series};

fn rule(row: &Row) -> Rule {
    let mut text = format!("FREQ={};INTERVAL={}", row["freq"], row["interval"]);
    if !row["byday"].is_empty() {
        text += &format!(";BYDAY={}", row["byday"].replace(' ', ","));
    }
    if !row["nth"].is_empty() {
        text += &format!(";BYDAY={}{}", row["nth"], row["weekday"]);
    }
    if !row["count"].is_empty() {
        text += &format!(";COUNT={}", row["count"]);
    }
    text.parse().unwrap()
}

fn answer(row: &Row) -> String {
    let zone = IanaZone::parse(&row["zone"]).unwrap();
    let start_local = instant(&format!("{}:00Z", row["dtstart_local"])).micros();
    let (weekend, dates): (Vec<&str>, Vec<&str>) =
        row["closed"].split(';').filter(|t| !t.is_empty()).partition(|t| *t == "we");
    let hours: Hours =
        if weekend.is_empty() { "24/7" } else { "Mo-Fr 09:00-17:00" }.parse().unwrap();
    let closures: DateSet = dates.into_iter().map(date).collect();
    let policy = Policy {
        gap: row["gap_policy"].parse().unwrap(),
        overlap: row["overlap_policy"].parse().unwrap(),
        month_end: row["month_policy"].parse().unwrap(),
        adjust: if row["adjust"].is_empty() { "none" } else { &row["adjust"] }.parse().unwrap(),
    };
    let series = Series {
        rule: &rule(row),
        start_local,
        zone: &zone,
        policy,
        business_days: BusinessDays { hours: Some(&hours), closures: &closures },
    };
    let from = if row["from_utc"].is_empty() { Instant::MIN } else { instant(&row["from_utc"]) };
    let found = series.occurrences(from).take(row["n"].parse().unwrap());
    found.map(|at| show(Some(at))).collect::<Vec<_>>().join(";")
}

// R085, R088, C27
#[test]
fn every_recurrence_vector_is_answered_as_expected() {
    let rows = rows("vectors_recurrence.csv");
    assert_eq!(rows.len(), 42);
    let mut wrong = Vec::new();
    for row in &rows {
        let (got, wanted) = (answer(row), expected(row, "expected_utc"));
        if got != wanted {
            wrong.push(format!("{}: {got}, not {wanted}", row["id"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
