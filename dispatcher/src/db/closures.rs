//! Dates without opening, handed to the database as they stand in a file.

use super::{Address, Error, get};
use tokio_postgres::types::Type;

/// What became of a date or of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub number: i32,
    /// Whether the line gave a date.
    pub is_date: bool,
    /// `added`, `exists`, or why there is no date.
    pub result: String,
}

/// A list of closures and where it belongs.
#[derive(Debug)]
pub struct Closures<'a> {
    /// None: all calendars of the tenant.
    pub calendar: Option<&'a str>,
    pub holidays: &'a str,
    pub kind: &'a str,
    pub from_on: Option<String>,
    pub until_on: Option<String>,
}

/// Imports a list in one transaction, which a dry run takes back.
pub async fn import(
    address: &Address,
    closures: &Closures<'_>,
    dry_run: bool,
) -> Result<Vec<Line>, Error> {
    const NAME: &str = "import_closures";
    const SQL: &str = "select line, closed_on is not null, result \
        from dialer.import_closures($1, $2, $3, $4::date, $5::date)";
    let failed = |source| Error::Statement { function: NAME, source };
    let (client, _driver) = address.connect(None).await?;
    client.batch_execute("begin").await.map_err(failed)?;
    let parameters: [super::Parameter<'_>; 5] = [
        (&closures.calendar, Type::TEXT),
        (&closures.holidays, Type::TEXT),
        (&closures.kind, Type::TEXT),
        (&closures.from_on, Type::TEXT),
        (&closures.until_on, Type::TEXT),
    ];
    let rows = client.query_typed(SQL, &parameters).await.map_err(failed)?;
    client.batch_execute(if dry_run { "rollback" } else { "commit" }).await.map_err(failed)?;
    let line = |row: &tokio_postgres::Row| {
        let (number, is_date, result) =
            (get(row, NAME, 0)?, get(row, NAME, 1)?, get(row, NAME, 2)?);
        Ok(Line { number, is_date, result })
    };
    rows.iter().map(line).collect()
}
