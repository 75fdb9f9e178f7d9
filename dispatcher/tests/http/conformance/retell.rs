//! Retell, as the suite needs to know it.

use super::{SampleHook, Vendor};
use dialerd::provider::RefusalClass;
use serde_json::{Value, json};

pub fn vendor() -> Vendor {
    let error = |message: &str| json!({"status": "error", "message": message});
    Vendor {
        provider: "retell",
        channel: "voice",
        address: "+13035550100",
        settings: json!({"caller_id": "+12137771234"}),
        accepted: (201, json!({"call_id": "call_1", "call_status": "registered"})),
        id: "call_1",
        refusals: vec![
            (400, error("to_number is not a valid E.164 number"), RefusalClass::InvalidNumber),
            (400, error("Invalid request format"), RefusalClass::ConfigError),
            (401, error("API key is missing or invalid."), RefusalClass::AccountError),
            (402, error("Trial has ended"), RefusalClass::AccountError),
            (422, error("Cannot find requested asset"), RefusalClass::ConfigError),
            (429, error("Account rate limited"), RefusalClass::OverLimit),
        ],
        look_up: vec![("GET /v2/get-call/", call())],
        found: Some("busy"),
        list: json!({"items": [call()], "has_more": false}),
        hang_up: vec![("POST /v2/stop-call/", json!({}))],
        hook_secret: "key_retell_webhook",
        hook: Some((hook(), "busy")),
    }
}

fn call() -> Value {
    json!({"call_id": "call_1", "call_status": "not_connected", "to_number": "+13035550100",
        "disconnection_reason": "dial_busy", "start_timestamp": 1_764_000_000_000_i64})
}

/// Signed by the vendor's own library, retell-sdk 5.66.1 for JavaScript.
fn hook() -> SampleHook {
    let body = r#"{"event":"call_ended","call":{"call_id":"call_1","metadata":{"attempt_id":"0190a1b2-0000-7000-8000-000000000001"},"disconnection_reason":"dial_busy","note":"café ✓"}}"#;
    let digest = "0fd9ef586d3c474e53c9656f5487fe9196bce704689acb9167330ad8b2c109b4";
    SampleHook {
        body: body.as_bytes().to_vec(),
        headers: vec![("x-retell-signature", format!("v=1764000000123,d={digest}"))],
        at: "2025-11-24T16:00:00Z",
        path: "/hooks/retell/7",
    }
}
