//! `dialerd closures import`: dates without opening, from an iCalendar file or a list of dates.
//!
//! The file goes to the database as it is, which reads it and says what became of each line. Good
//! lines go in whatever the others are; the same file again adds nothing.

use crate::db::{self, Address, closures::Closures};
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// LIMIT: how long the database may take to connect; an import may take as long as it needs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// LIMIT: bytes of a file; the database reads no more.
const FILE_BYTES_MAX: u64 = 4 << 20;

#[derive(Debug, Clone, Args)]
pub struct Options {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Import dates without opening; importing them again adds nothing
    Import(Import),
}

#[derive(Debug, Clone, Args)]
pub struct Import {
    /// An iCalendar file (.ics), or a list: 2026-12-24 or 2026-12-24..2026-12-26 to a line, then a
    /// label if you like; # begins a comment
    pub file: PathBuf,
    /// Number or name of the calendar [default: all calendars of the tenant]
    #[arg(long)]
    pub calendar: Option<String>,
    /// What the dates do
    #[arg(long, value_enum, default_value = "closed")]
    pub kind: Kind,
    /// The list is complete from this date on [default: the year of its first date]
    #[arg(long)]
    pub from: Option<NaiveDate>,
    /// The list is complete until this date [default: the year of its last date]
    #[arg(long)]
    pub until: Option<NaiveDate>,
    /// Say what would be done and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Database [default: $DATABASE_URL]
    #[arg(long, env = "DIALERD_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// No opening begins on the date
    Closed,
    /// Nothing at all on the local date
    Ban,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{path} cannot be read")]
    Open { path: PathBuf, source: std::io::Error },
    #[error("{0} is longer than 4 MiB")]
    TooLong(PathBuf),
    #[error("{path}:{line}: there are bytes that are no UTF-8; save the file as UTF-8")]
    NotUtf8 { path: PathBuf, line: usize },
    #[error("no database is named: use --database-url, DIALERD_DATABASE_URL or DATABASE_URL")]
    NoDatabase,
    #[error("nothing was imported")]
    Database(#[from] db::Error),
}

impl Error {
    /// Whether the file is at fault and not the database.
    pub fn is_about_the_file(&self) -> bool {
        const NOT_UNDERSTOOD: &str = "PD016";
        match self {
            Error::Database(error) => error.code().as_deref() == Some(NOT_UNDERSTOOD),
            Error::NoDatabase => false,
            _ => true,
        }
    }
}

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub dry_run: bool,
    pub added: usize,
    pub existing: usize,
    /// Lines without a date: FILE:LINE: why.
    pub told: Vec<String>,
    /// How many of these were not understood.
    pub invalid: usize,
}

/// Imports a file.
pub async fn import(options: &Import) -> Result<Summary, Error> {
    let holidays = text_of(&options.file)?;
    let url = options.database_url.clone().or_else(|| std::env::var("DATABASE_URL").ok());
    let address = Address::new(&url.ok_or(Error::NoDatabase)?, CONNECT_TIMEOUT)?;
    let closures = Closures {
        calendar: options.calendar.as_deref(),
        holidays: &holidays,
        kind: match options.kind {
            Kind::Closed => "closed",
            Kind::Ban => "ban",
        },
        from_on: options.from.map(|date| date.to_string()),
        until_on: options.until.map(|date| date.to_string()),
    };
    let lines = db::closures::import(&address, &closures, options.dry_run).await?;
    Ok(summed(&lines, options))
}

fn text_of(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::Open { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(Error::TooLong(path.to_owned()));
    }
    String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        Error::NotUtf8 { path: path.to_owned(), line }
    })
}

fn summed(lines: &[db::closures::Line], options: &Import) -> Summary {
    let mut summary = Summary { dry_run: options.dry_run, ..Summary::default() };
    for line in lines {
        match line.result.as_str() {
            "added" if line.is_date => summary.added += 1,
            _ if line.is_date => summary.existing += 1,
            reason => {
                summary.invalid += usize::from(reason.starts_with("invalid"));
                summary.told.push(format!("{}:{}: {reason}", options.file.display(), line.number));
            }
        }
    }
    summary
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = if self.dry_run { "dry run, nothing was changed" } else { "imported" };
        writeln!(f, "{title}")?;
        for (label, count) in [
            ("dates added", self.added),
            ("dates that were there already", self.existing),
            ("events that close nothing", self.told.len() - self.invalid),
            ("lines that are not understood", self.invalid),
        ] {
            writeln!(f, "{label:34}{count:>10}")?;
        }
        Ok(())
    }
}
