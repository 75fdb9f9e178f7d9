//! Tests of the adapter: what it asks and how it finds what was lost.

use super::*;
use crate::provider::{CallOptions, Gate};
use serde_json::json;
use std::collections::BTreeMap;

fn ordered(settings: Value) -> Result<BTreeMap<String, Vec<String>>, String> {
    let variables = json!({"name": "Ada & Co"});
    let ordered = CallOptions::read(&settings, &variables).and_then(|options| {
        let placement = Placement {
            attempt_id: uuid::Uuid::nil(),
            address: "+13035550100".to_owned(),
            variables,
            options,
            callback_url: "https://d.example/hooks/twilio/7?attempt=x".to_owned(),
            gate: Gate::open(),
        };
        order::order(&settings, &placement)
    });
    let body = ordered.map_err(|error| match error {
        PlaceError::Refused(refusal) => refusal.details["reason"].to_string(),
        other => format!("{other:?}"),
    })?;
    Ok(by_name(&body))
}

fn by_name(form: &str) -> BTreeMap<String, Vec<String>> {
    let mut fields: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(form.as_bytes()) {
        fields.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    fields
}

#[test]
fn an_order_says_the_options_in_the_vendor_s_words() {
    let fields = ordered(json!({"url": "https://a.example/talk?who={{name}}",
        "caller_id": "+1 303 555 0199", "ring_seconds": 20, "max_duration_seconds": 90,
        "record": true, "machine_detection": true,
        "request": {"CallReason": "Appointment", "MachineDetectionTimeout": 20}}))
    .expect("right");
    let expect = |name: &str, values: &[&str]| assert_eq!(fields[name], values, "{name}");
    expect("To", &["+13035550100"]);
    expect("From", &["+13035550199"]);
    expect("Url", &["https://a.example/talk?who=Ada+%26+Co"]);
    expect("Timeout", &["20"]);
    expect("TimeLimit", &["90"]);
    expect("Record", &["true"]);
    expect("MachineDetection", &["Enable"]);
    expect("MachineDetectionTimeout", &["20"]);
    expect("CallReason", &["Appointment"]);
    expect("StatusCallback", &["https://d.example/hooks/twilio/7?attempt=x#rc=5&rp=all"]);
    expect("StatusCallbackEvent", &["initiated", "ringing", "answered", "completed"]);
}

/// What the vendor's own library sends for the same call (twilio-python 9.11.0, `calls.create`).
const FROM_THE_VENDOR: &str = "To=%2B13035550100&From=%2B13035550199&Method=POST\
    &StatusCallback=https%3A%2F%2Fd.example%2Fhooks%2Ftwilio%2F7%3Fattempt%3Dx%23rc%3D5%26rp%3Dall\
    &StatusCallbackEvent=initiated&StatusCallbackEvent=ringing&StatusCallbackEvent=answered\
    &StatusCallbackEvent=completed&StatusCallbackMethod=POST&Timeout=20&Record=true\
    &MachineDetection=Enable&CallReason=Appointment&TimeLimit=90\
    &Url=https%3A%2F%2Fa.example%2Ftalk%3Fwho%3DAda%2B%2526%2BCo";

// R118
#[test]
fn an_order_is_the_form_that_the_vendor_s_own_library_makes() {
    let fields = ordered(json!({"url": "https://a.example/talk?who={{name}}",
        "caller_id": "+13035550199", "ring_seconds": 20, "max_duration_seconds": 90,
        "record": true, "machine_detection": true, "request": {"CallReason": "Appointment"}}))
    .expect("right");
    assert_eq!(fields, by_name(FROM_THE_VENDOR));
}

#[test]
fn a_message_for_a_machine_must_fit_into_an_address() {
    let error = ordered(json!({"url": "u", "caller_id": "+13035550199",
        "voicemail_message": "x".repeat(1001)}));
    assert!(error.expect_err("too long").contains("1001 characters"));
}

#[test]
fn a_choice_about_voicemails_is_made_before_anything_is_said() {
    let fields = ordered(json!({"url": "https://a.example/talk", "caller_id": "+13035550199",
        "voicemail_message": "Dear {{name}}"}))
    .expect("right");
    assert_eq!(fields["MachineDetection"], ["DetectMessageEnd"]);
    assert_eq!(
        fields["Url"],
        ["https://d.example/hooks/twilio/7?attempt=x&answer=voicemail\
          &next=https%3A%2F%2Fa.example%2Ftalk&say=Dear+Ada+%26+Co"]
    );
}

#[test]
fn a_document_is_sent_along_with_variables_escaped() {
    let twiml = "<Response><Say>Hello {{name}}</Say></Response>";
    let fields = ordered(json!({"twiml": twiml, "caller_id": "+13035550199"})).expect("right");
    assert_eq!(fields["Twiml"], ["<Response><Say>Hello Ada &amp; Co</Say></Response>"]);
}

// R113: the conversation is another program's (Deepgram's server, or one's own), over a WebSocket.
#[test]
fn a_call_is_connected_to_a_media_server_that_hears_whom_it_talks_to() {
    let twiml = r#"<Response><Connect><Stream url="wss://agent.example.com/media"><Parameter name="name" value="{{name}}"/></Stream></Connect></Response>"#;
    let fields = ordered(json!({"twiml": twiml, "caller_id": "+13035550199"})).expect("right");
    let parameter = r#"<Parameter name="name" value="Ada &amp; Co"/>"#;
    assert!(fields["Twiml"][0].contains(parameter), "{:?}", fields["Twiml"]);
}

#[test]
fn an_order_that_cannot_be_right_is_not_sent_and_says_why() {
    let from = "+13035550199";
    for (settings, told) in [
        (json!({"url": "u"}), "settings lack caller_id"),
        (json!({"caller_id": from}), "settings lack url or twiml"),
        (json!({"caller_id": from, "url": "u", "twiml": "t"}), "both set"),
        (json!({"caller_id": "3035550199", "url": "u"}), "no number in E.164"),
        (json!({"caller_id": from, "application_sid": "AP1"}), "ignore the status callback"),
        (json!({"caller_id": from, "twiml": "t", "voicemail": "hang_up"}), "with url only"),
        (json!({"caller_id": from, "twiml": "x".repeat(4001)}), "4001 characters"),
        (json!({"caller_id": from, "url": "u", "request": {"To": "+1"}}), "request.To"),
        (
            json!({"caller_id": from, "url": "u", "request": {"ApplicationSid": "AP1"}}),
            "ignore the status callback",
        ),
        (
            json!({"caller_id": from, "url": "u", "request": {"StatusCallback": "x"}}),
            "request.StatusCallback",
        ),
        (
            json!({"caller_id": from, "url": "u", "voicemail": "hang_up", "machine_detection": false}),
            "voicemail needs machine_detection",
        ),
    ] {
        let error = ordered(settings.clone()).expect_err("not right");
        assert!(error.contains(told), "{settings}: {error}");
    }
}

#[test]
fn a_failed_call_means_what_its_error_means() {
    let call = json!({"sid": "CA1", "status": "failed", "date_created": "Fri, 04 Dec 2026 15:00:00 +0000"});
    let event = event_of_call(&call, Some("32017"), Source::LookUp).expect("an event");
    assert_eq!((event.word.as_deref(), event.outcome), (Some("32017"), Some("blocked")));
    assert_eq!(created_at(&call), "2026-12-04T15:00:00Z".parse().ok());
}
