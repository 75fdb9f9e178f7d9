//! The e-mail provider's HTTP, as much of it as a batch of e-mails needs.
//!
//! The idempotency key is honoured: the same key gives the first answer and sends nothing.

use super::hooks::{Fate, Hook, Signer};
use super::serve::org_of;
use super::shape::Message;
use super::vapi::stamp;
use super::{Sandbox, clock::plus_seconds};
use crate::sandbox::hooks::Outbox;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// LIMIT: keys that are remembered; beyond it, all are forgotten at once.
const KEYS_MAX: usize = 200_000;

/// The e-mails sent so far.
#[derive(Debug, Default)]
pub struct Mailbox {
    by_key: HashMap<String, (String, Vec<u8>)>,
    pub sent: u64,
    pub repeated: u64,
    pub outcomes: BTreeMap<String, u64>,
}

enum Filed {
    New(String),
    Repeated(String),
    Conflict,
}

impl Mailbox {
    fn file(&mut self, key: Option<&str>, body: &[u8]) -> Filed {
        if let Some((id, first)) = key.and_then(|key| self.by_key.get(key)) {
            if first.as_slice() != body {
                return Filed::Conflict;
            }
            self.repeated += 1;
            return Filed::Repeated(id.clone());
        }
        let id = uuid::Uuid::new_v4().to_string();
        if self.by_key.len() >= KEYS_MAX {
            self.by_key.clear();
        }
        if let Some(key) = key {
            self.by_key.insert(key.to_owned(), (id.clone(), body.to_vec()));
        }
        self.sent += 1;
        Filed::New(id)
    }
}

/// `POST /emails`
pub async fn send(
    State(sandbox): State<Arc<Sandbox>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if org_of(&sandbox, &headers).is_none() {
        return refused(401, "missing_api_key", "Missing API key in the authorization header");
    }
    let Ok(email) = serde_json::from_slice::<Value>(&body) else {
        return refused(400, "validation_error", "The body is not JSON");
    };
    let Some(recipient) = recipient(&email) else {
        return refused(422, "missing_required_field", "Missing `from`, `to` or `subject` field.");
    };
    let key = headers.get("idempotency-key").and_then(|key| key.to_str().ok());
    match sandbox.with_mailbox(|mailbox| mailbox.file(key, &body)) {
        Filed::Conflict => refused(409, "invalid_idempotent_request", "Same key, other payload"),
        Filed::Repeated(id) => Json(json!({ "id": id })).into_response(),
        Filed::New(id) => {
            sandbox.note_email("email", &id, &recipient, key, None);
            tokio::spawn(deliver(Arc::clone(&sandbox), id.clone(), recipient, email));
            Json(json!({ "id": id })).into_response()
        }
    }
}

fn recipient(email: &Value) -> Option<String> {
    let to = email["to"].as_str().or_else(|| email["to"][0].as_str())?;
    let complete = email["from"].is_string() && email["subject"].is_string() && to.contains('@');
    complete.then(|| to.to_owned())
}

async fn deliver(sandbox: Arc<Sandbox>, id: String, recipient: String, email: Value) {
    let fate = Fate { seed: sandbox.options.seed, number: recipient.clone(), nth: 1 };
    let faults = sandbox.faults_for(&recipient);
    let seconds = 1.0 + 4.0 * fate.dice().roll("delivery");
    // One address in twenty does not exist, and so does every one that says so.
    let bounces = recipient.starts_with("bounce") || fate.dice().happens("bounce", 0.05);
    let secret = sandbox.options.email_webhook_secret.clone();
    let signer = secret.map_or(Signer::None, Signer::Svix);
    let lane = Outbox::lane(&sandbox.outbox, signer, faults, fate);
    let last = if bounces { "email.bounced" } else { "email.delivered" };
    for (kind, is_final) in [("email.sent", false), (last, true)] {
        let at = sandbox.clock.now();
        if let Some(url) = sandbox.options.email_webhook_url.clone() {
            let body = event(kind, &id, &recipient, &email, &stamp(at));
            let message = Message::json(kind, &body, is_final);
            drop(lane.send(Hook { url, message }).await);
        }
        if !is_final {
            sandbox.clock.sleep_until(plus_seconds(at, seconds)).await;
        }
    }
    sandbox.with_mailbox(|mailbox| *mailbox.outcomes.entry(last.to_owned()).or_default() += 1);
    sandbox.note_email("email_ended", &id, &recipient, None, Some(last));
}

fn event(kind: &str, id: &str, recipient: &str, email: &Value, at: &str) -> Value {
    let mut data = json!({
        "email_id": id,
        "from": email["from"],
        "to": [recipient],
        "subject": email["subject"],
        "created_at": at,
        "tags": tags(email),
    });
    if kind == "email.bounced" {
        data["bounce"] = json!({"type": "Permanent", "subType": "NoEmail", "message": "unknown"});
    }
    json!({"type": kind, "created_at": at, "data": data})
}

/// Tags come as a list and are reported as an object.
fn tags(email: &Value) -> Map<String, Value> {
    let list = email["tags"].as_array().into_iter().flatten();
    list.filter_map(|tag| Some((tag["name"].as_str()?.to_owned(), tag["value"].clone()))).collect()
}

fn refused(status: u16, name: &str, message: &str) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    let body = json!({"statusCode": status, "name": name, "message": message});
    (code, Json(body)).into_response()
}
