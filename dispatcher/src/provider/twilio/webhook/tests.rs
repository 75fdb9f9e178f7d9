//! Tests of signatures, with vectors that the vendor's own libraries made (twilio-python 9.11.0,
//! `RequestValidator.compute_signature`; the legacy query by twilio-node 6.0.2), and of what
//! webhooks say.

use super::*;
use crate::provider::Secret;
use axum::http::{HeaderMap, Method};

const URL: &str = "https://dialer.example/hooks/twilio/7";
const FORM: &str = "application/x-www-form-urlencoded";

fn verified(
    url: &str,
    kind: &str,
    body: &[u8],
    signature: &str,
    key: &str,
) -> Result<(), VerifyError> {
    let mut headers = HeaderMap::new();
    headers.insert("content-type", kind.parse().expect("a header"));
    headers.insert("x-twilio-signature", signature.parse().expect("a header"));
    let request =
        HookRequest { method: &Method::POST, url, headers: &headers, body, attempt_id: None };
    let secret = &Secret::new(key.to_owned());
    verify(&HookTrust { secret, settings: &Value::Null }, request)
}

fn is_believed(url: &str, body: &str, signature: &str) -> bool {
    verified(url, FORM, body.as_bytes(), signature, "hook-secret").is_ok()
}

#[test]
fn the_vector_that_the_vendor_publishes_is_believed() {
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let body = "CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212\
        &Caller=%2B14158675309";
    for signature in ["RSOYDt4T1cUTdK1PDd93/VVr8B8=", "kvajT1Ptam85bY51eRf/AJRuM3w="] {
        assert_eq!(verified(url, FORM, body.as_bytes(), signature, "12345"), Ok(()));
        assert!(verified(url, FORM, body.as_bytes(), signature, "12346").is_err());
    }
    let body = br#"{"property": "value", "boolean": true}"#;
    let hashed = format!(
        "{url}&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
    );
    let signature = "a9nBmqA0ju/hNViExpshrM61xv4=";
    assert_eq!(verified(&hashed, "application/json", body, signature, "12345"), Ok(()));
    for at in 0..body.len() {
        let mut changed = body.to_vec();
        changed[at] ^= 1;
        assert!(verified(&hashed, "application/json", &changed, signature, "12345").is_err());
    }
}

#[test]
fn the_port_may_have_been_signed_or_not() {
    let (with, without) = ("qviG+s6ofgz4eKh80OiUYHDyIB0=", "EG7etp6PU/OcFAzCh/lYux7L7dk=");
    let explicit = "https://dialer.example:443/hooks/twilio/7";
    for url in [URL, explicit] {
        assert!(is_believed(url, "A=1&B=2", with) && is_believed(url, "B=2&A=1", without), "{url}");
    }
    let other = "https://dialer.example:8443/hooks/twilio/7?x=1";
    assert!(is_believed(other, "A=1", "/LlKqswxvnm/wY3EURRlLXuOoPA="));
    assert!(!is_believed("http://dialer.example/hooks/twilio/7", "A=1&B=2", with));
}

#[test]
fn fields_are_sorted_decoded_and_each_value_counts_once() {
    let several = "l7rCbaenQe5SuwYx5h6b7G+uUqk=";
    assert!(is_believed(URL, "To=b&From=x&To=a&To=b", several));
    assert!(!is_believed(URL, "To=b&From=x&To=a&To=c", several));
    let accents = "https://dialer.example/hooks/twilio/7?n=%C3%A9";
    assert!(is_believed(accents, "Text=%C3%A9+%C3%BC%26%3D%2B", "d38jtSQsrxaOgvu6NbRlkumJxxA="));
    assert!(is_believed(&format!("{URL}?a=b"), "", "ryY/GZZApZSyPPfZSfWLpHE6v8E="));
}

#[test]
fn the_query_may_have_been_written_in_the_old_way() {
    let url = format!("{URL}?n=a+b&q=%7Etilde%21");
    assert!(is_believed(&url, "A=1", "Tsqkbrbsml+P9kpkD/1j3U6xEaI="));
    let changed = format!("{URL}?n=a+c&q=%7Etilde%21");
    assert!(!is_believed(&changed, "A=1", "Tsqkbrbsml+P9kpkD/1j3U6xEaI="));
}

#[test]
fn a_flipped_bit_anywhere_in_the_address_is_refused() {
    let signature = "ryY/GZZApZSyPPfZSfWLpHE6v8E=";
    let url = format!("{URL}?a=b");
    assert!(is_believed(&url, "", signature));
    // The scheme and the port's digits are the reader's own: the rest is the sender's.
    for at in "https://".len()..url.len() {
        let mut bytes = url.clone().into_bytes();
        bytes[at] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        assert!(!is_believed(&changed, "", signature), "{changed}");
    }
}

#[test]
fn a_body_that_nothing_signs_is_refused() {
    let signature = "ryY/GZZApZSyPPfZSfWLpHE6v8E=";
    let url = format!("{URL}?a=b");
    let unsigned = verified(&url, "application/json", b"{}", signature, "hook-secret");
    assert_eq!(unsigned, Err(VerifyError::WrongSignature));
    assert_eq!(verified(&url, FORM, b"", signature, ""), Err(VerifyError::NoSecret));
}

fn parsed(body: &str) -> Option<Event> {
    let headers = HeaderMap::new();
    let (method, attempt_id) = (&Method::POST, "0190a1b2-0000-7000-8000-000000000001".parse().ok());
    let request =
        HookRequest { method, url: URL, headers: &headers, body: body.as_bytes(), attempt_id };
    let event = parse(request).expect("understood").pop();
    assert!(event.as_ref().is_none_or(|event| event.attempt_id == attempt_id));
    event
}

#[test]
fn statuses_are_kinds_of_events() {
    for (status, kind) in [
        ("queued", Some(Kind::Placed)),
        ("initiated", Some(Kind::Placed)),
        ("ringing", Some(Kind::Ringing)),
        ("in-progress", Some(Kind::Answered)),
        ("completed", Some(Kind::Ended)),
        ("a-new-word", None),
    ] {
        let event = parsed(&format!("CallSid=CA1&CallStatus={status}"));
        assert_eq!(event.map(|event| event.kind), kind, "{status}");
    }
}

#[test]
fn every_end_has_its_outcome() {
    for (fields, word, outcome) in [
        ("completed", "completed", Some("completed")),
        ("completed&AnsweredBy=human", "completed", Some("completed")),
        ("completed&AnsweredBy=unknown", "completed", Some("completed")),
        ("completed&AnsweredBy=machine_start", "machine_start", Some("voicemail")),
        ("completed&AnsweredBy=fax", "fax", Some("voicemail")),
        ("busy", "busy", Some("busy")),
        ("no-answer&SipResponseCode=487", "no-answer", Some("no_answer")),
        ("canceled", "canceled", Some("cancelled")),
        ("failed&SipResponseCode=404", "404", Some("invalid_number")),
        ("failed&SipResponseCode=603", "603", Some("rejected")),
        ("failed&SipResponseCode=503&ErrorCode=32009", "503", Some("provider_fault")),
        ("failed&ErrorCode=32017", "32017", Some("blocked")),
        ("failed&SipResponseCode=499", "499", None),
        ("failed", "failed", None),
    ] {
        let event = parsed(&format!("CallSid=CA1&CallStatus={fields}")).expect("an event");
        assert_eq!((event.word.as_deref(), event.outcome), (Some(word), outcome), "{fields}");
    }
}

#[test]
fn an_end_has_its_time_and_length() {
    let event = parsed(
        "CallSid=CA1&CallStatus=completed&CallDuration=42&Timestamp=Fri%2C+04+Dec+2026+15%3A00%3A20+%2B0000",
    )
    .expect("an event");
    assert_eq!(event.duration_seconds, Some(42.0));
    assert_eq!(event.at, "2026-12-04T15:00:20Z".parse().ok());
}

#[test]
fn a_machine_is_dealt_with_as_was_chosen_and_a_person_is_sent_on() {
    let told = |choice: &Voicemail, by: &str| {
        let callback = format!("{URL}?attempt=0190a1b2-0000-7000-8000-000000000001");
        let url = Answering::url(&callback, "https://a.example/talk?a=1&b=<2>", choice);
        let (headers, body) = (HeaderMap::new(), format!("CallSid=CA1&AnsweredBy={by}"));
        let (method, body) = (&Method::POST, body.as_bytes());
        let request = HookRequest { method, url: &url, headers: &headers, body, attempt_id: None };
        match answer(request) {
            HookAnswer::Document { content_type: "text/xml", body } => body,
            other => panic!("{other:?}"),
        }
    };
    let message = Voicemail::LeaveMessage("Call <us> & soon".to_owned());
    assert!(told(&Voicemail::HangUp, "machine_start").contains("<Response><Hangup/></Response>"));
    assert!(told(&message, "machine_end_beep").contains("<Say>Call &lt;us&gt; &amp; soon</Say>"));
    for by in ["human", "unknown", ""] {
        let next =
            "<Redirect method=\"POST\">https://a.example/talk?a=1&amp;b=&lt;2&gt;</Redirect>";
        assert!(told(&message, by).contains(next), "{by}");
    }
}

#[test]
fn a_status_callback_is_answered_with_nothing() {
    let headers = HeaderMap::new();
    let (method, body) = (&Method::POST, b"CallSid=CA1&CallStatus=busy".as_slice());
    let request = HookRequest { method, url: URL, headers: &headers, body, attempt_id: None };
    assert_eq!(answer(request), HookAnswer::Nothing);
}

#[test]
fn a_kept_webhook_is_understood_as_it_was() {
    let body = "CallSid=CA1&CallStatus=failed&SipResponseCode=404&To=%2B13035550100";
    let event = parsed(body).expect("an event");
    let (kind, again) = body_of(&event.raw);
    assert_eq!(kind, FORM);
    assert_eq!(parsed(std::str::from_utf8(&again).expect("text")), Some(event));
}
