//! What the tests of several adapters share: a placement, a webhook, and signatures that lie.

use super::*;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::json;

mod spec;
pub use spec::Spec;

pub const ATTEMPT: &str = "0190a1b2-0000-7000-8000-000000000001";
pub const CALLBACK: &str =
    "http://127.0.0.1/hooks/x/1?attempt=0190a1b2-0000-7000-8000-000000000001";

pub fn placement(address: &str, variables: Value) -> Placement {
    Placement {
        attempt_id: ATTEMPT.parse().expect("a uuid"),
        address: address.to_owned(),
        variables,
        options: CallOptions::default(),
        callback_url: CALLBACK.to_owned(),
        gate: Gate::open(),
    }
}

/// A placement of a call with the options that settings state.
pub fn call_with(settings: &Value) -> Placement {
    let variables = json!({"name": "Ada", "count": 3});
    let options = CallOptions::read(settings, &variables).expect("sound options");
    Placement { options, ..placement("+13035550100", variables) }
}

pub fn headers(stated: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name: HeaderName = name.parse().expect("a name");
        (name, HeaderValue::from_str(value).expect("a value"))
    };
    stated.iter().map(pair).collect()
}

pub fn hook<'a>(headers: &'a HeaderMap, body: &'a [u8]) -> HookRequest<'a> {
    HookRequest { method: &Method::POST, url: CALLBACK, headers, body, attempt_id: None }
}

pub fn parsed(adapter: &dyn Adapter, body: &Value) -> Result<Vec<Event>, ParseError> {
    let body = body.to_string();
    adapter.parse_event(&Value::Null, hook(&HeaderMap::new(), body.as_bytes()))
}

pub fn answer(status: u16, body: Value) -> Answer {
    Answer { status, retry_after_seconds: None, body }
}

/// The class of a refusal; none where it may be ringing.
pub fn class(error: PlaceError) -> Option<RefusalClass> {
    match error {
        PlaceError::Refused(refusal) => Some(refusal.class),
        PlaceError::Unknown(_) => None,
        PlaceError::NotSent(reason) => panic!("an answer means that it was sent: {reason}"),
    }
}

/// What a refusal says of a setting.
pub fn reason<T: std::fmt::Debug>(refused: Result<T, PlaceError>) -> String {
    match refused {
        Err(PlaceError::Refused(refusal)) => {
            assert_eq!(refusal.class, RefusalClass::ConfigError);
            refusal.details["reason"].as_str().expect("a reason").to_owned()
        }
        other => panic!("not refused: {other:?}"),
    }
}

/// A webhook that is believed must not be believed any more when one bit of it is another:
/// of the body, of any header that is signed, of the secret.
pub fn every_bit_counts(
    adapter: &dyn Adapter,
    settings: &Value,
    secret: &str,
    stated: &[(&str, &str)],
    body: &[u8],
    now: DateTime<Utc>,
) {
    let believed = |secret: &str, stated: &[(&str, &str)], body: &[u8]| {
        let trust = HookTrust { secret: &Secret::new(secret.to_owned()), settings };
        adapter.verify(&trust, hook(&headers(stated), body), now)
    };
    assert_eq!(believed(secret, stated, body), Ok(()));
    for bit in 0..body.len() * 8 {
        let mut other = body.to_vec();
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(believed(secret, stated, &other).is_err(), "bit {bit} of the body");
    }
    for other in flipped(secret) {
        assert!(believed(&other, stated, body).is_err(), "the secret {other:?}");
    }
    for place in 0..stated.len() {
        for other in flipped(stated[place].1) {
            let mut stated = stated.to_vec();
            stated[place].1 = &other;
            assert!(believed(secret, &stated, body).is_err(), "{}: {other}", stated[place].0);
        }
        let mut fewer = stated.to_vec();
        fewer.remove(place);
        assert!(believed(secret, &fewer, body).is_err(), "without {}", stated[place].0);
    }
    assert!(believed("", stated, body).is_err(), "an empty secret");
}

/// A text with one bit of it another, where that is still a text that a header can carry. The case
/// of hexadecimal digits says nothing and is left as it is.
fn flipped(text: &str) -> Vec<String> {
    let digest = text.len().saturating_sub(64);
    let is_hex = text.len() >= 64 && text[digest..].bytes().all(|byte| byte.is_ascii_hexdigit());
    let flip = |bit: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        String::from_utf8(bytes).ok()
    };
    let sound = |other: &String| other.bytes().all(|byte| (32..127).contains(&byte));
    let differs = |other: &String| {
        !(is_hex && other[digest..] != text[digest..] && other.eq_ignore_ascii_case(text))
    };
    (0..text.len() * 8).filter_map(flip).filter(sound).filter(differs).collect()
}
