//! Vapi: voice calls by an assistant.
//!
//! The attempt's id travels as the call's name, as the customer's external id, in the metadata and
//! in the callback URL, because Vapi knows no idempotency key and lists by time only.

mod order;
mod webhook;
mod words;

use super::event::{reached_nobody, success};
use super::word::{self, Word, WordKind};
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookRequest, HookTrust, Kind, Listed,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass, Sought, Source,
    Span, VerifyError, exchange, forward::forward_to_functions,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

const BASE_URL: &str = "https://api.vapi.ai";
/// LIMIT: calls on one page of the list, and pages that are read.
const PAGE: usize = 1000;
const PAGES_MAX: usize = 10;

#[derive(Debug)]
pub struct Vapi;

impl Adapter for Vapi {
    forward_to_functions!();

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        webhook::verify(trust, request, now)
    }

    fn parse_event(
        &self,
        _settings: &Value,
        request: HookRequest<'_>,
    ) -> Result<Vec<Event>, ParseError> {
        let body = request.json()?;
        if !body["message"].is_object() {
            return Err(ParseError::Missing("message"));
        }
        Ok(event_of_message(&body, request.attempt_id).into_iter().collect())
    }

    fn classify_error(&self, answer: &Answer) -> PlaceError {
        classify(answer)
    }

    fn words(&self) -> &'static [Word] {
        words::WORDS
    }

    fn reconciles(&self) -> Reconciles {
        Reconciles::ByAttempt
    }
}

async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    let request = account.bearer(http.get(account.url(BASE_URL, "/call")));
    exchange::check(request.query(&[("limit", "1")])).await
}

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let body = order::order(&account.settings, placement)?;
    let request = account.bearer(http.post(account.url(BASE_URL, "/call"))).json(&body);
    let answer = exchange::send(request, &placement.gate).await?;
    if !(200..300).contains(&answer.status) {
        return Err(classify(&answer));
    }
    if answer.body["subscriptionLimits"]["concurrencyBlocked"] == true {
        let details = exchange::details(&answer);
        return Err(PlaceError::refused(RefusalClass::OverLimit, "concurrency-blocked", details));
    }
    exchange::accepted(answer.body["id"].as_str())
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
            let request = account.bearer(http.get(account.url(BASE_URL, &path)));
            exchange::found(request).await?
        }
        None => search(http, account, sought).await?,
    };
    Ok(sought.ours(call.as_ref().and_then(|call| event_of_call(call, Source::LookUp))))
}

/// Pages back through the calls made around the intention; the list knows neither number nor
/// metadata.
async fn search(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Option<Value>, LookUpError> {
    let is_sought = |call: &&Value| attempt_id(&json!({ "call": call })) == Some(sought.attempt_id);
    let mut span = Span {
        from: sought.intended_at - TimeDelta::minutes(5),
        until: sought.intended_at + TimeDelta::minutes(30),
        cursor: None,
    };
    for _ in 0..PAGES_MAX {
        let calls = page(http, account, &span).await?;
        if let Some(ours) = calls.iter().find(is_sought) {
            return Ok(Some(ours.clone()));
        }
        span.cursor = older(&calls, &span)?;
        if span.cursor.is_none() {
            return Ok(None);
        }
    }
    Err(LookUpError("too many calls in the time searched".to_owned()))
}

/// One page of the list, newest first; a cursor is the instant of the oldest call seen.
async fn page(
    http: &reqwest::Client,
    account: &Account,
    span: &Span,
) -> Result<Vec<Value>, LookUpError> {
    let until = span.cursor.clone().unwrap_or_else(|| stamp(span.until));
    let query =
        [("createdAtGe", stamp(span.from)), ("createdAtLe", until), ("limit", PAGE.to_string())];
    let request = account.bearer(http.get(account.url(BASE_URL, "/call"))).query(&query);
    exchange::rows(exchange::found(request).await?.as_ref())
}

/// Where the next page begins; none when this one was not full. The oldest call of a page comes
/// again on the next, because a bound includes its instant.
fn older(calls: &[Value], span: &Span) -> Result<Option<String>, LookUpError> {
    let oldest = calls.iter().filter_map(|call| instant(&call["createdAt"])).min().map(stamp);
    match oldest.filter(|_| calls.len() >= PAGE) {
        Some(oldest) if span.cursor.as_ref() == Some(&oldest) => {
            Err(LookUpError(format!("{PAGE} calls were made in one instant")))
        }
        next => Ok(next),
    }
}

async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let calls = page(http, account, span).await?;
    let listed = |call: &Value| {
        Some(Listed {
            address: call["customer"]["number"].as_str().map(str::to_owned),
            created_at: instant(&call["createdAt"]),
            event: event_of_call(call, Source::Poll)?,
        })
    };
    let next = older(&calls, span)?;
    let made = calls.iter().filter(|call| is_ours(call));
    Ok(Page { next, calls: made.filter_map(listed).collect() })
}

/// Whether a call was made by us; others came in, or over the web.
fn is_ours(call: &Value) -> bool {
    call["type"].as_str().is_none_or(|kind| kind == "outboundPhoneCall")
}

async fn hang_up(
    http: &reqwest::Client,
    account: &Account,
    provider_call_id: &str,
) -> Result<(), LookUpError> {
    let path = format!("/call/{provider_call_id}");
    let request = account.bearer(http.get(account.url(BASE_URL, &path)));
    let call =
        exchange::found(request).await?.ok_or_else(|| LookUpError("no such call".to_owned()))?;
    let control = call["monitor"]["controlUrl"].as_str();
    let control = control.ok_or_else(|| LookUpError("the call has no control URL".to_owned()))?;
    let order = json!({"type": "end-call"});
    let answer = exchange::ask(http.post(control).json(&order)).await?;
    exchange::done(&answer)
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
        attempt_id: attempt_id(message).or(hint),
        provider_call_id: Some(call_id.to_owned()),
        at: instant(&message["timestamp"]),
        word: reason.map(str::to_owned),
        report_follows: kind == Kind::Note,
        ..Event::new(format!("{call_id}:{label}"), kind, Source::Webhook, body.clone())
    };
    if kind == Kind::Ended {
        add_end(&mut event, message);
    }
    Some(event)
}

/// A business label comes only with the final report, and a call without it could be dialled
/// again. So a status update ends an attempt only if nobody was reached; else it is noted.
fn kind_of_status(status: &str, reason: Option<&str>) -> Option<Kind> {
    match status {
        "ringing" => Some(Kind::Ringing),
        "in-progress" | "forwarding" => Some(Kind::Answered),
        "ended" => match reason.and_then(reason_outcome) {
            Some(outcome) if reached_nobody(outcome) => Some(Kind::Ended),
            _ => Some(Kind::Note),
        },
        "queued" | "scheduled" => Some(Kind::Placed),
        _ => None,
    }
}

/// A call as looked up or listed.
fn event_of_call(call: &Value, source: Source) -> Option<Event> {
    let call_id = call["id"].as_str()?;
    let status = call["status"].as_str()?;
    let kind = match status {
        "ended" => Kind::Ended,
        _ => kind_of_status(status, None)?,
    };
    let key = format!("{call_id}:look_up:{status}");
    let mut event = Event {
        attempt_id: attempt_id(&json!({ "call": call })),
        provider_call_id: Some(call_id.to_owned()),
        at: instant(&call["updatedAt"]),
        word: call["endedReason"].as_str().map(str::to_owned),
        ..Event::new(key, kind, source, call.clone())
    };
    if kind == Kind::Ended {
        add_end(&mut event, call);
    }
    Some(event)
}

fn reason_outcome(reason: &str) -> Option<&'static str> {
    word::outcome(words::WORDS, WordKind::EndedReason, reason)
}

fn add_end(event: &mut Event, facts: &Value) {
    event.outcome = event.word.as_deref().and_then(reason_outcome);
    let analysis = &facts["analysis"];
    let structured = &analysis["structuredData"];
    event.disposition = structured["disposition"].as_str().map(str::to_owned);
    event.classification = structured["classification"].as_str().map(str::to_owned);
    event.success = success(&analysis["successEvaluation"]);
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
        &call["squadOverrides"]["metadata"]["attempt_id"],
        &call["workflowOverrides"]["metadata"]["attempt_id"],
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
