//! Tests of the questions.

use super::*;

#[test]
fn the_record_of_a_number_is_asked_for_by_name_and_with_quotes_kept() {
    let from = DateTime::parse_from_rfc3339("2026-12-04T12:00:00-05:00").unwrap().to_utc();
    let number = "+1305'5550123".to_owned();
    let kind = Kind::Compliance { number, from: Some(from), to: None, csv: false };
    assert_eq!(
        kind.source(),
        "compliance_export(number => '+1305''5550123', from_at => '2026-12-04 17:00:00.000000+00'::timestamptz)"
    );
}
