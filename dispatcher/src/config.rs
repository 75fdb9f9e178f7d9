//! The configuration of `dialerd run`: flags, environment, then a TOML file, then defaults.
//!
//! One struct is both the flags and the file, so that the two cannot drift apart.

pub mod api;

use clap::Args;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What was stated; everything may be left out.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stated {
    /// TOML file with any of the settings below, named as the flags with _ for -
    #[arg(long, env = "DIALERD_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Database, e.g. postgres://dialerd@db.internal/app?sslmode=require [default: $DATABASE_URL]
    #[arg(long, env = "DIALERD_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// The same database for LISTEN, where --database-url goes through a pooler in transaction mode
    #[arg(long, env = "DIALERD_LISTEN_DATABASE_URL", hide_env_values = true)]
    pub listen_database_url: Option<String>,
    /// Name of this dispatcher, unique among those that run [default: host name and process id]
    #[arg(long, env = "DIALERD_NAME")]
    pub name: Option<String>,
    /// Address for webhooks, the console, /live, /ready and /metrics [default: 127.0.0.1:7700]
    #[arg(long, env = "DIALERD_LISTEN")]
    pub listen: Option<SocketAddr>,
    /// How providers reach the webhooks [default: http:// and the address listened on]
    #[arg(long, env = "DIALERD_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Calls in hand: claimed and not yet answered by the provider [default: 256]
    #[arg(long, env = "DIALERD_IN_HAND")]
    pub in_hand: Option<usize>,
    /// Requests to providers at once [default: 64]
    #[arg(long, env = "DIALERD_REQUESTS_AT_ONCE")]
    pub requests_at_once: Option<usize>,
    /// Longest wait between two claims, in milliseconds [default: 1000]
    #[arg(long, env = "DIALERD_POLL_MS")]
    pub poll_ms: Option<u64>,
    /// How long a provider may take to answer, in milliseconds [default: 15000]
    #[arg(long, env = "DIALERD_ANSWER_MS")]
    pub answer_ms: Option<u64>,
    /// How long connecting to a provider may take, in milliseconds [default: 5000]
    #[arg(long, env = "DIALERD_CONNECT_MS")]
    pub connect_ms: Option<u64>,
    /// How long the database may take to answer, in milliseconds [default: 10000]
    #[arg(long, env = "DIALERD_STATEMENT_MS")]
    pub statement_ms: Option<u64>,
    /// Bytes of a webhook's body [default: 1000000]
    #[arg(long, env = "DIALERD_BODY_BYTES")]
    pub body_bytes: Option<usize>,
    /// How long a shutdown may take, in milliseconds [default: 20000]
    #[arg(long, env = "DIALERD_SHUTDOWN_MS")]
    pub shutdown_ms: Option<u64>,
    /// Leave upkeep (dialer.tick) to pg_cron or another dispatcher
    #[arg(long, env = "DIALERD_NO_TICKS", num_args = 0..=1, default_missing_value = "true")]
    pub no_ticks: Option<bool>,
    /// Serve no REST API
    #[arg(long, env = "DIALERD_NO_API", num_args = 0..=1, default_missing_value = "true")]
    pub no_api: Option<bool>,
    /// Serve no console beside the REST API
    #[arg(long, env = "DIALERD_NO_CONSOLE", num_args = 0..=1, default_missing_value = "true")]
    pub no_console: Option<bool>,
    #[command(flatten)]
    #[serde(flatten)]
    pub api: api::StatedApi,
    /// Place no calls; take webhooks only
    #[arg(long, env = "DIALERD_NO_DISPATCH", num_args = 0..=1, default_missing_value = "true")]
    pub no_dispatch: Option<bool>,
}

/// What holds.
#[derive(Debug, Clone)]
pub struct Config {
    pub database_url: String,
    pub listen_database_url: Option<String>,
    pub name: String,
    pub listen: SocketAddr,
    pub public_url: Option<String>,
    pub in_hand: usize,
    pub requests_at_once: usize,
    pub poll: Duration,
    pub answer: Duration,
    pub connect: Duration,
    pub statement: Duration,
    pub body_bytes: usize,
    pub shutdown: Duration,
    pub ticks: bool,
    pub dispatch: bool,
    pub serve_api: bool,
    /// Only beside the REST API, which it asks.
    pub serve_console: bool,
    pub api: api::Api,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the configuration file {path} cannot be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("the configuration file {path} is not right")]
    Parse { path: PathBuf, source: Box<toml::de::Error> },
    #[error("no database is named: use --database-url, DIALERD_DATABASE_URL or DATABASE_URL")]
    NoDatabase,
    #[error("public_url must begin with http:// or https://, not {0:?}")]
    PublicUrl(String),
    #[error(
        "api_allow_origins takes origins such as https://desk.example.com or http://localhost:3000, \
         without a path and never *, not {0:?}"
    )]
    Origin(String),
    #[error("{name} must be between {from} and {to}, not {given}")]
    OutOfRange { name: &'static str, from: u64, to: u64, given: u64 },
}

impl Stated {
    /// Puts the file under what was stated, and defaults under both.
    pub fn settled(self) -> Result<Config, Error> {
        let file = match &self.config {
            Some(path) => read(path)?,
            None => Stated::default(),
        };
        let merged = self.over(file);
        let environment = || std::env::var("DATABASE_URL").ok();
        Ok(Config {
            database_url: merged.database_url.or_else(environment).ok_or(Error::NoDatabase)?,
            listen_database_url: merged.listen_database_url,
            name: merged.name.unwrap_or_else(own_name),
            listen: merged.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 7700))),
            public_url: merged.public_url.map(public_url).transpose()?,
            in_hand: size("in_hand", merged.in_hand, 256, 10_000)?,
            requests_at_once: size("requests_at_once", merged.requests_at_once, 64, 10_000)?,
            poll: millis("poll_ms", merged.poll_ms, 1_000)?,
            answer: millis("answer_ms", merged.answer_ms, 15_000)?,
            connect: millis("connect_ms", merged.connect_ms, 5_000)?,
            statement: millis("statement_ms", merged.statement_ms, 10_000)?,
            body_bytes: size("body_bytes", merged.body_bytes, 1_000_000, 100_000_000)?,
            shutdown: millis("shutdown_ms", merged.shutdown_ms, 20_000)?,
            ticks: !merged.no_ticks.unwrap_or(false),
            dispatch: !merged.no_dispatch.unwrap_or(false),
            serve_api: !merged.no_api.unwrap_or(false),
            serve_console: !merged.no_console.unwrap_or(false),
            api: merged.api.settled()?,
        })
    }

    fn over(self, file: Stated) -> Stated {
        Stated {
            config: self.config,
            database_url: self.database_url.or(file.database_url),
            listen_database_url: self.listen_database_url.or(file.listen_database_url),
            name: self.name.or(file.name),
            listen: self.listen.or(file.listen),
            public_url: self.public_url.or(file.public_url),
            in_hand: self.in_hand.or(file.in_hand),
            requests_at_once: self.requests_at_once.or(file.requests_at_once),
            poll_ms: self.poll_ms.or(file.poll_ms),
            answer_ms: self.answer_ms.or(file.answer_ms),
            connect_ms: self.connect_ms.or(file.connect_ms),
            statement_ms: self.statement_ms.or(file.statement_ms),
            body_bytes: self.body_bytes.or(file.body_bytes),
            shutdown_ms: self.shutdown_ms.or(file.shutdown_ms),
            no_ticks: self.no_ticks.or(file.no_ticks),
            no_dispatch: self.no_dispatch.or(file.no_dispatch),
            no_api: self.no_api.or(file.no_api),
            no_console: self.no_console.or(file.no_console),
            api: self.api.over(file.api),
        }
    }
}

fn read(path: &Path) -> Result<Stated, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::Read { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|source| Error::Parse { path: path.to_owned(), source: Box::new(source) })
}

/// Providers send webhooks there; what is no address would be noticed only by their absence.
fn public_url(stated: String) -> Result<String, Error> {
    let host = stated.strip_prefix("https://").or_else(|| stated.strip_prefix("http://"));
    match host {
        Some(host) if !host.is_empty() => Ok(stated.trim_end_matches('/').to_owned()),
        _ => Err(Error::PublicUrl(stated)),
    }
}

fn size(
    name: &'static str,
    stated: Option<usize>,
    default: usize,
    to: usize,
) -> Result<usize, Error> {
    let given = stated.unwrap_or(default);
    if (1..=to).contains(&given) {
        return Ok(given);
    }
    Err(Error::OutOfRange { name, from: 1, to: to as u64, given: given as u64 })
}

fn millis(name: &'static str, stated: Option<u64>, default: u64) -> Result<Duration, Error> {
    let (given, to) = (stated.unwrap_or(default), 600_000);
    if (1..=to).contains(&given) {
        return Ok(Duration::from_millis(given));
    }
    Err(Error::OutOfRange { name, from: 1, to, given })
}

fn own_name() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "dialerd" } else { host.trim() };
    format!("{host}-{}", std::process::id())
}

#[cfg(test)]
mod tests;
