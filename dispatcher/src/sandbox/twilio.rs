//! Calls as Twilio speaks of them: forms in, forms out, days in lists, and the requests of a call
//! among its events. Documents are not fetched: what was said on the line is of no interest here.

use super::hooks::Signer;
use super::ledger::{CallRecord, Order, Status};
use super::serve::org_of;
use super::shape::{self, Course, Message, Shape, is_e164, is_hidden, shown};
use super::{Options, Refusal, Sandbox};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use chrono::NaiveDate;
use form_urlencoded::Serializer;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::Arc;

type Shared = State<Arc<Sandbox>>;

/// LIMIT: calls in one answer of the list.
const PAGE_MAX: usize = 1000;

/// Its way of speaking.
#[derive(Debug)]
pub struct Twilio;

impl Shape for Twilio {
    fn name(&self) -> &'static str {
        "twilio"
    }

    fn new_id(&self) -> String {
        format!("CA{}", uuid::Uuid::new_v4().simple())
    }

    fn accepted(&self, _sandbox: &Sandbox, call: &CallRecord) -> Response {
        (StatusCode::CREATED, Json(object(call))).into_response()
    }

    fn refused(&self, _sandbox: &Sandbox, refusal: Refusal) -> Response {
        match refusal {
            Refusal::OverRate { .. } => error(429, 20429, "Too many requests"),
            Refusal::OverLimit(_) => error(400, 10004, "Call concurrency limit exceeded"),
        }
    }

    fn server_error(&self) -> Response {
        error(500, 20500, "Internal server error")
    }

    fn messages(&self, _sandbox: &Sandbox, call: &CallRecord) -> Vec<Message> {
        vec![Message {
            label: "status",
            content_type: "application/x-www-form-urlencoded",
            body: callback(call).into_bytes(),
            is_final: call.status == Status::Ended,
        }]
    }

    fn signer(&self, options: &Options) -> Signer {
        options.webhook_secret.clone().map_or(Signer::None, Signer::Form)
    }
}

/// `POST /Accounts/{account}/Calls.json`
pub async fn place(
    State(sandbox): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    match order(&org, &account, &body) {
        Ok(order) => shape::take(sandbox, order).await,
        Err((code, message)) => error(400, code, message),
    }
}

fn order(org: &str, account: &str, body: &[u8]) -> Result<Order, (u32, &'static str)> {
    let fields: HashMap<String, String> = form_urlencoded::parse(body).into_owned().collect();
    let field = |name: &str| fields.get(name).filter(|value| !value.is_empty()).cloned();
    let number = field("To").filter(|to| is_e164(to));
    let number = number.ok_or((21211, "The 'To' number is not a valid phone number."))?;
    let from = field("From").filter(|from| is_e164(from));
    let from = from.ok_or((21212, "The 'From' number is not a valid phone number."))?;
    if ["Url", "Twiml", "ApplicationSid"].iter().all(|name| field(name).is_none()) {
        return Err((21205, "Url or Twiml must be given"));
    }
    if field("Timeout").is_some_and(|text| text.parse::<u32>().map_or(true, |n| n > 600)) {
        return Err((21208, "Timeout must be a number up to 600"));
    }
    let callback = field("StatusCallback");
    Ok(Order {
        shape: &Twilio,
        org: org.to_owned(),
        number,
        attempt_id: callback.as_deref().and_then(attempt_of),
        hook_url: callback,
        shown: json!({"account_sid": account, "from": from, "request": fields}),
    })
}

/// The caller's own id, where it put one into the address of its webhooks.
fn attempt_of(url: &str) -> Option<String> {
    let (_, query) = url.split('#').next()?.split_once('?')?;
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "attempt").map(|(_, value)| value.into_owned())
}

/// `GET /Accounts/{account}.json`
pub async fn account(
    State(sandbox): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
) -> Response {
    match (org_of(&sandbox, &headers), account.strip_suffix(".json")) {
        (None, _) => unauthorised(),
        (Some(_), Some(sid)) => Json(json!({"sid": sid, "status": "active"})).into_response(),
        (Some(_), None) => not_found(),
    }
}

/// `GET /Accounts/{account}/Calls.json`
pub async fn list(
    State(sandbox): Shared,
    Path(account): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let Some(org) = org_of(&sandbox, &headers) else { return unauthorised() };
    let query = query.unwrap_or_default();
    let mut asked: HashMap<String, String> =
        form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let number = |name: &str| asked.get(name).and_then(|text| text.parse::<usize>().ok());
    let (size, page) = (number("PageSize").unwrap_or(50).clamp(1, PAGE_MAX), number("Page"));
    let page = page.unwrap_or(0);
    let rows: Vec<Value> = sandbox.with_ledger(|ledger| {
        let made = ledger.made(&org, &Twilio, None, None);
        let fits = made.filter(|call| is_asked_for(call, &asked) && !is_hidden(&sandbox, call));
        fits.skip(page * size).take(size + 1).map(object).collect()
    });
    let more = rows.len() > size;
    asked.insert("Page".to_owned(), (page + 1).to_string());
    let next = Serializer::new(String::new()).extend_pairs(&asked).finish();
    let next = more.then(|| format!("/2010-04-01/Accounts/{account}/Calls.json?{next}"));
    let rows: Vec<Value> = rows.into_iter().take(size).collect();
    Json(json!({"calls": rows, "next_page_uri": next, "page": page})).into_response()
}

fn is_asked_for(call: &CallRecord, asked: &HashMap<String, String>) -> bool {
    let is = |name: &str, value: &str| asked.get(name).is_none_or(|wanted| wanted == value);
    let day = |name: &str| asked.get(name)?.get(..10)?.parse::<NaiveDate>().ok();
    // A call that still waits has no start yet, so it fits no bounds.
    let bounded = day("StartTime>").is_some() || day("StartTime<").is_some();
    let on = call.created_at.date_naive();
    is("To", &call.order.number)
        && is("Status", status_word(call))
        && !(bounded && call.status == Status::Queued)
        && day("StartTime>").is_none_or(|from| on >= from)
        && day("StartTime<").is_none_or(|until| on <= until)
}

/// `GET /Accounts/{account}/Calls/{call}.json`
pub async fn get(
    State(sandbox): Shared,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    match find(&sandbox, &headers, id.trim_end_matches(".json")) {
        Ok(call) => Json(object(&call)).into_response(),
        Err(answer) => *answer,
    }
}

/// `POST /Accounts/{account}/Calls/{call}.json`
pub async fn change(
    State(sandbox): Shared,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    match find(&sandbox, &headers, id.trim_end_matches(".json")) {
        Ok(call) if call.status == Status::Ended => {
            error(400, 21220, "Call is not in-progress. Cannot redirect.")
        }
        Ok(call) if body.as_ref() == b"Status=completed" => {
            call.hang_up.cancel();
            Json(object(&call)).into_response()
        }
        Ok(_) => error(400, 21218, "Status must be completed"),
        Err(answer) => *answer,
    }
}

/// `GET /Accounts/{account}/Calls/{call}/Events.json` or `.../Notifications.json`
pub async fn part(
    State(sandbox): Shared,
    Path((_, id, part)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Response {
    let call = match find(&sandbox, &headers, &id) {
        Ok(call) => call,
        Err(answer) => return *answer,
    };
    match part.as_str() {
        "Events.json" => {
            let request = json!({"method": "POST", "parameters": call.order.shown["request"]});
            Json(json!({"events": [{"request": request, "response": {}}]})).into_response()
        }
        "Notifications.json" => {
            let code = match Course::of(&call) {
                Course::NoSuchNumber => Some("13224"),
                Course::NotConnected => Some("32009"),
                _ => None,
            };
            let told: Vec<Value> =
                code.iter().map(|code| json!({"error_code": code, "log": "0"})).collect();
            Json(json!({ "notifications": told })).into_response()
        }
        _ => not_found(),
    }
}

fn find(sandbox: &Sandbox, headers: &HeaderMap, id: &str) -> Result<CallRecord, Box<Response>> {
    let org = org_of(sandbox, headers).ok_or_else(|| Box::new(unauthorised()))?;
    shown(sandbox, &Twilio, &org, id).ok_or_else(|| Box::new(not_found()))
}

fn status_word(call: &CallRecord) -> &'static str {
    match (call.status, Course::of(call)) {
        (Status::Queued, _) => "queued",
        (Status::Ringing, _) => "ringing",
        (Status::InProgress, _) => "in-progress",
        // What breaks between two programs after a pick-up is none of the telephone network's.
        (Status::Ended, Course::Conversation | Course::Machine | Course::BrokenOff) => "completed",
        (Status::Ended, Course::NoAnswer) => "no-answer",
        (Status::Ended, Course::Busy) => "busy",
        (Status::Ended, Course::Cancelled) => "canceled",
        (Status::Ended, _) => "failed",
    }
}

fn answered_by(call: &CallRecord) -> Option<&'static str> {
    match (call.status, Course::of(call)) {
        (Status::Ended, Course::Machine) => Some("machine_start"),
        (Status::Ended, Course::Conversation | Course::BrokenOff) => Some("human"),
        _ => None,
    }
}

/// A call as the provider shows it.
fn object(call: &CallRecord) -> Value {
    json!({
        "sid": call.id,
        "account_sid": call.order.shown["account_sid"],
        "to": call.order.number,
        "from": call.order.shown["from"],
        "status": status_word(call),
        "direction": "outbound-api",
        "answered_by": answered_by(call),
        "date_created": call.created_at.to_rfc2822(),
        "start_time": call.started_at.map(|at| at.to_rfc2822()),
        "end_time": call.ended_at.map(|at| at.to_rfc2822()),
        "duration": talked(call).map(|seconds| seconds.to_string()),
        "queue_time": "0",
    })
}

fn talked(call: &CallRecord) -> Option<i64> {
    Some((call.ended_at? - call.started_at?).num_seconds())
}

/// The form of a status callback.
fn callback(call: &CallRecord) -> String {
    let sequence = match call.status {
        Status::Queued => "0",
        Status::Ringing => "1",
        Status::InProgress => "2",
        Status::Ended => "3",
    };
    let mut form = Serializer::new(String::new());
    form.append_pair("CallSid", &call.id)
        .append_pair("AccountSid", call.order.shown["account_sid"].as_str().unwrap_or(""))
        .append_pair("From", call.order.shown["from"].as_str().unwrap_or(""))
        .append_pair("To", &call.order.number)
        .append_pair("CallStatus", status_word(call))
        .append_pair("ApiVersion", "2010-04-01")
        .append_pair("Direction", "outbound-api")
        .append_pair("CallbackSource", "call-progress-events")
        .append_pair("SequenceNumber", sequence)
        .append_pair("Timestamp", &call.updated_at.to_rfc2822());
    if call.status == Status::Ended {
        form.append_pair("CallDuration", &talked(call).unwrap_or(0).to_string());
        form.append_pair("SipResponseCode", sip_code(call));
    }
    if let Some(by) = answered_by(call) {
        form.append_pair("AnsweredBy", by);
    }
    form.finish()
}

fn sip_code(call: &CallRecord) -> &'static str {
    match Course::of(call) {
        Course::Conversation | Course::Machine | Course::BrokenOff => "200",
        Course::NoAnswer | Course::Cancelled => "487",
        Course::Busy => "486",
        Course::NoSuchNumber => "404",
        Course::NotConnected => "503",
    }
}

fn error(status: u16, code: u32, message: &str) -> Response {
    let body = json!({"code": code, "message": message, "status": status,
        "more_info": format!("https://www.twilio.com/docs/errors/{code}")});
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
    (status, Json(body)).into_response()
}

fn unauthorised() -> Response {
    error(401, 20003, "Authenticate")
}

fn not_found() -> Response {
    error(404, 20404, "The requested resource was not found")
}
