//! Webhooks out: signed, over kept-alive connections, a bounded number at a time.
//!
//! The deliveries of one call keep their order, unless a fault says otherwise.
//! Nothing is sent a second time after a failure: the provider that is imitated does not either.

use super::chance::Dice;
use super::clock::SimClock;
use super::faults::Faults;
use super::options::HookAuth;
use super::shape::Message;
use crate::clock::wall;
use base64::Engine;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::Ed25519KeyPair;
use sha1::Sha1;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// LIMIT: a receiver that does not answer within this time has lost the delivery.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);

/// One delivery.
#[derive(Debug, Clone)]
pub struct Hook {
    pub url: String,
    pub message: Message,
}

/// How a receiver can tell that a delivery is ours.
#[derive(Debug, Clone)]
pub enum Signer {
    None,
    /// The bare secret in a header.
    Secret(String),
    /// HMAC-SHA256 over `{timestamp}.{body}`, in hexadecimal.
    Hmac(String),
    /// HMAC-SHA256 over the body, in hexadecimal.
    Body(String),
    /// HMAC-SHA1 over the address and the sorted fields of the form, in base64.
    Form(String),
    /// As Svix signs: HMAC-SHA256 over `{id}.{timestamp}.{body}`, in base64.
    Svix(String),
    /// As Retell signs: HMAC-SHA256 over body and milliseconds.
    Retell(String),
    /// As ElevenLabs signs: HMAC-SHA256 over `{timestamp}.{body}`.
    ElevenLabs(String),
    /// As Telnyx signs: Ed25519 over `{timestamp}|{body}`.
    Ed25519(Arc<Ed25519KeyPair>),
}

impl Signer {
    pub fn new(auth: HookAuth, secret: Option<&str>) -> Signer {
        match (auth, secret) {
            (HookAuth::Secret, Some(secret)) => Signer::Secret(secret.to_owned()),
            (HookAuth::Hmac, Some(secret)) => Signer::Hmac(secret.to_owned()),
            _ => Signer::None,
        }
    }

    pub fn headers(
        &self,
        url: &str,
        id: &str,
        timestamp: i64,
        body: &[u8],
    ) -> Vec<(&'static str, String)> {
        match self {
            Signer::None => Vec::new(),
            Signer::Secret(secret) => vec![("x-vapi-secret", secret.clone())],
            Signer::Hmac(secret) => {
                let prefix = format!("{timestamp}.");
                let digest = hmac_sha256(secret.as_bytes(), &[prefix.as_bytes(), body]);
                vec![("x-timestamp", timestamp.to_string()), ("x-signature", hex(&digest))]
            }
            Signer::Body(secret) => {
                let digest = hmac_sha256(secret.as_bytes(), &[body]);
                vec![("x-webhook-signature", hex(&digest))]
            }
            Signer::Form(secret) => {
                vec![("x-twilio-signature", form_signature(secret, url, body))]
            }
            Signer::Retell(secret) => {
                let stamp = (timestamp * 1000).to_string();
                let digest = hmac_sha256(secret.as_bytes(), &[body, stamp.as_bytes()]);
                vec![("x-retell-signature", format!("v={stamp},d={}", hex(&digest)))]
            }
            Signer::ElevenLabs(secret) => {
                let prefix = format!("{timestamp}.");
                let digest = hmac_sha256(secret.as_bytes(), &[prefix.as_bytes(), body]);
                vec![("elevenlabs-signature", format!("t={timestamp},v0={}", hex(&digest)))]
            }
            Signer::Ed25519(pair) => {
                let message = [format!("{timestamp}|").as_bytes(), body].concat();
                let engine = base64::engine::general_purpose::STANDARD;
                vec![
                    ("telnyx-timestamp", timestamp.to_string()),
                    ("telnyx-signature-ed25519", engine.encode(pair.sign(&message))),
                ]
            }
            Signer::Svix(secret) => {
                let engine = base64::engine::general_purpose::STANDARD;
                let key = secret.strip_prefix("whsec_").unwrap_or(secret);
                let key = engine.decode(key).unwrap_or_else(|_| key.as_bytes().to_vec());
                let prefix = format!("{id}.{timestamp}.");
                let digest = hmac_sha256(&key, &[prefix.as_bytes(), body]);
                vec![
                    ("svix-id", id.to_owned()),
                    ("svix-timestamp", timestamp.to_string()),
                    ("svix-signature", format!("v1,{}", engine.encode(digest))),
                ]
            }
        }
    }
}

/// The address as it was given, without its fragment, then each field's name and value.
fn form_signature(secret: &str, url: &str, body: &[u8]) -> String {
    let mut fields: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
    fields.sort();
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(url.split('#').next().unwrap_or(url).as_bytes());
    for (name, value) in fields {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[derive(Debug)]
pub struct Outbox {
    client: reqwest::Client,
    permits: Semaphore,
    clock: SimClock,
    tally: Mutex<BTreeMap<String, u64>>,
}

impl Outbox {
    pub fn new(at_once: usize, clock: SimClock) -> Result<Outbox, reqwest::Error> {
        let client = reqwest::Client::builder()
            .timeout(DELIVERY_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .pool_max_idle_per_host(at_once)
            .tcp_nodelay(true)
            .build()?;
        let permits = Semaphore::new(at_once);
        Ok(Outbox { client, permits, clock, tally: Mutex::default() })
    }

    /// How many deliveries had which result.
    pub fn tally(&self) -> BTreeMap<String, u64> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self, result: &str) {
        let mut tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        *tally.entry(result.to_owned()).or_default() += 1;
    }

    /// Sends one delivery and notes what came of it.
    pub async fn deliver(&self, hook: &Hook, signer: &Signer) {
        // A closed semaphore is impossible: nobody closes it.
        let Ok(_permit) = self.permits.acquire().await else { return };
        let Message { body, content_type, .. } = hook.message.clone();
        let id = format!("msg_{}", uuid::Uuid::new_v4().simple());
        let mut request = self.client.post(&hook.url).header("content-type", content_type);
        for (name, value) in signer.headers(&hook.url, &id, wall().timestamp(), &body) {
            request = request.header(name, value);
        }
        match request.body(body).send().await {
            Ok(answer) => {
                let status = answer.status();
                self.count(&format!("{} {}", hook.message.label, status.as_u16()));
                // The connection is kept only if the answer has been read.
                drop(answer.bytes().await);
            }
            Err(error) => {
                self.count(&format!("{} failed", hook.message.label));
                tracing::debug!(label = hook.message.label, %error, "webhook not delivered");
            }
        }
    }

    /// Opens a lane of deliveries that keep their order; it ends when the sender is dropped.
    pub fn lane(
        self: &Arc<Self>,
        signer: Signer,
        faults: Faults,
        fate: Fate,
    ) -> mpsc::Sender<Hook> {
        // LIMIT: a call has four deliveries.
        let (sender, receiver) = mpsc::channel(8);
        tokio::spawn(Arc::clone(self).run_lane(receiver, signer, faults, fate));
        sender
    }

    async fn run_lane(
        self: Arc<Self>,
        mut receiver: mpsc::Receiver<Hook>,
        signer: Signer,
        faults: Faults,
        fate: Fate,
    ) {
        let overtaken = fate.dice().happens("out_of_order", faults.out_of_order);
        let mut held = Vec::new();
        while let Some(hook) = receiver.recv().await {
            if overtaken && !hook.message.is_final {
                held.push(hook);
                continue;
            }
            self.meet_fate(hook, &signer, &faults, &fate).await;
        }
        for hook in held {
            self.meet_fate(hook, &signer, &faults, &fate).await;
        }
    }

    async fn meet_fate(
        self: &Arc<Self>,
        hook: Hook,
        signer: &Signer,
        faults: &Faults,
        fate: &Fate,
    ) {
        let dice = fate.dice();
        let salt = |fault: &str| format!("{fault}:{}", hook.message.label);
        if dice.happens(&salt("lost"), faults.lost_webhook) {
            return self.count(&format!("{} lost", hook.message.label));
        }
        if dice.happens(&salt("late"), faults.late_webhook) {
            self.count(&format!("{} late", hook.message.label));
            let delay = self.clock.real(Duration::from_secs_f64(faults.late_seconds.max(0.0)));
            let (outbox, signer) = (Arc::clone(self), signer.clone());
            tokio::spawn(async move {
                tokio::time::sleep(delay).await;
                outbox.deliver(&hook, &signer).await;
            });
            return;
        }
        self.deliver(&hook, signer).await;
        if dice.happens(&salt("doubled"), faults.doubled_webhook) {
            self.count(&format!("{} doubled", hook.message.label));
            self.deliver(&hook, signer).await;
        }
    }
}

/// What decides the faults of one call's webhooks.
#[derive(Debug, Clone)]
pub struct Fate {
    pub seed: u64,
    pub number: String,
    pub nth: u32,
}

impl Fate {
    pub fn dice(&self) -> Dice<'_> {
        Dice { seed: self.seed, number: &self.number, nth: self.nth }
    }
}

#[cfg(test)]
mod tests;
