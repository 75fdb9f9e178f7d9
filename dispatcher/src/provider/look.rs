//! Questions to a provider that place nothing: where is this attempt, what calls were there, does
//! the account work.

use super::Event;
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// An attempt to look for at the provider.
#[derive(Debug, Clone)]
pub struct Sought {
    pub attempt_id: Uuid,
    pub provider_call_id: Option<String>,
    /// The number or address, where it is known here.
    pub address: Option<String>,
    pub intended_at: DateTime<Utc>,
}

impl Sought {
    /// What was found of the attempt, as its own.
    pub(super) fn ours(&self, found: Option<Event>) -> Vec<Event> {
        let own = |event| Event { attempt_id: Some(self.attempt_id), ..event };
        found.into_iter().map(own).collect()
    }
}

/// How an attempt whose answer was lost can be found again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reconciles {
    /// The vendor keeps the attempt's id and it is compared: what is found is ours for certain.
    ByAttempt,
    /// By number and time: at one live call a number it is almost certainly ours.
    ByNumberAndTime,
    /// By the vendor's own id only: a lost answer leaves the attempt to its webhooks.
    ByProviderId,
}

impl Reconciles {
    pub fn told(self) -> &'static str {
        match self {
            Reconciles::ByAttempt => "a lost attempt is found by its id",
            Reconciles::ByNumberAndTime => "a lost attempt is found by its number and time",
            Reconciles::ByProviderId => "a lost attempt is heard of by webhook only",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the look-up failed: {0}")]
pub struct LookUpError(pub String);

/// Which calls to list: those made in a span of time, from a page on.
#[derive(Debug, Clone)]
pub struct Span {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
    /// As the page before gave it; none: the first page.
    pub cursor: Option<String>,
}

/// Some calls, newest or oldest first as the vendor has it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Page {
    pub calls: Vec<Listed>,
    /// Where the next page begins; none: this was the last.
    pub next: Option<String>,
}

/// A call as listed.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    pub address: Option<String>,
    pub created_at: Option<DateTime<Utc>>,
    pub event: Event,
}

/// Why an account does not work, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found}")]
pub struct CheckError {
    pub found: String,
    pub remedy: &'static str,
}

impl CheckError {
    pub fn new(found: impl Into<String>, remedy: &'static str) -> CheckError {
        CheckError { found: found.into(), remedy }
    }
}
