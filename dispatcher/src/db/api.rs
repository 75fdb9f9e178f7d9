//! The API's side of the database: a small pool of its own, and one transaction a request.
//!
//! A transaction shows its API key first, and is bound to the key's tenant by the database; then it
//! takes the role that the request needs. Its connections are never those that dispatching uses.

mod asking;

pub use asking::Asking;

use super::{Address, Error, Reach, get};
use crate::clock::monotonic;
use deadpool::managed::{self, Metrics, Object, PoolError, RecycleResult};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// LIMIT: how much longer than the server's own time-out an answer is awaited.
const NETWORK_PATIENCE: Duration = Duration::from_secs(2);

/// What a key may do; each may do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Read,
    Plan,
    Admin,
}

impl Scope {
    fn named(name: &str) -> Option<Scope> {
        [Scope::Read, Scope::Plan, Scope::Admin].into_iter().find(|scope| scope.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Scope::Read => "read",
            Scope::Plan => "plan",
            Scope::Admin => "admin",
        }
    }

    pub(super) fn role(self) -> &'static str {
        match self {
            Scope::Read => "dialer_reader",
            Scope::Plan => "dialer_user",
            Scope::Admin => "dialer_admin",
        }
    }
}

struct Maker {
    address: Address,
    reach: Arc<Reach>,
}

impl managed::Manager for Maker {
    type Type = Client;
    type Error = Error;

    async fn create(&self) -> Result<Client, Error> {
        if !self.reach.may_try(monotonic()) {
            return Err(Error::Away);
        }
        match self.address.connect(None).await {
            Ok((client, _driver)) => {
                self.reach.connected(monotonic());
                Ok(client)
            }
            Err(error) => {
                self.reach.failed(monotonic(), super::told(&error));
                Err(error)
            }
        }
    }

    async fn recycle(&self, client: &mut Client, _: &Metrics) -> RecycleResult<Error> {
        match client.is_closed() {
            true => Err(managed::RecycleError::message("closed")),
            false => Ok(()),
        }
    }
}

pub struct Pool {
    connections: managed::Pool<Maker>,
    statement: Duration,
}

impl Pool {
    /// At most so many connections, made when they are needed.
    pub fn new(address: Address, reach: Arc<Reach>, most: usize) -> Result<Pool, Error> {
        let statement = address.statement_timeout;
        let builder = managed::Pool::builder(Maker { address, reach })
            .max_size(most)
            .wait_timeout(Some(statement))
            .runtime(deadpool::Runtime::Tokio1);
        Ok(Pool { connections: builder.build().map_err(|_| Error::Away)?, statement })
    }

    /// Whether the database answers.
    pub async fn reachable(&self) -> Result<(), Error> {
        let mut transaction = self.transaction().await?;
        transaction.execute("begin", "begin").await
    }

    /// Begins the transaction of a request that shows this key.
    pub async fn begin(&self, key_hash: &[u8]) -> Result<Transaction, Error> {
        let mut transaction = self.transaction().await?;
        let begin = format!(
            "begin; set local statement_timeout = {0}; set local lock_timeout = {0}; \
             set local idle_in_transaction_session_timeout = 60000; set local timezone = 'UTC'",
            self.statement.as_millis()
        );
        transaction.execute("begin", &begin).await?;
        transaction.scope = transaction.show(key_hash).await?;
        Ok(transaction)
    }

    async fn transaction(&self) -> Result<Transaction, Error> {
        let connection = self.connections.get().await.map_err(|error| match error {
            PoolError::Backend(error) => error,
            PoolError::Timeout(_) => Error::TimedOut("waiting for a connection of the API"),
            _ => Error::Away,
        })?;
        Ok(Transaction {
            connection: Some(connection),
            statement: self.statement,
            scope: Scope::Read,
        })
    }
}

/// Rolled back, unless it is committed.
pub struct Transaction {
    /// None once it has ended.
    connection: Option<Object<Maker>>,
    statement: Duration,
    /// What the key may do.
    pub scope: Scope,
}

impl Transaction {
    async fn show(&mut self, key_hash: &[u8]) -> Result<Scope, Error> {
        const NAME: &str = "use_api_key";
        const SQL: &str = "select scope from dialer.use_api_key($1)";
        let rows = self.query(NAME, SQL, &[(&key_hash, Type::BYTEA)]).await?;
        let scope: String = get(rows.first().ok_or(Error::NoRow(NAME))?, NAME, 0)?;
        Scope::named(&scope).ok_or(Error::NoRow(NAME))
    }

    /// From here on with the rights of this scope.
    pub async fn act_as(&mut self, scope: Scope) -> Result<(), Error> {
        self.execute("set role", &format!("set local role {}", scope.role())).await
    }

    /// From here on with the login's own rights again, which are those to show a key and to ask
    /// what no key may see.
    pub async fn act_as_login(&mut self) -> Result<(), Error> {
        self.execute("set role", "set local role none").await
    }

    /// All that a function returns, a row an object whose names are written as in JSON.
    pub async fn rows<T: DeserializeOwned>(&mut self, asking: Asking) -> Result<Vec<T>, Error> {
        asking.checked()?;
        let (name, sql) = (asking.function(), asking.rows_sql());
        let rows = self.query(name, &sql, &asking.parameters()).await?;
        rows.iter()
            .map(|row| {
                let value: Option<Value> = get(row, name, 0)?;
                let value = asking::camel(value.unwrap_or(Value::Null));
                serde_json::from_value(value)
                    .map_err(|source| Error::Meaning { function: name, source })
            })
            .collect()
    }

    /// The only row that a function returns.
    pub async fn one<T: DeserializeOwned>(&mut self, asking: Asking) -> Result<T, Error> {
        let name = asking.function();
        self.rows(asking).await?.into_iter().next().ok_or(Error::NoRow(name))
    }

    /// Calls a function for what it does.
    pub async fn run(&mut self, asking: Asking) -> Result<(), Error> {
        asking.checked()?;
        let (name, sql) = (asking.function(), asking.run_sql());
        self.query(name, &sql, &asking.parameters()).await.map(drop)
    }

    pub async fn commit(mut self) -> Result<(), Error> {
        self.execute("commit", "commit").await?;
        self.connection = None;
        Ok(())
    }

    async fn execute(&mut self, name: &'static str, sql: &str) -> Result<(), Error> {
        let Some(client) = &self.connection else { return Err(Error::Away) };
        let answering = tokio::time::timeout(self.patience(), client.batch_execute(sql)).await;
        let answer = self.answered(name, answering);
        answer.await
    }

    async fn query(
        &mut self,
        name: &'static str,
        sql: &str,
        parameters: &[super::Parameter<'_>],
    ) -> Result<Vec<tokio_postgres::Row>, Error> {
        let Some(client) = &self.connection else { return Err(Error::Away) };
        let asked = monotonic();
        let answering =
            tokio::time::timeout(self.patience(), client.query_typed(sql, parameters)).await;
        let seconds = (monotonic() - asked).as_secs_f64();
        metrics::histogram!("dialerd_database_seconds", "function" => name).record(seconds);
        self.answered(name, answering).await
    }

    fn patience(&self) -> Duration {
        self.statement + NETWORK_PATIENCE
    }

    /// A connection that does not answer, or is no more, is not given back.
    async fn answered<T>(
        &mut self,
        function: &'static str,
        answer: Result<Result<T, tokio_postgres::Error>, tokio::time::error::Elapsed>,
    ) -> Result<T, Error> {
        let error = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(source)) => Error::Statement { function, source },
            Err(_) => Error::TimedOut(function),
        };
        // A server that takes no writes is a standby now; another may have taken over.
        if matches!(error, Error::TimedOut(_)) || error.ends_connection() || error.is_read_only() {
            self.connection.take().map(Object::take);
        }
        Err(error)
    }
}

/// Also when whoever asked went away in the middle: nothing is left open on a shared connection.
impl Drop for Transaction {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let patience = self.patience();
        tokio::spawn(async move {
            let undone = tokio::time::timeout(patience, connection.batch_execute("rollback")).await;
            if !matches!(undone, Ok(Ok(()))) {
                drop(Object::take(connection));
            }
        });
    }
}
