//! What the parts of a running dispatcher have in common: sessions, the clock, limits, queues.

use super::fence::Fences;
use super::follow::Watched;
use super::health::Health;
use super::hooks::Accounts;
use super::inbox::Incoming;
use super::stream::Streams;
use super::write::Report;
use crate::clock::{DialerTime, monotonic};
use crate::config::Config;
use crate::db::{Address, Error, Reach, Session};
use crate::provider::{Account, AccountError};
use crate::secrets;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

/// LIMIT: how long a reading of the clock is kept; two clocks drift apart.
const READING_MAX: Duration = Duration::from_secs(2);
/// LIMIT: accounts that are remembered.
const ACCOUNTS_MAX: usize = 1_000;

/// How to reach a provider, as last told by the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    pub provider: String,
    pub channel: String,
    pub base_url: Option<String>,
    pub secret_name: Option<String>,
    pub settings: Value,
}

impl Known {
    /// The account as an adapter needs it, with its secrets.
    pub fn account(&self) -> Result<Account, AccountError> {
        let (base_url, settings) = (self.base_url.clone(), self.settings.clone());
        Account::with_secrets(base_url, self.secret_name.as_deref(), settings, secrets::find)
    }
}

/// One connection for each kind of work, so that none waits behind another.
pub struct Sessions {
    pub claim: Session,
    pub intend: Session,
    pub write: Session,
    pub ingest: Session,
    pub tick: Session,
    /// Clock, heartbeat, look-ups, webhook accounts.
    pub aside: Session,
}

pub struct Shared {
    pub config: Config,
    /// Where to listen: the server itself, also where a pooler serves the rest.
    pub listen_address: Address,
    /// What is this dispatcher's own: keeps those that lost something together apart.
    pub seed: u64,
    pub sessions: Sessions,
    pub http: reqwest::Client,
    pub health: Health,
    pub metrics: PrometheusHandle,
    /// Something may have become due.
    pub wake: Arc<Notify>,
    /// A slot may have become free.
    pub freed: Notify,
    pub requests: Semaphore,
    pub fences: Fences,
    pub reports: mpsc::Sender<Report>,
    pub events: mpsc::Sender<Incoming>,
    pub watched: Watched,
    pub hook_accounts: Accounts,
    pub streams: Streams,
    pub public_url: String,
    in_hand: Arc<Semaphore>,
    time: Mutex<Option<DialerTime>>,
    accounts: Mutex<HashMap<i32, Known>>,
}

impl Shared {
    pub fn new(
        config: Config,
        listening: SocketAddr,
        http: reqwest::Client,
        reports: mpsc::Sender<Report>,
        events: mpsc::Sender<Incoming>,
        metrics: PrometheusHandle,
    ) -> Result<Shared, Error> {
        let address = Address::for_writing(&config.database_url, config.statement)?;
        let listen_url = config.listen_database_url.as_ref().unwrap_or(&config.database_url);
        let listen_address = Address::for_writing(listen_url, config.statement)?;
        let reach = Arc::new(Reach::new(&config.name));
        let seed = reach.seed();
        let session = || Session::new(address.clone(), Arc::clone(&reach));
        let sessions = Sessions {
            claim: session(),
            intend: session(),
            write: session(),
            ingest: session(),
            tick: session(),
            aside: session(),
        };
        let own_url = format!("http://{listening}");
        Ok(Shared {
            sessions,
            http,
            health: Health::new(reach),
            metrics,
            wake: Arc::default(),
            freed: Notify::new(),
            requests: Semaphore::new(config.requests_at_once),
            fences: Fences::since(monotonic()),
            reports,
            events,
            watched: Watched::default(),
            hook_accounts: Accounts::default(),
            streams: Streams::new(&config.name),
            public_url: config.public_url.clone().unwrap_or(own_url),
            in_hand: Arc::new(Semaphore::new(config.in_hand)),
            time: Mutex::new(None),
            accounts: Mutex::default(),
            listen_address,
            seed,
            config,
        })
    }

    /// The latest reading of dialer time; none before the first.
    pub fn time(&self) -> Option<DialerTime> {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the most certain of the latest readings.
    pub fn set_time(&self, time: DialerTime) {
        let mut held = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *held;
        let is_better = |before: DialerTime| {
            time.rate != before.rate
                || time.uncertainty() <= before.uncertainty()
                || time.asked.saturating_duration_since(before.asked) > READING_MAX
        };
        if before.is_none_or(is_better) {
            *held = Some(time);
        }
        drop(held);
        if before.is_none_or(|before| before.rate != time.rate) {
            tracing::info!(rate = time.rate, "dialer time is known");
            self.wake.notify_one();
        }
    }

    pub fn in_hand(&self) -> usize {
        self.config.in_hand - self.in_hand.available_permits()
    }

    /// Room for one more call in hand, and at once for as many as there is.
    pub async fn room(&self, most: usize) -> Option<OwnedSemaphorePermit> {
        let mut room = Arc::clone(&self.in_hand).acquire_owned().await.ok()?;
        let more = self.in_hand.available_permits().min(most.saturating_sub(1)) as u32;
        if let Ok(rest) = Arc::clone(&self.in_hand).try_acquire_many_owned(more) {
            room.merge(rest);
        }
        Some(room)
    }

    /// Waits until every call in hand has been written down or given back.
    pub async fn nothing_in_hand(&self) {
        drop(self.in_hand.acquire_many(self.config.in_hand as u32).await);
    }

    /// Remembers through what an account was last reached.
    pub fn remember_account(&self, account_id: i32, known: &Known) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = accounts.len() < ACCOUNTS_MAX || accounts.contains_key(&account_id);
        if fits && accounts.get(&account_id) != Some(known) {
            accounts.insert(account_id, known.clone());
        }
    }

    pub fn known_account(&self, account_id: i32) -> Option<Known> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        accounts.get(&account_id).cloned()
    }

    /// The address of the webhooks of an account.
    pub fn hook_url(&self, provider: &str, account_id: i32) -> String {
        format!("{}/hooks/{provider}/{account_id}", self.public_url)
    }
}
