//! Tests of the adapter.

use super::*;
use crate::provider::tests::{ATTEMPT, answer, call_with, class, every_bit_counts, parsed, reason};

fn ordered(change: Value) -> Result<(&'static str, Value), PlaceError> {
    let mut settings = json!({"agent_id": "agent_1", "phone_number_id": "phnum_1"});
    overlay(&mut settings, change);
    order(&settings, &call_with(&settings))
}

#[test]
fn an_order_carries_the_attempt_as_the_user() {
    let (path, body) = ordered(json!({"ring_seconds": 25, "record": false})).expect("complete");
    assert_eq!(path, "/v1/convai/twilio/outbound-call");
    let expected = json!({
        "agent_id": "agent_1", "agent_phone_number_id": "phnum_1", "to_number": "+13035550100",
        "call_recording_enabled": false,
        "telephony_call_config": {"ringing_timeout_secs": 25},
        "conversation_initiation_client_data": {
            "user_id": ATTEMPT,
            "dynamic_variables": {"name": "Ada", "count": "3", "attempt_id": ATTEMPT},
        },
    });
    assert_eq!(body, expected);
    let trunk = json!({"telephony": "sip_trunk", "request": {"to_number": "x",
        "conversation_initiation_client_data": {"branch_id": "b"}}});
    let (path, body) = ordered(trunk).expect("complete");
    assert_eq!(path, "/v1/convai/sip-trunk/outbound-call");
    assert_eq!(body["to_number"], "+13035550100");
    assert_eq!(body["conversation_initiation_client_data"]["branch_id"], "b");
}

#[test]
fn a_setting_that_is_wrong_or_missing_is_named() {
    for (change, told) in [
        (json!({"agent_id": null}), "agent_id"),
        (json!({"phone_number_id": null}), "phone_number_id"),
        (
            json!({"telephony": "carrier"}),
            "telephony is \"carrier\", but must be twilio or sip_trunk",
        ),
        (json!({"telephony": "sip_trunk", "record": true}), "record is set"),
        (json!({"max_duration_seconds": 60}), "max_duration_seconds is set"),
    ] {
        let said = reason(ordered(change));
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn refusals_are_told_apart() {
    let said = |status, body| class(classify(&answer(status, body)));
    let about = |place: &str| json!({"detail": [{"loc": ["body", place], "msg": "not valid"}]});
    assert_eq!(said(422, about("to_number")), Some(RefusalClass::InvalidNumber));
    assert_eq!(said(422, about("agent_id")), Some(RefusalClass::ConfigError));
    let quota = json!({"detail": {"status": "quota_exceeded", "message": "no credits"}});
    assert_eq!(said(401, quota), Some(RefusalClass::AccountError));
    assert_eq!(said(429, json!({})), Some(RefusalClass::OverLimit));
    assert_eq!((said(500, json!({})), said(408, json!({}))), (None, None));
}

fn reported(change: Value) -> Event {
    let mut data = json!({
        "agent_id": "agent_1", "conversation_id": "conv_1", "status": "done", "user_id": ATTEMPT,
        "metadata": {"start_time_unix_secs": 1_764_000_000, "call_duration_secs": 42},
        "analysis": {"data_collection_results": {"disposition": {"value": "SALE"},
            "callback_at": {"value": "2026-11-25T10:00:00Z"}}},
    });
    overlay(&mut data, change);
    let body =
        json!({"type": "post_call_transcription", "event_timestamp": 1_764_000_100, "data": data});
    let events = parsed(&ElevenLabs, &body).expect("understood");
    let [event] = events.as_slice() else { panic!("{events:?}") };
    event.clone()
}

#[test]
fn a_conversation_found_by_its_user_must_name_the_attempt_itself() {
    let other = "0190a1b2-0000-7000-8000-000000000002";
    let sought = |id: Option<&str>| Sought {
        attempt_id: ATTEMPT.parse().expect("a uuid"),
        provider_call_id: id.map(str::to_owned),
        address: None,
        intended_at: DateTime::from_timestamp(1_764_000_000, 0).expect("an instant"),
    };
    let found = |user: Value| json!({"conversation_id": "conv_1", "user_id": user});
    assert!(is_ours(&found(json!(ATTEMPT)), &sought(None)));
    assert!(!is_ours(&found(json!(other)), &sought(None)));
    assert!(!is_ours(&found(json!(null)), &sought(None)));
    assert!(is_ours(&found(json!(null)), &sought(Some("conv_1"))));
    assert!(!is_ours(&found(json!(other)), &sought(Some("conv_1"))));
}

#[test]
fn a_report_brings_outcome_label_and_length() {
    let event = reported(json!({}));
    assert_eq!((event.kind, event.outcome), (Kind::Ended, Some("completed")));
    assert_eq!(event.disposition.as_deref(), Some("SALE"));
    assert_eq!(event.callback_at.as_deref(), Some("2026-11-25T10:00:00Z"));
    assert_eq!(event.duration_seconds, Some(42.0));
    assert_eq!(event.attempt_id, ATTEMPT.parse().ok());
    let machine = json!({"metadata": {"features_usage": {"voicemail_detection": {"used": true}}}});
    assert_eq!(reported(machine).outcome, Some("voicemail"));
    assert_eq!(reported(json!({"status": "failed"})).outcome, Some("maybe_reached"));
    assert_eq!(reported(json!({"status": "a-word-never-heard"})).outcome, None);
    let by_variable = json!({"user_id": null,
        "conversation_initiation_client_data": {"dynamic_variables": {"attempt_id": ATTEMPT}}});
    assert_eq!(reported(by_variable).attempt_id, ATTEMPT.parse().ok());
}

#[test]
fn a_call_that_could_not_be_begun_says_why() {
    let failed = |reason: &str, carrier: Value| {
        let data = json!({"conversation_id": "conv_1", "failure_reason": reason, "user_id": ATTEMPT,
            "metadata": {"type": "sip", "body": carrier}});
        let body = json!({"type": "call_initiation_failure", "event_timestamp": 1_764_000_100, "data": data});
        let event = parsed(&ElevenLabs, &body).expect("understood").remove(0);
        assert_eq!(
            (event.kind, event.at.map(|at| at.timestamp())),
            (Kind::Ended, Some(1_764_000_100))
        );
        event.outcome
    };
    assert_eq!(failed("busy", json!({})), Some("busy"));
    assert_eq!(failed("no-answer", json!({"sip_status_code": 486})), Some("no_answer"));
    assert_eq!(failed("unknown", json!({"sip_status_code": 404})), Some("invalid_number"));
    assert_eq!(failed("unknown", json!({"SipResponseCode": "503"})), Some("provider_fault"));
    assert_eq!(failed("unknown", json!({})), None);
    assert_eq!(parsed(&ElevenLabs, &json!({"type": "post_call_audio", "data": {}})), Ok(vec![]));
}

#[test]
fn a_conversation_that_is_looked_up_tells_how_far_it_is() {
    let kind = |status: &str| {
        let found = json!({"conversation_id": "c", "status": status, "user_id": ATTEMPT});
        event_of(&found, Source::LookUp).map(|event| (event.kind, event.report_follows))
    };
    assert_eq!(kind("initiated"), Some((Kind::Placed, false)));
    assert_eq!(kind("in-progress"), Some((Kind::Answered, false)));
    assert_eq!(kind("processing"), Some((Kind::Note, true)));
    assert_eq!(kind("done"), Some((Kind::Ended, false)));
}

/// Signed by OpenSSL, accepted by the vendor's own library (`constructEvent` of elevenlabs-js 2.73.0).
const BODY: &str = r#"{"type":"post_call_transcription","event_timestamp":1764000000,"data":{"agent_id":"a","conversation_id":"conv_1","status":"done","user_id":"0190a1b2-0000-7000-8000-000000000001","note":"café ✓"}}"#;
const SIGNED: &str =
    "t=1795251435,v0=7b41acf055e8770affe2beb45855fe95a1ab987055c18b87264f41415aede23b";
const KEY: &str = "wsec_eleven";

#[test]
fn a_signature_that_the_vendors_library_accepts_is_believed_and_every_bit_of_it_counts() {
    let now = DateTime::from_timestamp(1_795_251_435, 0).expect("an instant");
    let stated = [("elevenlabs-signature", SIGNED)];
    every_bit_counts(&ElevenLabs, &Value::Null, KEY, &stated, BODY.as_bytes(), now);
    for (seconds, expected) in
        [(1800, Ok(())), (1801, Err(VerifyError::TooOld)), (-301, Err(VerifyError::TooOld))]
    {
        let at = now + chrono::TimeDelta::seconds(seconds);
        assert_eq!(verify(KEY, SIGNED, BODY.as_bytes(), at), expected, "{seconds}");
    }
}
