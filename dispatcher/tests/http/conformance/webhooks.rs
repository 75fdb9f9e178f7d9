//! Webhooks: believed only when every bit is the vendor's, and never a reason to fall over.

use super::{SampleHook, Vendor, all};
use axum::http::{HeaderMap, Method};
use dialerd::provider::{HookRequest, HookTrust, Kind, Secret, VerifyError};
use serde_json::json;

const PUBLIC_URL: &str = "https://dialer.example";

/// A webhook that can be tampered with.
struct Hook {
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Hook {
    fn of(sample: &SampleHook) -> Hook {
        let mut headers = HeaderMap::new();
        for (name, value) in &sample.headers {
            headers.insert(*name, value.parse().expect("a header"));
        }
        let url = format!("{PUBLIC_URL}{}", sample.path);
        Hook { url, headers, body: sample.body.clone() }
    }

    fn request(&self) -> HookRequest<'_> {
        let (method, url) = (&Method::POST, self.url.as_str());
        HookRequest { method, url, headers: &self.headers, body: &self.body, attempt_id: None }
    }

    fn verify(&self, vendor: &Vendor, secret: &str, at: &str) -> Result<(), VerifyError> {
        let secret = &Secret::new(secret.to_owned());
        let trust = HookTrust { secret, settings: &vendor.settings };
        vendor.adapter().verify(&trust, self.request(), at.parse().expect("an instant"))
    }
}

fn samples() -> Vec<(Vendor, SampleHook, &'static str)> {
    let taken = |mut vendor: Vendor| {
        let (hook, outcome) = vendor.hook.take()?;
        Some((vendor, hook, outcome))
    };
    all().into_iter().filter_map(taken).collect()
}

// D8
#[test]
fn a_true_webhook_is_believed_and_understood() {
    for (vendor, sample, outcome) in samples() {
        let hook = Hook::of(&sample);
        assert_eq!(
            hook.verify(&vendor, vendor.hook_secret, sample.at),
            Ok(()),
            "{}",
            vendor.provider
        );
        let events = vendor.adapter().parse_event(&vendor.settings, hook.request());
        let events = events.expect("understood");
        assert_eq!(events.len(), 1, "{}", vendor.provider);
        assert_eq!((events[0].kind, events[0].outcome), (Kind::Ended, Some(outcome)));
        assert_eq!(events[0].provider_call_id.as_deref(), Some(vendor.id), "{}", vendor.provider);
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_body_is_refused() {
    for (vendor, sample, _) in samples() {
        for at in 0..sample.body.len() {
            let mut hook = Hook::of(&sample);
            hook.body[at] ^= 1;
            let verified = hook.verify(&vendor, vendor.hook_secret, sample.at);
            assert!(verified.is_err(), "{}: bit of byte {at}", vendor.provider);
        }
    }
}

#[test]
fn a_flipped_bit_anywhere_in_the_signature_is_refused() {
    for (vendor, sample, _) in samples() {
        for (name, value) in &sample.headers {
            // What a body is called is not signed by all.
            if *name == "content-type" {
                continue;
            }
            for at in 0..value.len() {
                let mut bytes = value.clone().into_bytes();
                bytes[at] ^= 1;
                let Ok(changed) = axum::http::HeaderValue::from_bytes(&bytes) else { continue };
                let mut hook = Hook::of(&sample);
                hook.headers.insert(*name, changed);
                let verified = hook.verify(&vendor, vendor.hook_secret, sample.at);
                assert!(verified.is_err(), "{}: {name}, bit of byte {at}", vendor.provider);
            }
        }
    }
}

#[test]
fn another_key_no_key_and_no_signature_are_refused() {
    for (vendor, sample, _) in samples() {
        let mut hook = Hook::of(&sample);
        for secret in ["another-key", "", "d2hzZWNfYW5vdGhlcg=="] {
            let verified = hook.verify(&vendor, secret, sample.at);
            assert!(verified.is_err(), "{}: {secret:?}", vendor.provider);
        }
        hook.headers.clear();
        let verified = hook.verify(&vendor, vendor.hook_secret, sample.at);
        assert!(verified.is_err(), "{}: {verified:?}", vendor.provider);
    }
}

#[test]
fn a_body_that_is_no_webhook_is_survived() {
    for vendor in all() {
        let mut bodies: Vec<Vec<u8>> =
            ["", "{", "[]", "7", "null", "nonsense", "a=b&c", "%ff%00=%", "\u{0}"]
                .map(Into::into)
                .to_vec();
        bodies.push(vec![0xff; 100]);
        bodies.push(
            json!({"message": 7, "call": [], "data": {"payload": 7}, "type": {}})
                .to_string()
                .into(),
        );
        for body in bodies {
            for kind in ["application/json", "application/x-www-form-urlencoded"] {
                let mut headers = HeaderMap::new();
                headers.insert("content-type", kind.parse().expect("a header"));
                let hook =
                    Hook { url: format!("{PUBLIC_URL}/hooks/x/7"), headers, body: body.clone() };
                if let Ok(events) = vendor.adapter().parse_event(&vendor.settings, hook.request()) {
                    let ends = events.iter().filter(|event| event.kind == Kind::Ended).count();
                    assert_eq!(ends, 0, "{}: {body:?}", vendor.provider);
                }
            }
        }
    }
}
