//! Tests of the adapter.

use super::*;
use crate::provider::tests::{
    ATTEMPT, CALLBACK, answer, call_with, class, every_bit_counts, headers, hook, parsed, reason,
};

fn settings() -> Value {
    json!({"caller_id": "+12137771234", "connection_id": "2893", "assistant_id": "assistant-1"})
}

fn ordered(change: Value) -> Result<Value, PlaceError> {
    let mut settings = settings();
    overlay(&mut settings, change);
    order(&settings, &call_with(&settings))
}

fn state(detects: bool) -> String {
    client_state(ATTEMPT.parse().expect("a uuid"), detects)
}

#[test]
fn an_order_carries_the_attempt_in_every_way_there_is() {
    let change = json!({"ring_seconds": 25, "max_duration_seconds": 90, "record": true,
        "machine_detection": true, "request": {"command_id": "x", "billing_group_id": "b"}});
    let body = ordered(change).expect("complete");
    assert_eq!((&body["command_id"], &body["webhook_url"]), (&json!(ATTEMPT), &json!(CALLBACK)));
    assert_eq!(body["client_state"], state(true));
    assert_eq!((&body["timeout_secs"], &body["time_limit_secs"]), (&json!(25), &json!(90)));
    assert_eq!(
        (&body["record"], &body["billing_group_id"]),
        (&json!("record-from-answer"), &json!("b"))
    );
    assert_eq!(body["answering_machine_detection"], "detect");
    assert_eq!(
        body["assistant"],
        json!({"id": "assistant-1", "dynamic_variables": {"name": "Ada", "count": "3"}})
    );
    assert_eq!(ordered(json!({})).expect("complete")["client_state"], state(false));
    let premium =
        json!({"machine_detection": true, "request": {"answering_machine_detection": "premium"}});
    assert_eq!(ordered(premium).expect("complete")["answering_machine_detection"], "premium");
}

#[test]
fn a_setting_that_is_wrong_or_missing_is_named() {
    for (change, told) in [
        (json!({"caller_id": null}), "caller_id"),
        (json!({"connection_id": null}), "connection_id"),
        (json!({"voicemail": "hang_up"}), "set it to carry_on"),
        (json!({"request": {"retry_on_timeout": true}}), "request.retry_on_timeout"),
    ] {
        let said = reason(ordered(change));
        assert!(said.contains(told), "{said}");
    }
}

#[test]
fn refusals_are_told_apart_by_code_and_mark_and_status() {
    let said = |status, error: Value| class(classify(&answer(status, json!({"errors": [error]}))));
    let pointed = |at| json!({"code": "10016", "detail": "not E.164", "source": {"pointer": at}});
    for (status, error, expected) in [
        (422, pointed("/to"), Some(RefusalClass::InvalidNumber)),
        (422, pointed("/from"), Some(RefusalClass::ConfigError)),
        (429, json!({"code": "90103", "title": "dials per second"}), Some(RefusalClass::OverLimit)),
        (403, json!({"code": "10010"}), Some(RefusalClass::AccountError)),
        (
            403,
            json!({"code": "90000", "detail": "Channel limit reached (D1)"}),
            Some(RefusalClass::OverLimit),
        ),
        (403, json!({"code": "90000", "detail": "Rate cap D24"}), Some(RefusalClass::ConfigError)),
        (400, json!({"code": "77777"}), Some(RefusalClass::ConfigError)),
        (401, json!({}), Some(RefusalClass::AccountError)),
        (422, json!({"code": "10008"}), None),
        (503, json!({"code": "10009"}), None),
    ] {
        assert_eq!(said(status, error.clone()), expected, "{status} {error}");
    }
    assert_eq!(class(classify(&answer(429, Value::Null))), Some(RefusalClass::OverLimit));
}

#[test]
fn every_cause_is_known_and_an_open_one_is_told_by_its_sip_response() {
    for (cause, sip, expected) in [
        ("call_rejected", "603", Some("rejected")),
        ("call_rejected", "403", Some("blocked")),
        ("call_rejected", "unspecified", Some("rejected")),
        ("normal_clearing", "200", Some("completed")),
        ("originator_cancel", "487", Some("cancelled")),
        ("timeout", "unspecified", Some("no_answer")),
        ("time_limit", "200", Some("completed")),
        ("user_busy", "486", Some("busy")),
        ("not_found", "404", Some("invalid_number")),
        ("no_answer", "480", Some("no_answer")),
        ("unspecified", "503", Some("provider_fault")),
        ("unspecified", "unspecified", None),
        ("a_cause_never_heard", "200", None),
    ] {
        let payload = json!({"hangup_cause": cause, "sip_hangup_cause": sip});
        assert_eq!(end(&payload, false).1, expected, "{cause} {sip}");
    }
    let heard = json!({"hangup_cause": "normal_clearing"});
    assert_eq!(end(&heard, true).1, Some("voicemail"));
    assert_eq!(end(&json!({"hangup_cause": "user_busy"}), true).1, Some("busy"));
}

fn said(kind: &str, payload: Value) -> Value {
    let mut whole = json!({"call_control_id": "v3:abc", "client_state": state(false)});
    overlay(&mut whole, payload);
    json!({"data": {"event_type": kind, "id": format!("e-{kind}"), "payload": whole,
        "occurred_at": "2026-11-24T16:00:00Z"}})
}

fn heard(kind: &str, payload: Value) -> Event {
    let events = parsed(&Telnyx, &said(kind, payload)).expect("understood");
    let [event] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!(event.attempt_id, ATTEMPT.parse().ok());
    assert_eq!(event.event_key, format!("e-{kind}"));
    event.clone()
}

#[test]
fn webhooks_tell_how_a_call_goes() {
    assert_eq!(heard("call.initiated", json!({})).kind, Kind::Placed);
    assert_eq!(heard("call.answered", json!({})).kind, Kind::Answered);
    let ended = json!({"hangup_cause": "normal_clearing", "start_time": "2026-11-24T16:00:00Z",
        "end_time": "2026-11-24T16:01:30Z"});
    let over = heard("call.hangup", ended.clone());
    assert_eq!(
        (over.kind, over.outcome, over.duration_seconds),
        (Kind::Ended, Some("completed"), Some(90.0))
    );
    assert_eq!(parsed(&Telnyx, &said("call.cost", json!({}))), Ok(vec![]));
    assert_eq!(parsed(&Telnyx, &json!({"data": {}})), Err(ParseError::Missing("data.event_type")));
}

#[test]
fn a_leg_that_reports_to_the_same_address_is_not_the_attempts() {
    let other =
        json!({"call_control_id": "v3:other", "client_state": null, "hangup_cause": "user_busy"});
    let body = said("call.hangup", other).to_string();
    let headers = headers(&[]);
    let attempt_id = ATTEMPT.parse().ok();
    let request = HookRequest { attempt_id, ..hook(&headers, body.as_bytes()) };
    let event = parse(request).expect("understood").remove(0);
    assert_eq!((event.attempt_id, event.provider_call_id.as_deref()), (None, Some("v3:other")));
}

#[test]
fn an_event_of_another_leg_says_nothing_and_neither_does_silence() {
    let row = |leg: &str| json!({"call_leg_id": leg, "metadata": {"payload": {"hangup_cause": "user_busy"}}});
    assert!(is_of_leg(&row("leg-1"), "leg-1") && !is_of_leg(&row("leg-2"), "leg-1"));
    assert!(is_of_leg(&json!({"name": "call.hangup"}), "leg-1"));
    let ordered = json!({"is_alive": false, "call_leg_id": "leg-1"});
    assert!(!has_ended(&ordered, &[]), "it may be about to ring");
    assert!(has_ended(&ordered, &[row("leg-1")]));
    assert!(has_ended(&json!({"end_time": "2026-11-24T16:01:30Z"}), &[]));
}

#[test]
fn an_end_after_which_a_machine_may_have_been_heard_is_looked_up() {
    let ended = |cause: &str| json!({"hangup_cause": cause, "client_state": state(true)});
    let over = heard("call.hangup", ended("normal_clearing"));
    assert_eq!((over.kind, over.report_follows), (Kind::Note, true));
    let busy = heard("call.hangup", ended("user_busy"));
    assert_eq!((busy.kind, busy.report_follows), (Kind::Ended, false));
    let machine = heard("call.machine.detection.ended", json!({"result": "machine"}));
    assert_eq!((machine.kind, machine.word.as_deref()), (Kind::Note, Some("machine")));
    let rows = [
        json!({"name": "call.machine.detection.ended", "metadata": {"event": {"payload": {"result": "machine"}}}}),
        json!({"name": "call.hangup", "metadata": {"payload": {"hangup_cause": "normal_clearing"}}}),
    ];
    let call = json!({"call_duration": 12, "end_time": "2026-11-24T16:01:30Z"});
    let found = super::over("v3:abc", &call, &rows);
    assert_eq!((found.outcome, found.duration_seconds), (Some("voicemail"), Some(12.0)));
    assert_eq!(super::over("v3:abc", &call, &rows[1..]).outcome, Some("completed"));
    assert_eq!(super::over("v3:abc", &call, &[]).outcome, None);
}

/// Signed with the Ed25519 key whose seed is the bytes 1 to 32, by OpenSSL; accepted by the
/// vendor's own libraries, telnyx 7.24.0 for JavaScript and 4.189.0 for Python.
const BODY: &str = r#"{"data":{"record_type":"event","event_type":"call.hangup","id":"0ccc7b54-4df3-4bca-a65a-3da1ecc777f0","occurred_at":"2026-11-24T16:00:00.123Z","payload":{"call_control_id":"v3:abc","hangup_cause":"user_busy","sip_hangup_cause":"486","note":"café ✓"}}}"#;
const SIGNED: &str =
    "ZHjeciwrNF2vHLNgVolpkSSEkewaUBcJ9ISzTNDjTXBaXtfGf3ixVuaIiS2dNz0KYnI5vWOIt53qmJiX5pb4Dw==";
const STAMP: &str = "1795251432";
const KEY: &str = "ebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=";

#[test]
fn a_signature_that_the_vendors_libraries_accept_is_believed_and_every_bit_of_it_counts() {
    let now = DateTime::from_timestamp(1_795_251_432, 0).expect("an instant");
    let stated = [("telnyx-signature-ed25519", SIGNED), ("telnyx-timestamp", STAMP)];
    every_bit_counts(&Telnyx, &Value::Null, KEY, &stated, BODY.as_bytes(), now);
    let late = now + TimeDelta::seconds(301);
    assert_eq!(verify(KEY, SIGNED, STAMP, BODY.as_bytes(), late), Err(VerifyError::TooOld));
}
