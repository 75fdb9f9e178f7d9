//! Webhooks as anybody on the network may send them.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use dialer_tests::rehearsal::{HOOK_SECRET, Rehearsal};
use serde_json::{Value, json};

const HOOK: &str = "/hooks/sandbox/voice";
const STORED: &str = "select count(*) from dialer.provider_event";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_is_not_believed_or_understood_changes_nothing() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = begin("webhook", 1.0, &[]).await;
    rehearsal.start_dispatcher().await.unwrap();
    let end = report("no-such-call", "00000000-0000-0000-0000-000000000000").to_string();
    let stale = [("x-signature", "00"), ("x-timestamp", "1000000000")];
    let forged = [("x-signature", "00"), ("x-timestamp", "99999999999999")];
    for headers in
        [&[][..], &[("x-vapi-secret", "guess")], &[("x-vapi-secret", "")], &stale, &forged]
    {
        assert_eq!(post(&rehearsal, HOOK, headers, end.clone()).await.0, 401, "{headers:?}");
    }
    let signed = [("x-vapi-secret", HOOK_SECRET)];
    let post_signed = |path, body: &str| post(&rehearsal, path, &signed, body.to_owned());
    for body in ["", "nonsense", "{\"message\": ", "\u{0}"] {
        let (status, answer) = post_signed(HOOK, body).await;
        assert_eq!((status, &answer["error"]), (400, &json!("the body is not JSON")), "{body:?}");
    }
    for body in ["{}", "[]", "7", "{\"hello\": 1}", "{\"message\": {\"type\": \"speech-update\"}}"]
    {
        let (status, answer) = post_signed(HOOK, body).await;
        assert_eq!((status, &answer["results"]), (200, &json!([])), "{body:?}");
    }
    assert_eq!(post_signed("/hooks/sandbox/nobody", &end).await.0, 404);
    assert_eq!(post_signed("/hooks/nobody/voice", &end).await.0, 404);
    for _ in 0..5 {
        assert_eq!(post_signed(HOOK, &" ".repeat(10_000_000)).await.0, 413);
    }
    assert_eq!(number(&rehearsal, STORED).await, 0);
    // What is well-formed and of no call of ours is kept, and said to be so.
    assert_eq!(post_signed(HOOK, &end).await, (200, json!({"results": ["unmatched"]})));
    assert_eq!(number(&rehearsal, STORED).await, 1);
}

// R120, D3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_doubled_webhook_ends_its_call_once() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = begin("doubled", 1.0, &["--fault", "lost_webhook=1"]).await;
    rehearsal
        .db
        .batch_execute(
            "select dialer.create_campaign('once', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('once');
             select dialer.schedule_call('once', '+12125550101', tz => 'America/New_York')",
        )
        .await
        .unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until(
        &rehearsal,
        "select exists (select from dialer.lease where provider_call_id is not null)",
    )
    .await;
    let lease = "select provider_call_id, attempt_id::text from dialer.lease";
    let lease = rehearsal.db.query_one(lease, &[]).await.unwrap();
    let body = report(lease.get(0), lease.get(1)).to_string();
    let signed = [("x-vapi-secret", HOOK_SECRET)];
    for result in ["applied", "doubled", "doubled"] {
        let answer = post(&rehearsal, HOOK, &signed, body.clone()).await;
        assert_eq!(answer, (200, json!({"results": [result]})));
    }
    let ended = "select count(*) from dialer.attempt where outcome = 'sale'";
    assert_eq!(number(&rehearsal, ended).await, 1);
    assert_eq!(number(&rehearsal, "select count(*) from dialer.lease").await, 0);
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}

fn report(call_id: &str, attempt_id: &str) -> Value {
    json!({"message": {
        "type": "end-of-call-report",
        "endedReason": "customer-ended-call",
        "call": {"id": call_id, "customer": {"externalId": attempt_id}},
        "analysis": {"structuredData": {"disposition": "SALE"}},
    }})
}

async fn post(
    rehearsal: &Rehearsal,
    path: &str,
    headers: &[(&str, &str)],
    body: String,
) -> (u16, Value) {
    let mut request = rehearsal.http.post(rehearsal.dispatcher_url(0, path)).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = request.send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}
