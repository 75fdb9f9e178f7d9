//! `dialerd backfill`: calls that a provider made before the dialer was here, into a campaign.
//!
//! Pages of calls go into a staging table as they come, so memory stays the same for a million of
//! them, and whoever is stopped goes on where it was. Only then numbers are taken in. A dry run
//! stages as well, says what would become of it, and leaves it for the run that is meant.

mod log_file;
mod pace;
mod pages;
mod standing;

use crate::clock::monotonic;
use crate::db::backfill::{Backfill, Summary, Wanted};
use crate::db::{self, Address};
use crate::provider::{self, Account, AccountError, NoAdapter};
use crate::secrets;
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Args;
use pace::Progress;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// LIMIT: how long the database may take to connect, and a provider to answer.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Account whose provider made the calls
    #[arg(long)]
    pub account: String,
    /// Campaign that the numbers go into
    #[arg(long)]
    pub campaign: String,
    /// First day or instant of the calls: 2026-12-01 (UTC) or 2026-12-01T09:00:00-05:00
    #[arg(long, value_parser = beginning)]
    pub from: DateTime<Utc>,
    /// Day (included) or instant (excluded) at which they end
    #[arg(long, value_parser = end)]
    pub until: DateTime<Utc>,
    /// Say what would be done and plan nothing; what was fetched is kept for the run that is meant
    #[arg(long)]
    pub dry_run: bool,
    /// Calls to fetch before each pause
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub batch: u32,
    /// Pause after each batch
    #[arg(long, default_value_t = 1000)]
    pub pause_ms: u64,
    /// Read a file of webhooks, one JSON object a line, instead of asking the provider
    #[arg(long)]
    pub file: Option<PathBuf>,
    /// Where a webhook of the file holds the number called, as a JSON pointer [default: found out]
    #[arg(long, requires = "file")]
    pub number_at: Option<String>,
    /// Ask the system of record of each number first, as this file describes (docs/operating.md)
    #[arg(long)]
    pub check: Option<PathBuf>,
    /// Country of numbers written without one
    #[arg(long, default_value = "US")]
    pub region: String,
    /// Database [default: $DATABASE_URL]
    #[arg(long, env = "DIALERD_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

fn beginning(text: &str) -> Result<DateTime<Utc>, String> {
    instant(text, 0)
}

fn end(text: &str) -> Result<DateTime<Utc>, String> {
    instant(text, 1)
}

/// An instant, or the beginning of a day so many days later.
fn instant(text: &str, days: u64) -> Result<DateTime<Utc>, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    let day = text
        .parse::<NaiveDate>()
        .ok()
        .and_then(|day| day.checked_add_days(chrono::Days::new(days)));
    let day = day.ok_or("write it as 2026-12-01 or 2026-12-01T09:00:00-05:00")?;
    Ok(day.and_time(NaiveTime::MIN).and_utc())
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no database is named: use --database-url, DIALERD_DATABASE_URL or DATABASE_URL")]
    NoDatabase,
    #[error(transparent)]
    NoAdapter(#[from] NoAdapter),
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("no request can be made")]
    Client(#[from] reqwest::Error),
    #[error(
        "the provider did not list its calls: {why}; run it again: it goes on after the {calls} calls that were fetched"
    )]
    List { why: String, calls: i64 },
    #[error("{path} cannot be read")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} does not describe a system of record: {told}")]
    Description { path: PathBuf, told: String },
    #[error(
        "the system of record did not answer: {why}; run it again: it goes on after the {asked} numbers that were asked"
    )]
    Standing { why: String, asked: i64 },
    #[error("the backfill was stopped by the database; run it again: it goes on where it was")]
    Database(#[from] db::Error),
}

/// How a backfill ended.
#[derive(Debug)]
pub struct Report {
    pub staged: Summary,
    pub dry_run: bool,
    pub enrolled: i64,
    pub history: i64,
}

/// Fetches what is missing, and takes it in unless this is a dry run.
pub async fn run(options: &Options) -> Result<Report, Error> {
    let system = options.check.as_deref().map(standing::read).transpose()?;
    let url = options.database_url.clone().or_else(|| std::env::var("DATABASE_URL").ok());
    let address = Address::new(&url.ok_or(Error::NoDatabase)?, CONNECT_TIMEOUT)?;
    let stated = db::backfill::account(&address, &options.account).await?;
    let adapter = provider::required_adapter(&stated.provider, &stated.channel)?;
    let source = options.file.as_ref().and_then(|path| path.file_name());
    let source = source.map_or("provider".into(), |name| name.to_string_lossy());
    let wanted = Wanted {
        account: &options.account,
        campaign: &options.campaign,
        from: options.from.to_rfc3339(),
        until: options.until.to_rfc3339(),
        source: &source,
        region: &options.region,
    };
    let mut backfill = Backfill::begin(&address, &wanted).await?;
    if backfill.fetched {
        progress_line(&format!("{} calls were fetched before", backfill.calls));
    } else if let Some(path) = &options.file {
        log_file::stage(options, path, adapter, &stated.settings, &mut backfill).await?;
    } else {
        let secret_name = stated.secret_name.as_deref();
        let account =
            Account::with_secrets(stated.base_url, secret_name, stated.settings, secrets::find)?;
        let http = provider::client(CONNECT_TIMEOUT, ANSWER_TIMEOUT)?;
        pages::stage(options, adapter, &http, &account, &mut backfill).await?;
    }
    if let Some(system) = &system {
        standing::ask(options, system, &backfill).await?;
    }
    let staged = backfill.summary().await?;
    let (mut enrolled, mut history) = (0, 0);
    if !options.dry_run {
        (enrolled, history) = take_in(&backfill, staged.numbers).await?;
    }
    Ok(Report { staged, dry_run: options.dry_run, enrolled, history })
}

/// Takes number after number in; returns how many calls were planned and how many attempts kept.
async fn take_in(backfill: &Backfill, numbers: i64) -> Result<(i64, i64), Error> {
    let mut progress = Progress::new("taken in", monotonic());
    let (mut done, mut enrolled, mut history) = (0, 0, 0);
    // Ends: every step takes numbers away, and the last leaves none.
    loop {
        let step = backfill.apply().await?;
        done += step.numbers;
        enrolled += step.enrolled;
        history += step.history;
        if step.left == 0 {
            return Ok((enrolled, history));
        }
        let share = done as f64 / numbers.max(1) as f64;
        progress.reached(share, &format!("{done} of {numbers} numbers"), monotonic());
    }
}

fn progress_line(text: &str) {
    use std::io::Write;
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr(), "{text}");
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary {
            calls,
            unusable,
            numbers,
            redial,
            sale,
            dnc,
            finished,
            live,
            missing,
            known,
            ..
        } = self.staged;
        let title = if self.dry_run { "dry run, nothing was planned" } else { "backfilled" };
        writeln!(f, "{title}")?;
        for (label, count) in [
            ("calls fetched", calls + unusable),
            ("  without a number that can be dialled", unusable),
            ("numbers", numbers),
            ("  to redial", redial),
            ("    in the campaign already", known),
            ("  skipped: SALE", sale),
            ("  skipped: DNC, now on the list", dnc),
            ("  skipped: final by the policy", finished),
            ("  skipped: on a call just now", live),
            ("  skipped: not in the system of record", missing),
        ] {
            writeln!(f, "{label:42}{count:>10}")?;
        }
        if !self.dry_run {
            writeln!(f, "{:42}{:>10}", "calls planned", self.enrolled)?;
            writeln!(f, "{:42}{:>10}", "attempts kept as history", self.history)?;
        }
        let expected = self.staged.expected_a_day;
        writeln!(f, "{:42}{expected:>10.0}", "attempts a day of the new ones, at most")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_and_ends_with_itself() {
        assert_eq!(beginning("2026-12-01").unwrap().to_rfc3339(), "2026-12-01T00:00:00+00:00");
        assert_eq!(end("2026-12-01").unwrap().to_rfc3339(), "2026-12-02T00:00:00+00:00");
        assert_eq!(
            end("2026-12-01T09:00:00-05:00").unwrap().to_rfc3339(),
            "2026-12-01T14:00:00+00:00"
        );
        assert!(beginning("yesterday").unwrap_err().contains("2026-12-01"));
    }
}
