//! `dialerd replay`: stored webhooks are understood and applied once more.
//!
//! For a newer version that knows more words, or an account whose settings were wrong. What has
//! ended stays ended; a label or a final outcome that was not understood before counts now.

use crate::db::replay::{Replay, Stored};
use crate::db::{self, Address};
use crate::provider::{self, Adapter, Event, NoAdapter, StoredHook};
use chrono::NaiveDate;
use clap::{Args, ValueEnum};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// LIMIT: how long the database may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// LIMIT: events in memory at once.
const CHUNK: i32 = 500;

#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Account whose webhooks are replayed
    #[arg(long)]
    pub account: String,
    /// First day of their receipt (UTC)
    #[arg(long)]
    pub from: NaiveDate,
    /// Last day of their receipt (UTC)
    #[arg(long)]
    pub until: NaiveDate,
    /// Only those of which this became then
    #[arg(long, value_enum)]
    pub only: Option<Then>,
    /// Say what they mean now and apply nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Database [default: $DATABASE_URL]
    #[arg(long, env = "DIALERD_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Then {
    /// They moved an open attempt on
    Applied,
    /// Their attempt had ended
    Late,
    /// No attempt was found for them
    Unmatched,
}

impl Then {
    fn word(self) -> &'static str {
        match self {
            Then::Applied => "applied",
            Then::Late => "late",
            Then::Unmatched => "unmatched",
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no database is named: use --database-url, DIALERD_DATABASE_URL or DATABASE_URL")]
    NoDatabase,
    #[error(transparent)]
    NoAdapter(#[from] NoAdapter),
    #[error("the replay was stopped by the database; it may be run again")]
    Database(#[from] db::Error),
}

/// What became of the stored webhooks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub dry_run: bool,
    pub stored: u64,
    pub not_understood: u64,
    /// How many events had each result.
    pub results: BTreeMap<String, u64>,
}

/// Replays day by day, in the order of receipt.
pub async fn run(options: &Options) -> Result<Report, Error> {
    let url = options.database_url.clone().or_else(|| std::env::var("DATABASE_URL").ok());
    let address = Address::new(&url.ok_or(Error::NoDatabase)?, CONNECT_TIMEOUT)?;
    let stated = db::backfill::account(&address, &options.account).await?;
    let adapter = provider::required_adapter(&stated.provider, &stated.channel)?;
    let replay = Replay::connect(&address).await?;
    let mut report = Report { dry_run: options.dry_run, ..Report::default() };
    for day in options.from.iter_days().take_while(|day| *day <= options.until) {
        let mut last: Option<Stored> = None;
        // Ends: every chunk begins after the one before, and the last is not full.
        loop {
            let stored = replay.stored(&options.account, day, last.as_ref(), CHUNK).await?;
            let wanted = stored.iter().filter(|it| is_wanted(it, options.only));
            let events = understood(wanted, adapter, &stated.settings, &mut report);
            if options.dry_run {
                events.iter().for_each(|event| report.count(&meaning(event)));
            } else if !events.is_empty() {
                let events = serde_json::to_value(&events).unwrap_or(Value::Null);
                let results = replay.apply(&options.account, &events).await?;
                results.iter().for_each(|result| report.count(result));
            }
            let is_last = stored.len() < CHUNK as usize;
            last = stored.into_iter().next_back();
            if is_last {
                break;
            }
        }
    }
    Ok(report)
}

fn is_wanted(stored: &Stored, only: Option<Then>) -> bool {
    only.is_none_or(|then| stored.result == then.word())
}

/// The events of webhooks; what an account was told by a look-up is no webhook, and is left out.
fn understood<'a>(
    stored: impl Iterator<Item = &'a Stored>,
    adapter: &dyn Adapter,
    settings: &Value,
    report: &mut Report,
) -> Vec<Event> {
    let mut events = Vec::new();
    for one in stored.filter(|one| one.source == "webhook") {
        report.stored += 1;
        let hook = StoredHook { raw: &one.raw, attempt_id: one.attempt_id };
        match hook.events(adapter, settings) {
            // A body may hold several events, and each was stored: of these the one with its key.
            Ok(found) => {
                events.extend(found.into_iter().filter(|it| it.event_key == one.event_key))
            }
            Err(_) => report.not_understood += 1,
        }
    }
    events
}

fn meaning(event: &Event) -> String {
    match (event.outcome, &event.word) {
        (Some(outcome), _) => format!("would mean {outcome}"),
        (None, Some(_)) => "would be reviewed: the word is not known".to_owned(),
        (None, None) => format!("would mean {:?}", event.kind).to_lowercase(),
    }
}

impl Report {
    fn count(&mut self, result: &str) {
        *self.results.entry(result.to_owned()).or_default() += 1;
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = if self.dry_run { "dry run, nothing was applied" } else { "replayed" };
        writeln!(f, "{title}")?;
        writeln!(f, "{:42}{:>10}", "webhooks", self.stored)?;
        writeln!(f, "{:42}{:>10}", "  not understood", self.not_understood)?;
        self.results.iter().try_for_each(|(result, count)| writeln!(f, "  {result:40}{count:>10}"))
    }
}
