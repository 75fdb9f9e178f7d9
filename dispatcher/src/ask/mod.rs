//! `dialerd explain` and `dialerd report`: what the database's own functions answer, as a table.
//!
//! Nothing is computed here: the columns are those that the function returns.

mod table;

use crate::db::ask::{Answer, Asker, literal};
use crate::db::{self, Address};
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
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
    #[command(flatten)]
    pub place: Place,
}

#[derive(Debug, Clone, Subcommand)]
pub enum Kind {
    /// What became of the calls, by outcome
    Breakdown {
        /// From this instant (RFC 3339)
        #[arg(long)]
        from: Option<DateTime<Utc>>,
        /// Until this instant (RFC 3339)
        #[arg(long)]
        to: Option<DateTime<Utc>>,
        /// One campaign only
        #[arg(long)]
        campaign: Option<String>,
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
        /// As CSV
        #[arg(long)]
        csv: bool,
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

/// A report, as text.
pub async fn report(options: &Report) -> Result<String, Error> {
    let source = options.kind.source();
    let asker = connect(&options.place).await?;
    if matches!(options.kind, Kind::Compliance { csv: true, .. }) {
        return table::csv(&asker.ask(&source).await?).map_err(Error::Csv);
    }
    shown(&asker, &source, None, options.place.json).await
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
        let mut arguments = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            arguments.extend(value.map(|value| format!("{name} => {value}")));
        };
        let function = match self {
            Kind::Breakdown { from, to, campaign } => {
                add("from_at", from.map(instant));
                add("to_at", to.map(instant));
                add("campaign", campaign.as_deref().map(literal));
                "report_breakdown"
            }
            Kind::Today { tz, campaign } => {
                add("tz", Some(literal(tz)));
                add("campaign", campaign.as_deref().map(literal));
                "report_today"
            }
            Kind::Dashboard => return "scheduler_dashboard".to_owned(),
            Kind::WhyWaiting { campaign } => {
                add("campaign", Some(literal(campaign)));
                "why_waiting"
            }
            Kind::Compliance { number, from, to, .. } => {
                add("number", Some(literal(number)));
                add("from_at", from.map(instant));
                add("to_at", to.map(instant));
                "compliance_export"
            }
        };
        format!("{function}({})", arguments.join(", "))
    }
}

fn instant(at: DateTime<Utc>) -> String {
    format!("{}::timestamptz", literal(&at.format("%Y-%m-%d %H:%M:%S%.6f+00").to_string()))
}

#[cfg(test)]
mod tests;
