//! ElevenLabs Agents: voice calls by an agent, over Twilio or a SIP trunk.
//!
//! Knows no idempotency key. The attempt's id travels as the `user_id` of the conversation, by
//! which the list can be asked, and as a variable. Webhooks are set up once for the workspace, not
//! by call; they come when the analysis is done, or when the call could not be begun (the only
//! word of a busy line). An answer of 200 may say `success: false`. Nothing is said by the vendor
//! about hanging a call up, so there is no way to.

use super::account::{setting_wrong, settings_lack};
use super::call_options::passed_through;
use super::event::success;
use super::forward::forward_to_functions;
use super::request::{overlay, segment, texts};
use super::signature::{self, Digest, WINDOW_SECONDS};
use super::sip::SIP;
use super::word::{self, Word, WordKind, vocabulary};
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookRequest, HookTrust, Kind, Listed,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass, Sought, Source,
    Span, VerifyError, e164_address, exchange,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

const BASE_URL: &str = "https://api.elevenlabs.io";
/// LIMIT: how old a webhook may be, as the vendor's own libraries have it.
const OLD_SECONDS: i64 = 30 * 60;
/// LIMIT: conversations on one page of the list; each is asked for by itself.
const PAGE: &str = "30";

#[derive(Debug)]
pub struct ElevenLabs;

impl Adapter for ElevenLabs {
    forward_to_functions!();

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        let stated = request.header("elevenlabs-signature").ok_or(VerifyError::NotSigned)?;
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
    _http: &reqwest::Client,
    _account: &Account,
    _provider_call_id: &str,
) -> Result<(), LookUpError> {
    Err(LookUpError("ElevenLabs has no way to end a call from outside".to_owned()))
}

async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    let request = http.get(account.url(BASE_URL, CONVERSATIONS)).query(&[("page_size", "1")]);
    exchange::check(keyed(request, account)).await
}

const WORDS: &[Word] = vocabulary! {
    Status, None, "not over yet": "initiated" "in-progress" "processing";
    Status, Some("completed"), "unless a voicemail was found": "done";
    Status, Some("maybe_reached"), "": "failed";
    EndedReason, Some("busy"), "could not be begun": "busy";
    EndedReason, Some("no_answer"), "could not be begun": "no-answer";
    EndedReason, None, "could not be begun; the carrier's code may say how": "unknown";
    AnsweredBy, Some("voicemail"), "the agent's voicemail detection was used": "voicemail_detection";
};

const CONVERSATIONS: &str = "/v1/convai/conversations";

fn keyed(request: reqwest::RequestBuilder, account: &Account) -> reqwest::RequestBuilder {
    match &account.key {
        Some(key) => request.header("xi-api-key", key.text()),
        None => request,
    }
}

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let (path, body) = order(&account.settings, placement)?;
    let request = keyed(http.post(account.url(BASE_URL, path)), account).json(&body);
    let answer = exchange::send(request, &placement.gate).await?;
    if !(200..300).contains(&answer.status) {
        return Err(classify(&answer));
    }
    match (&answer.body["success"], answer.body["conversation_id"].as_str()) {
        (Value::Bool(false), None) if !names_a_call(&answer.body) => {
            let word = answer.body["message"].as_str().unwrap_or("success: false");
            let details = exchange::details(&answer);
            Err(PlaceError::refused(RefusalClass::ProviderFault, word, details))
        }
        // It has a conversation or a call all the same: it may have rung.
        (Value::Bool(false), _) => {
            Err(PlaceError::Unknown("no success, but a conversation or a call".to_owned()))
        }
        (_, id) => exchange::accepted(id),
    }
}

/// Whether an answer names the carrier's call.
fn names_a_call(answer: &Value) -> bool {
    ["callSid", "sip_call_id"].iter().any(|name| answer[*name].is_string())
}

fn order(settings: &Value, placement: &Placement) -> Result<(&'static str, Value), PlaceError> {
    let options = &placement.options;
    let path = match settings["telephony"].as_str() {
        None | Some("twilio") => "/v1/convai/twilio/outbound-call",
        Some("sip_trunk") => "/v1/convai/sip-trunk/outbound-call",
        Some(other) => {
            let reason = format!("telephony is {other:?}, but must be twilio or sip_trunk");
            return Err(setting_wrong(reason));
        }
    };
    let over_twilio = path.contains("twilio");
    let known: &[&str] = if over_twilio { &["ring_seconds", "record"] } else { &["ring_seconds"] };
    options.only("ElevenLabs", known)?;
    let agent = settings["agent_id"].as_str().ok_or_else(|| settings_lack("agent_id"))?;
    let number = options.caller_ref.as_deref().or_else(|| settings["phone_number_id"].as_str());
    let number = number.ok_or_else(|| settings_lack("phone_number_id"))?;
    let mut variables = texts(&placement.variables);
    variables.insert("attempt_id".into(), json!(placement.attempt_id));
    let mut body = Value::Object(passed_through(settings)?);
    overlay(
        &mut body,
        json!({
            "agent_id": agent,
            "agent_phone_number_id": number,
            "to_number": e164_address(&placement.address)?,
            "conversation_initiation_client_data": {
                "user_id": placement.attempt_id,
                "dynamic_variables": variables,
            },
        }),
    );
    if let Some(seconds) = options.ring_seconds {
        overlay(&mut body["telephony_call_config"], json!({"ringing_timeout_secs": seconds}));
    }
    if let Some(record) = options.record {
        body["call_recording_enabled"] = json!(record);
    }
    Ok((path, body))
}

/// 422 says of which member it does not approve.
fn classify(answer: &Answer) -> PlaceError {
    let detail = &answer.body["detail"];
    let places = detail.as_array().into_iter().flatten();
    let about_number = places
        .flat_map(|problem| problem["loc"].as_array().into_iter().flatten())
        .any(|place| place == "to_number");
    let word = detail["status"].as_str().unwrap_or("refused");
    let refused = |class| PlaceError::refused(class, word, exchange::details(answer));
    match answer.status {
        422 if about_number => refused(RefusalClass::InvalidNumber),
        401 if word == "quota_exceeded" => refused(RefusalClass::AccountError),
        _ => exchange::by_status(answer, word),
    }
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let id = match &sought.provider_call_id {
        Some(id) => Some(id.clone()),
        None => by_attempt(http, account, sought).await?,
    };
    let Some(id) = id else { return Ok(Vec::new()) };
    let conversation = conversation(http, account, &id).await?;
    let ours = conversation.filter(|found| is_ours(found, sought));
    Ok(sought.ours(ours.and_then(|found| event_of(&found, Source::LookUp))))
}

/// Whether a conversation is the one sought: it names the attempt, or was asked for by its own id
/// and names no other. The vendor's filter alone proves nothing.
fn is_ours(conversation: &Value, sought: &Sought) -> bool {
    match attempt_id(conversation) {
        Some(attempt_id) => attempt_id == sought.attempt_id,
        None => sought.provider_call_id.is_some(),
    }
}

async fn conversation(
    http: &reqwest::Client,
    account: &Account,
    id: &str,
) -> Result<Option<Value>, LookUpError> {
    let path = format!("{CONVERSATIONS}/{}", segment(id));
    exchange::found(keyed(http.get(account.url(BASE_URL, &path)), account)).await
}

/// The conversation whose `user_id` is the attempt. The list does not show that id; the
/// conversation does, and is looked at (`is_ours`). Two answers would be one too many.
async fn by_attempt(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Option<String>, LookUpError> {
    let request = http.get(account.url(BASE_URL, CONVERSATIONS)).query(&[
        ("user_id", sought.attempt_id.to_string()),
        ("call_start_after_unix", (sought.intended_at.timestamp() - 300).to_string()),
        ("page_size", "2".to_owned()),
    ]);
    let answer = page(keyed(request, account)).await?;
    match answer["conversations"].as_array().map_or(&[][..], Vec::as_slice) {
        [] => Ok(None),
        [one] => Ok(one["conversation_id"].as_str().map(str::to_owned)),
        _ => Err(LookUpError("several conversations have the attempt's id".to_owned())),
    }
}

async fn page(request: reqwest::RequestBuilder) -> Result<Value, LookUpError> {
    match exchange::found(request).await? {
        Some(answer) if answer["conversations"].is_array() => Ok(answer),
        _ => Err(LookUpError("the list is no list".to_owned())),
    }
}

async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let mut request = http.get(account.url(BASE_URL, CONVERSATIONS)).query(&[
        ("call_start_after_unix", span.from.timestamp().to_string()),
        ("call_start_before_unix", span.until.timestamp().to_string()),
        ("page_size", PAGE.to_owned()),
    ]);
    if let Some(agent) = account.text("agent_id") {
        request = request.query(&[("agent_id", agent)]);
    }
    if let Some(cursor) = &span.cursor {
        request = request.query(&[("cursor", cursor)]);
    }
    let answer = page(keyed(request, account)).await?;
    let mut calls = Vec::new();
    for row in answer["conversations"].as_array().into_iter().flatten() {
        // The list does not say whom; the conversation itself does.
        let Some(id) = row["conversation_id"].as_str() else { continue };
        let found = conversation(http, account, id).await?;
        calls.extend(found.as_ref().and_then(listed));
    }
    let next = answer["next_cursor"].as_str().filter(|_| answer["has_more"] == true);
    Ok(Page { calls, next: next.map(str::to_owned) })
}

fn listed(conversation: &Value) -> Option<Listed> {
    let metadata = &conversation["metadata"];
    Some(Listed {
        address: metadata["phone_call"]["external_number"].as_str().map(str::to_owned),
        created_at: unix(&metadata["start_time_unix_secs"]),
        event: event_of(conversation, Source::Poll)?,
    })
}

/// `t=<seconds>,v0=<hexadecimal>`: HMAC-SHA256 over `{seconds}.{body}`.
fn verify(key: &str, stated: &str, body: &[u8], now: DateTime<Utc>) -> Result<(), VerifyError> {
    let member = |name: &str| stated.split(',').find_map(|part| part.trim().strip_prefix(name));
    let (Some(stamp), Some(digest)) = (member("t="), member("v0=")) else {
        return Err(VerifyError::WrongSignature);
    };
    let seconds: i64 = stamp.parse().map_err(|_| VerifyError::WrongSignature)?;
    signature::fresh_within(seconds, now, OLD_SECONDS, WINDOW_SECONDS)?;
    let digest = signature::unhex(digest).ok_or(VerifyError::WrongSignature)?;
    signature::verify(Digest::Sha256, key.as_bytes(), &[stamp.as_bytes(), b".", body], &digest)
}

fn parse(request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
    let body = request.json()?;
    let said = body["type"].as_str().ok_or(ParseError::Missing("type"))?;
    let data = &body["data"];
    let event = match said {
        "post_call_transcription" => event_of(data, Source::Webhook),
        "call_initiation_failure" => failure(data),
        _ => return Ok(Vec::new()),
    };
    let event = event.ok_or(ParseError::Missing("data.conversation_id"))?;
    Ok(vec![Event {
        event_key: format!("{}:{said}", event.provider_call_id.as_deref().unwrap_or("?")),
        attempt_id: event.attempt_id.or(request.attempt_id),
        at: event.at.or_else(|| unix(&body["event_timestamp"])),
        raw: body.clone(),
        ..event
    }])
}

/// A conversation as reported, looked up or listed.
fn event_of(data: &Value, source: Source) -> Option<Event> {
    let id = data["conversation_id"].as_str()?;
    let status = data["status"].as_str().unwrap_or("done");
    let kind = match status {
        "initiated" => Kind::Placed,
        "in-progress" => Kind::Answered,
        // It is over, and its analysis will be reported.
        "processing" => Kind::Note,
        _ => Kind::Ended,
    };
    let metadata = &data["metadata"];
    let length = metadata["call_duration_secs"].as_f64();
    let event = Event {
        attempt_id: attempt_id(data),
        provider_call_id: Some(id.to_owned()),
        at: unix(&metadata["start_time_unix_secs"]),
        report_follows: kind == Kind::Note,
        ..Event::new(format!("{id}:look_up:{status}"), kind, source, data.clone())
    };
    if kind != Kind::Ended {
        return Some(event);
    }
    let collected = &data["analysis"]["data_collection_results"];
    let text = |name: &str| collected[name]["value"].as_str().map(str::to_owned);
    let machine = metadata["features_usage"]["voicemail_detection"]["used"] == true;
    let (kind_of_word, said) = match machine && status == "done" {
        true => (WordKind::AnsweredBy, "voicemail_detection"),
        false => (WordKind::Status, status),
    };
    Some(Event {
        outcome: word::outcome(WORDS, kind_of_word, said),
        word: Some(said.to_owned()),
        disposition: text("disposition"),
        classification: text("classification"),
        success: success(&data["analysis"]["call_successful"]),
        callback_at: text("callback_at"),
        duration_seconds: length,
        ..event
    })
}

/// A call that could not be begun: by its reason, else by what the carrier said of it.
fn failure(data: &Value) -> Option<Event> {
    let id = data["conversation_id"].as_str()?;
    let reason = data["failure_reason"].as_str().unwrap_or("unknown");
    let carrier = &data["metadata"]["body"];
    let code = ["sip_status_code", "SipResponseCode"].into_iter();
    let code = code.filter_map(|name| super::request::text(&carrier[name])).next();
    let by_code = code.as_deref().and_then(|code| word::outcome(SIP, WordKind::Sip, code));
    let by_reason = word::outcome(WORDS, WordKind::EndedReason, reason);
    let word = match (by_reason, code) {
        (None, Some(code)) => format!("{reason}:{code}"),
        _ => reason.to_owned(),
    };
    Some(Event {
        attempt_id: attempt_id(data),
        provider_call_id: Some(id.to_owned()),
        outcome: by_reason.or(by_code),
        word: Some(word),
        ..Event::new(format!("{id}:failure"), Kind::Ended, Source::Webhook, data.clone())
    })
}

fn attempt_id(data: &Value) -> Option<Uuid> {
    let client = &data["conversation_initiation_client_data"];
    [&data["user_id"], &client["user_id"], &client["dynamic_variables"]["attempt_id"]]
        .into_iter()
        .find_map(|value| value.as_str()?.parse().ok())
}

fn unix(seconds: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(seconds.as_i64()?, 0)
}

#[cfg(test)]
mod tests;
