//! The claim loop: asks for as many calls as there is room for, whenever something may be due.
//!
//! It wakes by timer at the next due instant, by notification, when a slot may have become free,
//! and by poll. Polling alone is sufficient; the rest only makes it sooner.

use super::health::not_done;
use super::place::InHand;
use super::shared::Shared;
use crate::clock::{DialerTime, monotonic};
use crate::db::{Claimed, Error, spread};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// LIMIT: calls of one claim.
const CLAIM_MAX: usize = 500;
/// A claim looks 250 ms ahead, so it is made before the instant; less, because clocks differ.
const LEAD: Duration = Duration::from_millis(150);
/// Between two claims: wake-ups come in swarms, and one claim answers them all.
const GATHER: Duration = Duration::from_millis(1);
/// The same where slots become free that nobody waits for: each end of a call would cost a claim.
const GATHER_FREED: Duration = Duration::from_millis(50);
/// After a claim that found nothing although something is said to be due.
const WAIT_MIN: Duration = Duration::from_millis(4);
/// LIMIT: a rehearsal clock shortens the poll, but not beyond this.
const POLL_MIN: Duration = Duration::from_millis(100);
const ERROR_WAIT_MIN: Duration = Duration::from_millis(50);
const ERROR_WAIT_MAX: Duration = Duration::from_secs(5);

/// Claims until `stop`; ends the placer by dropping `claimed`.
pub async fn run(shared: Arc<Shared>, claimed: mpsc::Sender<InHand>, stop: CancellationToken) {
    let mut pause = WAIT_MIN;
    let mut failures = 0;
    // Whether those who waited lately waited for a slot.
    let mut is_scarce = true;
    let mut told = Told { at: None, claims: 0, calls: 0 };
    while !stop.is_cancelled() {
        let room = tokio::select! {
            room = shared.room(CLAIM_MAX) => room,
            () = stop.cancelled() => return,
        };
        let began = monotonic();
        // A stop does not cut a claim off: what the database has handed out would be nobody's
        // until its lease is over. The placer gives it back.
        match once(&shared, &claimed, room, &mut told).await {
            Ok(round) => {
                failures = 0;
                if let Round::Partial { found, overdue } = round {
                    is_scarce = if found { overdue } else { is_scarce };
                    pause = if found { WAIT_MIN } else { pause };
                    let gather = began + if is_scarce { GATHER } else { GATHER_FREED };
                    pause = sleep_until_due(&shared, pause, gather, &stop).await;
                }
                rest((began + GATHER).saturating_duration_since(monotonic()), &stop).await;
            }
            Err(error) => {
                not_done(&error, "claim");
                let wait = ERROR_WAIT_MIN.saturating_mul(1 << failures.min(16)).min(ERROR_WAIT_MAX);
                failures += 1;
                rest(spread(wait, shared.seed, failures), &stop).await;
            }
        }
    }
}

/// What was claimed since the log last said so.
struct Told {
    at: Option<Instant>,
    claims: u32,
    calls: usize,
}

impl Told {
    /// LIMIT: a line a second, however many claims there are; the rest is told by the next claim.
    const EVERY: Duration = Duration::from_secs(1);

    fn claimed(&mut self, found: usize, now: Instant) {
        self.claims += u32::from(found > 0);
        self.calls += found;
        let is_time = self.at.is_none_or(|at| now.saturating_duration_since(at) >= Self::EVERY);
        if self.calls > 0 && is_time {
            tracing::info!(calls = self.calls, claims = self.claims, "calls were claimed");
            *self = Told { at: Some(now), claims: 0, calls: 0 };
        }
    }
}

enum Round {
    /// As many as asked for: there may be more.
    Full,
    Partial {
        found: bool,
        /// A call had been due before: it waited for a slot, and so may others.
        overdue: bool,
    },
}

async fn once(
    shared: &Arc<Shared>,
    claimed: &mpsc::Sender<InHand>,
    room: Option<OwnedSemaphorePermit>,
    told: &mut Told,
) -> Result<Round, Error> {
    let (Some(time), Some(mut room)) = (shared.time(), room) else {
        return Ok(Round::Partial { found: false, overdue: false });
    };
    let want = room.num_permits();
    let asked = monotonic();
    let calls = shared.sessions.claim.claim(&shared.config.name, want as i32).await?;
    let answered = monotonic();
    let found = calls.len();
    metrics::counter!("dialerd_claimed_total").increment(found as u64);
    told.claimed(found, answered);
    let overdue = calls.iter().any(|call| call.due_at < call.claimed_at);
    for call in calls {
        let reading = DialerTime { now_at: call.claimed_at, rate: time.rate, asked, answered };
        let reading = reading.tightened(time);
        let Some(permit) = room.split(1) else { break };
        hand_over(claimed, call, reading, permit).await;
    }
    Ok(if found == want { Round::Full } else { Round::Partial { found: found > 0, overdue } })
}

async fn hand_over(
    claimed: &mpsc::Sender<InHand>,
    call: Claimed,
    time: DialerTime,
    permit: OwnedSemaphorePermit,
) {
    tracing::debug!(attempt_id = %call.attempt_id, call_id = call.call_id, "call waits for its instant");
    // The channel is as long as there are permits, so this does not wait; it fails only when the
    // placer is gone, and then the lease ends by itself.
    drop(claimed.send(InHand { call, time, permit }).await);
}

/// Waits for work; returns the pause to take if the next claim finds nothing either.
///
/// Slots that have become free are looked at when `gather` has come.
async fn sleep_until_due(
    shared: &Shared,
    pause: Duration,
    gather: Instant,
    stop: &CancellationToken,
) -> Duration {
    let rate = shared.time().map_or(1.0, |time| time.rate).max(1.0);
    let poll = shared.config.poll.div_f64(rate).max(POLL_MIN).min(shared.config.poll);
    let due = async {
        // Another session is asked, so that a wake-up's claim does not wait behind the question.
        let wait = until_due(shared, poll).await.max(pause);
        tokio::time::sleep(wait).await;
    };
    let freed = async {
        shared.freed.notified().await;
        tokio::time::sleep_until(gather).await;
    };
    tokio::select! {
        // Something is said to be due that no claim finds: ask less and less often.
        () = due => (pause * 2).min(poll),
        () = shared.wake.notified() => WAIT_MIN,
        () = freed => WAIT_MIN,
        () = stop.cancelled() => WAIT_MIN,
    }
}

async fn until_due(shared: &Shared, poll: Duration) -> Duration {
    match shared.sessions.aside.next_wake(&shared.config.name).await {
        Ok((time, wake_at)) => {
            shared.health.database_answered();
            let due = wake_at.and_then(|at| time.reached(at));
            let ahead = due.map(|due| due.saturating_duration_since(monotonic() + LEAD));
            ahead.unwrap_or(poll).min(poll)
        }
        Err(error) => {
            not_done(&error, "asking for the next wake");
            poll
        }
    }
}

async fn rest(wait: Duration, stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(wait) => (),
        () = stop.cancelled() => (),
    }
}
