//! Once a second: read the clock, say that we live, and do the database's upkeep.

use super::health::not_done;
use super::shared::Shared;
use crate::clock::monotonic;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EVERY: Duration = Duration::from_secs(1);
/// The clock is read so often; a heartbeat goes out every fifth time.
const BEATS: u32 = 5;
/// The queue is counted so often: what waits may be a million.
const COUNTS: u32 = 30;

/// Reads the clock and beats until `stop`; tells the service manager when the database answers.
pub async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut round = 0_u32;
    let mut ready = false;
    while !stop.is_cancelled() {
        match shared.sessions.aside.clock().await {
            Ok(time) => {
                shared.set_time(time);
                shared.health.database_answered();
                if !ready {
                    ready = true;
                    tell(&[sd_notify::NotifyState::Ready]);
                    tracing::info!("ready");
                }
            }
            Err(error) => not_done(&error, "reading the clock"),
        }
        if round.is_multiple_of(BEATS) {
            beat(&shared).await;
        }
        if round.is_multiple_of(COUNTS) {
            count(&shared).await;
        }
        // The loop that beats is alive; a database that is away is no reason to be restarted.
        tell(&[sd_notify::NotifyState::Watchdog]);
        metrics::gauge!("dialerd_in_hand").set(shared.in_hand() as f64);
        shared.health.note_metrics(monotonic());
        round = round.wrapping_add(1);
        shared.metrics.run_upkeep();
        wait(&stop).await;
    }
    tell(&[sd_notify::NotifyState::Stopping]);
}

async fn beat(shared: &Shared) {
    let version = env!("CARGO_PKG_VERSION");
    if let Err(error) = shared.sessions.aside.heartbeat(&shared.config.name, version).await {
        not_done(&error, "heartbeat");
    }
    match shared.sessions.aside.oldest_snapshot_seconds().await {
        Ok(age) => metrics::gauge!("dialerd_oldest_snapshot_seconds").set(age),
        Err(error) => not_done(&error, "looking for old snapshots"),
    }
}

/// Tells how the queue stands, stuck attempts beside it.
async fn count(shared: &Shared) {
    let gauges = match shared.sessions.aside.queue_gauges().await {
        Ok(gauges) => gauges,
        Err(error) => return not_done(&error, "counting the queue"),
    };
    for (state, calls) in gauges {
        match state.as_str() {
            "stuck" => metrics::gauge!("dialerd_stuck").set(calls as f64),
            _ => metrics::gauge!("dialerd_queue", "state" => state).set(calls as f64),
        }
    }
}

/// Drives `dialer.tick` until `stop`, unless that is left to others.
pub async fn tick(shared: Arc<Shared>, stop: CancellationToken) {
    while shared.config.ticks && !stop.is_cancelled() {
        let began = monotonic();
        match shared.sessions.tick.tick().await {
            Ok(tasks) => {
                let done = |(task, done): &(String, i32)| {
                    metrics::counter!("dialerd_upkeep_total", "task" => task.clone())
                        .increment((*done).max(0) as u64);
                    match task.as_str() {
                        _ if *done <= 0 => (),
                        "series" => tracing::info!(count = *done, "next occurrences were made"),
                        _ => tracing::debug!(task, done, "upkeep"),
                    }
                    *done > 0
                };
                // Upkeep may have freed slots or made calls due.
                if tasks.iter().filter(|task| done(task)).count() > 0 {
                    shared.wake.notify_one();
                }
            }
            Err(error) => not_done(&error, "upkeep"),
        }
        metrics::histogram!("dialerd_tick_seconds").record((monotonic() - began).as_secs_f64());
        wait(&stop).await;
    }
}

async fn wait(stop: &CancellationToken) {
    tokio::select! {
        () = tokio::time::sleep(EVERY) => (),
        () = stop.cancelled() => (),
    }
}

fn tell(state: &[sd_notify::NotifyState<'_>]) {
    // Without a service manager there is nobody to tell.
    drop(sd_notify::notify(state));
}
