//! What a request says, understood or refused with the place that is wrong.

use super::answer::Refusal;
use crate::body::{self, Unread};
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::ToSchema;

/// Nothing needs to be said; an empty body or `{}`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The whole body, if it comes in time and is not too long.
pub async fn whole(body: Body, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    body::whole(body, bytes_max).await.map_err(|unread| match unread {
        Unread::BrokenOff => broken_off(),
        Unread::TooLong => too_long("the body", bytes_max as u64),
    })
}

pub fn too_long(what: &str, bytes_max: u64) -> Refusal {
    let message = format!("{what} is longer than {bytes_max} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "PAYLOAD_TOO_LARGE", message)
}

pub fn broken_off() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", "the body did not come to its end")
}

/// A body as what it is to be; an empty one is an empty object.
pub fn understood<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    // A list would be taken for the members of the object, in their order.
    if body.trim_ascii_start().starts_with(b"[") {
        return Err(Refusal::invalid("the body: an object is expected, not a list"));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader);
    let input = read.map_err(|error| {
        let place = error.path().to_string();
        let place =
            if [".", "?"].contains(&place.as_str()) { "the body".to_owned() } else { place };
        not_understood(&place, &error.inner().to_string())
    })?;
    reader.end().map_err(|error| Refusal::invalid(format!("the body: {error}")))?;
    Ok(input)
}

/// What chrono says of an instant that is none; it does not say what one is.
const NO_INSTANT: [&str; 6] = [
    "premature end of input",
    "input contains invalid characters",
    "trailing input",
    "input is out of range",
    "no possible date and time matching input",
    "input is not enough for unique date and time",
];

fn not_understood(place: &str, why: &str) -> Refusal {
    let refusal = Refusal::invalid(format!("{place}: {why}"));
    if NO_INSTANT.iter().any(|said| why.contains(said)) {
        return refusal.with_hint(
            "an instant has its offset, such as 2026-12-07T15:00:00Z or 2026-12-07T10:00:00-05:00 \
             (in a query + is written %2B); a wall-clock time such as startLocal has none; a date is \
             such as 2026-12-07",
        );
    }
    refusal
}

/// The part behind the question mark.
pub struct Asked<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Asked<T>, Refusal> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let Query(query) = query.map_err(|refused| {
            let text = refused.body_text();
            let text = text.trim_start_matches("Failed to deserialize query string: ");
            not_understood("the query", text)
        })?;
        Ok(Asked(query))
    }
}

/// The parts of the path.
pub struct At<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<At<T>, Refusal> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        let Path(path) =
            path.map_err(|refused| Refusal::invalid(format!("the path: {}", refused.body_text())))?;
        Ok(At(path))
    }
}
