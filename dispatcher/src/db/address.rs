//! Where the database is: one server, or several of which one accepts writes.
//!
//! Servers are tried one after the other, each with its own time, because one that hangs must not
//! keep us from the one that took over. The one that answered last is tried first.

use super::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_postgres::config::TargetSessionAttrs;
use tokio_postgres::{AsyncMessage, Client, Config, Notification};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How the kernel finds out that nobody is there: 5 s of silence, then 3 questions 2 s apart.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(2);
const KEEPALIVE_RETRIES: u32 = 3;

/// What is done with a notification as it arrives; it must not wait.
pub type Hear = Box<dyn Fn(&Notification) + Send + Sync>;

/// How to reach the database.
#[derive(Clone)]
pub struct Address {
    servers: Arc<Vec<Config>>,
    /// The server that answered last.
    good: Arc<AtomicUsize>,
    pub(super) tls: MakeRustlsConnect,
    pub(super) statement_timeout: Duration,
}

impl Address {
    /// An address for whoever only asks: of several servers the first that answers will do.
    pub fn new(url: &str, statement_timeout: Duration) -> Result<Address, Error> {
        let mut config: Config = url.parse().map_err(Error::Url)?;
        if config.get_application_name().is_none() {
            config.application_name("dialerd");
        }
        config
            .connect_timeout(statement_timeout)
            .tcp_user_timeout(statement_timeout)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES);
        let servers = Arc::new(one_by_one(&config));
        Ok(Address { servers, good: Arc::default(), tls: tls(), statement_timeout })
    }

    /// The same for a dispatcher: only a server that accepts writes will do, and not a standby.
    pub fn for_writing(url: &str, statement_timeout: Duration) -> Result<Address, Error> {
        let mut address = Address::new(url, statement_timeout)?;
        for server in Arc::make_mut(&mut address.servers) {
            server.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        Ok(address)
    }

    /// A connection and what drives it; the driver ends with the connection.
    pub async fn connect(&self, hear: Option<Hear>) -> Result<(Client, JoinHandle<()>), Error> {
        let first = self.good.load(Ordering::Relaxed);
        let mut refused = Error::TimedOut("connect");
        for offset in 0..self.servers.len() {
            let place = (first + offset) % self.servers.len();
            let Some(server) = self.servers.get(place) else { break };
            let connecting = server.connect(self.tls.clone());
            refused = match tokio::time::timeout(self.statement_timeout, connecting).await {
                Ok(Ok((client, connection))) => {
                    self.good.store(place, Ordering::Relaxed);
                    return Ok((client, tokio::spawn(drive(connection, hear))));
                }
                Ok(Err(error)) => Error::Connect(error),
                Err(_) => Error::TimedOut("connect"),
            };
        }
        Err(refused)
    }
}

async fn drive<S, T>(mut connection: tokio_postgres::Connection<S, T>, hear: Option<Hear>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    // Ends with the connection.
    while let Some(Ok(message)) =
        futures_util::future::poll_fn(|context| connection.poll_message(context)).await
    {
        if let (AsyncMessage::Notification(notification), Some(hear)) = (&message, &hear) {
            hear(notification);
        }
    }
}

/// A configuration for each server that one names.
fn one_by_one(config: &Config) -> Vec<Config> {
    let count = config.get_hosts().len().max(config.get_hostaddrs().len());
    if count < 2 {
        return vec![config.clone()];
    }
    (0..count).map(|place| single(config, place)).collect()
}

fn single(config: &Config, place: usize) -> Config {
    let mut one = Config::new();
    match config.get_hosts().get(place) {
        Some(tokio_postgres::config::Host::Tcp(host)) => {
            one.host(host);
        }
        Some(tokio_postgres::config::Host::Unix(path)) => {
            one.host_path(path);
        }
        None => (),
    }
    if let Some(address) = config.get_hostaddrs().get(place) {
        one.hostaddr(*address);
    }
    let ports = config.get_ports();
    if let Some(port) = ports.get(place).or(ports.first()) {
        one.port(*port);
    }
    if let Some(user) = config.get_user() {
        one.user(user);
    }
    if let Some(password) = config.get_password() {
        one.password(password);
    }
    if let Some(database) = config.get_dbname() {
        one.dbname(database);
    }
    if let Some(options) = config.get_options() {
        one.options(options);
    }
    if let Some(name) = config.get_application_name() {
        one.application_name(name);
    }
    one.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .channel_binding(config.get_channel_binding())
        .target_session_attrs(config.get_target_session_attrs())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .keepalives_retries(KEEPALIVE_RETRIES)
        .keepalives_interval(KEEPALIVE_INTERVAL);
    if let Some(timeout) = config.get_connect_timeout() {
        one.connect_timeout(*timeout).tcp_user_timeout(*timeout);
    }
    one
}

/// TLS with the machine's certificates (or those of SSL_CERT_FILE); used where the URL asks for it.
fn tls() -> MakeRustlsConnect {
    MakeRustlsConnect::with_native_certs().map_or_else(
        // Without any, plain connections still work and TLS says whom it does not trust.
        |_| {
            let none = rustls::RootCertStore::empty();
            let config = rustls::ClientConfig::builder().with_root_certificates(none);
            MakeRustlsConnect::new(config.with_no_client_auth())
        },
        |(tls, _)| tls,
    )
}

#[cfg(test)]
mod tests;
