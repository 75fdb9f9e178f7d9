//! From the claim to the provider's answer: wait for the instant, commit the intention, send once.
//!
//! The intention is committed a little before the instant, so that a slow commit delays nobody;
//! the instant is awaited after it, and the account's rate is kept after that (`fence`), when the
//! connection stands and the request is written. Nothing that follows can bunch the starts again.
//!
//! INVARIANT: a request goes out only for an attempt whose intention is committed, only while
//! `place_by` has not come by the reading that never runs behind, and never a second time.

use super::fence::Turn;
use super::health::not_done;
use super::shared::{Known, Shared};
use super::write::{Decision, Report};
use crate::clock::{DialerTime, monotonic};
use crate::db::{Claimed, Intended};
use crate::provider::{self, CallOptions, Gate, PlaceError, Placement, Refusal, RefusalClass};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// LIMIT: attempts of one intention.
const INTEND_MAX: usize = 500;
/// LIMIT: how long before its instant an attempt is intended.
const LEAD_MAX: Duration = Duration::from_millis(50);
/// How often a clock that stands still is looked at again.
const STANDSTILL: Duration = Duration::from_millis(250);

/// A claimed call and its place among those in hand.
pub struct InHand {
    pub call: Claimed,
    pub time: DialerTime,
    pub permit: OwnedSemaphorePermit,
}

/// Waiting calls, the earliest first.
struct Waiting {
    fire: Instant,
    item: InHand,
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.fire == other.fire
    }
}

impl Eq for Waiting {}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> Ordering {
        other.fire.cmp(&self.fire)
    }
}

struct Placer {
    shared: Arc<Shared>,
    stop: CancellationToken,
    waiting: BinaryHeap<Waiting>,
    /// How long an intention lately took, so that it is through when the instant comes.
    lead: Duration,
}

/// Places what comes in until the claimer has ended and nothing waits.
pub async fn run(
    shared: Arc<Shared>,
    mut claimed: mpsc::Receiver<InHand>,
    stop: CancellationToken,
) {
    let waiting = BinaryHeap::new();
    let mut placer = Placer { shared, stop, waiting, lead: Duration::from_millis(5) };
    let mut arrived = Vec::new();
    loop {
        let next = placer.waiting.peek().map(|first| first.fire);
        let timer = async {
            match next {
                Some(fire) => tokio::time::sleep_until(fire).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            count = claimed.recv_many(&mut arrived, INTEND_MAX) => {
                if count == 0 {
                    return placer.give_back_all().await;
                }
                for item in arrived.drain(..) {
                    placer.schedule(item);
                }
            }
            () = timer => (),
        }
        placer.fire_due().await;
    }
}

impl Placer {
    fn schedule(&mut self, mut item: InHand) {
        let fire = match item.time.reached(item.call.place_at) {
            Some(instant) => instant.checked_sub(self.lead).unwrap_or(instant),
            None => {
                // Dialer time stands still: it may be set on, so read it again later.
                item.time = self.shared.time().unwrap_or(item.time);
                monotonic() + STANDSTILL
            }
        };
        self.waiting.push(Waiting { fire, item });
    }

    async fn fire_due(&mut self) {
        let now = monotonic();
        let mut batch = Vec::new();
        while batch.len() < INTEND_MAX && self.waiting.peek().is_some_and(|first| first.fire <= now)
        {
            let Some(Waiting { item, .. }) = self.waiting.pop() else { break };
            if item.time.late(now) >= item.call.place_by {
                give_back(&self.shared, item, provider::TOO_LATE).await;
            } else if item.time.reached(item.call.place_at).is_none() {
                self.schedule(item);
            } else {
                batch.push(item);
            }
        }
        if !batch.is_empty() {
            self.intend(batch).await;
        }
    }

    async fn intend(&mut self, batch: Vec<InHand>) {
        let attempt_ids: Vec<Uuid> = batch.iter().map(|item| item.call.attempt_id).collect();
        let tokens: Vec<i64> = batch.iter().map(|item| item.call.token).collect();
        let asked = monotonic();
        let name = &self.shared.config.name;
        match self.shared.sessions.intend.intend(name, &attempt_ids, &tokens).await {
            Ok(answers) => {
                // Up at once, down slowly: one slow commit announces others.
                let took = (monotonic() - asked) * 5 / 4;
                self.lead = took.max(self.lead * 7 / 8).min(LEAD_MAX);
                self.send_allowed(batch, answers);
            }
            Err(error) => {
                // Whether it was committed or not, nothing was sent, and the release says so.
                not_done(&error, "intention");
                for item in batch {
                    give_back(&self.shared, item, "not_sent").await;
                }
            }
        }
    }

    fn send_allowed(&self, batch: Vec<InHand>, answers: Vec<Intended>) {
        let mut answers: HashMap<Uuid, Intended> =
            answers.into_iter().map(|answer| (answer.attempt_id, answer)).collect();
        for item in batch {
            match answers.remove(&item.call.attempt_id) {
                Some(answer) if answer.allowed => {
                    tokio::spawn(send(Arc::clone(&self.shared), item, self.stop.clone()));
                }
                answer => {
                    let reason = answer.and_then(|a| a.reason).unwrap_or_else(|| "unknown".into());
                    metrics::counter!("dialerd_not_allowed_total", "reason" => reason).increment(1);
                }
            }
        }
    }

    async fn give_back_all(&mut self) {
        while let Some(Waiting { item, .. }) = self.waiting.pop() {
            give_back(&self.shared, item, "shutdown").await;
        }
    }
}

async fn give_back(shared: &Shared, item: InHand, reason: &str) {
    metrics::counter!("dialerd_given_back_total", "reason" => reason.to_owned()).increment(1);
    report(shared, item, Decision::NothingSent(reason.to_owned())).await;
}

async fn report(shared: &Shared, item: InHand, decision: Decision) {
    let InHand { call, permit, .. } = item;
    let report = Report { attempt_id: call.attempt_id, token: call.token, decision, permit };
    // The writer outlives all senders; if it is gone, so is the process.
    drop(shared.reports.send(report).await);
}

/// Sends one attempt whose intention is committed.
async fn send(shared: Arc<Shared>, item: InHand, stop: CancellationToken) {
    if let Some(instant) = item.time.reached(item.call.place_at) {
        tokio::time::sleep_until(instant).await;
    }
    if is_unheard(&shared, &item.call).await {
        return give_back(&shared, item, "not_sent").await;
    }
    let Ok(turn) = turn(&shared, &item).await else {
        return give_back(&shared, item, provider::TOO_LATE).await;
    };
    // A closed semaphore is impossible: nobody closes it.
    let Ok(_room) = shared.requests.acquire().await else { return };
    if stop.is_cancelled() {
        return give_back(&shared, item, "shutdown").await;
    }
    let decision = match prepare(&shared, &item.call, gate(&item, turn)) {
        Err(refusal) => Decision::Refused(refusal),
        Ok((adapter, account, placement)) => {
            if item.time.late(monotonic()) >= item.call.place_by {
                return give_back(&shared, item, provider::TOO_LATE).await;
            }
            let answer = adapter.place(&shared.http, &account, &placement).await;
            decide(&item.call, answer)
        }
    };
    note(&item.call, &decision);
    report(&shared, item, decision).await;
}

/// Whether nobody would hear what becomes of a call: then it is not placed.
async fn is_unheard(shared: &Shared, call: &Claimed) -> bool {
    let adapter = provider::adapter(&call.provider, &call.channel);
    let streams = adapter.is_some_and(|adapter| adapter.stream().is_some());
    streams && !shared.streams.is_heard(call.account_id).await
}

/// Waits for the account's rate, where it has one, but not beyond `place_by`.
async fn turn(shared: &Shared, item: &InHand) -> Result<Option<Turn>, tokio::time::error::Elapsed> {
    let Some(per_second) = item.call.per_second.filter(|rate| *rate > 0.0) else {
        return Ok(None);
    };
    // The rate is meant in dialer time, the fence keeps real time.
    let real = if item.time.rate > 0.0 { per_second * item.time.rate } else { per_second };
    let fence = shared.fences.of(item.call.account_id, real);
    let asked = monotonic();
    let turn = match item.time.over(item.call.place_by) {
        Some(over) => tokio::time::timeout_at(over, fence.turn()).await?,
        None => fence.turn().await,
    };
    metrics::histogram!("dialerd_fence_seconds").record((monotonic() - asked).as_secs_f64());
    Ok(Some(turn))
}

/// What is asked when the request is about to be written: is it still in time?
fn gate(item: &InHand, turn: Option<Turn>) -> Gate {
    let (time, place_at, place_by) = (item.time, item.call.place_at, item.call.place_by);
    let attempt_id = item.call.attempt_id;
    Gate::new(move || {
        let now = monotonic();
        if time.late(now) >= place_by {
            return false;
        }
        if let Some(turn) = &turn {
            turn.write(now);
        }
        tracing::debug!(%attempt_id, "request is being written");
        note_delay(time, place_at, now);
        true
    })
}

type Prepared = (&'static dyn provider::Adapter, provider::Account, Placement);

/// All that the request needs; what is missing here would be missing for every call.
fn prepare(shared: &Shared, call: &Claimed, gate: Gate) -> Result<Prepared, Refusal> {
    let refusal = |class, word: &str, reason: String| Refusal {
        class,
        word: word.to_owned(),
        details: json!({ "reason": reason }),
    };
    let adapter = provider::adapter(&call.provider, &call.channel).ok_or_else(|| {
        let reason = format!("no adapter for {} over {}", call.channel, call.provider);
        refusal(RefusalClass::ConfigError, "no-adapter", reason)
    })?;
    let known = known(call);
    let mut account = known.account().map_err(|missing| {
        refusal(RefusalClass::AccountError, "secret-missing", missing.to_string())
    })?;
    shared.remember_account(call.account_id, &known);
    let options = match CallOptions::read(&call.settings, &call.variables) {
        Ok(options) => options,
        Err(PlaceError::Refused(refusal)) => return Err(refusal),
        Err(error) => {
            let reason = format!("{error:?}");
            return Err(refusal(RefusalClass::ConfigError, "setting-wrong", reason));
        }
    };
    if let (Some(_), Some(settings)) = (adapter.stream(), account.settings.as_object_mut()) {
        let listener = shared.streams.listener(call.account_id);
        settings.insert("listener".to_owned(), json!(listener));
    }
    let hook_url = shared.hook_url(&call.provider, call.account_id);
    let placement = Placement {
        attempt_id: call.attempt_id,
        address: call.address.clone(),
        variables: call.variables.clone(),
        options,
        callback_url: format!("{hook_url}?attempt={}", call.attempt_id),
        gate,
    };
    Ok((adapter, account, placement))
}

fn known(call: &Claimed) -> Known {
    Known {
        provider: call.provider.clone(),
        channel: call.channel.clone(),
        base_url: call.base_url.clone(),
        secret_name: call.secret_name.clone(),
        settings: call.settings.clone(),
    }
}

fn decide(call: &Claimed, answer: Result<provider::Accepted, PlaceError>) -> Decision {
    match answer {
        Ok(accepted) => Decision::Placed(accepted.provider_call_id),
        Err(PlaceError::NotSent(reason)) => {
            let (attempt_id, account_id) = (call.attempt_id, call.account_id);
            tracing::warn!(%attempt_id, account_id, reason, "nothing was sent");
            let too_late = reason == provider::TOO_LATE;
            let word = if too_late { provider::TOO_LATE } else { "not_sent" };
            Decision::NothingSent(word.to_owned())
        }
        Err(PlaceError::Refused(refusal)) => Decision::Refused(refusal),
        Err(PlaceError::Unknown(reason)) => Decision::Unknown(reason),
    }
}

fn note_delay(time: DialerTime, place_at: DateTime<Utc>, now: Instant) {
    let planned = time.reached(place_at).unwrap_or(now);
    let delay = now.saturating_duration_since(planned).as_secs_f64();
    metrics::histogram!("dialerd_place_delay_seconds").record(delay);
}

fn note(call: &Claimed, decision: &Decision) {
    let provider = call.provider.clone();
    let labels = [("provider", provider), ("result", decision.word().to_owned())];
    metrics::counter!("dialerd_placed_total", &labels).increment(1);
    let (attempt_id, call_id) = (call.attempt_id, call.call_id);
    match decision {
        Decision::Placed(_) => tracing::info!(%attempt_id, call_id, "call is active"),
        Decision::Refused(refusal) => match refusal.class.outcome() {
            // A person has to mend it.
            class @ ("account_error" | "config_error") => {
                tracing::error!(%attempt_id, call_id, class, "call failed");
            }
            class => tracing::info!(%attempt_id, call_id, class, "the provider refused"),
        },
        Decision::Unknown(reason) => {
            tracing::warn!(%attempt_id, call_id, reason, "it may be ringing; will be looked up");
        }
        Decision::NothingSent(_) => (),
    }
}
