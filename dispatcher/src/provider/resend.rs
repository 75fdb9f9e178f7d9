//! Resend: e-mails. Its idempotency key is the attempt's id.

use super::{
    Accepted, Account, Adapter, Answer, Event, HookRequest, Kind, LookUpError, ParseError,
    PlaceError, Placement, RefusalClass, Secret, Sought, Source, VerifyError, exchange, signature,
};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

const BASE_URL: &str = "https://api.resend.com";

#[derive(Debug)]
pub struct Resend;

impl Adapter for Resend {
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
        _http: &'a reqwest::Client,
        _account: &'a Account,
        _provider_call_id: &'a str,
    ) -> BoxFuture<'a, Result<(), LookUpError>> {
        Box::pin(async { Err(LookUpError("an e-mail cannot be hung up".to_owned())) })
    }

    fn verify(
        &self,
        secret: &Secret,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        signature::svix(secret.text(), request.headers, request.body, now)
    }

    fn parse_event(&self, request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
        parse(request)
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
    let request = signed_in(http.post(url(account, "/emails")), account)
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

fn order(settings: &Value, placement: &Placement) -> Result<Value, PlaceError> {
    let text = |name: &str| {
        let own = placement.variables[name].as_str();
        own.or_else(|| settings[name].as_str()).map(|text| filled_in(text, &placement.variables))
    };
    let (Some(from), Some(subject)) = (settings["from"].as_str(), text("subject")) else {
        let details = json!({"reason": "settings lack from or subject"});
        let class = RefusalClass::ConfigError;
        return Err(PlaceError::refused(class, "settings-incomplete", details));
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

/// Puts the variables where the text says `{{name}}`; one that is missing leaves nothing.
fn filled_in(text: &str, variables: &Value) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((name, behind)) = after.split_once("}}") else { break };
        filled.push_str(before);
        match &variables[name.trim()] {
            Value::String(value) => filled.push_str(value),
            Value::Null => (),
            value => filled.push_str(&value.to_string()),
        }
        rest = behind;
    }
    filled.push_str(rest);
    filled
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
    let answer = exchange::ask(signed_in(http.get(url(account, &path)), account)).await?;
    if answer.status != 200 {
        return Ok(Vec::new());
    }
    let word = answer.body["last_event"].as_str().unwrap_or("queued").to_owned();
    let (kind, outcome) = meaning(&word);
    Ok(vec![Event {
        event_key: format!("{id}:look_up:{word}"),
        kind,
        attempt_id: Some(sought.attempt_id),
        provider_call_id: Some(id.clone()),
        at: None,
        outcome,
        word: Some(word),
        disposition: None,
        duration_seconds: None,
        callback_at: None,
        source: Source::LookUp,
        raw: answer.body,
        report_follows: false,
    }])
}

fn parse(request: HookRequest<'_>) -> Result<Vec<Event>, ParseError> {
    let body: Value = serde_json::from_slice(request.body).map_err(|_| ParseError::NotJson)?;
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
        event_key: format!("{id}:{word}"),
        kind,
        attempt_id: tagged.or(request.attempt_id),
        provider_call_id: Some(id.to_owned()),
        at: body["created_at"].as_str().and_then(|text| text.parse().ok()),
        outcome,
        word: Some(word),
        disposition: None,
        duration_seconds: None,
        callback_at: None,
        source: Source::Webhook,
        raw: body,
        report_follows: false,
    }])
}

/// The last word about an e-mail as a kind of event and, if it is an end, its outcome.
fn meaning(word: &str) -> (Kind, Option<&'static str>) {
    match word {
        "queued" | "scheduled" | "sent" => (Kind::Placed, None),
        "delivered" => (Kind::Ended, Some("completed")),
        "bounced" => (Kind::Ended, Some("invalid_number")),
        "complained" => (Kind::Ended, Some("dnc")),
        "suppressed" => (Kind::Ended, Some("blocked")),
        "canceled" => (Kind::Ended, Some("cancelled")),
        "failed" => (Kind::Ended, Some("provider_fault")),
        _ => (Kind::Note, None),
    }
}

#[cfg(test)]
mod tests;
