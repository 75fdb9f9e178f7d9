//! Tests of the plans, with signatures made by openssl.

use super::*;
use crate::provider::Secret;
use axum::http::{HeaderMap, Method};
use serde_json::{Value, json};

const BODY: &[u8] = br#"{"message":{"type":"hang"}}"#;

fn verified(
    plan: Value,
    secret: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<(), VerifyError> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: axum::http::HeaderName = name.parse().expect("a name");
        map.insert(name, value.parse().expect("a header"));
    }
    let settings = json!({ "webhook_hmac": plan });
    let (secret, url) = (&Secret::new(secret.to_owned()), "https://d.example/hooks/vapi/7");
    let request = HookRequest { method: &Method::POST, url, headers: &map, body, attempt_id: None };
    let now = "2026-12-04T15:00:30Z".parse().expect("an instant");
    verify(&HookTrust { secret, settings: &settings }, request, now)
}

#[test]
fn the_usual_plan_is_timestamp_and_body_in_hexadecimal() {
    let signed = [
        ("x-timestamp", "1796396400"),
        ("x-signature", "398b187fc66a6c457d0a32a07cb3d4eac42553ed1b30a639263914814a97e210"),
    ];
    for plan in [Value::Null, json!({}), json!({"algorithm": "sha256"})] {
        assert_eq!(verified(plan.clone(), "s3", &signed, BODY), Ok(()));
        assert_eq!(verified(plan.clone(), "s4", &signed, BODY), Err(VerifyError::WrongSignature));
        assert_eq!(verified(plan, "s3", &signed, b"{}"), Err(VerifyError::WrongSignature));
    }
    let old = [
        ("x-timestamp", "1796390000"),
        ("x-signature", "398b187fc66a6c457d0a32a07cb3d4eac42553ed1b30a639263914814a97e210"),
    ];
    assert_eq!(verified(json!({}), "s3", &old, BODY), Err(VerifyError::TooOld));
}

#[test]
fn a_plan_of_one_s_own_holds_in_every_part() {
    let plan = json!({"algorithm": "sha512", "signatureHeader": "X-Sig", "signaturePrefix": "v1=",
        "timestampHeader": "X-Time", "messageIdHeader": "X-Id", "signatureEncoding": "base64",
        "payloadFormat": "{method} {url} {svix-id} {timestamp} {body}", "secretIsBase64": true});
    let signature = "v1=aO+AP37ubh8hMBk/UY4oyjstp/1T/05bfxo4rfVSXe+JP+kHaWfbtGgic1XxMJU4jmHBPCU+JwzrpK/QRlXDCQ==";
    let signed = [("x-sig", signature), ("x-time", "1796396400"), ("x-id", "msg_1")];
    assert_eq!(verified(plan.clone(), "czNjcmV0", &signed, BODY), Ok(()));
    let other = [("x-sig", signature), ("x-time", "1796396400"), ("x-id", "msg_2")];
    assert_eq!(verified(plan.clone(), "czNjcmV0", &other, BODY), Err(VerifyError::WrongSignature));
    assert_eq!(verified(plan.clone(), "s3cret!", &signed, BODY), Err(VerifyError::WrongSettings));
    // With a plan, nothing but the plan is believed.
    let bare = [("x-vapi-secret", "czNjcmV0")];
    assert_eq!(verified(plan, "czNjcmV0", &bare, BODY), Err(VerifyError::NotSigned));
}

#[test]
fn a_plan_without_a_timestamp_is_one_without_a_window() {
    let plan = json!({"algorithm": "sha1", "includeTimestamp": false, "payloadFormat": "{body}"});
    let signed = [("x-signature", "f38f813f7ca7d8098e0df4db45022caf849278ca")];
    assert_eq!(verified(plan, "s3", &signed, BODY), Ok(()));
}

#[test]
fn a_plan_that_would_believe_too_much_is_refused() {
    let signed = [
        ("x-timestamp", "1796396400"),
        ("x-signature", "398b187fc66a6c457d0a32a07cb3d4eac42553ed1b30a639263914814a97e210"),
    ];
    for plan in [
        json!({"payloadFormat": "{timestamp}"}),
        json!({"payloadFormat": "{body}"}),
        json!({"payloadFormat": "{body} {timestamp} {nonsense}"}),
        json!({"algorithm": "md5"}),
        json!(7),
    ] {
        let told = verified(plan.clone(), "s3", &signed, BODY);
        assert_eq!(told, Err(VerifyError::WrongSettings), "{plan}");
    }
}

#[test]
fn the_bare_secret_is_believed_without_a_plan() {
    for (name, value) in
        [("x-vapi-secret", "s3"), ("authorization", "Bearer s3"), ("authorization", "s3")]
    {
        assert_eq!(verified(Value::Null, "s3", &[(name, value)], BODY), Ok(()));
        assert!(verified(Value::Null, "s4", &[(name, value)], BODY).is_err());
    }
    assert_eq!(verified(Value::Null, "s3", &[], BODY), Err(VerifyError::NotSigned));
    assert!(verified(Value::Null, "", &[("x-vapi-secret", "")], BODY).is_err());
}
