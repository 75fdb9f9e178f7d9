//! Requests and parsers against the specifications that vendors publish.

use super::{Act, Scripted, Seen, Vendor, client};
use chrono::{TimeDelta, Utc};
use dialerd::provider::{CallOptions, Kind, Placement, Span};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An OpenAPI document.
struct Specification(Value);

impl Specification {
    fn vapi() -> Specification {
        let text = include_str!("../../../../tests/fixtures/specs/vapi-calls-reduced.json");
        Specification(serde_json::from_str(text).expect("JSON"))
    }

    /// Checks a value against a named schema; members that it does not name are errors as well.
    fn judge(&self, schema: &str, value: &Value) {
        let mut root = json!({"$ref": format!("#/components/schemas/{schema}")});
        root["components"] = self.0["components"].clone();
        let validator = jsonschema::draft7::new(&root).expect("a schema");
        let problems: Vec<String> =
            validator.iter_errors(value).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(problems.is_empty(), "{schema}: {problems:#?}\n{value:#}");
        let known = &self.0["components"]["schemas"][schema]["properties"];
        for name in value.as_object().expect("an object").keys() {
            assert!(!known[name].is_null(), "{schema} has no {name}");
        }
    }

    /// Checks that there is such an operation, with these query parameters.
    fn judge_request(&self, seen: &Seen) {
        let (method, target) = seen.line.split_once(' ').expect("a method");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let operation = &self.0["paths"][path][method.to_lowercase()];
        assert!(operation.is_object(), "no {method} {path}");
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let name = pair.split('=').next().expect("a name");
            let parameters = operation["parameters"].as_array().expect("parameters");
            assert!(parameters.iter().any(|p| p["name"] == name), "{path} has no {name}");
        }
    }
}

async fn ordered(vendor: &Vendor, settings: Value) -> Seen {
    let (status, body) = vendor.accepted.clone();
    let server = Scripted::doing(Act::answer(status, body)).await;
    let options = CallOptions::read(&settings, &json!({})).expect("sound settings");
    let mut account = vendor.account(&server.url);
    account.settings = settings;
    let placement = Placement { options, ..vendor.placement() };
    vendor.adapter().place(&client(), &account, &placement).await.expect("accepted");
    server.seen().remove(0)
}

#[tokio::test]
async fn vapi_is_asked_as_its_specification_says() {
    let (specification, vendor) = (Specification::vapi(), super::vapi::vendor());
    for settings in [
        json!({"assistant_id": "a", "phone_number_id": "p"}),
        json!({"assistant_id": "a", "assistant_version": "3", "phone_number_id": "p"}),
        json!({"squad_id": "s", "phone_number_id": "p", "max_duration_seconds": 600}),
        json!({"workflow_id": "w", "phone_number_id": "p", "voicemail": "hang_up"}),
        json!({"assistant_id": "a", "caller_ref": "n", "transport": "vapi.sip", "ring_seconds": 20,
            "record": true, "voicemail_message": "Call us", "webhook_credential_id": "c","request": {"customer": {"email": "a@example.org"}}}),
    ] {
        let seen = ordered(&vendor, settings).await;
        specification.judge_request(&seen);
        let body: Value = serde_json::from_slice(&seen.body).expect("JSON");
        specification.judge("CreateCallDTO", &body);
        specification.judge("CreateCustomerDTO", &body["customer"]);
    }
}

#[tokio::test]
async fn vapi_is_listed_as_its_specification_says() {
    let (specification, vendor) = (Specification::vapi(), super::vapi::vendor());
    let server = Scripted::doing(Act::answer(200, "[]")).await;
    let until = Utc::now();
    let span = Span { from: until - TimeDelta::days(1), until, cursor: None };
    let account = vendor.account(&server.url);
    vendor.adapter().list(&client(), &account, &span).await.expect("a page");
    vendor.adapter().check(&client(), &account).await.expect("it works");
    server.seen().iter().for_each(|seen| specification.judge_request(seen));
}

#[tokio::test]
async fn every_status_and_reason_that_vapi_publishes_is_understood() {
    let (specification, vendor) = (Specification::vapi(), super::vapi::vendor());
    let property = |name: &str| {
        let values = &specification.0["components"]["schemas"]["Call"]["properties"][name]["enum"];
        values.as_array().expect("an enumeration").clone()
    };
    let row = |status: &Value, reason: &Value| {
        json!({"id": format!("{status}{reason}"), "orgId": "o", "status": status,
            "endedReason": reason, "createdAt": "2026-12-04T15:00:00Z",
            "updatedAt": "2026-12-04T15:00:20Z", "customer": {"number": "+13035550100"}})
    };
    let reasons = property("endedReason");
    assert!(reasons.len() >= 595);
    let calls: Vec<Value> = reasons.iter().map(|reason| row(&json!("ended"), reason)).collect();
    calls.iter().for_each(|call| specification.judge("Call", call));
    let server = Scripted::doing(Act::answer(200, json!(calls))).await;
    let until = Utc::now();
    let span = Span { from: until - TimeDelta::days(1), until, cursor: None };
    let page = vendor.adapter().list(&client(), &vendor.account(&server.url), &span).await;
    let page = page.expect("a page");
    assert_eq!(page.calls.len(), calls.len());
    let open: BTreeSet<&str> = page
        .calls
        .iter()
        .filter(|call| call.event.outcome.is_none())
        .filter_map(|call| call.event.word.as_deref())
        .collect();
    // They are of inbound and web calls; one of ours that said so would wait for a person.
    let expected = BTreeSet::from([
        "call.in-progress.error-sip-inbound-call-failed-to-connect",
        "call.ringing.error-sip-inbound-call-failed-to-connect",
        "call.ringing.sip-inbound-caller-hungup-before-call-connect",
        "customer-did-not-give-microphone-permission",
    ]);
    assert_eq!(open, expected);
    for status in property("status") {
        let server = Scripted::doing(Act::answer(200, json!([row(&status, &Value::Null)]))).await;
        let page = vendor.adapter().list(&client(), &vendor.account(&server.url), &span).await;
        let kinds: Vec<Kind> = page.expect("a page").calls.iter().map(|c| c.event.kind).collect();
        let expected = match status.as_str().expect("a word") {
            "scheduled" | "queued" => vec![Kind::Placed],
            "ringing" => vec![Kind::Ringing],
            "in-progress" | "forwarding" => vec![Kind::Answered],
            "ended" => vec![Kind::Ended],
            _ => vec![],
        };
        assert_eq!(kinds, expected, "{status}");
    }
}
