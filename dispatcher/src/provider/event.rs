//! Events: what a provider says about an attempt, in our words, as the database takes it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

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
    /// From a list of calls.
    Poll,
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
    /// What the call found out of the number, where its step asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classification: Option<String>,
    /// Whether the vendor says that the call did its task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<bool>,
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

impl Event {
    /// An event that says no more than its kind.
    pub fn new(event_key: String, kind: Kind, source: Source, raw: Value) -> Event {
        Event {
            event_key,
            kind,
            attempt_id: None,
            provider_call_id: None,
            at: None,
            outcome: None,
            word: None,
            disposition: None,
            classification: None,
            success: None,
            duration_seconds: None,
            callback_at: None,
            source,
            raw,
            report_follows: false,
        }
    }
}

/// A vendor's judgement of a call, where it is a plain yes or no; marks and scores are neither.
pub fn success(judged: &Value) -> Option<bool> {
    let text = match judged {
        Value::Bool(answer) => return Some(*answer),
        Value::String(text) => text.trim().to_ascii_lowercase(),
        _ => return None,
    };
    match text.as_str() {
        "true" | "success" | "successful" | "pass" => Some(true),
        "false" | "failure" | "unsuccessful" | "fail" => Some(false),
        _ => None,
    }
}

/// Whether an outcome says that nobody was reached. Vendors report an end before they report what
/// it came to; only such an end needs no report.
pub fn reached_nobody(outcome: &str) -> bool {
    const UNREACHED: [&str; 9] = [
        "no_answer",
        "busy",
        "rejected",
        "invalid_number",
        "blocked",
        "over_limit",
        "account_error",
        "config_error",
        "provider_fault",
    ];
    UNREACHED.contains(&outcome)
}
