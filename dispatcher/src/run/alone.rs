//! `dialerd api`: the REST API without dispatching, for where it is to be scaled or placed apart.

use super::{Error, install_metrics, listen_on, serve, with_console};
use crate::api::{self, Api};
use crate::config::Config;
use crate::db::Reach;
use crate::provider;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often the metrics are tidied.
const UPKEEP: Duration = Duration::from_secs(5);

/// Serves until `stop`, and then what is being answered.
pub async fn serve_api(config: Config, stop: CancellationToken) -> Result<(), Error> {
    let metrics = install_metrics()?;
    let listener = listen_on(config.api.listen.unwrap_or(config.listen)).await?;
    let http = provider::client(config.connect, config.answer).map_err(Error::Client)?;
    let api = Api::new(&config, Arc::new(Reach::new(&config.name)), http)?;
    let (asked, told) = (Arc::clone(&api), metrics.clone());
    let ready = move || {
        let api = Arc::clone(&asked);
        async move {
            if api.reachable().await { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
        }
    };
    let render = move || {
        let text = told.render();
        async move { ([("content-type", "text/plain; version=0.0.4")], text) }
    };
    let router = Router::new()
        .route("/live", get(serve::live))
        .route("/ready", get(ready))
        .route("/metrics", get(render))
        .merge(with_console(api::router(api), &config));
    let serving = tokio::spawn(serve::serve(router, listener, stop.clone()));
    while !stop.is_cancelled() {
        metrics.run_upkeep();
        tokio::select! {
            () = tokio::time::sleep(UPKEEP) => (),
            () = stop.cancelled() => (),
        }
    }
    if tokio::time::timeout(config.shutdown, serving).await.is_err() {
        tracing::warn!("stopped with requests that were being answered");
    }
    Ok(())
}
