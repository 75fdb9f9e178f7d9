//! Retell: voice calls by an agent.
//!
//! Retell knows no idempotency key. The attempt's id travels as metadata, by which its list can be
//! asked, so that a lost answer is found for certain, and in the callback URL of the call.
//! `call_ended` comes before `call_analyzed`, which brings the business label; the two may cross,
//! and a call that never connected has no `call_started`. A webhook is sent up to four times.
//! Not said by the vendor: how many calls a second it takes, and when a new call is in the list.

use super::account::{setting_wrong, settings_lack};
use super::call_options::passed_through;
use super::event::{reached_nobody, success};
use super::forward::forward_to_functions;
use super::request::{overlay, segment, texts};
use super::signature::{self, Digest, WINDOW_SECONDS};
use super::word::{self, Word, WordKind, vocabulary};
use super::{
    Accepted, Account, Adapter, Answer, CallOptions, CheckError, Event, HookRequest, HookTrust,
    Kind, Listed, LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass,
    Sought, Source, Span, VerifyError, Voicemail, e164_address, exchange,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::ops::RangeInclusive;
use uuid::Uuid;

const BASE_URL: &str = "https://api.retellai.com";
/// LIMIT: calls on one page of the list, as the vendor allows.
const PAGE: u32 = 1000;
/// LIMIT: what the vendor takes.
const RING_SECONDS: RangeInclusive<u32> = 5..=300;
const DURATION_SECONDS: RangeInclusive<u32> = 60..=7200;

#[derive(Debug)]
pub struct Retell;

impl Adapter for Retell {
    forward_to_functions!();

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        let stated = request.header("x-retell-signature").ok_or(VerifyError::NotSigned)?;
        verify(trust.secret.text(), stated, request.body, now)
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
        WORDS
    }

    fn reconciles(&self) -> Reconciles {
        Reconciles::ByAttempt
    }
}

async fn hang_up(
    http: &reqwest::Client,
    account: &Account,
    provider_call_id: &str,
) -> Result<(), LookUpError> {
    let path = format!("/v2/stop-call/{}", segment(provider_call_id));
    let request = account.bearer(http.post(account.url(BASE_URL, &path)));
    exchange::order(request).await
}

async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    let url = account.url(BASE_URL, "/get-concurrency");
    exchange::check(account.bearer(http.get(url))).await
}

const WORDS: &[Word] = vocabulary! {
    Status, None, "not over yet": "registered" "ongoing";
    Status, None, "over; the reason says how": "not_connected" "ended" "error";
    EndedReason, Some("completed"), "": "user_hangup" "agent_hangup" "call_transfer"
        "transfer_bridged" "transfer_cancelled" "inactivity" "max_duration_reached" "ivr_reached"
        "manual_stopped" "call_take_over";
    EndedReason, Some("voicemail"), "": "voicemail_reached";
    EndedReason, Some("busy"), "": "dial_busy";
    EndedReason, Some("no_answer"), "": "dial_no_answer";
    EndedReason, Some("rejected"), "": "user_declined";
    EndedReason, Some("invalid_number"), "": "invalid_destination";
    EndedReason, Some("blocked"), "": "marked_as_spam" "scam_detected";
    EndedReason, Some("over_limit"), "": "concurrency_limit_reached" "no_concurrency_fallback";
    EndedReason, Some("account_error"), "": "no_valid_payment";
    EndedReason, Some("config_error"), "of the trunk": "telephony_provider_permission_denied"
        "sip_routing_error";
    EndedReason, Some("provider_fault"), "dial_failed may hide a block by the carrier":
        "telephony_provider_unavailable" "dial_failed";
    EndedReason, Some("maybe_reached"), "": "error_llm_websocket_open"
        "error_llm_websocket_lost_connection" "error_llm_websocket_runtime"
        "error_llm_websocket_corrupt_payload" "error_no_audio_received" "error_asr"
        "error_retell" "error_unknown";
    EndedReason, Some("provider_fault"), "of calls in a browser": "error_user_not_joined"
        "registered_call_timeout";
};

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let url = account.url(BASE_URL, "/v2/create-phone-call");
    let request = account.bearer(http.post(url)).json(&order(&account.settings, placement)?);
    let answer = exchange::send(request, &placement.gate).await?;
    if !(200..300).contains(&answer.status) {
        return Err(classify(&answer));
    }
    exchange::accepted(answer.body["call_id"].as_str())
}

fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let options = &placement.options;
    options.only("Retell", &["ring_seconds", "max_duration_seconds", "voicemail"])?;
    let from = options.caller_e164()?.ok_or_else(|| settings_lack("caller_id"))?;
    let mut body = Value::Object(passed_through(settings)?);
    overlay(
        &mut body,
        json!({
            "from_number": from,
            "to_number": e164_address(&placement.address)?,
            "metadata": {"attempt_id": placement.attempt_id},
            "retell_llm_dynamic_variables": texts(&placement.variables),
            "agent_override": {"agent": agent(options, &placement.callback_url)?},
        }),
    );
    for (setting, member) in
        [("agent_id", "override_agent_id"), ("agent_version", "override_agent_version")]
    {
        if !settings[setting].is_null() {
            body[member] = settings[setting].clone();
        }
    }
    Ok(body)
}

/// What the call has of its own: where to report to, and how long it may take.
fn agent(options: &CallOptions, callback_url: &str) -> Result<Value, PlaceError> {
    let mut agent = json!({
        "webhook_url": callback_url,
        "webhook_events": ["call_started", "call_ended", "call_analyzed"],
    });
    for (setting, stated, allowed, member) in [
        ("ring_seconds", options.ring_seconds, RING_SECONDS, "ring_duration_ms"),
        (
            "max_duration_seconds",
            options.max_duration_seconds,
            DURATION_SECONDS,
            "max_call_duration_ms",
        ),
    ] {
        if let Some(seconds) = stated {
            agent[member] = json!(within(setting, seconds, allowed)? * 1000);
        }
    }
    match &options.voicemail {
        None => (),
        Some(Voicemail::HangUp) => {
            agent["voicemail_option"] = json!({"action": {"type": "hangup"}})
        }
        Some(Voicemail::LeaveMessage(text)) => {
            agent["voicemail_option"] = json!({"action": {"type": "static_text", "text": text}});
        }
        // Without an option no machine is looked for.
        Some(Voicemail::CarryOn) => agent["voicemail_option"] = Value::Null,
    }
    Ok(agent)
}

fn within(name: &str, stated: u32, allowed: RangeInclusive<u32>) -> Result<u32, PlaceError> {
    if allowed.contains(&stated) {
        return Ok(stated);
    }
    let (from, to) = (allowed.start(), allowed.end());
    Err(setting_wrong(format!("{name} is {stated}, but Retell takes {from} to {to} seconds")))
}

/// What a refusal means; a 400 by its words, because it may be about the number or a limit.
fn classify(answer: &Answer) -> PlaceError {
    let said = answer.body["message"].as_str().unwrap_or("refused");
    let lower = said.to_lowercase();
    let refused = |class, word| PlaceError::refused(class, word, exchange::details(answer));
    match answer.status {
        400 | 422 if lower.contains("concurrency") => {
            refused(RefusalClass::OverLimit, "concurrency_limit_reached")
        }
        400 | 422 if lower.contains("to_number") || lower.contains("to number") => {
            refused(RefusalClass::InvalidNumber, "invalid_destination")
        }
        _ => exchange::by_status(answer, said),
    }
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let call = match &sought.provider_call_id {
        Some(id) => by_id(http, account, id).await?,
        None => by_attempt(http, account, sought.attempt_id).await?,
    };
    let event = call.as_ref().and_then(|call| event_of_call(call, Source::LookUp));
    let ours = |event| Event { attempt_id: Some(sought.attempt_id), ..event };
    Ok(event.map(ours).into_iter().collect())
}

async fn by_id(
    http: &reqwest::Client,
    account: &Account,
    id: &str,
) -> Result<Option<Value>, LookUpError> {
    let path = format!("/v2/get-call/{}", segment(id));
    let answer = exchange::ask(account.bearer(http.get(account.url(BASE_URL, &path)))).await?;
    // What it does not know under this key is called unprocessable.
    if answer.status == 422 {
        return Ok(None);
    }
    exchange::understood(answer)
}

async fn by_attempt(
    http: &reqwest::Client,
    account: &Account,
    attempt_id: Uuid,
) -> Result<Option<Value>, LookUpError> {
    let attempt_id = attempt_id.to_string();
    let filter = json!([{"key": "attempt_id", "type": "string", "op": "eq", "value": attempt_id}]);
    let criteria = json!({"filter_criteria": {"metadata": filter}, "limit": 10});
    let calls = listed(http, account, &criteria).await?;
    let items = calls["items"].as_array().into_iter().flatten();
    // The filter is not trusted: what it lets through must say the same.
    let mut ours = items.filter(|call| call["metadata"]["attempt_id"] == attempt_id.as_str());
    Ok(ours.next().cloned())
}

async fn listed(
    http: &reqwest::Client,
    account: &Account,
    criteria: &Value,
) -> Result<Value, LookUpError> {
    let request = account.bearer(http.post(account.url(BASE_URL, "/v3/list-calls"))).json(criteria);
    match exchange::found(request).await? {
        Some(answer) if answer["items"].is_array() => Ok(answer),
        _ => Err(LookUpError("the list is no list".to_owned())),
    }
}

async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let between = json!([span.from.timestamp_millis(), span.until.timestamp_millis()]);
    let mut criteria = json!({
        "filter_criteria": {
            "start_timestamp": {"type": "range", "op": "bt", "value": between},
            "call_type": {"type": "enum", "op": "in", "value": ["phone_call"]},
        },
        "sort_order": "ascending",
        "limit": PAGE,
    });
    if let Some(cursor) = &span.cursor {
        criteria["pagination_key"] = json!(cursor);
    }
    let answer = listed(http, account, &criteria).await?;
    let call = |call: &Value| {
        Some(Listed {
            address: call["to_number"].as_str().map(str::to_owned),
            created_at: instant(&call["start_timestamp"]),
            event: event_of_call(call, Source::Poll)?,
        })
    };
    let next = answer["pagination_key"].as_str().filter(|_| answer["has_more"] == true);
    Ok(Page {
        calls: answer["items"].as_array().into_iter().flatten().filter_map(call).collect(),
        next: next.map(str::to_owned),
    })
}

/// `v=<milliseconds>,d=<hexadecimal>`: HMAC-SHA256 over the body and then the milliseconds, under
/// the API key that is marked as the one for webhooks.
fn verify(key: &str, stated: &str, body: &[u8], now: DateTime<Utc>) -> Result<(), VerifyError> {
    let parts = stated.strip_prefix("v=").and_then(|rest| rest.split_once(",d="));
    let (stamp, digest) = parts.ok_or(VerifyError::WrongSignature)?;
    let millis: i64 = stamp.parse().map_err(|_| VerifyError::WrongSignature)?;
    // The digits themselves are signed; a sign or zeros in front would be other digits.
    if millis.to_string() != stamp {
        return Err(VerifyError::WrongSignature);
    }
    signature::fresh_within(millis.div_euclid(1000), now, WINDOW_SECONDS, WINDOW_SECONDS)?;
    let digest = signature::unhex(digest).ok_or(VerifyError::WrongSignature)?;
    signature::verify(Digest::Sha256, key.as_bytes(), &[body, stamp.as_bytes()], &digest)
}

fn parse(request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
    let body = request.json()?;
    let said = body["event"].as_str().ok_or(ParseError::Missing("event"))?;
    let call = &body["call"];
    let id = call["call_id"].as_str().ok_or(ParseError::Missing("call.call_id"))?;
    let kind = match said {
        "call_started" => Kind::Answered,
        "call_ended" => kind_of_end(call),
        "call_analyzed" => Kind::Ended,
        _ => return Ok(Vec::new()),
    };
    let event = Event {
        attempt_id: attempt_id(call).or(request.attempt_id),
        provider_call_id: Some(id.to_owned()),
        at: instant(&call["start_timestamp"]),
        report_follows: kind == Kind::Note,
        ..Event::new(format!("{id}:{said}"), kind, Source::Webhook, body.clone())
    };
    Ok(vec![with_end(event, call)])
}

/// The label comes only with the analysis, and a call without it could be dialled again. So the
/// end alone ends an attempt only if nobody was reached; else it is noted.
fn kind_of_end(call: &Value) -> Kind {
    let outcome = call["disconnection_reason"].as_str().and_then(outcome);
    if outcome.is_some_and(reached_nobody) { Kind::Ended } else { Kind::Note }
}

fn outcome(reason: &str) -> Option<&'static str> {
    word::outcome(WORDS, WordKind::EndedReason, reason)
}

/// A call as looked up or listed; nothing where its status is not known to us.
fn event_of_call(call: &Value, source: Source) -> Option<Event> {
    let id = call["call_id"].as_str()?;
    let status = call["call_status"].as_str()?;
    let kind = match status {
        "registered" => Kind::Placed,
        "ongoing" => Kind::Answered,
        "ended" | "not_connected" | "error" => Kind::Ended,
        _ => return None,
    };
    let event = Event {
        attempt_id: attempt_id(call),
        provider_call_id: Some(id.to_owned()),
        at: instant(&call["start_timestamp"]),
        ..Event::new(format!("{id}:look_up:{status}"), kind, source, call.clone())
    };
    Some(with_end(event, call))
}

/// An event with what is known once a call is over.
fn with_end(event: Event, call: &Value) -> Event {
    if !matches!(event.kind, Kind::Ended | Kind::Note) {
        return event;
    }
    let analysis = &call["call_analysis"]["custom_analysis_data"];
    let word = call["disconnection_reason"].as_str().or_else(|| call["call_status"].as_str());
    Event {
        at: instant(&call["end_timestamp"]).or(event.at),
        outcome: word.and_then(outcome),
        word: word.map(str::to_owned),
        disposition: analysis["disposition"].as_str().map(str::to_owned),
        classification: analysis["classification"].as_str().map(str::to_owned),
        success: success(&call["call_analysis"]["call_successful"]),
        callback_at: analysis["callback_at"].as_str().map(str::to_owned),
        duration_seconds: call["duration_ms"].as_f64().map(|millis| millis / 1000.0),
        ..event
    }
}

fn attempt_id(call: &Value) -> Option<Uuid> {
    call["metadata"]["attempt_id"].as_str()?.parse().ok()
}

fn instant(millis: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(millis.as_i64()?)
}

#[cfg(test)]
mod tests;
