//! Events on their way into the database: whatever is waiting goes in as a batch per account.
//!
//! Whoever brought an event hears that it is kept only after the transaction has committed.

use super::shared::Shared;
use super::write::refused_for_good;
use crate::db::Error;
use crate::provider::{Event, Kind};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// LIMIT: events that wait; beyond it a provider is told to come again.
pub const QUEUE_MAX: usize = 10_000;
/// LIMIT: events of one batch.
const BATCH_MAX: usize = 500;

pub struct Incoming {
    pub account_id: i32,
    pub event: Event,
    pub kept: oneshot::Sender<Kept>,
}

/// What became of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// It is stored, with this result.
    Stored(String),
    /// The database is away: it may come again.
    NotNow,
    /// The database will not have it, now or later.
    Refused,
}

/// Queues an event; `None` when the queue is full.
pub fn submit(shared: &Shared, account_id: i32, event: Event) -> Option<oneshot::Receiver<Kept>> {
    let (kept, answer) = oneshot::channel();
    shared.events.try_send(Incoming { account_id, event, kept }).ok()?;
    Some(answer)
}

/// Takes events in until `last`, and then what is still waiting.
pub async fn run(
    shared: Arc<Shared>,
    mut queue: mpsc::Receiver<Incoming>,
    last: CancellationToken,
) {
    let mut arrived = Vec::new();
    loop {
        tokio::select! {
            biased;
            _ = queue.recv_many(&mut arrived, BATCH_MAX) => (),
            () = last.cancelled() => return,
        }
        let mut by_account: BTreeMap<i32, Vec<Incoming>> = BTreeMap::new();
        for incoming in arrived.drain(..) {
            by_account.entry(incoming.account_id).or_default().push(incoming);
        }
        for (account_id, batch) in by_account {
            take_in(&shared, account_id, batch).await;
        }
    }
}

async fn take_in(shared: &Shared, account_id: i32, batch: Vec<Incoming>) {
    let events: Vec<&Event> = batch.iter().map(|incoming| &incoming.event).collect();
    match shared.sessions.ingest.ingest(account_id, &events).await {
        Ok(results) => {
            if events.iter().any(|event| event.kind == Kind::Ended) {
                shared.freed.notify_one();
            }
            for (incoming, result) in batch.into_iter().zip(results) {
                answer(shared, incoming, result);
            }
        }
        // One event that the database will not have must not keep the others out.
        Err(error) if refused_for_good(&error) && batch.len() > 1 => {
            for incoming in batch {
                Box::pin(take_in(shared, account_id, vec![incoming])).await;
            }
        }
        Err(error) => turn_away(batch, &error),
    }
}

fn answer(shared: &Shared, incoming: Incoming, result: String) {
    let label = result.split(':').next().unwrap_or("").to_owned();
    metrics::counter!("dialerd_events_total", "result" => label).increment(1);
    if result.starts_with("invalid") {
        tracing::warn!(account_id = incoming.account_id, result, "an event was not understood");
    }
    if incoming.event.kind == Kind::Ended && result == "applied" {
        let (attempt_id, outcome) = (incoming.event.attempt_id, incoming.event.outcome);
        let outcome = outcome.unwrap_or("review");
        tracing::info!(?attempt_id, outcome, "call has ended");
    }
    shared.watched.heard(incoming.account_id, &incoming.event);
    // Whoever asked may have gone; the event is kept all the same.
    drop(incoming.kept.send(Kept::Stored(result)));
}

fn turn_away(batch: Vec<Incoming>, error: &Error) {
    let for_good = refused_for_good(error);
    let shown = error as &dyn std::error::Error;
    tracing::warn!(error = shown, count = batch.len(), for_good, "events were not stored");
    for incoming in batch {
        let kept = if for_good { Kept::Refused } else { Kept::NotNow };
        drop(incoming.kept.send(kept));
    }
}
