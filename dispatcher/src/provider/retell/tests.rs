//! Tests of the adapter: judged by the vendor's document and by its own library's signature.

use super::*;
use crate::provider::tests::{
    ATTEMPT, CALLBACK, Spec, answer, call_with, class, every_bit_counts, parsed, reason,
};

fn settings() -> Value {
    json!({
        "caller_id": "+1 (213) 777-1234", "agent_id": "oBeDLoLOeuAbiuaMFXRtDOLriTJ5tSxD",
        "agent_version": 1, "ring_seconds": 30, "max_duration_seconds": 600,
        "voicemail": "leave_message", "voicemail_message": "Hello {{name}}",
        "request": {"custom_sip_headers": {"X-Case": "7"}, "to_number": "+19999999999",
            "agent_override": {"agent": {"agent_name": "Spring"}}},
    })
}

fn ordered(settings: &Value) -> Result<Value, PlaceError> {
    order(settings, &call_with(settings))
}

#[test]
fn an_order_is_what_the_published_document_asks_for() {
    let spec = Spec::read("retell.json");
    for voicemail in [json!({}), json!({"voicemail": "hang_up"}), json!({"voicemail": "carry_on"})]
    {
        let mut settings = settings();
        overlay(&mut settings, voicemail);
        let body = ordered(&settings).expect("complete");
        spec.judge("/v2/create-phone-call", "post", &body);
        let agent = &body["agent_override"]["agent"];
        let known = &spec.schema("AgentRequest")["properties"];
        for name in agent.as_object().expect("an object").keys() {
            assert!(known[name].is_object(), "an agent has no {name}");
        }
    }
}

#[test]
fn an_order_carries_the_attempt_and_nothing_passed_through_counts_before_it() {
    let body = ordered(&settings()).expect("complete");
    assert_eq!(
        (&body["from_number"], &body["to_number"]),
        (&json!("+12137771234"), &json!("+13035550100"))
    );
    assert_eq!(body["metadata"]["attempt_id"], ATTEMPT);
    let agent = &body["agent_override"]["agent"];
    assert_eq!((&agent["webhook_url"], &agent["agent_name"]), (&json!(CALLBACK), &json!("Spring")));
    assert_eq!(
        (&agent["ring_duration_ms"], &agent["max_call_duration_ms"]),
        (&json!(30_000), &json!(600_000))
    );
    assert_eq!(agent["voicemail_option"]["action"]["text"], "Hello Ada");
    assert_eq!(body["retell_llm_dynamic_variables"]["count"], "3");
    assert_eq!(body["custom_sip_headers"]["X-Case"], "7");
}

#[test]
fn a_setting_that_is_wrong_or_missing_is_named() {
    for (change, told) in [
        (json!({"caller_id": null}), "caller_id"),
        (json!({"caller_id": "555"}), "\"555\""),
        (json!({"record": true}), "record is set, but Retell"),
        (json!({"ring_seconds": 600}), "ring_seconds is 600, but Retell takes 5 to 300"),
        (json!({"max_duration_seconds": 10}), "60 to 7200"),
    ] {
        let mut settings = settings();
        overlay(&mut settings, change);
        let said = reason(ordered(&settings));
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn every_reason_of_the_published_document_is_known_and_so_are_the_newer_ones() {
    let spec = Spec::read("retell.json");
    let listed = spec.schema("DisconnectionReason")["enum"].as_array().expect("reasons").clone();
    assert_eq!(listed.len(), 31);
    for reason in &listed {
        assert!(outcome(reason.as_str().expect("text")).is_some(), "{reason}");
    }
    // In the vendor's SDK 5.60.0 and not in the document.
    for reason in ["manual_stopped", "call_take_over", "no_concurrency_fallback"] {
        assert!(outcome(reason).is_some(), "{reason}");
    }
    let count = WORDS.iter().filter(|word| word.kind == WordKind::EndedReason).count();
    assert_eq!((count, outcome("a_word_never_heard")), (34, None));
}

#[test]
fn every_call_of_the_published_document_is_understood() {
    let spec = Spec::read("retell.json");
    let mut call = spec.example(spec.schema("V2PhoneCallResponse"));
    call["call_type"] = json!("phone_call");
    call["metadata"] = json!({"attempt_id": ATTEMPT});
    spec.judge_by("/components/schemas/V2PhoneCallResponse", &call);
    let statuses = spec.schema("V2CallBase")["properties"]["call_status"]["enum"].clone();
    for (status, kind) in [
        ("registered", Kind::Placed),
        ("not_connected", Kind::Ended),
        ("ongoing", Kind::Answered),
        ("ended", Kind::Ended),
        ("error", Kind::Ended),
    ] {
        assert!(statuses.as_array().expect("statuses").contains(&json!(status)));
        call["call_status"] = json!(status);
        let event = event_of_call(&call, Source::LookUp).expect("an event");
        assert_eq!((event.kind, event.attempt_id), (kind, ATTEMPT.parse().ok()), "{status}");
        if kind == Kind::Ended {
            assert_eq!((event.outcome, event.duration_seconds), (Some("completed"), Some(10.0)));
            assert_eq!(event.at.map(|at| at.timestamp_millis()), Some(1_703_302_428_855));
        }
    }
    assert_eq!(statuses.as_array().map(Vec::len), Some(5));
}

fn said(event: &str, reason: &str) -> Value {
    json!({"event": event, "call": {"call_id": "c1", "call_status": "ended",
        "metadata": {"attempt_id": ATTEMPT}, "disconnection_reason": reason,
        "call_analysis": {"custom_analysis_data": {"disposition": "SALE"}}}})
}

#[test]
fn an_end_waits_for_its_analysis_unless_nobody_was_reached() {
    for (event, reason, kind, outcome) in [
        ("call_started", "", Kind::Answered, None),
        ("call_ended", "dial_busy", Kind::Ended, Some("busy")),
        ("call_ended", "user_hangup", Kind::Note, Some("completed")),
        ("call_ended", "a_word_never_heard", Kind::Note, None),
        ("call_analyzed", "user_hangup", Kind::Ended, Some("completed")),
        ("call_analyzed", "a_word_never_heard", Kind::Ended, None),
    ] {
        let events = parsed(&Retell, &said(event, reason)).expect("understood");
        let [heard] = events.as_slice() else { panic!("{events:?}") };
        assert_eq!((heard.kind, heard.outcome), (kind, outcome), "{event} {reason}");
        assert_eq!(heard.report_follows, kind == Kind::Note);
        assert_eq!(heard.attempt_id, ATTEMPT.parse().ok());
    }
    let label = parsed(&Retell, &said("call_analyzed", "user_hangup")).expect("understood");
    assert_eq!(label[0].disposition.as_deref(), Some("SALE"));
    assert_eq!(parsed(&Retell, &said("transcript_updated", "")), Ok(vec![]));
    assert_eq!(
        parsed(&Retell, &json!({"event": "call_ended"})),
        Err(ParseError::Missing("call.call_id"))
    );
}

#[test]
fn refusals_are_told_apart() {
    let said = |status, text: &str| {
        class(classify(&answer(status, json!({"status": "error", "message": text}))))
    };
    assert_eq!(
        said(400, "to_number is not a valid E.164 number"),
        Some(RefusalClass::InvalidNumber)
    );
    assert_eq!(said(400, "from_number is not valid"), Some(RefusalClass::ConfigError));
    assert_eq!(
        said(402, "Trial has ended, please add payment method."),
        Some(RefusalClass::AccountError)
    );
    assert_eq!(
        said(422, "Cannot find requested asset under given api key."),
        Some(RefusalClass::ConfigError)
    );
    assert_eq!(
        said(429, "Account rate limited, please throttle your requests."),
        Some(RefusalClass::OverLimit)
    );
    assert_eq!(said(400, "Concurrency limit reached"), Some(RefusalClass::OverLimit));
    assert_eq!((said(500, "An unexpected server error occurred."), said(408, "")), (None, None));
}

/// Signed by the vendor's own library: retell-sdk 5.66.1 for JavaScript, `symmetric.sign`.
const BODY: &str = r#"{"event":"call_ended","call":{"call_id":"call_1","metadata":{"attempt_id":"0190a1b2-0000-7000-8000-000000000001"},"disconnection_reason":"dial_busy","note":"café ✓"}}"#;
const SIGNED: &str =
    "v=1764000000123,d=0fd9ef586d3c474e53c9656f5487fe9196bce704689acb9167330ad8b2c109b4";
const KEY: &str = "key_retell_webhook";

#[test]
fn a_signature_of_the_vendors_library_is_believed_and_every_bit_of_it_counts() {
    let now = DateTime::from_timestamp(1_764_000_000, 0).expect("an instant");
    let stated = [("x-retell-signature", SIGNED)];
    every_bit_counts(&Retell, &Value::Null, KEY, &stated, BODY.as_bytes(), now);
    for (seconds, expected) in [
        (300, Ok(())),
        (301, Err(VerifyError::TooOld)),
        (-300, Ok(())),
        (-301, Err(VerifyError::TooOld)),
    ] {
        let at = now + chrono::TimeDelta::seconds(seconds);
        assert_eq!(verify(KEY, SIGNED, BODY.as_bytes(), at), expected, "{seconds}");
    }
}
