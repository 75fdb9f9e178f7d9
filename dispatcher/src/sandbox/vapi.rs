//! The voice provider's HTTP: place, list, look up, delete and hang up calls.
//!
//! Requests are checked as strictly as the real one does, so that a wrong request fails here first.

use super::hooks::Signer;
use super::ledger::{CallRecord, Order, Status, disposition_of};
use super::options::{Options, OverLimitStyle};
use super::serve::org_of;
use super::shape::{self, Message, Shape, is_e164, is_hidden};
use super::{Refusal, Sandbox};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type Shared = State<Arc<Sandbox>>;

/// LIMIT: calls in one answer of the list, as the real one.
const LIST_MAX: usize = 1000;

/// `POST /call`
pub async fn place(State(sandbox): Shared, headers: HeaderMap, body: Bytes) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let order = match order(&org, &body) {
        Ok(order) => order,
        Err(problems) => return bad_request(&problems),
    };
    shape::take(sandbox, order).await
}

/// Its way of speaking.
#[derive(Debug)]
pub struct Vapi;

impl Shape for Vapi {
    fn name(&self) -> &'static str {
        "vapi"
    }

    fn accepted(&self, sandbox: &Sandbox, call: &CallRecord) -> Response {
        (StatusCode::CREATED, Json(accepted(sandbox, call))).into_response()
    }

    fn refused(&self, sandbox: &Sandbox, refusal: Refusal) -> Response {
        match refusal {
            Refusal::OverRate { after_seconds } => {
                let body = json!({"message": "Rate limit exceeded", "statusCode": 429});
                let after = [("retry-after", (after_seconds.ceil().max(1.0) as u64).to_string())];
                (StatusCode::TOO_MANY_REQUESTS, after, Json(body)).into_response()
            }
            Refusal::OverLimit(order) => match sandbox.options.over_limit_style {
                OverLimitStyle::Error => {
                    let body = json!({"error": "Over Concurrency Limit"});
                    (StatusCode::BAD_REQUEST, Json(body)).into_response()
                }
                OverLimitStyle::Blocked => {
                    (StatusCode::CREATED, Json(blocked(sandbox, &order))).into_response()
                }
            },
        }
    }

    fn server_error(&self) -> Response {
        let body = json!({"message": "Internal server error", "statusCode": 500});
        (StatusCode::INTERNAL_SERVER_ERROR, Json(body)).into_response()
    }

    fn messages(&self, sandbox: &Sandbox, call: &CallRecord) -> Vec<Message> {
        let update = status_update(sandbox, call);
        let mut messages = vec![Message::json("status-update", &update, false)];
        if call.status == Status::Ended {
            let report = final_report(sandbox, call);
            messages.push(Message::json("end-of-call-report", &report, true));
        }
        messages
    }

    fn signer(&self, options: &Options) -> Signer {
        Signer::new(options.webhook_auth, options.webhook_secret.as_deref())
    }
}

fn order(org: &str, body: &[u8]) -> Result<Order, Vec<String>> {
    let value: Value =
        serde_json::from_slice(body).map_err(|error| vec![format!("body: {error}")])?;
    let mut problems = Vec::new();
    check_members(&value, &mut problems);
    check_customer(&value["customer"], &mut problems);
    check_length(&value["name"], "name", 40, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let overrides = &value["assistantOverrides"];
    let customer = &value["customer"];
    let attempt_id = text(&overrides["metadata"]["attempt_id"]);
    Ok(Order {
        shape: &Vapi,
        org: org.to_owned(),
        number: text(&customer["number"]).unwrap_or_default(),
        attempt_id: attempt_id.or_else(|| text(&customer["externalId"])),
        hook_url: text(&overrides["server"]["url"]),
        shown: json!({
            "name": value["name"],
            "assistantId": value["assistantId"],
            "phoneNumberId": value["phoneNumberId"],
            "customer": customer,
            "assistantOverrides": {"metadata": overrides["metadata"]},
        }),
    })
}

fn check_members(value: &Value, problems: &mut Vec<String>) {
    const KNOWN: [&str; 18] = [
        "assistantId",
        "assistantVersion",
        "assistant",
        "assistantOverrides",
        "squadId",
        "squad",
        "squadOverrides",
        "workflowId",
        "workflow",
        "workflowOverrides",
        "phoneNumberId",
        "phoneNumber",
        "customerId",
        "customer",
        "customers",
        "name",
        "schedulePlan",
        "transport",
    ];
    let Some(members) = value.as_object() else {
        problems.push("body must be an object".to_owned());
        return;
    };
    for name in members.keys().filter(|name| !KNOWN.contains(&name.as_str())) {
        problems.push(format!("property {name} should not exist"));
    }
    let one_of = |names: &[&str]| names.iter().any(|name| !value[*name].is_null());
    if !one_of(&["assistantId", "assistant", "squadId", "squad", "workflowId", "workflow"]) {
        problems.push("assistantId, squadId or workflowId must be given".to_owned());
    }
    if !one_of(&["phoneNumberId", "phoneNumber"]) {
        problems.push("phoneNumberId must be given".to_owned());
    }
}

fn check_customer(customer: &Value, problems: &mut Vec<String>) {
    match customer["number"].as_str() {
        None => problems.push("customer.number must be given".to_owned()),
        Some(number) if !is_e164(number) => {
            problems
                .push("customer.number must be a valid phone number in the E.164 format".into());
        }
        Some(_) => (),
    }
    for name in ["name", "email", "externalId"] {
        check_length(&customer[name], &format!("customer.{name}"), 40, problems);
    }
}

fn check_length(value: &Value, name: &str, max: usize, problems: &mut Vec<String>) {
    if value.as_str().is_some_and(|text| text.chars().count() > max) {
        problems.push(format!("{name} must be shorter than or equal to {max} characters"));
    }
}

/// What a list may be narrowed by.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    created_at_ge: Option<DateTime<Utc>>,
    created_at_le: Option<DateTime<Utc>>,
    limit: Option<usize>,
}

/// `GET /call`
pub async fn list(
    State(sandbox): Shared,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let limit = query.limit.unwrap_or(100).min(LIST_MAX);
    let calls = sandbox.with_ledger(|ledger| {
        let found = ledger.made(&org, &Vapi, query.created_at_ge, query.created_at_le);
        let shown = found.take(limit).filter(|call| !is_hidden(&sandbox, call));
        shown.map(|call| object(&sandbox, call)).collect::<Vec<Value>>()
    });
    Json(calls).into_response()
}

/// `GET /call/{id}`
pub async fn get(State(sandbox): Shared, headers: HeaderMap, Path(id): Path<String>) -> Response {
    match find(&sandbox, &headers, &id) {
        Ok(call) if is_hidden(&sandbox, &call) => not_found(),
        Ok(call) => Json(object(&sandbox, &call)).into_response(),
        Err(answer) => *answer,
    }
}

/// `DELETE /call/{id}`
pub async fn delete(
    State(sandbox): Shared,
    headers: HeaderMap,
    Path(id): Path<String>,
) -> Response {
    match find(&sandbox, &headers, &id) {
        Ok(call) => {
            call.hang_up.cancel();
            Json(object(&sandbox, &call)).into_response()
        }
        Err(answer) => *answer,
    }
}

/// `POST /control/{id}`, the `monitor.controlUrl` of a call: knowing it is the permission.
pub async fn control(
    State(sandbox): Shared,
    Path(id): Path<String>,
    Json(order): Json<Value>,
) -> Response {
    if order["type"] != "end-call" {
        return bad_request(&["type must be end-call".to_owned()]);
    }
    match sandbox.with_ledger(|ledger| ledger.call(&id).cloned()) {
        Some(call) => {
            call.hang_up.cancel();
            Json(json!({"success": true})).into_response()
        }
        None => not_found(),
    }
}

fn find(sandbox: &Sandbox, headers: &HeaderMap, id: &str) -> Result<CallRecord, Box<Response>> {
    let org = org_of(sandbox, headers).ok_or_else(|| Box::new(unauthorised()))?;
    let call = sandbox.with_ledger(|ledger| ledger.call(id).cloned());
    call.filter(|call| call.order.org == org).ok_or_else(|| Box::new(not_found()))
}

fn accepted(sandbox: &Sandbox, call: &CallRecord) -> Value {
    let live = sandbox.with_ledger(|ledger| ledger.live_of(&call.order.org));
    let limit = sandbox.options.max_concurrent;
    let mut value = object(sandbox, call);
    value["subscriptionLimits"] = json!({
        "concurrencyBlocked": false,
        "concurrencyLimit": limit,
        "remainingConcurrentCalls": limit.saturating_sub(live),
    });
    value
}

fn blocked(sandbox: &Sandbox, order: &Order) -> Value {
    let now = stamp(sandbox.clock.now());
    json!({
        "id": uuid::Uuid::new_v4(),
        "orgId": order.org,
        "type": "outboundPhoneCall",
        "status": "ended",
        "endedReason": "call.start.error-subscription-concurrency-limit-reached",
        "createdAt": now,
        "updatedAt": now,
        "endedAt": now,
        "name": order.shown["name"],
        "customer": order.shown["customer"],
        "assistantOverrides": order.shown["assistantOverrides"],
        "subscriptionLimits": {
            "concurrencyBlocked": true,
            "concurrencyLimit": sandbox.options.max_concurrent,
            "remainingConcurrentCalls": 0,
        },
    })
}

/// A call as the provider shows it.
pub fn object(sandbox: &Sandbox, call: &CallRecord) -> Value {
    let mut value = json!({
        "id": call.id,
        "orgId": call.order.org,
        "type": "outboundPhoneCall",
        "status": status_word(call.status),
        "createdAt": stamp(call.created_at),
        "updatedAt": stamp(call.updated_at),
        "name": call.order.shown["name"],
        "assistantId": call.order.shown["assistantId"],
        "phoneNumberId": call.order.shown["phoneNumberId"],
        "customer": call.order.shown["customer"],
        "assistantOverrides": call.order.shown["assistantOverrides"],
        "monitor": {"controlUrl": format!("{}/control/{}", sandbox.own_url, call.id)},
    });
    if let Some(started_at) = call.started_at {
        value["startedAt"] = json!(stamp(started_at));
    }
    if let (Some(ended_at), Some(reason)) = (call.ended_at, &call.ended_reason) {
        value["endedAt"] = json!(stamp(ended_at));
        value["endedReason"] = json!(reason);
        value["analysis"] = analysis(call);
    }
    value
}

/// What an assistant finds out about a number, told beside what became of the call.
const CLASSIFICATIONS: [&str; 3] = ["human", "ivr_only", "ivr_then_human"];

fn analysis(call: &CallRecord) -> Value {
    match disposition_of(call) {
        Some(found) if CLASSIFICATIONS.contains(&found) => {
            json!({"structuredData": {"classification": found}})
        }
        Some(disposition) => json!({"structuredData": {"disposition": disposition}}),
        None => json!({}),
    }
}

/// A `status-update` about the call as it is now.
pub fn status_update(sandbox: &Sandbox, call: &CallRecord) -> Value {
    let mut message = message(sandbox, call, "status-update");
    message["status"] = json!(status_word(call.status));
    if let Some(reason) = &call.ended_reason {
        message["endedReason"] = json!(reason);
    }
    json!({ "message": message })
}

/// The `end-of-call-report` of an ended call.
pub fn final_report(sandbox: &Sandbox, call: &CallRecord) -> Value {
    let mut message = message(sandbox, call, "end-of-call-report");
    message["endedReason"] = json!(call.ended_reason);
    message["startedAt"] = json!(call.started_at.map(stamp));
    message["endedAt"] = json!(call.ended_at.map(stamp));
    if let (Some(started_at), Some(ended_at)) = (call.started_at, call.ended_at) {
        message["durationSeconds"] = json!((ended_at - started_at).as_seconds_f64());
    }
    message["analysis"] = analysis(call);
    message["artifact"] = json!({"transcript": ""});
    json!({ "message": message })
}

fn message(sandbox: &Sandbox, call: &CallRecord, kind: &str) -> Value {
    json!({
        "type": kind,
        "timestamp": call.updated_at.timestamp_millis(),
        "call": object(sandbox, call),
        "customer": call.order.shown["customer"],
    })
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Ringing => "ringing",
        Status::InProgress => "in-progress",
        Status::Ended => "ended",
    }
}

pub fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn bad_request(problems: &[String]) -> Response {
    let body = json!({"message": problems, "error": "Bad Request", "statusCode": 400});
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}

fn unauthorised() -> Response {
    let body = json!({"message": "Invalid Key.",
        "error": "Unauthorized", "statusCode": 401});
    (StatusCode::UNAUTHORIZED, Json(body)).into_response()
}

fn not_found() -> Response {
    let body = json!({"message": "Call not found.", "error": "Not Found", "statusCode": 404});
    (StatusCode::NOT_FOUND, Json(body)).into_response()
}
