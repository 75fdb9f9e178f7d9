//! Resend: e-mails. Its idempotency key is the attempt's id.

use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookRequest, HookTrust, Kind, Listed,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass, Sought, Source,
    Span, VerifyError, exchange, forward::forward_to_functions, signature,
};
use crate::provider::account::settings_lack;
use crate::provider::call_options::filled_in;
use crate::provider::word::{self, Word, WordKind, vocabulary};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

const BASE_URL: &str = "https://api.resend.com";

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
        Reconciles::ByProviderId
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
    Status, Some("provider_fault"), "": "failed";
};

async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    let request = account.bearer(http.get(account.url(BASE_URL, "/emails")));
    exchange::check(request.query(&[("limit", "1")])).await
}

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
    match answer.body["id"].as_str() {
        Some(id) => Ok(Accepted { provider_call_id: id.to_owned() }),
        None => Err(PlaceError::Unknown("accepted without an id".to_owned())),
    }
}

fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let text = |name: &str| {
        let own = placement.variables[name].as_str();
        own.or_else(|| settings[name].as_str()).map(|text| filled_in(text, &placement.variables))
    };
    let (Some(from), Some(subject)) = (settings["from"].as_str(), text("subject")) else {
        return Err(settings_lack("from or subject"));
    };
    let body = text("text").unwrap_or_else(|| subject.clone());
    let mut order = json!({
        "from": from,
        "to": [placement.address],
        "subject": subject,
        "text": body,
        "tags": [{"name": "attempt_id", "value": placement.attempt_id}],
    });
    if let Some(html) = text("html") {
        order["html"] = json!(html);
    }
    Ok(order)
}

/// 429 is a pace as well as a quota here, and a conflict of keys says that the first is running.
fn classify(answer: &Answer) -> PlaceError {
    let name = answer.body["name"].as_str().unwrap_or("refused");
    let refused = |class| PlaceError::refused(class, name, exchange::details(answer));
    match (answer.status, name) {
        (409, "concurrent_idempotent_requests") => PlaceError::Unknown(name.to_owned()),
        (429, _) => refused(RefusalClass::OverLimit),
        (422, "invalid_parameter") | (400, "validation_error")
            if answer.body["message"].as_str().is_some_and(|text| text.contains("`to`")) =>
        {
            refused(RefusalClass::InvalidNumber)
        }
        _ => exchange::by_status(answer, name),
    }
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    // There is no list by tag: without an id nothing can be found.
    let Some(id) = &sought.provider_call_id else { return Ok(Vec::new()) };
    let path = format!("/emails/{id}");
    let request = account.bearer(http.get(account.url(BASE_URL, &path)));
    let Some(mail) = exchange::found(request).await? else { return Ok(Vec::new()) };
    let Some(word) = mail["last_event"].as_str().map(str::to_owned) else { return Ok(Vec::new()) };
    let (kind, outcome) = meaning(&word);
    Ok(vec![Event {
        attempt_id: Some(sought.attempt_id),
        provider_call_id: Some(id.clone()),
        outcome,
        word: Some(word.clone()),
        ..Event::new(format!("{id}:look_up:{word}"), kind, Source::LookUp, mail)
    }])
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
