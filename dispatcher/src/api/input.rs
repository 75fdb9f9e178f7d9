//! What a request says, understood or refused with the place that is wrong.

use super::answer::Refusal;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use bytes::Bytes;
use futures_util::StreamExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;
use utoipa::ToSchema;

/// LIMIT: how long a body may take to come.
pub const BODY_PATIENCE: Duration = Duration::from_secs(20);

/// Nothing needs to be said; an empty body or `{}`.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// The whole body, if it comes in time and is not too long.
pub async fn whole(body: Body, bytes_max: usize) -> Result<Bytes, Refusal> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let reading = async {
        while let Some(part) = stream.next().await {
            bytes.extend_from_slice(&part.map_err(|_| broken_off())?);
            if bytes.len() > bytes_max {
                let message = format!("the body is longer than {bytes_max} bytes");
                let status = StatusCode::PAYLOAD_TOO_LARGE;
                return Err(Refusal::new(status, "PAYLOAD_TOO_LARGE", message));
            }
        }
        Ok(())
    };
    tokio::time::timeout(BODY_PATIENCE, reading).await.map_err(|_| broken_off())??;
    Ok(Bytes::from(bytes))
}

pub fn broken_off() -> Refusal {
    Refusal::new(StatusCode::REQUEST_TIMEOUT, "REQUEST_TIMEOUT", "the body did not come to its end")
}

/// A body as what it is to be; an empty one is an empty object.
pub fn understood<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader);
    let input = read.map_err(|error| {
        let place = error.path().to_string();
        let place = if place == "." { "the body".to_owned() } else { place };
        Refusal::invalid(format!("{place}: {}", error.inner()))
    })?;
    reader.end().map_err(|error| Refusal::invalid(format!("the body: {error}")))?;
    Ok(input)
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
            Refusal::invalid(format!("the query: {text}"))
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
