//! Whether the dispatcher lives and whether it can work, and if not, why.

use crate::clock::monotonic;
use crate::db::{Error, Reach};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// LIMIT: without an answer for so long, the database counts as lost.
const DATABASE_SILENT: Duration = Duration::from_secs(10);

/// How work is heard of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notifications {
    Listening,
    /// And why.
    PollingOnly(String),
}

#[derive(Debug)]
struct Facts {
    answered: Option<Instant>,
    notifications: Notifications,
    stopping: bool,
}

#[derive(Debug)]
pub struct Health {
    reach: Arc<Reach>,
    facts: Mutex<Facts>,
}

impl Health {
    pub fn new(reach: Arc<Reach>) -> Health {
        let notifications = Notifications::PollingOnly("listening has not begun yet".to_owned());
        let facts = Facts { answered: None, notifications, stopping: false };
        Health { reach, facts: Mutex::new(facts) }
    }

    /// Whether the database can be reached, for others that ask the same one.
    pub fn reach(&self) -> Arc<Reach> {
        Arc::clone(&self.reach)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Facts) -> T) -> T {
        work(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn database_answered(&self) {
        let now = monotonic();
        self.with(|facts| facts.answered = Some(now));
    }

    pub fn notifications(&self, now: Notifications) {
        let listening = now == Notifications::Listening;
        metrics::gauge!("dialerd_listening").set(f64::from(u8::from(listening)));
        let before = self.with(|facts| std::mem::replace(&mut facts.notifications, now.clone()));
        match now {
            same if same == before => (),
            Notifications::Listening => tracing::info!("listening"),
            Notifications::PollingOnly(why) => tracing::warn!(why, "polling only"),
        }
    }

    pub fn stopping(&self) {
        self.with(|facts| facts.stopping = true);
    }

    /// Why the database is of no use now, and for how long that has been so.
    fn database_trouble(&self, now: Instant) -> Option<(Duration, String)> {
        let answered = self.with(|facts| facts.answered);
        let trouble = self.reach.trouble();
        // One session may fail to connect while the others work.
        let fresh = |since: Instant| answered.is_none_or(|answered| answered <= since);
        if let Some(trouble) = trouble.filter(|trouble| fresh(trouble.since)) {
            return Some((now.saturating_duration_since(trouble.since), trouble.why));
        }
        match answered.map(|answered| now.saturating_duration_since(answered)) {
            None => Some((Duration::ZERO, "it has not answered yet".to_owned())),
            Some(silent) if silent > DATABASE_SILENT => {
                Some((silent, "it does not answer".to_owned()))
            }
            Some(_) => None,
        }
    }

    /// What `/ready` answers, and whether work can be done. Polling alone is sufficient for that,
    /// and accounts that are not listened to rest for themselves.
    pub fn report(
        &self,
        now: Instant,
        (streams, unheard): (Vec<Value>, Vec<String>),
    ) -> (bool, Value) {
        let trouble = self.database_trouble(now);
        let (notifications, stopping) =
            self.with(|facts| (facts.notifications.clone(), facts.stopping));
        let ready = trouble.is_none() && !stopping;
        let mut reasons = Vec::new();
        if let Some((length, why)) = &trouble {
            reasons.push(format!("the database is away since {} s: {why}", length.as_secs()));
        }
        if let Notifications::PollingOnly(why) = &notifications {
            reasons.push(format!("polling only: {why}"));
        }
        if stopping {
            reasons.push("the dispatcher is stopping".to_owned());
        }
        reasons.extend(unheard);
        let listening = notifications == Notifications::Listening;
        let report = json!({
            "ready": ready,
            "database": if trouble.is_none() { "answers" } else { "away" },
            "database_away_seconds": trouble.map(|(length, _)| length.as_secs_f64()),
            "notifications": if listening { "listening" } else { "polling only" },
            "streams": streams,
            "reasons": reasons,
        });
        (ready, report)
    }

    /// For the metrics: how long the database has been away.
    pub fn note_metrics(&self, now: Instant) {
        let away = self.database_trouble(now).map_or(0.0, |(length, _)| length.as_secs_f64());
        metrics::gauge!("dialerd_database_away_seconds").set(away);
    }
}

/// Notes that something was not done. That the database is away is noted once, elsewhere.
pub fn not_done(error: &Error, what: &'static str) {
    match error {
        Error::Away => tracing::debug!(what, "the database is away"),
        error => tracing::warn!(error = error as &dyn std::error::Error, what, "not done"),
    }
}

#[cfg(test)]
mod tests;
