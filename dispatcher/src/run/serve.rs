//! The dispatcher's HTTP: webhooks in, health and metrics out.

use super::hooks;
use super::shared::Shared;
use crate::clock::monotonic;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub fn router(shared: Arc<Shared>, beside: Option<Router>) -> Router {
    let own = Router::new()
        .route("/hooks/{provider}/{account}", post(hooks::receive))
        .route("/api/vapi/webhook", post(hooks::receive_vapi))
        .route("/live", get(live))
        .route("/ready", get(ready))
        .route("/metrics", get(metrics))
        .with_state(shared);
    match beside {
        Some(beside) => own.merge(beside),
        None => own,
    }
}

/// Serves until `stop`, and then what is being answered.
pub async fn serve(router: Router, listener: TcpListener, stop: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!(%error, "the HTTP server ended");
    }
}

pub async fn live() -> &'static str {
    "live\n"
}

async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let now = monotonic();
    let (ready, report) = shared.health.report(now, shared.streams.report(now));
    let status = match ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    (status, Json(report)).into_response()
}

async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let headers = [("content-type", "text/plain; version=0.0.4")];
    (headers, shared.metrics.render()).into_response()
}
