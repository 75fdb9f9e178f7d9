//! The REST API as programs use it: a real dialerd, a real database, keys of two tenants.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use dialer_tests::rehearsal::{HOOK_SECRET, Rehearsal, SECRETS, connect};
use reqwest::Method;
use serde_json::{Value, json};

/// What came back.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Reply {
    /// The code of a refusal.
    pub fn code(&self) -> (u16, &str) {
        assert_eq!(self.body["success"], json!(false), "{self:?}");
        (self.status, self.body["error"]["code"].as_str().unwrap_or_default())
    }

    /// What a good answer holds.
    pub fn data(&self) -> &Value {
        assert_eq!(self.body["success"], json!(true), "{self:?}");
        &self.body["data"]
    }
}

/// A dispatcher with its API, and a key of each scope.
pub struct Office {
    pub rehearsal: Rehearsal,
    pub read: String,
    pub plan: String,
    pub admin: String,
}

pub async fn key(rehearsal: &Rehearsal, name: &str, scope: &str) -> String {
    const SQL: &str = "select dialer.create_api_key($1, $2)";
    rehearsal.db.query_one(SQL, &[&name, &scope]).await.unwrap().get(0)
}

/// The clock begins on Friday, half past ten in New York.
pub async fn office(name: &str, flags: &[&str]) -> Office {
    office_at(name, 1.0, flags).await
}

/// The same, with so many simulated seconds a second.
pub async fn office_at(name: &str, rate: f64, flags: &[&str]) -> Office {
    let mut rehearsal = begin(name, rate, &[]).await;
    rehearsal
        .db
        .batch_execute("select dialer.create_campaign('spring', 'voice', 'Mo-Fr 09:00-17:00')")
        .await
        .unwrap();
    let (read, plan, admin) = (
        key(&rehearsal, "read", "read").await,
        key(&rehearsal, "plan", "plan").await,
        key(&rehearsal, "admin", "admin").await,
    );
    let servers = rehearsal.server();
    rehearsal.dispatch_through(&servers, flags).unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    Office { rehearsal, read, plan, admin }
}

impl Office {
    pub async fn ask(
        &self,
        method: Method,
        key: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<Value>,
    ) -> Reply {
        let url = self.rehearsal.dispatcher_url(0, path);
        let mut request = self.rehearsal.http.request(method, url);
        if !key.is_empty() {
            request = request.header("x-api-key", key);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Reply { status, headers, body: answer.json().await.unwrap_or(Value::Null) }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.ask(Method::GET, &self.read, path, &[], None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Reply {
        self.ask(Method::POST, &self.plan, path, &[], Some(body)).await
    }
}

pub fn wanted(number: &str, at: &str) -> Value {
    json!({
        "phoneNumber": number, "agentId": "spring", "userId": "u1", "scheduledFor": at,
        "timezone": "America/New_York",
        "metadata": {"campaignId": "c1", "customerId": "k9"},
    })
}

// R033, R034, R035, R036, R040, R042, R047, R048, R049, R061, R165, R166, R170, C22, C25
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_scheduled_moved_into_its_hours_and_shown_on_both_clocks() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_schedule", &["--no-dispatch"]).await;
    // Saturday, two in the afternoon: Monday, nine o'clock.
    let mut body = wanted("+12125550101", "2026-12-05T19:00:00Z");
    body["priority"] = json!("high");
    let reply = office.post("/api/v1/scheduling/schedule", body).await;
    assert_eq!(reply.status, 201);
    let data = reply.data();
    assert_eq!(data["scheduledCallId"], json!("1"));
    assert_eq!(data["scheduledFor"], json!("2026-12-07T14:00:00Z"));
    assert_eq!(data["requestedFor"], json!("2026-12-05T19:00:00Z"));
    assert_eq!(data["scheduledForLocal"], json!("2026-12-07T09:00:00-05:00"));
    assert_eq!(data["adjusted"], json!(true));
    let why = "Saturday 2026-12-05 14:00 in America/New_York is outside the calling window (Mo-Fr 09:00-17:00 in America/New_York)";
    assert_eq!(data["adjustment"], json!(why));
    // Half-open: five o'clock is outside. And one that needs no move.
    for (at, local) in [
        ("2026-12-07T22:00:00Z", "2026-12-08T09:00:00-05:00"),
        ("2026-12-07T21:59:59Z", "2026-12-07T16:59:59-05:00"),
    ] {
        let reply = office.post("/api/v1/scheduling/schedule", wanted("+12125550102", at)).await;
        assert_eq!(reply.data()["scheduledForLocal"], json!(local), "{at}");
    }
    let listed = office.get("/api/v1/scheduling/scheduled-calls?userId=u1").await;
    let data = listed.data();
    assert_eq!(data["total"], json!(3));
    let first = &data["scheduledCalls"][2];
    let shown = json!({"campaignId": "c1", "customerId": "k9"});
    assert_eq!(
        (&first["id"], &first["priority"], &first["metadata"]),
        (&json!("1"), &json!(1), &shown)
    );
    assert_eq!(
        (&first["status"], &first["canCancel"], &first["isRecurring"]),
        (&json!("pending"), &json!(true), &json!(false))
    );
    assert_eq!(first["agent"], json!({"id": "spring", "campaignId": 1, "state": "draft"}));
    assert_eq!(data["scheduledCalls"][0]["priority"], json!(5));
}

// R041, R050, R171, C23: each error name, and what is wrong with the input.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_as_it_has_to_be_is_refused_by_name() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_errors", &["--no-dispatch"]).await;
    let schedule = "/api/v1/scheduling/schedule";
    let good = || wanted("+12125550101", "2026-12-07T15:00:00Z");
    let with = |name: &str, value: Value| {
        let mut body = good();
        body[name] = value;
        body
    };
    for (body, status, code) in [
        (with("phoneNumber", json!("12")), 400, "VALIDATION_ERROR"),
        (with("phoneNumber", json!(null)), 400, "VALIDATION_ERROR"),
        (with("colour", json!("red")), 400, "VALIDATION_ERROR"),
        (with("priority", json!(1000)), 400, "VALIDATION_ERROR"),
        (with("weekday", json!("Tuesday")), 400, "VALIDATION_ERROR"),
        (with("businessHours", json!({"start": "9", "end": "18:00"})), 400, "VALIDATION_ERROR"),
        (with("recurring", json!({"frequency": "hourly"})), 400, "VALIDATION_ERROR"),
        (with("recurring", json!({"frequency": "daily", "interval": 0})), 400, "VALIDATION_ERROR"),
        (with("timezone", json!("Mars/Olympus")), 400, "INVALID_TIMEZONE"),
        (
            with("businessHours", json!({"start": "09:00", "end": "18:00", "timezone": "EST5"})),
            400,
            "INVALID_TIMEZONE",
        ),
        (with("scheduledFor", json!("2026-12-04T15:00:00Z")), 400, "INVALID_SCHEDULED_TIME"),
        (with("scheduledFor", json!("soon")), 400, "VALIDATION_ERROR"),
        (with("agentId", json!("nobody")), 404, "AGENT_NOT_FOUND"),
        (json!({}), 400, "VALIDATION_ERROR"),
        (json!([]), 400, "VALIDATION_ERROR"),
    ] {
        let reply = office.post(schedule, body.clone()).await;
        assert_eq!(reply.code(), (status, code), "{body}");
    }
    let weekday = office.post(schedule, with("weekday", json!("Tuesday"))).await;
    assert_eq!(
        weekday.body["error"]["message"],
        json!("2026-12-07 is a Monday in America/New_York, not a Tuesday")
    );
    assert_eq!(
        office.get("/api/v1/scheduling/scheduled-calls").await.code(),
        (400, "VALIDATION_ERROR")
    );
    assert_eq!(
        office.get("/api/v1/scheduling/scheduled-calls?userId=u1&status=lost").await.code(),
        (400, "VALIDATION_ERROR")
    );
    assert_eq!(
        office.get("/api/v1/scheduling/scheduled-calls/99").await.code(),
        (404, "SCHEDULED_CALL_NOT_FOUND")
    );
    assert_eq!(
        office.post("/api/v1/scheduling/99/cancel", json!({})).await.code(),
        (404, "SCHEDULED_CALL_NOT_FOUND")
    );
    assert_eq!(office.get("/api/v1/nothing").await.code(), (404, "NOT_FOUND"));
    assert_eq!(
        office.ask(Method::PUT, &office.plan, schedule, &[], None).await.code(),
        (405, "METHOD_NOT_ALLOWED")
    );
    let text = "x".repeat(2_000_000);
    assert_eq!(
        office.post(schedule, with("userId", json!(text))).await.code(),
        (413, "PAYLOAD_TOO_LARGE")
    );
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.call").await, 0);
}

// R037, R038, R167, R168, R171, R222: only the owner's, only while pending.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pending_call_is_moved_and_cancelled_by_its_owner_and_nothing_else_is() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_cancel", &["--no-dispatch"]).await;
    office
        .post("/api/v1/scheduling/schedule", wanted("+12125550101", "2026-12-07T15:00:00Z"))
        .await;
    let moved = json!({"userId": "u1", "scheduledFor": "2026-12-12T15:00:00Z"});
    let strange = json!({"userId": "u2", "scheduledFor": "2026-12-12T15:00:00Z"});
    let past = json!({"userId": "u1", "scheduledFor": "2026-12-01T15:00:00Z"});
    let reschedule = "/api/v1/scheduling/1/reschedule";
    let cancel = "/api/v1/scheduling/1/cancel";
    assert_eq!(office.post(reschedule, strange).await.code(), (404, "SCHEDULED_CALL_NOT_FOUND"));
    assert_eq!(office.post(reschedule, past).await.code(), (400, "INVALID_SCHEDULED_TIME"));
    let reply = office.post(reschedule, moved.clone()).await;
    assert_eq!(reply.data()["scheduledFor"], json!("2026-12-14T14:00:00Z"));
    assert_eq!(reply.data()["adjusted"], json!(true));
    assert_eq!(
        office.post(cancel, json!({"userId": "u2"})).await.code(),
        (404, "SCHEDULED_CALL_NOT_FOUND")
    );
    let reply = office.post(cancel, json!({"userId": "u1"})).await;
    assert_eq!((reply.status, &reply.data()["status"]), (200, &json!("cancelled")));
    assert_eq!(
        office.post(cancel, json!({"userId": "u1"})).await.code(),
        (409, "INVALID_OPERATION")
    );
    assert_eq!(office.post(reschedule, moved).await.code(), (409, "INVALID_OPERATION"));
    let stats = office.get("/api/v1/scheduling/stats").await;
    assert_eq!(stats.data()["scheduler"]["cancelled"], json!(1));
    // C24: forbidden numbers are told at once.
    office.post("/api/v1/do-not-call", json!({"address": "+12125550102"})).await.data();
    let forbidden = office
        .post("/api/v1/scheduling/schedule", wanted("+12125550102", "2026-12-07T15:00:00Z"))
        .await;
    assert_eq!(forbidden.code(), (409, "INVALID_OPERATION"));
}

// D3: the same request is done once, also when it comes twice at the same time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idempotency_key_makes_one_call_of_many_requests() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_once", &["--no-dispatch"]).await;
    let path = "/api/v1/scheduling/schedule";
    let body = wanted("+12125550101", "2026-12-07T15:00:00Z");
    let headers = [("idempotency-key", "order-1")];
    let once = || office.ask(Method::POST, &office.plan, path, &headers, Some(body.clone()));
    let (a, b, c, d) = tokio::join!(once(), once(), once(), once());
    for reply in [&a, &b, &c, &d] {
        assert_eq!((reply.status, reply.data()), (201, a.data()));
    }
    let replayed = [&a, &b, &c, &d]
        .iter()
        .filter(|reply| reply.headers.contains_key("idempotent-replayed"))
        .count();
    assert_eq!(replayed, 3);
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.call").await, 1);
    let other = wanted("+12125550102", "2026-12-07T15:00:00Z");
    let reply = office.ask(Method::POST, &office.plan, path, &headers, Some(other)).await;
    assert_eq!(reply.code(), (422, "IDEMPOTENCY_KEY_REUSED"));
    // What was refused has not used the key up.
    let headers = [("idempotency-key", "order-2")];
    let late = wanted("+12125550101", "2026-12-01T15:00:00Z");
    let again = || office.ask(Method::POST, &office.plan, path, &headers, Some(late.clone()));
    assert_eq!(again().await.code(), (400, "INVALID_SCHEDULED_TIME"));
    assert_eq!(again().await.code(), (400, "INVALID_SCHEDULED_TIME"));
    let reply = office.ask(Method::POST, &office.plan, path, &headers, Some(body.clone())).await;
    assert_eq!(reply.status, 201);
}

// D3: killed in the middle, then asked again at two processes at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_was_killed_and_is_repeated_makes_one_call() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut office = office("api_killed", &["--no-dispatch"]).await;
    office.rehearsal.start_dispatcher().await.unwrap();
    let body = wanted("+12125550101", "2026-12-07T15:00:00Z");
    let send = |office: &Office, process: usize| {
        let url = office.rehearsal.dispatcher_url(process, "/api/v1/scheduling/schedule");
        let request = office.rehearsal.http.post(url).header("x-api-key", &office.plan);
        request.header("idempotency-key", "order-1").json(&body).send()
    };
    // Whoever schedules waits here, in the middle.
    let held = connect(&office.rehearsal.url).await.unwrap();
    held.batch_execute("begin; lock table dialer.due in access exclusive mode").await.unwrap();
    let first = tokio::spawn(send(&office, 0));
    let waits = "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')";
    until(&office.rehearsal, waits).await;
    office.rehearsal.kill_dispatcher(0).unwrap();
    assert!(first.await.unwrap().is_err(), "nobody was left to answer");
    held.batch_execute("rollback").await.unwrap();
    office.rehearsal.revive_dispatcher(0).await.unwrap();
    let (one, other) = tokio::join!(send(&office, 0), send(&office, 1));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!((one.status().as_u16(), other.status().as_u16()), (201, 201));
    let (one, other): (Value, Value) = (one.json().await.unwrap(), other.json().await.unwrap());
    assert_eq!(one, other);
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.call").await, 1);
}

// R223: a key is needed, and does no more than its scope.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_key_that_holds_is_let_in_and_only_for_its_scope() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_keys", &["--no-dispatch", "--api-per-second", "3"]).await;
    let stats = "/api/v1/scheduling/stats";
    let expired: String = office
        .rehearsal
        .db
        .query_one(
            "select dialer.create_api_key('short', 'read', dialer.now() + interval '1 second')",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let revoked = key(&office.rehearsal, "revoked", "read").await;
    assert_eq!(office.ask(Method::GET, &revoked, stats, &[], None).await.status, 200);
    office.rehearsal.db.batch_execute("select dialer.revoke_api_key('revoked')").await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    for key in ["", "guess", "pgd_0000", &expired, &revoked] {
        let reply = office.ask(Method::GET, key, stats, &[], None).await;
        assert_eq!(reply.code(), (401, "UNAUTHORIZED"));
        assert!(reply.headers.contains_key("www-authenticate"));
    }
    let bearer = format!("Bearer {}", office.read);
    let by_bearer = [("authorization", bearer.as_str())];
    assert_eq!(office.ask(Method::GET, "", stats, &by_bearer, None).await.status, 200);
    assert_eq!(
        office.ask(Method::GET, &office.plan, stats, &by_bearer, None).await.code(),
        (401, "UNAUTHORIZED")
    );
    let body = wanted("+12125550101", "2026-12-07T15:00:00Z");
    let reply = office
        .ask(Method::POST, &office.read, "/api/v1/scheduling/schedule", &[], Some(body))
        .await;
    assert_eq!(reply.code(), (403, "FORBIDDEN"));
    let id = office.post("/api/v1/do-not-call", json!({"address": "+12125550109"})).await.data()["doNotCallId"].to_string();
    let entry = format!("/api/v1/do-not-call/{id}");
    assert_eq!(
        office.ask(Method::DELETE, &office.plan, &entry, &[], None).await.code(),
        (403, "FORBIDDEN")
    );
    assert_eq!(
        office.ask(Method::DELETE, &office.admin, &entry, &[], None).await.data()["removed"],
        json!(true)
    );
    assert_eq!(
        office.ask(Method::DELETE, &office.admin, &entry, &[], None).await.code(),
        (404, "ENTRY_NOT_FOUND")
    );
    // Three a second: more wait.
    let mut limited = None;
    for _ in 0..20 {
        let reply = office.get(stats).await;
        if reply.status == 429 {
            limited = Some(reply);
            break;
        }
    }
    let limited = limited.expect("twenty at once are too many");
    assert_eq!(limited.code(), (429, "RATE_LIMITED"));
    assert_eq!(limited.headers["retry-after"], "1");
}

// A page begins where the one before ended, whatever came meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_show_every_call_once_while_more_are_planned() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_pages", &["--no-dispatch"]).await;
    for i in 0..7 {
        office
            .post(
                "/api/v1/scheduling/schedule",
                wanted(&format!("+1212555010{i}"), "2026-12-07T15:00:00Z"),
            )
            .await
            .data();
    }
    for (list, rows, id) in [
        ("/api/v1/scheduling/scheduled-calls?userId=u1&limit=3", "scheduledCalls", "id"),
        ("/api/v1/calls?limit=3", "items", "callId"),
        ("/api/v1/contacts?limit=3", "items", "contactId"),
    ] {
        let before = number(&office.rehearsal, "select count(*) from dialer.call").await as usize;
        let (mut seen, mut path) = (Vec::new(), list.to_owned());
        loop {
            let reply = office.get(&path).await;
            let data = reply.data();
            seen.extend(data[rows].as_array().unwrap().iter().map(|row| row[id].to_string()));
            let Some(cursor) = data["nextCursor"].as_str() else { break };
            path = format!("{list}&cursor={cursor}");
            let number = format!("+121255502{:02}", seen.len() + before);
            office
                .post("/api/v1/scheduling/schedule", wanted(&number, "2026-12-07T15:00:00Z"))
                .await
                .data();
        }
        assert_eq!(seen.len(), before, "{list}: {seen:?}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), before, "{list}");
        assert_eq!(
            office.get(&format!("{list}&cursor=nonsense")).await.code(),
            (400, "VALIDATION_ERROR")
        );
    }
}

// The database away is no error of the request's.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_away_requests_are_told_to_come_again() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_away", &["--no-dispatch"]).await;
    assert_eq!(office.get("/api/v1/queue").await.status, 200);
    let shut = "do $$ begin execute format('alter role %I nologin', current_database()); end $$;
        select pg_terminate_backend(pid) from pg_stat_activity where usename = current_database()";
    office.rehearsal.db.batch_execute(shut).await.unwrap();
    let mut codes = Vec::new();
    for _ in 0..3 {
        let reply = office.get("/api/v1/queue").await;
        codes.push(reply.code().1.to_owned());
        assert_eq!((reply.status, &reply.headers["retry-after"]), (503, &"2".parse().unwrap()));
    }
    assert_eq!(codes, ["DATABASE_UNAVAILABLE"; 3]);
    let open = "do $$ begin execute format('alter role %I login', current_database()); end $$";
    office.rehearsal.db.batch_execute(open).await.unwrap();
    for _ in 0..100 {
        if office.get("/api/v1/queue").await.status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("it never came back");
}

// R044, R104, R105, R174, R176, R216: through the dispatcher to the provider, and paused on the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_goes_out_at_its_time_and_not_while_the_queue_rests() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_places", &[]).await;
    assert_eq!(
        office.post("/api/v1/campaigns/spring/start", json!({})).await.data()["state"],
        json!("running")
    );
    assert_eq!(
        office.post("/api/v1/queue/pause", json!({"reason": "lunch"})).await.data()["changed"],
        json!(true)
    );
    let call = json!({"campaign": "spring", "address": "+12125550101", "tz": "America/New_York"});
    let planned = office.post("/api/v1/calls", call).await;
    assert_eq!(planned.data()["result"], json!("scheduled"));
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(office.get("/api/v1/queue").await.data()["paused"], json!(1));
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.attempt_all").await, 0);
    let gates = office.get("/api/v1/calls/1/explain").await;
    let closed: Vec<&Value> = gates
        .data()
        .as_array()
        .unwrap()
        .iter()
        .filter(|gate| gate["pass"] == json!(false))
        .collect();
    assert!(closed[0]["detail"].as_str().unwrap().contains("lunch"), "{closed:?}");
    office.post("/api/v1/queue/resume", json!({})).await.data();
    until(
        &office.rehearsal,
        "select exists (select from dialer.attempt_all where intended_at is not null)",
    )
    .await;
    let cancel = office.post("/api/v1/calls/1/cancel", json!({})).await;
    if cancel.status != 200 {
        assert_eq!(cancel.code(), (409, "INVALID_OPERATION"));
    }
    let init = office.get("/api/scheduler/init").await;
    assert_eq!(init.data()["running"], json!(true));
    assert_eq!(office.get("/api/v1/queue/jobs/1").await.data()["attemptsMade"], json!(1));
}

// R174: the alias of the webhooks of an account "vapi", or of the one that is named; what is not there differs from what is not believed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_address_that_some_know_takes_the_webhooks_of_vapi() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_vapi", &["--no-dispatch"]).await;
    office
        .rehearsal
        .db
        .batch_execute(
            "select dialer.create_account(name, 'vapi', 1, webhook_secret_name => secret)
             from (values ('vapi', 'REHEARSAL_HOOK'), ('second', 'REHEARSAL_KEY')) v(name, secret)",
        )
        .await
        .unwrap();
    for (query, secret, status) in [
        ("", HOOK_SECRET, 200),
        ("", "guess", 401),
        ("?account=vapi", HOOK_SECRET, 200),
        ("?account=second", HOOK_SECRET, 401),
        ("?account=second", SECRETS[0], 200),
        ("?account=third", HOOK_SECRET, 404),
    ] {
        let url = office.rehearsal.dispatcher_url(0, &format!("/api/vapi/webhook{query}"));
        let request = office.rehearsal.http.post(url).header("x-vapi-secret", secret).body("{}");
        assert_eq!(request.send().await.unwrap().status(), status, "{query} {secret}");
    }
}

// R196, R197, R205, R213: what is logged of a call's life, from the start of the process to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_tells_a_call_s_life_and_nobody_s_number() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut office = office_at("api_log", 60.0, &[]).await;
    let campaign = json!({"name": "now", "account": "voice", "hours": "24/7", "policy": "once", "start": true});
    office.post("/api/v1/campaigns", campaign).await.data();
    let soon = |number: &str| {
        let mut body = wanted(number, "2026-12-05T19:00:00Z");
        body["agentId"] = json!("now");
        body
    };
    for number in ["+12125550101", "+12125550102"] {
        office.post("/api/v1/scheduling/schedule", soon(number)).await.data();
    }
    let moved = json!({"scheduledFor": "2026-12-06T19:00:00Z"});
    office.post("/api/v1/scheduling/2/reschedule", moved).await.data();
    office.post("/api/v1/scheduling/2/cancel", json!({})).await.data();
    let mut daily = soon("+12125550103");
    daily["recurring"] = json!({"frequency": "daily", "maxOccurrences": 2});
    office.post("/api/v1/scheduling/schedule", daily).await.data();
    let now = json!({"campaign": "now", "address": "+12125550104", "tz": "America/New_York"});
    office.post("/api/v1/calls", now).await.data();
    until(&office.rehearsal, "select exists (select from dialer.attempt)").await;
    let (code, _) = office.rehearsal.stop_dispatcher(0).unwrap();
    assert_eq!(code, Some(0));
    let log = std::fs::read_to_string(office.rehearsal.dir.join("dialerd-0.log")).unwrap();
    let mut place = 0;
    for event in [
        "dispatcher starts",
        "call scheduled",
        "call rescheduled",
        "call cancelled",
        "calls were claimed",
        "call is active",
        "call has ended",
        "dispatcher stops",
        "dispatcher ends",
    ] {
        let found = log[place..].find(event);
        place += found.unwrap_or_else(|| panic!("no {event:?} after {place} in:\n{log}"));
    }
    assert!(!log.contains("+1212555") && !log.contains(office.plan.as_str()), "{log}");
}

// R032: the API by itself, and a dispatcher without it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_runs_alone_and_a_dispatcher_without_it() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_alone", &["--no-dispatch", "--no-api"]).await;
    assert_eq!(office.get("/api/v1/queue").await.status, 404);
    let address = format!("127.0.0.1:{}", dialer_tests::rehearsal::free_port().unwrap());
    let mut command = office.rehearsal.program(&["api", "--api-listen", &address]);
    command.env("DIALERD_DATABASE_URL", office.rehearsal.login_url());
    let mut alone = command.spawn().unwrap();
    let ask = |path: &'static str| {
        let url = format!("http://{address}{path}");
        office.rehearsal.http.get(url).header("x-api-key", &office.read).send()
    };
    for _ in 0..200 {
        if ask("/ready").await.is_ok_and(|answer| answer.status() == 200) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(ask("/api/v1/queue").await.unwrap().status(), 200);
    assert_eq!(ask("/live").await.unwrap().status(), 200);
    assert!(
        ask("/metrics").await.unwrap().text().await.unwrap().contains("dialerd_api_requests_total")
    );
    assert_eq!(ask("/hooks/sandbox/voice").await.unwrap().status(), 404);
    std::process::Command::new("kill").args(["-TERM", &alone.id().to_string()]).status().unwrap();
    assert_eq!(alone.wait().unwrap().code(), Some(0));
}

// R172, R173, R188, R189, R190, R223: the day's numbers, for whoever shows a key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_numbers_of_the_day_are_there_for_whoever_shows_a_key() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_reports", &["--no-dispatch"]).await;
    office.post("/api/v1/campaigns/spring/start", json!({})).await.data();
    for number in ["+12125550101", "+12125550102"] {
        let call = json!({"campaign": "spring", "address": number, "tz": "America/New_York"});
        office.post("/api/v1/calls", call).await.data();
    }
    let sold = "create temporary table mine as select attempt_id, token from dialer.claim('d1', 10);
        select dialer.intend('d1', array_agg(attempt_id), array_agg(token)) from mine;
        select dialer.mark_placed(array_agg(attempt_id), array_agg(token), array_agg(attempt_id::text)) from mine;
        select dialer.settle(array_agg(attempt_id), array_agg(token), array_agg('sale'::text), array_agg('SALE'::text), array_agg('{}'::jsonb)) from mine";
    office.rehearsal.db.batch_execute(sold).await.unwrap();
    let today = "/api/admin/statistics/today?tz=America/New_York";
    assert_eq!(office.ask(Method::GET, "", today, &[], None).await.code(), (401, "UNAUTHORIZED"));
    let reply = office.get(today).await;
    let data = reply.data();
    assert_eq!((&data["date"], &data["total_calls"]), (&json!("2026-12-04"), &json!(2)));
    assert_eq!((&data["leads_created"], &data["outcomes"]), (&json!(2), &json!({"sale": 2})));
    let reply = office.get("/api/admin/reports/daily?tz=America/New_York&date=2026-12-04").await;
    let data = reply.data();
    assert_eq!(data["attempts"]["total_calls"], json!(2));
    let measure = |part: &str, name: &str| {
        let rows = data[part].as_array().unwrap();
        rows.iter().find(|row| row["measure"] == json!(name)).unwrap()["value"].clone()
    };
    assert_eq!(measure("breakdown", "completed_sale"), json!(2));
    assert_eq!(measure("totals", "total_leads"), json!(2));
    let before = office.get("/api/admin/reports/daily?tz=America/New_York&date=2026-12-03").await;
    assert_eq!(before.data()["attempts"]["total_calls"], json!(0));
    let history = office.get("/api/v1/attempts?status=sale&campaign=spring").await;
    assert_eq!(history.data()["items"].as_array().unwrap().len(), 2);
}
