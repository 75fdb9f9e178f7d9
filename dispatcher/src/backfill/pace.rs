//! How fast a backfill may ask, and how far it is.

use crate::provider::LookUpError;
use std::time::Duration;
use tokio::time::Instant;

/// Between two lines of progress.
const EVERY: Duration = Duration::from_secs(2);

/// LIMIT: what only reads may be asked again so often, each time after twice the wait.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Asks until there is an answer, or patience ends with the last error.
pub async fn patiently<T>(ask: impl AsyncFn() -> Result<T, LookUpError>) -> Result<T, LookUpError> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) => super::progress_line(&format!("{error}; asking again in {wait:?}")),
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    ask().await
}

/// A pause after each batch of so many calls.
#[derive(Debug)]
pub struct Pace {
    batch: u32,
    pause: Duration,
    since_pause: u32,
}

impl Pace {
    pub fn new(batch: u32, pause: Duration) -> Pace {
        Pace { batch: batch.max(1), pause, since_pause: 0 }
    }

    /// How long to rest after so many further calls; a page of several batches rests for each.
    pub fn rest_after(&mut self, calls: u32) -> Duration {
        self.since_pause += calls;
        let pauses = self.since_pause / self.batch;
        self.since_pause %= self.batch;
        self.pause * pauses
    }
}

/// A line now and then, with the time that is left.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    began: Instant,
    told: Instant,
}

impl Progress {
    pub fn new(what: &'static str, now: Instant) -> Progress {
        Progress { what, began: now, told: now }
    }

    /// `share` of the whole is done, 0 to 1.
    pub fn reached(&mut self, share: f64, detail: &str, now: Instant) {
        if now - self.told >= EVERY {
            self.told = now;
            super::progress_line(&told(self.what, share, detail, now - self.began));
        }
    }
}

fn told(what: &str, share: f64, detail: &str, spent: Duration) -> String {
    let share = share.clamp(0.0, 1.0);
    let left = match share {
        0.0 => String::new(),
        share => {
            let seconds = spent.as_secs_f64() * (1.0 - share) / share;
            format!(", {} left", length(seconds.min(1e9) as u64))
        }
    };
    format!("{what} {:.0}%: {detail}{left}", share * 100.0)
}

fn length(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // R024
    #[test]
    fn fifty_calls_earn_a_pause_whatever_the_pages() {
        let mut pace = Pace::new(50, Duration::from_secs(1));
        let pauses: Vec<u64> =
            [20, 20, 20, 100, 39].map(|calls| pace.rest_after(calls).as_secs()).to_vec();
        assert_eq!(pauses, [0, 0, 1, 2, 0]);
    }

    // R160
    #[test]
    fn the_time_left_follows_from_the_time_spent() {
        let minute = Duration::from_secs(60);
        assert_eq!(told("fetched", 0.25, "9 calls", minute), "fetched 25%: 9 calls, 3 min left");
        assert_eq!(told("fetched", 0.0, "0 calls", minute), "fetched 0%: 0 calls");
        assert_eq!(told("fetched", 0.01, "1 call", minute), "fetched 1%: 1 call, 1 h 39 min left");
    }
}
