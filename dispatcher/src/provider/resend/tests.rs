//! Tests of the e-mail adapter.

use super::*;

fn hook(body: &str) -> Result<Vec<Event>, ParseError> {
    let headers = axum::http::HeaderMap::new();
    let (method, body) = (&axum::http::Method::POST, body.as_bytes());
    parse(HookRequest { method, url: "", headers: &headers, body, attempt_id: None })
}

#[test]
fn a_permanent_bounce_ends_with_an_invalid_address_and_another_does_not() {
    let bounce = |kind: &str| {
        let body =
            json!({"type": "email.bounced", "data": {"email_id": "e", "bounce": {"type": kind}}});
        hook(&body.to_string()).expect("an event")[0].outcome
    };
    assert_eq!(bounce("Permanent"), Some("invalid_number"));
    assert_eq!(bounce("Transient"), Some("provider_fault"));
}

#[test]
fn what_is_no_event_is_refused() {
    assert_eq!(hook("{"), Err(ParseError::NotJson));
    assert_eq!(hook("{}"), Err(ParseError::Missing("type")));
    assert_eq!(
        hook(r#"{"type":"email.opened","data":{"email_id":"e"}}"#).map(|e| e[0].kind),
        Ok(Kind::Note)
    );
}

#[test]
fn a_running_first_request_means_that_we_do_not_know() {
    let answer = |status, name: &str| Answer {
        status,
        retry_after_seconds: None,
        body: json!({ "name": name }),
    };
    let unknown = classify(&answer(409, "concurrent_idempotent_requests"));
    assert!(matches!(unknown, PlaceError::Unknown(_)));
    let quota = classify(&answer(429, "daily_quota_exceeded"));
    assert!(matches!(quota, PlaceError::Refused(r) if r.class == RefusalClass::OverLimit));
}
