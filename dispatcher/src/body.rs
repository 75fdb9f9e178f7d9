//! Bodies of requests that come in: whole, bounded, and in time.

use axum::body::Body;
use futures_util::StreamExt;
use std::time::Duration;

/// LIMIT: how long a body may take to come.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// LIMIT: bytes of a body that is too long anyway and read only so that its sender hears so.
const DISCARDED_MAX: usize = 32_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    BrokenOff,
    TooLong,
}

/// The whole body, if it comes in time and is not too long.
pub async fn whole(body: Body, bytes_max: usize) -> Result<Vec<u8>, Unread> {
    let mut stream = body.into_data_stream();
    let (mut bytes, mut count) = (Vec::new(), 0);
    let reading = async {
        while let Some(part) = stream.next().await {
            let part = part.map_err(|_| Unread::BrokenOff)?;
            count += part.len();
            match count {
                count if count <= bytes_max => bytes.extend_from_slice(&part),
                // Whoever is still sending does not listen: an answer now would not be heard.
                count if count <= DISCARDED_MAX => bytes = Vec::new(),
                _ => return Err(Unread::TooLong),
            }
        }
        if count > bytes_max { Err(Unread::TooLong) } else { Ok(()) }
    };
    tokio::time::timeout(PATIENCE, reading).await.map_err(|_| Unread::BrokenOff)??;
    Ok(bytes)
}
