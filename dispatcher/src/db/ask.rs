//! Questions of people: whatever a function returns, as names and text.

use super::{Address, Error, get};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, SimpleQueryMessage};

/// An answer as text; `None` for null.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// A session of a person: one connection, for one command.
pub struct Asker {
    client: Client,
}

impl Asker {
    pub async fn connect(address: &Address) -> Result<Asker, Error> {
        let (client, _driver) = address.connect(None).await?;
        Ok(Asker { client })
    }

    /// Asks a function of schema `dialer` (or a view, without brackets) and takes all it returns.
    pub async fn ask(&self, source: &str) -> Result<Answer, Error> {
        self.text(&format!("select * from dialer.{source}")).await
    }

    /// The same as JSON, made by the database so that numbers stay numbers.
    pub async fn ask_json(&self, source: &str) -> Result<serde_json::Value, Error> {
        const NAME: &str = "json_agg";
        let sql = format!(
            "select coalesce(json_agg(answer), '[]')::jsonb from dialer.{source} as answer"
        );
        let rows = self.client.query_typed(&sql, &[]).await;
        let rows = rows.map_err(|source| Error::Statement { function: NAME, source })?;
        get(rows.first().ok_or(Error::NoRow(NAME))?, NAME, 0)
    }

    /// One value of one row; `None` when there is none.
    pub async fn value(&self, sql: &str) -> Result<Option<String>, Error> {
        let answer = self.text(sql).await?;
        Ok(answer.rows.into_iter().next().and_then(|row| row.into_iter().next().flatten()))
    }

    pub async fn text(&self, sql: &str) -> Result<Answer, Error> {
        let failed = |source| Error::Statement { function: "the question", source };
        let mut answer = Answer::default();
        for message in self.client.simple_query(sql).await.map_err(failed)? {
            match message {
                SimpleQueryMessage::RowDescription(columns) => {
                    answer.columns = columns.iter().map(|c| c.name().to_owned()).collect();
                }
                SimpleQueryMessage::Row(row) => {
                    let fields = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
                    answer.rows.push(fields.collect());
                }
                _ => (),
            }
        }
        Ok(answer)
    }

    /// Instants are shown in this zone.
    pub async fn show_times_in(&self, tz: &str) -> Result<(), Error> {
        const SQL: &str = "select set_config('TimeZone', $1, false)";
        let set = self.client.query_typed(SQL, &[(&tz, Type::TEXT)]).await;
        set.map(|_| ()).map_err(|source| Error::Statement { function: "set_config", source })
    }
}

/// Text as a literal of SQL.
pub fn literal(text: &str) -> String {
    // A backslash would mean something else with standard_conforming_strings off, so it is spelt.
    let escaped = text.replace('\\', "\\\\").replace('\'', "''");
    if escaped.contains('\\') { format!("E'{escaped}'") } else { format!("'{escaped}'") }
}
