//! ElevenLabs, as the suite needs to know it.

use super::{SampleHook, Vendor};
use dialerd::provider::RefusalClass;
use serde_json::{Value, json};

pub fn vendor() -> Vendor {
    let about = |place: &str| json!({"detail": [{"loc": ["body", place], "msg": "not valid"}]});
    let accepted = json!({"success": true, "conversation_id": "conv_1", "callSid": "CA1"});
    // The list of one conversation, which is also that conversation: both are asked for.
    let mut list = conversation();
    list["conversations"] = json!([{"conversation_id": "conv_1"}]);
    list["has_more"] = json!(false);
    Vendor {
        provider: "elevenlabs",
        channel: "voice",
        address: "+13035550100",
        settings: json!({"agent_id": "agent_1", "phone_number_id": "phnum_1"}),
        accepted: (200, accepted),
        id: "conv_1",
        refusals: vec![
            (422, about("to_number"), RefusalClass::InvalidNumber),
            (422, about("agent_id"), RefusalClass::ConfigError),
            (401, json!({"detail": {"status": "invalid_api_key"}}), RefusalClass::AccountError),
            (429, json!({"detail": {"status": "too_many"}}), RefusalClass::OverLimit),
            (200, json!({"success": false, "message": "no"}), RefusalClass::ProviderFault),
        ],
        look_up: vec![("GET /v1/convai/conversations/", conversation())],
        found: Some("completed"),
        list,
        hang_up: vec![],
        hook_secret: "wsec_eleven",
        hook: Some((hook(), "completed")),
    }
}

fn conversation() -> Value {
    json!({"conversation_id": "conv_1", "status": "done", "metadata": {
        "start_time_unix_secs": 1_764_000_000, "call_duration_secs": 42,
        "phone_call": {"external_number": "+13035550100"}}})
}

/// Signed by OpenSSL; accepted by the vendor's own library, elevenlabs-js 2.73.0.
fn hook() -> SampleHook {
    let body = r#"{"type":"post_call_transcription","event_timestamp":1764000000,"data":{"agent_id":"a","conversation_id":"conv_1","status":"done","user_id":"0190a1b2-0000-7000-8000-000000000001","note":"café ✓"}}"#;
    let digest = "7b41acf055e8770affe2beb45855fe95a1ab987055c18b87264f41415aede23b";
    SampleHook {
        body: body.as_bytes().to_vec(),
        headers: vec![("elevenlabs-signature", format!("t=1795251435,v0={digest}"))],
        at: "2026-11-21T08:57:30Z",
        path: "/hooks/elevenlabs/7",
    }
}
