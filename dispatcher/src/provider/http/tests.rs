//! Tests of the adapter that a recipe makes, without a vendor: what it would send and believe.

use super::*;
use crate::provider::tests::{ATTEMPT, answer, call_with, class, every_bit_counts, headers, hook};
use crate::provider::{Kind, RefusalClass, Secret};

/// A vendor that wants a form, signs with a timestamp and lists by a tag.
pub fn settings() -> Value {
    serde_json::from_str(include_str!("example.json")).expect("JSON")
}

fn account() -> Account {
    let find = |name: &str| Ok(Secret::new(format!("value of {name}")));
    let base_url = Some("https://api.example.com/v1/".to_owned());
    Account::with_secrets(base_url, Some("KEY"), settings(), find).expect("an account")
}

#[test]
fn a_dry_run_shows_every_request_as_it_would_be_sent() {
    let told = dry_run(&account(), &call_with(&settings())).expect("sound");
    let names: Vec<&str> = told.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["place", "look_up.by_id", "look_up.by_attempt", "hang_up", "list", "check"]);
    // The first page has no cursor, and asks for none.
    let first = "GET https://api.example.com/v1/calls?from=2026-11-01T00%3A00%3A00.000Z\
        &until=2026-11-02T00%3A00%3A00.000Z\n";
    assert!(told[4].1.starts_with(first), "{}", told[4].1);
    let place = &told[0].1;
    let expected = "POST https://api.example.com/v1/calls\nAuthorization: Bearer value of KEY\n\
        Idempotency-Key: 0190a1b2-0000-7000-8000-000000000001\ncontent-type: application/json\n\n";
    let (head, body) = place.split_at(expected.len());
    assert_eq!(head, expected);
    let body: Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((&body["to"], &body["vars"]["count"]), (&json!("+13035550100"), &json!(3)));
    assert_eq!((&body["tag"], &body["greeting"]), (&json!(ATTEMPT), &json!("Hello Ada")));
    assert!(
        told[1].1.starts_with("GET https://api.example.com/v1/calls/the-vendor%27s-id\n"),
        "{}",
        told[1].1
    );
    assert!(
        told[2].1.starts_with(&format!("GET https://api.example.com/v1/calls?tag={ATTEMPT}\n")),
        "{}",
        told[2].1
    );
}

#[test]
fn a_path_needs_a_base_url() {
    let bare = Account { base_url: None, ..account() };
    let told = dry_run(&bare, &call_with(&settings())).expect_err("no base");
    assert!(told.contains("\"/calls\" is a path, but the account has no base_url"), "{told}");
}

#[test]
fn answers_are_told_apart_by_the_recipes_rules_and_then_by_status() {
    let recipe = Recipe::read(&settings()).expect("sound");
    let said = |status, body| class(classify(&recipe, &answer(status, body)));
    assert_eq!(
        said(400, json!({"error": {"code": "number_invalid"}})),
        Some(RefusalClass::InvalidNumber)
    );
    assert_eq!(
        said(409, json!({"error": {"message": "All LINES are busy"}})),
        Some(RefusalClass::OverLimit)
    );
    assert_eq!(
        said(503, json!({"error": {"message": "maintenance, nothing was placed"}})),
        Some(RefusalClass::ProviderFault)
    );
    assert_eq!(
        (said(503, json!({})), said(409, json!({}))),
        (None, Some(RefusalClass::ConfigError))
    );
    assert_eq!(said(425, json!({})), None);
}

fn heard(body: &Value) -> Result<Vec<Event>, ParseError> {
    let body = body.to_string();
    Http.parse_event(&settings(), hook(&headers(&[]), body.as_bytes()))
}

#[test]
fn a_webhook_is_read_where_the_recipe_points() {
    let body = json!({"call": {"id": 17, "tag": ATTEMPT, "state": "finished", "cause": "engaged",
        "seconds": "12.5", "ended": 1_764_000_000_123_i64, "label": "SALE"}});
    let event = heard(&body).expect("understood").remove(0);
    assert_eq!(
        (event.kind, event.outcome, event.word.as_deref()),
        (Kind::Ended, Some("busy"), Some("engaged"))
    );
    assert_eq!(
        (event.provider_call_id.as_deref(), event.attempt_id),
        (Some("17"), ATTEMPT.parse().ok())
    );
    assert_eq!((event.duration_seconds, event.disposition.as_deref()), (Some(12.5), Some("SALE")));
    assert_eq!(event.at.map(|at| at.timestamp_millis()), Some(1_764_000_000_123));
    let with = |state: &str, cause: &str| {
        let body = json!({"call": {"id": 17, "state": state, "cause": cause}});
        heard(&body).map(|events| (events[0].kind, events[0].outcome))
    };
    assert_eq!(with("dialing", ""), Ok((Kind::Ringing, None)));
    assert_eq!(with("finished", "err-17"), Ok((Kind::Ended, Some("provider_fault"))));
    assert_eq!(with("finished", "a word never heard"), Ok((Kind::Ended, None)));
    assert_eq!(with("a state never heard", "engaged"), Ok((Kind::Note, None)));
    assert_eq!(heard(&json!({"other": 1})), Ok(vec![]));
}

#[test]
fn the_callbacks_attempt_is_believed_of_one_call_and_makes_its_key() {
    let mut settings = settings();
    settings["recipe"]["webhook"]["facts"]["call"] = json!("/calls");
    let heard = |calls: Value, attempt: u128| {
        let body = json!({ "calls": calls }).to_string();
        let headers = headers(&[]);
        let attempt_id = Some(uuid::Uuid::from_u128(attempt));
        let request = HookRequest { attempt_id, ..hook(&headers, body.as_bytes()) };
        Http.parse_event(&settings, request).expect("understood")
    };
    let nameless = json!([{"state": "finished", "cause": "engaged"}]);
    let (one, other) = (heard(nameless.clone(), 1).remove(0), heard(nameless, 2).remove(0));
    assert_eq!(one.attempt_id, Some(uuid::Uuid::from_u128(1)));
    assert_ne!(one.event_key, other.event_key, "two attempts' ends are two events");
    let several = json!([{"id": 1, "state": "finished"}, {"id": 2, "state": "finished"}]);
    assert!(heard(several, 1).iter().all(|event| event.attempt_id.is_none()));
}

#[test]
fn a_form_is_read_like_json() {
    let mut settings = settings();
    settings["recipe"]["webhook"]["facts"] =
        json!({"id": "/CallId", "status": "/State", "word": "/Cause"});
    let form = headers(&[("content-type", "application/x-www-form-urlencoded; charset=utf-8")]);
    let events =
        Http.parse_event(&settings, hook(&form, b"CallId=9&State=finished&Cause=no+reply"));
    let event = events.expect("understood").remove(0);
    assert_eq!((event.provider_call_id.as_deref(), event.outcome), (Some("9"), Some("no_answer")));
}

/// HMACs by `openssl dgst -sha256 -hmac`, over `1764000000:` and the body, and over the body alone.
const BODY: &[u8] = b"{\"call\":{\"id\":17}}";
const STAMPED: &str = "sha256=269b484e4494779c3d4d7975c8d48f41b2940616d526c02d2572d44b4b0bca50";
const PLAIN: &str = "gv0vSzsyHIt3JP0BsBZssaZtNiZQoWWGS0SUgtp1+8A=";

#[test]
fn every_bit_of_a_signature_counts_whatever_its_scheme() {
    let now = DateTime::from_timestamp(1_764_000_000, 0).expect("an instant");
    let with = |signature: Value| {
        let mut settings = settings();
        settings["recipe"]["webhook"]["signature"] = signature;
        settings
    };
    let stamped = [("x-signature", STAMPED), ("x-stamp", "1764000000")];
    every_bit_counts(&Http, &settings(), "s3cret", &stamped, BODY, now);
    let plain = with(json!({"scheme": "hmac", "header": "X-Sum", "encoding": "base64"}));
    every_bit_counts(&Http, &plain, "s3cret", &[("x-sum", PLAIN)], BODY, now);
    let secret = with(json!({"scheme": "secret", "header": "Authorization", "prefix": "Token "}));
    let trust = |secret| Secret::new(String::from(secret));
    let shown = |shown: &str, kept| {
        let stated = headers(&[("authorization", shown)]);
        let trust = HookTrust { secret: &trust(kept), settings: &secret };
        Http.verify(&trust, hook(&stated, BODY), now)
    };
    assert_eq!(shown("Token abc", "abc"), Ok(()));
    assert_eq!(shown("Token abd", "abc"), Err(VerifyError::WrongSignature));
    assert_eq!(shown("abc", "abc"), Err(VerifyError::WrongSignature));
    assert_eq!(shown("Token ", ""), Err(VerifyError::WrongSignature));
    let late = now + chrono::TimeDelta::seconds(301);
    let trust = HookTrust { secret: &trust("s3cret"), settings: &settings() };
    let again = Http.verify(&trust, hook(&headers(&stamped), BODY), late);
    assert_eq!(again, Err(VerifyError::TooOld));
}

#[test]
fn without_a_scheme_nothing_is_believed() {
    let mut settings = settings();
    settings["recipe"]["webhook"]["signature"] = Value::Null;
    let trust = HookTrust { secret: &Secret::new("s".into()), settings: &settings };
    let now = DateTime::from_timestamp(1_764_000_000, 0).expect("an instant");
    assert_eq!(
        Http.verify(&trust, hook(&headers(&[]), BODY), now),
        Err(VerifyError::WrongSettings)
    );
}

#[test]
fn a_call_that_is_found_counts_only_if_it_names_the_attempt_or_was_asked_for_by_id() {
    let recipe = Recipe::read(&settings()).expect("sound");
    let facts = &recipe.look_up.as_ref().expect("stated").facts;
    let other = "0190a1b2-0000-7000-8000-000000000002";
    let ours = |call: Value, id: Option<&str>| {
        let sought = Sought {
            attempt_id: ATTEMPT.parse().expect("a uuid"),
            provider_call_id: id.map(str::to_owned),
            address: None,
            intended_at: DateTime::from_timestamp(1_764_000_000, 0).expect("an instant"),
        };
        let event = facts.event(&recipe, &call, Source::LookUp);
        is_ours(facts, &call, &event, &sought, id.is_some())
    };
    assert!(ours(json!({"id": 17, "tag": ATTEMPT}), None));
    assert!(!ours(json!({"id": 17, "tag": other}), None));
    assert!(!ours(json!({"id": 17, "tag": other}), Some("17")));
    assert!(ours(json!({"id": 17}), Some("17")));
    assert!(!ours(json!({"id": 18}), Some("17")));
    assert!(!ours(json!({"id": 17}), None));
}
