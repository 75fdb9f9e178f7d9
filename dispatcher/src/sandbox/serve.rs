//! The sandbox's HTTP server: routes, keys, and the closing of connections without an answer.

use super::{Sandbox, bland, control, elevenlabs, email, retell, telnyx, twilio, vapi};
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{get, post};
use base64::Engine;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// LIMIT: bytes of a request.
const BODY_MAX: usize = 1_000_000;

pub fn router(sandbox: Arc<Sandbox>) -> Router {
    Router::new()
        .route("/call", post(vapi::place).get(vapi::list))
        .route("/call/{id}", get(vapi::get).delete(vapi::delete))
        .route("/control/{id}", post(vapi::control))
        .route("/v1/calls", post(bland::place).get(bland::list))
        .route("/v1/calls/{id}", get(bland::get))
        .route("/v1/calls/{id}/stop", post(bland::stop))
        .route("/Accounts/{account}", get(twilio::account))
        .route("/Accounts/{account}/Calls.json", post(twilio::place).get(twilio::list))
        .route("/Accounts/{account}/Calls/{call}", get(twilio::get).post(twilio::change))
        .route("/Accounts/{account}/Calls/{call}/{part}", get(twilio::part))
        .route("/v2/create-phone-call", post(retell::place))
        .route("/v2/get-call/{id}", get(retell::get))
        .route("/v2/stop-call/{id}", post(retell::stop))
        .route("/v3/list-calls", post(retell::list))
        .route("/get-concurrency", get(retell::concurrency))
        .route("/v2/calls", post(telnyx::place))
        .route("/v2/calls/{id}", get(telnyx::get))
        .route("/v2/calls/{id}/actions/hangup", post(telnyx::hang_up))
        .route("/v2/call_events", get(telnyx::events))
        .route("/v2/connections/{id}/active_calls", get(telnyx::active))
        .route("/v1/convai/twilio/outbound-call", post(elevenlabs::place))
        .route("/v1/convai/sip-trunk/outbound-call", post(elevenlabs::place))
        .route("/v1/convai/conversations", get(elevenlabs::list))
        .route("/v1/convai/conversations/{id}", get(elevenlabs::get))
        .route("/emails", post(email::send))
        .route("/sandbox/log", get(control::log))
        .route("/sandbox/summary", get(control::summary))
        .route("/sandbox/faults", get(control::faults).post(control::change_faults))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(sandbox)
}

/// Serves until `stop`; what is being answered then is cut off.
pub async fn serve(listener: TcpListener, router: Router, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) => {
                tokio::spawn(connection(stream, router.clone()));
            }
            Err(error) => {
                // Out of file descriptors, usually: others will be given back.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
        }
    }
}

async fn connection(stream: TcpStream, router: Router) {
    drop(stream.set_nodelay(true));
    let service = service_fn(move |request: Request<Incoming>| answer(router.clone(), request));
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "connection ended");
    }
}

async fn answer(router: Router, request: Request<Incoming>) -> io::Result<Response> {
    let answered = router.oneshot(request.map(Body::new)).await;
    let response = answered.unwrap_or_else(|never| match never {});
    match response.extensions().get::<CloseConnection>() {
        Some(_) => Err(io::ErrorKind::ConnectionAborted.into()),
        None => Ok(response),
    }
}

/// Marks a response that is never written: the connection is closed instead.
#[derive(Debug, Clone)]
pub struct CloseConnection;

impl CloseConnection {
    pub fn response() -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(CloseConnection);
        response
    }
}

/// The organisation that a request's key belongs to; `None` when the key is wrong.
pub fn org_of(sandbox: &Sandbox, headers: &HeaderMap) -> Option<String> {
    let keys = &sandbox.options.api_key;
    let find = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let shown = find("authorization").or_else(|| find("xi-api-key")).unwrap_or("");
    let shown = match shown.split_once(' ') {
        Some(("Bearer", key)) => key.to_owned(),
        Some(("Basic", pair)) => password(pair)?,
        _ => shown.to_owned(),
    };
    if keys.is_empty() {
        return Some("org-0".to_owned());
    }
    keys.iter().position(|key| *key == shown).map(|place| format!("org-{}", place + 1))
}

/// The second half of a user and password.
fn password(pair: &str) -> Option<String> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(pair).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    text.split_once(':').map(|(_, password)| password.to_owned())
}
