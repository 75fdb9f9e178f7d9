//! What the judge asks: the log, the summary, the clock, and the faults in force.

use super::Sandbox;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

type Shared = State<Arc<Sandbox>>;

/// `GET /sandbox/log`: the journal as JSON lines.
pub async fn log(State(sandbox): Shared) -> Response {
    let (text, forgotten) = sandbox.journal_text();
    let headers =
        [("content-type", "application/x-ndjson".into()), ("x-forgotten", forgotten.to_string())];
    (headers, text).into_response()
}

/// `GET /sandbox/summary`
pub async fn summary(State(sandbox): Shared) -> Json<Value> {
    let mut value = sandbox.with_ledger(|ledger| json!(ledger.summary()));
    value["at"] = json!(sandbox.clock.now());
    value["clock_rate"] = json!(sandbox.clock.rate());
    value["max_concurrent"] = json!(sandbox.options.max_concurrent);
    // Whoever verifies needs it; in the world it stands in the vendor's portal.
    value["ed25519_public_key"] = json!(sandbox.options.public_key());
    value["webhooks"] = json!(sandbox.outbox.tally());
    value["emails"] = sandbox.with_mailbox(
        |mail| json!({"sent": mail.sent, "repeated": mail.repeated, "outcomes": mail.outcomes}),
    );
    Json(value)
}

/// `GET /sandbox/faults`
pub async fn faults(State(sandbox): Shared) -> Json<Value> {
    Json(sandbox.with_faults(|book| json!(book)))
}

/// `POST /sandbox/faults`: an object with the members to change.
pub async fn change_faults(State(sandbox): Shared, Json(change): Json<Value>) -> Response {
    match sandbox.with_faults(|book| book.change(&change)) {
        Ok(()) => faults(State(sandbox)).await.into_response(),
        Err(error) => (StatusCode::BAD_REQUEST, Json(json!({ "error": error }))).into_response(),
    }
}
