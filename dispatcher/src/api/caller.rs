//! Who asks: the key that a request shows, and the transaction in which it is answered.

use super::Api;
use super::answer::{Answer, Answered, Refusal};
use super::bucket::KeyHash;
use super::input;
use super::page::{Page, Span};
use super::refusal;
use crate::clock::monotonic;
use crate::db;
use crate::db::api::{Asking, Scope, Transaction};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// LIMIT: letters of an idempotency key.
const KEY_LETTERS_MAX: usize = 200;

pub struct Caller {
    pub api: Arc<Api>,
    key_hash: KeyHash,
}

impl FromRequestParts<Arc<Api>> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Caller, Refusal> {
        let key_hash: KeyHash = Sha256::digest(shown_key(&parts.headers)?).into();
        let allowed = api.buckets.take(&key_hash, monotonic());
        allowed.map_err(|wait| {
            let message = "too many requests with this key";
            Refusal::new(StatusCode::TOO_MANY_REQUESTS, "RATE_LIMITED", message).retry_after(wait)
        })?;
        Ok(Caller { api: Arc::clone(api), key_hash })
    }
}

/// `X-API-Key: KEY`, or `Authorization: Bearer KEY`.
fn shown_key(headers: &HeaderMap) -> Result<&[u8], Refusal> {
    let own = headers.get("x-api-key").map(|value| value.as_bytes());
    let bearer = headers.get("authorization").and_then(|value| {
        let (scheme, key) = value.as_bytes().split_at_checked(7)?;
        scheme.eq_ignore_ascii_case(b"bearer ").then(|| key.trim_ascii())
    });
    match (own, bearer) {
        (Some(own), Some(bearer)) if own != bearer => {
            Err(unauthorized("two different API keys were sent"))
        }
        (Some(key), _) | (None, Some(key)) => Ok(key),
        (None, None) => Err(unauthorized("no API key was sent")),
    }
}

fn unauthorized(message: &str) -> Refusal {
    Refusal::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message).with_hint(
        "send the header X-API-Key, or Authorization: Bearer; dialer.create_api_key makes keys",
    )
}

/// Before a request acts with its own rights, it is the login that lacks one.
fn as_login(error: db::Error) -> Refusal {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    match error.code().as_deref() {
        Some(INSUFFICIENT_PRIVILEGE) => refusal::not_set_up(&error),
        _ => Refusal::from(error),
    }
}

impl Caller {
    /// A transaction that acts for the key's tenant, with the rights that are needed.
    pub async fn begin(&self, needed: Scope) -> Result<Transaction, Refusal> {
        let begun = self.api.pool.begin(&self.key_hash).await;
        let mut transaction = begun.map_err(|error| {
            if error.code().as_deref() == Some("PD039") {
                self.api.buckets.forget(&self.key_hash);
            }
            as_login(error)
        })?;
        self.api.buckets.know(&self.key_hash, monotonic());
        if transaction.scope < needed {
            let (has, needs) = (transaction.scope.name(), needed.name());
            let message = format!("this key has the scope {has}; {needs} is needed");
            return Err(Refusal::new(StatusCode::FORBIDDEN, "FORBIDDEN", message));
        }
        transaction.act_as(needed).await.map_err(as_login)?;
        Ok(transaction)
    }

    /// Whoever was never let in is looked at before anything more of theirs is read.
    async fn introduced(&self) -> Result<(), Refusal> {
        if !self.api.buckets.knows(&self.key_hash) {
            drop(self.begin(Scope::Read).await?);
        }
        Ok(())
    }

    pub fn key_hash(&self) -> &KeyHash {
        &self.key_hash
    }

    /// What one function returns.
    pub async fn rows<T: DeserializeOwned>(&self, asking: Asking) -> Result<Vec<T>, Refusal> {
        let mut transaction = self.begin(Scope::Read).await?;
        let rows = transaction.rows(asking).await?;
        transaction.commit().await?;
        Ok(rows)
    }

    /// One page of what a function lists, the youngest first, each row by its number.
    pub async fn page<T: DeserializeOwned>(
        &self,
        asking: Asking,
        span: &Span,
        id: impl Fn(&T) -> i64,
    ) -> Answered<Page<T>> {
        let asking = asking.bigint("before_id", span.before_id()?);
        let rows = self.rows(asking.integer("limit_", span.one_more())).await?;
        Ok(Answer::ok(span.page(rows, |row| id(row).to_string())))
    }

    pub async fn one<T: DeserializeOwned>(&self, asking: Asking) -> Result<T, Refusal> {
        let mut transaction = self.begin(Scope::Read).await?;
        let row = transaction.one(asking).await?;
        transaction.commit().await?;
        Ok(row)
    }
}

/// A request that may change something: its body, and the key under which it is done once.
pub struct Posted<T> {
    pub caller: Caller,
    pub input: T,
    idempotency_key: Option<String>,
    fingerprint: Vec<u8>,
}

impl<T: DeserializeOwned> FromRequest<Arc<Api>> for Posted<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Posted<T>, Refusal> {
        let (mut parts, body) = request.into_parts();
        let caller = Caller::from_request_parts(&mut parts, api).await?;
        caller.introduced().await?;
        let idempotency_key = idempotency_key(&parts.headers)?;
        let body = input::whole(body, api.body_bytes).await?;
        let mut hasher = Sha256::new();
        hasher.update(format!("{} {}\n", parts.method, parts.uri));
        hasher.update(&body);
        let input = input::understood(&body)?;
        Ok(Posted { caller, input, idempotency_key, fingerprint: hasher.finalize().to_vec() })
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    if text.is_empty() || text.len() > KEY_LETTERS_MAX {
        let message = format!("Idempotency-Key is 1 to {KEY_LETTERS_MAX} printable ASCII letters");
        return Err(Refusal::invalid(message));
    }
    Ok(Some(text.to_owned()))
}

impl<T> Posted<T> {
    /// Begins the work, unless the same was done before.
    pub async fn begin(&self, needed: Scope) -> Result<Work, Refusal> {
        let mut transaction = self.caller.begin(needed).await?;
        if let Some(key) = &self.idempotency_key {
            let asking = Asking::of("begin_request")
                .text("idempotency_key", Some(key))
                .bytes("fingerprint", self.fingerprint.clone());
            let before: Vec<Before> = transaction.rows(asking).await?;
            if let Some(before) = before.into_iter().next() {
                return Err(before.again());
            }
        }
        Ok(Work { transaction, idempotency_key: self.idempotency_key.clone() })
    }
}

#[derive(serde::Deserialize)]
struct Before {
    status: Option<u16>,
    answer: Option<Value>,
}

impl Before {
    fn again(self) -> Refusal {
        let status = self.status.and_then(|status| StatusCode::from_u16(status).ok());
        let data = self.answer.unwrap_or(Value::Null);
        Refusal::Again { status: status.unwrap_or(StatusCode::OK), data }
    }
}

/// The transaction of a request that changes something; nothing of it holds before it is done.
pub struct Work {
    transaction: Transaction,
    idempotency_key: Option<String>,
}

impl Deref for Work {
    type Target = Transaction;

    fn deref(&self) -> &Transaction {
        &self.transaction
    }
}

impl DerefMut for Work {
    fn deref_mut(&mut self) -> &mut Transaction {
        &mut self.transaction
    }
}

impl Work {
    /// Keeps the answer for those who ask the same again, and commits.
    pub async fn done<T: Serialize>(mut self, status: StatusCode, data: T) -> Answered<T> {
        if let Some(key) = &self.idempotency_key {
            let answer = serde_json::to_value(&data).unwrap_or(Value::Null);
            let asking = Asking::of("finish_request")
                .text("idempotency_key", Some(key))
                .integer("status", Some(i32::from(status.as_u16())))
                .json("answer", Some(answer));
            self.transaction.run(asking).await?;
        }
        self.transaction.commit().await.map_err(not_certain)?;
        Ok(Answer { status, data })
    }
}

/// Whether a commit that was not answered came through, only the database knows.
fn not_certain(error: db::Error) -> Refusal {
    let is_answered = error.said().is_some();
    let refusal = Refusal::from(error);
    if is_answered {
        return refusal;
    }
    refusal.with_hint(
        "it may have been done: send it again with the same Idempotency-Key, or look first",
    )
}
