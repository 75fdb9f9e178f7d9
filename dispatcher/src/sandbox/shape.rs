//! How a vendor speaks of calls: its answers and its webhooks. What calls do is the same for all.
//!
//! An order is taken here whatever its vendor: limits, faults, and then the life of the call.

use super::hooks::{Fate, Signer};
use super::ledger::{CallRecord, Order};
use super::serve::CloseConnection;
use super::{Options, Refusal, Sandbox, life};
use axum::response::Response;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One webhook about a call.
#[derive(Debug, Clone)]
pub struct Message {
    /// What the tallies call it.
    pub label: &'static str,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// The last one of its call, which others may be made to follow.
    pub is_final: bool,
}

impl Message {
    pub fn json(label: &'static str, body: &serde_json::Value, is_final: bool) -> Message {
        let body = body.to_string().into_bytes();
        Message { label, content_type: "application/json", body, is_final }
    }
}

/// A vendor's way of speaking.
pub trait Shape: Send + Sync + fmt::Debug {
    fn name(&self) -> &'static str;

    fn new_id(&self) -> String {
        uuid::Uuid::new_v4().to_string()
    }

    /// The answer to an order that was taken.
    fn accepted(&self, sandbox: &Sandbox, call: &CallRecord) -> Response;

    fn refused(&self, sandbox: &Sandbox, refusal: Refusal) -> Response;

    fn server_error(&self) -> Response;

    /// The webhooks about a call as it is now.
    fn messages(&self, sandbox: &Sandbox, call: &CallRecord) -> Vec<Message>;

    fn signer(&self, options: &Options) -> Signer;
}

/// Takes an order, or refuses it, or fails as it was told to.
pub async fn take(sandbox: Arc<Sandbox>, order: Order) -> Response {
    let shape = order.shape;
    let nth = sandbox.with_ledger(|ledger| ledger.nth_of(&order.number));
    let fate = Fate { seed: sandbox.options.seed, number: order.number.clone(), nth };
    let faults = sandbox.faults_for(&order.number);
    if fate.dice().happens("error_before", faults.error_before) {
        sandbox.note_refusal("error_before", &order);
        return shape.server_error();
    }
    // By another roll each time: a refused call comes again as the same.
    let refusals = sandbox.with_ledger(|ledger| ledger.refused.values().sum::<u64>());
    if fate.dice().happens(&format!("over_limit:{refusals}"), faults.over_limit) {
        sandbox.note_refusal("over_limit_fault", &order);
        return shape.refused(&sandbox, Refusal::OverLimit(Box::new(order)));
    }
    let call = match sandbox.accept(order) {
        Ok(call) => call,
        Err(refusal) => return shape.refused(&sandbox, refusal),
    };
    let answer = shape.accepted(&sandbox, &call);
    life::begin(&sandbox, &call, faults);
    let latency = fate.dice().between("latency", sandbox.options.latency) / 1000.0;
    tokio::time::sleep(sandbox.clock.real(Duration::from_secs_f64(latency))).await;
    if fate.dice().happens("stall", faults.stall) {
        tokio::time::sleep(Duration::from_secs_f64(faults.stall_seconds.max(0.0))).await;
    }
    if fate.dice().happens("lost_answer", faults.lost_answer) {
        return CloseConnection::response();
    }
    if fate.dice().happens("error_after", faults.error_after) {
        return shape.server_error();
    }
    answer
}

/// Whether a look-up does not find a call although it is there.
pub fn is_hidden(sandbox: &Sandbox, call: &CallRecord) -> bool {
    let number = call.order.number.clone();
    let hidden = sandbox.faults_for(&number).hidden;
    Fate { seed: sandbox.options.seed, number, nth: call.nth }.dice().happens("hidden", hidden)
}

/// A call of this organisation and vendor that a look-up may find.
pub fn shown(sandbox: &Sandbox, shape: &dyn Shape, org: &str, id: &str) -> Option<CallRecord> {
    let call = sandbox.with_ledger(|ledger| ledger.call(id).cloned())?;
    let is_theirs = call.order.org == org && call.order.shape.name() == shape.name();
    (is_theirs && !is_hidden(sandbox, &call)).then_some(call)
}

pub fn is_e164(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or("");
    (7..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// How a call went, in words that every vendor has its own for; from the reason of the mix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Course {
    Conversation,
    Machine,
    NoAnswer,
    Busy,
    Cancelled,
    NoSuchNumber,
    NotConnected,
    /// It broke after somebody had picked up.
    BrokenOff,
}

impl Course {
    /// The course of a call that has ended.
    pub fn of(call: &CallRecord) -> Course {
        match call.ended_reason.as_deref().unwrap_or("") {
            "customer-did-not-answer" => Course::NoAnswer,
            "voicemail" => Course::Machine,
            "customer-busy" => Course::Busy,
            "manually-canceled" if call.started_at.is_none() => Course::Cancelled,
            "twilio-reported-customer-misdialed" => Course::NoSuchNumber,
            reason if reason.contains("failed-to-connect") => Course::NotConnected,
            reason if reason.starts_with("pipeline-error") => Course::BrokenOff,
            _ => Course::Conversation,
        }
    }
}
