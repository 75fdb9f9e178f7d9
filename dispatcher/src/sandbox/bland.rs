//! Calls as Bland speaks of them: one webhook after the end, and lists without metadata.
//!
//! Requests are checked as strictly as the real one does: it refuses what it does not know.

use super::hooks::Signer;
use super::ledger::{CallRecord, Order, Status, disposition_of};
use super::serve::org_of;
use super::shape::{self, Course, Message, Shape, is_e164, is_hidden, shown};
use super::vapi::stamp;
use super::{Options, Refusal, Sandbox};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type Shared = State<Arc<Sandbox>>;

/// LIMIT: calls in one answer of the list.
const LIST_MAX: usize = 1000;

/// Its way of speaking.
#[derive(Debug)]
pub struct Bland;

impl Shape for Bland {
    fn name(&self) -> &'static str {
        "bland"
    }

    fn accepted(&self, _sandbox: &Sandbox, call: &CallRecord) -> Response {
        let body = json!({"status": "success", "message": "Call successfully queued.",
            "call_id": call.id, "batch_id": null});
        Json(body).into_response()
    }

    fn refused(&self, _sandbox: &Sandbox, refusal: Refusal) -> Response {
        let message = match refusal {
            Refusal::OverRate { .. } => "Rate limit exceeded",
            Refusal::OverLimit(_) => "Rate limit exceeded: too many calls at once",
        };
        error(429, message)
    }

    fn server_error(&self) -> Response {
        error(500, "Internal server error")
    }

    fn messages(&self, _sandbox: &Sandbox, call: &CallRecord) -> Vec<Message> {
        match call.status {
            Status::Ended => vec![Message::json("call", &details(call), true)],
            _ => Vec::new(),
        }
    }

    fn signer(&self, options: &Options) -> Signer {
        options.webhook_secret.clone().map_or(Signer::None, Signer::Body)
    }
}

/// `POST /v1/calls`
pub async fn place(State(sandbox): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match order(&org, &body) {
        Ok(order) => shape::take(sandbox, order).await,
        Err(problem) => error(400, &problem),
    }
}

fn order(org: &str, body: &[u8]) -> Result<Order, String> {
    const KNOWN: [&str; 22] = [
        "phone_number",
        "task",
        "pathway_id",
        "pathway_version",
        "persona_id",
        "from",
        "dialing_strategy",
        "timezone",
        "start_time",
        "max_duration",
        "voicemail",
        "retry",
        "request_data",
        "metadata",
        "webhook",
        "webhook_events",
        "record",
        "wait_for_greeting",
        "dispositions",
        "summary_prompt",
        "first_sentence",
        "voice",
    ];
    let value: Value = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let members = value.as_object().ok_or("the body must be an object")?;
    if let Some(name) = members.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        return Err(format!("Unrecognized property: {name}"));
    }
    let number = value["phone_number"].as_str().unwrap_or("");
    if !is_e164(number) {
        return Err("Invalid phone number provided".to_owned());
    }
    if !["task", "pathway_id", "persona_id"].iter().any(|name| value[*name].is_string()) {
        return Err("task, pathway_id or persona_id is required".to_owned());
    }
    if !matches!(&value["max_duration"], Value::Null) && !value["max_duration"].is_number() {
        return Err("max_duration must be a number of minutes".to_owned());
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    Ok(Order {
        shape: &Bland,
        org: org.to_owned(),
        number: number.to_owned(),
        attempt_id: text(&value["metadata"]["attempt_id"]),
        hook_url: text(&value["webhook"]),
        shown: json!({"from": value["from"], "metadata": value["metadata"],
            "request_data": value["request_data"]}),
    })
}

/// What a list may be narrowed by.
#[derive(Debug, Deserialize)]
pub struct ListQuery {
    to_number: Option<String>,
    start_date: Option<DateTime<Utc>>,
    end_date: Option<DateTime<Utc>>,
    limit: Option<usize>,
    from: Option<usize>,
    ascending: Option<bool>,
}

/// `GET /v1/calls`
pub async fn list(
    State(sandbox): Shared,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let mut rows: Vec<Value> = sandbox.with_ledger(|ledger| {
        let made = ledger.made(&org, &Bland, query.start_date, query.end_date);
        let to =
            |call: &&CallRecord| query.to_number.as_ref().is_none_or(|n| call.order.number == *n);
        made.filter(to).filter(|call| !is_hidden(&sandbox, call)).map(row).collect()
    });
    if query.ascending == Some(true) {
        rows.reverse();
    }
    let limit = query.limit.unwrap_or(LIST_MAX).min(LIST_MAX);
    let page: Vec<Value> = rows.into_iter().skip(query.from.unwrap_or(0)).take(limit).collect();
    Json(json!({"count": page.len(), "calls": page})).into_response()
}

/// `GET /v1/calls/{id}`
pub async fn get(State(sandbox): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match shown(&sandbox, &Bland, &org, &id) {
        Some(call) => Json(details(&call)).into_response(),
        None => error(404, "Call not found"),
    }
}

/// `POST /v1/calls/{id}/stop`
pub async fn stop(State(sandbox): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match shown(&sandbox, &Bland, &org, &id) {
        Some(call) => {
            call.hang_up.cancel();
            Json(json!({"status": "success", "message": "Call ended successfully."}))
                .into_response()
        }
        None => error(404, "Call not found"),
    }
}

/// A call as it is listed: without metadata.
fn row(call: &CallRecord) -> Value {
    let queue = match call.status {
        Status::Queued => "queued",
        Status::Ringing | Status::InProgress => "started",
        Status::Ended => "complete",
    };
    let mut row = json!({
        "call_id": call.id,
        "to": call.order.number,
        "from": call.order.shown["from"],
        "created_at": stamp(call.created_at),
        "queue_status": queue,
        "completed": call.status == Status::Ended,
        "inbound": false,
    });
    if let Some(ended_at) = call.ended_at {
        add_end(&mut row, call, ended_at);
    }
    row
}

fn add_end(row: &mut Value, call: &CallRecord, ended_at: DateTime<Utc>) {
    let (status, answered_by, error) = match Course::of(call) {
        Course::Conversation => ("completed", json!("human"), Value::Null),
        Course::Machine => ("completed", json!("voicemail"), Value::Null),
        Course::NoAnswer => ("no-answer", json!("no-answer"), Value::Null),
        Course::Busy => ("busy", Value::Null, Value::Null),
        Course::Cancelled => ("canceled", Value::Null, Value::Null),
        Course::NoSuchNumber => ("failed", Value::Null, json!("Number not found (SIP 404)")),
        Course::NotConnected => ("failed", Value::Null, json!("Unable to start call")),
        Course::BrokenOff => ("failed", json!("human"), json!("database error")),
    };
    row["status"] = json!(status);
    row["answered_by"] = answered_by;
    row["error_message"] = error;
    row["end_at"] = json!(stamp(ended_at));
    if let Some(started_at) = call.started_at {
        let seconds = (ended_at - started_at).as_seconds_f64();
        row["call_length"] = json!(seconds / 60.0);
        row["corrected_duration"] = json!(format!("{seconds:.0}"));
        row["concatenated_transcript"] = json!("user: hello");
    }
    if let Some(disposition) = disposition_of(call) {
        row["disposition_tag"] = json!(disposition);
    }
}

fn details(call: &CallRecord) -> Value {
    let mut value = row(call);
    value["metadata"] = call.order.shown["metadata"].clone();
    value["request_data"] = call.order.shown["request_data"].clone();
    value
}

fn error(status: u16, message: &str) -> Response {
    let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (code, Json(json!({"status": "error", "message": message}))).into_response()
}

fn unauthorised() -> Response {
    let body = json!({"data": null,
        "errors": [{"error": "AUTH_FAILURE", "message": "Invalid key"}]});
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}
