//! Bland, as the suite needs to know it.

use super::{SampleHook, Vendor};
use dialerd::provider::RefusalClass;
use serde_json::{Value, json};

const ID: &str = "9d404c1b-6a23-4426-953a-a52c392ff8f1";

pub fn vendor() -> Vendor {
    let error = |message: &str| json!({"status": "error", "message": message});
    Vendor {
        provider: "bland",
        channel: "voice",
        address: "+13035550100",
        settings: json!({"pathway_id": "p"}),
        accepted: (200, json!({"status": "success", "call_id": ID})),
        id: ID,
        refusals: vec![
            (
                401,
                json!({"data": null, "errors": [{"error": "AUTH_FAILURE", "message": "Invalid"}]}),
                RefusalClass::AccountError,
            ),
            (402, error("Insufficient balance."), RefusalClass::AccountError),
            (403, error("This account has been flagged"), RefusalClass::AccountError),
            (404, error("Pathway not found"), RefusalClass::ConfigError),
            (418, json!({"error": "OBJECTIVE_VALIDATION_ERROR"}), RefusalClass::ConfigError),
            (400, json!({"status": "DNC Error", "message": "on a list"}), RefusalClass::Blocked),
            (400, error("Cannot dial sensitive numbers"), RefusalClass::Blocked),
            (400, error("Invalid phone number: too short"), RefusalClass::InvalidNumber),
            (400, error("Unable to queue call."), RefusalClass::ProviderFault),
            (400, error("task must be a string"), RefusalClass::ConfigError),
            (
                429,
                error("You can only call every 10 seconds to the same number"),
                RefusalClass::OverLimit,
            ),
            (429, error("Rate limit exceeded"), RefusalClass::OverLimit),
            (429, error("This number is blacklisted."), RefusalClass::Blocked),
            (200, error("Something went wrong"), RefusalClass::ProviderFault),
        ],
        look_up: vec![("GET /v1/calls/", call())],
        found: Some("voicemail"),
        list: json!({"count": 1, "calls": [call(), {"call_id": "another", "inbound": true, "completed": true}]}),
        hang_up: vec![("POST /v1/calls/", json!({"status": "success"}))],
        hook_secret: "hook-secret",
        hook: Some((hook(), "no_answer")),
    }
}

fn call() -> Value {
    json!({"call_id": ID, "to": "+13035550100", "from": "+13035550199", "completed": true,
        "created_at": "2026-12-04T15:00:00.000Z", "end_at": "2026-12-04T15:00:20.000Z",
        "queue_status": "complete", "status": "completed", "answered_by": "voicemail"})
}

/// Signed by `openssl dgst -sha256 -hmac hook-secret` over the body.
fn hook() -> SampleHook {
    let body = format!(r#"{{"call_id":"{ID}","completed":true,"status":"no-answer"}}"#);
    SampleHook {
        body: body.into_bytes(),
        headers: vec![(
            "x-webhook-signature",
            "0b3afd8c4977ec8afc5d4c7d1a9af5b9876ffb7ef03eba1fb32e9a6a653c5219".to_owned(),
        )],
        at: "2026-12-04T15:00:30Z",
        path: "/hooks/bland/7",
    }
}
