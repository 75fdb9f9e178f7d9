use super::*;

fn check(text: &str) -> &'static str {
    Outcome::normalize(text).map_or("review", Outcome::as_str)
}

// R096, R121, R153, C15
#[test]
fn words_of_businesses_and_providers_are_understood() {
    for (text, outcome) in [
        ("SALE", "sale"),
        (" sale ", "sale"),
        ("NO_SALE", "not_interested"),
        ("no sale", "not_interested"),
        ("WHOLESALE", "review"),
        ("SALES_CALLBACK", "callback"),
        ("PENDING_SALE", "review"),
        ("SALE_LOST", "review"),
        ("NOT_A_SALE", "review"),
        ("TRANSFERRED", "transferred"),
        ("transfer", "transferred"),
        ("TRANSFER_SALE", "transferred"),
        ("Transferred to agent", "transferred"),
        ("NOT TRANSFERRED", "review"),
        ("TRANSFER_FAILED", "review"),
        ("DNC", "dnc"),
        ("DO_NOT_CALL", "dnc"),
        ("do-not-call", "dnc"),
        ("Customer said do not call again", "dnc"),
        ("NO ANSWER", "no_answer"),
        ("no-answer", "no_answer"),
        ("customer-did-not-answer", "no_answer"),
        ("LEFT_VOICEMAIL", "voicemail"),
        ("machine_end_beep", "voicemail"),
        ("customerBusy", "busy"),
        ("user_busy", "busy"),
        ("NOT_BUSY", "review"),
        ("CALLBACK", "callback"),
        ("call back tomorrow", "callback"),
        ("canceled", "cancelled"),
        ("call.in-progress.error-concurrency-limit", "over_limit"),
        ("NOT_INTERESTED", "not_interested"),
        ("ANSWERED_BY_NOBODY_WE_KNOW", "review"),
        ("", "review"),
        ("---", "review"),
        ("\u{1F4DE}", "review"),
    ] {
        assert_eq!(check(text), outcome, "{text}");
    }
}

#[test]
fn every_outcome_is_its_own_label() {
    for outcome in Outcome::ALL {
        assert_eq!(outcome.as_str().parse(), Ok(*outcome));
        assert_eq!(Outcome::normalize(outcome.as_str()), Some(*outcome), "{outcome}");
    }
    assert!("SALE".parse::<Outcome>().is_err());
}

// R121
#[test]
fn no_label_belongs_to_two_outcomes_or_is_written_otherwise() {
    let all: Vec<&str> = LABELS.iter().flat_map(|(_, words)| words.iter().copied()).collect();
    for (index, label) in all.iter().enumerate() {
        assert_eq!(label_of(label), **label);
        assert!(!all[index + 1..].contains(label), "{label}");
    }
}

#[test]
fn final_outcomes_need_a_whole_label_or_a_refusal() {
    for (_, outcome) in PATTERNS {
        assert_ne!(*outcome, Outcome::Sale);
    }
}
