//! Orders of calls, in whatever shape they come: taken within the limits, with the faults that are
//! in force, and answered as the provider of that shape answers.

use super::hooks::{Fate, Signer};
use super::ledger::{CallRecord, Order};
use super::options::Options;
use super::serve::CloseConnection;
use super::{Sandbox, life};
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// How one provider speaks.
pub trait Shape: std::fmt::Debug + Send + Sync {
    fn accepted(&self, sandbox: &Sandbox, call: &CallRecord) -> Response;
    fn refused(&self, sandbox: &Sandbox, refusal: Refusal) -> Response;
    /// The answer of a server that failed.
    fn failed(&self) -> Response;
    /// The provider's word for an ended reason of the mix.
    fn word(&self, reason: &str) -> String;
    /// What is reported of a call that has just come to its status.
    fn reports(&self, sandbox: &Sandbox, call: &CallRecord) -> Vec<Report>;
    fn signer(&self, options: &Options) -> Signer;
}

/// One webhook.
#[derive(Debug)]
pub struct Report {
    pub label: &'static str,
    pub message: Value,
    /// The last one of its call.
    pub is_final: bool,
}

impl Report {
    pub fn passing(label: &'static str, message: Value) -> Report {
        Report { label, message, is_final: false }
    }

    pub fn last(label: &'static str, message: Value) -> Report {
        Report { label, message, is_final: true }
    }
}

/// Why a call was not accepted.
#[derive(Debug)]
pub enum Refusal {
    OverRate { after_seconds: f64 },
    OverLimit(Box<Order>),
}

/// 429, and after how long to come again.
pub fn too_fast(after_seconds: f64, body: Value) -> Response {
    let after = [("retry-after", (after_seconds.ceil().max(1.0) as u64).to_string())];
    (StatusCode::TOO_MANY_REQUESTS, after, Json(body)).into_response()
}

/// Takes an order, or fails as the faults for its number will have it.
pub async fn take(sandbox: Arc<Sandbox>, order: Order) -> Response {
    let shape = order.shape;
    let nth = sandbox.with_ledger(|ledger| ledger.nth_of(&order.number));
    let fate = Fate { seed: sandbox.options.seed, number: order.number.clone(), nth };
    let faults = sandbox.faults_for(&order.number);
    if fate.dice().happens("error_before", faults.error_before) {
        sandbox.note_refusal("error_before", &order);
        return shape.failed();
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
        return shape.failed();
    }
    answer
}
