//! Signatures of webhooks: compared in constant time, and fresh where they have a timestamp.

use super::VerifyError;
use axum::http::HeaderMap;
use base64::Engine;
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use subtle::ConstantTimeEq;

/// LIMIT: how far a timestamp may be from now; no provider states a window of its own.
pub const WINDOW_SECONDS: i64 = 300;

/// What a signature is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

pub fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Whether a text is the secret itself.
pub fn same(shown: &str, secret: &str) -> Result<(), VerifyError> {
    // An empty secret is none: it would let everybody in.
    let equal = !secret.is_empty() && bool::from(shown.as_bytes().ct_eq(secret.as_bytes()));
    equal.then_some(()).ok_or(VerifyError::WrongSignature)
}

/// HMAC-SHA256 over `{timestamp}.{body}`, in hexadecimal.
pub fn timestamped_hmac(
    key: &[u8],
    timestamp: &str,
    body: &[u8],
    signature: &str,
    now: DateTime<Utc>,
) -> Result<(), VerifyError> {
    fresh(timestamp, now)?;
    hex_hmac(key, &[timestamp.as_bytes(), b".", body], signature)
}

/// HMAC-SHA256 in hexadecimal.
pub fn hex_hmac(key: &[u8], parts: &[&[u8]], signature: &str) -> Result<(), VerifyError> {
    let expected = unhex(signature).ok_or(VerifyError::WrongSignature)?;
    verify(Digest::Sha256, key, parts, &expected)
}

/// As Svix signs: any of several signatures over `{id}.{timestamp}.{body}` may fit.
pub fn svix(
    secret: &str,
    headers: &HeaderMap,
    body: &[u8],
    now: DateTime<Utc>,
) -> Result<(), VerifyError> {
    let find = |name| header(headers, name).ok_or(VerifyError::NotSigned);
    let (id, timestamp) = (find("svix-id")?, find("svix-timestamp")?);
    let signatures = find("svix-signature")?;
    fresh(timestamp, now)?;
    let key = secret.strip_prefix("whsec_").unwrap_or(secret);
    let key = unbase64(key).unwrap_or_else(|| key.as_bytes().to_vec());
    let parts: [&[u8]; 5] = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
    let given = signatures.split(' ').filter_map(|part| part.strip_prefix("v1,"));
    let fits = given.filter_map(unbase64);
    fits.into_iter()
        .find_map(|signature| verify(Digest::Sha256, &key, &parts, &signature).ok())
        .ok_or(VerifyError::WrongSignature)
}

/// Whether a signature is the HMAC of the parts, one after the other.
pub fn verify(
    digest: Digest,
    key: &[u8],
    parts: &[&[u8]],
    signature: &[u8],
) -> Result<(), VerifyError> {
    if key.is_empty() {
        return Err(VerifyError::NoSecret);
    }
    match digest {
        Digest::Sha1 => fits(keyed::<Hmac<Sha1>>(key), parts, signature),
        Digest::Sha256 => fits(keyed::<Hmac<Sha256>>(key), parts, signature),
        Digest::Sha512 => fits(keyed::<Hmac<Sha512>>(key), parts, signature),
    }
}

fn keyed<M: KeyInit>(key: &[u8]) -> M {
    M::new_from_slice(key).expect("HMAC takes keys of any length")
}

fn fits(mut mac: impl Mac, parts: &[&[u8]], signature: &[u8]) -> Result<(), VerifyError> {
    for part in parts {
        mac.update(part);
    }
    mac.verify_slice(signature).map_err(|_| VerifyError::WrongSignature)
}

/// A timestamp in seconds or milliseconds; providers do not say which.
pub fn fresh(timestamp: &str, now: DateTime<Utc>) -> Result<(), VerifyError> {
    let stated: i64 = timestamp.trim().parse().map_err(|_| VerifyError::TooOld)?;
    let seconds = if stated > 100_000_000_000 { stated / 1000 } else { stated };
    fresh_within(seconds, now, WINDOW_SECONDS, WINDOW_SECONDS)
}

/// Whether an instant is not older and not farther ahead than so many seconds.
pub fn fresh_within(
    seconds: i64,
    now: DateTime<Utc>,
    old: i64,
    ahead: i64,
) -> Result<(), VerifyError> {
    let age = now.timestamp().saturating_sub(seconds);
    (-ahead..=old).contains(&age).then_some(()).ok_or(VerifyError::TooOld)
}

pub fn unbase64(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

pub fn unhex(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    let pair = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let whole = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    whole.then(|| (0..text.len()).step_by(2).map(pair).collect()).flatten()
}

#[cfg(test)]
mod tests;
