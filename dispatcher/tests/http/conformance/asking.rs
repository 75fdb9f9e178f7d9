//! Looking up, listing, hanging up and checking: no answer is never taken for "there is none".

use super::{Act, Scripted, Vendor, all, by_path, client, nobody};
use chrono::{TimeDelta, Utc};
use dialerd::provider::{Event, Kind, LookUpError, Page, Sought, Span};
use serde_json::json;

fn sought(vendor: &Vendor, id: Option<&str>) -> Sought {
    Sought {
        attempt_id: vendor.attempt_id(),
        provider_call_id: id.map(str::to_owned),
        address: Some(vendor.address.to_owned()),
        intended_at: "2026-12-04T15:00:00Z".parse().expect("an instant"),
    }
}

async fn look_up(vendor: &Vendor, url: &str, sought: &Sought) -> Result<Vec<Event>, LookUpError> {
    vendor.adapter().look_up(&client(), &vendor.account(url), sought).await
}

async fn list(vendor: &Vendor, url: &str) -> Result<Page, LookUpError> {
    let until = Utc::now();
    let span = Span { from: until - TimeDelta::days(3650), until, cursor: None };
    vendor.adapter().list(&client(), &vendor.account(url), &span).await
}

/// What a question may meet with, and what is no answer to it.
fn bad_days() -> Vec<Act> {
    let mut acts = vec![
        Act::Silence,
        Act::Reset,
        Act::BreakOff { status: 200, body: b"{\"status\"".to_vec() },
        Act::Trickle { status: 200 },
        Act::Flood { status: 200 },
        Act::answer(200, "<html>it works</html>"),
    ];
    acts.extend([302, 401, 429, 500, 503].map(|status| Act::answer(status, "{}")));
    acts
}

#[tokio::test]
async fn a_call_is_found_by_its_id_with_its_end() {
    for vendor in all() {
        let server = Scripted::by(by_path(&vendor.look_up)).await;
        let sought = sought(&vendor, Some(vendor.id));
        let events = look_up(&vendor, &server.url, &sought).await.expect("an answer");
        assert_eq!(events.len(), 1, "{}", vendor.provider);
        assert_eq!(events[0].attempt_id, Some(sought.attempt_id), "{}", vendor.provider);
        assert_eq!((events[0].kind, events[0].outcome), (Kind::Ended, vendor.found));
    }
}

#[tokio::test]
async fn what_the_vendor_does_not_know_is_no_event() {
    for vendor in all() {
        let server = Scripted::doing(Act::answer(404, "{}")).await;
        // Of one that forgets, a call that it had taken is over.
        let id = Some(vendor.id).filter(|_| !vendor.forgets());
        let events = look_up(&vendor, &server.url, &sought(&vendor, id)).await;
        assert_eq!(events, Ok(vec![]), "{}", vendor.provider);
    }
}

#[tokio::test]
async fn a_look_up_or_a_list_that_failed_says_so() {
    for vendor in all() {
        for act in bad_days() {
            let server = Scripted::doing(act.clone()).await;
            let by_id = look_up(&vendor, &server.url, &sought(&vendor, Some(vendor.id))).await;
            assert!(by_id.is_err(), "{}, look-up, {act:?}: {by_id:?}", vendor.provider);
            let listed = list(&vendor, &server.url).await;
            assert!(listed.is_err(), "{}, list, {act:?}: {listed:?}", vendor.provider);
        }
        assert!(look_up(&vendor, &nobody(), &sought(&vendor, Some(vendor.id))).await.is_err());
    }
}

#[tokio::test]
async fn wrong_types_are_survived() {
    for vendor in all() {
        for body in [
            json!([]),
            json!(7),
            json!({"id": 7, "status": [], "calls": 7, "data": 7}),
            json!(null),
        ] {
            let server = Scripted::doing(Act::answer(200, &body)).await;
            for id in [Some(vendor.id), None] {
                if let Ok(events) = look_up(&vendor, &server.url, &sought(&vendor, id)).await {
                    assert_eq!(events, vec![], "{}: {body}", vendor.provider);
                }
            }
            let page = list(&vendor, &server.url).await.unwrap_or_default();
            assert!(page.calls.is_empty(), "{}: {body}", vendor.provider);
        }
    }
}

#[tokio::test]
async fn a_list_has_calls_with_number_and_time() {
    for vendor in all().into_iter().filter(|vendor| !vendor.forgets()) {
        let server = Scripted::doing(Act::answer(200, &vendor.list)).await;
        let page = list(&vendor, &server.url).await.expect("a page");
        assert_eq!(page.calls.len(), 1, "{}", vendor.provider);
        let call = &page.calls[0];
        assert_eq!(call.address.as_deref(), Some(vendor.address), "{}", vendor.provider);
        assert!(call.created_at.is_some() && call.event.word.is_some(), "{}", vendor.provider);
        assert_eq!(page.next, None, "{}: one page is all", vendor.provider);
    }
}

#[tokio::test]
async fn a_call_is_hung_up_or_it_is_said_why_not() {
    for vendor in all() {
        let (adapter, http) = (vendor.adapter(), client());
        // The server's own address stands in for addresses that the vendor hands out.
        let answers = vendor.hang_up.clone();
        let server = Scripted::by(move |seen, before| {
            let host = format!("http://{}", seen.header("host").unwrap_or(""));
            match by_path(&answers)(seen, before) {
                Act::Answer { status, headers, body } => {
                    let body = String::from_utf8_lossy(&body).replace("http://self", &host);
                    Act::Answer { status, headers, body: body.into_bytes() }
                }
                act => act,
            }
        })
        .await;
        let account = vendor.account(&server.url);
        let hung_up = adapter.hang_up(&http, &account, vendor.id).await;
        assert_eq!(hung_up.is_ok(), !vendor.hang_up.is_empty(), "{}: {hung_up:?}", vendor.provider);
        assert_eq!(server.seen().len(), vendor.hang_up.len(), "{}", vendor.provider);
        let server = Scripted::doing(Act::answer(500, "{}")).await;
        let account = vendor.account(&server.url);
        assert!(adapter.hang_up(&http, &account, vendor.id).await.is_err(), "{}", vendor.provider);
    }
}

#[tokio::test]
async fn a_check_tells_a_wrong_key_from_a_vendor_out_of_reach() {
    for vendor in all() {
        let (adapter, http, name) = (vendor.adapter(), client(), vendor.provider);
        let fine = Scripted::doing(Act::answer(200, &vendor.list)).await;
        let checked = adapter.check(&http, &vendor.account(&fine.url)).await;
        assert!(checked.is_ok(), "{name}: {checked:?}");
        assert!(fine.seen().iter().all(|seen| seen.line.starts_with("GET ")), "{name}: only asks");
        let refusing = Scripted::doing(Act::answer(401, "{}")).await;
        let error = adapter.check(&http, &vendor.account(&refusing.url)).await.expect_err(name);
        assert!(error.found.contains("key"), "{name}: {error}");
        let error = adapter.check(&http, &vendor.account(&nobody())).await.expect_err(name);
        assert!(error.found.contains("connecting failed"), "{name}: {error}");
    }
}
