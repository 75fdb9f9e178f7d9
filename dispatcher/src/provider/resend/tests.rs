//! Tests of the e-mail adapter.

use super::*;
use crate::provider::tests::{
    ATTEMPT, Spec, answer, call_with, class, every_bit_counts, placement, reason,
};

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
fn a_mail_goes_to_nobody_else_and_at_no_other_time() {
    for member in ["scheduled_at", "cc", "bcc"] {
        let settings = json!({"from": "a@example.org", "subject": "s", "request": {member: "x"}});
        let refused = reason(order(&settings, &call_with(&settings)));
        assert!(refused.contains(&format!("request.{member} ")), "{refused}");
    }
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

fn settings() -> Value {
    json!({"from": "Acme <acme@example.org>", "subject": "For {{name}}", "html": "<p>{{name}}</p>",
        "reply_to": "desk@example.org", "headers": {"List-Unsubscribe": "<https://example.org/u>"},
        "request": {"topic_id": "t1", "to": ["other@example.org"]}})
}

#[test]
fn an_order_is_what_the_published_document_asks_for() {
    let spec = Spec::read("resend.json");
    let placement = placement("ada@example.org", json!({"name": "Ada & Co"}));
    let order = order(&settings(), &placement).expect("complete");
    spec.judge("/emails", "post", &order);
    assert_eq!(order["to"], json!(["ada@example.org"]));
    assert_eq!(order["html"], "<p>Ada &amp; Co</p>");
    assert_eq!(order["tags"], json!([{"name": "attempt_id", "value": ATTEMPT}]));
    assert_eq!(
        (&order["topic_id"], &order["reply_to"]),
        (&json!("t1"), &json!("desk@example.org"))
    );
    // Tags take letters, digits, _ and -, and 256 of them; so does the key.
    assert!(
        ATTEMPT.len() <= 256 && ATTEMPT.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    );
}

#[test]
fn every_webhook_of_the_published_document_is_understood() {
    let spec = Spec::read("resend.json");
    let mut seen = Vec::new();
    for (name, webhook) in spec.webhooks() {
        let schema = &webhook["post"]["requestBody"]["content"]["application/json"]["schema"];
        let mut body = spec.example(schema);
        body["data"]["tags"] = json!({"attempt_id": ATTEMPT});
        let events = hook(&body.to_string()).expect("understood");
        let [event] = events.as_slice() else { panic!("{name}: {events:?}") };
        assert_eq!(event.word.as_deref(), name.strip_prefix("email."));
        assert_eq!(event.attempt_id, ATTEMPT.parse().ok(), "{name}");
        seen.push((name.as_str(), event.kind, event.outcome));
    }
    let ended = |outcome| (Kind::Ended, Some(outcome));
    for (name, (kind, outcome)) in [
        ("email.sent", (Kind::Placed, None)),
        ("email.scheduled", (Kind::Placed, None)),
        ("email.delivered", ended("completed")),
        ("email.delivery_delayed", (Kind::Note, None)),
        // The example's bounce is of an undetermined type.
        ("email.bounced", ended("provider_fault")),
        ("email.complained", ended("dnc")),
        ("email.opened", (Kind::Note, None)),
        ("email.clicked", (Kind::Note, None)),
        ("email.failed", ended("provider_fault")),
        ("email.suppressed", ended("blocked")),
        ("email.received", (Kind::Note, None)),
    ] {
        assert!(seen.contains(&(name, kind, outcome)), "{name}: {seen:?}");
    }
    assert_eq!(seen.len(), 11);
}

#[test]
fn every_last_event_of_the_published_document_is_a_word_of_ours() {
    let spec = Spec::read("resend.json");
    let words = spec.schema("Email")["properties"]["last_event"]["enum"].as_array().expect("words");
    assert_eq!(words.len(), 12);
    for said in words {
        let said = said.as_str().expect("text");
        assert!(word::find(WORDS, WordKind::Status, said).is_some(), "{said}");
    }
    let mut mail = spec.example(spec.schema("Email"));
    mail["id"] = json!("e1");
    let listed = listed(&mail).expect("listed");
    assert_eq!(listed.address.as_deref(), Some("delivered@resend.dev"));
    assert_eq!(listed.created_at.map(|at| at.timestamp()), Some(1_680_560_022));
}

#[test]
fn a_pace_is_told_from_a_quota_and_a_known_key_leaves_us_not_knowing() {
    let said = |status, name: &str, message: &str| {
        classify(&answer(status, json!({"statusCode": status, "name": name, "message": message})))
    };
    for (name, expected) in [
        ("rate_limit_exceeded", RefusalClass::OverLimit),
        ("daily_quota_exceeded", RefusalClass::OverLimit),
        ("monthly_quota_exceeded", RefusalClass::AccountError),
    ] {
        assert_eq!(class(said(429, name, "")), Some(expected), "{name}");
    }
    for name in ["concurrent_idempotent_requests", "invalid_idempotent_request"] {
        assert_eq!(class(said(409, name, "")), None, "{name}");
    }
    for (status, name, message, expected) in [
        (409, "resource_locked", "", RefusalClass::ProviderFault),
        (403, "suspended_api_key", "", RefusalClass::AccountError),
        (401, "restricted_api_key", "", RefusalClass::AccountError),
        (
            403,
            "validation_error",
            "The example.org domain is not verified.",
            RefusalClass::ConfigError,
        ),
        (422, "invalid_parameter", "Invalid `to` field.", RefusalClass::InvalidNumber),
        (422, "invalid_from_address", "Invalid `from` field.", RefusalClass::ConfigError),
        (403, "a_name_never_heard", "", RefusalClass::AccountError),
    ] {
        assert_eq!(class(said(status, name, message)), Some(expected), "{name}");
    }
    assert_eq!(class(said(500, "application_error", "")), None);
}

/// Signed by the vendor's own library: svix 1.99.1 for JavaScript, `Webhook.sign`.
const BODY: &str = r#"{"type":"email.bounced","created_at":"2026-11-24T16:00:00.000Z","data":{"email_id":"e1","note":"café ✓"}}"#;
const SIGNED: &str = "v1,oBFvEot19SjBoaf7bmZVoIe0AkY452tGNTt/av3IZEc=";
const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

#[test]
fn a_signature_of_the_vendors_library_is_believed_and_every_bit_of_it_counts() {
    let now = DateTime::from_timestamp(1_764_000_000, 0).expect("an instant");
    let stated =
        [("svix-id", "msg_1"), ("svix-timestamp", "1764000000"), ("svix-signature", SIGNED)];
    every_bit_counts(&Resend, &Value::Null, KEY, &stated, BODY.as_bytes(), now);
}
