//! Placing: what is certain is told as certain, and what is not as unknown.

use super::{Act, Scripted, Vendor, all, client, nobody};
use dialerd::provider::{Accepted, Gate, PlaceError, RefusalClass, TOO_LATE};
use serde_json::{Value, json};

async fn place(vendor: &Vendor, url: &str) -> Result<Accepted, PlaceError> {
    vendor.adapter().place(&client(), &vendor.account(url), &vendor.placement()).await
}

/// Places once with a server that does this; nothing may be tried a second time.
async fn placed_once(vendor: &Vendor, act: Act) -> Result<Accepted, PlaceError> {
    let server = Scripted::doing(act).await;
    let answer = place(vendor, &server.url).await;
    assert_eq!(server.seen().len(), 1, "{}: one request, no more", vendor.provider);
    answer
}

fn is_unknown(answer: &Result<Accepted, PlaceError>) -> bool {
    matches!(answer, Err(PlaceError::Unknown(_)))
}

#[tokio::test]
async fn an_accepted_call_has_its_id_and_carries_the_attempt() {
    for vendor in all() {
        let (status, body) = vendor.accepted.clone();
        let server = Scripted::doing(Act::answer(status, body)).await;
        let placement = vendor.placement();
        let account = vendor.account(&server.url);
        let answer = vendor.adapter().place(&client(), &account, &placement).await;
        let accepted = Accepted { provider_call_id: vendor.id.to_owned() };
        assert_eq!(answer, Ok(accepted), "{}", vendor.provider);
        let seen = server.seen().remove(0);
        let attempt = placement.attempt_id.to_string();
        assert!(seen.text().contains(&attempt), "{}: without the attempt's id", vendor.provider);
        assert!(!seen.line.contains("the-key"), "{}: the key is in the address", vendor.provider);
    }
}

#[tokio::test]
async fn what_never_left_us_was_not_sent() {
    for vendor in all() {
        let name = vendor.provider;
        let answer = place(&vendor, &nobody()).await;
        assert!(matches!(answer, Err(PlaceError::NotSent(_))), "{name}, nobody: {answer:?}");
        let (status, body) = vendor.accepted.clone();
        let server = Scripted::self_signed(Act::answer(status, body)).await;
        let answer = place(&vendor, &server.url).await;
        assert!(matches!(answer, Err(PlaceError::NotSent(_))), "{name}, certificate: {answer:?}");
        assert!(server.seen().is_empty(), "{name}: it was sent to somebody unknown");
        let server = Scripted::deaf().await;
        let answer = place(&vendor, &server.url).await;
        assert!(matches!(answer, Err(PlaceError::NotSent(_))), "{name}, deaf: {answer:?}");
    }
}

#[tokio::test]
async fn a_request_that_came_too_late_was_not_sent() {
    for vendor in all() {
        let (status, body) = vendor.accepted.clone();
        let server = Scripted::doing(Act::answer(status, body)).await;
        let mut placement = vendor.placement();
        placement.gate = Gate::new(|| false);
        let account = vendor.account(&server.url);
        let answer = vendor.adapter().place(&client(), &account, &placement).await;
        let late = Err(PlaceError::NotSent(TOO_LATE.to_owned()));
        assert_eq!(answer, late, "{}", vendor.provider);
        assert!(server.seen().is_empty(), "{}", vendor.provider);
    }
}

#[tokio::test]
async fn whatever_may_be_ringing_is_unknown() {
    for vendor in all() {
        let (status, body) = vendor.accepted.clone();
        let half = body.to_string().into_bytes()[..5].to_vec();
        let mut acts = vec![
            Act::Silence,
            Act::Reset,
            Act::BreakOff { status, body: half },
            Act::Trickle { status },
            Act::Flood { status },
            Act::answer(status, "{\"id\": "),
            Act::answer(status, "<html>it works</html>"),
            Act::answer(status, ""),
            Act::answer(status, json!([])),
            Act::answer(status, json!(7)),
            Act::answer(status, json!({"status": "pending", "message": "a word never heard"})),
            Act::answer(status, json!({"success": false, "callSid": "CA1"})),
            Act::answer(status, json!({"id": 7, "sid": [], "call_id": {}, "data": "x"})),
        ];
        acts.extend([303, 408, 500, 502, 503, 504].map(|status| Act::answer(status, "{}")));
        for act in acts {
            let answer = placed_once(&vendor, act.clone()).await;
            assert!(is_unknown(&answer), "{}, {act:?}: {answer:?}", vendor.provider);
        }
    }
}

// R119, D8
#[tokio::test]
async fn refusals_have_their_class() {
    for vendor in all() {
        for (status, body, class) in &vendor.refusals {
            let answer = placed_once(&vendor, Act::answer(*status, body)).await;
            let told = refused(&answer);
            assert_eq!(told, Some(*class), "{}, {status} {body}: {answer:?}", vendor.provider);
        }
        // A refusal of which half is lost is still one.
        for act in [Act::BreakOff { status: 400, body: b"{".to_vec() }, Act::Flood { status: 400 }]
        {
            let answer = placed_once(&vendor, act.clone()).await;
            assert!(refused(&answer).is_some(), "{}, {act:?}: {answer:?}", vendor.provider);
        }
    }
}

fn refused(answer: &Result<Accepted, PlaceError>) -> Option<RefusalClass> {
    match answer {
        Err(PlaceError::Refused(refusal)) => Some(refusal.class),
        _ => None,
    }
}

#[tokio::test]
async fn a_pace_that_is_asked_for_is_passed_on() {
    for vendor in all() {
        let slow = Act::answer(429, "{}");
        let until = slow.clone().with("retry-after", "Fri, 04 Dec 2026 15:01:00 GMT");
        let until = until.with("date", "Fri, 04 Dec 2026 15:00:00 GMT");
        for (act, seconds) in [
            (slow.clone().with("retry-after", 7), json!(7)),
            (until, json!(60)),
            (slow, Value::Null),
        ] {
            match placed_once(&vendor, act).await {
                Err(PlaceError::Refused(refusal)) => {
                    assert_eq!(refusal.class, RefusalClass::OverLimit, "{}", vendor.provider);
                    assert_eq!(refusal.details["retry_after_seconds"], seconds);
                }
                other => panic!("{}: {other:?}", vendor.provider),
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_is_never_followed() {
    for vendor in all() {
        let (status, body) = vendor.accepted.clone();
        let elsewhere = Scripted::doing(Act::answer(status, body)).await;
        for status in [301, 302, 303, 307, 308] {
            let act = Act::answer(status, "{}").with("location", &elsewhere.url);
            let answer = placed_once(&vendor, act).await;
            assert!(answer.is_err(), "{}, {status}: {answer:?}", vendor.provider);
            assert!(!matches!(answer, Err(PlaceError::NotSent(_))), "{}", vendor.provider);
        }
        assert!(elsewhere.seen().is_empty(), "{}: the key went elsewhere", vendor.provider);
    }
}
