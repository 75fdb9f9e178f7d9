//! The dispatcher's HTTP: webhooks in, health and metrics out; and how connections are served.

use super::hooks;
use super::shared::Shared;
use crate::clock::monotonic;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// LIMIT: how long the head of a request may take to come, and a connection rest between two. More
/// than the 60 seconds of usual proxies, so that they never send into one that is being closed.
const HEAD_PATIENCE: Duration = Duration::from_secs(75);
/// LIMIT: connections that are open at once; others wait to be accepted. A process may usually open
/// 1024 files, and calling needs some as well.
const CONNECTIONS_MAX: usize = 800;
/// How long nothing is accepted after that went wrong.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
    serve_within(HEAD_PATIENCE, router, listener, stop).await;
}

async fn serve_within(
    patience: Duration,
    router: Router,
    listener: TcpListener,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let open = TaskTracker::new();
    // Ends with the stop.
    while let Some(accepted) = stop.run_until_cancelled(next_connection(&listener, &room)).await {
        open.spawn(connection(accepted, patience, router.clone(), stop.clone()));
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// A connection and its place among those that are open.
type Accepted = (TcpStream, Option<OwnedSemaphorePermit>);

async fn next_connection(listener: &TcpListener, room: &Arc<Semaphore>) -> Accepted {
    let place = Arc::clone(room).acquire_owned().await.ok();
    // Ends with the next connection.
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return (stream, place),
            Err(error) => {
                // Out of file descriptors, usually: others will be given back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(
    (stream, _place): Accepted,
    patience: Duration,
    router: Router,
    stop: CancellationToken,
) {
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: Request<Incoming>| {
        router.clone().oneshot(request.map(Body::new))
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(patience);
    let mut served = std::pin::pin!(http.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = stop.cancelled() => {
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
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

#[cfg(test)]
mod tests;
