//! Webhooks: what came in, whether it is believed, and what is answered.

use super::{Adapter, Event, Secret};
use axum::http::{HeaderMap, HeaderValue, Method};
use serde_json::Value;
use uuid::Uuid;

/// LIMIT: fields of a form that are read.
const FIELDS_MAX: usize = 1000;

/// A webhook as it came in.
#[derive(Debug, Clone, Copy)]
pub struct HookRequest<'a> {
    pub method: &'a Method,
    /// As the provider was told it: the public URL with the path and query that came in. The Host
    /// header has no part in it, because whoever sends a request chooses that.
    pub url: &'a str,
    pub headers: &'a HeaderMap,
    pub body: &'a [u8],
    /// From the query of the callback URL.
    pub attempt_id: Option<Uuid>,
}

impl<'a> HookRequest<'a> {
    pub fn json(&self) -> Result<Value, ParseError> {
        serde_json::from_slice(self.body).map_err(|_| ParseError::NotJson)
    }

    /// The fields of a form, decoded, in the order in which they came.
    pub fn form(&self) -> Vec<(String, String)> {
        fields(self.body)
    }

    pub fn is_form(&self) -> bool {
        let kind = self.header("content-type").unwrap_or("");
        kind.split(';').next().is_some_and(|kind| {
            kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded")
        })
    }

    /// The fields of the query, decoded.
    pub fn query(&self) -> Vec<(String, String)> {
        fields(self.url.split_once('?').map_or("", |(_, query)| query).as_bytes())
    }

    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}

fn fields(encoded: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(encoded).take(FIELDS_MAX).map(|(n, v)| (n.into(), v.into())).collect()
}

/// A webhook as it was kept: believed before, to be understood once more.
#[derive(Debug, Clone, Copy)]
pub struct StoredHook<'a> {
    pub raw: &'a Value,
    pub attempt_id: Option<Uuid>,
}

impl StoredHook<'_> {
    pub fn events(
        &self,
        adapter: &dyn Adapter,
        settings: &Value,
    ) -> Result<Vec<Event>, ParseError> {
        let (content_type, body) = adapter.body_of(self.raw);
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        let (method, attempt_id) = (&Method::POST, self.attempt_id);
        let request = HookRequest { method, url: "", headers: &headers, body: &body, attempt_id };
        adapter.parse_event(settings, request)
    }
}

/// What an account's webhooks are judged by.
#[derive(Debug, Clone)]
pub struct HookTrust<'a> {
    pub secret: &'a Secret,
    pub settings: &'a Value,
}

/// Why a webhook is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("the account names no webhook secret")]
    NoSecret,
    #[error("the request is not signed")]
    NotSigned,
    #[error("the signature is wrong")]
    WrongSignature,
    #[error("the timestamp is not within five minutes")]
    TooOld,
    #[error("the account's settings for webhooks are not understood")]
    WrongSettings,
}

/// Why a body is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the body is not JSON")]
    NotJson,
    #[error("the body has no {0}")]
    Missing(&'static str),
}

/// What a webhook that was taken in is answered, after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookAnswer {
    /// What became of each event, as JSON.
    Results,
    /// 204.
    Nothing,
    /// 200 with a body that the vendor acts upon.
    Document { content_type: &'static str, body: String },
}
