//! Tests of what needs no database.

use super::*;

#[test]
fn the_age_of_zone_data_is_told_from_its_name() {
    let now = "2026-11-21T00:00:00Z".parse().expect("an instant");
    assert_eq!(age_in_months("2026b", now), Some(9));
    assert_eq!(age_in_months("2024a", now), Some(35));
    assert_eq!(age_in_months("unknown", now), None);
}

#[test]
fn a_line_says_what_to_do() {
    let finding = Finding::bad(Verdict::Fail, "extension", "not there", "create it");
    assert_eq!(
        finding.to_string(),
        "fail  extension     not there\n                    -> create it"
    );
}
