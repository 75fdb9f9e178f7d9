//! Webhooks in: believed only with a signature over the raw body, answered only after the commit.

use super::health::not_done;
use super::inbox::{self, Kept};
use super::shared::Shared;
use crate::body::{self, Unread};
use crate::clock::{monotonic, wall};
use crate::db::{Error, HookAccount};
use crate::provider::{
    self, Adapter, Event, HookAnswer, HookRequest, HookTrust, ParseError, VerifyError,
};
use crate::secrets;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use uuid::Uuid;

/// How long an account is remembered, and that there is none.
const REMEMBERED: Duration = Duration::from_secs(10);
/// LIMIT: accounts that are remembered; beyond it, all are forgotten.
const ACCOUNTS_MAX: usize = 1_000;
/// LIMIT: letters of a path's part.
const NAME_MAX: usize = 200;

#[derive(Debug, Deserialize)]
pub struct Hint {
    attempt: Option<String>,
    /// Of the address that names no account.
    account: Option<String>,
}

/// `POST /api/vapi/webhook`, an address that some know: that of the account `vapi`, or of the one
/// that `?account=` names.
pub async fn receive_vapi(
    shared: State<Arc<Shared>>,
    Query(hint): Query<Hint>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let account = hint.account.clone().unwrap_or_else(|| "vapi".to_owned());
    let path = Path(("vapi".to_owned(), account));
    receive(shared, path, Query(hint), uri, method, headers, body).await
}

/// `POST /hooks/{provider}/{account}`
pub async fn receive(
    State(shared): State<Arc<Shared>>,
    Path((provider, account)): Path<(String, String)>,
    Query(hint): Query<Hint>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let body = match body::whole(body, shared.config.body_bytes).await {
        Ok(body) => body,
        Err(Unread::BrokenOff) => return Refusal::BrokenOff.answer(),
        Err(Unread::TooLong) => return Refusal::TooLong.answer(),
    };
    // A hint that is none is no hint; the body may say it as well.
    let attempt_id = hint.attempt.and_then(|text| text.parse::<Uuid>().ok());
    let url = format!("{}{uri}", shared.public_url);
    let (method, url) = (&method, url.as_str());
    let request = HookRequest { method, url, headers: &headers, body: &body, attempt_id };
    let understood = match understand(&shared, &provider, &account, request).await {
        Ok(understood) => understood,
        Err(refusal) => return refusal.answer(),
    };
    let answer = understood.adapter.hook_answer(&understood.account.settings, request);
    keep(&shared, understood.account.account_id, understood.events, answer).await
}

enum Refusal {
    BrokenOff,
    TooLong,
    NoSuchAccount,
    NotBelieved(VerifyError),
    NotUnderstood(String),
    NotNow,
}

impl Refusal {
    fn answer(self) -> Response {
        let (status, reason) = match self {
            Refusal::BrokenOff => {
                (StatusCode::REQUEST_TIMEOUT, "the body did not come to its end".to_owned())
            }
            Refusal::TooLong => {
                (StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than body_bytes".to_owned())
            }
            Refusal::NoSuchAccount => (StatusCode::NOT_FOUND, "no such account".to_owned()),
            Refusal::NotBelieved(error) => (StatusCode::UNAUTHORIZED, error.to_string()),
            Refusal::NotUnderstood(reason) => (StatusCode::BAD_REQUEST, reason),
            Refusal::NotNow => (StatusCode::SERVICE_UNAVAILABLE, "come again".to_owned()),
        };
        metrics::counter!("dialerd_hooks_total", "status" => status.as_str().to_owned())
            .increment(1);
        (status, Json(json!({ "error": reason }))).into_response()
    }
}

/// A webhook that is believed, and what it says.
struct Understood {
    adapter: &'static dyn Adapter,
    account: HookAccount,
    events: Vec<Event>,
}

async fn understand(
    shared: &Shared,
    provider: &str,
    account: &str,
    request: HookRequest<'_>,
) -> Result<Understood, Refusal> {
    let account = account_named(shared, provider, account).await?;
    let adapter = provider::adapter(provider, &account.channel).ok_or(Refusal::NoSuchAccount)?;
    let unsigned = account.webhook_secret_name.is_none()
        && account.settings["webhook_auth"].as_str() == Some("none");
    // Only an account that says so in words takes webhooks from everybody.
    if !unsigned {
        let name = account.webhook_secret_name.as_deref();
        let secret = name.and_then(|name| secrets::find(name).ok());
        let verified = match secret {
            Some(secret) => {
                let trust = HookTrust { secret: &secret, settings: &account.settings };
                adapter.verify(&trust, request, wall())
            }
            None => Err(VerifyError::NoSecret),
        };
        verified.map_err(|error| {
            let account_id = account.account_id;
            tracing::warn!(account_id, provider, %error, "a webhook was not believed");
            Refusal::NotBelieved(error)
        })?;
    }
    let events = match adapter.parse_event(&account.settings, request) {
        Ok(events) => events,
        // A provider adds kinds of webhooks as it likes; a refusal would make it send them again.
        Err(error @ ParseError::Missing(_)) => {
            tracing::info!(account_id = account.account_id, provider, %error, "a webhook of no meaning here");
            Vec::new()
        }
        Err(error @ ParseError::NotJson) => return Err(Refusal::NotUnderstood(error.to_string())),
    };
    Ok(Understood { adapter, account, events })
}

async fn keep(
    shared: &Shared,
    account_id: i32,
    events: Vec<Event>,
    answer: HookAnswer,
) -> Response {
    let mut answers = Vec::new();
    for event in events {
        match inbox::submit(shared, account_id, event) {
            Some(answer) => answers.push(answer),
            None => return Refusal::NotNow.answer(),
        }
    }
    let mut results = Vec::new();
    for answer in answers {
        match answer.await {
            Ok(Kept::Stored(result)) => results.push(result),
            Ok(Kept::Refused) => {
                return Refusal::NotUnderstood("the database refused it".to_owned()).answer();
            }
            Ok(Kept::NotNow) | Err(_) => return Refusal::NotNow.answer(),
        }
    }
    metrics::counter!("dialerd_hooks_total", "status" => "200").increment(1);
    match answer {
        HookAnswer::Results => Json(json!({ "results": results })).into_response(),
        HookAnswer::Nothing => StatusCode::NO_CONTENT.into_response(),
        HookAnswer::Document { content_type, body } => {
            ([("content-type", content_type)], body).into_response()
        }
    }
}

type Remembered = HashMap<(String, String), (Instant, Option<HookAccount>)>;

#[derive(Default)]
pub struct Accounts(Mutex<Remembered>);

impl Accounts {
    fn find(&self, key: &(String, String), now: Instant) -> Option<Option<HookAccount>> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, account) = accounts.get(key)?;
        (*until > now).then(|| account.clone())
    }

    fn keep(&self, key: (String, String), account: Option<HookAccount>, until: Instant) {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if accounts.len() >= ACCOUNTS_MAX {
            accounts.clear();
        }
        accounts.insert(key, (until, account));
    }
}

async fn account_named(
    shared: &Shared,
    provider: &str,
    account: &str,
) -> Result<HookAccount, Refusal> {
    if account.len() > NAME_MAX {
        return Err(Refusal::NoSuchAccount);
    }
    let key = (provider.to_owned(), account.to_owned());
    let now = monotonic();
    if let Some(known) = shared.hook_accounts.find(&key, now) {
        return known.ok_or(Refusal::NoSuchAccount);
    }
    let found = shared.sessions.aside.account_for_hook(provider, account).await;
    let found = found.map_err(|error: Error| {
        not_done(&error, "reading an account");
        Refusal::NotNow
    })?;
    shared.hook_accounts.keep(key, found.clone(), now + REMEMBERED);
    found.ok_or(Refusal::NoSuchAccount)
}
