//! The API's description of itself: OpenAPI 3.1, made from the handlers and their types.
//!
//! What every request has in common (keys, refusals, the idempotency key) is added here once.

use super::Api;
use super::answer::{Answer, Failure};
use axum::Json;
use axum::routing::get;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa::{OpenApi, ToSchema};

/// Why a request may be refused, whichever it is; those with a body may be too long.
const REFUSALS: [(u16, &str); 9] = [
    (
        400,
        "something is not as it has to be: VALIDATION_ERROR, INVALID_TIMEZONE, INVALID_SCHEDULED_TIME",
    ),
    (401, "no API key, or one that is not known, expired or revoked: UNAUTHORIZED"),
    (403, "the key's scope does not allow it: FORBIDDEN"),
    (
        404,
        "there is no such thing in the key's tenant: SCHEDULED_CALL_NOT_FOUND, AGENT_NOT_FOUND, ...",
    ),
    (409, "its state does not allow it, or it is there already: INVALID_OPERATION, ALREADY_EXISTS"),
    (422, "the idempotency key belongs to another request: IDEMPOTENCY_KEY_REUSED"),
    (429, "too many requests with this key: RATE_LIMITED"),
    (500, "an error of the server: INTERNAL_ERROR"),
    (503, "the database is away or busy: DATABASE_UNAVAILABLE, BUSY"),
];
const REFUSALS_OF_BODIES: [(u16, &str); 2] = [
    (408, "the body did not come: REQUEST_TIMEOUT"),
    (413, "the body is too long: PAYLOAD_TOO_LARGE"),
];

#[derive(OpenApi)]
#[openapi(
    info(title = "pg_dialer", description = "Plans calls, and says what became of them."),
    components(schemas(Failure)),
    tags(
        (name = "scheduling", description = "a call for an agent at a time"),
        (name = "campaigns", description = "calls with one purpose"),
        (name = "calls", description = "planned outreach and its attempts"),
        (name = "people", description = "contacts, do-not-call, consent"),
        (name = "batches", description = "many cases at once, staggered"),
        (name = "imports", description = "lists as files"),
        (name = "series", description = "calls that come back"),
        (name = "queue", description = "pause, resume, and how it stands"),
        (name = "reports", description = "numbers with their definitions"),
    )
)]
struct About;

pub fn about() -> utoipa::openapi::OpenApi {
    About::openapi()
}

/// The document, with what all operations have in common.
pub fn document(described: utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(described).unwrap_or(Value::Null);
    document["components"]["securitySchemes"] = json!({
        "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    });
    document["security"] = json!([{"apiKey": []}, {"bearer": []}]);
    let paths = document["paths"].as_object_mut();
    for item in paths.into_iter().flat_map(Map::values_mut) {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            complete(method, operation);
        }
    }
    document
}

fn complete(method: &str, operation: &mut Value) {
    let has_body = operation.get("requestBody").is_some();
    if let Some(body) = operation.get_mut("requestBody") {
        body["required"] = json!(true);
    }
    let more: &[(u16, &str)] = if has_body { &REFUSALS_OF_BODIES } else { &[] };
    for (status, description) in REFUSALS.iter().chain(more) {
        let content =
            json!({"application/json": {"schema": {"$ref": "#/components/schemas/Failure"}}});
        operation["responses"][status.to_string()] =
            json!({"description": description, "content": content});
    }
    // A list is imported in steps of its own, and may be sent again as it is.
    let is_done_once = operation["requestBody"]["content"].get("application/json").is_some();
    if method == "post" && is_done_once {
        let parameter = json!({
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "the same key with the same request is done once, and answered the same for a day",
            "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
        });
        match operation["parameters"].as_array_mut() {
            Some(parameters) => parameters.push(parameter),
            None => operation["parameters"] = json!([parameter]),
        }
    }
}

/// What the API has, for a person who looks.
#[derive(Serialize, ToSchema)]
pub struct Index {
    name: &'static str,
    version: &'static str,
    openapi: &'static str,
    endpoints: Vec<Endpoint>,
}

#[derive(Serialize, ToSchema)]
pub struct Endpoint {
    method: String,
    path: String,
    summary: String,
}

fn index(document: &Value) -> Index {
    let mut endpoints = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            let summary = operation["summary"].as_str().unwrap_or_default().to_owned();
            endpoints.push(Endpoint { method: method.to_uppercase(), path: path.clone(), summary });
        }
    }
    Index {
        name: "pg_dialer",
        version: env!("CARGO_PKG_VERSION"),
        openapi: "/openapi.json",
        endpoints,
    }
}

/// The document and the index, for anybody: they tell nothing of anybody's calls.
pub fn router(document: Value) -> axum::Router<Arc<Api>> {
    let listed = serde_json::to_value(index(&document)).unwrap_or(Value::Null);
    let (document, listed) = (Arc::new(document), Arc::new(listed));
    let shown = move || {
        let document = Arc::clone(&document);
        async move { Json(Value::clone(&document)) }
    };
    let listing = move || {
        let data = Value::clone(&listed);
        async move { Answer::ok(data) }
    };
    axum::Router::new().route("/openapi.json", get(shown)).route("/api", get(listing))
}
