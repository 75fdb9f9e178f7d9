//! Tests of the adapter: what it asks, what ends mean, what is left to a person.

use super::*;
use crate::provider::{CallOptions, Gate};
use serde_json::json;

const ATTEMPT: &str = "0190a1b2-0000-7000-8000-000000000001";

fn ordered(settings: Value) -> Result<Value, String> {
    let options = CallOptions::read(&settings, &json!({}));
    let ordered = options.and_then(|options| {
        let placement = Placement {
            attempt_id: ATTEMPT.parse().expect("a uuid"),
            address: "+13035550100".to_owned(),
            variables: json!({"name": "Ada"}),
            options,
            callback_url: "https://d.example/hooks/bland/7?attempt=x".to_owned(),
            gate: Gate::open(),
        };
        order::order(&settings, &placement)
    });
    ordered.map_err(|error| match error {
        PlaceError::Refused(refusal) => refusal.details["reason"].to_string(),
        other => format!("{other:?}"),
    })
}

#[test]
fn an_order_says_the_options_in_the_vendor_s_words() {
    let body = ordered(json!({"task": "Greet {{name}}", "caller_id": "+1 303 555 0199",
        "max_duration_seconds": 150, "record": true, "voicemail_message": "Call us",
        "request": {"summary_prompt": "short", "metadata": {"mine": 1}}}))
    .expect("right");
    let expected = json!({"task": "Greet Ada", "from": "+13035550199", "max_duration": 2,
        "record": true, "voicemail": {"action": "leave_message", "message": "Call us"},
        "summary_prompt": "short", "phone_number": "+13035550100", "request_data": {"name": "Ada"},
        "metadata": {"attempt_id": ATTEMPT}, "webhook": "https://d.example/hooks/bland/7?attempt=x"});
    assert_eq!(body, expected);
}

#[test]
fn an_order_that_cannot_be_right_is_not_sent_and_says_why() {
    for (settings, told) in [
        (json!({}), "settings lack task, pathway_id or persona_id"),
        (json!({"task": "t", "pathway_id": "p"}), "both set"),
        (json!({"task": "t", "max_duration_seconds": 30}), "whole minutes"),
        (json!({"task": "t", "ring_seconds": 30}), "Bland has nothing of the kind"),
        (json!({"task": "t", "machine_detection": true}), "Bland has nothing of the kind"),
        (json!({"task": "t", "request": {"retry": {"wait": 10}}}), "request.retry"),
        (json!({"task": "t", "request": {"start_time": "later"}}), "request.start_time"),
    ] {
        let error = ordered(settings.clone()).expect_err("not right");
        assert!(error.contains(told), "{settings}: {error}");
    }
}

fn end(call: Value) -> (String, Option<&'static str>, Option<String>) {
    let mut call = call;
    call["call_id"] = json!("c");
    let event = event_of_call(&call, Source::Webhook).expect("an event");
    assert_eq!(event.kind, Kind::Ended, "{call}");
    (event.word.expect("a word"), event.outcome, event.disposition)
}

#[test]
fn every_end_has_its_outcome() {
    for (call, word, outcome) in [
        (json!({"status": "completed", "answered_by": "human"}), "completed", Some("completed")),
        (json!({"status": "completed", "answered_by": null}), "completed", Some("completed")),
        (json!({"status": "completed", "answered_by": "unknown"}), "completed", Some("completed")),
        (json!({"completed": true, "queue_status": "complete"}), "completed", Some("completed")),
        (
            json!({"status": "completed", "answered_by": "voicemail"}),
            "voicemail",
            Some("voicemail"),
        ),
        (
            json!({"status": "completed", "answered_by": "no-answer"}),
            "no-answer",
            Some("no_answer"),
        ),
        (json!({"status": "no-answer"}), "no-answer", Some("no_answer")),
        (json!({"status": "busy"}), "busy", Some("busy")),
        (json!({"status": "canceled"}), "canceled", Some("cancelled")),
        (json!({"status": "unknown"}), "unknown", None),
        (
            json!({"status": "failed", "error_message": "Number Not Found (SIP 404)"}),
            "not found",
            Some("invalid_number"),
        ),
        (json!({"status": "failed", "error_message": "Call failed: busy"}), "busy", Some("busy")),
        (json!({"status": "failed", "error_message": "could not be transferred"}), "failed", None),
        (
            json!({"status": "failed", "error_message": "callee temporarily unavailable"}),
            "temporarily unavailable",
            Some("no_answer"),
        ),
        (
            json!({"status": "failed", "error_message": "Spam or Number Reputation issue"}),
            "Spam or Number Reputation",
            Some("blocked"),
        ),
        (
            json!({"status": "failed", "error_message": "Account not allowed to call Peru"}),
            "Account not allowed to call",
            Some("account_error"),
        ),
        (
            json!({"status": "failed", "error_message": "database error"}),
            "database error",
            Some("provider_fault"),
        ),
        (
            json!({"status": "failed", "error_message": "database error", "concatenated_transcript": "user: hello"}),
            "database error",
            Some("maybe_reached"),
        ),
        (
            json!({"status": "failed", "error_message": "a new sentence about +13035550100"}),
            "failed",
            None,
        ),
        (json!({"queue_status": "pre_queue_error"}), "pre_queue_error", Some("config_error")),
        (json!({"queue_status": "call_error"}), "call_error", Some("provider_fault")),
        (
            json!({"queue_status": "call_error", "transcripts": [{"text": "hello"}]}),
            "call_error",
            Some("maybe_reached"),
        ),
    ] {
        let (said, means, _) = end(call.clone());
        assert_eq!((said.as_str(), means), (word, outcome), "{call}");
    }
}

#[test]
fn a_tag_says_more_of_a_conversation_and_nothing_of_a_failure() {
    let tagged = |status: &str, tag: &str| end(json!({"status": status, "disposition_tag": tag}));
    assert_eq!(tagged("completed", "DO_NOT_CONTACT"), ("DO_NOT_CONTACT".into(), Some("dnc"), None));
    assert_eq!(tagged("completed", "INTERESTED"), ("INTERESTED".into(), Some("completed"), None));
    assert_eq!(tagged("completed", "BUSY"), ("completed".into(), Some("completed"), None));
    assert_eq!(tagged("busy", "DO_NOT_CONTACT"), ("busy".into(), Some("busy"), None));
    let own = Some("GOLD_PLAN".to_owned());
    assert_eq!(tagged("completed", "GOLD_PLAN"), ("completed".into(), Some("completed"), own));
}

#[test]
fn only_an_error_says_that_nothing_was_queued() {
    assert!(says_no("error") && says_no("DNC Error"));
    assert!(!says_no("success") && !says_no("queued") && !says_no("pending"));
}

#[test]
fn a_call_on_its_way_has_not_ended() {
    for queue in ["new", "queued", "allocated", "started"] {
        let call = json!({"call_id": "c", "queue_status": queue, "completed": false});
        assert_eq!(event_of_call(&call, Source::LookUp).map(|e| e.kind), Some(Kind::Placed));
        let call = json!({"call_id": "c", "queue_status": queue, "status": "unknown"});
        assert_eq!(event_of_call(&call, Source::LookUp).map(|e| e.kind), Some(Kind::Placed));
    }
}

#[test]
fn the_length_is_taken_from_the_seconds_and_else_from_the_minutes() {
    let length = |call: Value| event_of_call(&call, Source::Poll).expect("one").duration_seconds;
    let both =
        json!({"call_id": "c", "completed": true, "corrected_duration": "42", "call_length": 0.75});
    assert_eq!(length(both), Some(42.0));
    let one = json!({"call_id": "c", "completed": true, "call_length": 0.75});
    assert_eq!(length(one), Some(45.0));
}
