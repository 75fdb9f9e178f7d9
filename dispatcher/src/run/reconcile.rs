//! Attempts about which the provider is silent: looked up at the provider, never dialled again.

use super::health::not_done;
use super::inbox;
use super::shared::{Known, Shared};
use crate::db::Silent;
use crate::provider::{self, Sought};
use futures_util::StreamExt;
use futures_util::stream;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// LIMIT: attempts of one round, and look-ups at once.
const ROUND_MAX: i32 = 200;
const AT_ONCE: usize = 8;
const EVERY: Duration = Duration::from_secs(1);

/// Looks silent attempts up until `stop`.
pub async fn run(shared: Arc<Shared>, stop: CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => (),
            () = stop.cancelled() => return,
        }
        match shared.sessions.aside.silent_attempts(&shared.config.name, ROUND_MAX).await {
            Ok(silent) => {
                stream::iter(silent)
                    .for_each_concurrent(AT_ONCE, |silent| one(&shared, silent))
                    .await;
            }
            Err(error) => not_done(&error, "asking for silent attempts"),
        }
    }
}

async fn one(shared: &Shared, silent: Silent) {
    let known = Known {
        channel: silent.channel,
        provider: silent.provider,
        base_url: silent.base_url,
        secret_name: silent.secret_name,
        settings: silent.settings,
    };
    let sought = Sought {
        attempt_id: silent.attempt_id,
        provider_call_id: silent.provider_call_id,
        address: Some(silent.address),
        intended_at: silent.intended_at,
    };
    look_up(shared, silent.account_id, &known, sought).await;
}

/// Asks the provider what it knows and takes that in like a webhook.
pub async fn look_up(shared: &Shared, account_id: i32, known: &Known, sought: Sought) {
    let attempt_id = sought.attempt_id;
    let Some(adapter) = provider::adapter(&known.provider, &known.channel) else { return };
    let account = match known.account() {
        Ok(account) => account,
        Err(error) => {
            return tracing::error!(%attempt_id, account_id, %error, "no look-up without it");
        }
    };
    let result = match adapter.look_up(&shared.http, &account, &sought).await {
        Ok(events) if events.is_empty() => {
            tracing::warn!(%attempt_id, account_id, "call is stalled; the provider tells nothing of it");
            "nothing_known"
        }
        Ok(events) => {
            for event in events {
                // A full queue is not waited for: the attempt will be silent again.
                drop(inbox::submit(shared, account_id, event));
            }
            "found"
        }
        Err(error) => {
            tracing::warn!(%attempt_id, account_id, %error, "look-up failed");
            "failed"
        }
    };
    metrics::counter!("dialerd_look_ups_total", "result" => result).increment(1);
}
