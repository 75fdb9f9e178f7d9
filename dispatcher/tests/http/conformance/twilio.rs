//! Twilio, as the suite needs to know it.

use super::{SampleHook, Vendor};
use dialerd::provider::RefusalClass;
use serde_json::{Value, json};

const SID: &str = "CA00000000000000000000000000000001";

pub fn vendor() -> Vendor {
    let error = |code: u32, status: u16| json!({"code": code, "message": "no", "status": status});
    Vendor {
        provider: "twilio",
        channel: "voice",
        address: "+13035550100",
        settings: json!({"account_sid": "AC00000000000000000000000000000002",
            "caller_id": "+13035550199", "url": "https://a.example/talk"}),
        accepted: (201, json!({"sid": SID, "status": "queued", "queue_time": "0"})),
        id: SID,
        refusals: vec![
            (401, error(20003, 401), RefusalClass::AccountError),
            (403, error(20005, 403), RefusalClass::AccountError),
            (429, error(20429, 429), RefusalClass::OverLimit),
            (400, error(10004, 400), RefusalClass::OverLimit),
            (400, error(21211, 400), RefusalClass::InvalidNumber),
            (400, error(21202, 400), RefusalClass::Blocked),
            (400, error(21216, 400), RefusalClass::Blocked),
            (400, error(21214, 400), RefusalClass::ProviderFault),
            (400, error(21215, 400), RefusalClass::ConfigError),
            (400, error(21212, 400), RefusalClass::ConfigError),
            (400, error(21219, 400), RefusalClass::AccountError),
            (400, error(99999, 400), RefusalClass::ConfigError),
        ],
        look_up: vec![("GET /Accounts/AC00000000000000000000000000000002/Calls/CA", call())],
        found: Some("voicemail"),
        list: json!({"calls": [call(), {"sid": "CA2", "direction": "inbound", "status": "completed", "date_created": "Wed, 04 Nov 2026 15:00:00 +0000"}], "next_page_uri": null, "status": "active"}),
        hang_up: vec![("POST /Accounts/AC00000000000000000000000000000002/Calls/CA", call())],
        hook_secret: "hook-secret",
        hook: Some((hook(), "busy")),
    }
}

fn call() -> Value {
    json!({"sid": SID, "status": "completed", "answered_by": "machine_start", "duration": "12",
        "to": "+13035550100", "from": "+13035550199",
        "date_created": "Wed, 04 Nov 2026 15:00:00 +0000",
        "end_time": "Wed, 04 Nov 2026 15:00:30 +0000"})
}

/// Signed by the vendor's own library: twilio-python 9.11.0, `RequestValidator.compute_signature`.
fn hook() -> SampleHook {
    let body = "CallSid=CA00000000000000000000000000000001\
        &AccountSid=AC00000000000000000000000000000002&From=%2B13035550199&To=%2B13035550100\
        &CallStatus=busy&ApiVersion=2010-04-01&Direction=outbound-api&SequenceNumber=3\
        &Timestamp=Fri%2C+04+Dec+2026+15%3A00%3A20+%2B0000&CallDuration=0&SipResponseCode=486";
    SampleHook {
        body: body.as_bytes().to_vec(),
        headers: vec![
            ("content-type", "application/x-www-form-urlencoded".to_owned()),
            ("x-twilio-signature", "cbjtEKOXCB6JZHd86e7cSTmSkxg=".to_owned()),
        ],
        at: "2026-12-04T15:00:30Z",
        path: "/hooks/twilio/7?attempt=0190a1b2-0000-7000-8000-000000000001",
    }
}
