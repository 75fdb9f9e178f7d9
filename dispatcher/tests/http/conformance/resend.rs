//! Resend, as the suite needs to know it.

use super::{Act, SampleHook, Scripted, Vendor, client};
use dialerd::provider::{LookUpError, RefusalClass, Sought};
use serde_json::{Value, json};

const ID: &str = "49a3999c-0ce1-4ea6-ab68-afcd6dc2e794";

pub fn vendor() -> Vendor {
    let error = |name: &str, message: &str| json!({"name": name, "message": message});
    Vendor {
        provider: "resend",
        channel: "email",
        address: "ada@example.org",
        settings: json!({"from": "clinic@example.org"}),
        accepted: (200, json!({"id": ID})),
        id: ID,
        refusals: vec![
            (401, error("missing_api_key", "Missing API key"), RefusalClass::AccountError),
            (403, error("invalid_permission", "Not verified"), RefusalClass::AccountError),
            (422, error("invalid_parameter", "Invalid `to` field"), RefusalClass::InvalidNumber),
            (422, error("missing_required_field", "Missing"), RefusalClass::ConfigError),
            (429, error("rate_limit_exceeded", "Slower"), RefusalClass::OverLimit),
            (429, error("daily_quota_exceeded", "Tomorrow"), RefusalClass::OverLimit),
        ],
        look_up: vec![("GET /emails/", mail())],
        found: Some("completed"),
        list: json!({"object": "list", "has_more": false, "data": [mail()]}),
        hang_up: vec![],
        hook_secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        hook: Some((hook(), "completed")),
    }
}

fn mail() -> Value {
    json!({"id": ID, "to": ["ada@example.org"], "last_event": "delivered",
        "created_at": "2026-11-04 15:00:00.000000+00"})
}

/// Signed by `openssl dgst -sha256 -mac HMAC -macopt hexkey:... -binary | base64` over
/// `{id}.{timestamp}.{body}`, the key being what follows `whsec_`, decoded.
fn hook() -> SampleHook {
    let body = format!(
        r#"{{"type":"email.delivered","created_at":"2026-12-04T15:00:00Z","data":{{"email_id":"{ID}"}}}}"#
    );
    SampleHook {
        body: body.into_bytes(),
        headers: vec![
            ("svix-id", "msg_1".to_owned()),
            ("svix-timestamp", "1796396400".to_owned()),
            ("svix-signature", "v1,fjs/ZPpwONFu3fQMgQrJULqzIuNKkHz+w/5lES9Q9gQ=".to_owned()),
        ],
        at: "2026-12-04T15:00:30Z",
        path: "/hooks/resend/7",
    }
}

#[tokio::test]
async fn of_several_mails_to_an_address_none_is_taken_for_the_one_sought() {
    let vendor = vendor();
    let look_up = async |mails: Value| {
        let server = Scripted::doing(Act::answer(200, json!({"data": mails}))).await;
        let sought = Sought {
            attempt_id: vendor.attempt_id(),
            provider_call_id: None,
            address: Some(vendor.address.to_owned()),
            intended_at: "2026-11-04T14:59:58Z".parse().expect("an instant"),
        };
        vendor.adapter().look_up(&client(), &vendor.account(&server.url), &sought).await
    };
    assert_eq!(look_up(json!([mail()])).await.map(|events| events.len()), Ok(1));
    let several = look_up(json!([mail(), mail()])).await;
    let told = "several mails to the address at the time";
    assert_eq!(several, Err(LookUpError(told.to_owned())));
}
