//! How many requests a second a key may make: a bucket of tokens for each.
//!
//! Keys that nobody knows share one bucket, so that guessing does not become questions to the
//! database. A bucket is a process's own: two processes allow twice as much.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// LIMIT: keys that are remembered; beyond it, those that rest are forgotten, and if none does, all.
const KEYS_MAX: usize = 10_000;
/// LIMIT: requests a second with keys that are not known yet, of all who ask.
const UNKNOWN_PER_SECOND: f64 = 20.0;

/// Of a key; as the database knows it.
pub type KeyHash = [u8; 32];

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn take(&mut self, per_second: f64, now: Instant) -> Result<(), Duration> {
        let most = burst(per_second);
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * per_second).min(most);
        self.filled = now;
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        Err(Duration::from_secs_f64((1.0 - self.tokens) / per_second))
    }
}

/// Two seconds' worth at once.
fn burst(per_second: f64) -> f64 {
    (per_second * 2.0).max(1.0)
}

struct State {
    known: HashMap<KeyHash, Bucket>,
    unknown: Bucket,
}

pub struct Buckets {
    per_second: f64,
    state: Mutex<State>,
}

impl Buckets {
    pub fn new(per_second: f64, now: Instant) -> Buckets {
        let unknown = Bucket { tokens: burst(UNKNOWN_PER_SECOND), filled: now };
        Buckets { per_second, state: Mutex::new(State { known: HashMap::new(), unknown }) }
    }

    /// One request; else how long to wait for the next.
    pub fn take(&self, key: &KeyHash, now: Instant) -> Result<(), Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match state.known.get_mut(key) {
            Some(bucket) => bucket.take(self.per_second, now),
            None => state.unknown.take(UNKNOWN_PER_SECOND, now),
        }
    }

    /// Whether the database has known the key lately.
    pub fn knows(&self, key: &KeyHash) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).known.contains_key(key)
    }

    /// The database knows the key.
    pub fn know(&self, key: &KeyHash, now: Instant) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.known.contains_key(key) {
            return;
        }
        if state.known.len() >= KEYS_MAX {
            let rests =
                |bucket: &Bucket| now.saturating_duration_since(bucket.filled).as_secs() > 60;
            state.known.retain(|_, bucket| !rests(bucket));
        }
        if state.known.len() >= KEYS_MAX {
            state.known.clear();
        }
        let bucket = Bucket { tokens: burst(self.per_second) - 1.0, filled: now };
        state.known.insert(*key, bucket);
    }

    /// The database does not know it, or not any more.
    pub fn forget(&self, key: &KeyHash) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).known.remove(key);
    }
}

#[cfg(test)]
mod tests;
