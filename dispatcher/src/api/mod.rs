//! The REST API: what programs ask and do over HTTP, with a key, for the key's tenant.
//!
//! A request is one transaction: it shows its key, takes the role that it needs, calls functions of
//! schema `dialer`, and commits. Nothing is decided here and nothing is kept that a restart would
//! miss but how fast a key asks. The API describes itself at `/openapi.json`.

mod answer;
mod bans;
mod batches;
mod bucket;
mod caller;
mod calls;
mod campaigns;
mod describe;
mod hang_up;
mod hours;
mod imports;
mod input;
mod overview;
mod page;
mod people;
mod queue;
mod refusal;
mod reports;
mod scheduling;
mod series;
mod watch;

use crate::clock::monotonic;
use crate::config::Config;
use crate::db::api::Pool;
use crate::db::{self, Address, Reach};
use answer::Refusal;
use axum::extract::{MatchedPath, Request};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use bucket::Buckets;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tower_http::cors::{AllowOrigin, CorsLayer};
use utoipa_axum::router::OpenApiRouter;

/// LIMIT: how long a request may take in all, and how long an uploaded list.
const REQUEST_PATIENCE: Duration = Duration::from_secs(60);
const UPLOAD_PATIENCE: Duration = Duration::from_secs(3600);
/// LIMIT: lists that are taken in at once, each with a connection of its own to the database.
const UPLOADS_MAX: usize = 4;
/// How long a browser may remember what a preflight has told.
const PREFLIGHT_HOLDS: Duration = Duration::from_secs(600);

type Router = OpenApiRouter<Arc<Api>>;

pub struct Api {
    pool: Pool,
    buckets: Buckets,
    /// How an import reaches the database, on a connection of its own.
    address: Address,
    uploads: Semaphore,
    body_bytes: usize,
    upload_bytes: u64,
    allow_origins: Vec<HeaderValue>,
    default_hours: String,
    default_timezone: String,
    /// For what a provider is asked at somebody's request.
    http: reqwest::Client,
}

impl Api {
    pub fn new(
        config: &Config,
        reach: Arc<Reach>,
        http: reqwest::Client,
    ) -> Result<Arc<Api>, db::Error> {
        let url = config.api.database_url.as_ref().unwrap_or(&config.database_url);
        let address = Address::for_writing(url, config.statement)?;
        Ok(Arc::new(Api {
            pool: Pool::new(address.clone(), reach, config.api.connections)?,
            buckets: Buckets::new(config.api.per_second as f64, monotonic()),
            address,
            uploads: Semaphore::new(UPLOADS_MAX),
            body_bytes: config.body_bytes,
            upload_bytes: config.api.upload_bytes as u64,
            allow_origins: config.api.allow_origins.clone(),
            default_hours: config.api.default_hours.clone(),
            default_timezone: config.api.default_timezone.clone(),
            http,
        }))
    }

    /// Whether the database answers.
    pub async fn reachable(&self) -> bool {
        self.pool.reachable().await.is_ok()
    }
}

/// Everything below `/api`, and `/openapi.json`.
pub fn router(api: Arc<Api>) -> axum::Router {
    let (routes, description) = described();
    let document = describe::document(description);
    let origins = api.allow_origins.clone();
    let router = routes
        .merge(describe::router(document))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_that_way)
        .layer(middleware::from_fn(watched))
        .with_state(api);
    match origins.is_empty() {
        true => router,
        false => router.layer(cross_origin(origins)),
    }
}

/// Lets pages of these origins ask from a browser: with a key in a header, never with cookies.
fn cross_origin(origins: Vec<HeaderValue>) -> CorsLayer {
    let own = HeaderName::from_static;
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PATCH, Method::DELETE])
        .allow_headers([CONTENT_TYPE, AUTHORIZATION, own("x-api-key"), own("idempotency-key")])
        .expose_headers([RETRY_AFTER, own("idempotent-replayed")])
        .max_age(PREFLIGHT_HOLDS)
}

fn described() -> (axum::Router<Arc<Api>>, utoipa::openapi::OpenApi) {
    Router::with_openapi(describe::about())
        .merge(scheduling::router())
        .merge(campaigns::router())
        .merge(calls::router())
        .merge(hang_up::router())
        .merge(people::router())
        .merge(bans::router())
        .merge(batches::router())
        .merge(imports::router())
        .merge(series::router())
        .merge(queue::router())
        .merge(reports::router())
        .merge(overview::router())
        .merge(watch::router())
        .split_for_parts()
}

async fn nowhere() -> Refusal {
    Refusal::not_found("NOT_FOUND", "there is nothing at this address")
        .with_hint("GET /api lists what there is")
}

async fn not_that_way() -> Refusal {
    let message = "this address does not take this method";
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", message)
        .with_hint("GET /api lists what there is")
}

/// Counts a request by its route, never by its address, and gives up on one that takes too long.
async fn watched(request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let route = route.unwrap_or_else(|| "none".to_owned());
    let method = request.method().clone();
    let asked = monotonic();
    let patience = if route == imports::PATH { UPLOAD_PATIENCE } else { REQUEST_PATIENCE };
    let response = match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => refusal::busy("it took too long; it may have been done").into_response(),
    };
    let seconds = (monotonic() - asked).as_secs_f64();
    let status = response.status().as_str().to_owned();
    tracing::debug!(%method, route, status, seconds, "answered");
    metrics::histogram!("dialerd_api_seconds", "route" => route.clone()).record(seconds);
    metrics::counter!("dialerd_api_requests_total", "route" => route, "status" => status)
        .increment(1);
    response
}

#[cfg(test)]
mod tests;
