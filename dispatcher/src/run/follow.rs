//! Calls that are said to be over but whose final report has not come: looked up after a moment.
//!
//! Only the report says what the call came to, and until it is there the call keeps its slot. A
//! lost report would hold it for the longest possible call; a look-up frees it in seconds.
//! What is watched here is a convenience and may be lost: silence is found by the database as well.

use super::reconcile::look_up;
use super::shared::Shared;
use crate::clock::monotonic;
use crate::provider::{Event, Kind, Sought};
use chrono::{DateTime, Utc};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long a report may follow the end, in real time, before it is looked for.
const PATIENCE: Duration = Duration::from_secs(5);
/// LIMIT: calls that are watched; more are left to the database.
const WATCHED_MAX: usize = 10_000;

struct Over {
    account_id: i32,
    provider_call_id: String,
    at: DateTime<Utc>,
    look: Instant,
}

#[derive(Default)]
pub struct Watched(Mutex<HashMap<Uuid, Over>>);

impl Watched {
    /// Notes what an event says about the end of its attempt.
    pub fn heard(&self, account_id: i32, event: &Event) {
        let Some(attempt_id) = event.attempt_id else { return };
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (event.kind, &event.provider_call_id) {
            (Kind::Ended, _) => {
                watched.remove(&attempt_id);
            }
            (_, Some(id)) if event.report_follows && watched.len() < WATCHED_MAX => {
                let look = monotonic() + PATIENCE;
                let provider_call_id = id.clone();
                let at = event.at.unwrap_or_default();
                watched.insert(attempt_id, Over { account_id, provider_call_id, at, look });
            }
            _ => (),
        }
    }

    fn take_due(&self, now: Instant) -> Vec<(Uuid, Over)> {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        watched.extract_if(|_, over| over.look <= now).collect()
    }
}

/// Looks up what is due until `stop`.
pub async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => (),
            () = stop.cancelled() => return,
        }
        for (attempt_id, over) in shared.watched.take_due(monotonic()) {
            // A dispatcher that placed nothing through the account leaves it to the one that did.
            let Some(known) = shared.known_account(over.account_id) else { continue };
            let sought = Sought {
                attempt_id,
                provider_call_id: Some(over.provider_call_id),
                address: None,
                intended_at: over.at,
            };
            look_up(&shared, over.account_id, &known, sought).await;
        }
    }
}
