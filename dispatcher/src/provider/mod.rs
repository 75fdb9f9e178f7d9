//! Providers: one adapter, one file, behind one trait. A provider's words stop here.
//!
//! Placing fails in exactly three ways, and whoever cannot tell says `Unknown`: it may be ringing.
//! Nothing in here tries anything a second time.

mod asterisk;
mod cause;
mod ended_reason;
mod exchange;
mod gate;
mod resend;
mod sandbox;
mod signature;
mod stream;
mod vapi;

use chrono::{DateTime, Utc};
pub use exchange::client;
use futures_util::future::BoxFuture;
pub use gate::{Gate, TOO_LATE};
use serde::Serialize;
use serde_json::Value;
pub use stream::{Listener, Stream, StreamError, Told};
use uuid::Uuid;

/// A key; it shows nothing of itself when it is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(text)
    }

    fn text(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Where and as whom to talk to a provider.
#[derive(Debug, Clone)]
pub struct Account {
    pub base_url: Option<String>,
    pub key: Option<Secret>,
    pub settings: Value,
}

/// One attempt to be placed, once.
#[derive(Clone)]
pub struct Placement {
    pub attempt_id: Uuid,
    pub address: String,
    pub variables: Value,
    /// Where the provider's webhooks about this attempt shall go.
    pub callback_url: String,
    /// Asked when the request is about to be written.
    pub gate: Gate,
}

/// The provider took the attempt under this id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    pub provider_call_id: String,
}

/// The three ways in which placing fails.
#[derive(Debug, Clone, PartialEq)]
pub enum PlaceError {
    /// Certainly nothing reached the provider: it may be tried again freely.
    NotSent(String),
    /// The provider said no.
    Refused(Refusal),
    /// It may be ringing: only evidence or time ends it.
    Unknown(String),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub class: RefusalClass,
    /// The provider's own word.
    pub word: String,
    pub details: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalClass {
    OverLimit,
    AccountError,
    ConfigError,
    InvalidNumber,
    Blocked,
    ProviderFault,
}

impl RefusalClass {
    /// The outcome word of the database.
    pub fn outcome(self) -> &'static str {
        match self {
            RefusalClass::OverLimit => "over_limit",
            RefusalClass::AccountError => "account_error",
            RefusalClass::ConfigError => "config_error",
            RefusalClass::InvalidNumber => "invalid_number",
            RefusalClass::Blocked => "blocked",
            RefusalClass::ProviderFault => "provider_fault",
        }
    }
}

impl PlaceError {
    fn refused(class: RefusalClass, word: &str, details: Value) -> PlaceError {
        PlaceError::Refused(Refusal { class, word: word.to_owned(), details })
    }
}

/// What an event says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Placed,
    Ringing,
    Answered,
    Ended,
    Note,
}

/// How we came to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Webhook,
    LookUp,
}

/// A provider's event in our words, as the database takes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Event {
    pub event_key: String,
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider_call_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<DateTime<Utc>>,
    /// Absent where the word is not known to us: then the database puts it to review.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_at: Option<String>,
    pub source: Source,
    pub raw: Value,
    /// The call is over, and what it came to will be reported later.
    #[serde(skip)]
    pub report_follows: bool,
}

/// A webhook as it came in.
#[derive(Debug, Clone, Copy)]
pub struct HookRequest<'a> {
    pub headers: &'a axum::http::HeaderMap,
    pub body: &'a [u8],
    /// From the query of the callback URL.
    pub attempt_id: Option<Uuid>,
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
}

/// Why a body is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("the body is not JSON")]
    NotJson,
    #[error("the body has no {0}")]
    Missing(&'static str),
}

/// An attempt to look for at the provider.
#[derive(Debug, Clone)]
pub struct Sought {
    pub attempt_id: Uuid,
    pub provider_call_id: Option<String>,
    pub intended_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the look-up failed: {0}")]
pub struct LookUpError(pub String);

/// What every adapter does.
pub trait Adapter: Send + Sync + std::fmt::Debug {
    /// Asks the provider, once, to place an attempt.
    fn place<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        placement: &'a Placement,
    ) -> BoxFuture<'a, Result<Accepted, PlaceError>>;

    /// What the provider knows of an attempt; nothing when it knows nothing.
    fn look_up<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        sought: &'a Sought,
    ) -> BoxFuture<'a, Result<Vec<Event>, LookUpError>>;

    /// Asks the provider to end a live call.
    fn hang_up<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        provider_call_id: &'a str,
    ) -> BoxFuture<'a, Result<(), LookUpError>>;

    /// Whether a webhook comes from the provider; over the body as it was received.
    fn verify(
        &self,
        secret: &Secret,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError>;

    /// The events that a webhook holds; none when it is of a kind that says nothing to us.
    fn parse_event(&self, request: HookRequest<'_>) -> Result<Vec<Event>, ParseError>;

    /// What an answer that is no success means.
    fn classify_error(&self, answer: &Answer) -> PlaceError;

    /// How it is listened to, where it reports over a connection that we keep. Then nothing is
    /// placed while nobody listens, and the settings of a placement say in `listener` who does.
    fn stream(&self) -> Option<&dyn Stream> {
        None
    }
}

/// An answer of a provider, read to its end.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub retry_after_seconds: Option<u64>,
    pub body: Value,
}

/// The adapter for an account; `None` when there is none of that name.
pub fn adapter(provider: &str, channel: &str) -> Option<&'static dyn Adapter> {
    match (provider, channel) {
        ("asterisk", "voice") => Some(&asterisk::Asterisk),
        ("vapi", "voice") => Some(&vapi::Vapi),
        ("resend", "email") => Some(&resend::Resend),
        ("sandbox", "voice") => Some(&sandbox::VOICE),
        ("sandbox", "email") => Some(&sandbox::EMAIL),
        _ => None,
    }
}

/// The providers that are listened to.
pub fn streaming() -> &'static [&'static str] {
    &["asterisk"]
}

/// The channel of a provider, voice where it has several: an e-mail is over when it is accepted,
/// so that silence is about calls.
pub fn first_channel(provider: &str) -> &'static str {
    if adapter(provider, "voice").is_some() { "voice" } else { "email" }
}

/// The adapter that reads a provider's webhooks, whatever their channel.
pub fn hook_adapter(provider: &str) -> Option<&'static dyn Adapter> {
    match provider {
        "vapi" => Some(&vapi::Vapi),
        "resend" => Some(&resend::Resend),
        "sandbox" => Some(&sandbox::VOICE),
        _ => None,
    }
}
