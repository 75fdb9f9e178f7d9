//! The sandbox's own clock: simulated time that runs at a rate from a stated origin.
//!
//! Given the same origin and rate it tells the same time as the database's rehearsal clock.

use crate::clock::{real_length, wall};
use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

#[derive(Debug, Clone, Copy)]
pub struct SimClock {
    origin: DateTime<Utc>,
    origin_at: DateTime<Utc>,
    rate: f64,
}

impl SimClock {
    pub fn new(origin: DateTime<Utc>, origin_at: DateTime<Utc>, rate: f64) -> SimClock {
        SimClock { origin, origin_at, rate }
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.at(wall())
    }

    /// Simulated time at an instant of real time.
    pub fn at(&self, real: DateTime<Utc>) -> DateTime<Utc> {
        let micros = (real - self.origin_at).num_microseconds().unwrap_or(i64::MAX);
        self.origin + TimeDelta::microseconds((micros as f64 * self.rate) as i64)
    }

    pub fn rate(&self) -> f64 {
        self.rate
    }

    /// Sleeps until the simulated instant has come.
    pub async fn sleep_until(&self, at: DateTime<Utc>) {
        // Each turn sleeps all that is left; a second turn only makes up for rounding.
        while let Ok(ahead) = (at - self.now()).to_std() {
            if ahead.is_zero() {
                return;
            }
            tokio::time::sleep(self.real(ahead)).await;
        }
    }

    /// Real time that a simulated length takes.
    pub fn real(&self, simulated: Duration) -> Duration {
        real_length(simulated, self.rate).unwrap_or(simulated)
    }
}

/// Adds a number of seconds with a fraction.
pub fn plus_seconds(at: DateTime<Utc>, seconds: f64) -> DateTime<Utc> {
    at + TimeDelta::microseconds((seconds * 1e6) as i64)
}
