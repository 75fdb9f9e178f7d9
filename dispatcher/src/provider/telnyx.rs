//! Telnyx: voice calls by Call Control, with an assistant of theirs where one is named.
//!
//! The attempt's id is the `command_id` (Telnyx passes over a second one within sixty seconds; the
//! order is never sent twice all the same), the `client_state`, which every webhook brings back,
//! and stands in the callback URL. Webhooks come signed by Ed25519, in any order, at once or twice.
//! A machine is reported apart from the end of its call, so that an end after which a machine may
//! have been heard is looked up. Events of a call can be asked for by its leg, or by number and
//! time; how soon they are there, and what shape they have inside, is not said by the vendor.

use super::account::{setting_wrong, settings_lack};
use super::call_options::{passed_through, refuse_own_dialling};
use super::forward::forward_to_functions;
use super::request::{overlay, segment, texts};
use super::signature::{self, WINDOW_SECONDS};
use super::sip::SIP;
use super::word::{self, Word, WordKind, vocabulary};
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookRequest, HookTrust, Kind, Listed,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass, Sought, Source,
    Span, VerifyError, Voicemail, e164_address, exchange,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

const BASE_URL: &str = "https://api.telnyx.com/v2";
/// LIMIT: rows on a page of events.
const PAGE: &str = "250";
/// What stands behind the attempt's id where a machine is to be told from a person.
const DETECTS: &str = " detects";

#[derive(Debug)]
pub struct Telnyx;

impl Adapter for Telnyx {
    forward_to_functions!();

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        let find = |name| request.header(name).ok_or(VerifyError::NotSigned);
        let (stated, stamp) = (find("telnyx-signature-ed25519")?, find("telnyx-timestamp")?);
        verify(trust.secret.text(), stated, stamp, request.body, now)
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
    let path = format!("/calls/{}/actions/hangup", segment(provider_call_id));
    exchange::order(account.bearer(http.post(account.url(BASE_URL, &path))).json(&json!({}))).await
}

async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    let Some(path) = active_calls(account) else {
        const REMEDY: &str = "set connection_id to the id of the Call Control application";
        return Err(CheckError::new("settings lack connection_id", REMEDY));
    };
    exchange::check(account.bearer(http.get(account.url(BASE_URL, &path)))).await
}

const WORDS: &[Word] = vocabulary! {
    Status, None, "on its way": "call.initiated" "call.answered";
    Status, None, "over; the cause says how": "call.hangup";
    EndedReason, Some("completed"), "": "normal_clearing" "time_limit";
    EndedReason, Some("busy"), "": "user_busy";
    EndedReason, Some("no_answer"), "": "no_answer" "timeout";
    EndedReason, Some("cancelled"), "": "originator_cancel";
    EndedReason, Some("invalid_number"), "": "not_found";
    EndedReason, Some("rejected"), "unless the SIP response says otherwise": "call_rejected";
    EndedReason, None, "the SIP response says how": "unspecified";
    AnsweredBy, Some("voicemail"), "": "machine" "fax_detected" "beep_detected"
        "no_beep_detected";
    AnsweredBy, None, "": "human" "human_residence" "human_business" "not_sure" "silence" "ended";
    Error, Some("account_error"), "": "10009" "10010";
    Error, Some("invalid_number"), "of the number called": "10002" "10016";
    Error, Some("config_error"), "": "10004" "10015";
    Error, Some("over_limit"), "": "10011" "90103";
    Error, None, "it may have been done": "10007" "10008";
    Error, Some("over_limit"), "calls at once": "D1" "D2" "D3" "D22";
    Error, Some("config_error"), "": "D24" "D10" "D11" "D12" "D13" "D14" "D15" "D16" "D17" "D18"
        "D19" "D25" "D26" "D27" "D28" "D29" "D30" "D31";
    Error, Some("invalid_number"), "no such destination": "D21";
};

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let request = account
        .bearer(http.post(account.url(BASE_URL, "/calls")))
        .json(&order(&account.settings, placement)?);
    let answer = exchange::send(request, &placement.gate).await?;
    if !(200..300).contains(&answer.status) {
        return Err(classify(&answer));
    }
    exchange::accepted(answer.body["data"]["call_control_id"].as_str())
}

fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let options = &placement.options;
    let known =
        ["ring_seconds", "max_duration_seconds", "record", "machine_detection", "voicemail"];
    options.only("Telnyx", &known)?;
    if matches!(options.voicemail, Some(Voicemail::HangUp | Voicemail::LeaveMessage(_))) {
        let reason = "voicemail is set, but Telnyx only tells of a machine and carries on; \
            set it to carry_on and let the assistant end the call";
        return Err(setting_wrong(reason.to_owned()));
    }
    let from = options.caller_e164()?.ok_or_else(|| settings_lack("caller_id"))?;
    let connection = &settings["connection_id"];
    let connection = connection.as_str().ok_or_else(|| settings_lack("connection_id"))?;
    let request = passed_through(settings)?;
    refuse_own_dialling(&request, &["retry_on_timeout"], "Telnyx")?;
    let mut body = Value::Object(request);
    overlay(
        &mut body,
        json!({
            "connection_id": connection,
            "to": e164_address(&placement.address)?,
            "from": from,
            "command_id": placement.attempt_id,
            "webhook_url": placement.callback_url,
            "webhook_url_method": "POST",
        }),
    );
    if let Some(assistant) = settings["assistant_id"].as_str() {
        let variables = texts(&placement.variables);
        let over = json!({"id": assistant, "dynamic_variables": variables});
        overlay(&mut body["assistant"], over);
    }
    if let Some(seconds) = options.ring_seconds {
        body["timeout_secs"] = json!(seconds);
    }
    if let Some(seconds) = options.max_duration_seconds {
        body["time_limit_secs"] = json!(seconds);
    }
    if options.record == Some(true) {
        body["record"] = json!("record-from-answer");
    }
    match options.machine_detection {
        Some(true) if body["answering_machine_detection"].is_null() => {
            body["answering_machine_detection"] = json!("detect");
        }
        Some(false) => body["answering_machine_detection"] = json!("disabled"),
        _ => (),
    }
    let detects = !matches!(body["answering_machine_detection"].as_str(), None | Some("disabled"));
    body["client_state"] = json!(client_state(placement.attempt_id, detects));
    Ok(body)
}

fn client_state(attempt_id: Uuid, detects: bool) -> String {
    BASE64.encode(format!("{attempt_id}{}", if detects { DETECTS } else { "" }))
}

/// The attempt, and whether a machine was to be told from a person.
fn read_state(state: &Value) -> Option<(Uuid, bool)> {
    let text = String::from_utf8(BASE64.decode(state.as_str()?).ok()?).ok()?;
    let (id, detects) = match text.strip_suffix(DETECTS) {
        Some(id) => (id, true),
        None => (text.as_str(), false),
    };
    Some((id.parse().ok()?, detects))
}

/// What a refusal means: by its code, then by a mark such as `D1` in its text, then by status.
fn classify(answer: &Answer) -> PlaceError {
    let error = &answer.body["errors"][0];
    let text = |name: &str| super::request::text(&error[name]).unwrap_or_default();
    let (code, said) = (text("code"), format!("{} {}", text("title"), text("detail")));
    let marks = said.split(|c: char| !c.is_ascii_alphanumeric());
    let words = std::iter::once(code.as_str()).chain(marks);
    let known = words.filter_map(|word| word::find(WORDS, WordKind::Error, word)).next();
    let about_from = error["source"]["pointer"].as_str().is_some_and(|at| at.contains("from"));
    let word = if code.is_empty() { "refused" } else { &code };
    match known {
        // A server that failed is not believed to have done nothing, whatever its code.
        _ if answer.status >= 500 => exchange::by_status(answer, word),
        Some(known) if known.outcome.is_none() => {
            PlaceError::Unknown(format!("error {}", known.word))
        }
        Some(known) => {
            let class = match known.outcome.and_then(RefusalClass::of_outcome) {
                Some(RefusalClass::InvalidNumber) if about_from => RefusalClass::ConfigError,
                Some(class) => class,
                None => return exchange::by_status(answer, word),
            };
            PlaceError::refused(class, word, exchange::details(answer))
        }
        None => exchange::by_status(answer, word),
    }
}

fn active_calls(account: &Account) -> Option<String> {
    Some(format!("/connections/{}/active_calls", segment(account.text("connection_id")?)))
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let found = match &sought.provider_call_id {
        Some(id) => by_id(http, account, id).await?,
        None => by_attempt(http, account, sought).await?,
    };
    let ours = |event| Event { attempt_id: Some(sought.attempt_id), ..event };
    Ok(found.map(ours).into_iter().collect())
}

async fn by_id(
    http: &reqwest::Client,
    account: &Account,
    id: &str,
) -> Result<Option<Event>, LookUpError> {
    let path = format!("/calls/{}", segment(id));
    let request = account.bearer(http.get(account.url(BASE_URL, &path)));
    let Some(answer) = exchange::found(request).await? else { return Ok(None) };
    let call = &answer["data"];
    if call["is_alive"] == true {
        return Ok(Some(alive(id, call)));
    }
    let Some(leg) = call["call_leg_id"].as_str() else { return Ok(None) };
    let mut rows = events(http, account, &[("filter[leg_id]", leg.to_owned())]).await?;
    rows.retain(|row| is_of_leg(row, leg));
    Ok(has_ended(call, &rows).then(|| over(id, call, &rows)))
}

/// The filter is not trusted: an event that names another leg is another call's.
fn is_of_leg(row: &Value, leg: &str) -> bool {
    with_member(row, "call_leg_id").is_none_or(|inner| inner["call_leg_id"] == leg)
}

/// Not to be alive is said of a call that has just been ordered as well.
fn has_ended(call: &Value, rows: &[Value]) -> bool {
    call["end_time"].is_string()
        || rows.iter().any(|row| with_member(row, "hangup_cause").is_some())
}

fn alive(id: &str, call: &Value) -> Event {
    Event {
        provider_call_id: Some(id.to_owned()),
        ..Event::new(format!("{id}:look_up:alive"), Kind::Placed, Source::LookUp, call.clone())
    }
}

/// A call that is over, by its events. Without one that says how, its outcome stays open.
fn over(id: &str, call: &Value, rows: &[Value]) -> Event {
    let hang_up = rows.iter().find_map(|row| with_member(row, "hangup_cause"));
    let machine = rows.iter().filter(|row| of_detection(row)).any(heard_a_machine);
    let (word, outcome) = end(hang_up.unwrap_or(&Value::Null), machine);
    Event {
        provider_call_id: Some(id.to_owned()),
        at: instant(&call["end_time"]),
        duration_seconds: call["call_duration"].as_f64(),
        outcome,
        word: Some(word),
        ..Event::new(
            format!("{id}:look_up:over"),
            Kind::Ended,
            Source::LookUp,
            json!({"call": call, "events": rows}),
        )
    }
}

/// Among the live calls by the state that they carry, then among the events of the number.
async fn by_attempt(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Option<Event>, LookUpError> {
    let ours = |value: &Value| {
        read_state(&value["client_state"]).is_some_and(|(id, _)| id == sought.attempt_id)
    };
    if let Some(path) = active_calls(account) {
        let request = account.bearer(http.get(account.url(BASE_URL, &path)));
        let answer = exchange::found(request).await?.unwrap_or_default();
        let live = answer["data"].as_array().into_iter().flatten().find(|call| ours(call));
        let id = live.and_then(|call| Some((call["call_control_id"].as_str()?, call)));
        if let Some((id, call)) = id {
            return Ok(Some(alive(id, call)));
        }
    }
    let Some(address) = &sought.address else { return Ok(None) };
    let filters = [
        ("filter[to]", address.clone()),
        ("filter[occurred_at][gte]", stamp(sought.intended_at - TimeDelta::minutes(5))),
        ("filter[occurred_at][lte]", stamp(sought.intended_at + TimeDelta::minutes(30))),
    ];
    let rows = events(http, account, &filters).await?;
    let named = rows.iter().filter_map(|row| with_member(row, "client_state"));
    let payload = named
        .filter(|payload| ours(payload))
        .find_map(|payload| payload["call_control_id"].as_str());
    match payload {
        Some(id) => by_id(http, account, id).await,
        None => Ok(None),
    }
}

async fn events(
    http: &reqwest::Client,
    account: &Account,
    filters: &[(&str, String)],
) -> Result<Vec<Value>, LookUpError> {
    let request = account.bearer(http.get(account.url(BASE_URL, "/call_events")));
    let request = request.query(filters).query(&[("page[size]", PAGE)]);
    let answer = exchange::found(request).await?.unwrap_or_default();
    answer["data"].as_array().cloned().ok_or_else(|| LookUpError("the list is no list".to_owned()))
}

/// The innermost part of an event that has a member: where the raw event lies inside is not said.
fn with_member<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => {
            let inner = members.values().find_map(|inner| with_member(inner, name));
            inner.or_else(|| members.get(name).filter(|member| !member.is_null()).map(|_| value))
        }
        Value::Array(parts) => parts.iter().find_map(|part| with_member(part, name)),
        _ => None,
    }
}

fn of_detection(row: &Value) -> bool {
    row["name"].as_str().is_some_and(|name| name.starts_with("call.machine."))
}

fn heard_a_machine(row: &Value) -> bool {
    let result = with_member(row, "result").and_then(|payload| payload["result"].as_str());
    result.is_some_and(|result| {
        word::outcome(WORDS, WordKind::AnsweredBy, result) == Some("voicemail")
    })
}

/// The hang-ups of a span; the list is of events, not of calls.
async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let page: u64 = span.cursor.as_deref().and_then(|cursor| cursor.parse().ok()).unwrap_or(1);
    let filters = [
        ("filter[occurred_at][gte]", stamp(span.from)),
        ("filter[occurred_at][lte]", stamp(span.until)),
        ("filter[type]", "webhook".to_owned()),
        ("page[number]", page.to_string()),
    ];
    let rows = events(http, account, &filters).await?;
    let next = (rows.len().to_string() == PAGE).then(|| (page + 1).to_string());
    Ok(Page { calls: rows.iter().filter_map(listed).collect(), next })
}

fn listed(row: &Value) -> Option<Listed> {
    let payload = with_member(row, "hangup_cause")?;
    let event = event_of_hang_up(payload, payload["call_control_id"].as_str()?, row, Source::Poll);
    Some(Listed {
        address: payload["to"].as_str().map(str::to_owned),
        created_at: instant(&payload["start_time"]),
        event: Event { kind: Kind::Ended, ..event },
    })
}

/// Ed25519 over `{timestamp}|{body}`, by the public key that the portal shows.
fn verify(
    public_key: &str,
    stated: &str,
    stamp: &str,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), VerifyError> {
    let seconds: i64 = stamp.parse().map_err(|_| VerifyError::WrongSignature)?;
    signature::fresh_within(seconds, now, WINDOW_SECONDS, WINDOW_SECONDS)?;
    let key = BASE64.decode(public_key).map_err(|_| VerifyError::WrongSettings)?;
    let stated = BASE64.decode(stated).map_err(|_| VerifyError::WrongSignature)?;
    let message = [stamp.as_bytes(), b"|", body].concat();
    let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, key);
    key.verify(&message, &stated).map_err(|_| VerifyError::WrongSignature)
}

fn parse(request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
    let body = request.json()?;
    let data = &body["data"];
    let said = data["event_type"].as_str().ok_or(ParseError::Missing("data.event_type"))?;
    let key = data["id"].as_str().ok_or(ParseError::Missing("data.id"))?;
    let payload = &data["payload"];
    let id = payload["call_control_id"].as_str();
    let id = id.ok_or(ParseError::Missing("data.payload.call_control_id"))?;
    let event = match said {
        "call.initiated" => told(payload, id, Kind::Placed, &body),
        "call.answered" => told(payload, id, Kind::Answered, &body),
        "call.hangup" => event_of_hang_up(payload, id, &body, Source::Webhook),
        _ if said.starts_with("call.machine.") => Event {
            word: payload["result"].as_str().map(str::to_owned),
            ..told(payload, id, Kind::Note, &body)
        },
        _ => return Ok(Vec::new()),
    };
    // The attempt that the address names is not believed: a leg to which the call was passed on
    // reports to it as well, without our state, and is told apart by its own id.
    Ok(vec![Event {
        event_key: key.to_owned(),
        at: event.at.or_else(|| instant(&data["occurred_at"])),
        ..event
    }])
}

fn told(payload: &Value, id: &str, kind: Kind, raw: &Value) -> Event {
    Event {
        attempt_id: read_state(&payload["client_state"]).map(|(id, _)| id),
        provider_call_id: Some(id.to_owned()),
        ..Event::new(id.to_owned(), kind, Source::Webhook, raw.clone())
    }
}

/// An end. Where a machine was to be told from a person, one that ran its course may have been
/// with a machine: it is noted, and looked up among the events.
fn event_of_hang_up(payload: &Value, id: &str, raw: &Value, source: Source) -> Event {
    let (word, outcome) = end(payload, false);
    let detects = read_state(&payload["client_state"]).is_some_and(|(_, detects)| detects);
    let open = detects && outcome == Some("completed");
    let length = instant(&payload["end_time"])
        .and_then(|end| Some((end - instant(&payload["start_time"])?).as_seconds_f64()));
    Event {
        outcome,
        word: Some(word),
        at: instant(&payload["end_time"]),
        duration_seconds: length,
        report_follows: open,
        source,
        event_key: format!("{id}:hangup"),
        ..told(payload, id, if open { Kind::Note } else { Kind::Ended }, raw)
    }
}

/// How a call ended: by its cause, by the SIP response where the cause leaves it open or hides it.
fn end(payload: &Value, machine: bool) -> (String, Option<&'static str>) {
    let cause = payload["hangup_cause"].as_str().unwrap_or("unknown");
    let sip = payload["sip_hangup_cause"].as_str().unwrap_or("unspecified");
    let by_cause = word::outcome(WORDS, WordKind::EndedReason, cause);
    let by_sip = word::outcome(SIP, WordKind::Sip, sip);
    let known = word::find(WORDS, WordKind::EndedReason, cause).is_some();
    match cause {
        _ if machine && by_cause == Some("completed") => (cause.to_owned(), Some("voicemail")),
        "call_rejected" => (format!("{cause}:{sip}"), by_sip.or(by_cause)),
        _ if by_cause.is_none() && known => (format!("{cause}:{sip}"), by_sip),
        _ => (cause.to_owned(), by_cause),
    }
}

fn instant(text: &Value) -> Option<DateTime<Utc>> {
    text.as_str()?.parse().ok()
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
