//! Twilio: voice calls, told what to do by a document (TwiML).
//!
//! There is no idempotency key and no metadata: the attempt's id travels in the callback URL, which
//! the vendor signs, and which it shows again among the events of a call. So a lost answer is
//! looked for among the calls to the number at the time, and what is found is ours for certain.
//! A 201 says that the call is queued: calls go out at one a second by default, and `per_second`
//! should say so, or they wait there. Nothing here waits for `queue_time`.
//!
//! Credentials are the account's SID (`settings.account_sid`) and its auth token, or an API key's
//! SID (`settings.api_key_sid`) and secret; webhooks are always signed with the auth token.

mod order;
mod webhook;
mod words;

use super::word::{self, Word, WordKind};
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookAnswer, HookRequest, HookTrust,
    Kind, Listed, LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass,
    Sought, Source, Span, VerifyError, account::settings_lack, exchange,
    forward::forward_to_functions,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use webhook::{End, instant};

const BASE_URL: &str = "https://api.twilio.com/2010-04-01";
/// LIMIT: calls on one page of the list.
const PAGE: &str = "1000";
/// LIMIT: calls to one number at one time that are asked for their events.
const CANDIDATES_MAX: usize = 20;

#[derive(Debug)]
pub struct Twilio;

impl Adapter for Twilio {
    forward_to_functions!();

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        _now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        webhook::verify(trust, request)
    }

    fn parse_event(
        &self,
        _settings: &Value,
        request: HookRequest<'_>,
    ) -> Result<Vec<Event>, ParseError> {
        webhook::parse(request)
    }

    fn body_of(&self, raw: &Value) -> (&'static str, Vec<u8>) {
        webhook::body_of(raw)
    }

    fn hook_answer(&self, _settings: &Value, request: HookRequest<'_>) -> HookAnswer {
        webhook::answer(request)
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

/// An address below the account's own.
fn url(account: &Account, path: &str) -> Option<String> {
    let sid = account.text("account_sid")?;
    Some(account.url(BASE_URL, &format!("/Accounts/{sid}{path}")))
}

fn asked_url(account: &Account, path: &str) -> Result<String, LookUpError> {
    url(account, path).ok_or_else(|| LookUpError("settings lack account_sid".to_owned()))
}

fn signed_in(request: reqwest::RequestBuilder, account: &Account) -> reqwest::RequestBuilder {
    let user = account.text("api_key_sid").or_else(|| account.text("account_sid"));
    match (user, &account.key) {
        (Some(user), Some(key)) => request.basic_auth(user, Some(key.text())),
        _ => request,
    }
}

fn form(request: reqwest::RequestBuilder, body: String) -> reqwest::RequestBuilder {
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let url = url(account, "/Calls.json").ok_or_else(|| settings_lack("account_sid"))?;
    let body = order::order(&account.settings, placement)?;
    let request = form(signed_in(http.post(url), account), body);
    let answer = exchange::send(request, &placement.gate).await?;
    if !(200..300).contains(&answer.status) {
        return Err(classify(&answer));
    }
    match answer.body["sid"].as_str() {
        Some(sid) => Ok(Accepted { provider_call_id: sid.to_owned() }),
        None => Err(PlaceError::Unknown("accepted without an id".to_owned())),
    }
}

/// What a refusal means, by its code; after a 5xx nobody knows what was done.
fn classify(answer: &Answer) -> PlaceError {
    let code = answer.body["code"].as_u64().map(|code| code.to_string());
    let row = code.as_deref().and_then(|code| word::find(words::WORDS, WordKind::Error, code));
    let class = row.and_then(|row| row.outcome).and_then(RefusalClass::of_outcome);
    match (answer.status, class, &code) {
        (400..=499, Some(class), Some(code)) if answer.status != 408 => {
            PlaceError::refused(class, code, exchange::details(answer))
        }
        _ => exchange::by_status(answer, code.as_deref().unwrap_or("refused")),
    }
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let call = match &sought.provider_call_id {
        Some(sid) => ask(http, account, &format!("/Calls/{sid}.json"), &[]).await?,
        None => search(http, account, sought).await?,
    };
    let Some(call) = call else { return Ok(Vec::new()) };
    let error = match (call["status"].as_str(), call["sid"].as_str()) {
        (Some("failed"), Some(sid)) => notified_error(http, account, sid).await?,
        _ => None,
    };
    Ok(sought.ours(event_of_call(&call, error.as_deref(), Source::LookUp)))
}

async fn ask(
    http: &reqwest::Client,
    account: &Account,
    path: &str,
    query: &[(&str, String)],
) -> Result<Option<Value>, LookUpError> {
    let request = signed_in(http.get(asked_url(account, path)?), account).query(query);
    exchange::found(request).await
}

/// Why a call failed; the call itself does not say.
async fn notified_error(
    http: &reqwest::Client,
    account: &Account,
    sid: &str,
) -> Result<Option<String>, LookUpError> {
    let path = format!("/Calls/{sid}/Notifications.json");
    let told = ask(http, account, &path, &[]).await?.unwrap_or(Value::Null);
    let told = told["notifications"].as_array().map_or(&[][..], Vec::as_slice);
    // Level 0 is an error, 1 a warning.
    let error = told.iter().find(|told| told["log"] == "0");
    Ok(error.and_then(|told| told["error_code"].as_str()).map(str::to_owned))
}

/// The calls to the number around the intention; the events of ours hold our callback URL.
async fn search(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Option<Value>, LookUpError> {
    let unknown = || LookUpError("the number is not known here, so it cannot be asked for".into());
    let number = sought.address.as_deref().ok_or_else(unknown)?;
    let (from, until) =
        (sought.intended_at - TimeDelta::minutes(5), sought.intended_at + TimeDelta::minutes(30));
    // A call that still waits in the vendor's queue has no start yet.
    let started = [
        ("To", number.to_owned()),
        ("StartTime>", day(from)),
        ("StartTime<", day(until + TimeDelta::days(1))),
        ("PageSize", PAGE.to_owned()),
    ];
    let queued =
        [("To", number.to_owned()), ("Status", "queued".to_owned()), ("PageSize", PAGE.to_owned())];
    let mut candidates = rows(http, account, &started).await?;
    candidates.extend(rows(http, account, &queued).await?);
    candidates.retain(|call| created_at(call).is_some_and(|at| (from..=until).contains(&at)));
    if candidates.len() > CANDIDATES_MAX {
        return Err(LookUpError("too many calls to the number in the time searched".to_owned()));
    }
    let attempt_id = sought.attempt_id.to_string();
    for call in candidates {
        let Some(sid) = call["sid"].as_str() else { continue };
        let events = ask(http, account, &format!("/Calls/{sid}/Events.json"), &[]).await?;
        if events.is_some_and(|events| events.to_string().contains(&attempt_id)) {
            return Ok(Some(call));
        }
    }
    Ok(None)
}

async fn rows(
    http: &reqwest::Client,
    account: &Account,
    query: &[(&str, String)],
) -> Result<Vec<Value>, LookUpError> {
    let page = ask(http, account, "/Calls.json", query).await?;
    exchange::rows(page.as_ref().map(|page| &page["calls"]))
}

/// The vendor counts in days, so what is outside of the span is left out here.
async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let query: Vec<(String, String)> = match &span.cursor {
        // A cursor is the query of the next page as the vendor wrote it.
        Some(cursor) => form_urlencoded::parse(cursor.as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect(),
        None => vec![
            ("StartTime>".to_owned(), day(span.from)),
            ("StartTime<".to_owned(), day(span.until + TimeDelta::days(1))),
            ("PageSize".to_owned(), PAGE.to_owned()),
        ],
    };
    let query: Vec<(&str, String)> = query.iter().map(|(n, v)| (n.as_str(), v.clone())).collect();
    let page = ask(http, account, "/Calls.json", &query).await?;
    let rows = exchange::rows(page.as_ref().map(|page| &page["calls"]))?;
    let listed = |call: &Value| {
        Some(Listed {
            address: call["to"].as_str().map(str::to_owned),
            created_at: created_at(call),
            event: event_of_call(call, None, Source::Poll)?,
        })
    };
    let inside =
        |call: &Listed| call.created_at.is_some_and(|at| (span.from..=span.until).contains(&at));
    let next = page.as_ref().and_then(|page| page["next_page_uri"].as_str()?.split_once('?'));
    let came_in = |call: &Value| {
        call["direction"].as_str().is_some_and(|direction| direction.starts_with("inbound"))
    };
    let made = rows.iter().filter(|call| !came_in(call));
    Ok(Page {
        calls: made.filter_map(listed).filter(inside).collect(),
        next: next.map(|(_, query)| query.to_owned()),
    })
}

async fn hang_up(
    http: &reqwest::Client,
    account: &Account,
    provider_call_id: &str,
) -> Result<(), LookUpError> {
    // Ends a call that is queued or rings as well.
    let url = asked_url(account, &format!("/Calls/{provider_call_id}.json"))?;
    let request = form(signed_in(http.post(url), account), "Status=completed".to_owned());
    exchange::done(&exchange::ask(request).await?)
}

/// The account's own page says whether it is active.
async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    const REMEDY: &str = "set settings.account_sid to the SID of the account (AC...)";
    const INACTIVE: &str = "see the vendor's console: the account is suspended or closed";
    let url = url(account, ".json")
        .ok_or_else(|| CheckError::new("settings lack account_sid", REMEDY))?;
    let answer = exchange::checked(signed_in(http.get(url), account)).await?;
    match answer.body["status"].as_str() {
        Some(status) if status != "active" => {
            Err(CheckError::new(format!("the account is {status}"), INACTIVE))
        }
        _ => Ok(exchange::REACHED.to_owned()),
    }
}

fn event_of_call(call: &Value, error: Option<&str>, source: Source) -> Option<Event> {
    let sid = call["sid"].as_str()?;
    let status = call["status"].as_str()?;
    let kind = webhook::kind_of(status)?;
    let mut event = Event {
        provider_call_id: Some(sid.to_owned()),
        word: Some(status.to_owned()),
        ..Event::new(format!("{sid}:{status}"), kind, source, call.clone())
    };
    if kind == Kind::Ended {
        let end = End { status, answered_by: call["answered_by"].as_str(), sip: None, error };
        (event.word, event.outcome) = end.meaning();
        event.at = call["end_time"].as_str().and_then(instant);
        event.duration_seconds = call["duration"].as_str().and_then(|text| text.parse().ok());
    }
    Some(event)
}

fn created_at(call: &Value) -> Option<DateTime<Utc>> {
    instant(call["date_created"].as_str()?)
}

/// The beginning of a day, as the vendor's own library writes bounds.
fn day(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%dT00:00:00Z").to_string()
}

#[cfg(test)]
mod tests;
