//! Bland: voice calls by an agent that the vendor runs.
//!
//! The attempt's id travels in the call's metadata and in the callback URL. There is no idempotency
//! key, and a 2xx says that the call is queued. A lost answer is looked for among the calls to the
//! number at the time, each of which is asked for its metadata: what is found is ours for certain.
//! One webhook comes after the end, with the whole call; nothing is heard of its ringing. It is
//! signed without a timestamp, so an old one cannot be told from a new one but by its call.

mod order;
mod words;

use super::signature::hex_hmac;
use super::word::{self, Word, WordKind};
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookRequest, HookTrust, Kind, Listed,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass, Sought, Source,
    Span, VerifyError, exchange, forward::forward_to_functions,
};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

const BASE_URL: &str = "https://api.bland.ai";
/// LIMIT: calls on one page of the list.
const PAGE: usize = 1000;
/// LIMIT: calls to one number at one time that are asked for their metadata.
const CANDIDATES_MAX: usize = 20;

#[derive(Debug)]
pub struct Bland;

impl Adapter for Bland {
    forward_to_functions!();

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        _now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        let shown = request.header("x-webhook-signature").ok_or(VerifyError::NotSigned)?;
        hex_hmac(trust.secret.text().as_bytes(), &[request.body], shown)
    }

    fn parse_event(
        &self,
        _settings: &Value,
        request: HookRequest<'_>,
    ) -> Result<Vec<Event>, ParseError> {
        parse(request)
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

/// The key is the whole header, without a word before it.
fn signed_in(request: reqwest::RequestBuilder, account: &Account) -> reqwest::RequestBuilder {
    match &account.key {
        Some(key) => request.header("authorization", key.text()),
        None => request,
    }
}

async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    let request = signed_in(http.get(account.url(BASE_URL, "/v1/calls")), account);
    exchange::check(request.query(&[("limit", "1")])).await
}

async fn hang_up(
    http: &reqwest::Client,
    account: &Account,
    provider_call_id: &str,
) -> Result<(), LookUpError> {
    let path = format!("/v1/calls/{provider_call_id}/stop");
    let request = signed_in(http.post(account.url(BASE_URL, &path)), account);
    exchange::done(&exchange::ask(request).await?)
}

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let body = order::order(&account.settings, placement)?;
    let request = signed_in(http.post(account.url(BASE_URL, "/v1/calls")), account).json(&body);
    let answer = exchange::send(request, &placement.gate).await?;
    let said_no = answer.body["status"].as_str().is_some_and(says_no);
    match (answer.status, answer.body["call_id"].as_str()) {
        (200..=299, Some(id)) => Ok(Accepted { provider_call_id: id.to_owned() }),
        (200..=299, None) if !said_no => {
            Err(PlaceError::Unknown("accepted without an id".to_owned()))
        }
        _ => Err(classify(&answer)),
    }
}

/// Whether a status says that nothing was queued: `error`, `DNC Error`. A word that is not known
/// may come with a call that rings.
fn says_no(status: &str) -> bool {
    status.to_ascii_lowercase().contains("error")
}

/// What a refusal means: by its sentence, because 429 may be a pace or a blacklist.
fn classify(answer: &Answer) -> PlaceError {
    let said = said(&answer.body);
    if (200..500).contains(&answer.status)
        && let Some(row) = word::within(words::WORDS, WordKind::Error, &said)
        && let Some(class) = row.outcome.and_then(RefusalClass::of_outcome)
    {
        return PlaceError::refused(class, row.word, exchange::details(answer));
    }
    match answer.status {
        // It says that it failed and gives no id: nothing is queued.
        200..=299 => {
            let details = exchange::details(answer);
            PlaceError::refused(RefusalClass::ProviderFault, "not-queued", details)
        }
        _ => exchange::by_status(answer, if said.is_empty() { "refused" } else { &said }),
    }
}

/// Everything that an error says, in one line.
fn said(body: &Value) -> String {
    let errors = body["errors"].as_array().into_iter().flatten();
    let inner = errors.flat_map(|error| [error, &error["error"], &error["message"]]);
    let texts = [&body["status"], &body["error"], &body["message"]].into_iter().chain(inner);
    texts.filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let call = match &sought.provider_call_id {
        Some(id) => details(http, account, id).await?,
        None => search(http, account, sought).await?,
    };
    Ok(sought.ours(call.as_ref().and_then(|call| event_of_call(call, Source::LookUp))))
}

async fn details(
    http: &reqwest::Client,
    account: &Account,
    id: &str,
) -> Result<Option<Value>, LookUpError> {
    let path = format!("/v1/calls/{id}");
    let request = signed_in(http.get(account.url(BASE_URL, &path)), account);
    exchange::found(request).await
}

/// The calls to the number around the intention; only the details of each hold its metadata.
async fn search(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Option<Value>, LookUpError> {
    let unknown = || LookUpError("the number is not known here, so it cannot be asked for".into());
    let number = sought.address.as_deref().ok_or_else(unknown)?;
    let query = [
        ("to_number", number.to_owned()),
        ("start_date", stamp(sought.intended_at - TimeDelta::minutes(5))),
        ("end_date", stamp(sought.intended_at + TimeDelta::minutes(30))),
        ("limit", (CANDIDATES_MAX + 1).to_string()),
    ];
    let candidates = rows(http, account, &query).await?;
    if candidates.len() > CANDIDATES_MAX {
        return Err(LookUpError("too many calls to the number in the time searched".to_owned()));
    }
    for id in candidates.iter().filter_map(|call| call["call_id"].as_str()) {
        let call = details(http, account, id).await?;
        if call.as_ref().and_then(attempt_id) == Some(sought.attempt_id) {
            return Ok(call);
        }
    }
    Ok(None)
}

async fn rows(
    http: &reqwest::Client,
    account: &Account,
    query: &[(&str, String)],
) -> Result<Vec<Value>, LookUpError> {
    let request = signed_in(http.get(account.url(BASE_URL, "/v1/calls")), account).query(query);
    exchange::rows(exchange::found(request).await?.as_ref().map(|answer| &answer["calls"]))
}

/// Oldest first, by index: what is made meanwhile comes at the end and moves no page.
async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let from: usize = span.cursor.as_deref().and_then(|text| text.parse().ok()).unwrap_or(0);
    let query = [
        ("start_date", stamp(span.from)),
        ("end_date", stamp(span.until)),
        ("sort_by", "created_at".to_owned()),
        ("ascending", "true".to_owned()),
        ("limit", PAGE.to_string()),
        ("from", from.to_string()),
        ("to", (from + PAGE).to_string()),
    ];
    let rows = rows(http, account, &query).await?;
    let listed = |call: &Value| {
        Some(Listed {
            address: call["to"].as_str().map(str::to_owned),
            created_at: instant(&call["created_at"]),
            event: event_of_call(call, Source::Poll)?,
        })
    };
    let next = (rows.len() >= PAGE).then(|| (from + rows.len()).to_string());
    let made = rows.iter().filter(|call| call["inbound"] != true);
    Ok(Page { calls: made.filter_map(listed).collect(), next })
}

/// The call as a whole comes once, after its end; what comes besides enriches it or tells its tale.
fn parse(request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
    let body = request.json()?;
    if !body["event_type"].is_null() || !body["category"].is_null() {
        return Ok(Vec::new());
    }
    if !body["call_id"].is_string() && !body["c_id"].is_string() {
        return Err(ParseError::Missing("call_id"));
    }
    let event = event_of_call(&body, Source::Webhook);
    let hinted =
        |event: Event| Event { attempt_id: event.attempt_id.or(request.attempt_id), ..event };
    Ok(event.map(hinted).into_iter().collect())
}

fn event_of_call(call: &Value, source: Source) -> Option<Event> {
    let id = call["call_id"].as_str().or(call["c_id"].as_str())?;
    let kind = if has_ended(call) { Kind::Ended } else { Kind::Placed };
    let key = match (source, kind) {
        (_, Kind::Ended) => format!("{id}:ended"),
        _ => format!("{id}:placed"),
    };
    let mut event = Event {
        attempt_id: attempt_id(call),
        provider_call_id: Some(id.to_owned()),
        at: instant(&call["end_at"]).filter(|_| kind == Kind::Ended),
        word: call["queue_status"].as_str().map(str::to_owned),
        ..Event::new(key, kind, source, call.clone())
    };
    if kind == Kind::Ended {
        add_end(&mut event, call);
    }
    Some(event)
}

fn has_ended(call: &Value) -> bool {
    const QUEUE_ENDS: [&str; 6] =
        ["complete", "completed", "complete_error", "pre_queue_error", "queue_error", "call_error"];
    const ENDS: [&str; 6] = ["completed", "failed", "busy", "no-answer", "canceled", "unknown"];
    const UNDERWAY: [&str; 4] = ["new", "queued", "allocated", "started"];
    let is = |name: &str, words: &[&str]| call[name].as_str().is_some_and(|w| words.contains(&w));
    // What a call that is on its way comes to is not known yet, and its status says just that.
    if call["completed"] != true && call["status"] == "unknown" && is("queue_status", &UNDERWAY) {
        return false;
    }
    call["completed"] == true || is("queue_status", &QUEUE_ENDS) || is("status", &ENDS)
}

fn add_end(event: &mut Event, call: &Value) {
    let (word, outcome) = meaning(call);
    event.word = Some(word);
    event.outcome = outcome;
    event.duration_seconds = seconds(&call["corrected_duration"])
        .or_else(|| call["call_length"].as_f64().map(|minutes| minutes * 60.0));
    let tag = call["disposition_tag"].as_str().filter(|tag| !tag.is_empty());
    match tag.map(|tag| (tag, word::find(words::WORDS, WordKind::EndedReason, tag))) {
        // The vendor's own tags say something of a conversation only.
        Some((tag, Some(row))) if event.outcome == Some("completed") && row.outcome.is_some() => {
            event.word = Some(tag.to_owned());
            event.outcome = row.outcome;
        }
        // A tag that the business itself has defined is its label.
        Some((tag, None)) => event.disposition = Some(tag.to_owned()),
        _ => (),
    }
}

/// The most telling word about the end, and its outcome.
fn meaning(call: &Value) -> (String, Option<&'static str>) {
    let queue = call["queue_status"].as_str().unwrap_or("");
    let status = call["status"].as_str().unwrap_or(match queue {
        "complete" | "completed" => "completed",
        other => other,
    });
    let of = |kind, said: &str| word::outcome(words::WORDS, kind, said);
    let said_something = ["concatenated_transcript", "transcripts"]
        .iter()
        .any(|name| !matches!(&call[*name], Value::Null) && !is_empty(&call[*name]));
    let unsure = |outcome: Option<&'static str>| match outcome {
        Some("provider_fault") if said_something => Some("maybe_reached"),
        outcome => outcome,
    };
    match (status, call["answered_by"].as_str()) {
        ("completed", Some(by @ ("voicemail" | "no-answer"))) => {
            (by.to_owned(), of(WordKind::AnsweredBy, by))
        }
        ("failed", _) => {
            let error = call["error_message"].as_str().unwrap_or("");
            match told_by(error) {
                Some(row) => (row.word.to_owned(), unsure(row.outcome)),
                // The sentence may hold a number, so it stays in the raw event.
                None if queue.ends_with("_error") => {
                    (queue.to_owned(), unsure(of(WordKind::Status, queue)))
                }
                None => ("failed".to_owned(), None),
            }
        }
        (status, _) => (status.to_owned(), unsure(of(WordKind::Status, status))),
    }
}

/// What the error of a failed call says. The tags of conversations are of the same kind, and no part
/// of a sentence: "call failed: busy" is not tagged FAILED.
fn told_by(error: &str) -> Option<&'static Word> {
    let is_tag =
        |row: &&Word| row.word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let sentences = words::WORDS.iter().filter(|row| !is_tag(row));
    word::within(sentences, WordKind::EndedReason, error)
}

fn is_empty(value: &Value) -> bool {
    value.as_str().is_some_and(str::is_empty) || value.as_array().is_some_and(Vec::is_empty)
}

fn attempt_id(call: &Value) -> Option<uuid::Uuid> {
    call["metadata"]["attempt_id"].as_str()?.parse().ok()
}

/// Seconds as a number or as text.
fn seconds(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn instant(value: &Value) -> Option<DateTime<Utc>> {
    value.as_str()?.parse().ok()
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

#[cfg(test)]
mod tests;
