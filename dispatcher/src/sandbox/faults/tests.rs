//! Tests of the fault book.

use super::*;
use serde_json::json;

#[test]
fn a_number_has_its_own_faults_and_the_general_ones() {
    let mut book = FaultBook::default();
    book.change(&json!({"lost_webhook": 0.5, "numbers": {"+1303*": {"stall": 1.0}}}))
        .expect("good");
    assert_eq!(book.for_number("+13035550100").stall, 1.0);
    assert_eq!(book.for_number("+13035550100").lost_webhook, 0.5);
    assert_eq!(book.for_number("+14045550100").stall, 0.0);
}

#[test]
fn an_unknown_fault_changes_nothing() {
    let mut book = FaultBook::default();
    assert!(book.change(&json!({"lost_webhook": 0.5, "flood": 1.0})).is_err());
    assert_eq!(book.general, Faults::default());
    assert!(book.set("lost_webhook=0.25").is_ok());
    assert_eq!(book.general.lost_webhook, 0.25);
}
