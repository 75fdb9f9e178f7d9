//! The adapters of vendors against the sandbox's way of speaking like each of them: it shares no
//! code with them, and keeps a journal of its own.

use super::receiver::{Receiver, Trial};
use chrono::{TimeDelta, Utc};
use dialerd::provider::{
    self, Accepted, Account, Adapter, CallOptions, Event, Gate, HookTrust, Kind, PlaceError,
    Placement, RefusalClass, Secret, Sought, Span,
};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

const NUMBER: &str = "+13035550100";
const VENDORS: [&str; 4] = ["bland", "twilio", "retell", "telnyx"];

fn adapter(vendor: &str) -> &'static dyn Adapter {
    provider::adapter(vendor, "voice").expect("there is one")
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    provider::client(Duration::from_secs(5), Duration::from_secs(5)).expect("a client")
}

fn account(vendor: &str, trial: &Trial) -> Account {
    let settings = match vendor {
        "bland" => json!({"task": "Greet {{name}}"}),
        "retell" => json!({"caller_id": "+13035550199"}),
        "telnyx" => json!({"connection_id": "2893", "caller_id": "+13035550199"}),
        _ => json!({"account_sid": "AC1", "twiml": "<Response/>", "caller_id": "+13035550199"}),
    };
    let key = Some(Secret::new("k1".into()));
    let base_url = Some(trial.url(if vendor == "telnyx" { "/v2" } else { "" }));
    Account { base_url, key, settings, ..Account::default() }
}

fn placement(account: &Account, number: &str, hook: &str) -> Placement {
    let (attempt_id, variables) = (Uuid::new_v4(), json!({"name": "Ada"}));
    Placement {
        attempt_id,
        address: number.to_owned(),
        options: CallOptions::read(&account.settings, &variables).expect("sound settings"),
        variables,
        callback_url: format!("{hook}?attempt={attempt_id}"),
        gate: Gate::open(),
    }
}

async fn place(vendor: &str, trial: &Trial, number: &str) -> Result<Accepted, PlaceError> {
    let account = account(vendor, trial);
    let placement = placement(&account, number, "http://127.0.0.1:9/hook");
    adapter(vendor).place(&client(), &account, &placement).await
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
    for vendor in VENDORS {
        let trial = Trial::start(&flags).await;
        let (http, account) = (client(), account(vendor, &trial));
        let placement = placement(&account, NUMBER, "http://127.0.0.1:9/hook");
        let lost = adapter(vendor).place(&http, &account, &placement).await;
        assert!(matches!(lost, Err(PlaceError::Unknown(_))), "{vendor}: {lost:?}");
        let sought = Sought {
            attempt_id: placement.attempt_id,
            provider_call_id: None,
            address: Some(NUMBER.to_owned()),
            intended_at: Utc::now(),
        };
        let found = adapter(vendor).look_up(&http, &account, &sought).await.expect("an answer");
        assert_eq!((found.len(), found[0].attempt_id), (1, Some(placement.attempt_id)), "{vendor}");
        let id = found[0].provider_call_id.clone().expect("the vendor's id");
        let other = Sought { attempt_id: Uuid::new_v4(), ..sought.clone() };
        let nothing = adapter(vendor).look_up(&http, &account, &other).await;
        assert_eq!(nothing, Ok(vec![]), "{vendor}: another's call is not ours");
        adapter(vendor).hang_up(&http, &account, &id).await.expect("hung up");
        let by_id = Sought { provider_call_id: Some(id), ..sought };
        // The end is written by another task; each look is an answer of its own.
        let ended = async {
            loop {
                let found = adapter(vendor).look_up(&http, &account, &by_id).await;
                let event = found.expect("an answer").remove(0);
                if event.kind == Kind::Ended {
                    return event.outcome;
                }
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(10), ended).await;
        // Retell has one word for a call that was stopped, whether somebody had picked up or not.
        let expected = if vendor == "retell" { "completed" } else { "cancelled" };
        assert_eq!(ended.expect("it ends"), Some(expected), "{vendor}");
    }
}

#[tokio::test]
async fn refusals_have_their_class() {
    let slow = ["--clock-rate", "0.001", "--latency", "0"];
    for vendor in VENDORS {
        for (flags, expected) in [
            (vec!["--max-concurrent", "0"], RefusalClass::OverLimit),
            (vec!["--per-second", "0.1", "--burst", "0"], RefusalClass::OverLimit),
            (vec!["--api-key", "another"], RefusalClass::AccountError),
        ] {
            let flags: Vec<&str> = slow.iter().copied().chain(flags).collect();
            let trial = Trial::start(&flags).await;
            match place(vendor, &trial, NUMBER).await {
                Err(PlaceError::Refused(refusal)) => {
                    assert_eq!(refusal.class, expected, "{vendor} {flags:?}")
                }
                other => panic!("{vendor} {flags:?}: {other:?}"),
            }
            assert_eq!(trial.summary().await["accepted"], 0);
        }
    }
}

/// What the vendor reports of one call with this end, each webhook believed.
async fn reported(vendor: &str, mix: &str, count: usize) -> Vec<Event> {
    let flags = ["--mix", mix, "--webhook-secret", "s3"];
    let (trial, mut receiver) = (Trial::start(&flags).await, Receiver::start().await);
    let account = account(vendor, &trial);
    let placement = placement(&account, NUMBER, &receiver.url);
    let accepted = adapter(vendor).place(&client(), &account, &placement).await.expect("accepted");
    let mut events = Vec::new();
    for _ in 0..count {
        let hook = receiver.next().await;
        let request =
            provider::HookRequest { attempt_id: Some(placement.attempt_id), ..hook.request() };
        let verify = |secret: &str| {
            let secret = &Secret::new(secret.into());
            let trust = HookTrust { secret, settings: &account.settings };
            adapter(vendor).verify(&trust, request, Utc::now())
        };
        assert_eq!(verify("s3"), Ok(()), "{vendor}");
        assert!(verify("s4").is_err(), "{vendor}");
        let event =
            adapter(vendor).parse_event(&account.settings, request).expect("understood").remove(0);
        assert_eq!(event.attempt_id, Some(placement.attempt_id), "{vendor}");
        assert_eq!(event.provider_call_id.as_ref(), Some(&accepted.provider_call_id), "{vendor}");
        events.push(event);
    }
    events
}

#[tokio::test]
async fn webhooks_are_believed_and_understood() {
    let events = reported("twilio", "customer-ended-call=1", 3).await;
    let kinds: Vec<Kind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::Ringing, Kind::Answered, Kind::Ended]);
    assert_eq!(events[2].outcome, Some("completed"));
    let events = reported("bland", "customer-ended-call:SALE=1", 1).await;
    assert_eq!(events[0].outcome, Some("completed"));
    assert_eq!(events[0].disposition.as_deref(), Some("SALE"));
}

#[tokio::test]
async fn every_course_of_a_call_is_told_by_both_vendors() {
    for (mix, bland, twilio, twilio_hooks) in [
        ("customer-did-not-answer=1", "no_answer", "no_answer", 2),
        ("customer-busy=1", "busy", "busy", 2),
        ("voicemail=1", "voicemail", "voicemail", 3),
        ("twilio-reported-customer-misdialed=1", "invalid_number", "invalid_number", 2),
        ("twilio-failed-to-connect-call=1", "provider_fault", "provider_fault", 2),
        ("pipeline-error-openai-llm-failed=1", "maybe_reached", "completed", 3),
    ] {
        let last = |events: Vec<Event>| events.last().and_then(|event| event.outcome);
        assert_eq!(last(reported("bland", mix, 1).await), Some(bland), "bland, {mix}");
        assert_eq!(
            last(reported("twilio", mix, twilio_hooks).await),
            Some(twilio),
            "twilio, {mix}"
        );
    }
}

#[tokio::test]
async fn a_span_of_time_is_listed_to_its_end() {
    // Telnyx lists ends, and these calls go on.
    for vendor in VENDORS.into_iter().filter(|vendor| *vendor != "telnyx") {
        let trial =
            Trial::start(&["--clock-rate", "1", "--ring", "600", "--unanswered-ring", "600"]).await;
        for number in 1..=3 {
            place(vendor, &trial, &format!("+1303555010{number}")).await.expect("accepted");
        }
        let (http, account, now) = (client(), account(vendor, &trial), Utc::now());
        let hour = TimeDelta::hours(1);
        let span = Span { from: now - hour, until: now + hour, cursor: None };
        // A call must have begun to ring before some vendors list it.
        let listed = async {
            loop {
                let page = adapter(vendor).list(&http, &account, &span).await.expect("a page");
                assert_eq!(page.next, None, "{vendor}");
                if page.calls.len() == 3 {
                    return page.calls;
                }
            }
        };
        let calls = tokio::time::timeout(Duration::from_secs(10), listed).await.expect("all three");
        let mut numbers: Vec<&str> =
            calls.iter().filter_map(|call| call.address.as_deref()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, ["+13035550101", "+13035550102", "+13035550103"], "{vendor}");
        let before = Span { from: now - hour * 72, until: now - hour * 48, cursor: None };
        let page = adapter(vendor).list(&http, &account, &before).await.expect("a page");
        assert!(page.calls.is_empty(), "{vendor}");
    }
}

#[tokio::test]
async fn elevenlabs_tells_of_a_busy_line_by_webhook_only_and_finds_a_lost_conversation() {
    let mut receiver = Receiver::start().await;
    let url = receiver.url.clone();
    let flags =
        ["--workspace-webhook-url", &url, "--webhook-secret", "s3", "--fault", "lost_answer=1"];
    let settings = json!({"agent_id": "a1", "phone_number_id": "p1"});
    for (mix, word, outcome, found) in [
        ("customer-busy=1", "busy", "busy", Kind::Placed),
        ("voicemail=1", "voicemail_detection", "voicemail", Kind::Ended),
    ] {
        let trial = Trial::start(&[&flags[..], &["--mix", mix]].concat()).await;
        let account = Account { settings: settings.clone(), ..account("elevenlabs", &trial) };
        let placement = placement(&account, NUMBER, "");
        let lost = adapter("elevenlabs").place(&client(), &account, &placement).await;
        assert!(matches!(lost, Err(PlaceError::Unknown(_))), "{lost:?}");
        let hook = receiver.next().await;
        let secret = &Secret::new("s3".into());
        let trust = HookTrust { secret, settings: &account.settings };
        let believed = adapter("elevenlabs").verify(&trust, hook.request(), Utc::now());
        assert_eq!(believed, Ok(()));
        let event = adapter("elevenlabs").parse_event(&account.settings, hook.request());
        let event = event.expect("understood").remove(0);
        assert_eq!((event.word.as_deref(), event.outcome), (Some(word), Some(outcome)));
        assert_eq!(event.attempt_id, Some(placement.attempt_id));
        let sought = Sought {
            attempt_id: placement.attempt_id,
            provider_call_id: None,
            address: Some(NUMBER.to_owned()),
            intended_at: Utc::now(),
        };
        let seen = adapter("elevenlabs").look_up(&client(), &account, &sought).await;
        assert_eq!(seen.expect("an answer")[0].kind, found, "{mix}");
    }
}

#[tokio::test]
async fn retell_tells_the_end_before_what_it_came_to() {
    let events = reported("retell", "customer-ended-call:SALE=1", 3).await;
    let kinds: Vec<Kind> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [Kind::Answered, Kind::Note, Kind::Ended]);
    assert!(events[1].report_follows && events[1].disposition.is_none());
    assert_eq!(events[2].disposition.as_deref(), Some("SALE"));
    let busy = reported("retell", "customer-busy=1", 2).await;
    assert_eq!((busy[0].kind, busy[0].outcome), (Kind::Ended, Some("busy")));
}

#[tokio::test]
async fn a_page_says_where_the_next_begins() {
    let trial =
        Trial::start(&["--clock-rate", "1", "--ring", "600", "--unanswered-ring", "600"]).await;
    for number in 1..=3 {
        place("twilio", &trial, &format!("+1303555010{number}")).await.expect("accepted");
    }
    let (account, now) = (account("twilio", &trial), Utc::now());
    let hour = TimeDelta::hours(1);
    let mut span =
        Span { from: now - hour, until: now + hour, cursor: Some("PageSize=2".to_owned()) };
    let mut seen = Vec::new();
    // Ends with the last page.
    loop {
        let page = adapter("twilio").list(&client(), &account, &span).await.expect("a page");
        seen.extend(page.calls.into_iter().filter_map(|call| call.address));
        match page.next {
            Some(next) => span.cursor = Some(next),
            None => break,
        }
    }
    seen.sort_unstable();
    assert_eq!(seen, ["+13035550101", "+13035550102", "+13035550103"]);
}

#[tokio::test]
async fn an_account_is_checked_without_a_call() {
    for vendor in VENDORS {
        let trial = Trial::start(&["--api-key", "k1"]).await;
        let mut account = account(vendor, &trial);
        assert!(adapter(vendor).check(&client(), &account).await.is_ok(), "{vendor}");
        account.key = Some(Secret::new("k2".into()));
        assert!(adapter(vendor).check(&client(), &account).await.is_err(), "{vendor}");
        assert_eq!(trial.summary().await["accepted"], 0);
    }
}

#[tokio::test]
async fn the_real_one_would_refuse_what_it_does_not_know_and_so_does_this() {
    let trial = Trial::start(&[]).await;
    let body = json!({"phone_number": NUMBER, "task": "t", "nonsense": 1});
    let (status, answer) = trial.post("/v1/calls", &body).await.expect("an answer");
    assert_eq!((status, &answer["status"]), (400, &json!("error")));
    let missing: (u16, Value) = trial.get("/v1/calls/none").await;
    assert_eq!(missing.0, 404);
}
