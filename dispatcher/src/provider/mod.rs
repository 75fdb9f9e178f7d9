//! Providers: one adapter, one file, behind one trait. A provider's words stop here.
//!
//! Placing fails in exactly three ways, and whoever cannot tell says `Unknown`: it may be ringing.
//! Nothing in here tries anything a second time.

mod account;
mod asterisk;
mod bland;
mod call_options;
mod cause;
mod elevenlabs;
mod event;
mod exchange;
mod forward;
mod gate;
mod hook;
pub mod http;
mod letter;
mod look;
pub mod recipe;
mod record;
mod request;
mod resend;
mod retell;
mod sandbox;
mod signature;
mod sip;
mod smtp;
mod stream;
mod telnyx;
mod template;
mod twilio;
mod vapi;
pub mod word;

pub use account::{Account, AccountError, Secret};
pub use call_options::{CallOptions, Voicemail};
use chrono::{DateTime, Utc};
pub use event::{Event, Kind, Source};
pub use exchange::client;
use futures_util::future::BoxFuture;
pub use gate::{Gate, TOO_LATE};
pub use hook::{HookAnswer, HookRequest, HookTrust, ParseError, StoredHook, VerifyError};
pub use look::{CheckError, Listed, LookUpError, Page, Reconciles, Sought, Span};
pub use record::{Standing, SystemOfRecord};
use serde_json::Value;
pub use stream::{Listener, Stream, StreamError, Told};
use uuid::Uuid;
pub use word::{Word, WordKind};

/// LIMIT: letters of a vendor's word that are kept; some are sentences, and the answer holds them.
const WORD_LETTERS_MAX: usize = 200;

/// One attempt to be placed, once.
#[derive(Clone)]
pub struct Placement {
    pub attempt_id: Uuid,
    pub address: String,
    pub variables: Value,
    /// What account, campaign and call want of it.
    pub options: CallOptions,
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
    /// The class of an outcome that a refusal can have.
    fn of_outcome(outcome: &str) -> Option<RefusalClass> {
        const ALL: [RefusalClass; 6] = [
            RefusalClass::OverLimit,
            RefusalClass::AccountError,
            RefusalClass::ConfigError,
            RefusalClass::InvalidNumber,
            RefusalClass::Blocked,
            RefusalClass::ProviderFault,
        ];
        ALL.into_iter().find(|class| class.outcome() == outcome)
    }

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

/// An address as a number in E.164; what is none would be dialled as something else.
fn e164_address(address: &str) -> Result<String, PlaceError> {
    call_options::e164(address).ok_or_else(|| {
        let details = serde_json::json!({"reason": "the address is no number in E.164"});
        PlaceError::refused(RefusalClass::InvalidNumber, "not-e164", details)
    })
}

impl PlaceError {
    fn refused(class: RefusalClass, word: &str, details: Value) -> PlaceError {
        let word = word.chars().take(WORD_LETTERS_MAX).collect();
        PlaceError::Refused(Refusal { class, word, details })
    }
}

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

    /// Whether the vendor tells us by webhook; whoever reports over a connection does not.
    fn sends_webhooks(&self) -> bool {
        self.stream().is_none()
    }

    /// Whether a webhook comes from the provider; over the request as it was received.
    fn verify(
        &self,
        trust: &HookTrust<'_>,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError>;

    /// The events that a webhook holds; none when it is of a kind that says nothing to us.
    fn parse_event(
        &self,
        settings: &Value,
        request: HookRequest<'_>,
    ) -> Result<Vec<Event>, ParseError>;

    /// A stored webhook as the body that came in, with its content type.
    fn body_of(&self, raw: &Value) -> (&'static str, Vec<u8>) {
        ("application/json", raw.to_string().into_bytes())
    }

    /// What a webhook is answered once its events are kept.
    fn hook_answer(&self, _settings: &Value, _request: HookRequest<'_>) -> HookAnswer {
        HookAnswer::Results
    }

    /// What an answer that is no success means.
    fn classify_error(&self, answer: &Answer) -> PlaceError;

    /// The vendor's vocabulary.
    fn words(&self) -> &'static [Word];

    /// How an attempt whose answer was lost can be found again.
    fn reconciles(&self) -> Reconciles;

    /// One page of the calls made in a span of time.
    fn list<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        span: &'a Span,
    ) -> BoxFuture<'a, Result<Page, LookUpError>>;

    /// Proves credentials and reachability by a question that calls nobody; says what was seen.
    fn check<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<String, CheckError>>;

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

/// Every vendor and its adapter by channel; the sandbox speaks like one of them.
static ADAPTERS: &[(&str, &str, &dyn Adapter)] = &[
    ("asterisk", "voice", &asterisk::Asterisk),
    ("vapi", "voice", &vapi::Vapi),
    ("retell", "voice", &retell::Retell),
    ("telnyx", "voice", &telnyx::Telnyx),
    ("elevenlabs", "voice", &elevenlabs::ElevenLabs),
    ("bland", "voice", &bland::Bland),
    ("twilio", "voice", &twilio::Twilio),
    ("resend", "email", &resend::Resend),
    ("smtp", "email", &smtp::Smtp),
    ("http", "voice", &http::Http),
    ("http", "email", &http::Http),
    ("sandbox", "voice", &sandbox::VOICE),
    ("sandbox", "email", &sandbox::EMAIL),
];

/// The adapter for an account; `None` when there is none of that name.
pub fn adapter(provider: &str, channel: &str) -> Option<&'static dyn Adapter> {
    let fits =
        |(name, on, _): &&(&str, &str, &'static dyn Adapter)| (*name, *on) == (provider, channel);
    ADAPTERS.iter().find(fits).map(|(_, _, adapter)| *adapter)
}

/// An account names a provider that does not speak over its channel.
#[derive(Debug, thiserror::Error)]
#[error("provider {provider} has no adapter for {channel}")]
pub struct NoAdapter {
    provider: String,
    channel: String,
}

/// The adapter for an account that cannot do without one.
pub fn required_adapter(provider: &str, channel: &str) -> Result<&'static dyn Adapter, NoAdapter> {
    adapter(provider, channel)
        .ok_or_else(|| NoAdapter { provider: provider.to_owned(), channel: channel.to_owned() })
}

/// The providers that are listened to.
pub fn streaming() -> Vec<&'static str> {
    let streaming = ADAPTERS.iter().filter(|(_, _, adapter)| adapter.stream().is_some());
    streaming.map(|(name, _, _)| *name).collect()
}

/// Every vendor's vocabulary, and the two that vendors share, by name.
pub fn vocabularies() -> Vec<(&'static str, &'static [Word])> {
    let vendors = ADAPTERS.iter().filter(|(name, _, _)| *name != "sandbox");
    let own = vendors.map(|(name, _, adapter)| (*name, adapter.words()));
    // A recipe's words are settings of its account.
    let own = own.filter(|(_, words)| !words.is_empty());
    own.chain([("sip", sip::SIP), ("q850", sip::Q850)]).collect()
}

#[cfg(test)]
mod tests;
