//! The life of one accepted call: it rings, perhaps somebody picks up, it ends, and is reported.

use super::Sandbox;
use super::clock::plus_seconds;
use super::faults::Faults;
use super::hooks::{Fate, Hook, Outbox};
use super::ledger::{CallRecord, Status};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Starts the life of a call that has just been accepted.
pub fn begin(sandbox: &Arc<Sandbox>, call: &CallRecord, faults: Faults) {
    let fate =
        Fate { seed: sandbox.options.seed, number: call.order.number.clone(), nth: call.nth };
    let signer = call.order.shape.signer(&sandbox.options);
    let lane = Outbox::lane(&sandbox.outbox, signer, faults, fate);
    tokio::spawn(Life { sandbox: Arc::clone(sandbox), lane, call: call.clone() }.run());
}

struct Life {
    sandbox: Arc<Sandbox>,
    lane: mpsc::Sender<Hook>,
    call: CallRecord,
}

impl Life {
    async fn run(self) {
        let reason = match self.ring_and_talk().await {
            Some(()) => self.call.plan.ended_reason.clone(),
            None => "manually-canceled".to_owned(),
        };
        let now = self.sandbox.clock.now();
        let ended = self.sandbox.with_ledger(|ledger| ledger.end(&self.call.id, &reason, now));
        let Some(ended) = ended else { return };
        self.sandbox.note_call("ended", &ended);
        self.report(&ended).await;
    }

    /// `None` when it was hung up before its time.
    async fn ring_and_talk(&self) -> Option<()> {
        let plan = &self.call.plan;
        self.advance(Status::Ringing, "ringing").await;
        let picked_up_at = plus_seconds(self.call.created_at, plan.ring_seconds);
        self.wait_until(picked_up_at).await?;
        if let Some(talk_seconds) = plan.talk_seconds {
            self.advance(Status::InProgress, "answered").await;
            self.wait_until(plus_seconds(picked_up_at, talk_seconds)).await?;
        }
        Some(())
    }

    async fn advance(&self, status: Status, event: &'static str) {
        let now = self.sandbox.clock.now();
        let moved = self.sandbox.with_ledger(|ledger| ledger.advance(&self.call.id, status, now));
        if let Some(call) = moved {
            self.sandbox.note_call(event, &call);
            self.report(&call).await;
        }
    }

    async fn wait_until(&self, at: chrono::DateTime<chrono::Utc>) -> Option<()> {
        tokio::select! {
            () = self.sandbox.clock.sleep_until(at) => Some(()),
            () = self.call.hang_up.cancelled() => None,
        }
    }

    async fn report(&self, call: &CallRecord) {
        let Some(url) = &self.call.order.hook_url else { return };
        for message in call.order.shape.messages(&self.sandbox, call) {
            // The lane is gone only when the process is.
            drop(self.lane.send(Hook { url: url.clone(), message }).await);
        }
    }
}
