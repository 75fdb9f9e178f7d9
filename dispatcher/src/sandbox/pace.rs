//! The provider's rate limit: a bucket that fills in simulated time.

use chrono::{DateTime, Utc};

#[derive(Debug)]
pub struct Bucket {
    per_second: f64,
    burst: f64,
    filled: f64,
    filled_at: Option<DateTime<Utc>>,
}

impl Bucket {
    pub fn new(per_second: f64, burst: f64) -> Bucket {
        Bucket { per_second, burst, filled: burst, filled_at: None }
    }

    /// Takes one, or says after how many simulated seconds there is one.
    pub fn take(&mut self, now: DateTime<Utc>) -> Result<(), f64> {
        let since = self.filled_at.map_or(0.0, |at| (now - at).as_seconds_f64().max(0.0));
        self.filled = (self.filled + since * self.per_second).min(self.burst);
        self.filled_at = Some(now);
        if self.filled < 1.0 {
            return Err((1.0 - self.filled) / self.per_second);
        }
        self.filled -= 1.0;
        Ok(())
    }
}
