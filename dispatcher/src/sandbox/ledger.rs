//! What the sandbox knows: every call it accepted, who is on the line now, and the tallies.
//!
//! It counts by itself and trusts no caller, so that it can be the judge of a test.

use super::mix::Plan;
use super::shape::Shape;
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, VecDeque};
use tokio_util::sync::CancellationToken;

/// LIMIT: ended calls that can still be looked up; the tallies are kept for ever.
const CALLS_MAX: usize = 200_000;
/// LIMIT: offences that are listed one by one; all are counted.
const OFFENCES_MAX: usize = 1_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Queued,
    Ringing,
    InProgress,
    Ended,
}

/// What the caller asked for.
#[derive(Debug, Clone)]
pub struct Order {
    pub shape: &'static dyn Shape,
    pub org: String,
    pub number: String,
    pub attempt_id: Option<String>,
    pub hook_url: Option<String>,
    /// What the vendor shows of the order again, in its own words.
    pub shown: Value,
}

#[derive(Debug, Clone)]
pub struct CallRecord {
    pub id: String,
    pub order: Order,
    pub nth: u32,
    pub plan: Plan,
    pub status: Status,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub ended_at: Option<DateTime<Utc>>,
    pub ended_reason: Option<String>,
    pub hang_up: CancellationToken,
}

#[derive(Debug, Default)]
struct NumberTally {
    calls: u32,
    live: u32,
}

/// What went wrong on the caller's side.
#[derive(Debug, Clone, Serialize)]
pub struct Offence {
    pub kind: &'static str,
    pub at: DateTime<Utc>,
    pub number: String,
    pub attempt_id: Option<String>,
}

#[derive(Debug, Default)]
pub struct Ledger {
    calls: HashMap<String, CallRecord>,
    arrival: VecDeque<String>,
    numbers: BTreeMap<String, NumberTally>,
    attempts: HashMap<String, u32>,
    live: HashMap<String, u32>,
    live_total: u32,
    pub peak: u32,
    peak_by_org: BTreeMap<String, u32>,
    accepted: u64,
    ended: u64,
    pub refused: BTreeMap<String, u64>,
    outcomes: BTreeMap<String, u64>,
    dispositions: BTreeMap<String, u64>,
    offences: Vec<Offence>,
    doubled_attempts: u64,
    doubled_lines: u64,
}

impl Ledger {
    pub fn live_of(&self, org: &str) -> u32 {
        self.live.get(org).copied().unwrap_or(0)
    }

    /// The how-manieth call to this number the next one would be.
    pub fn nth_of(&self, number: &str) -> u32 {
        self.numbers.get(number).map_or(1, |tally| tally.calls + 1)
    }

    pub fn refuse(&mut self, word: &str) {
        *self.refused.entry(word.to_owned()).or_default() += 1;
    }

    /// Opens a call; the caller of this function has checked the limits under the same lock.
    pub fn open(&mut self, id: String, order: Order, plan: Plan, now: DateTime<Utc>) -> CallRecord {
        let nth = self.nth_of(&order.number);
        self.note_offences(&order, now);
        let tally = self.numbers.entry(order.number.clone()).or_default();
        tally.calls += 1;
        tally.live += 1;
        self.count_live(&order.org);
        self.accepted += 1;
        let record = CallRecord {
            id: id.clone(),
            order,
            nth,
            plan,
            status: Status::Queued,
            created_at: now,
            updated_at: now,
            started_at: None,
            ended_at: None,
            ended_reason: None,
            hang_up: CancellationToken::new(),
        };
        self.calls.insert(id.clone(), record.clone());
        self.arrival.push_back(id);
        self.forget_oldest();
        record
    }

    fn count_live(&mut self, org: &str) {
        let live = self.live.entry(org.to_owned()).or_default();
        *live += 1;
        let peak = self.peak_by_org.entry(org.to_owned()).or_default();
        *peak = (*peak).max(*live);
        self.live_total += 1;
        self.peak = self.peak.max(self.live_total);
    }

    fn note_offences(&mut self, order: &Order, now: DateTime<Utc>) {
        if let Some(attempt_id) = &order.attempt_id {
            let seen = self.attempts.entry(attempt_id.clone()).or_default();
            *seen += 1;
            if *seen > 1 {
                self.doubled_attempts += 1;
                self.offend("doubled_attempt", order, now);
            }
        }
        if self.numbers.get(&order.number).is_some_and(|tally| tally.live > 0) {
            self.doubled_lines += 1;
            self.offend("two_live_calls_to_one_number", order, now);
        }
    }

    fn offend(&mut self, kind: &'static str, order: &Order, at: DateTime<Utc>) {
        if self.offences.len() < OFFENCES_MAX {
            let (number, attempt_id) = (order.number.clone(), order.attempt_id.clone());
            self.offences.push(Offence { kind, at, number, attempt_id });
        }
    }

    fn forget_oldest(&mut self) {
        while self.calls.len() > CALLS_MAX {
            let Some(id) = self.arrival.pop_front() else { return };
            // A call that is still on the line goes to the back of the queue.
            if self.calls.get(&id).is_some_and(|call| call.status != Status::Ended) {
                self.arrival.push_back(id);
                return;
            }
            self.calls.remove(&id);
        }
    }

    /// Moves a call on; `None` when it has ended already.
    pub fn advance(&mut self, id: &str, to: Status, now: DateTime<Utc>) -> Option<CallRecord> {
        let call = self.calls.get_mut(id).filter(|call| call.status != Status::Ended)?;
        call.status = to;
        call.updated_at = now;
        if to == Status::InProgress {
            call.started_at = Some(now);
        }
        Some(call.clone())
    }

    /// Ends a call and frees its line; `None` when it has ended already.
    pub fn end(&mut self, id: &str, reason: &str, now: DateTime<Utc>) -> Option<CallRecord> {
        let mut call = self.advance(id, Status::Ended, now)?;
        call.ended_at = Some(now);
        call.ended_reason = Some(reason.to_owned());
        if let Some(tally) = self.numbers.get_mut(&call.order.number) {
            tally.live = tally.live.saturating_sub(1);
        }
        if let Some(live) = self.live.get_mut(&call.order.org) {
            *live = live.saturating_sub(1);
        }
        self.live_total = self.live_total.saturating_sub(1);
        self.ended += 1;
        *self.outcomes.entry(reason.to_owned()).or_default() += 1;
        if let Some(disposition) = disposition_of(&call) {
            *self.dispositions.entry(disposition.to_owned()).or_default() += 1;
        }
        self.calls.insert(id.to_owned(), call.clone());
        Some(call)
    }

    pub fn call(&self, id: &str) -> Option<&CallRecord> {
        self.calls.get(id)
    }

    /// The calls of an organisation at a vendor made within the bounds, newest first.
    pub fn made(
        &self,
        org: &str,
        shape: &dyn Shape,
        from: Option<DateTime<Utc>>,
        until: Option<DateTime<Utc>>,
    ) -> impl Iterator<Item = &CallRecord> {
        let calls = self.arrival.iter().rev().filter_map(|id| self.calls.get(id));
        calls
            .filter(move |call| call.order.org == org)
            .filter(move |call| call.order.shape.name() == shape.name())
            .filter(move |call| from.is_none_or(|from| call.created_at >= from))
            .filter(move |call| until.is_none_or(|until| call.created_at <= until))
    }

    pub fn summary(&self) -> Summary<'_> {
        Summary {
            accepted: self.accepted,
            ended: self.ended,
            live: self.live_total,
            peak: self.peak,
            peak_by_org: &self.peak_by_org,
            refused: &self.refused,
            outcomes: &self.outcomes,
            dispositions: &self.dispositions,
            numbers: self.numbers.len(),
            calls_per_number: self.numbers.iter().map(|(n, t)| (n.as_str(), t.calls)).collect(),
            doubled_attempts: self.doubled_attempts,
            two_live_calls_to_one_number: self.doubled_lines,
            offences: &self.offences,
        }
    }
}

/// The business label that a call leaves; only a call that ran its course has one.
pub fn disposition_of(call: &CallRecord) -> Option<&str> {
    let ran_its_course = call.ended_reason.as_deref() == Some(call.plan.ended_reason.as_str());
    call.plan.disposition.as_deref().filter(|_| ran_its_course)
}

/// What `GET /sandbox/summary` answers.
#[derive(Debug, Serialize)]
pub struct Summary<'a> {
    accepted: u64,
    ended: u64,
    live: u32,
    peak: u32,
    peak_by_org: &'a BTreeMap<String, u32>,
    refused: &'a BTreeMap<String, u64>,
    outcomes: &'a BTreeMap<String, u64>,
    dispositions: &'a BTreeMap<String, u64>,
    numbers: usize,
    calls_per_number: BTreeMap<&'a str, u32>,
    doubled_attempts: u64,
    two_live_calls_to_one_number: u64,
    offences: &'a [Offence],
}
