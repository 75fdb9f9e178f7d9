//! Retell's HTTP, as much of it as a campaign needs: create, get, list by metadata, stop, and
//! webhooks signed as Retell signs.

use super::hooks::Signer;
use super::ledger::{CallRecord, Order, Status, disposition_of};
use super::serve::org_of;
use super::shape::{self, Course, Message, Shape, is_e164, is_hidden, shown};
use super::{Options, Refusal, Sandbox};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

type Shared = State<Arc<Sandbox>>;

/// LIMIT: calls in one answer of the list, as the real one.
const LIST_MAX: u64 = 1000;

#[derive(Debug)]
pub struct Retell;

impl Shape for Retell {
    fn name(&self) -> &'static str {
        "retell"
    }

    fn accepted(&self, _sandbox: &Sandbox, call: &CallRecord) -> Response {
        (StatusCode::CREATED, Json(object(call))).into_response()
    }

    fn refused(&self, _sandbox: &Sandbox, refusal: Refusal) -> Response {
        match refusal {
            Refusal::OverRate { .. } => error(429, "Account rate limited, please throttle"),
            Refusal::OverLimit(_) => error(400, "Concurrency limit reached"),
        }
    }

    fn server_error(&self) -> Response {
        error(500, "An unexpected server error occurred.")
    }

    /// A call that never connected has no call_started; the analysis comes apart from the end.
    fn messages(&self, _sandbox: &Sandbox, call: &CallRecord) -> Vec<Message> {
        let message = |event: &'static str, call: &Value, is_final| {
            Message::json(event, &json!({"event": event, "call": call}), is_final)
        };
        let whole = object(call);
        match call.status {
            Status::InProgress => vec![message("call_started", &whole, false)],
            Status::Ended => {
                let mut plain = whole.clone();
                plain.as_object_mut().map(|members| members.remove("call_analysis"));
                vec![message("call_ended", &plain, false), message("call_analyzed", &whole, true)]
            }
            _ => Vec::new(),
        }
    }

    fn signer(&self, options: &Options) -> Signer {
        options.webhook_secret.clone().map_or(Signer::None, Signer::Retell)
    }
}

fn reason(call: &CallRecord) -> &'static str {
    match Course::of(call) {
        Course::Conversation => "user_hangup",
        Course::Machine => "voicemail_reached",
        Course::NoAnswer => "dial_no_answer",
        Course::Busy => "dial_busy",
        Course::Cancelled => "manual_stopped",
        Course::NoSuchNumber => "invalid_destination",
        Course::NotConnected => "dial_failed",
        Course::BrokenOff => "error_unknown",
    }
}

/// `POST /v2/create-phone-call`
pub async fn place(State(sandbox): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match order(&org, &body) {
        Ok(order) => shape::take(sandbox, order).await,
        Err(problem) => error(400, &problem),
    }
}

fn order(org: &str, body: &[u8]) -> Result<Order, String> {
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    for name in ["from_number", "to_number"] {
        if !value[name].as_str().is_some_and(is_e164) {
            return Err(format!("{name} is not a valid E.164 number"));
        }
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(Order {
        shape: &Retell,
        org: org.to_owned(),
        number: text(&value["to_number"]).unwrap_or_default(),
        attempt_id: text(&value["metadata"]["attempt_id"]),
        hook_url: text(&value["agent_override"]["agent"]["webhook_url"]),
        shown: json!({"metadata": value["metadata"], "from_number": value["from_number"],
            "agent_id": value["override_agent_id"]}),
    })
}

fn object(call: &CallRecord) -> Value {
    let status = match call.status {
        Status::Queued | Status::Ringing => "registered",
        Status::InProgress => "ongoing",
        Status::Ended if call.started_at.is_some() => "ended",
        Status::Ended => "not_connected",
    };
    let mut value = json!({
        "call_id": call.id,
        "call_type": "phone_call",
        "call_status": status,
        "agent_id": call.order.shown["agent_id"].as_str().unwrap_or("agent"),
        "agent_version": 0,
        "direction": "outbound",
        "from_number": call.order.shown["from_number"],
        "to_number": call.order.number,
        "metadata": call.order.shown["metadata"],
        "start_timestamp": call.created_at.timestamp_millis(),
    });
    if let Some(ended_at) = call.ended_at {
        let begun = call.started_at.unwrap_or(ended_at);
        value["end_timestamp"] = json!(ended_at.timestamp_millis());
        value["duration_ms"] = json!((ended_at - begun).num_milliseconds());
        value["disconnection_reason"] = json!(reason(call));
        let label = disposition_of(call).map(|label| json!({"disposition": label}));
        value["call_analysis"] = json!({"custom_analysis_data": label.unwrap_or(json!({}))});
    }
    value
}

/// `GET /v2/get-call/{id}`
pub async fn get(State(sandbox): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match shown(&sandbox, &Retell, &org, &id) {
        Some(call) => Json(object(&call)).into_response(),
        None => unknown(),
    }
}

/// `POST /v2/stop-call/{id}`
pub async fn stop(State(sandbox): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match shown(&sandbox, &Retell, &org, &id) {
        Some(call) => {
            call.hang_up.cancel();
            StatusCode::NO_CONTENT.into_response()
        }
        None => unknown(),
    }
}

/// `POST /v3/list-calls`: by metadata and by the time of the start.
pub async fn list(State(sandbox): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let Ok(asked) = serde_json::from_slice::<Value>(&body) else {
        return error(400, "Invalid request format");
    };
    let criteria = &asked["filter_criteria"];
    let fits = |call: &CallRecord| {
        let filters = criteria["metadata"].as_array().into_iter().flatten();
        let mut filters = filters.map(|filter| {
            let name = filter["key"].as_str().unwrap_or_default();
            call.order.shown["metadata"][name] == filter["value"]
        });
        let begun = call.created_at.timestamp_millis();
        let between = &criteria["start_timestamp"]["value"];
        let inside = between[0].as_i64().is_none_or(|from| begun >= from)
            && between[1].as_i64().is_none_or(|until| begun <= until);
        inside && filters.all(|fits| fits)
    };
    let limit = asked["limit"].as_u64().unwrap_or(50).min(LIST_MAX) as usize;
    let items = sandbox.with_ledger(|ledger| {
        let calls = ledger.made(&org, &Retell, None, None);
        let shown = calls.filter(|call| fits(call) && !is_hidden(&sandbox, call));
        shown.take(limit).map(object).collect::<Vec<Value>>()
    });
    Json(json!({"items": items, "has_more": false})).into_response()
}

/// `GET /get-concurrency`
pub async fn concurrency(State(sandbox): Shared, headers: HeaderMap) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let live = sandbox.with_ledger(|ledger| ledger.live_of(&org));
    let limit = sandbox.options.max_concurrent;
    Json(json!({"current_concurrency": live, "concurrency_limit": limit})).into_response()
}

fn error(status: u16, message: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(json!({"status": "error", "message": message}))).into_response()
}

fn unauthorised() -> Response {
    error(401, "API key is missing or invalid.")
}

fn unknown() -> Response {
    error(422, "Cannot find requested asset under given api key.")
}
