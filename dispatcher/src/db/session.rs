//! One connection for statements, made when it is needed and made again when it was lost.
//!
//! Statements are sent without a name and with their types, in one round trip, so that a pooler
//! in transaction mode may stand between. The time-out is ours: a statement that takes longer is
//! cancelled and its connection dropped.

use super::reach::Reach;
use super::{Address, Error};
use crate::clock::monotonic;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

/// LIMIT: how long asking the server to cancel may take; it has a connection of its own.
const CANCEL_PATIENCE: Duration = Duration::from_secs(2);

pub type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

pub struct Session {
    address: Address,
    reach: Arc<Reach>,
    client: Mutex<Option<Arc<Client>>>,
}

impl Session {
    pub fn new(address: Address, reach: Arc<Reach>) -> Session {
        Session { address, reach, client: Mutex::new(None) }
    }

    async fn client(&self) -> Result<Arc<Client>, Error> {
        let mut held = self.client.lock().await;
        if let Some(client) = held.as_ref().filter(|client| !client.is_closed()) {
            return Ok(Arc::clone(client));
        }
        if !self.reach.may_try(monotonic()) {
            return Err(Error::Away);
        }
        match self.address.connect(None).await {
            Ok((client, _driver)) => {
                self.reach.connected(monotonic());
                let client = Arc::new(client);
                *held = Some(Arc::clone(&client));
                Ok(client)
            }
            Err(error) => {
                self.reach.failed(monotonic(), super::told(&error));
                Err(error)
            }
        }
    }

    /// Drops the connection, unless another has taken its place already.
    async fn forget(&self, client: &Arc<Client>) {
        let mut held = self.client.lock().await;
        if held.as_ref().is_some_and(|held| Arc::ptr_eq(held, client)) {
            *held = None;
        }
    }

    /// Runs one statement; `function` names it in errors and metrics.
    pub async fn query(
        &self,
        function: &'static str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, Error> {
        let client = self.client().await?;
        let asked = monotonic();
        let answering = client.query_typed(sql, parameters);
        let answer = tokio::time::timeout(self.address.statement_timeout, answering).await;
        let seconds = (monotonic() - asked).as_secs_f64();
        metrics::histogram!("dialerd_database_seconds", "function" => function).record(seconds);
        let error = match answer {
            Ok(Ok(rows)) => return Ok(rows),
            Ok(Err(source)) => Error::Statement { function, source },
            Err(_) => Error::TimedOut(function),
        };
        metrics::counter!("dialerd_database_errors_total", "function" => function).increment(1);
        self.part_from(&client, &error).await;
        Err(error)
    }

    /// Drops a connection that will not do any more.
    async fn part_from(&self, client: &Arc<Client>, error: &Error) {
        if matches!(error, Error::TimedOut(_)) {
            let (token, tls) = (client.cancel_token(), self.address.tls.clone());
            tokio::spawn(async move {
                drop(tokio::time::timeout(CANCEL_PATIENCE, token.cancel_query(tls)).await);
            });
        } else if error.is_read_only() {
            // It was the primary and is a standby now; another may have taken over.
            self.reach.failed(monotonic(), "the server does not accept writes".to_owned());
        } else if !error.ends_connection() {
            return;
        }
        self.forget(client).await;
    }

    pub(super) async fn count(
        &self,
        function: &'static str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<i32, Error> {
        let rows = self.query(function, sql, parameters).await?;
        match rows.first() {
            Some(row) => super::get(row, function, 0),
            None => Ok(0),
        }
    }
}
