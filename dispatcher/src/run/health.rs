//! Whether the dispatcher lives and whether it can work, and if not, why.

use crate::clock::monotonic;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// LIMIT: without an answer for so long, the database counts as lost.
const DATABASE_SILENT: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Facts {
    answered: Option<Instant>,
    listening: bool,
    stopping: bool,
}

#[derive(Debug, Default)]
pub struct Health(Mutex<Facts>);

impl Health {
    fn with<T>(&self, work: impl FnOnce(&mut Facts) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub fn database_answered(&self) {
        let now = monotonic();
        self.with(|facts| facts.answered = Some(now));
    }

    pub fn listening(&self, listening: bool) {
        self.with(|facts| facts.listening = listening);
    }

    pub fn stopping(&self) {
        self.with(|facts| facts.stopping = true);
    }

    /// Why no work can be done now; empty when it can.
    pub fn complaints(&self, now: Instant) -> Vec<&'static str> {
        self.with(|facts| {
            let mut complaints = Vec::new();
            match facts.answered {
                None => complaints.push("the database has not answered yet"),
                Some(at) if now.saturating_duration_since(at) > DATABASE_SILENT => {
                    complaints.push("the database does not answer");
                }
                Some(_) => (),
            }
            if !facts.listening {
                complaints.push("the session that listens is down; polling carries on");
            }
            if facts.stopping {
                complaints.push("the dispatcher is stopping");
            }
            complaints
        })
    }
}
