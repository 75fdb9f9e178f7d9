//! The one writer of what came of attempts: takes whatever is waiting and writes it as a batch.
//!
//! Its statements may be repeated: an attempt with an old token is passed over by the database.

use super::health::not_done;
use super::shared::Shared;
use crate::db::{Batch, Error, storable, without_nul};
use crate::provider::Refusal;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// LIMIT: attempts of one batch.
const BATCH_MAX: usize = 500;
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What came of one attempt.
#[derive(Debug, Clone)]
pub enum Decision {
    Placed(String),
    Unknown(String),
    NothingSent(String),
    Refused(Refusal),
}

impl Decision {
    pub fn word(&self) -> &'static str {
        match self {
            Decision::Placed(_) => "placed",
            Decision::Unknown(_) => "unknown",
            Decision::NothingSent(_) => "not_sent",
            Decision::Refused(refusal) => refusal.class.outcome(),
        }
    }
}

/// A decision on its way to the database; the call is in hand until it is there.
pub struct Report {
    pub attempt_id: Uuid,
    pub token: i64,
    pub decision: Decision,
    #[expect(dead_code, reason = "held, not read: dropping it makes room for the next call")]
    pub permit: OwnedSemaphorePermit,
}

/// Writes until `last`, and then what is still waiting.
pub async fn run(shared: Arc<Shared>, mut queue: mpsc::Receiver<Report>, last: CancellationToken) {
    let mut reports = Vec::new();
    loop {
        tokio::select! {
            biased;
            _ = queue.recv_many(&mut reports, BATCH_MAX) => (),
            () = last.cancelled() => return,
        }
        let frees = reports.iter().any(|r| !matches!(r.decision, Decision::Placed(_)));
        write(&shared, &reports).await;
        reports.clear();
        if frees {
            shared.freed.notify_one();
        }
    }
}

async fn write(shared: &Shared, reports: &[Report]) {
    for kind in [Target::Placed, Target::Unknown, Target::Release, Target::Settle] {
        let chosen: Vec<&Report> = reports.iter().filter(|r| Target::of(r) == kind).collect();
        if !chosen.is_empty() {
            write_all(shared, kind, &chosen).await;
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Placed,
    Unknown,
    Release,
    Settle,
}

impl Target {
    fn of(report: &Report) -> Target {
        match report.decision {
            Decision::Placed(_) => Target::Placed,
            Decision::Unknown(_) => Target::Unknown,
            Decision::NothingSent(_) => Target::Release,
            Decision::Refused(_) => Target::Settle,
        }
    }

    async fn write(self, shared: &Shared, batch: &Batch) -> Result<i32, Error> {
        let session = &shared.sessions.write;
        match self {
            Target::Placed => session.mark_placed(batch).await,
            Target::Unknown => session.mark_unknown(batch).await,
            Target::Release => session.release(batch).await,
            Target::Settle => session.settle(batch).await,
        }
    }
}

/// Writes one kind: again while the database is away, one by one when it refuses the batch.
async fn write_all(shared: &Shared, target: Target, reports: &[&Report]) {
    let batch = batch(reports);
    let mut pause = Duration::from_millis(50);
    // Ends when the database answers; a shutdown bounds it from outside.
    loop {
        match target.write(shared, &batch).await {
            Ok(counted) => {
                let passed_over = reports.len().saturating_sub(counted.max(0) as usize);
                metrics::counter!("dialerd_passed_over_total").increment(passed_over as u64);
                return;
            }
            Err(error) if refused_for_good(&error) && reports.len() > 1 => {
                for report in reports {
                    Box::pin(write_all(shared, target, &[report])).await;
                }
                return;
            }
            Err(error) if refused_for_good(&error) => {
                let attempt_id = reports.first().map(|report| report.attempt_id);
                let error = &error as &dyn std::error::Error;
                tracing::error!(?attempt_id, ?target, error, "a result could not be written");
                return;
            }
            Err(error) => {
                not_done(&error, "writing results");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// Whether the database understood and said no; else it may say yes later.
pub fn refused_for_good(error: &Error) -> bool {
    const PASSING: [&str; 6] = ["08", "25", "40", "53", "55", "57"];
    match error.code() {
        Some(code) => !PASSING.iter().any(|class| code.starts_with(class)),
        None => matches!(error, Error::Shape { .. }),
    }
}

fn batch(reports: &[&Report]) -> Batch {
    let mut batch = Batch::default();
    for report in reports {
        batch.attempt_ids.push(report.attempt_id);
        batch.tokens.push(report.token);
        match &report.decision {
            Decision::Placed(word) | Decision::Unknown(word) | Decision::NothingSent(word) => {
                batch.words.push(without_nul(word.clone()));
            }
            Decision::Refused(refusal) => {
                batch.outcomes.push(refusal.class.outcome().to_owned());
                batch.words.push(without_nul(refusal.word.clone()));
                batch.details.push(object(&refusal.details));
            }
        }
    }
    batch
}

fn object(details: &Value) -> Value {
    let details = storable(details.clone());
    if details.is_object() { details } else { serde_json::json!({ "details": details }) }
}
