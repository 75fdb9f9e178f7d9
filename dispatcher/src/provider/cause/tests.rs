use super::*;

/// The tables in full, so that a number that moves is seen: number, unanswered, answered.
fn told(kind: fn(u64) -> Cause, numbers: std::ops::RangeInclusive<u64>) -> Vec<String> {
    let row = |number| {
        let cause = kind(number);
        let outcome = cause.unanswered()?;
        Some(format!("{number} {outcome} {}", cause.answered()))
    };
    numbers.filter_map(row).collect()
}

#[test]
fn every_sip_status_has_its_outcome() {
    let expected = [
        "200 cancelled completed",
        "302 provider_fault maybe_reached",
        "400 config_error completed",
        "401 account_error completed",
        "402 account_error completed",
        "403 blocked completed",
        "404 invalid_number completed",
        "407 account_error completed",
        "408 no_answer completed",
        "410 invalid_number completed",
        "480 no_answer completed",
        "482 provider_fault maybe_reached",
        "483 provider_fault maybe_reached",
        "484 invalid_number completed",
        "485 invalid_number completed",
        "486 busy completed",
        "487 no_answer completed",
        "488 config_error completed",
        "500 provider_fault maybe_reached",
        "501 config_error completed",
        "502 provider_fault maybe_reached",
        "503 provider_fault maybe_reached",
        "504 provider_fault maybe_reached",
        "600 busy completed",
        "603 rejected completed",
        "604 invalid_number completed",
        "606 config_error completed",
        "607 blocked completed",
        "608 blocked completed",
    ];
    assert_eq!(told(Cause::Sip, 100..=699), expected);
}

#[test]
fn every_q850_cause_has_its_outcome() {
    let expected = [
        "0 no_answer completed",
        "1 invalid_number completed",
        "2 config_error completed",
        "3 config_error completed",
        "16 cancelled completed",
        "17 busy completed",
        "18 no_answer completed",
        "19 no_answer completed",
        "20 no_answer completed",
        "21 rejected completed",
        "22 invalid_number completed",
        "23 provider_fault maybe_reached",
        "27 provider_fault maybe_reached",
        "28 invalid_number completed",
        "29 config_error completed",
        "31 provider_fault maybe_reached",
        "34 provider_fault maybe_reached",
        "38 provider_fault maybe_reached",
        "41 provider_fault maybe_reached",
        "42 provider_fault maybe_reached",
        "44 provider_fault maybe_reached",
        "50 account_error completed",
        "52 account_error completed",
        "54 blocked completed",
        "57 account_error completed",
        "58 config_error completed",
        "79 config_error completed",
        "88 config_error completed",
        "102 provider_fault maybe_reached",
    ];
    assert_eq!(told(Cause::Q850, 0..=127), expected);
}

#[test]
fn the_status_counts_before_the_cause_if_it_is_known() {
    // One cause stands for a call that was blocked and for one that was declined.
    assert_eq!(Cause::of(Some(403), Some(21)), Some(Cause::Sip(403)));
    assert_eq!(Cause::of(Some(603), Some(21)), Some(Cause::Sip(603)));
    assert_eq!(Cause::of(Some(499), Some(17)), Some(Cause::Q850(17)));
    assert_eq!(Cause::of(None, Some(17)), Some(Cause::Q850(17)));
    assert_eq!(Cause::of(None, None), None);
}

#[test]
fn what_nobody_knows_has_a_word_and_no_outcome() {
    let unheard = Cause::of(Some(499), Some(127)).expect("a cause");
    assert_eq!((unheard.word().as_str(), unheard.unanswered()), ("499", None));
}
