//! The shared vectors, answered by `core` with chrono-tz.
//!
//! chrono-tz carries the zone rules of 2025b, so the vectors that need a later release are compared
//! with `expected_with_2025b`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a failing test may panic")]

mod vectors {
    pub mod hours;
    pub mod recurrence;

    use std::collections::HashMap;

    pub type Row = HashMap<String, String>;

    pub fn rows(name: &str) -> Vec<Row> {
        let path = format!("{}/../tests/fixtures/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
        csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
    }

    /// What this row expects of zone rules as old as chrono-tz's.
    pub fn expected<'a>(row: &'a Row, column: &str) -> &'a str {
        if row["min_tzdata"].is_empty() { &row[column] } else { &row["expected_with_2025b"] }
    }

    pub fn instant(text: &str) -> dialer_core::Instant {
        let at = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%SZ").unwrap();
        dialer_core::Instant::from_unix_seconds(at.and_utc().timestamp())
    }

    pub fn date(text: &str) -> i32 {
        let part = |range: std::ops::Range<usize>| text[range].parse::<u32>().unwrap();
        dialer_core::date_of(part(0..4) as i32, part(5..7), part(8..10)).unwrap()
    }

    pub fn show(at: Option<dialer_core::Instant>) -> String {
        at.map_or("null".into(), |at| {
            let at = chrono::DateTime::from_timestamp(at.unix_seconds(), 0).unwrap();
            at.format("%Y-%m-%dT%H:%M:%SZ").to_string()
        })
    }
}
