//! Providers that report over a connection which we keep, instead of by webhooks.
//!
//! Whoever holds such a connection hears what happens while it stands, and nothing else: nothing is
//! sent again. So events may come doubled (several dispatchers listen), and what was missed is
//! looked up.

use super::{Account, Event};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

/// Who listens: each dispatcher for itself, and for one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub account_id: i32,
    pub dispatcher: String,
}

/// What a listener is told.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// From now on everything is heard.
    Listening,
    Event(Box<Event>),
}

/// Why a connection ended, or was none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct StreamError(pub String);

/// How such a provider is listened to.
pub trait Stream: Send + Sync {
    /// Connects and tells what it hears, until the connection ends or nobody wants to be told.
    fn follow<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        listener: &'a Listener,
        told: mpsc::Sender<Told>,
    ) -> BoxFuture<'a, StreamError>;
}
