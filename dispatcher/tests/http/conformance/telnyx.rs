//! Telnyx, as the suite needs to know it.

use super::{SampleHook, Vendor};
use dialerd::provider::RefusalClass;
use serde_json::{Value, json};

pub fn vendor() -> Vendor {
    let error = |code: &str, detail: &str| json!({"errors": [{"code": code, "detail": detail}]});
    Vendor {
        provider: "telnyx",
        channel: "voice",
        address: "+13035550100",
        settings: json!({"caller_id": "+12137771234", "connection_id": "2893"}),
        accepted: (200, json!({"data": {"call_control_id": "v3:abc", "is_alive": false}})),
        id: "v3:abc",
        refusals: vec![
            (422, error("10016", "not E.164"), RefusalClass::InvalidNumber),
            (422, error("10015", "bad request"), RefusalClass::ConfigError),
            (401, error("10009", "authentication failed"), RefusalClass::AccountError),
            (403, error("10010", "not authorised"), RefusalClass::AccountError),
            (403, error("90000", "channel limit (D1)"), RefusalClass::OverLimit),
            (429, error("90103", "dials per second"), RefusalClass::OverLimit),
        ],
        look_up: vec![
            (
                "GET /calls/",
                json!({"data": {"is_alive": false, "call_leg_id": "leg-1", "call_duration": 0}}),
            ),
            ("GET /call_events", events()),
        ],
        found: Some("busy"),
        list: events(),
        hang_up: vec![("POST /calls/", json!({"data": {"result": "ok"}}))],
        hook_secret: "ebVWLo/mVPlAeLES6KmLp5AfhTrmlb7X4OORC60ElmQ=",
        hook: Some((hook(), "busy")),
    }
}

fn events() -> Value {
    let payload = json!({"call_control_id": "v3:abc", "hangup_cause": "user_busy",
        "sip_hangup_cause": "486", "to": "+13035550100", "start_time": "2026-11-04T15:00:00Z"});
    json!({"data": [{"record_type": "call_event", "name": "call.hangup", "type": "webhook",
        "call_leg_id": "leg-1", "metadata": {"payload": payload}}]})
}

/// Signed by OpenSSL with the Ed25519 key whose seed is the bytes 1 to 32; accepted by the
/// vendor's own libraries, telnyx 7.24.0 for JavaScript and 4.189.0 for Python.
fn hook() -> SampleHook {
    let body = r#"{"data":{"record_type":"event","event_type":"call.hangup","id":"0ccc7b54-4df3-4bca-a65a-3da1ecc777f0","occurred_at":"2026-11-24T16:00:00.123Z","payload":{"call_control_id":"v3:abc","hangup_cause":"user_busy","sip_hangup_cause":"486","note":"café ✓"}}}"#;
    let signature =
        "ZHjeciwrNF2vHLNgVolpkSSEkewaUBcJ9ISzTNDjTXBaXtfGf3ixVuaIiS2dNz0KYnI5vWOIt53qmJiX5pb4Dw==";
    SampleHook {
        body: body.as_bytes().to_vec(),
        headers: vec![
            ("telnyx-signature-ed25519", signature.to_owned()),
            ("telnyx-timestamp", "1795251432".to_owned()),
        ],
        at: "2026-11-21T08:57:30Z",
        path: "/hooks/telnyx/7",
    }
}
