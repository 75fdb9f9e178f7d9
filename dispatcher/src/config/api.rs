//! The part of the configuration that is the REST API's.

use super::{Error, size};
use axum::http::HeaderValue;
use clap::Args;
use serde::Deserialize;
use std::net::SocketAddr;

/// What was stated; everything may be left out.
#[derive(Debug, Clone, Default, Args, Deserialize)]
#[serde(default)]
pub struct StatedApi {
    /// Address of the REST API [default: that of --listen]
    #[arg(long, env = "DIALERD_API_LISTEN")]
    pub api_listen: Option<SocketAddr>,
    /// Database for the REST API, as a member of dialer_api [default: --database-url]
    #[arg(long, env = "DIALERD_API_DATABASE_URL", hide_env_values = true)]
    pub api_database_url: Option<String>,
    /// Connections of the REST API [default: 8]
    #[arg(long, env = "DIALERD_API_CONNECTIONS")]
    pub api_connections: Option<usize>,
    /// Requests a second with one API key [default: 50]
    #[arg(long, env = "DIALERD_API_PER_SECOND")]
    pub api_per_second: Option<usize>,
    /// Bytes of an uploaded list [default: 100000000]
    #[arg(long, env = "DIALERD_API_UPLOAD_BYTES")]
    pub api_upload_bytes: Option<usize>,
    /// Origins whose pages may use the REST API from a browser, e.g. https://desk.example.com,... [default: none]
    #[arg(
        long,
        env = "DIALERD_API_ALLOW_ORIGINS",
        value_name = "ORIGIN,...",
        value_delimiter = ','
    )]
    pub api_allow_origins: Option<Vec<String>>,
    /// Business hours of a scheduled call that asks for them and names none [default: Mo-Fr 09:00-18:00]
    #[arg(long, env = "DIALERD_DEFAULT_BUSINESS_HOURS")]
    pub default_business_hours: Option<String>,
    /// Zone of a scheduled call that names none [default: UTC]
    #[arg(long, env = "DIALERD_DEFAULT_TIMEZONE")]
    pub default_timezone: Option<String>,
}

/// What holds.
#[derive(Debug, Clone)]
pub struct Api {
    pub listen: Option<SocketAddr>,
    pub database_url: Option<String>,
    pub connections: usize,
    pub per_second: usize,
    pub upload_bytes: usize,
    pub allow_origins: Vec<HeaderValue>,
    pub default_hours: String,
    pub default_timezone: String,
}

impl StatedApi {
    pub(super) fn settled(self) -> Result<Api, Error> {
        let hours = || "Mo-Fr 09:00-18:00".to_owned();
        Ok(Api {
            listen: self.api_listen,
            database_url: self.api_database_url,
            connections: size("api_connections", self.api_connections, 8, 1_000)?,
            per_second: size("api_per_second", self.api_per_second, 50, 1_000_000)?,
            upload_bytes: size(
                "api_upload_bytes",
                self.api_upload_bytes,
                100_000_000,
                2_000_000_000,
            )?,
            allow_origins: origins(self.api_allow_origins.unwrap_or_default())?,
            default_hours: self.default_business_hours.unwrap_or_else(hours),
            default_timezone: self.default_timezone.unwrap_or_else(|| "UTC".to_owned()),
        })
    }

    pub(super) fn over(self, file: StatedApi) -> StatedApi {
        StatedApi {
            api_listen: self.api_listen.or(file.api_listen),
            api_database_url: self.api_database_url.or(file.api_database_url),
            api_connections: self.api_connections.or(file.api_connections),
            api_per_second: self.api_per_second.or(file.api_per_second),
            api_upload_bytes: self.api_upload_bytes.or(file.api_upload_bytes),
            api_allow_origins: self.api_allow_origins.or(file.api_allow_origins),
            default_business_hours: self.default_business_hours.or(file.default_business_hours),
            default_timezone: self.default_timezone.or(file.default_timezone),
        }
    }
}

/// As a browser writes them, because they are compared letter by letter.
fn origins(stated: Vec<String>) -> Result<Vec<HeaderValue>, Error> {
    let read = |origin: &String| {
        let url = reqwest::Url::parse(origin).ok()?;
        let is_one = ["http", "https"].contains(&url.scheme())
            && !origin.contains('*')
            && url.origin().ascii_serialization() == *origin;
        is_one.then(|| HeaderValue::from_str(origin).ok()).flatten()
    };
    stated.iter().map(|origin| read(origin).ok_or_else(|| Error::Origin(origin.clone()))).collect()
}
