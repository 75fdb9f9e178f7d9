//! `dialerd run`: claims what is due, places it at its instant, and writes down what came of it.
//!
//! The way of one call: `claim` takes it from the database, `place` waits for its instant, commits
//! the intention and asks the provider, `write` records the answer, `inbox` what the provider
//! reports later, by webhook (`hooks`) or over a connection that we keep (`stream`). Every part may die at any instant; the database tells what was left.

mod alone;
mod claim;
mod fence;
mod follow;
mod health;
mod hooks;
mod inbox;
mod listen;
mod place;
mod reconcile;
mod serve;
mod shared;
mod stream;
mod upkeep;
mod write;

use crate::api::Api;
use crate::config::Config;
use crate::{api, console, db, provider};
pub use alone::serve_api;
use metrics_exporter_prometheus::PrometheusBuilder;
use shared::Shared;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
    #[error("the address {0} cannot be listened on")]
    Listen(std::net::SocketAddr, #[source] std::io::Error),
    #[error("the metrics cannot be set up")]
    Metrics(#[source] metrics_exporter_prometheus::BuildError),
}

/// Runs until `stop` is cancelled and everything in hand has been given back or written down.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), Error> {
    let metrics = install_metrics()?;
    let http = provider::client(config.connect, config.answer).map_err(Error::Client)?;
    let listen = |source| Error::Listen(config.listen, source);
    let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
    let address = listener.local_addr().map_err(listen)?;
    let (reports, report_queue) = mpsc::channel(config.in_hand + 1);
    let (events, event_queue) = mpsc::channel(inbox::QUEUE_MAX);
    let shared = Arc::new(Shared::new(config, address, http, reports, events, metrics)?);
    let (beside, apart) = api_doors(&shared).await?;
    tracing::info!(dispatcher = %shared.config.name, %address, "dispatcher starts");

    // Two stops: the first ends claiming and sending, the second what must outlive that.
    let last = CancellationToken::new();
    let around = TaskTracker::new();
    around.spawn(inbox::run(Arc::clone(&shared), event_queue, last.clone()));
    around.spawn(serve::serve(serve::router(Arc::clone(&shared), beside), listener, last.clone()));
    if let Some((listener, router)) = apart {
        around.spawn(serve::serve(router, listener, last.clone()));
    }
    around.spawn(listen::run(Arc::clone(&shared), last.clone()));
    around.spawn(stream::run(Arc::clone(&shared), last.clone()));
    around.spawn(upkeep::run(Arc::clone(&shared), last.clone()));
    around.spawn(upkeep::tick(Arc::clone(&shared), stop.clone()));
    around.spawn(reconcile::run(Arc::clone(&shared), stop.clone()));
    around.spawn(follow::run(Arc::clone(&shared), stop.clone()));
    let writer = tokio::spawn(write::run(Arc::clone(&shared), report_queue, last.clone()));
    dispatch(&shared, &stop).await;
    last.cancel();
    around.close();
    finish(&shared, writer, around).await;
    tracing::info!("dispatcher ends");
    Ok(())
}

/// The REST API beside the webhooks, or at an address of its own; with which routes.
async fn api_doors(
    shared: &Shared,
) -> Result<(Option<axum::Router>, Option<(TcpListener, axum::Router)>), Error> {
    if !shared.config.serve_api {
        return Ok((None, None));
    }
    // A database of its own may be away by itself.
    let reach = match shared.config.api.database_url {
        Some(_) => Arc::new(db::Reach::new(&shared.config.name)),
        None => shared.health.reach(),
    };
    let api = Api::new(&shared.config, reach, shared.http.clone())?;
    let router = with_console(api::router(api), &shared.config);
    match shared.config.api.listen {
        None => Ok((Some(router), None)),
        Some(address) => Ok((None, Some((listen_on(address).await?, router)))),
    }
}

/// The API, and at `/` the pages that ask it.
fn with_console(api: axum::Router, config: &Config) -> axum::Router {
    match config.serve_console {
        true => api.merge(console::router()),
        false => api,
    }
}

async fn listen_on(address: std::net::SocketAddr) -> Result<TcpListener, Error> {
    let listener =
        TcpListener::bind(address).await.map_err(|error| Error::Listen(address, error))?;
    let address = listener.local_addr().map_err(|error| Error::Listen(address, error))?;
    tracing::info!(%address, "the API listens");
    Ok(listener)
}

/// Claims and places until the stop, then until nothing is in hand or the time is over.
async fn dispatch(shared: &Arc<Shared>, stop: &CancellationToken) {
    if !shared.config.dispatch {
        stop.cancelled().await;
        shared.health.stopping();
        return;
    }
    let (claimed, claimed_queue) = mpsc::channel(shared.config.in_hand);
    let claimer = tokio::spawn(claim::run(Arc::clone(shared), claimed, stop.clone()));
    let placer = tokio::spawn(place::run(Arc::clone(shared), claimed_queue, stop.clone()));
    stop.cancelled().await;
    shared.health.stopping();
    tracing::info!(in_hand = shared.in_hand(), "dispatcher stops; what was sent is finished");
    let ended = async {
        drop(claimer.await);
        drop(placer.await);
        shared.nothing_in_hand().await;
    };
    if tokio::time::timeout(shared.config.shutdown, ended).await.is_err() {
        tracing::warn!(
            in_hand = shared.in_hand(),
            "stopped with calls in hand; they will be looked up"
        );
    }
}

/// The last writes; what cannot be written in time is evidence that others will look for.
async fn finish(shared: &Shared, writer: tokio::task::JoinHandle<()>, around: TaskTracker) {
    let ended = async {
        drop(writer.await);
        around.wait().await;
    };
    if tokio::time::timeout(shared.config.statement, ended).await.is_err() {
        tracing::warn!("some tasks did not end in time");
    }
}

fn install_metrics() -> Result<metrics_exporter_prometheus::PrometheusHandle, Error> {
    const SECONDS: [f64; 12] =
        [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0];
    let builder = PrometheusBuilder::new().set_buckets(&SECONDS).map_err(Error::Metrics)?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    // A second run in one process, as in a test, keeps the first recorder.
    drop(metrics::set_global_recorder(recorder));
    Ok(handle)
}
