//! What the console asks beyond the rest of the API: whose key it is, how it stands, what failed.

use crate::ONE_AT_A_TIME;
use crate::api::{Office, office};
use reqwest::Method;
use serde_json::{Value, json};

async fn settled(office: &Office, sql: &str) {
    office.rehearsal.db.batch_execute(sql).await.unwrap();
}

// R203
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_says_what_it_is_good_for_and_the_overview_how_it_stands() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("overview", &[]).await;
    for (key, scope) in [(&office.read, "read"), (&office.plan, "plan"), (&office.admin, "admin")] {
        let reply = office.ask(Method::GET, key, "/api/v1/key", &[], None).await;
        assert_eq!(reply.data()["scope"], json!(scope));
        assert_eq!(reply.data()["tenant"], json!("default"));
    }
    settled(
        &office,
        "select dialer.schedule_call('spring', '+12125550101', '2026-12-07 15:00Z', tz => 'America/New_York');
         select dialer.create_campaign('later', 'voice', 'Mo-Fr 09:00-17:00'); select dialer.start_campaign('later');
         select dialer.schedule_call('later', '+12125550102', '2026-12-08 15:00Z', tz => 'America/New_York');
         select dialer.pause_queue('lunch')",
    )
    .await;
    let reply = office.get("/api/v1/overview?tz=America/New_York").await;
    let data = reply.data();
    let standing = [
        "dispatchers",
        "due",
        "outsideHours",
        "later",
        "held",
        "queuePaused",
        "queueReason",
        "nextDueAt",
    ];
    let found: Vec<&Value> = standing.iter().map(|name| &data[*name]).collect();
    let wanted = [
        json!(1),
        json!(0),
        json!(0),
        json!(1),
        json!(1),
        json!(true),
        json!("lunch"),
        json!("2026-12-08T15:00:00Z"),
    ];
    assert_eq!(found, wanted.iter().collect::<Vec<_>>());
    let account = &data["accounts"][1];
    assert_eq!((&account["name"], &account["inUse"]), (&json!("voice"), &json!(0)));
    assert_eq!(data["outcomesToday"], json!([]));
    let reply = office.get("/api/v1/overview?tz=Mars/Olympus").await;
    assert_eq!(reply.code(), (400, "INVALID_TIMEZONE"));
    let choices = office.get("/api/v1/choices").await;
    let policies = choices.data()["policies"].as_array().unwrap();
    assert!(policies.iter().any(|policy| policy["name"] == "redial-8-a-day"), "{policies:?}");
    let purposes = choices.data()["purposes"].as_array().unwrap();
    assert!(purposes.contains(&json!("telemarketing")), "{purposes:?}");
    assert_eq!(choices.data()["consentPurposes"], json!([]));
    settled(&office, "update dialer.campaign set consent = 'sales' where name = 'later'").await;
    let choices = office.get("/api/v1/choices").await;
    assert_eq!(choices.data()["consentPurposes"], json!(["sales"]));
}

// R206, R207, R227
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn failed_calls_are_listed_by_page_and_called_once_more_by_those_who_may_plan() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("overview_failed", &["--no-dispatch"]).await;
    // Made before, and not by a tick while the calls are being changed.
    settled(&office, "select dialer.ensure_partitions(dialer.now())").await;
    settled(
        &office,
        "select dialer.schedule_call('spring', '+1212555010' || i, tz => 'America/New_York') from generate_series(1, 3) i;
         update dialer.call set state = 'failed', ended_at = dialer.now() + call_id * interval '1 second', end_reason = 'attempts_spent';
         delete from dialer.due",
    )
    .await;
    let first = office.get("/api/v1/dead-letters?limit=2").await;
    let ids = |data: &Value| -> Vec<i64> {
        data["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["callId"].as_i64().unwrap())
            .collect()
    };
    assert_eq!(ids(first.data()), [3, 2]);
    let cursor = first.data()["nextCursor"].as_str().unwrap();
    let second = office.get(&format!("/api/v1/dead-letters?limit=2&cursor={cursor}")).await;
    assert_eq!((ids(second.data()), &second.data()["nextCursor"]), (vec![1], &Value::Null));
    assert_eq!(office.get("/api/v1/stuck").await.data(), &json!([]));
    let changes = office.get("/api/v1/calls/2/transitions").await;
    assert_eq!(changes.data()[0]["toState"], json!("failed"));
    let nobody = office.get("/api/v1/calls/99/transitions").await;
    assert_eq!(nobody.code(), (404, "SCHEDULED_CALL_NOT_FOUND"));
    let retry = "/api/v1/dead-letters/retry";
    let body = json!({"callIds": [2], "dryRun": false});
    let refused = office.ask(Method::POST, &office.read, retry, &[], Some(body.clone())).await;
    assert_eq!(refused.code(), (403, "FORBIDDEN"));
    let tried = office.post(retry, json!({"callIds": [2]})).await;
    assert_eq!(
        (&tried.data()[0]["result"], &tried.data()[0]["newCallId"]),
        (&json!("scheduled"), &Value::Null)
    );
    let done = office.post(retry, body.clone()).await;
    assert_eq!(done.data()[0]["newCallId"], json!(4));
    assert_eq!(office.post(retry, body).await.data()[0]["result"], json!("exists"));
    let reset = office.post("/api/v1/stuck/reset", json!({"dryRun": false})).await;
    assert_eq!(reset.data(), &json!([]));
}

// R124, R227: what a campaign recurs by is part of making it, and nothing is half made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_made_with_its_frequency_or_not_at_all() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("overview_frequency", &["--no-dispatch"]).await;
    let campaign = |name: &str, frequency: &str| json!({"name": name, "account": "voice", "hours": "Mo-Fr 09:00-17:00", "frequency": frequency, "recurs": true, "contactLimit": 3});
    let made = office.post("/api/v1/campaigns", campaign("weekly", "2 per week")).await;
    assert_eq!(made.status, 201);
    let shown = office.get("/api/v1/campaigns/weekly").await;
    assert_eq!(shown.data()["policy"], json!("frequency of weekly"));
    let odd = office.post("/api/v1/campaigns", campaign("odd", "now and then")).await;
    assert_eq!(odd.body["error"]["sqlstate"], json!("PD058"));
    assert_eq!(office.get("/api/v1/campaigns/odd").await.code(), (404, "CAMPAIGN_NOT_FOUND"));
    let mut both = campaign("both", "1 per day");
    both["policy"] = json!("once");
    let both = office.post("/api/v1/campaigns", both).await;
    assert_eq!(both.code(), (400, "VALIDATION_ERROR"));
}
