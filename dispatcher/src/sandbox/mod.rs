//! A provider in its own process, for tests, rehearsals and the demo.
//!
//! It speaks the shapes of several voice vendors (`shape`) and an e-mail provider over real HTTP,
//! keeps its own limits and its own log, and fails on request. It shares no state and no tables with the dispatcher, so its
//! account of who rang when is independent evidence.

pub mod bland;
pub mod chance;
pub mod clock;
pub mod control;
pub mod elevenlabs;
pub mod email;
pub mod faults;
pub mod hooks;
pub mod journal;
pub mod ledger;
pub mod life;
pub mod mix;
pub mod options;
pub mod pace;
pub mod retell;
pub mod serve;
pub mod shape;
pub mod telnyx;
pub mod twilio;
pub mod vapi;

use chance::Dice;
use clock::SimClock;
use email::Mailbox;
use faults::{FaultBook, Faults};
use hooks::Outbox;
use journal::Journal;
use ledger::{CallRecord, Ledger, Order};
pub use options::Options;
use pace::Bucket;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// How often the log is written out to its file.
const FLUSH_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub struct Sandbox {
    pub options: Options,
    pub clock: SimClock,
    pub own_url: String,
    pub outbox: Arc<Outbox>,
    ledger: Mutex<Ledger>,
    buckets: Mutex<HashMap<String, Bucket>>,
    faults: Mutex<FaultBook>,
    mailbox: Mutex<Mailbox>,
    journal: Mutex<Journal>,
}

/// Why a call was not accepted.
#[derive(Debug)]
pub enum Refusal {
    OverRate { after_seconds: f64 },
    OverLimit(Box<Order>),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the address {address} cannot be listened on")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error("the log file cannot be opened")]
    Log(#[source] std::io::Error),
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    #[error("--fault: {0}")]
    Fault(String),
    #[error("--clock-rate must be above zero")]
    ClockRate,
}

/// A sandbox that is listening; it ends when `stop` is cancelled.
#[derive(Debug)]
pub struct Running {
    pub address: SocketAddr,
    pub sandbox: Arc<Sandbox>,
    served: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Waits for the end and writes the log out.
    pub async fn ended(self) {
        drop(self.served.await);
        lock(&self.sandbox.journal).flush();
    }
}

/// Starts a sandbox; `listen` may have port 0.
pub async fn start(options: Options, stop: CancellationToken) -> Result<Running, Error> {
    let address = options.listen;
    let listen = |source| Error::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let sandbox = Arc::new(Sandbox::new(options, address)?);
    let router = serve::router(Arc::clone(&sandbox));
    tokio::spawn(keep_written(Arc::clone(&sandbox), stop.clone()));
    let served = tokio::spawn(serve::serve(listener, router, stop));
    Ok(Running { address, sandbox, served })
}

async fn keep_written(sandbox: Arc<Sandbox>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::time::sleep(FLUSH_EVERY).await;
        lock(&sandbox.journal).flush();
    }
}

impl Sandbox {
    fn new(options: Options, address: SocketAddr) -> Result<Sandbox, Error> {
        if !(options.clock_rate > 0.0 && options.clock_rate.is_finite()) {
            return Err(Error::ClockRate);
        }
        let started_at = crate::clock::wall();
        let origin_at = options.clock_origin_at.unwrap_or(started_at);
        let clock =
            SimClock::new(options.clock_origin.unwrap_or(origin_at), origin_at, options.clock_rate);
        let journal = match &options.log {
            Some(path) => Journal::to_file(path).map_err(Error::Log)?,
            None => Journal::default(),
        };
        let mut book = FaultBook::default();
        for setting in &options.fault {
            book.set(setting).map_err(Error::Fault)?;
        }
        let outbox = Outbox::new(options.hooks_at_once.max(1), clock).map_err(Error::Client)?;
        Ok(Sandbox {
            options,
            clock,
            own_url: format!("http://{address}"),
            outbox: Arc::new(outbox),
            ledger: Mutex::default(),
            buckets: Mutex::default(),
            faults: Mutex::new(book),
            mailbox: Mutex::default(),
            journal: Mutex::new(journal),
        })
    }

    /// Accepts a call if the limits allow it; the limits are looked at under the lock that counts.
    fn accept(&self, order: Order) -> Result<CallRecord, Refusal> {
        let now = self.clock.now();
        if let Err(after_seconds) = self.take_from_bucket(&order.org, now) {
            self.note_refusal("over_rate", &order);
            return Err(Refusal::OverRate { after_seconds });
        }
        let mut ledger = lock(&self.ledger);
        if ledger.live_of(&order.org) >= self.options.max_concurrent {
            drop(ledger);
            self.note_refusal("over_limit", &order);
            return Err(Refusal::OverLimit(Box::new(order)));
        }
        let nth = ledger.nth_of(&order.number);
        let dice = Dice { seed: self.options.seed, number: &order.number, nth };
        let plan = self.options.mix_of(&order.number).plan(dice, &self.options.lengths());
        let call = ledger.open(order.shape.new_id(), order, plan, now);
        drop(ledger);
        self.note_call("accepted", &call);
        Ok(call)
    }

    fn take_from_bucket(&self, org: &str, now: chrono::DateTime<chrono::Utc>) -> Result<(), f64> {
        let mut buckets = lock(&self.buckets);
        let (per_second, burst) = (self.options.per_second, self.options.burst());
        let bucket = buckets.entry(org.to_owned());
        bucket.or_insert_with(|| Bucket::new(per_second, burst)).take(now)
    }

    pub fn with_ledger<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        work(&mut lock(&self.ledger))
    }

    fn with_faults<T>(&self, work: impl FnOnce(&mut FaultBook) -> T) -> T {
        work(&mut lock(&self.faults))
    }

    fn with_mailbox<T>(&self, work: impl FnOnce(&mut Mailbox) -> T) -> T {
        work(&mut lock(&self.mailbox))
    }

    fn faults_for(&self, number: &str) -> Faults {
        lock(&self.faults).for_number(number)
    }

    fn journal_text(&self) -> (String, u64) {
        lock(&self.journal).text()
    }

    fn note(&self, entry: &Value) {
        lock(&self.journal).append(entry);
    }

    fn note_call(&self, event: &str, call: &CallRecord) {
        let (org_live, peak) =
            self.with_ledger(|ledger| (ledger.live_of(&call.order.org), ledger.peak));
        self.note(&json!({
            "event": event,
            "at": vapi::stamp(call.updated_at),
            "call_id": call.id,
            "number": call.order.number,
            "attempt_id": call.order.attempt_id,
            "nth": call.nth,
            "org": call.order.org,
            "reason": call.ended_reason,
            "disposition": ledger::disposition_of(call),
            "live": org_live,
            "peak": peak,
        }));
    }

    fn note_refusal(&self, reason: &str, order: &Order) {
        self.with_ledger(|ledger| ledger.refuse(reason));
        self.note(&json!({
            "event": "refused",
            "at": vapi::stamp(self.clock.now()),
            "number": order.number,
            "attempt_id": order.attempt_id,
            "org": order.org,
            "reason": reason,
        }));
    }

    fn note_email(&self, event: &str, id: &str, to: &str, key: Option<&str>, reason: Option<&str>) {
        self.note(&json!({
            "event": event,
            "at": vapi::stamp(self.clock.now()),
            "email_id": id,
            "to": to,
            "attempt_id": key,
            "reason": reason,
        }));
    }
}

/// A panic while a lock is held leaves counts behind that are still the best known.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
