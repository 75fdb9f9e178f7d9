//! Resend: e-mails.
//!
//! The attempt's id is the idempotency key, which Resend keeps for a day, and a tag, which its
//! webhooks bring back. There is no list by tag or key: a lost answer is found by address and time.
//! 429 is a pace as well as a quota, and the name of the error says which: the quota of a month is
//! for a person to look at. Webhooks come signed as Svix signs, in any order, again until answered.

use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookRequest, HookTrust, Kind, Listed,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass, Sought, Source,
    Span, VerifyError, exchange, forward::forward_to_functions, signature,
};
use crate::provider::call_options::{passed_through, refuse_own_dialling};
use crate::provider::letter::Letter;
use crate::provider::request::{overlay, segment};
use crate::provider::word::{self, Word, WordKind, vocabulary};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

const BASE_URL: &str = "https://api.resend.com";
/// LIMIT: pages of the list that are read in search of a mail.
const PAGES_MAX: usize = 10;

#[derive(Debug)]
pub struct Resend;

impl Adapter for Resend {
    forward_to_functions!();

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        signature::svix(trust.secret.text(), request.headers, request.body, now)
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
        Reconciles::ByNumberAndTime
    }
}

const WORDS: &[Word] = vocabulary! {
    Status, None, "on its way": "queued" "scheduled" "sent" "delivery_delayed";
    Status, None, "of a mail that was delivered": "opened" "clicked";
    Status, Some("completed"), "": "delivered";
    Status, Some("invalid_number"), "the address, if the bounce is permanent": "bounced";
    Status, Some("dnc"), "reported as spam": "complained";
    Status, Some("blocked"), "": "suppressed";
    Status, Some("cancelled"), "": "canceled";
    Status, Some("provider_fault"), "unless a quota was reached": "failed";
    Error, Some("account_error"), "": "missing_api_key" "invalid_api_key" "restricted_api_key"
        "suspended_api_key" "invalid_permission";
    Error, Some("config_error"), "": "validation_error" "invalid_idempotency_key"
        "invalid_attachment" "invalid_parameter" "missing_required_field"
        "missing_required_parameter" "missing_required_fields" "invalid_from_address"
        "invalid_from_field" "not_found" "method_not_allowed";
    Error, Some("over_limit"), "the account rests a little": "rate_limit_exceeded"
        "daily_quota_exceeded" "email_above_quota";
    Error, Some("account_error"), "the account stops, because a month is long":
        "monthly_quota_exceeded";
    Error, Some("provider_fault"), "": "resource_locked";
    Error, None, "a first request under the same key may have been sent":
        "concurrent_idempotent_requests" "invalid_idempotent_request";
};

async fn hang_up(
    _http: &reqwest::Client,
    _account: &Account,
    _provider_call_id: &str,
) -> Result<(), LookUpError> {
    Err(LookUpError("an e-mail cannot be hung up".to_owned()))
}

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let request = account
        .bearer(http.post(account.url(BASE_URL, "/emails")))
        .header("idempotency-key", placement.attempt_id.to_string())
        .json(&order(&account.settings, placement)?);
    let answer = exchange::send(request, &placement.gate).await?;
    if !(200..300).contains(&answer.status) {
        return Err(classify(&answer));
    }
    exchange::accepted(answer.body["id"].as_str())
}

fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let letter = Letter::write(settings, placement)?;
    let request = passed_through(settings)?;
    // A copy would go to people whom nothing was asked about, a mail of later past every gate.
    refuse_own_dialling(&request, &["scheduled_at", "cc", "bcc"], "Resend")?;
    let mut order = Value::Object(request);
    overlay(
        &mut order,
        json!({
            "from": letter.from,
            "to": [letter.to],
            "subject": letter.subject,
            "text": letter.text,
            "tags": [{"name": "attempt_id", "value": placement.attempt_id}],
        }),
    );
    for (member, text) in [("html", letter.html), ("reply_to", letter.reply_to)] {
        if let Some(text) = text {
            order[member] = json!(text);
        }
    }
    if !letter.headers.is_empty() {
        let headers: Map<String, Value> =
            letter.headers.into_iter().map(|(name, value)| (name, json!(value))).collect();
        order["headers"] = json!(headers);
    }
    Ok(order)
}

/// What a refusal means: by the name of the error, then by status.
fn classify(answer: &Answer) -> PlaceError {
    let name = answer.body["name"].as_str().unwrap_or("refused");
    let message = answer.body["message"].as_str().unwrap_or_default();
    let refused = |class, details| PlaceError::refused(class, name, details);
    let known = word::find(WORDS, WordKind::Error, name);
    match (answer.status, known) {
        (500.., _) => exchange::by_status(answer, name),
        // The first request under this key is running, or was another: it may have been sent.
        (_, Some(Word { outcome: None, .. })) => PlaceError::Unknown(name.to_owned()),
        (400 | 422, _) if message.contains("`to`") => {
            refused(RefusalClass::InvalidNumber, exchange::details(answer))
        }
        (_, known) => match known.and_then(|word| RefusalClass::of_outcome(word.outcome?)) {
            Some(class) => refused(class, exchange::details(answer)),
            None => exchange::by_status(answer, name),
        },
    }
}

/// Proves the key. One that may only send is as good as any: it cannot be asked anything else.
async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    let request = account.bearer(http.get(account.url(BASE_URL, "/emails")));
    let answer = exchange::asked(request.query(&[("limit", "1")])).await?;
    if answer.body["name"] == "restricted_api_key" {
        let found =
            "reached, and the key is accepted; it may only send, so nothing can be looked up";
        return Ok(found.to_owned());
    }
    exchange::proven(answer).map(|_| exchange::REACHED.to_owned())
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let Some(id) = &sought.provider_call_id else {
        return by_address(http, account, sought).await;
    };
    let path = format!("/emails/{}", segment(id));
    let request = account.bearer(http.get(account.url(BASE_URL, &path)));
    let Some(mail) = exchange::found(request).await? else { return Ok(Vec::new()) };
    let event = listed(&mail).map(|mail| mail.event);
    Ok(event.map(|event| found(event, sought)).into_iter().collect())
}

/// At most one mail to an address is on its way, so that the one to it at that time is ours; of
/// several nobody can tell which.
async fn by_address(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let Some(address) = &sought.address else { return Ok(Vec::new()) };
    let mut span = Span {
        from: sought.intended_at - TimeDelta::minutes(5),
        until: sought.intended_at + TimeDelta::minutes(30),
        cursor: None,
    };
    for _ in 0..PAGES_MAX {
        let page = list(http, account, &span).await?;
        let mut ours = page.calls.into_iter().filter(|mail| mail.address.as_ref() == Some(address));
        match (ours.next(), ours.next()) {
            (Some(mail), None) => return Ok(vec![found(mail.event, sought)]),
            (Some(_), Some(_)) => {
                return Err(LookUpError("several mails to the address at the time".to_owned()));
            }
            (None, _) => (),
        }
        span.cursor = page.next;
        if span.cursor.is_none() {
            return Ok(Vec::new());
        }
    }
    Err(LookUpError("too many mails since then".to_owned()))
}

fn found(event: Event, sought: &Sought) -> Event {
    Event { attempt_id: Some(sought.attempt_id), source: Source::LookUp, ..event }
}

/// The list knows no times to narrow it by: it comes newest first, and what is outside is left out.
async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let mut request = account.bearer(http.get(account.url(BASE_URL, "/emails")));
    request = request.query(&[("limit", "100")]);
    if let Some(after) = &span.cursor {
        request = request.query(&[("after", after)]);
    }
    let answer = exchange::found(request).await?;
    let rows = exchange::rows(answer.as_ref().map(|answer| &answer["data"]))?;
    let listed: Vec<Listed> = rows.iter().filter_map(listed).collect();
    let before = |mail: &Listed| mail.created_at.is_some_and(|at| at < span.from);
    let last = rows.last().and_then(|row| row["id"].as_str()).map(str::to_owned);
    let goes_on =
        answer.is_some_and(|answer| answer["has_more"] == true) && !listed.iter().any(before);
    let inside =
        |mail: &Listed| mail.created_at.is_some_and(|at| (span.from..=span.until).contains(&at));
    Ok(Page { calls: listed.into_iter().filter(inside).collect(), next: last.filter(|_| goes_on) })
}

fn listed(row: &Value) -> Option<Listed> {
    let id = row["id"].as_str()?;
    let word = row["last_event"].as_str().unwrap_or("queued");
    let (kind, outcome) = meaning(word);
    // As text it is not quite RFC 3339: a space, and an offset of hours alone.
    let stated = row["created_at"].as_str()?.replacen(' ', "T", 1);
    let created_at = stated.parse().or_else(|_| format!("{stated}:00").parse()).ok();
    Some(Listed {
        address: row["to"][0].as_str().map(str::to_owned),
        created_at,
        event: Event {
            provider_call_id: Some(id.to_owned()),
            outcome,
            word: Some(word.to_owned()),
            ..Event::new(format!("{id}:list:{word}"), kind, Source::Poll, row.clone())
        },
    })
}

fn parse(request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
    let body = request.json()?;
    let kind = body["type"].as_str().ok_or(ParseError::Missing("type"))?;
    let data = &body["data"];
    let id = data["email_id"].as_str().ok_or(ParseError::Missing("data.email_id"))?;
    let word = kind.strip_prefix("email.").unwrap_or(kind).to_owned();
    let (kind, mut outcome) = meaning(&word);
    // Only a bounce that is permanent says something about the address.
    if word == "bounced" && data["bounce"]["type"].as_str().is_some_and(|t| t != "Permanent") {
        outcome = Some("provider_fault");
    }
    if word == "failed" && data["failed"]["reason"].as_str().is_some_and(|r| r.contains("quota")) {
        outcome = Some("over_limit");
    }
    let tagged = data["tags"]["attempt_id"].as_str().and_then(|text| text.parse().ok());
    Ok(vec![Event {
        attempt_id: tagged.or(request.attempt_id),
        provider_call_id: Some(id.to_owned()),
        at: body["created_at"].as_str().and_then(|text| text.parse().ok()),
        outcome,
        word: Some(word.clone()),
        ..Event::new(format!("{id}:{word}"), kind, Source::Webhook, body.clone())
    }])
}

/// The last word about an e-mail as a kind of event and, if it is an end, its outcome.
fn meaning(said: &str) -> (Kind, Option<&'static str>) {
    let outcome = word::outcome(WORDS, WordKind::Status, said);
    match said {
        "queued" | "scheduled" | "sent" => (Kind::Placed, None),
        _ if outcome.is_some() => (Kind::Ended, outcome),
        _ => (Kind::Note, None),
    }
}

#[cfg(test)]
mod tests;
