//! A vendor that is a recipe, as the suite needs to know it.

use super::{SampleHook, Vendor};
use dialerd::provider::RefusalClass;
use serde_json::{Value, json};

pub fn vendor() -> Vendor {
    let recipe = include_str!("../../../src/provider/http/example.json");
    let message = |text: &str| json!({"error": {"message": text}});
    Vendor {
        provider: "http",
        channel: "voice",
        address: "+13035550100",
        settings: serde_json::from_str(recipe).expect("JSON"),
        accepted: (201, json!({"call": {"id": 17}})),
        id: "17",
        refusals: vec![
            (400, json!({"error": {"code": "number_invalid"}}), RefusalClass::InvalidNumber),
            (409, message("All lines are busy"), RefusalClass::OverLimit),
            (503, message("nothing was placed"), RefusalClass::ProviderFault),
            (401, json!({}), RefusalClass::AccountError),
            (404, json!({}), RefusalClass::ConfigError),
        ],
        look_up: vec![("GET /calls/17", json!({"calls": [call()]}))],
        found: Some("busy"),
        list: json!({"calls": [call()], "next": null}),
        hang_up: vec![("DELETE /calls/17", json!({}))],
        hook_secret: "s3cret",
        hook: Some((hook(), "busy")),
    }
}

fn call() -> Value {
    json!({"id": 17, "to": "+13035550100", "state": "finished", "cause": "engaged",
        "created": "2026-11-04T15:00:00Z"})
}

/// Signed by `openssl dgst -sha256 -hmac s3cret` over `{timestamp}:{body}`.
fn hook() -> SampleHook {
    let digest = "b06697ec27286865219c3f16c53010f5dded887b88422c5f373f7b3c6b26f05b";
    SampleHook {
        body: br#"{"call":{"id":17,"state":"finished","cause":"engaged"}}"#.to_vec(),
        headers: vec![
            ("x-signature", format!("sha256={digest}")),
            ("x-stamp", "1764000000".to_owned()),
        ],
        at: "2025-11-24T16:00:10Z",
        path: "/hooks/http/7",
    }
}
