//! Tests of the adapter: what it asks, what it understands, what it refuses to guess.

use super::*;
use crate::provider::{CallOptions, Gate};

const ATTEMPT: &str = "0190a1b2-0000-7000-8000-000000000001";

fn placement() -> Placement {
    Placement {
        attempt_id: ATTEMPT.parse().expect("a uuid"),
        address: "+13035550100".to_owned(),
        variables: json!({"name": "A name that is much longer than forty characters are"}),
        options: CallOptions::default(),
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

// R116, D3
#[test]
fn an_order_carries_the_attempt_everywhere_and_keeps_the_limits() {
    let settings = json!({"assistant_id": "a", "phone_number_id": "p", "max_duration_seconds": 90,
        "assistant_overrides": {"firstMessage": "Hello"}});
    let body = ordered(settings).expect("complete");
    assert_eq!((&body["assistantId"], &body["phoneNumberId"]), (&json!("a"), &json!("p")));
    assert_eq!(body["customer"]["number"], placement().address);
    assert_eq!(body["name"], ATTEMPT);
    assert_eq!(body["customer"]["externalId"], ATTEMPT);
    assert_eq!(body["customer"]["name"].as_str().map(|name| name.chars().count()), Some(40));
    let overrides = &body["assistantOverrides"];
    assert_eq!(overrides["metadata"]["attempt_id"], ATTEMPT);
    assert_eq!(overrides["variableValues"], placement().variables);
    assert_eq!(overrides["firstMessage"], "Hello");
    assert_eq!(overrides["maxDurationSeconds"], 90);
    assert_eq!(overrides["server"]["url"], "http://127.0.0.1/hooks/vapi/1?attempt=x");
}

/// The order for settings as they stand in an account; or why there is none.
fn ordered(settings: Value) -> Result<Value, String> {
    let read = CallOptions::read(&settings, &json!({}));
    let ordered =
        read.and_then(|options| order::order(&settings, &Placement { options, ..placement() }));
    ordered.map_err(|error| match error {
        PlaceError::Refused(r) if r.class == RefusalClass::ConfigError => {
            r.details["reason"].to_string()
        }
        other => format!("not a refusal for configuration: {other:?}"),
    })
}

#[test]
fn an_order_that_cannot_be_right_is_not_sent_and_says_why() {
    for (settings, told) in [
        (json!({"phone_number_id": "p"}), "settings lack assistant_id, squad_id or workflow_id"),
        (json!({"assistant_id": "a"}), "settings lack phone_number_id"),
        (json!({"assistant_id": "a", "squad_id": "s", "phone_number_id": "p"}), "both set"),
        (
            json!({"assistant_id": "a", "phone_number_id": "p", "caller_id": "+13035550199"}),
            "has no provider_ref",
        ),
        (json!({"assistant_id": "a", "phone_number_id": "p", "ring_seconds": 20}), "vapi.sip"),
        (
            json!({"assistant_id": "a", "phone_number_id": "p", "voicemail": "hang_up",
            "machine_detection": false}),
            "voicemail needs machine_detection",
        ),
        (
            json!({"assistant_id": "a", "phone_number_id": "p", "record": true,
            "assistant_overrides": {"artifactPlan": 7}}),
            "artifactPlan is 7",
        ),
        (
            json!({"assistant_id": "a", "phone_number_id": "p", "voicemail": "leave_message",
            "voicemail_message": "x".repeat(1001)}),
            "1001 characters",
        ),
        (json!({"assistant_id": "a", "phone_number_id": "p", "request": 7}), "request is 7"),
        (
            json!({"assistant_id": "a", "phone_number_id": "p", "request": {"customers": []}}),
            "request.customers",
        ),
        (
            json!({"assistant_id": "a", "phone_number_id": "p", "request": {"schedulePlan": {}}}),
            "request.schedulePlan",
        ),
    ] {
        let error = ordered(settings.clone()).expect_err("not right");
        assert!(error.contains(told), "{settings}: {error}");
    }
}

#[test]
fn the_general_options_are_said_in_the_vendor_s_words() {
    let body = ordered(json!({"squad_id": "s", "phone_number_id": "p", "transport": "vapi.sip",
        "caller_id": "+13035550199", "caller_ref": "number-7", "ring_seconds": 25,
        "max_duration_seconds": 600, "record": true, "voicemail_message": "Call us",
        "webhook_credential_id": "c", "request": {"name": "mine"}}))
    .expect("right");
    let overrides = &body["squadOverrides"];
    assert_eq!(body["assistantOverrides"], Value::Null);
    assert_eq!(body["phoneNumberId"], "number-7");
    assert_eq!(body["transport"], json!({"provider": "vapi.sip", "dialTimeout": 25}));
    assert_eq!(overrides["maxDurationSeconds"], 600);
    assert_eq!(overrides["artifactPlan"]["recordingEnabled"], true);
    assert_eq!(overrides["voicemailMessage"], "Call us");
    assert_eq!(overrides["voicemailDetection"]["provider"], "vapi");
    assert_eq!(overrides["server"]["credentialId"], "c");
    assert_eq!(body["name"], ATTEMPT, "what identifies the attempt cannot be passed over");
    let carry_on = ordered(json!({"assistant_id": "a", "phone_number_id": "p",
        "voicemail": "carry_on"}));
    assert_eq!(carry_on.expect("right")["assistantOverrides"]["voicemailDetection"], "off");
}

#[test]
fn a_number_that_is_none_is_not_sent() {
    let settings = json!({"assistant_id": "a", "phone_number_id": "p"});
    let refused = order::order(&settings, &Placement { address: "911".into(), ..placement() });
    assert!(
        matches!(refused, Err(PlaceError::Refused(r)) if r.class == RefusalClass::InvalidNumber)
    );
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

// R122
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

// R122: what the call found out, and whether the vendor thinks that it did its task.
#[test]
fn the_report_brings_the_classification_and_the_judgement() {
    let judged = |judgement: serde_json::Value| {
        let mut report = message("end-of-call-report", "", Some("assistant-ended-call"));
        report["analysis"] = json!({
            "structuredData": {"classification": "ivr_only"}, "successEvaluation": judgement,
        });
        parse(report).expect("an event")
    };
    assert_eq!(judged(json!("true")).classification.as_deref(), Some("ivr_only"));
    let said = [json!("true"), json!(false), json!("Pass"), json!("7"), json!(null)];
    let success = said.map(|judgement| judged(judgement).success);
    assert_eq!(success, [Some(true), Some(false), Some(true), None, None]);
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
    let parse = |body: &[u8]| {
        let method = &axum::http::Method::POST;
        let request = HookRequest { method, url: "", headers: &headers, body, attempt_id: None };
        Vapi.parse_event(&Value::Null, request)
    };
    assert_eq!(parse(b"{"), Err(ParseError::NotJson));
    assert_eq!(parse(b"[]"), Err(ParseError::Missing("message")));
    assert_eq!(parse(br#"{"message":{"type":"speech-update"}}"#), Ok(vec![]));
}

#[test]
fn every_class_has_its_words() {
    let expected = [
        ("customer-ended-call", Some("completed")),
        ("call.forwarding.no-answer", Some("completed")),
        ("customer-did-not-answer", Some("no_answer")),
        ("customer-busy", Some("busy")),
        ("voicemail", Some("voicemail")),
        ("manually-canceled", Some("cancelled")),
        ("call.start.error-subscription-concurrency-limit-reached", Some("over_limit")),
        ("call.start.error-subscription-frozen", Some("account_error")),
        ("twilio-reported-customer-misdialed", Some("invalid_number")),
        ("vonage-rejected", Some("blocked")),
        ("assistant-request-returned-error", Some("config_error")),
        ("call.start.error-get-assistant", Some("config_error")),
        ("call.start.error-vapifault-get-org", Some("provider_fault")),
        ("call.in-progress.error-vapifault-worker-not-available", Some("provider_fault")),
        ("call.in-progress.error-vapifault-worker-died", Some("maybe_reached")),
        ("pipeline-error-of-a-vendor-not-yet-known", Some("maybe_reached")),
        ("a-word-never-heard", None),
    ];
    for (reason, class) in expected {
        assert_eq!(reason_outcome(reason), class, "{reason}");
    }
}

#[test]
fn every_published_reason_has_the_class_that_was_proposed_for_it() {
    let text = include_str!("../../../../tests/fixtures/specs/vapi-ended-reasons.json");
    let published: Value = serde_json::from_str(text).expect("JSON");
    let reasons = published["reasons"].as_object().expect("reasons");
    assert_eq!(reasons.len(), 595);
    for (reason, class) in reasons {
        let expected = match class.as_str().expect("a class") {
            "failed_maybe_reached" => Some("maybe_reached"),
            "failed_retryable_not_reached" => Some("provider_fault"),
            "account_blocked" => Some("account_error"),
            "over_concurrency" | "quota_retry_later" => Some("over_limit"),
            "blocked_or_rejected" => Some("blocked"),
            "canceled" => Some("cancelled"),
            "not_applicable_inbound_or_web" => None,
            same => Some(same),
        };
        assert_eq!(reason_outcome(reason), expected, "{reason}");
        let row = words::WORDS.iter().find(|word| word.word == reason);
        assert!(row.is_some(), "{reason} has no row of its own");
    }
}
