//! ElevenLabs Agents' HTTP, as much of it as a campaign needs: begin a call over Twilio or a SIP
//! trunk, conversations by id, by user and by time, and the workspace's one webhook.
//!
//! A call that nobody took is no conversation that came to anything: only its webhook tells of it,
//! and there is no way to hang up.

use super::hooks::Signer;
use super::ledger::{CallRecord, Order, Status, disposition_of};
use super::serve::org_of;
use super::shape::{self, Course, Message, Shape, is_e164, is_hidden, shown};
use super::{Options, Refusal, Sandbox};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::DateTime;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type Shared = State<Arc<Sandbox>>;

/// LIMIT: conversations in one answer of the list, as the real one.
const LIST_MAX: usize = 100;

#[derive(Debug)]
pub struct ElevenLabs;

impl Shape for ElevenLabs {
    fn name(&self) -> &'static str {
        "elevenlabs"
    }

    fn new_id(&self) -> String {
        format!("conv_{}", uuid::Uuid::new_v4().simple())
    }

    fn accepted(&self, _sandbox: &Sandbox, call: &CallRecord) -> Response {
        let body = json!({"success": true, "message": "Call initiated",
            "conversation_id": call.id, "callSid": format!("CA{}", call.nth)});
        Json(body).into_response()
    }

    fn refused(&self, _sandbox: &Sandbox, refusal: Refusal) -> Response {
        match refusal {
            Refusal::OverRate { .. } => error(429, "system_busy"),
            Refusal::OverLimit(_) => error(429, "too_many_concurrent_requests"),
        }
    }

    fn server_error(&self) -> Response {
        error(500, "internal_server_error")
    }

    fn messages(&self, sandbox: &Sandbox, call: &CallRecord) -> Vec<Message> {
        if call.status != Status::Ended {
            return Vec::new();
        }
        let (kind, data) = match failure(call) {
            Some((reason, code)) => {
                let mut data = ids(call);
                data["failure_reason"] = json!(reason);
                data["metadata"] = json!({"type": "sip", "body": {"sip_status_code": code}});
                ("call_initiation_failure", data)
            }
            None => ("post_call_transcription", conversation(call)),
        };
        let at = sandbox.clock.now().timestamp();
        let body = json!({"type": kind, "event_timestamp": at, "data": data});
        vec![Message::json(kind, &body, true)]
    }

    fn signer(&self, options: &Options) -> Signer {
        options.webhook_secret.clone().map_or(Signer::None, Signer::ElevenLabs)
    }
}

/// Why a call could not be begun; none where somebody or something took it.
fn failure(call: &CallRecord) -> Option<(&'static str, u16)> {
    match Course::of(call) {
        Course::Conversation | Course::Machine | Course::BrokenOff => None,
        Course::NoAnswer => Some(("no-answer", 480)),
        Course::Busy => Some(("busy", 486)),
        Course::Cancelled => Some(("unknown", 487)),
        Course::NoSuchNumber => Some(("unknown", 404)),
        Course::NotConnected => Some(("unknown", 503)),
    }
}

/// `POST /v1/convai/twilio/outbound-call` and `POST /v1/convai/sip-trunk/outbound-call`
pub async fn place(State(sandbox): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match order(&org, &sandbox.options, &body) {
        Ok(order) => shape::take(sandbox, order).await,
        Err(place) => {
            let body = json!({"detail": [{"loc": ["body", place], "msg": "not valid"}]});
            (StatusCode::UNPROCESSABLE_ENTITY, Json(body)).into_response()
        }
    }
}

/// The order, or the member that is wrong.
fn order(org: &str, options: &Options, body: &[u8]) -> Result<Order, &'static str> {
    let value: Value = serde_json::from_slice(body).map_err(|_| "body")?;
    for name in ["agent_id", "agent_phone_number_id"] {
        if !value[name].is_string() {
            return Err(name);
        }
    }
    let number = value["to_number"].as_str().filter(|number| is_e164(number)).ok_or("to_number")?;
    let client = &value["conversation_initiation_client_data"];
    Ok(Order {
        shape: &ElevenLabs,
        org: org.to_owned(),
        number: number.to_owned(),
        attempt_id: client["user_id"].as_str().map(str::to_owned),
        hook_url: options.workspace_webhook_url.clone(),
        shown: json!({"agent_id": value["agent_id"], "client": client}),
    })
}

fn ids(call: &CallRecord) -> Value {
    json!({
        "agent_id": call.order.shown["agent_id"],
        "conversation_id": call.id,
        "user_id": call.order.shown["client"]["user_id"],
        "conversation_initiation_client_data": call.order.shown["client"],
    })
}

fn conversation(call: &CallRecord) -> Value {
    let status = match call.status {
        Status::Queued | Status::Ringing => "initiated",
        Status::InProgress => "in-progress",
        Status::Ended if call.started_at.is_none() => "initiated",
        Status::Ended if Course::of(call) == Course::BrokenOff => "failed",
        Status::Ended => "done",
    };
    let begun = call.started_at.unwrap_or(call.created_at);
    let length = call.ended_at.map_or(0, |ended_at| (ended_at - begun).num_seconds());
    let machine = call.status == Status::Ended && Course::of(call) == Course::Machine;
    let mut value = ids(call);
    value["status"] = json!(status);
    value["metadata"] = json!({
        "start_time_unix_secs": begun.timestamp(),
        "call_duration_secs": length,
        "phone_call": {"direction": "outbound", "external_number": call.order.number},
        "features_usage": {"voicemail_detection": {"enabled": true, "used": machine}},
    });
    if let Some(label) = disposition_of(call) {
        value["analysis"] = json!({"data_collection_results": {"disposition": {"value": label}}});
    }
    value
}

/// What a list may be narrowed by.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    user_id: Option<String>,
    call_start_after_unix: Option<i64>,
    call_start_before_unix: Option<i64>,
    page_size: Option<usize>,
}

/// `GET /v1/convai/conversations`
pub async fn list(
    State(sandbox): Shared,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let instant = |unix: Option<i64>| unix.and_then(|unix| DateTime::from_timestamp(unix, 0));
    let from = instant(query.call_start_after_unix);
    let until = instant(query.call_start_before_unix);
    let limit = query.page_size.unwrap_or(30).min(LIST_MAX);
    let rows: Vec<Value> = sandbox.with_ledger(|ledger| {
        let made = ledger.made(&org, &ElevenLabs, from, until);
        let of_user = made.filter(|call| {
            let user = &call.order.shown["client"]["user_id"];
            query.user_id.as_ref().is_none_or(|stated| user == stated.as_str())
        });
        let seen = of_user.filter(|call| !is_hidden(&sandbox, call)).take(limit);
        seen.map(|call| json!({"conversation_id": call.id, "agent_id": "a"})).collect()
    });
    Json(json!({"conversations": rows, "has_more": false})).into_response()
}

/// `GET /v1/convai/conversations/{id}`
pub async fn get(State(sandbox): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match shown(&sandbox, &ElevenLabs, &org, &id) {
        Some(call) => Json(conversation(&call)).into_response(),
        None => error(404, "conversation_not_found"),
    }
}

fn error(status: u16, word: &str) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (code, Json(json!({"detail": {"status": word, "message": word}}))).into_response()
}

fn unauthorised() -> Response {
    error(401, "invalid_api_key")
}
