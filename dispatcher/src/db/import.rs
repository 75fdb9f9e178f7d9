//! The list import's side of the database: stage by COPY, take in, sum up.

use super::{Address, Error, get};
use bytes::Bytes;
use futures_util::SinkExt;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, CopyInSink, Row};

// Row-level security admits no COPY into the staging table itself, only INSERT: so the rows come
// by way of a table of this session.
const PRIVATE: &str = "create temporary table incoming_row (like dialer.import_row)";
const COPY: &str = "copy pg_temp.incoming_row \
    (import_id, line, external_key, name, phone, email, tz, state, status, attributes) from stdin";
const STAGE: &str = "insert into dialer.import_row (import_id, line, external_key, name, phone, \
    email, tz, state, status, attributes) select import_id, line, external_key, name, phone, \
    email, tz, state, status, attributes from pg_temp.incoming_row; \
    truncate pg_temp.incoming_row";

/// What the database found wrong with a line, or worth a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub line: i64,
    pub column: String,
    pub value: Option<String>,
    pub reason: String,
    pub is_error: bool,
}

/// What became of the rows, as counted by the database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sums {
    pub rows: i64,
    pub created: i64,
    pub updated: i64,
    pub duplicates: i64,
    pub rejected: i64,
    pub do_not_call: i64,
    pub enrolled: i64,
}

/// One import; each chunk is a transaction, but a dry run is one that is never committed: it sees
/// what it has done itself, and however it ends, the database forgets it with the connection.
pub struct Import {
    client: Client,
    pub id: i64,
    dry_run: bool,
    /// Hash of the API key that each transaction shows; none: the session's own role acts.
    key: Option<Vec<u8>>,
}

impl Import {
    pub async fn begin(
        address: &Address,
        campaign: Option<&str>,
        source: &str,
        dry_run: bool,
        region: &str,
        key: Option<Vec<u8>>,
    ) -> Result<Import, Error> {
        let (client, _driver) = address.connect(None).await?;
        let mut import = Import { client, id: 0, dry_run, key };
        import.enter().await?;
        const SQL: &str = "select dialer.begin_import($1, $2, $3)";
        let parameters: [super::Parameter<'_>; 3] =
            [(&campaign, Type::TEXT), (&source, Type::TEXT), (&region, Type::TEXT)];
        let rows = import.client.query_typed(SQL, &parameters).await;
        import.id = get(&first(rows, "begin_import")?, "begin_import", 0)?;
        staged(&import.client, PRIVATE).await?;
        import.keep().await?;
        Ok(import)
    }

    /// Begins a transaction, and shows the key in it.
    async fn enter(&self) -> Result<(), Error> {
        execute(&self.client, "begin").await?;
        let Some(key) = &self.key else { return Ok(()) };
        const NAME: &str = "use_api_key";
        const SQL: &str = "select scope from dialer.use_api_key($1)";
        let shown = self.client.query_typed(SQL, &[(key, Type::BYTEA)]).await;
        first(shown, NAME)?;
        execute(&self.client, "set local role dialer_user").await
    }

    /// Commits, unless it is a dry run, which goes on in its one transaction.
    async fn keep(&self) -> Result<(), Error> {
        if self.dry_run { Ok(()) } else { execute(&self.client, "commit").await }
    }

    /// Takes one chunk of rows in, all or nothing; returns what is wrong with which line.
    pub async fn take(&self, rows: Bytes) -> Result<Vec<Problem>, Error> {
        if !self.dry_run {
            self.enter().await?;
        }
        let failed = |source| Error::Statement { function: "copy", source };
        let sink: CopyInSink<Bytes> = self.client.copy_in(COPY).await.map_err(failed)?;
        let mut sink = std::pin::pin!(sink);
        sink.send(rows).await.map_err(failed)?;
        sink.as_mut().finish().await.map_err(failed)?;
        staged(&self.client, STAGE).await?;
        const SQL: &str =
            "select line, col, value, reason, severity from dialer.import_contacts($1)";
        let rows = self.client.query_typed(SQL, &[(&self.id, Type::INT8)]).await;
        let rows =
            rows.map_err(|source| Error::Statement { function: "import_contacts", source })?;
        self.keep().await?;
        rows.iter().map(problem).collect()
    }

    /// Ends the import and returns its sums; a dry run leaves nothing behind.
    pub async fn finish(self) -> Result<Sums, Error> {
        const SQL: &str = "select rows, created, updated, duplicates, rejected, do_not_call, \
            enrolled from dialer.finish_import($1)";
        const NAME: &str = "finish_import";
        if !self.dry_run {
            self.enter().await?;
        }
        let rows = self.client.query_typed(SQL, &[(&self.id, Type::INT8)]).await;
        let row = first(rows, NAME)?;
        match self.dry_run {
            true => execute(&self.client, "rollback").await?,
            false => self.keep().await?,
        }
        Ok(Sums {
            rows: get(&row, NAME, 0)?,
            created: get(&row, NAME, 1)?,
            updated: get(&row, NAME, 2)?,
            duplicates: get(&row, NAME, 3)?,
            rejected: get(&row, NAME, 4)?,
            do_not_call: get(&row, NAME, 5)?,
            enrolled: get(&row, NAME, 6)?,
        })
    }
}

async fn staged(client: &Client, sql: &str) -> Result<(), Error> {
    client
        .batch_execute(sql)
        .await
        .map_err(|source| Error::Statement { function: "staging", source })
}

async fn execute(client: &Client, word: &'static str) -> Result<(), Error> {
    client.batch_execute(word).await.map_err(|source| Error::Statement { function: word, source })
}

fn first(
    rows: Result<Vec<Row>, tokio_postgres::Error>,
    function: &'static str,
) -> Result<Row, Error> {
    let rows = rows.map_err(|source| Error::Statement { function, source })?;
    rows.into_iter().next().ok_or(Error::NoRow(function))
}

fn problem(row: &Row) -> Result<Problem, Error> {
    const NAME: &str = "import_contacts";
    let column: Option<String> = get(row, NAME, 1)?;
    let severity: Option<String> = get(row, NAME, 4)?;
    Ok(Problem {
        line: get(row, NAME, 0)?,
        column: column.unwrap_or_default(),
        value: get(row, NAME, 2)?,
        reason: get(row, NAME, 3)?,
        is_error: severity.as_deref() != Some("note"),
    })
}
