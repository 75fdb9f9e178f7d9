//! `dialerd explain` and `dialerd report`: what the database's own functions answer, as a table.
//!
//! Nothing is computed here: the columns are those that the function returns.

mod table;

use crate::db::ask::{Answer, Asker, literal};
use crate::db::{self, Address};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::time::Duration;
pub use table::aligned;

/// LIMIT: how long connecting may take; a report may take as long as it needs.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What every question needs.
#[derive(Debug, Clone, Args)]
pub struct Place {
    /// Database [default: $DATABASE_URL]
    #[arg(long, env = "DIALERD_DATABASE_URL", hide_env_values = true, global = true)]
    pub database_url: Option<String>,
    /// Answer as JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Clone, Args)]
pub struct Explain {
    /// Number of the call
    pub call_id: i64,
    /// At this instant (RFC 3339) [default: now, by the dialer's clock]
    #[arg(long)]
    pub at: Option<DateTime<Utc>>,
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Clone, Args)]
pub struct Report {
    #[command(subcommand)]
    pub kind: Kind,
    /// As CSV
    #[arg(long, global = true, conflicts_with = "json")]
    pub csv: bool,
    /// Into this file
    #[arg(long, global = true, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Again and again, so many seconds apart
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub every: Option<u64>,
    #[command(flatten)]
    pub place: Place,
}

/// A span of time and a campaign; what is not given does not restrict.
#[derive(Debug, Clone, Args)]
pub struct Span {
    /// From this instant (RFC 3339)
    #[arg(long)]
    from: Option<DateTime<Utc>>,
    /// Until this instant (RFC 3339)
    #[arg(long)]
    to: Option<DateTime<Utc>>,
    /// One campaign only
    #[arg(long)]
    campaign: Option<String>,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Kind {
    /// What became of the calls, by outcome
    Breakdown(Span),
    /// Calls, redials, outcomes and rates of a span
    Range {
        /// From this instant (RFC 3339)
        #[arg(long)]
        from: DateTime<Utc>,
        /// Until this instant (RFC 3339)
        #[arg(long)]
        to: DateTime<Utc>,
        /// One campaign only
        #[arg(long)]
        campaign: Option<String>,
    },
    /// How many there are, were and are left
    Totals {
        /// Zone whose dates are meant
        #[arg(long, default_value = "UTC")]
        tz: String,
        /// One campaign only
        #[arg(long)]
        campaign: Option<String>,
    },
    /// What the leads of a campaign mean in calls a day, now and with so many added
    Volume {
        campaign: String,
        /// Leads that are to be added
        #[arg(long, default_value_t = 0)]
        added: u32,
    },
    /// Attempts, the newest first
    History {
        #[command(flatten)]
        span: Span,
        /// An outcome, answered, conversations, or the state of the call
        #[arg(long)]
        status: Option<String>,
        /// Phone number, e-mail address, or the beginning of a name
        #[arg(long)]
        contact: Option<String>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        rows: u16,
    },
    /// Today so far
    Today {
        /// Zone whose day is meant
        #[arg(long, default_value = "UTC")]
        tz: String,
        /// One campaign only
        #[arg(long)]
        campaign: Option<String>,
    },
    /// What waits and what is under way, by campaign
    Dashboard,
    /// Why the calls of a campaign wait
    WhyWaiting { campaign: String },
    /// Every call to one number: when, by whose rules, with what consent
    Compliance {
        /// The number or address, in any usual spelling
        #[arg(long)]
        number: String,
        /// From this instant (RFC 3339)
        #[arg(long)]
        from: Option<DateTime<Utc>>,
        /// Until this instant (RFC 3339)
        #[arg(long)]
        to: Option<DateTime<Utc>>,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no database is named: use --database-url, DIALERD_DATABASE_URL or DATABASE_URL")]
    NoDatabase,
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("call {0} is not known")]
    NoSuchCall(i64),
    #[error("the table cannot be written as CSV")]
    Csv(#[source] csv::Error),
    #[error("{file} cannot be written", file = file.display())]
    Output { file: PathBuf, source: std::io::Error },
}

/// The gates of a call, as text.
pub async fn explain(options: &Explain) -> Result<String, Error> {
    let mut source = format!("explain({}", options.call_id);
    if let Some(at) = options.at {
        source.push_str(&format!(", {}", instant(at)));
    }
    source.push(')');
    let asker = connect(&options.place).await?;
    let answer = asker.ask(&source).await?;
    if answer.rows.is_empty() {
        return Err(Error::NoSuchCall(options.call_id));
    }
    shown(&asker, &source, Some(answer), options.place.json).await
}

/// A report, as text; nothing where it went into a file.
pub async fn report(options: &Report) -> Result<String, Error> {
    let source = options.kind.source();
    let asker = connect(&options.place).await?;
    let text = if options.csv {
        table::csv(&asker.ask(&source).await?).map_err(Error::Csv)?
    } else {
        shown(&asker, &source, None, options.place.json).await?
    };
    let Some(file) = &options.output else { return Ok(text) };
    std::fs::write(file, text).map_err(|source| Error::Output { file: file.clone(), source })?;
    Ok(String::new())
}

async fn connect(place: &Place) -> Result<Asker, Error> {
    let url = place.database_url.clone().or_else(|| std::env::var("DATABASE_URL").ok());
    let address = Address::new(&url.ok_or(Error::NoDatabase)?, CONNECT_TIMEOUT)?;
    Ok(Asker::connect(&address).await?)
}

async fn shown(
    asker: &Asker,
    source: &str,
    known: Option<Answer>,
    json: bool,
) -> Result<String, Error> {
    if json {
        return Ok(format!("{:#}\n", asker.ask_json(source).await?));
    }
    let answer = match known {
        Some(answer) => answer,
        None => asker.ask(source).await?,
    };
    Ok(aligned(&answer))
}

impl Kind {
    /// The function, with its arguments by name.
    fn source(&self) -> String {
        let words = |value: &Option<String>| value.as_deref().map(literal);
        match self {
            Kind::Breakdown(span) => call("report_breakdown", span.arguments()),
            Kind::Range { from, to, campaign } => {
                let span = Span { from: Some(*from), to: Some(*to), campaign: campaign.clone() };
                call("report_range", span.arguments())
            }
            Kind::Totals { tz, campaign } => call(
                "report_totals",
                vec![("tz", Some(literal(tz))), ("campaign", words(campaign))],
            ),
            Kind::Volume { campaign, added } => call(
                "expected_volume",
                vec![("campaign", Some(literal(campaign))), ("added", Some(added.to_string()))],
            ),
            Kind::History { span, status, contact, rows } => {
                let mut arguments = span.arguments();
                arguments.push(("status", words(status)));
                arguments.push(("contact", words(contact)));
                arguments.push(("page_size", Some(rows.to_string())));
                call("history_page", arguments)
            }
            Kind::Today { tz, campaign } => {
                call("report_today", vec![("tz", Some(literal(tz))), ("campaign", words(campaign))])
            }
            Kind::Dashboard => "scheduler_dashboard".to_owned(),
            Kind::WhyWaiting { campaign } => {
                call("why_waiting", vec![("campaign", Some(literal(campaign)))])
            }
            Kind::Compliance { number, from, to } => {
                let mut arguments = vec![("number", Some(literal(number)))];
                let span = Span { from: *from, to: *to, campaign: None };
                arguments.extend(span.arguments());
                call("compliance_export", arguments)
            }
        }
    }
}

impl Span {
    fn arguments(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("from_at", self.from.map(instant)),
            ("to_at", self.to.map(instant)),
            ("campaign", self.campaign.as_deref().map(literal)),
        ]
    }
}

/// A call of a function, with the arguments that are given.
fn call(function: &str, arguments: Vec<(&str, Option<String>)>) -> String {
    let given: Vec<String> = arguments
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} => {}", value?)))
        .collect();
    format!("{function}({})", given.join(", "))
}

fn instant(at: DateTime<Utc>) -> String {
    format!("{}::timestamptz", literal(&at.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()))
}

#[cfg(test)]
mod tests;
