//! Whether a webhook is the vendor's: by the plan of the credential that signs, or by the secret.
//!
//! The vendor lets one choose how webhooks are signed; `settings.webhook_hmac` repeats that plan
//! with the vendor's own names. Without it the usual plan holds, and a bare secret in
//! `X-Vapi-Secret` or as a bearer token is believed as well: either way of proof needs the secret.

use crate::provider::signature::{
    Digest, fresh, header, same, timestamped_hmac, unbase64, unhex, verify as fits,
};
use crate::provider::{HookRequest, HookTrust, VerifyError};
use chrono::{DateTime, Utc};
use serde::Deserialize;

/// The plan of a credential, with the vendor's names and defaults.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Plan {
    algorithm: Digest,
    signature_header: String,
    signature_prefix: String,
    signature_encoding: Encoding,
    timestamp_header: String,
    include_timestamp: bool,
    message_id_header: String,
    payload_format: String,
    secret_is_base64: bool,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    Hex,
    Base64,
}

impl Default for Plan {
    fn default() -> Plan {
        Plan {
            algorithm: Digest::Sha256,
            signature_header: "x-signature".to_owned(),
            signature_prefix: String::new(),
            signature_encoding: Encoding::Hex,
            timestamp_header: "x-timestamp".to_owned(),
            include_timestamp: true,
            message_id_header: "svix-id".to_owned(),
            payload_format: "{timestamp}.{body}".to_owned(),
            secret_is_base64: false,
        }
    }
}

pub fn verify(
    trust: &HookTrust<'_>,
    request: HookRequest<'_>,
    now: DateTime<Utc>,
) -> Result<(), VerifyError> {
    let secret = trust.secret.text();
    let plan = &trust.settings["webhook_hmac"];
    if !plan.is_null() {
        let plan = Plan::deserialize(plan).map_err(|_| VerifyError::WrongSettings)?;
        return plan.verify(secret, request, now);
    }
    if let Some(shown) = header(request.headers, "x-vapi-secret") {
        return same(shown, secret);
    }
    if let Some(signature) = header(request.headers, "x-signature") {
        let timestamp = header(request.headers, "x-timestamp").ok_or(VerifyError::NotSigned)?;
        return timestamped_hmac(secret.as_bytes(), timestamp, request.body, signature, now);
    }
    if let Some(shown) = header(request.headers, "authorization") {
        return same(shown.strip_prefix("Bearer ").unwrap_or(shown), secret);
    }
    Err(VerifyError::NotSigned)
}

impl Plan {
    fn verify(
        &self,
        secret: &str,
        request: HookRequest<'_>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        let find = |name: &str| request.header(name).ok_or(VerifyError::NotSigned);
        let shown = find(&self.signature_header)?;
        let shown = shown.strip_prefix(&self.signature_prefix).ok_or(VerifyError::NotSigned)?;
        let timestamp = match self.include_timestamp {
            true => find(&self.timestamp_header)?,
            false => "",
        };
        if self.include_timestamp {
            fresh(timestamp, now)?;
        }
        let signature = match self.signature_encoding {
            Encoding::Hex => unhex(shown),
            Encoding::Base64 => unbase64(shown),
        };
        let key = match self.secret_is_base64 {
            true => unbase64(secret).ok_or(VerifyError::WrongSettings)?,
            false => secret.as_bytes().to_vec(),
        };
        let payload = self.payload(timestamp, request)?;
        let signature = signature.ok_or(VerifyError::WrongSignature)?;
        fits(self.algorithm, &key, &[&payload], &signature)
    }

    /// The bytes that are signed. A plan that leaves out the body would believe any body, and one
    /// that has a timestamp and does not sign it would believe any age.
    fn payload(&self, timestamp: &str, request: HookRequest<'_>) -> Result<Vec<u8>, VerifyError> {
        let signs = |name: &str| self.payload_format.contains(name);
        if !signs("{body}") || (self.include_timestamp && !signs("{timestamp}")) {
            return Err(VerifyError::WrongSettings);
        }
        let mut payload = Vec::with_capacity(request.body.len() + 100);
        let mut rest = self.payload_format.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').ok_or(VerifyError::WrongSettings)?;
            payload.extend_from_slice(before.as_bytes());
            match name {
                "timestamp" => payload.extend_from_slice(timestamp.as_bytes()),
                "body" => payload.extend_from_slice(request.body),
                "method" => payload.extend_from_slice(request.method.as_str().as_bytes()),
                "url" => payload.extend_from_slice(request.url.as_bytes()),
                "svix-id" => {
                    let id = request.header(&self.message_id_header);
                    payload.extend_from_slice(id.ok_or(VerifyError::NotSigned)?.as_bytes());
                }
                _ => return Err(VerifyError::WrongSettings),
            }
            rest = behind;
        }
        payload.extend_from_slice(rest.as_bytes());
        Ok(payload)
    }
}

#[cfg(test)]
mod tests;
