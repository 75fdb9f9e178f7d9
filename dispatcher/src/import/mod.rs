//! `dialerd import`: a list from a CSV file into contacts, and calls of a campaign.
//!
//! One thread reads and understands the file, chunk by chunk; the other side copies each chunk into
//! the staging table and has the database take it in. At most two chunks are in memory, whatever
//! the size of the file. Every good row goes in whatever the bad ones do.

mod columns;
mod copy;
mod encoding;
mod problems;
mod progress;
mod read;
mod record;

use crate::db;
use crate::db::import::{Import, Sums};
use bytes::Bytes;
use clap::Args;
use problems::ProblemFile;
pub use problems::{ProblemList, Teller, Told};
use progress::Progress;
use read::{Chunk, Opened};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::mpsc;

/// LIMIT: how long the database may take to connect; a chunk may take as long as it needs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// The list, with a header line
    pub file: PathBuf,
    /// Campaign to enrol the contacts in; without it they are only kept
    #[arg(long)]
    pub campaign: Option<String>,
    /// Which column is which: TARGET=COLUMN, ...; targets are external_key, name, phone, email, tz,
    /// state, status. Usual headers are understood without; other columns become attributes
    #[arg(long, value_delimiter = ',')]
    pub map: Vec<String>,
    /// Country of numbers written without one
    #[arg(long, default_value = "US")]
    pub region: String,
    /// Encoding of the file, e.g. utf-8 or latin1 [default: found out]
    #[arg(long)]
    pub encoding: Option<String>,
    /// Delimiter: one of , ; | or tab [default: found out]
    #[arg(long, value_parser = delimiter)]
    pub delimiter: Option<u8>,
    /// Say what would be done and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// File for the rows that are not good: line, column, value, reason [default: FILE.errors.csv]
    #[arg(long)]
    pub errors: Option<PathBuf>,
    /// Database [default: $DATABASE_URL]
    #[arg(long, env = "DIALERD_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" | "\t" => Ok(b'\t'),
        "," | ";" | "|" => Ok(text.as_bytes()[0]),
        _ => Err("one of , ; | or tab is expected".to_owned()),
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} cannot be read")]
    Open { path: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Encoding(#[from] encoding::Error),
    #[error(transparent)]
    Columns(#[from] columns::Error),
    #[error("the file is empty: a header line is expected")]
    Empty,
    #[error("the header line is malformed: {0}")]
    Header(String),
    #[error("the file of errors {path} cannot be written")]
    Problems { path: PathBuf, source: std::io::Error },
    #[error("no database is named: use --database-url, DIALERD_DATABASE_URL or DATABASE_URL")]
    NoDatabase,
    #[error("the import could not begin")]
    Begin(#[source] db::Error),
    #[error(
        "the database stopped the import after {rows} rows; run it again: what is in stays in and is not added twice"
    )]
    Database { rows: u64, source: db::Error },
}

impl Error {
    /// Whether the file is at fault and not the database.
    pub fn is_about_the_file(&self) -> bool {
        !matches!(self, Error::Database { .. } | Error::Begin(_) | Error::NoDatabase)
    }
}

/// How an import ended.
#[derive(Debug)]
pub struct Summary {
    /// Rows of the file, without the header and blank lines.
    pub read: u64,
    /// Rows that could not be read as rows.
    pub malformed: u64,
    pub sums: Sums,
    pub dry_run: bool,
    pub problems: Option<PathBuf>,
}

/// Imports a file.
pub async fn run(options: Options) -> Result<Summary, Error> {
    let opened = read::open(&options)?;
    let mut progress = Progress::new(opened.bytes);
    progress.say(&opened.described());
    let import = begin(&options).await?;
    let mut problems = ProblemFile::create(&options)?;
    let reached = |position, rows, problems| progress.reached(position, rows, problems);
    let outcome = take_all(&import, opened, &mut problems, reached).await;
    progress.finish();
    let (read, malformed) = outcome?;
    let sums = import.finish().await.map_err(|source| Error::Database { rows: read, source })?;
    let problems = problems.finish()?;
    Ok(Summary { read, malformed, sums, dry_run: options.dry_run, problems })
}

/// Imports a file for whoever holds an API key: as `run`, but with a list of what is wrong.
pub async fn run_with_key(
    options: &Options,
    address: &db::Address,
    source: &str,
    key_hash: &[u8],
) -> Result<(Summary, ProblemList), Error> {
    let opened = read::open(options)?;
    let campaign = options.campaign.as_deref();
    let key = Some(key_hash.to_vec());
    let begun = Import::begin(address, campaign, source, options.dry_run, &options.region, key);
    let import = begun.await.map_err(Error::Begin)?;
    let mut problems = ProblemList::default();
    let (read, malformed) = take_all(&import, opened, &mut problems, |_, _, _| ()).await?;
    let sums = import.finish().await.map_err(|source| Error::Database { rows: read, source })?;
    Ok((Summary { read, malformed, sums, dry_run: options.dry_run, problems: None }, problems))
}

async fn begin(options: &Options) -> Result<Import, Error> {
    let url = options.database_url.clone().or_else(|| std::env::var("DATABASE_URL").ok());
    let address =
        db::Address::new(&url.ok_or(Error::NoDatabase)?, CONNECT_TIMEOUT).map_err(Error::Begin)?;
    // The name and not the path: a path may tell more than it should.
    let source = options.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let campaign = options.campaign.as_deref();
    Import::begin(&address, campaign, &source, options.dry_run, &options.region, None)
        .await
        .map_err(Error::Begin)
}

/// Returns how many rows were read, and how many of them were none.
async fn take_all(
    import: &Import,
    opened: Opened,
    problems: &mut impl Teller,
    mut reached: impl FnMut(u64, u64, u64),
) -> Result<(u64, u64), Error> {
    // LIMIT: one chunk waits while another is taken in.
    let (sender, mut chunks) = mpsc::channel::<Result<Chunk, Error>>(1);
    let import_id = import.id;
    let reader = tokio::task::spawn_blocking(move || read::chunks(opened, import_id, &sender));
    let (mut read, mut malformed) = (0, 0);
    while let Some(chunk) = chunks.recv().await {
        let chunk = chunk?;
        let found = match chunk.good {
            0 => Vec::new(),
            _ => {
                let taken = import.take(Bytes::from(chunk.rows)).await;
                taken.map_err(|source| Error::Database { rows: read, source })?
            }
        };
        read += chunk.good + chunk.malformed.len() as u64;
        malformed += chunk.malformed.len() as u64;
        problems.add(chunk.malformed, found)?;
        reached(chunk.position, read, problems.count());
    }
    // The reader ends with its channel; it does not panic.
    drop(reader.await);
    Ok((read, malformed))
}

impl Summary {
    /// Every row is in exactly one of these.
    pub fn adds_up(&self) -> bool {
        let Sums { created, updated, duplicates, rejected, .. } = self.sums;
        self.read as i64 == created + updated + duplicates + rejected + self.malformed as i64
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = if self.dry_run { "dry run, nothing was changed" } else { "imported" };
        writeln!(f, "{title}")?;
        let rejected = self.sums.rejected + self.malformed as i64;
        for (label, count) in [
            ("rows in the file", self.read as i64),
            ("  created", self.sums.created),
            ("  updated", self.sums.updated),
            ("  duplicates, merged", self.sums.duplicates),
            ("  rejected", rejected),
            ("do not call, kept without a call", self.sums.do_not_call),
            ("calls planned", self.sums.enrolled),
        ] {
            writeln!(f, "{label:34}{count:>10}")?;
        }
        if !self.adds_up() {
            writeln!(f, "the sums do not add up; please report this")?;
        }
        match &self.problems {
            Some(path) => writeln!(f, "reasons by line: {}", path.display()),
            None => Ok(()),
        }
    }
}
