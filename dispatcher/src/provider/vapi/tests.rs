//! Tests of the adapter: what it asks, what it understands, what it refuses to guess.

use super::*;
use crate::provider::Gate;

const ATTEMPT: &str = "0190a1b2-0000-7000-8000-000000000001";

fn placement() -> Placement {
    Placement {
        attempt_id: ATTEMPT.parse().expect("a uuid"),
        address: "+13035550100".to_owned(),
        variables: json!({"name": "A name that is much longer than forty characters are"}),
        callback_url: "http://127.0.0.1/hooks/vapi/1?attempt=x".to_owned(),
        gate: Gate::open(),
    }
}

fn answer(status: u16, body: Value) -> Answer {
    Answer { status, retry_after_seconds: None, body }
}

fn class(status: u16, body: Value) -> Option<RefusalClass> {
    match classify(&answer(status, body)) {
        PlaceError::Refused(refusal) => Some(refusal.class),
        PlaceError::Unknown(_) => None,
        PlaceError::NotSent(_) => unreachable!("an answer means that it was sent"),
    }
}

#[test]
fn an_order_carries_the_attempt_everywhere_and_keeps_the_limits() {
    let settings = json!({"assistant_id": "a", "phone_number_id": "p", "max_duration_seconds": 90,
        "assistant_overrides": {"firstMessage": "Hello"}});
    let body = order(&settings, &placement()).expect("complete");
    assert_eq!(body["name"], ATTEMPT);
    assert_eq!(body["customer"]["externalId"], ATTEMPT);
    assert_eq!(body["customer"]["name"].as_str().map(|name| name.chars().count()), Some(40));
    let overrides = &body["assistantOverrides"];
    assert_eq!(overrides["metadata"]["attempt_id"], ATTEMPT);
    assert_eq!(overrides["firstMessage"], "Hello");
    assert_eq!(overrides["maxDurationSeconds"], 90);
    assert_eq!(overrides["server"]["url"], "http://127.0.0.1/hooks/vapi/1?attempt=x");
}

#[test]
fn an_order_without_an_assistant_is_not_sent() {
    let refused = order(&json!({"phone_number_id": "p"}), &placement());
    assert!(matches!(refused, Err(PlaceError::Refused(r)) if r.class == RefusalClass::ConfigError));
}

#[test]
fn refusals_are_told_apart_by_words_and_status() {
    let limit = json!({"error": "Over Concurrency Limit"});
    assert_eq!(class(400, limit), Some(RefusalClass::OverLimit));
    assert_eq!(class(429, json!({})), Some(RefusalClass::OverLimit));
    assert_eq!(class(401, json!({})), Some(RefusalClass::AccountError));
    let number = json!({"message": ["customer.number must be a valid phone number"]});
    assert_eq!(class(400, number), Some(RefusalClass::InvalidNumber));
    assert_eq!(class(400, json!({"message": ["x"]})), Some(RefusalClass::ConfigError));
    assert_eq!(class(302, json!({})), Some(RefusalClass::ConfigError));
}

#[test]
fn a_server_error_is_never_a_refusal() {
    for status in [408, 500, 502, 503, 504] {
        assert_eq!(class(status, json!({})), None, "{status}");
    }
}

fn parse(message: Value) -> Option<Event> {
    event_of_message(&json!({ "message": message }), None)
}

fn message(kind: &str, status: &str, reason: Option<&str>) -> Value {
    json!({"type": kind, "status": status, "endedReason": reason, "timestamp": 1_800_000_000_000_u64,
        "call": {"id": "c1", "assistantOverrides": {"metadata": {"attempt_id": ATTEMPT}}}})
}

#[test]
fn status_updates_end_an_attempt_only_if_nobody_was_reached() {
    let kind = |status, reason| parse(message("status-update", status, reason)).map(|e| e.kind);
    assert_eq!(kind("ringing", None), Some(Kind::Ringing));
    assert_eq!(kind("in-progress", None), Some(Kind::Answered));
    assert_eq!(kind("ended", Some("customer-busy")), Some(Kind::Ended));
    assert_eq!(kind("ended", Some("customer-ended-call")), Some(Kind::Note));
    assert_eq!(kind("ended", Some("a-new-word")), Some(Kind::Note));
    assert_eq!(kind("something-new", None), None);
}

#[test]
fn the_report_brings_outcome_label_and_length() {
    let mut report = message("end-of-call-report", "", Some("customer-ended-call"));
    report["startedAt"] = json!("2026-11-23T10:00:00Z");
    report["endedAt"] = json!("2026-11-23T10:01:30Z");
    report["analysis"] = json!({"structuredData": {"disposition": "SALE"}});
    let event = parse(report).expect("an event");
    assert_eq!((event.kind, event.outcome), (Kind::Ended, Some("completed")));
    assert_eq!(event.disposition.as_deref(), Some("SALE"));
    assert_eq!(event.duration_seconds, Some(90.0));
    assert_eq!(event.attempt_id, ATTEMPT.parse().ok());
}

#[test]
fn the_same_delivery_has_the_same_key_and_another_has_another() {
    let key = |status| parse(message("status-update", status, None)).map(|event| event.event_key);
    assert_eq!(key("ringing"), key("ringing"));
    assert_ne!(key("ringing"), key("in-progress"));
}

#[test]
fn an_unknown_reason_leaves_the_outcome_open() {
    let event = parse(message("end-of-call-report", "", Some("a-new-word"))).expect("an event");
    assert_eq!((event.outcome, event.word.as_deref()), (None, Some("a-new-word")));
}

#[test]
fn a_body_that_is_no_message_is_refused() {
    let headers = axum::http::HeaderMap::new();
    let parse =
        |body: &[u8]| Vapi.parse_event(HookRequest { headers: &headers, body, attempt_id: None });
    assert_eq!(parse(b"{"), Err(ParseError::NotJson));
    assert_eq!(parse(b"[]"), Err(ParseError::Missing("message")));
    assert_eq!(parse(br#"{"message":{"type":"speech-update"}}"#), Ok(vec![]));
}
