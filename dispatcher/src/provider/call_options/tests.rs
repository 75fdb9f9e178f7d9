//! Tests of what settings ask for, and of how a wrong one is told.

use super::*;
use serde_json::json;

fn read(settings: Value) -> Result<CallOptions, String> {
    CallOptions::read(&settings, &json!({"name": "Ada"})).map_err(|error| match error {
        PlaceError::Refused(refusal) => refusal.details["reason"].to_string(),
        other => format!("{other:?}"),
    })
}

#[test]
fn options_are_read_with_variables_filled_in() {
    let options = read(json!({"caller_id": " +1 (303) 555-0100 ", "ring_seconds": 30,
        "max_duration_seconds": 90, "record": true, "voicemail": "leave_message",
        "voicemail_message": "Dear {{name}}, {{ missing }}call us"}))
    .expect("sound");
    assert_eq!(options.ring_seconds, Some(30));
    assert_eq!(options.record, Some(true));
    let message = Voicemail::LeaveMessage("Dear Ada, call us".to_owned());
    assert_eq!(options.voicemail, Some(message));
    assert_eq!(options.caller_e164(), Ok(Some("+13035550100".to_owned())));
    assert_eq!(read(json!({})), Ok(CallOptions::default()));
}

#[test]
fn a_wrong_setting_is_told_with_its_value_and_the_rule() {
    for (settings, told) in [
        (
            json!({"ring_seconds": 3}),
            "ring_seconds is 3, but must be a whole number of seconds from 5 to 600",
        ),
        (json!({"ring_seconds": "30"}), "must be a whole number"),
        (json!({"record": "yes"}), "record is \\\"yes\\\", but must be true or false"),
        (json!({"voicemail": "shout"}), "must be hang_up, leave_message or carry_on"),
        (json!({"voicemail": "leave_message"}), "no voicemail_message"),
        (json!({"caller_id": 7}), "caller_id is 7, but must be a text"),
    ] {
        let error = read(settings.clone()).expect_err("wrong");
        assert!(error.contains(told), "{settings}: {error}");
    }
    let local = CallOptions { caller_id: Some("3035550100".into()), ..CallOptions::default() };
    assert!(local.caller_e164().is_err());
}

#[test]
fn an_option_that_the_vendor_does_not_have_refuses_the_call() {
    let options = CallOptions { record: Some(true), ..CallOptions::default() };
    assert_eq!(options.only("it", &["record"]), Ok(()));
    assert!(options.only("it", &["voicemail"]).is_err());
}

#[test]
fn a_number_is_e164_or_none() {
    assert_eq!(e164("+44 20 7946 0000").as_deref(), Some("+442079460000"));
    for wrong in ["", "+", "0442079460000", "+0442079460000", "+1303555010000000", "+1x0355501000"]
    {
        assert_eq!(e164(wrong), None, "{wrong}");
    }
}

#[test]
fn a_text_is_filled_in_with_the_variables() {
    let variables = json!({"name": "Ada", "count": 3});
    assert_eq!(filled_in("Dear {{name}}, {{ count }} of {{x}}", &variables), "Dear Ada, 3 of ");
    assert_eq!(filled_in("open {{name", &variables), "open {{name");
}
