//! Telnyx Call Control's HTTP, as much of it as a campaign needs: dial, status, hang up, the events
//! of a call, and webhooks signed with Ed25519. A second dial with the same `command_id` is not
//! passed over, as the real one does: here it counts as an offence of the caller.

use super::hooks::Signer;
use super::ledger::{CallRecord, Order, Status};
use super::serve::org_of;
use super::shape::{self, Course, Message, Shape, is_e164, is_hidden, shown};
use super::vapi::stamp;
use super::{Options, Refusal, Sandbox};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

type Shared = State<Arc<Sandbox>>;

#[derive(Debug)]
pub struct Telnyx;

impl Shape for Telnyx {
    fn name(&self) -> &'static str {
        "telnyx"
    }

    fn accepted(&self, _sandbox: &Sandbox, call: &CallRecord) -> Response {
        Json(json!({"data": object(call)})).into_response()
    }

    fn refused(&self, _sandbox: &Sandbox, refusal: Refusal) -> Response {
        match refusal {
            Refusal::OverRate { .. } => error(429, "90103", "Dials per second exceeded"),
            Refusal::OverLimit(_) => error(403, "90000", "Channel limit exceeded (D1)"),
        }
    }

    fn server_error(&self) -> Response {
        error(500, "10007", "Unexpected error")
    }

    fn messages(&self, sandbox: &Sandbox, call: &CallRecord) -> Vec<Message> {
        let told = events_of(call).into_iter().filter(|(_, at, _)| *at == call.status);
        let message = |(name, _, payload): (&'static str, Status, Value)| {
            let data = json!({
                "record_type": "event",
                "event_type": name,
                "id": format!("{}:{name}", call.id),
                "occurred_at": stamp(sandbox.clock.now()),
                "payload": payload,
            });
            Message::json(name, &json!({ "data": data }), name == "call.hangup")
        };
        told.map(message).collect()
    }

    fn signer(&self, options: &Options) -> Signer {
        options.key_pair().map_or(Signer::None, |pair| Signer::Ed25519(Arc::new(pair)))
    }
}

/// The cause of an end, and the SIP response with it.
fn cause(call: &CallRecord) -> (&'static str, &'static str) {
    match Course::of(call) {
        Course::Conversation | Course::Machine | Course::BrokenOff => ("normal_clearing", "200"),
        Course::NoAnswer => ("timeout", "487"),
        Course::Busy => ("user_busy", "486"),
        Course::Cancelled => ("originator_cancel", "487"),
        Course::NoSuchNumber => ("not_found", "404"),
        Course::NotConnected => ("unspecified", "503"),
    }
}

/// All that a call can have reported by the time it is where it is, with the status at which.
fn events_of(call: &CallRecord) -> Vec<(&'static str, Status, Value)> {
    let with = |more: Value| {
        let mut payload = object(call);
        payload["to"] = json!(call.order.number);
        payload["from"] = call.order.shown["from"].clone();
        payload["start_time"] = json!(stamp(call.started_at.unwrap_or(call.created_at)));
        for (name, value) in more.as_object().into_iter().flatten() {
            payload[name] = value.clone();
        }
        payload
    };
    let mut events = vec![("call.initiated", Status::Ringing, with(json!({"state": "bridging"})))];
    if call.started_at.is_some() {
        events.push(("call.answered", Status::InProgress, with(json!({"state": "answered"}))));
        if call.order.shown["detects"] == true {
            let machine = call.plan.ended_reason == "voicemail";
            let result = if machine { "machine" } else { "human" };
            let payload = with(json!({"result": result}));
            events.push(("call.machine.detection.ended", Status::InProgress, payload));
        }
    }
    if let Some(ended_at) = call.ended_at {
        let (cause, sip) = cause(call);
        let payload = with(json!({"hangup_cause": cause, "sip_hangup_cause": sip,
            "hangup_source": "callee", "end_time": stamp(ended_at)}));
        events.push(("call.hangup", Status::Ended, payload));
    }
    events
}

/// `POST /v2/calls`
pub async fn place(State(sandbox): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match order(&org, &body) {
        Ok(order) => shape::take(sandbox, order).await,
        Err(answer) => *answer,
    }
}

fn order(org: &str, body: &[u8]) -> Result<Order, Box<Response>> {
    let refuse = |code, detail| Box::new(error(422, code, detail));
    let value: Value =
        serde_json::from_slice(body).map_err(|_| refuse("10015", "The body is not JSON"))?;
    if !value["connection_id"].is_string() {
        return Err(refuse("10004", "connection_id is missing"));
    }
    for name in ["to", "from"] {
        if !value[name].as_str().is_some_and(is_e164) {
            let mut body = problem("10016", "The phone number must be in +E164 format");
            body["errors"][0]["source"] = json!({"pointer": format!("/{name}")});
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(Box::new((status, Json(body)).into_response()));
        }
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let detects = value["answering_machine_detection"].as_str();
    Ok(Order {
        shape: &Telnyx,
        org: org.to_owned(),
        number: text(&value["to"]).unwrap_or_default(),
        attempt_id: text(&value["command_id"]),
        hook_url: text(&value["webhook_url"]),
        shown: json!({"client_state": value["client_state"], "from": value["from"],
            "connection_id": value["connection_id"],
            "detects": detects.is_some_and(|mode| mode != "disabled")}),
    })
}

fn object(call: &CallRecord) -> Value {
    let mut value = json!({
        "record_type": "call",
        "call_control_id": call.id,
        "call_leg_id": format!("leg-{}", call.id),
        "call_session_id": format!("session-{}", call.id),
        "client_state": call.order.shown["client_state"],
        "is_alive": matches!(call.status, Status::Ringing | Status::InProgress),
    });
    if let Some(ended_at) = call.ended_at {
        let begun = call.started_at.unwrap_or(ended_at);
        value["end_time"] = json!(stamp(ended_at));
        value["call_duration"] = json!((ended_at - begun).num_seconds());
    }
    value
}

/// `GET /v2/calls/{id}`
pub async fn get(State(sandbox): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match shown(&sandbox, &Telnyx, &org, &id) {
        Some(call) => Json(json!({"data": object(&call)})).into_response(),
        None => unknown(),
    }
}

/// `POST /v2/calls/{id}/actions/hangup`
pub async fn hang_up(
    State(sandbox): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match shown(&sandbox, &Telnyx, &org, &id) {
        Some(call) => {
            call.hang_up.cancel();
            Json(json!({"data": {"result": "ok"}})).into_response()
        }
        None => unknown(),
    }
}

/// `GET /v2/call_events`, by leg or by number.
pub async fn events(
    State(sandbox): Shared,
    headers: HeaderMap,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let is = |name: &str, value: &str| query.get(name).is_none_or(|stated| stated == value);
    let instant = |name: &str| query.get(name).and_then(|text| text.parse().ok());
    let (from, until) = (instant("filter[occurred_at][gte]"), instant("filter[occurred_at][lte]"));
    let rows = sandbox.with_ledger(|ledger| {
        let calls = ledger.made(&org, &Telnyx, from, until);
        let shown = calls.filter(|call| {
            is("filter[to]", &call.order.number)
                && is("filter[leg_id]", &format!("leg-{}", call.id))
                && !is_hidden(&sandbox, call)
        });
        shown.flat_map(rows_of).collect::<Vec<Value>>()
    });
    Json(json!({ "data": rows })).into_response()
}

fn rows_of(call: &CallRecord) -> Vec<Value> {
    let row = |(name, _, payload): (&str, Status, Value)| {
        json!({
            "record_type": "call_event",
            "type": "webhook",
            "name": name,
            "call_leg_id": format!("leg-{}", call.id),
            "call_session_id": format!("session-{}", call.id),
            "event_timestamp": stamp(call.updated_at),
            "metadata": {"event": {"event_type": name, "payload": payload}},
        })
    };
    events_of(call).into_iter().map(row).collect()
}

/// `GET /v2/connections/{id}/active_calls`
pub async fn active(
    State(sandbox): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let rows = sandbox.with_ledger(|ledger| {
        let calls = ledger.made(&org, &Telnyx, None, None);
        let alive = calls.filter(|call| {
            call.status != Status::Ended
                && call.order.shown["connection_id"] == id.as_str()
                && !is_hidden(&sandbox, call)
        });
        alive.map(object).collect::<Vec<Value>>()
    });
    Json(json!({ "data": rows })).into_response()
}

fn problem(code: &str, detail: &str) -> Value {
    json!({"errors": [{"code": code, "title": detail, "detail": detail}]})
}

fn error(status: u16, code: &str, detail: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(problem(code, detail))).into_response()
}

fn unauthorised() -> Response {
    error(401, "10009", "Authentication failed")
}

fn unknown() -> Response {
    error(404, "10005", "Resource not found")
}
