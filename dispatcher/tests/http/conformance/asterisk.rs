//! Asterisk, as the suite needs to know it; its websocket has tests of its own.

use super::Vendor;
use dialerd::provider::RefusalClass;
use serde_json::{Value, json};
use uuid::Uuid;

/// A channel's id is the attempt's.
const ID: &str = "5ce5b4a0-51d5-4a54-9a0c-2f1d4f1b2c3d";

pub fn attempt() -> Uuid {
    ID.parse().expect("a uuid")
}

pub fn vendor() -> Vendor {
    Vendor {
        provider: "asterisk",
        channel: "voice",
        address: "+13035550100",
        settings: json!({"endpoint": "PJSIP/{number}@trunk", "context": "announcement"}),
        accepted: (200, channel()),
        id: ID,
        refusals: vec![
            (400, json!({"message": "Endpoint must be specified"}), RefusalClass::ConfigError),
            (401, json!({"error": "Authentication required"}), RefusalClass::AccountError),
            (403, json!({"error": "Write access denied"}), RefusalClass::AccountError),
            (404, json!({"message": "Label not found"}), RefusalClass::ConfigError),
            (500, json!({"error": "Allocation failed"}), RefusalClass::ProviderFault),
        ],
        // The channel is not there any more.
        look_up: vec![],
        found: Some("unknown"),
        list: json!([channel()]),
        hang_up: vec![("DELETE /channels/", json!({}))],
        hook_secret: "",
        hook: None,
    }
}

fn channel() -> Value {
    json!({"id": ID, "name": "PJSIP/trunk-00000019", "state": "Down", "accountcode": "",
        "creationtime": "2026-11-21T01:02:56.315+0000", "protocol_id": "cbf0245a"})
}
