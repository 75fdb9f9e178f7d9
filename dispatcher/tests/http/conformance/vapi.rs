//! Vapi, as the suite needs to know it.

use super::{SampleHook, Vendor};
use dialerd::provider::RefusalClass;
use serde_json::{Value, json};

const ID: &str = "0195f2a1-7c3e-7000-8000-00000000000c";

pub fn vendor() -> Vendor {
    Vendor {
        provider: "vapi",
        channel: "voice",
        address: "+13035550100",
        settings: json!({"assistant_id": "a", "phone_number_id": "p"}),
        accepted: (201, json!({"id": ID, "status": "queued"})),
        id: ID,
        refusals: vec![
            (400, json!({"error": "Over Concurrency Limit"}), RefusalClass::OverLimit),
            (400, json!({"message": ["concurrency limit reached"]}), RefusalClass::OverLimit),
            (
                201,
                json!({"id": ID, "subscriptionLimits": {"concurrencyBlocked": true}}),
                RefusalClass::OverLimit,
            ),
            (
                400,
                json!({"message": ["customer.number must be a valid phone number in the E.164 format"]}),
                RefusalClass::InvalidNumber,
            ),
            (400, json!({"message": ["assistantId must be a UUID"]}), RefusalClass::ConfigError),
            (401, json!({"message": "Invalid Key."}), RefusalClass::AccountError),
            (402, json!({}), RefusalClass::AccountError),
            (404, json!({"message": "Assistant not found"}), RefusalClass::ConfigError),
        ],
        look_up: vec![("GET /call/", call())],
        found: Some("busy"),
        list: json!([call(), came_in()]),
        hang_up: vec![
            ("GET /call/", json!({"id": ID, "monitor": {"controlUrl": "http://self/control"}})),
            ("POST /control", json!({})),
        ],
        hook_secret: "hook-secret",
        hook: Some((hook(), "busy")),
    }
}

/// A call that came in is listed there as well, and none of ours.
fn came_in() -> Value {
    let mut call = call();
    call["id"] = json!("another");
    call["type"] = json!("inboundPhoneCall");
    call
}

fn call() -> Value {
    json!({"id": ID, "orgId": "o", "status": "ended", "endedReason": "customer-busy",
        "createdAt": "2026-12-04T15:00:00.000Z", "updatedAt": "2026-12-04T15:00:20.000Z",
        "endedAt": "2026-12-04T15:00:20.000Z", "customer": {"number": "+13035550100"}})
}

/// Signed by `openssl dgst -sha256 -hmac hook-secret` over `{timestamp}.{body}`.
fn hook() -> SampleHook {
    let body = format!(
        r#"{{"message":{{"type":"end-of-call-report","endedReason":"customer-busy","call":{{"id":"{ID}"}}}}}}"#
    );
    SampleHook {
        body: body.into_bytes(),
        headers: vec![
            ("x-timestamp", "1796396400".to_owned()),
            (
                "x-signature",
                "eabccb6fbef2d461a0664b749a3588e34e73c3b566e53fff70b3b03931be5fda".to_owned(),
            ),
        ],
        at: "2026-12-04T15:00:30Z",
        path: "/hooks/vapi/7",
    }
}
