//! Listening to providers that report over a connection which we keep: one task an account.
//!
//! Each dispatcher listens for itself; what two of them hear is stored once. Nothing is sent again
//! that nobody heard, so with each connection that comes to stand, the account's open attempts are
//! looked up; and while there is none, nothing is placed through the account. An event that was
//! heard is held until the database has it. If the database is away for long, reading stops, the
//! provider closes the connection, and the look-ups after it find what was missed.

use super::health::not_done;
use super::inbox::{self, Kept};
use super::shared::{Known, Shared};
use crate::clock::monotonic;
use crate::db::{StoredAccount, spread};
use crate::provider::{self, Event, Listener, Told};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the accounts are looked at, if no call wants one that is not listened to.
const EVERY: Duration = Duration::from_secs(5);
/// LIMIT: and how often at most.
const EVERY_MIN: Duration = Duration::from_millis(200);
/// LIMIT: accounts that are listened to.
const ACCOUNTS_MAX: usize = 1_000;
/// LIMIT: how long a call waits for its account to be listened to.
const PATIENCE: Duration = Duration::from_secs(5);
/// LIMIT: events of a connection that wait, and of one batch.
const QUEUE_MAX: usize = 1_000;
const BATCH_MAX: usize = 200;
const PAUSE_MIN: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(15);

#[derive(Debug, Clone)]
enum Hearing {
    Listening { since: Instant },
    Deaf { since: Instant, why: String },
}

/// Which accounts are listened to.
pub struct Streams {
    dispatcher: String,
    accounts: Mutex<BTreeMap<i32, watch::Sender<Hearing>>>,
    /// A call wants an account that is not listened to.
    wanted: Notify,
}

impl Streams {
    pub fn new(dispatcher: &str) -> Streams {
        let dispatcher = dispatcher.to_owned();
        Streams { dispatcher, accounts: Mutex::default(), wanted: Notify::new() }
    }

    /// As whom this dispatcher listens.
    pub fn listener(&self, account_id: i32) -> Listener {
        Listener { account_id, dispatcher: self.dispatcher.clone() }
    }

    /// Whether what happens at an account is heard; waits a little for it.
    pub async fn is_heard(&self, account_id: i32) -> bool {
        let mut hearing = self.hearing(account_id).subscribe();
        let listens = |hearing: &Hearing| matches!(hearing, Hearing::Listening { .. });
        if listens(&hearing.borrow()) {
            return true;
        }
        self.wanted.notify_one();
        let heard = tokio::time::timeout(PATIENCE, hearing.wait_for(listens)).await;
        heard.is_ok_and(|heard| heard.is_ok())
    }

    fn hearing(&self, account_id: i32) -> watch::Sender<Hearing> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = || {
            let why = "listening has not begun yet".to_owned();
            watch::Sender::new(Hearing::Deaf { since: monotonic(), why })
        };
        accounts.entry(account_id).or_insert_with(begun).clone()
    }

    fn listening(&self, account_id: i32) {
        let label = account_id.to_string();
        metrics::gauge!("dialerd_stream_listening", "account" => label).set(1.0);
        self.hearing(account_id).send_replace(Hearing::Listening { since: monotonic() });
        tracing::info!(account_id, "listening to the provider");
    }

    fn deaf(&self, account_id: i32, why: String) {
        let label = account_id.to_string();
        metrics::gauge!("dialerd_stream_listening", "account" => label.clone()).set(0.0);
        metrics::counter!("dialerd_stream_ended_total", "account" => label).increment(1);
        self.hearing(account_id).send_if_modified(|hearing| match hearing {
            Hearing::Deaf { why: known, .. } if *known == why => false,
            Hearing::Deaf { why: known, .. } => {
                tracing::warn!(account_id, why, "the provider is not heard");
                *known = why;
                true
            }
            Hearing::Listening { .. } => {
                tracing::warn!(account_id, why, "the provider is not heard any more");
                *hearing = Hearing::Deaf { since: monotonic(), why };
                true
            }
        });
    }

    fn forget(&self, account_id: i32) {
        let label = account_id.to_string();
        metrics::gauge!("dialerd_stream_listening", "account" => label).set(0.0);
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).remove(&account_id);
    }

    /// What `/ready` says of them: each account, and why one is not heard.
    pub fn report(&self, now: Instant) -> (Vec<Value>, Vec<String>) {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rows, mut reasons) = (Vec::new(), Vec::new());
        for (account_id, hearing) in accounts.iter() {
            let (listening, since) = match &*hearing.borrow() {
                Hearing::Listening { since } => (true, *since),
                Hearing::Deaf { since, why } => {
                    reasons.push(format!("account {account_id} is not heard: {why}"));
                    (false, *since)
                }
            };
            let seconds = now.saturating_duration_since(since).as_secs_f64();
            rows.push(
                json!({"account_id": account_id, "listening": listening, "seconds": seconds}),
            );
        }
        (rows, reasons)
    }
}

/// An account that is listened to as `known` says.
struct Task {
    known: Known,
    end: CancellationToken,
    handle: JoinHandle<()>,
}

/// Listens to every account that wants it until `stop`.
pub async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut tasks: HashMap<i32, Task> = HashMap::new();
    while !stop.is_cancelled() {
        match shared.sessions.aside.streaming_accounts(&provider::streaming()).await {
            Ok(accounts) => attend(&shared, accounts, &mut tasks, &stop),
            Err(error) => not_done(&error, "asking for accounts to listen to"),
        }
        let waited = async {
            tokio::time::sleep(EVERY_MIN).await;
            drop(tokio::time::timeout(EVERY, shared.streams.wanted.notified()).await);
        };
        tokio::select! {
            () = waited => (),
            () = stop.cancelled() => (),
        }
    }
    for task in tasks.into_values() {
        drop(task.handle.await);
    }
}

/// Begins with accounts that are new or have changed, ends with those that are no more.
fn attend(
    shared: &Arc<Shared>,
    accounts: Vec<StoredAccount>,
    tasks: &mut HashMap<i32, Task>,
    stop: &CancellationToken,
) {
    let mut wanted: HashMap<i32, Known> = HashMap::new();
    for account in accounts.into_iter().take(ACCOUNTS_MAX) {
        let StoredAccount {
            account_id, provider, channel, base_url, secret_name, settings, ..
        } = account;
        wanted.insert(account_id, Known { provider, channel, base_url, secret_name, settings });
    }
    for (account_id, task) in tasks.extract_if(|account_id, _| !wanted.contains_key(account_id)) {
        task.end.cancel();
        shared.streams.forget(account_id);
    }
    for (account_id, known) in wanted {
        let before = match tasks.remove(&account_id) {
            Some(task) if task.known == known && !task.handle.is_finished() => {
                tasks.insert(account_id, task);
                continue;
            }
            before => before,
        };
        let end = stop.child_token();
        let next = listen(Arc::clone(shared), account_id, known.clone(), end.clone());
        // One after the other: both would listen under the same name.
        let handle = tokio::spawn(async move {
            if let Some(before) = before {
                before.end.cancel();
                drop(before.handle.await);
            }
            next.await;
        });
        tasks.insert(account_id, Task { known, end, handle });
    }
}

/// Keeps a connection to one account until `end`.
async fn listen(shared: Arc<Shared>, account_id: i32, known: Known, end: CancellationToken) {
    let mut failures = 0;
    while !end.is_cancelled() {
        let (why, listened) = once(&shared, account_id, &known, &end).await;
        if end.is_cancelled() {
            return;
        }
        shared.streams.deaf(account_id, why);
        failures = if listened { 0 } else { failures + 1 };
        let pause = PAUSE_MIN.saturating_mul(1 << failures.min(16)).min(PAUSE_MAX);
        tokio::select! {
            () = tokio::time::sleep(spread(pause, shared.seed, failures)) => (),
            () = end.cancelled() => (),
        }
    }
}

/// One connection: why it ended, and whether anything could be heard on it.
async fn once(
    shared: &Shared,
    account_id: i32,
    known: &Known,
    end: &CancellationToken,
) -> (String, bool) {
    let adapter = provider::adapter(&known.provider, &known.channel);
    let Some(stream) = adapter.and_then(|adapter| adapter.stream()) else {
        return (format!("no adapter listens to {}", known.provider), false);
    };
    let account = match known.account() {
        Ok(account) => account,
        Err(missing) => return (missing.to_string(), false),
    };
    let listener = shared.streams.listener(account_id);
    let (told, queue) = mpsc::channel(QUEUE_MAX);
    let following = stream.follow(&shared.http, &account, &listener, told);
    let (why, listened) = tokio::join!(following, take_in(shared, account_id, queue, end));
    (why.to_string(), listened)
}

/// Takes in what is told until there is no more or nobody wants it; whether anything was heard.
async fn take_in(
    shared: &Shared,
    account_id: i32,
    mut queue: mpsc::Receiver<Told>,
    end: &CancellationToken,
) -> bool {
    let mut listened = false;
    let mut arrived = Vec::new();
    loop {
        tokio::select! {
            count = queue.recv_many(&mut arrived, BATCH_MAX) => {
                if count == 0 {
                    return listened;
                }
            }
            () = end.cancelled() => return listened,
        }
        let mut events = Vec::new();
        for told in arrived.drain(..) {
            match told {
                Told::Event(event) => events.push(*event),
                Told::Listening => {
                    listened = true;
                    shared.streams.listening(account_id);
                    catch_up(shared, account_id, end).await;
                }
            }
        }
        metrics::counter!("dialerd_stream_events_total").increment(events.len() as u64);
        store(shared, account_id, events, end).await;
    }
}

/// Has everything looked up that may have changed while nobody listened.
async fn catch_up(shared: &Shared, account_id: i32, end: &CancellationToken) {
    // Ends when the database has answered, or with the dispatcher.
    while !end.is_cancelled() {
        match shared.sessions.aside.look_again(account_id).await {
            Ok(0) => return,
            Ok(count) => return tracing::info!(account_id, count, "open attempts are looked up"),
            Err(error) => not_done(&error, "having attempts looked up"),
        }
        tokio::time::sleep(PAUSE_MIN).await;
    }
}

/// Hands events to the database, in their order, until it has them all.
async fn store(shared: &Shared, account_id: i32, mut events: Vec<Event>, end: &CancellationToken) {
    // Ends when the database has answered, or with the dispatcher.
    while !events.is_empty() {
        let mut handed = Vec::new();
        for event in events.drain(..) {
            let answer = inbox::submit(shared, account_id, event.clone());
            handed.push((event, answer));
        }
        for (event, answer) in handed {
            let kept = match answer {
                Some(answer) => answer.await.unwrap_or(Kept::NotNow),
                None => Kept::NotNow,
            };
            if kept == Kept::NotNow {
                events.push(event);
            }
        }
        if !events.is_empty() {
            tokio::select! {
                () = tokio::time::sleep(PAUSE_MIN) => (),
                () = end.cancelled() => return,
            }
        }
    }
}

#[cfg(test)]
mod tests;
