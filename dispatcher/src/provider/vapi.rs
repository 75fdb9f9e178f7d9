//! Vapi: voice calls by an assistant.
//!
//! The attempt's id travels as the call's name, as the customer's external id, in the metadata and
//! in the callback URL, because Vapi knows no idempotency key and lists by time only.

use super::signature::{header, same, timestamped_hmac};
use super::{
    Accepted, Account, Adapter, Answer, Event, HookRequest, Kind, LookUpError, ParseError,
    PlaceError, Placement, RefusalClass, Secret, Sought, Source, VerifyError, ended_reason,
    exchange,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use uuid::Uuid;

const BASE_URL: &str = "https://api.vapi.ai";
/// LIMIT: calls on one page of the list, and pages that are read.
const PAGE: usize = 1000;
const PAGES_MAX: usize = 10;

#[derive(Debug)]
pub struct Vapi;

impl Adapter for Vapi {
    fn place<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        placement: &'a Placement,
    ) -> BoxFuture<'a, Result<Accepted, PlaceError>> {
        Box::pin(place(http, account, placement))
    }

    fn look_up<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        sought: &'a Sought,
    ) -> BoxFuture<'a, Result<Vec<Event>, LookUpError>> {
        Box::pin(look_up(http, account, sought))
    }

    fn hang_up<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        provider_call_id: &'a str,
    ) -> BoxFuture<'a, Result<(), LookUpError>> {
        Box::pin(hang_up(http, account, provider_call_id))
    }

    fn verify(
        &self,
        secret: &Secret,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        verify(secret.text(), request, now)
    }

    fn parse_event(&self, request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
        let body: Value = serde_json::from_slice(request.body).map_err(|_| ParseError::NotJson)?;
        if !body["message"].is_object() {
            return Err(ParseError::Missing("message"));
        }
        Ok(event_of_message(&body, request.attempt_id).into_iter().collect())
    }

    fn classify_error(&self, answer: &Answer) -> PlaceError {
        classify(answer)
    }
}

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let body = order(&account.settings, placement)?;
    let request = signed_in(http.post(url(account, "/call")), account).json(&body);
    let answer = exchange::send(request, &placement.gate).await?;
    if !(200..300).contains(&answer.status) {
        return Err(classify(&answer));
    }
    if answer.body["subscriptionLimits"]["concurrencyBlocked"] == true {
        let details = exchange::details(&answer);
        return Err(PlaceError::refused(RefusalClass::OverLimit, "concurrency-blocked", details));
    }
    match answer.body["id"].as_str() {
        Some(id) => Ok(Accepted { provider_call_id: id.to_owned() }),
        None => Err(PlaceError::Unknown("accepted without an id".to_owned())),
    }
}

fn url(account: &Account, path: &str) -> String {
    let base = account.base_url.as_deref().unwrap_or(BASE_URL).trim_end_matches('/');
    format!("{base}{path}")
}

fn signed_in(request: reqwest::RequestBuilder, account: &Account) -> reqwest::RequestBuilder {
    match &account.key {
        Some(key) => request.bearer_auth(key.text()),
        None => request,
    }
}

/// The request's body, from the account's and the campaign's settings.
fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let attempt_id = placement.attempt_id.to_string();
    let mut overrides = settings["assistant_overrides"].as_object().cloned().unwrap_or_default();
    overrides.insert("variableValues".into(), placement.variables.clone());
    overrides.insert("metadata".into(), json!({ "attempt_id": attempt_id }));
    overrides.insert("server".into(), json!({ "url": placement.callback_url }));
    overrides.insert("serverMessages".into(), json!(["status-update", "end-of-call-report"]));
    copy(settings, "max_duration_seconds", &mut overrides, "maxDurationSeconds");
    copy(settings, "voicemail_detection", &mut overrides, "voicemailDetection");
    let mut body = Map::new();
    for (setting, member) in [
        ("assistant_id", "assistantId"),
        ("squad_id", "squadId"),
        ("workflow_id", "workflowId"),
        ("phone_number_id", "phoneNumberId"),
    ] {
        copy(settings, setting, &mut body, member);
    }
    check(&body)?;
    body.insert("name".into(), json!(attempt_id));
    body.insert("customer".into(), customer(placement, &attempt_id));
    body.insert("assistantOverrides".into(), Value::Object(overrides));
    Ok(Value::Object(body))
}

fn copy(settings: &Value, setting: &str, into: &mut Map<String, Value>, member: &str) {
    if !settings[setting].is_null() {
        into.insert(member.to_owned(), settings[setting].clone());
    }
}

fn check(body: &Map<String, Value>) -> Result<(), PlaceError> {
    let who = ["assistantId", "squadId", "workflowId"].iter().any(|name| body.contains_key(*name));
    let missing = match (who, body.contains_key("phoneNumberId")) {
        (false, _) => "assistant_id, squad_id or workflow_id",
        (true, false) => "phone_number_id",
        (true, true) => return Ok(()),
    };
    let details = json!({"reason": format!("settings lack {missing}")});
    Err(PlaceError::refused(RefusalClass::ConfigError, "settings-incomplete", details))
}

fn customer(placement: &Placement, attempt_id: &str) -> Value {
    let mut customer = json!({ "number": placement.address, "externalId": attempt_id });
    if let Some(name) = placement.variables["name"].as_str() {
        // LIMIT: the provider takes 40 characters.
        customer["name"] = json!(name.chars().take(40).collect::<String>());
    }
    customer
}

/// What a refusal means; by its words first, because over-limit comes as a plain 400.
fn classify(answer: &Answer) -> PlaceError {
    let text = |name: &str| match &answer.body[name] {
        Value::String(text) => text.clone(),
        Value::Array(texts) => {
            texts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
        }
        _ => String::new(),
    };
    let said = format!("{} {}", text("error"), text("message"));
    let said = said.trim();
    let lower = said.to_lowercase();
    if answer.status == 400 && lower.contains("concurren") {
        let details = exchange::details(answer);
        return PlaceError::refused(RefusalClass::OverLimit, "over-concurrency-limit", details);
    }
    if answer.status == 400 && (lower.contains("e.164") || lower.contains("customer.number")) {
        let details = exchange::details(answer);
        return PlaceError::refused(RefusalClass::InvalidNumber, "invalid-number", details);
    }
    exchange::by_status(answer, if said.is_empty() { "refused" } else { said })
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let call = match &sought.provider_call_id {
        Some(id) => {
            let path = format!("/call/{id}");
            let answer = exchange::ask(signed_in(http.get(url(account, &path)), account)).await?;
            found(answer)?
        }
        None => search(http, account, sought).await?,
    };
    Ok(call.as_ref().and_then(|call| event_of_call(call, sought.attempt_id)).into_iter().collect())
}

fn found(answer: Answer) -> Result<Option<Value>, LookUpError> {
    match answer.status {
        200..=299 => Ok(Some(answer.body)),
        404 => Ok(None),
        status => Err(LookUpError(format!("answer {status}"))),
    }
}

/// Pages back through the calls made around the intention; the list knows neither number nor
/// metadata.
async fn search(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Option<Value>, LookUpError> {
    let from = sought.intended_at - TimeDelta::minutes(5);
    let mut until = sought.intended_at + TimeDelta::minutes(30);
    let attempt_id = sought.attempt_id.to_string();
    for _ in 0..PAGES_MAX {
        let query = [
            ("createdAtGe", stamp(from)),
            ("createdAtLe", stamp(until)),
            ("limit", PAGE.to_string()),
        ];
        let request = signed_in(http.get(url(account, "/call")), account).query(&query);
        let Some(Value::Array(calls)) = found(exchange::ask(request).await?)? else {
            return Ok(None);
        };
        let ours = calls.iter().find(|call| names(call, &attempt_id));
        let oldest = calls.iter().filter_map(|call| instant(&call["createdAt"])).min();
        if ours.is_some() || calls.len() < PAGE {
            return Ok(ours.cloned());
        }
        match oldest {
            Some(oldest) if oldest < until => until = oldest,
            _ => return Ok(None),
        }
    }
    Err(LookUpError("too many calls in the time searched".to_owned()))
}

fn names(call: &Value, attempt_id: &str) -> bool {
    [
        &call["customer"]["externalId"],
        &call["assistantOverrides"]["metadata"]["attempt_id"],
        &call["name"],
    ]
    .iter()
    .any(|value| value.as_str() == Some(attempt_id))
}

async fn hang_up(
    http: &reqwest::Client,
    account: &Account,
    provider_call_id: &str,
) -> Result<(), LookUpError> {
    let path = format!("/call/{provider_call_id}");
    let answer = exchange::ask(signed_in(http.get(url(account, &path)), account)).await?;
    let call = found(answer)?.ok_or_else(|| LookUpError("no such call".to_owned()))?;
    let control = call["monitor"]["controlUrl"].as_str();
    let control = control.ok_or_else(|| LookUpError("the call has no control URL".to_owned()))?;
    let order = json!({"type": "end-call"});
    let answer = exchange::ask(http.post(control).json(&order)).await?;
    found(answer).map(|_| ())
}

/// Either way of proof needs the secret, so the sender may choose between them.
fn verify(secret: &str, request: HookRequest<'_>, now: DateTime<Utc>) -> Result<(), VerifyError> {
    if let Some(shown) = header(request.headers, "x-vapi-secret") {
        return same(shown, secret);
    }
    if let Some(signature) = header(request.headers, "x-signature") {
        let timestamp = header(request.headers, "x-timestamp").ok_or(VerifyError::NotSigned)?;
        let key = secret.as_bytes();
        return timestamped_hmac(key, timestamp, request.body, signature, now);
    }
    if let Some(shown) = header(request.headers, "authorization") {
        return same(shown.strip_prefix("Bearer ").unwrap_or(shown), secret);
    }
    Err(VerifyError::NotSigned)
}

/// A webhook's message as an event; `None` for the many kinds that say nothing to us.
fn event_of_message(body: &Value, hint: Option<Uuid>) -> Option<Event> {
    let message = &body["message"];
    let call_id = message["call"]["id"].as_str()?;
    let reason = message["endedReason"].as_str();
    let (kind, label) = match (message["type"].as_str()?, message["status"].as_str()) {
        ("end-of-call-report", _) => (Kind::Ended, "report".to_owned()),
        ("status-update", Some(status)) => (kind_of_status(status, reason)?, status.to_owned()),
        _ => return None,
    };
    let mut event = Event {
        event_key: format!("{call_id}:{label}"),
        kind,
        attempt_id: attempt_id(message).or(hint),
        provider_call_id: Some(call_id.to_owned()),
        at: instant(&message["timestamp"]),
        outcome: None,
        word: reason.map(str::to_owned),
        disposition: None,
        duration_seconds: None,
        callback_at: None,
        source: Source::Webhook,
        raw: body.clone(),
        report_follows: kind == Kind::Note,
    };
    if kind == Kind::Ended {
        add_end(&mut event, message);
    }
    Some(event)
}

/// A business label comes only with the final report, and a call without it could be dialled
/// again. So a status update ends an attempt only if nobody was reached; else it is noted.
fn kind_of_status(status: &str, reason: Option<&str>) -> Option<Kind> {
    const UNREACHED: [&str; 8] = [
        "no_answer",
        "busy",
        "invalid_number",
        "blocked",
        "over_limit",
        "account_error",
        "config_error",
        "provider_fault",
    ];
    match status {
        "ringing" => Some(Kind::Ringing),
        "in-progress" | "forwarding" => Some(Kind::Answered),
        "ended" => match reason.and_then(ended_reason::outcome) {
            Some(outcome) if UNREACHED.contains(&outcome) => Some(Kind::Ended),
            _ => Some(Kind::Note),
        },
        "queued" | "scheduled" => Some(Kind::Placed),
        _ => None,
    }
}

/// A call as looked up.
fn event_of_call(call: &Value, attempt_id: Uuid) -> Option<Event> {
    let call_id = call["id"].as_str()?;
    let status = call["status"].as_str()?;
    let kind = match status {
        "ended" => Kind::Ended,
        _ => kind_of_status(status, None)?,
    };
    let mut event = Event {
        event_key: format!("{call_id}:look_up:{status}"),
        kind,
        attempt_id: Some(attempt_id),
        provider_call_id: Some(call_id.to_owned()),
        at: instant(&call["updatedAt"]),
        outcome: None,
        word: call["endedReason"].as_str().map(str::to_owned),
        disposition: None,
        duration_seconds: None,
        callback_at: None,
        source: Source::LookUp,
        raw: call.clone(),
        report_follows: false,
    };
    if kind == Kind::Ended {
        add_end(&mut event, call);
    }
    Some(event)
}

fn add_end(event: &mut Event, facts: &Value) {
    event.outcome = event.word.as_deref().and_then(ended_reason::outcome);
    let structured = &facts["analysis"]["structuredData"];
    event.disposition = structured["disposition"].as_str().map(str::to_owned);
    event.callback_at = structured["callback_at"].as_str().map(str::to_owned);
    event.at = instant(&facts["endedAt"]).or(event.at);
    event.duration_seconds = facts["durationSeconds"].as_f64().or_else(|| {
        let length = instant(&facts["endedAt"])? - instant(&facts["startedAt"])?;
        Some(length.as_seconds_f64())
    });
}

fn attempt_id(message: &Value) -> Option<Uuid> {
    let call = &message["call"];
    [
        &call["assistantOverrides"]["metadata"]["attempt_id"],
        &message["customer"]["externalId"],
        &call["customer"]["externalId"],
        &call["name"],
    ]
    .into_iter()
    .find_map(|value| value.as_str()?.parse().ok())
}

/// An instant as text or as milliseconds.
fn instant(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => DateTime::from_timestamp_millis(number.as_f64()? as i64),
        _ => None,
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
