//! The adapters against the sandbox: every way in which placing ends, over real HTTP.

use super::receiver::{Receiver, Trial};
use chrono::Utc;
use dialerd::provider::{
    self, Accepted, Account, Adapter, CallOptions, Gate, HookRequest, HookTrust, Kind, PlaceError,
    Placement, RefusalClass, Secret, Sought, VerifyError,
};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const NUMBER: &str = "+13035550100";

fn voice() -> &'static dyn Adapter {
    provider::adapter("sandbox", "voice").expect("there is one")
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    provider::client(Duration::from_secs(5), Duration::from_millis(1500)).expect("a client")
}

fn account(base_url: String) -> Account {
    let key = Some(Secret::new("k1".into()));
    Account { base_url: Some(base_url), key, settings: json!({}), ..Account::default() }
}

fn placement(address: &str, callback_url: &str) -> Placement {
    Placement {
        attempt_id: Uuid::new_v4(),
        address: address.to_owned(),
        variables: json!({"name": "Ada"}),
        options: CallOptions::default(),
        callback_url: callback_url.to_owned(),
        gate: Gate::open(),
    }
}

fn believed(
    adapter: &dyn Adapter,
    secret: &str,
    request: HookRequest<'_>,
) -> Result<(), VerifyError> {
    let secret = &Secret::new(secret.into());
    adapter.verify(&HookTrust { secret, settings: &Value::Null }, request, Utc::now())
}

async fn place(trial: &Trial, address: &str) -> Result<Accepted, PlaceError> {
    let placement = placement(address, "http://127.0.0.1:9/hook");
    voice().place(&client(), &account(trial.url("")), &placement).await
}

fn class(answer: Result<Accepted, PlaceError>) -> Option<RefusalClass> {
    match answer {
        Err(PlaceError::Refused(refusal)) => Some(refusal.class),
        _ => None,
    }
}

#[tokio::test]
async fn nothing_was_sent_when_nobody_listens() {
    // A port that was free a moment ago and is closed again.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let answer = voice().place(&client(), &account(url), &placement(NUMBER, "")).await;
    assert!(matches!(answer, Err(PlaceError::NotSent(_))), "{answer:?}");
}

#[tokio::test]
async fn a_request_that_is_too_late_when_it_would_be_written_was_not_sent() {
    let trial = Trial::start(&[]).await;
    let mut late = placement(NUMBER, "");
    late.gate = Gate::new(|| false);
    let answer = voice().place(&client(), &account(trial.url("")), &late).await;
    assert_eq!(answer, Err(PlaceError::NotSent(provider::TOO_LATE.to_owned())));
    assert_eq!(trial.summary().await["accepted"], 0);
}

#[tokio::test]
async fn what_may_be_ringing_is_unknown() {
    for fault in ["lost_answer=1", "error_after=1", "error_before=1", "stall=1"] {
        let trial = Trial::start(&["--fault", fault, "--fault", "stall_seconds=600"]).await;
        let answer = place(&trial, NUMBER).await;
        assert!(matches!(answer, Err(PlaceError::Unknown(_))), "{fault}: {answer:?}");
    }
}

#[tokio::test]
async fn refusals_have_their_class() {
    let slow = ["--clock-rate", "0.001", "--latency", "0"];
    for (flags, expected) in [
        (vec!["--max-concurrent", "0"], RefusalClass::OverLimit),
        (vec!["--max-concurrent", "0", "--over-limit-style", "blocked"], RefusalClass::OverLimit),
        (vec!["--per-second", "0.1", "--burst", "0"], RefusalClass::OverLimit),
        (vec!["--api-key", "another"], RefusalClass::AccountError),
    ] {
        let flags: Vec<&str> = slow.iter().copied().chain(flags).collect();
        let trial = Trial::start(&flags).await;
        assert_eq!(class(place(&trial, NUMBER).await), Some(expected), "{flags:?}");
        assert_eq!(trial.summary().await["accepted"], 0);
    }
    let trial = Trial::start(&slow).await;
    assert_eq!(class(place(&trial, "12").await), Some(RefusalClass::InvalidNumber));
}

#[tokio::test]
async fn a_lost_answer_is_found_by_the_attempt_and_can_be_hung_up() {
    let flags = [
        "--fault",
        "lost_answer=1",
        "--clock-rate",
        "1",
        "--ring",
        "600",
        "--unanswered-ring",
        "600",
    ];
    let trial = Trial::start(&flags).await;
    let (http, account) = (client(), account(trial.url("")));
    let placement = placement(NUMBER, "http://127.0.0.1:9/hook");
    assert!(voice().place(&http, &account, &placement).await.is_err());
    let sought = Sought {
        attempt_id: placement.attempt_id,
        provider_call_id: None,
        address: None,
        intended_at: Utc::now(),
    };
    let found = voice().look_up(&http, &account, &sought).await.expect("an answer");
    assert_eq!((found.len(), found[0].attempt_id), (1, Some(placement.attempt_id)));
    let id = found[0].provider_call_id.clone().expect("the provider's id");
    voice().hang_up(&http, &account, &id).await.expect("hung up");
    let by_id = Sought { provider_call_id: Some(id), ..sought.clone() };
    // The end is written by another task; each look is an answer of its own.
    let ended = async {
        loop {
            let found = voice().look_up(&http, &account, &by_id).await.expect("an answer");
            if found[0].kind == Kind::Ended {
                return found[0].outcome;
            }
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(10), ended).await;
    assert_eq!(ended.expect("it ends"), Some("cancelled"));
    let other = Sought { attempt_id: Uuid::new_v4(), ..sought };
    assert_eq!(voice().look_up(&http, &account, &other).await, Ok(vec![]));
}

#[tokio::test]
async fn webhooks_are_believed_and_understood() {
    let flags = ["--mix", "customer-ended-call:SALE=1", "--webhook-secret", "s3"];
    let (trial, mut receiver) = (Trial::start(&flags).await, Receiver::start().await);
    let placement = placement(NUMBER, &receiver.url);
    let account = account(trial.url(""));
    let accepted = voice().place(&client(), &account, &placement).await.expect("accepted");
    let mut kinds = Vec::new();
    for _ in 0..4 {
        let hook = receiver.next().await;
        let request = hook.request();
        let verify = |secret: &str| believed(voice(), secret, request);
        assert_eq!((verify("s3"), verify("s4")), (Ok(()), Err(VerifyError::WrongSignature)));
        let event = voice().parse_event(&Value::Null, request).expect("understood").remove(0);
        assert_eq!(event.attempt_id, Some(placement.attempt_id));
        assert_eq!(event.provider_call_id.as_ref(), Some(&accepted.provider_call_id));
        kinds.push((event.kind, event.disposition));
    }
    let sale = Some("SALE".to_owned());
    let expected =
        [(Kind::Ringing, None), (Kind::Answered, None), (Kind::Note, None), (Kind::Ended, sale)];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn an_email_is_placed_once_and_its_webhook_is_believed() {
    let mut receiver = Receiver::start().await;
    let url = receiver.url.clone();
    let secret = "whsec_c2VjcmV0";
    let trial =
        Trial::start(&["--email-webhook-url", &url, "--email-webhook-secret", secret]).await;
    let email = provider::adapter("sandbox", "email").expect("there is one");
    let (http, account) = (client(), account(trial.url("")));
    let placement = placement("ada@example.org", "");
    let first = email.place(&http, &account, &placement).await.expect("accepted");
    assert_eq!(email.place(&http, &account, &placement).await.expect("repeated"), first);
    let hook = receiver.next().await;
    let request = hook.request();
    assert_eq!(believed(email, secret, request), Ok(()));
    let event = email.parse_event(&Value::Null, request).expect("understood").remove(0);
    assert_eq!((event.kind, event.attempt_id), (Kind::Placed, Some(placement.attempt_id)));
    assert_eq!(trial.summary().await["emails"]["sent"], 1);
}
