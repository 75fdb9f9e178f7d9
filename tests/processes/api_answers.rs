//! What programs find in the API's answers: batches in several requests, campaigns with their
//! frequency, runs and days, and which calls belong to what.

use crate::ONE_AT_A_TIME;
use crate::api::{Office, Reply, office};
use crate::day::number;
use reqwest::Method;
use serde_json::{Value, json};

fn chunk(from: u32, count: u32, base: &str) -> Value {
    let cases: Vec<Value> = (from..from + count)
        .map(|n| json!({"phone": format!("+1212555{:04}", 100 + n), "tz": "America/New_York"}))
        .collect();
    json!({
        "cases": cases, "callCampaign": "spring", "callAt": base, "callStep": "2 minutes",
        "batchKey": "tuesday", "firstPosition": from, "ofCount": 5,
    })
}

fn told(reply: &Reply, names: &[&str]) -> Vec<Value> {
    let lines = reply.data()["lines"].as_array().unwrap();
    lines.iter().map(|line| names.iter().map(|name| line[*name].clone()).collect()).collect()
}

// R001, R006, R007, R013, R020: requests of one batch have the slots of one pass, and everybody is called.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_in_two_requests_has_the_slots_of_one() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_chunks", &["--no-dispatch"]).await;
    let base = "2026-12-07T15:00:00Z";
    let first = office.post("/api/v1/batches", chunk(1, 3, base)).await;
    let second = office.post("/api/v1/batches", chunk(4, 2, base)).await;
    let names = ["position", "ofCount", "offset", "dueAt", "result"];
    let line =
        |position: u32, offset: &str, at: &str| json!([position, 5, offset, at, "scheduled"]);
    assert_eq!(
        told(&first, &names),
        [
            line(1, "00:00:00", "2026-12-07T15:00:00Z"),
            line(2, "00:02:00", "2026-12-07T15:02:00Z"),
            line(3, "00:04:00", "2026-12-07T15:04:00Z"),
        ]
    );
    assert_eq!(
        told(&second, &names),
        [line(4, "00:06:00", "2026-12-07T15:06:00Z"), line(5, "00:08:00", "2026-12-07T15:08:00Z")]
    );
    // The same again plans nothing, and other people under the key of these are not said to be planned.
    let again = office.post("/api/v1/batches", chunk(4, 2, base)).await;
    assert_eq!(told(&again, &["result"]), [json!(["exists"]), json!(["exists"])]);
    let mut mistaken = chunk(4, 2, base);
    mistaken["cases"][0]["phone"] = json!("+12125550199");
    let mistaken = office.post("/api/v1/batches", mistaken).await;
    assert_eq!(told(&mistaken, &["result"]), [json!(["key_of_another"]), json!(["exists"])]);
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.call").await, 5);
    // Without a base each request would count from its own now.
    let mut baseless = chunk(4, 2, base);
    baseless.as_object_mut().unwrap().remove("callAt");
    assert_eq!(office.post("/api/v1/batches", baseless).await.code(), (400, "VALIDATION_ERROR"));
    let mut beyond = chunk(4, 2, base);
    beyond["firstPosition"] = json!(5);
    assert_eq!(office.post("/api/v1/batches", beyond).await.code(), (400, "VALIDATION_ERROR"));
    let log = std::fs::read_to_string(office.rehearsal.dir.join("dialerd-0.log")).unwrap();
    let logged = log.lines().find(|line| line.contains("a batch was planned")).unwrap();
    for field in ["planned", "first_position", "last_position", "of_count", "first_due_at"] {
        assert!(logged.contains(field), "{logged}");
    }
}

// R016, R017, R018, R013: strategies and keys of the cases, by the API.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_spread_by_the_strategy_that_is_asked_for() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_strategy", &["--no-dispatch"]).await;
    let mut batch = chunk(1, 3, "2026-12-07T15:00:00Z");
    batch["ofCount"] = json!(3);
    batch["callStrategy"] = json!("custom");
    batch["callOptions"] = json!({"offsets": ["0", "5 minutes", "1 hour"]});
    for (index, case) in batch["cases"].as_array_mut().unwrap().iter_mut().enumerate() {
        case["external_key"] = json!(format!("case-{index}"));
    }
    let shown = office.post("/api/v1/batches/preview", batch.clone()).await;
    assert_eq!(
        told(&shown, &["caseKey", "offset", "localTime"]),
        [
            json!(["case-0", "00:00:00", "Mon 2026-12-07 10:00:00"]),
            json!(["case-1", "00:05:00", "Mon 2026-12-07 10:05:00"]),
            json!(["case-2", "01:00:00", "Mon 2026-12-07 11:00:00"]),
        ]
    );
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.call").await, 0);
    batch["callStrategy"] = json!("random");
    assert_eq!(office.post("/api/v1/batches", batch).await.code(), (400, "VALIDATION_ERROR"));
}

async fn campaign(office: &Office, name: &str) -> Value {
    office.get(&format!("/api/v1/campaigns/{name}")).await.data().clone()
}

fn some(campaign: &Value, names: &[&str]) -> Value {
    names.iter().map(|name| campaign[*name].clone()).collect()
}

// R135, R142, R026, R027, R133: what a campaign is told is shown again, and a frequency recurs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_shows_its_frequency_and_its_limits() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_frequency", &["--no-dispatch"]).await;
    let new = |more: Value| {
        let mut body = json!({"account": "voice", "hours": "Mo,We,Fr 09:00-17:00"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        office.post("/api/v1/campaigns", body)
    };
    let names =
        ["frequency", "recurs", "maxConcurrent", "perSecond", "contactLimit", "contactLimitCounts"];
    new(json!({"name": "usual", "frequency": "3 per week", "contactLimit": 3, "contactLimitCounts": "conversations"})).await.data();
    assert_eq!(
        some(&campaign(&office, "usual").await, &names),
        json!(["3 per week", true, 10, 0.833333, 3, "conversations"])
    );
    new(json!({"name": "stated", "frequency": "2 per 10 days", "recurs": false, "maxConcurrent": null, "perMinute": null})).await.data();
    assert_eq!(
        some(&campaign(&office, "stated").await, &names),
        json!(["2 per 10 days", false, null, null, null, "attempts"])
    );
    new(json!({"name": "once more", "frequency": "monthly", "perSecond": 2})).await.data();
    assert_eq!(
        some(&campaign(&office, "once%20more").await, &names),
        json!(["1 per month", true, 10, 2.0, null, "attempts"])
    );
    new(json!({"name": "by policy", "policy": "once", "perMinute": 30})).await.data();
    assert_eq!(
        some(&campaign(&office, "by%20policy").await, &names),
        json!([null, false, null, 0.5, null, "attempts"])
    );
    let changed = json!({"frequency": "daily", "perMinute": 60, "contactLimit": null});
    let path = "/api/v1/campaigns/usual";
    let reply = office.ask(Method::PATCH, &office.plan, path, &[], Some(changed)).await;
    assert_eq!(
        some(reply.data(), &names),
        json!(["1 per day", true, 10, 1.0, null, "conversations"])
    );
    for wrong in [
        json!({"name": "x", "frequency": "daily", "policy": "once"}),
        json!({"name": "x", "frequency": "daily", "perMinute": 6, "perSecond": 1}),
        json!({"name": "x", "frequency": "now and then"}),
        json!({"name": "x", "perMinute": "six"}),
    ] {
        assert_eq!(new(wrong.clone()).await.code(), (400, "VALIDATION_ERROR"), "{wrong}");
    }
}

// R138, C17, C18: a stopped campaign runs again as a new one; the days of one that recurs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_campaign_runs_again_and_shows_its_days() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_restore", &["--no-dispatch"]).await;
    let new = json!({"name": "news", "account": "voice", "hours": "Mo,We,Fr 09:00-17:00", "frequency": "weekly", "start": true});
    office.post("/api/v1/campaigns", new).await.data();
    let mut members = Vec::new();
    for n in 0..3 {
        let contact = json!({"address": format!("+1212555010{n}"), "tz": "America/New_York"});
        members.push(office.post("/api/v1/contacts", contact).await.data()["contactId"].clone());
    }
    let enrolled = json!({"contactIds": members});
    office.post("/api/v1/campaigns/news/enrol", enrolled).await.data();
    let days = office.get("/api/v1/campaigns/news/days?days=4").await;
    let lines: Vec<Value> = days
        .data()
        .as_array()
        .unwrap()
        .iter()
        .map(|day| some(day, &["date", "weekday", "open", "due", "calls"]))
        .collect();
    assert_eq!(lines[0], json!(["2026-12-04", "Fri", lines[0][2], 3, 3]));
    assert_eq!(lines[1], json!(["2026-12-05", "Sat", "00:00:00", 0, 0]));
    assert_eq!(lines[3], json!(["2026-12-07", "Mon", "08:00:00", 3, 3]));
    for wrong in ["days=0", "days=101", "averageCall=soon", "averageCall=-5%20seconds"] {
        let path = format!("/api/v1/campaigns/news/days?{wrong}");
        assert_eq!(office.get(&path).await.code(), (400, "VALIDATION_ERROR"), "{wrong}");
    }
    assert_eq!(office.get("/api/v1/campaigns/none/days").await.code().0, 404);
    let restore = "/api/v1/campaigns/news/restore";
    assert_eq!(office.post(restore, json!({})).await.code(), (409, "INVALID_OPERATION"));
    let before =
        number(&office.rehearsal, "select count(*) from dialer.call where state = 'scheduled'")
            .await;
    office.post("/api/v1/campaigns/news/stop", json!({"reason": "mistake"})).await.data();
    office.rehearsal.db.batch_execute("select dialer.tick()").await.unwrap();
    let again = office.post(restore, json!({})).await;
    assert_eq!((again.status, &again.data()["campaign"]), (201, &json!("news (run 2)")));
    assert_eq!((&again.data()["members"], &again.data()["planned"]), (&json!(3), &json!(before)));
    let run = campaign(&office, "news%20(run%202)").await;
    assert_eq!(some(&run, &["state", "frequency", "recurs"]), json!(["draft", "1 per week", true]));
    let named = office.post(restore, json!({"name": "news again"})).await;
    assert_eq!(named.data()["campaign"], json!("news again"));
    assert_eq!(
        office.post(restore, json!({"name": "news again"})).await.code(),
        (409, "ALREADY_EXISTS")
    );
    let reader = office.ask(Method::POST, &office.read, restore, &[], Some(json!({}))).await;
    assert_eq!(reader.code(), (403, "FORBIDDEN"));
}

/// The numbers that a list of scheduled calls shows, and how many it counts.
async fn listed(office: &Office, query: &str) -> (Vec<String>, i64) {
    let reply = office.get(&format!("/api/v1/scheduling/scheduled-calls?userId={query}")).await;
    let calls = reply.data()["scheduledCalls"].as_array().unwrap();
    let mut numbers: Vec<String> = calls
        .iter()
        .map(|call| call["phoneNumber"].as_str().unwrap().trim_start_matches("+1212555").to_owned())
        .collect();
    numbers.sort();
    (numbers, reply.data()["total"].as_i64().unwrap())
}

// R039, R042, R141, R166, R222: each filter leaves something out, and another's calls are never seen.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_scheduled_calls_leaves_out_what_was_not_asked_for() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let flags = ["--no-dispatch", "--default-timezone", "America/New_York"];
    let office = office("api_filters", &flags).await;
    let other = json!({"name": "autumn", "account": "voice", "hours": "24/7", "settings": {"agentId": "ada"}});
    office.post("/api/v1/campaigns", other).await.data();
    for (number, agent, user, at, customer) in [
        ("+12125550101", "spring", "u1", "2026-12-07T15:00:00Z", "k1"),
        ("+12125550102", "ada", "u1", "2026-12-08T04:59:59Z", "k2"),
        ("+12125550103", "ada", "u1", "2026-12-08T05:00:00Z", "k1"),
        ("+12125550104", "spring", "u2", "2026-12-07T15:00:00Z", "k1"),
    ] {
        let body = json!({
            "phoneNumber": number, "agentId": agent, "userId": user, "scheduledFor": at,
            "timezone": "America/New_York", "metadata": {"campaignId": agent, "customerId": customer},
        });
        office.post("/api/v1/scheduling/schedule", body).await.data();
    }
    office.post("/api/v1/scheduling/1/cancel", json!({"userId": "u1"})).await.data();
    for (query, numbers) in [
        ("u1", &["0101", "0102", "0103"][..]),
        ("u2", &["0104"]),
        ("u3", &[]),
        ("u1&status=cancelled", &["0101"]),
        ("u1&status=pending", &["0102", "0103"]),
        ("u1&agentId=spring", &["0101"]),
        ("u1&agentId=ada", &["0102", "0103"]),
        ("u1&agentId=autumn", &["0102", "0103"]),
        ("u1&startDate=2026-12-08T05:00:00Z", &["0103"]),
        ("u1&endDate=2026-12-08T05:00:00Z", &["0101", "0102"]),
        // A date is the day in the server's default zone, and the last one is included.
        ("u1&startDate=2026-12-08", &["0103"]),
        ("u1&endDate=2026-12-07", &["0101", "0102"]),
        ("u1&startDate=2026-12-07&endDate=2026-12-07", &["0101", "0102"]),
        ("u1&metadataCustomerId=k1", &["0101", "0103"]),
        ("u1&metadataCampaignId=ada&metadataCustomerId=k1", &["0103"]),
    ] {
        let found = listed(&office, query).await;
        assert_eq!(
            found,
            (numbers.iter().map(|n| (*n).to_owned()).collect(), numbers.len() as i64),
            "{query}"
        );
    }
    let calls = office.get("/api/v1/calls?metadataCustomerId=k1&state=scheduled").await;
    assert_eq!(calls.data()["items"].as_array().unwrap().len(), 2);
    for wrong in ["startDate=Monday", "endDate=2026-02-30", "metadataCampaign=ada"] {
        let path = format!("/api/v1/scheduling/scheduled-calls?userId=u1&{wrong}");
        assert_eq!(office.get(&path).await.code(), (400, "VALIDATION_ERROR"), "{wrong}");
    }
}

// R034, R047, R048, R178: business hours that are stated, and those of the configuration where they are only asked for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn business_hours_are_those_of_the_call_or_of_the_configuration() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let flags = [
        "--no-dispatch",
        "--default-business-hours",
        "Mo-Fr 10:00-16:00",
        "--default-timezone",
        "Asia/Kolkata",
    ];
    let office = office("api_hours", &flags).await;
    let agent = json!({"name": "any time", "account": "voice", "hours": "24/7"});
    office.post("/api/v1/campaigns", agent).await.data();
    let schedule = |more: Value| {
        // Saturday in Kolkata.
        let mut body = json!({"phoneNumber": "+919812345678", "agentId": "any time", "userId": "u1", "scheduledFor": "2026-12-05T06:00:00Z"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        office.post("/api/v1/scheduling/schedule", body)
    };
    for (more, local, respects, hours) in [
        (json!({}), "2026-12-05T11:30:00+05:30", false, json!(null)),
        (
            json!({"respectBusinessHours": true}),
            "2026-12-07T10:00:00+05:30",
            true,
            json!({"hours": "Mo-Fr 10:00-16:00", "timezone": "Asia/Kolkata"}),
        ),
        (
            json!({"businessHours": {"start": "09:00", "end": "18:00", "timezone": "America/New_York", "daysOfWeek": [1]}}),
            "2026-12-07T19:30:00+05:30",
            true,
            json!({"start": "09:00", "end": "18:00", "timezone": "America/New_York", "daysOfWeek": [1]}),
        ),
        (
            json!({"respectBusinessHours": false, "businessHours": {"start": "09:00", "end": "18:00"}}),
            "2026-12-05T11:30:00+05:30",
            false,
            json!({"start": "09:00", "end": "18:00"}),
        ),
    ] {
        let made = schedule(more.clone()).await;
        assert_eq!(made.data()["scheduledForLocal"], json!(local), "{more}");
        let id = made.data()["scheduledCallId"].as_str().unwrap();
        let call = office.get(&format!("/api/v1/scheduling/scheduled-calls/{id}")).await;
        assert_eq!(
            some(call.data(), &["respectBusinessHours", "businessHours"]),
            json!([respects, hours]),
            "{more}"
        );
    }
}

// R175: whoever has no key yet finds out what there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_index_lists_every_operation_without_a_key() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_index", &["--no-dispatch"]).await;
    let index = office.ask(Method::GET, "", "/api", &[], None).await;
    let listed: Vec<(String, String)> = index.data()["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (one["method"].as_str().unwrap().to_owned(), one["path"].as_str().unwrap().to_owned())
        })
        .collect();
    for (method, path) in [
        ("POST", "/api/v1/scheduling/schedule"),
        ("GET", "/api/v1/scheduling/scheduled-calls"),
        ("POST", "/api/v1/scheduling/{id}/cancel"),
        ("POST", "/api/v1/scheduling/{id}/reschedule"),
        ("GET", "/api/v1/scheduling/stats"),
    ] {
        assert!(
            listed.contains(&(method.to_owned(), path.to_owned())),
            "{method} {path}: {listed:?}"
        );
    }
    let document = office.ask(Method::GET, "", "/openapi.json", &[], None).await;
    let described: usize = document.body["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    assert_eq!(listed.len(), described);
}

/// A gauge as Prometheus reads it.
async fn gauge(office: &Office, name: &str) -> Option<f64> {
    let url = office.rehearsal.dispatcher_url(0, "/metrics");
    let text = office.rehearsal.http.get(url).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with(&format!("{name} ")))?;
    line.rsplit(' ').next()?.parse().ok()
}

// R152, R161, R196, R197, R198: callbacks, a clean that is only tried, metrics of the queue, and a line in the log for each change.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promises_a_trial_of_a_clean_and_the_queue_are_told() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut office = office("api_told", &["--no-dispatch"]).await;
    let call = json!({"campaign": "spring", "address": "+12125550101", "name": "Ada", "tz": "America/New_York"});
    let id = office.post("/api/v1/calls", call).await.data()["callId"].clone();
    let at = |path: &str| format!("/api/v1/calls/{id}/{path}");
    office.post(&at("reschedule"), json!({"dueAt": "2026-12-08T15:00:00Z"})).await.data();
    office.post(&at("callback"), json!({"callbackAt": "2026-12-09T15:00:00Z"})).await.data();
    let waiting = office.get("/api/v1/callbacks?status=waiting&campaign=spring").await;
    let items = waiting.data()["items"].as_array().unwrap();
    assert_eq!(
        some(&items[0], &["callId", "status", "wantedAt"]),
        json!([id, "waiting", "2026-12-09T15:00:00Z"])
    );
    assert_eq!(office.get("/api/v1/callbacks?status=kept").await.data()["items"], json!([]));
    assert_eq!(office.get("/api/v1/callbacks?status=lost").await.code(), (400, "VALIDATION_ERROR"));
    office.post(&at("cancel"), json!({})).await.data();
    let series = json!({"campaign": "spring", "address": "+12125550102", "startLocal": "2026-12-07T10:00:00", "rule": "FREQ=DAILY", "tz": "America/New_York"});
    let series = office.post("/api/v1/series", series).await.data()["seriesId"].clone();
    office.post(&format!("/api/v1/series/{series}/cancel"), json!({})).await.data();
    let tried = json!({"keepCompleted": "0", "dryRun": true});
    assert_eq!(
        office.post("/api/v1/queue/clean", tried).await.data()[0],
        json!({"status": "completed", "cleaned": 0})
    );
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.queue_control").await, 0);
    let later = json!({"campaign": "spring", "address": "+12125550103", "tz": "America/New_York", "dueAt": "2026-12-08T15:00:00Z"});
    office.post("/api/v1/calls", later).await.data();
    // The gauges are set when a dispatcher begins.
    let second = office.rehearsal.start_dispatcher().await.unwrap();
    office.rehearsal.kill_dispatcher(0).unwrap();
    office.rehearsal.revive_dispatcher(0).await.unwrap();
    let mut delayed = None;
    for _ in 0..200 {
        delayed = gauge(&office, "dialerd_queue{state=\"delayed\"}").await;
        if delayed.is_some() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(
        (delayed, gauge(&office, "dialerd_stuck").await),
        (Some(1.0), Some(0.0)),
        "{second}"
    );
    let (said, _) = office.rehearsal.dialerd(&["doctor"]).unwrap();
    assert!(said.contains("ok    stuck calls"), "{said}");
    let log = std::fs::read_to_string(office.rehearsal.dir.join("dialerd-0.log")).unwrap();
    for event in [
        "call planned",
        "call rescheduled",
        "callback was promised",
        "call cancelled",
        "series planned",
        "series cancelled",
    ] {
        assert!(log.contains(event), "no {event:?} in\n{log}");
    }
    assert!(!log.contains("1212555") && !log.contains("Ada"), "{log}");
}

// D8: a live call is ended by its provider, and only there; what does not live is not hung up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_live_call_is_hung_up_by_its_provider() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = crate::day::begin(
        "api_hang_up",
        1.0,
        &["--ring", "1..1", "--talk", "500..600", "--mix", "customer-ended-call=1"],
    )
    .await;
    rehearsal
        .db
        .batch_execute(
            "select dialer.create_campaign('spring', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('spring')",
        )
        .await
        .unwrap();
    let (read, plan) = (
        crate::api::key(&rehearsal, "read", "read").await,
        crate::api::key(&rehearsal, "plan", "plan").await,
    );
    rehearsal.start_dispatcher().await.unwrap();
    let office = Office { rehearsal, admin: plan.clone(), read, plan };
    for (number, at) in
        [("+12125550101", json!(null)), ("+12125550102", json!("2026-12-08T15:00:00Z"))]
    {
        let call =
            json!({"campaign": "spring", "address": number, "tz": "America/New_York", "dueAt": at});
        office.post("/api/v1/calls", call).await.data();
    }
    crate::day::until(
        &office.rehearsal,
        "select exists (select from dialer.lease where state = 'answered' and provider_call_id is not null)",
    )
    .await;
    let hang_up = "/api/v1/calls/1/hang-up";
    let reader = office.ask(Method::POST, &office.read, hang_up, &[], Some(json!({}))).await;
    assert_eq!(reader.code(), (403, "FORBIDDEN"));
    assert_eq!(
        office.post("/api/v1/calls/2/hang-up", json!({})).await.code(),
        (409, "INVALID_OPERATION")
    );
    assert_eq!(
        office.post("/api/v1/calls/99/hang-up", json!({})).await.code(),
        (404, "SCHEDULED_CALL_NOT_FOUND")
    );
    let asked = office
        .ask(Method::POST, &office.plan, hang_up, &[("idempotency-key", "end-1")], Some(json!({})))
        .await;
    assert_eq!((asked.status, &asked.data()["provider"]), (202, &json!("sandbox")));
    let again = office
        .ask(Method::POST, &office.plan, hang_up, &[("idempotency-key", "end-1")], Some(json!({})))
        .await;
    assert_eq!((again.status, again.data()), (202, asked.data()));
    crate::day::until(
        &office.rehearsal,
        "select exists (select from dialer.attempt where call_id = 1 and outcome = 'cancelled' and ended_at < answered_at + interval '1 minute')",
    )
    .await;
    assert_eq!(office.post(hang_up, json!({})).await.code(), (409, "INVALID_OPERATION"));
    let log = std::fs::read_to_string(office.rehearsal.dir.join("dialerd-0.log")).unwrap();
    assert!(log.contains("provider was asked to hang up"), "{log}");
}
