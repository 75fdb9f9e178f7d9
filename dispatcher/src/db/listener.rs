//! The session that hears of work. It is the one that keeps state, so a pooler in transaction mode
//! makes it deaf; and a connection that nobody serves any more looks like one on which nothing
//! happens. So it is probed: a notification sent through another session must come back.

use super::session::{Parameter, Session};
use super::{Address, Error};
use crate::clock::monotonic;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Notification};
use uuid::Uuid;

pub const CHANNEL: &str = "dialer_wake";

pub struct Listener {
    client: Client,
    /// A channel that nobody else uses.
    probe_channel: String,
    probed: watch::Receiver<u64>,
    sent: u64,
}

/// How a probe went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    Back(Duration),
    /// It was sent and did not come back.
    Lost,
    /// It could not be sent, which says nothing about listening.
    NotSent,
}

impl Listener {
    /// Listens, and tells `woken` of every wake-up; what is returned with it ends when the
    /// connection does.
    pub async fn start(
        address: &Address,
        woken: Arc<Notify>,
    ) -> Result<(Listener, JoinHandle<()>), Error> {
        let probe_channel = format!("dialer_probe_{}", Uuid::new_v4().simple());
        let (prober, probed) = watch::channel(0);
        let own = probe_channel.clone();
        let hear = move |notification: &Notification| {
            if notification.channel() == own {
                prober.send_replace(notification.payload().parse().unwrap_or(0));
            } else {
                woken.notify_one();
            }
        };
        let (client, lost) = address.connect(Some(Box::new(hear))).await?;
        let sql = format!("listen {CHANNEL}; listen {probe_channel}");
        let listening = client.batch_execute(&sql);
        tokio::time::timeout(address.statement_timeout, listening)
            .await
            .map_err(|_| Error::TimedOut("listen"))?
            .map_err(|source| Error::Statement { function: "listen", source })?;
        Ok((Listener { client, probe_channel, probed, sent: 0 }, lost))
    }

    /// Sends a notification through another session and waits for it.
    pub async fn probe(&mut self, through: &Session, patience: Duration) -> Probe {
        const SQL: &str = "select pg_catalog.pg_notify($1, $2)";
        self.sent += 1;
        let (sent, number) = (self.sent, self.sent.to_string());
        let asked = monotonic();
        let parameters: [Parameter<'_>; 2] =
            [(&self.probe_channel, Type::TEXT), (&number, Type::TEXT)];
        if through.query("pg_notify", SQL, &parameters).await.is_err() {
            return Probe::NotSent;
        }
        let came = self.probed.wait_for(|heard| *heard >= sent);
        match tokio::time::timeout(patience, came).await {
            Ok(Ok(_)) => Probe::Back(monotonic() - asked),
            _ => Probe::Lost,
        }
    }

    /// Stops listening, so that a pooler's connection is left as it was found.
    pub async fn end(self, patience: Duration) {
        drop(tokio::time::timeout(patience, self.client.batch_execute("unlisten *")).await);
    }
}
