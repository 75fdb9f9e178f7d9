//! The sandbox as a caller sees it.

use super::receiver::{Receiver, Trial, order};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;

const SALE: [&str; 2] = ["--mix", "customer-ended-call:SALE=1"];

#[tokio::test]
async fn a_call_rings_is_answered_ends_and_is_reported_in_this_order() {
    let (trial, mut receiver) = (Trial::start(&SALE).await, Receiver::start().await);
    let (status, call) = trial.place(&order("+13035550100", &receiver.url)).await.expect("placed");
    assert_eq!(
        (status, call["subscriptionLimits"]["remainingConcurrentCalls"].as_u64()),
        (201, Some(9))
    );
    let labels = receiver.labels(3).await;
    assert_eq!(
        labels,
        ["status-update:ringing", "status-update:in-progress", "status-update:ended"]
    );
    let report = receiver.next().await;
    assert_eq!(report.body["message"]["analysis"]["structuredData"]["disposition"], "SALE");
    assert_eq!(report.body["message"]["call"]["id"], call["id"]);
    let attempt = call["name"].as_str().expect("the attempt id");
    assert_eq!(report.query, Some(format!("attempt={attempt}")));
}

#[tokio::test]
async fn webhooks_are_signed_over_timestamp_and_body() {
    let trial = Trial::start(&["--webhook-secret", "s3"]).await;
    let mut receiver = Receiver::start().await;
    trial.place(&order("+13035550100", &receiver.url)).await.expect("placed");
    let hook = receiver.next().await;
    let header = |name: &str| hook.headers[name].to_str().expect("text").to_owned();
    let mut mac = Hmac::<Sha256>::new_from_slice(b"s3").expect("any key");
    mac.update(format!("{}.", header("x-timestamp")).as_bytes());
    mac.update(&hook.raw);
    let digest: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(header("x-signature"), digest);
}

// D11
#[tokio::test]
async fn a_call_too_many_is_refused_in_either_style() {
    for (style, expected) in [("error", 400), ("blocked", 201)] {
        // A stopped clock keeps the first call on the line.
        let flags = [
            "--max-concurrent",
            "1",
            "--over-limit-style",
            style,
            "--clock-rate",
            "0.001",
            "--latency",
            "0",
        ];
        let trial = Trial::start(&flags).await;
        trial.place(&order("+13035550100", "http://127.0.0.1:9/")).await.expect("placed");
        let (status, body) = trial.place(&order("+13035550101", "")).await.expect("an answer");
        assert_eq!(status, expected);
        match style {
            "error" => assert_eq!(body, json!({"error": "Over Concurrency Limit"})),
            _ => assert_eq!(body["subscriptionLimits"]["concurrencyBlocked"], true),
        }
        let summary = trial.summary().await;
        assert_eq!(
            (summary["peak"].as_u64(), summary["refused"]["over_limit"].as_u64()),
            (Some(1), Some(1))
        );
    }
}

#[tokio::test]
async fn requests_come_too_fast_only_so_often() {
    let flags = ["--per-second", "1", "--burst", "2", "--clock-rate", "0.001", "--latency", "0"];
    let trial = Trial::start(&flags).await;
    for number in ["+13035550100", "+13035550101"] {
        assert_eq!(trial.place(&order(number, "")).await.expect("placed").0, 201);
    }
    let (status, _) = trial.place(&order("+13035550102", "")).await.expect("an answer");
    assert_eq!(status, 429);
}

#[tokio::test]
async fn what_the_real_one_would_not_accept_is_refused_with_every_reason() {
    let trial = Trial::start(&["--api-key", "k1"]).await;
    let bad = json!({"customer": {"number": "0303"}, "metadata": {}});
    let (status, body) = trial.place(&bad).await.expect("an answer");
    assert_eq!((status, body["message"].as_array().map(Vec::len)), (400, Some(4)));
    let wrong_key = trial.client.post(trial.url("/call")).bearer_auth("k2").json(&bad).send().await;
    assert_eq!(wrong_key.expect("an answer").status(), 401);
}

#[tokio::test]
async fn a_lost_answer_closes_the_connection_although_the_call_rings() {
    let trial = Trial::start(&["--fault", "lost_answer=1"]).await;
    let mut receiver = Receiver::start().await;
    let order = order("+13035550100", &receiver.url);
    assert!(trial.place(&order).await.is_err());
    assert_eq!(receiver.next().await.label(), "status-update:ringing");
    let (_, calls) = trial.get("/call?limit=10").await;
    assert_eq!(calls[0]["customer"]["externalId"], order["name"]);
}

#[tokio::test]
async fn a_fault_after_accepting_rings_and_one_before_does_not() {
    let trial = Trial::start(&[]).await;
    for (fault, accepted) in [("error_before", 0), ("error_after", 1)] {
        let change = json!({"numbers": {"+13035550100": {fault: 1.0}}});
        assert_eq!(trial.post("/sandbox/faults", &change).await.expect("an answer").0, 200);
        let (status, _) =
            trial.place(&order("+13035550100", "http://127.0.0.1:9/")).await.expect("an answer");
        assert_eq!(status, 500);
        assert_eq!(trial.summary().await["accepted"], accepted);
    }
}

#[tokio::test]
async fn the_final_report_can_overtake_and_webhooks_can_come_twice() {
    let flags =
        ["--mix", "customer-busy=1", "--fault", "out_of_order=1", "--fault", "doubled_webhook=1"];
    let (trial, mut receiver) = (Trial::start(&flags).await, Receiver::start().await);
    trial.place(&order("+13035550100", &receiver.url)).await.expect("placed");
    let labels = receiver.labels(6).await;
    assert_eq!(labels[..2], ["end-of-call-report", "end-of-call-report"]);
    assert_eq!(labels[2..4], ["status-update:ringing", "status-update:ringing"]);
}

#[tokio::test]
async fn a_call_is_hung_up_by_its_control_url() {
    let mut flags = SALE.to_vec();
    flags.extend(["--clock-rate", "1"]);
    let (trial, mut receiver) = (Trial::start(&flags).await, Receiver::start().await);
    let (_, call) = trial.place(&order("+13035550100", &receiver.url)).await.expect("placed");
    let url = call["monitor"]["controlUrl"].as_str().expect("a URL");
    let order = json!({"type": "end-call"});
    let answer = trial.client.post(url).json(&order).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    assert_eq!(receiver.labels(2).await[1], "status-update:ended");
    assert_eq!(receiver.next().await.body["message"]["endedReason"], "manually-canceled");
}

#[tokio::test]
async fn the_judge_sees_a_doubled_attempt_and_two_live_calls_to_one_number() {
    let trial = Trial::start(&["--clock-rate", "0.001", "--latency", "0"]).await;
    let order = order("+13035550100", "http://127.0.0.1:9/");
    for _ in 0..2 {
        trial.place(&order).await.expect("placed");
    }
    let summary = trial.summary().await;
    assert_eq!(summary["doubled_attempts"], 1);
    assert_eq!(summary["two_live_calls_to_one_number"], 1);
    assert_eq!(summary["calls_per_number"]["+13035550100"], 2);
}

#[tokio::test]
async fn an_email_is_sent_once_for_one_key() {
    let mut receiver = Receiver::start().await;
    let url = receiver.url.clone();
    let trial = Trial::start(&["--email-webhook-url", &url]).await;
    let email = json!({"from": "a@example.org", "to": ["b@example.org"], "subject": "s",
        "tags": [{"name": "attempt_id", "value": "7"}]});
    let send = || {
        trial.client.post(trial.url("/emails")).header("idempotency-key", "7").json(&email).send()
    };
    let first: serde_json::Value = send().await.expect("sent").json().await.expect("JSON");
    let again: serde_json::Value = send().await.expect("sent").json().await.expect("JSON");
    assert_eq!(first, again);
    let hook = receiver.next().await;
    assert_eq!(
        (hook.label().as_str(), &hook.body["data"]["tags"]["attempt_id"]),
        ("email.sent", &json!("7"))
    );
    assert_eq!(trial.summary().await["emails"]["sent"], 1);
}

#[tokio::test]
async fn the_clock_tells_the_stated_time() {
    let flags = [
        "--clock-origin",
        "2026-11-23T08:00:00Z",
        "--clock-origin-at",
        "2020-01-01T00:00:00Z",
        "--latency",
        "0",
        "--clock-rate",
        "0.000001",
    ];
    let trial = Trial::start(&flags).await;
    let (_, call) = trial.place(&order("+13035550100", "")).await.expect("placed");
    let created = call["createdAt"].as_str().expect("an instant");
    assert!(created.starts_with("2026-11-23T08:0"), "{created}");
}
