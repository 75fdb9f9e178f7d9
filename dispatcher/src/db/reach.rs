//! Whether the database can be reached, and when it is worth trying again.
//!
//! All sessions of a process share it: while the database is away one of them tries, ever less
//! often, and the others fail at once. When it comes back, a hundred dispatchers do not come at
//! the same instant, because each waits a part of its own of the time.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

const WAIT_MIN: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(5);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    trouble: Option<Trouble>,
    retry: Option<Instant>,
}

/// What is the matter, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    pub since: Instant,
    pub why: String,
}

#[derive(Debug)]
pub struct Reach {
    seed: u64,
    state: Mutex<State>,
}

impl Reach {
    /// `name` spreads dispatchers that have lost the same database.
    pub fn new(name: &str) -> Reach {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Reach { seed: hasher.finish(), state: Mutex::default() }
    }

    /// What is this process's own.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether to connect now; whoever is told so does it for all.
    pub fn may_try(&self, now: Instant) -> bool {
        let mut state = self.state();
        let may = state.retry.is_none_or(|retry| retry <= now);
        if may && state.failures > 0 {
            state.retry = Some(now + self.wait(state.failures));
        }
        may
    }

    /// Connecting failed, or the server will not do.
    pub fn failed(&self, now: Instant, why: String) {
        let mut state = self.state();
        state.failures = state.failures.saturating_add(1);
        state.retry = Some(now + self.wait(state.failures));
        if state.trouble.is_none() {
            tracing::warn!(why, "the database cannot be used");
        }
        let since = state.trouble.as_ref().map_or(now, |trouble| trouble.since);
        state.trouble = Some(Trouble { since, why });
        metrics::gauge!("dialerd_database_up").set(0.0);
        metrics::counter!("dialerd_connects_total", "result" => "failed").increment(1);
    }

    pub fn connected(&self, now: Instant) {
        let mut state = self.state();
        if let Some(trouble) = state.trouble.take() {
            let seconds = now.saturating_duration_since(trouble.since).as_secs_f64();
            tracing::info!(seconds, "the database is back");
        }
        *state = State::default();
        metrics::gauge!("dialerd_database_up").set(1.0);
        metrics::counter!("dialerd_connects_total", "result" => "connected").increment(1);
    }

    pub fn trouble(&self) -> Option<Trouble> {
        self.state().trouble.clone()
    }

    /// Doubled with each failure, of which between a half and the whole is waited.
    fn wait(&self, failures: u32) -> Duration {
        let doubled =
            WAIT_MIN.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(WAIT_MAX);
        spread(doubled, self.seed, failures)
    }
}

/// Between a half and the whole of a wait: the same for the same seed and step.
pub fn spread(wait: Duration, seed: u64, step: u32) -> Duration {
    let mut hasher = DefaultHasher::new();
    (seed, step).hash(&mut hasher);
    wait.mul_f64(0.5 + 0.5 * (hasher.finish() as f64 / u64::MAX as f64))
}

#[cfg(test)]
mod tests;
