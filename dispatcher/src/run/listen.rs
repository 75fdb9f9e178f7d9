//! Hearing `NOTIFY dialer_wake`: listens, proves every few seconds that it hears, and comes back
//! by itself. While it does not hear, polling carries on, and `/ready` and the metrics say why.

use super::health::Notifications;
use super::shared::Shared;
use crate::db::{Error, Listener, Probe, spread, told};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PROBE_EVERY: Duration = Duration::from_secs(5);
/// LIMIT: a notification that has not come back by then is lost.
const PROBE_PATIENCE: Duration = Duration::from_secs(3);
const PAUSE_MIN: Duration = Duration::from_millis(100);
/// Between two tries to connect.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Between two tries to listen where it has never worked, as through a pooler.
const DEAF_PAUSE_MAX: Duration = Duration::from_secs(60);
const DEAF: &str = "a notification did not come back: a pooler in transaction mode \
    (name the server itself in listen_database_url), or a dead connection";

/// How a time of listening ended.
enum Ended {
    /// It worked until then.
    Lost,
    /// Nothing was ever heard.
    Deaf,
    Stopped,
}

/// Listens until `stop`.
pub async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    let mut step = 0;
    while !stop.is_cancelled() {
        let started = Listener::start(&shared.listen_address, Arc::clone(&shared.wake)).await;
        let (ended, most) = match started {
            Ok((listener, lost)) => (listen(&shared, listener, lost, &stop).await, DEAF_PAUSE_MAX),
            Err(error) => {
                not_listening(&shared, &error);
                (Ended::Deaf, PAUSE_MAX)
            }
        };
        step = match ended {
            Ended::Lost => 0,
            Ended::Deaf => step + 1,
            Ended::Stopped => return,
        };
        let pause = PAUSE_MIN.saturating_mul(1 << step.min(16)).min(most);
        tokio::select! {
            () = tokio::time::sleep(spread(pause, shared.seed, step)) => (),
            () = stop.cancelled() => (),
        }
    }
}

fn not_listening(shared: &Shared, error: &Error) {
    shared.health.notifications(Notifications::PollingOnly(told(error)));
}

async fn listen(
    shared: &Shared,
    mut listener: Listener,
    mut lost: JoinHandle<()>,
    stop: &CancellationToken,
) -> Ended {
    // What was missed while nobody listened.
    shared.wake.notify_one();
    let mut ended = Ended::Deaf;
    loop {
        tokio::select! {
            probe = listener.probe(&shared.sessions.aside, PROBE_PATIENCE) => match probe {
                Probe::Back(took) => {
                    metrics::histogram!("dialerd_notify_seconds").record(took.as_secs_f64());
                    shared.health.notifications(Notifications::Listening);
                    ended = Ended::Lost;
                }
                Probe::Lost => {
                    metrics::counter!("dialerd_notify_lost_total").increment(1);
                    shared.health.notifications(Notifications::PollingOnly(DEAF.to_owned()));
                    // Wake-ups may be lost with it.
                    shared.wake.notify_one();
                    listener.end(PROBE_PATIENCE).await;
                    return ended;
                }
                // The other session's trouble; whether we hear is not known.
                Probe::NotSent => (),
            },
            _ = &mut lost => return connection_lost(shared, ended),
            () = stop.cancelled() => return Ended::Stopped,
        }
        tokio::select! {
            () = tokio::time::sleep(PROBE_EVERY) => (),
            _ = &mut lost => return connection_lost(shared, ended),
            () = stop.cancelled() => return Ended::Stopped,
        }
    }
}

fn connection_lost(shared: &Shared, ended: Ended) -> Ended {
    let why = "the connection that listens was lost".to_owned();
    shared.health.notifications(Notifications::PollingOnly(why));
    ended
}
