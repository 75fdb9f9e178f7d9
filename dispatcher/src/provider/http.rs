//! Any vendor that a recipe describes, for voice and for e-mail.
//!
//! What is guaranteed here is ours alone: one request, through the gate, never repeated; an answer
//! that no rule of the recipe explains is a refusal only if its status says so. How certain a
//! look-up is, is up to the recipe: a call that it finds counts only if it names the attempt, or
//! if it was asked for by the vendor's own id.

use super::forward::forward_to_functions;
use super::recipe::{Encoding, Facts, Method, Recipe, Request, Signature};
use super::template::Known;
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookRequest, HookTrust, Listed,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, Sought, Source, Span,
    VerifyError, Word, exchange, signature,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Http;

impl Adapter for Http {
    forward_to_functions!();

    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        let recipe = Recipe::read(trust.settings).map_err(|_| VerifyError::WrongSettings)?;
        let scheme = recipe.webhook.and_then(|webhook| webhook.signature);
        let scheme = scheme.ok_or(VerifyError::WrongSettings)?;
        verify(&scheme, trust.secret.text(), request, now)
    }

    fn parse_event(
        &self,
        settings: &Value,
        request: HookRequest<'_>,
    ) -> Result<Vec<Event>, ParseError> {
        let recipe =
            Recipe::read(settings).map_err(|_| ParseError::Missing("recipe to read it by"))?;
        let Some(webhook) = &recipe.webhook else { return Ok(Vec::new()) };
        let sent = sent(request)?;
        let calls = webhook.facts.calls(&sent);
        // The callback's address names one attempt: of several calls it says nothing.
        let hint = request.attempt_id.filter(|_| calls.len() == 1);
        let event = |call| Event {
            raw: sent.clone(),
            ..webhook.facts.hinted_event(&recipe, call, Source::Webhook, hint)
        };
        Ok(calls.iter().map(event).collect())
    }

    /// Without the account's recipe, by status alone.
    fn classify_error(&self, answer: &Answer) -> PlaceError {
        exchange::by_status(answer, "refused")
    }

    /// A recipe's words are in the account's settings, not in a table.
    fn words(&self) -> &'static [Word] {
        &[]
    }

    fn reconciles(&self) -> Reconciles {
        Reconciles::ByProviderId
    }
}

/// What a form or JSON says, as JSON.
fn sent(request: HookRequest<'_>) -> Result<Value, ParseError> {
    if request.is_form() {
        let fields = request.form().into_iter();
        return Ok(fields.map(|(name, value)| (name, Value::String(value))).collect());
    }
    request.json()
}

/// The recipe of an account, or a refusal that names everything that is wrong with it.
fn recipe(account: &Account) -> Result<Recipe, String> {
    Recipe::read(&account.settings).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        told.join("; ")
    })
}

fn recipe_to_ask(account: &Account) -> Result<Recipe, LookUpError> {
    recipe(account).map_err(LookUpError)
}

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let recipe = recipe(account).map_err(super::account::setting_wrong)?;
    let known = known_of_placement(account, placement);
    let filled = Filled::of(&recipe.place.request, &known, account);
    let request = filled.map_err(super::account::setting_wrong)?.request(http);
    let answer = exchange::send(request, &placement.gate).await?;
    judge(&recipe, &answer)
}

/// What an answer to a placement means.
fn judge(recipe: &Recipe, answer: &Answer) -> Result<Accepted, PlaceError> {
    if !(200..300).contains(&answer.status) {
        return Err(classify(recipe, answer));
    }
    // Some vendors refuse with a 200; only a rule that says so turns one into a refusal.
    if recipe.errors.iter().any(|rule| rule.status == Some(answer.status) && fits(rule, answer)) {
        return Err(classify(recipe, answer));
    }
    let id = answer.body.pointer(&recipe.place.id).and_then(super::request::text);
    exchange::accepted(id.as_deref())
}

/// What an answer to a placement would mean under an account's recipe.
pub fn judged(account: &Account, answer: &Answer) -> Result<Accepted, PlaceError> {
    judge(&recipe(account).map_err(super::account::setting_wrong)?, answer)
}

fn fits(rule: &super::recipe::ErrorRule, answer: &Answer) -> bool {
    rule.fits(answer.status, &answer.body)
}

fn classify(recipe: &Recipe, answer: &Answer) -> PlaceError {
    let Some(rule) = recipe.errors.iter().find(|rule| fits(rule, answer)) else {
        return exchange::by_status(answer, &format!("status {}", answer.status));
    };
    let word = rule.is.as_deref().or(rule.contains.as_deref());
    let word = word.map_or_else(|| format!("status {}", answer.status), str::to_owned);
    match rule.class() {
        Some(class) => PlaceError::refused(class, &word, exchange::details(answer)),
        None => PlaceError::Unknown(word),
    }
}

/// What can be named when a call is placed.
fn known_of_placement(account: &Account, placement: &Placement) -> Known {
    let mut known = known_of_account(account);
    known.set("address", placement.address.as_str());
    known.set("attempt_id", placement.attempt_id.to_string());
    known.set("callback_url", placement.callback_url.as_str());
    known.set("variables", placement.variables.clone());
    if let Some(caller_id) = &placement.options.caller_id {
        known.set("caller_id", caller_id.as_str());
    }
    known
}

pub(super) fn known_of_account(account: &Account) -> Known {
    let mut known = Known::default();
    known.set("settings", account.settings.clone());
    if let Some(key) = &account.key {
        known.set("secret", key.text());
    }
    let secrets = account.secrets.iter();
    let secrets: Map<String, Value> =
        secrets.map(|(role, secret)| (role.clone(), json!(secret.text()))).collect();
    known.set("secrets", secrets);
    known
}

/// A request with everything put in.
pub struct Filled {
    method: Method,
    url: String,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
    json: Option<Value>,
    form: Option<Vec<(String, String)>>,
}

impl Filled {
    pub(super) fn of(
        request: &Request,
        known: &Known,
        account: &Account,
    ) -> Result<Filled, String> {
        let url = known.url(&request.url);
        let url = match (url.strip_prefix('/'), &account.base_url) {
            (None, _) => url,
            (Some(path), Some(base)) => format!("{}/{path}", base.trim_end_matches('/')),
            (Some(_), None) => {
                return Err(format!(
                    "{url:?} is a path, but the account has no base_url; set it, or write the URL out"
                ));
            }
        };
        // What is nothing but a name that is not known this time, such as the cursor of a first
        // page, is left out: an empty one would be another question.
        let texts = |stated: &BTreeMap<String, String>| {
            let given = stated.iter().filter(|(_, value)| !known.is_absent(value));
            given.map(|(name, value)| (name.clone(), known.text(value))).collect()
        };
        Ok(Filled {
            method: request.method,
            url,
            headers: request
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), known.header(value)))
                .collect(),
            query: texts(&request.query),
            json: request.json.as_ref().map(|body| known.json(body)),
            form: request.form.as_ref().map(texts),
        })
    }

    pub(super) fn request(&self, http: &reqwest::Client) -> reqwest::RequestBuilder {
        let mut request = http.request(self.method.name(), &self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if !self.query.is_empty() {
            request = request.query(&self.query);
        }
        match (&self.json, self.encoded_form()) {
            (Some(body), _) => request.json(body),
            (None, Some(form)) => {
                request.header("content-type", "application/x-www-form-urlencoded").body(form)
            }
            (None, None) => request,
        }
    }

    fn encoded_form(&self) -> Option<String> {
        let form = self.form.as_ref()?;
        Some(form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish())
    }

    /// As it would be written, for somebody to read.
    fn told(&self) -> String {
        let query =
            form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.query).finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let mut told = format!("{} {}{mark}{query}\n", self.method.name(), self.url);
        for (name, value) in &self.headers {
            told.push_str(&format!("{name}: {value}\n"));
        }
        match (&self.json, self.encoded_form()) {
            (Some(body), _) => {
                told.push_str(&format!("content-type: application/json\n\n{body:#}\n"));
            }
            (None, Some(form)) => {
                let kind = "application/x-www-form-urlencoded";
                told.push_str(&format!("content-type: {kind}\n\n{form}\n"));
            }
            (None, None) => (),
        }
        told
    }
}

/// Every request of a recipe as it would be sent for a placement; nothing is sent.
pub fn dry_run(
    account: &Account,
    placement: &Placement,
) -> Result<Vec<(&'static str, String)>, String> {
    let recipe = recipe(account)?;
    let mut known = known_of_placement(account, placement);
    known.set("id", "the-vendor's-id");
    known.set("from", "2026-11-01T00:00:00.000Z");
    known.set("until", "2026-11-02T00:00:00.000Z");
    let look_up = recipe.look_up.as_ref();
    let requests = [
        ("place", Some(&recipe.place.request)),
        ("look_up.by_id", look_up.and_then(|look_up| look_up.by_id.as_ref())),
        ("look_up.by_attempt", look_up.and_then(|look_up| look_up.by_attempt.as_ref())),
        ("hang_up", recipe.hang_up.as_ref()),
        ("list", recipe.list.as_ref().map(|list| &list.request)),
        ("check", recipe.check.as_ref()),
    ];
    let stated = requests.into_iter().filter_map(|(name, request)| Some((name, request?)));
    stated.map(|(name, request)| Ok((name, Filled::of(request, &known, account)?.told()))).collect()
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let recipe = recipe_to_ask(account)?;
    let Some(stated) = &recipe.look_up else { return Ok(Vec::new()) };
    let mut known = known_of_account(account);
    known.set("attempt_id", sought.attempt_id.to_string());
    known.set("address", sought.address.as_deref().unwrap_or_default());
    known.set("from", stamp(sought.intended_at - chrono::TimeDelta::minutes(5)));
    known.set("until", stamp(sought.intended_at + chrono::TimeDelta::minutes(30)));
    let by_id = sought.provider_call_id.as_ref().zip(stated.by_id.as_ref());
    let request = match by_id {
        Some((id, request)) => {
            known.set("id", id.as_str());
            request
        }
        None => match &stated.by_attempt {
            Some(request) => request,
            None => return Ok(Vec::new()),
        },
    };
    let Some(answer) = asked(http, request, &known, account).await? else { return Ok(Vec::new()) };
    let found = stated.facts.calls(&answer).iter().find_map(|call| {
        let event = stated.facts.event(&recipe, call, Source::LookUp);
        let ours = is_ours(&stated.facts, call, &event, sought, by_id.is_some());
        ours.then_some(Event { attempt_id: Some(sought.attempt_id), ..event })
    });
    Ok(found.into_iter().collect())
}

/// Whether a call that was found is the one sought: it must name the attempt, or be the one that
/// was asked for by its id.
fn is_ours(facts: &Facts, call: &Value, event: &Event, sought: &Sought, by_id: bool) -> bool {
    match (event.attempt_id, facts.text(call, &facts.id)) {
        (Some(attempt_id), _) => attempt_id == sought.attempt_id,
        (None, Some(id)) => by_id && sought.provider_call_id == Some(id),
        (None, None) => by_id,
    }
}

async fn asked(
    http: &reqwest::Client,
    request: &Request,
    known: &Known,
    account: &Account,
) -> Result<Option<Value>, LookUpError> {
    let request = Filled::of(request, known, account).map_err(LookUpError)?.request(http);
    exchange::found(request).await
}

async fn hang_up(
    http: &reqwest::Client,
    account: &Account,
    provider_call_id: &str,
) -> Result<(), LookUpError> {
    let recipe = recipe_to_ask(account)?;
    let request = recipe.hang_up.as_ref();
    let request = request.ok_or_else(|| LookUpError("the recipe has no hang_up".to_owned()))?;
    let mut known = known_of_account(account);
    known.set("id", provider_call_id);
    let request = Filled::of(request, &known, account).map_err(LookUpError)?.request(http);
    exchange::order(request).await
}

async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let recipe = recipe_to_ask(account)?;
    let Some(stated) = &recipe.list else {
        return Err(LookUpError("the recipe has no list".to_owned()));
    };
    let mut known = known_of_account(account);
    known.set("from", stamp(span.from));
    known.set("until", stamp(span.until));
    if let Some(cursor) = &span.cursor {
        known.set("cursor", cursor.as_str());
    }
    let answer = asked(http, &stated.request, &known, account).await?.unwrap_or_default();
    let listed = |call: &Value| Listed {
        address: stated.facts.text(call, &stated.facts.address),
        created_at: stated.facts.instant(call, &stated.facts.created_at),
        event: stated.facts.event(&recipe, call, Source::Poll),
    };
    let next = stated.facts.text(&answer, &stated.next);
    Ok(Page {
        calls: stated.facts.calls(&answer).iter().map(listed).collect(),
        // A cursor that leads to itself would never end.
        next: next.filter(|next| Some(next) != span.cursor.as_ref()),
    })
}

async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    const REMEDY: &str = "mend settings.recipe; dialerd recipe check FILE shows what it would send";
    let recipe = recipe(account).map_err(|error| CheckError::new(error, REMEDY))?;
    let Some(request) = &recipe.check else {
        return Ok("the recipe is sound; it has no check, so nothing was asked".to_owned());
    };
    let filled = Filled::of(request, &known_of_account(account), account);
    exchange::check(filled.map_err(|error| CheckError::new(error, REMEDY))?.request(http)).await
}

fn verify(
    scheme: &Signature,
    secret: &str,
    request: HookRequest<'_>,
    now: DateTime<Utc>,
) -> Result<(), VerifyError> {
    let (digest, header, prefix, encoding, message, timestamp_header, secret_is_base64) =
        match scheme {
            Signature::Svix => return signature::svix(secret, request.headers, request.body, now),
            Signature::Secret { header, prefix } => {
                let shown = request.header(header).ok_or(VerifyError::NotSigned)?;
                let shown =
                    shown.strip_prefix(prefix.as_str()).ok_or(VerifyError::WrongSignature)?;
                return signature::same(shown, secret);
            }
            Signature::Hmac {
                digest,
                header,
                prefix,
                encoding,
                message,
                timestamp_header,
                secret_is_base64,
            } => (*digest, header, prefix, *encoding, message, timestamp_header, *secret_is_base64),
        };
    let stated = request.header(header).ok_or(VerifyError::NotSigned)?;
    let stated = stated.strip_prefix(prefix.as_str()).ok_or(VerifyError::WrongSignature)?;
    let stated = match encoding {
        Encoding::Hex => signature::unhex(stated),
        Encoding::Base64 => signature::unbase64(stated),
    };
    let stated = stated.ok_or(VerifyError::WrongSignature)?;
    let stamp = match timestamp_header {
        Some(header) => request.header(header).ok_or(VerifyError::NotSigned)?,
        None => "",
    };
    if timestamp_header.is_some() {
        signature::fresh(stamp, now)?;
    }
    let message = message.replace("{timestamp}", stamp);
    // A recipe that was read has {body} once.
    let (before, after) = message.split_once("{body}").ok_or(VerifyError::WrongSettings)?;
    let key = match secret_is_base64 {
        true => signature::unbase64(secret).ok_or(VerifyError::WrongSettings)?,
        false => secret.as_bytes().to_vec(),
    };
    signature::verify(digest, &key, &[before.as_bytes(), request.body, after.as_bytes()], &stated)
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests;
