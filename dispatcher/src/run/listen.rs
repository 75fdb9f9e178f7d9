//! The session that hears `NOTIFY dialer_wake`: comes back by itself, slower each time it fails.

use super::shared::Shared;
use crate::db;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const PAUSE_MIN: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// Listens until `stop`.
pub async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut pause = PAUSE_MIN;
    while !stop.is_cancelled() {
        // LIMIT: one wake-up is as good as many.
        let (woken, mut wakes) = mpsc::channel(1);
        match db::listen(&shared.address, woken).await {
            Ok(mut listener) => {
                pause = PAUSE_MIN;
                shared.health.listening(true);
                // What was missed while nobody listened.
                shared.wake.notify_one();
                while let Some(()) = tokio::select! {
                    woken = wakes.recv() => woken,
                    _ = &mut listener.lost => None,
                    () = stop.cancelled() => None,
                } {
                    shared.wake.notify_one();
                }
                shared.health.listening(false);
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot listen");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => (),
            () = stop.cancelled() => (),
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}
