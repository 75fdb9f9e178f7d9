//! Who is let in by the REST API and how far: browsers, strangers, slow and many uploads, a login
//! without its role; and what closes people and areas.

use crate::ONE_AT_A_TIME;
use crate::api::{Office, Reply, office, wanted};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends the beginning of a request and keeps the rest.
async fn begun(office: &Office, path: &str, key: &str, length: usize) -> TcpStream {
    let url = office.rehearsal.dispatcher_url(0, "");
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\nContent-Type: text/csv\r\nContent-Length: {length}\r\n\r\nname,"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// The status line that comes, if it comes.
async fn status(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = [0; 12];
    let reading = tokio::time::timeout(Duration::from_secs(3), stream.read_exact(&mut bytes)).await;
    reading.ok()?.ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers.get(name).map_or("", |value| value.to_str().unwrap())
}

const DESK: (&str, &str) = ("origin", "https://desk.example.com");
const OTHER: (&str, &str) = ("origin", "https://other.example.com");
const PREFLIGHT: [(&str, &str); 2] = [
    ("access-control-request-method", "POST"),
    ("access-control-request-headers", "x-api-key,idempotency-key,content-type"),
];

async fn preflight(office: &Office, origin: (&str, &str)) -> Reply {
    let headers = [origin, PREFLIGHT[0], PREFLIGHT[1]];
    let path = "/api/v1/scheduling/schedule";
    office.ask(Method::OPTIONS, "", path, &headers, None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_allowed_origins_may_ask_and_no_others() {
    let _turn = ONE_AT_A_TIME.lock().await;
    const ALLOWED: &str = "access-control-allow-origin";
    let flags =
        ["--no-dispatch", "--api-allow-origins", "http://localhost:3000,https://desk.example.com"];
    let office = office("api_origins", &flags).await;
    let reply = preflight(&office, DESK).await;
    assert_eq!((reply.status, header(&reply, ALLOWED)), (200, DESK.1));
    for name in ["x-api-key", "idempotency-key", "content-type", "authorization"] {
        assert!(header(&reply, "access-control-allow-headers").contains(name), "{reply:?}");
    }
    assert!(header(&reply, "access-control-allow-methods").contains("PATCH"));
    assert!(header(&reply, "vary").to_lowercase().contains("origin"));
    assert_eq!(header(&preflight(&office, OTHER).await, ALLOWED), "");
    // Answers and refusals alike; never with cookies.
    for (key, status) in [(&office.read, 200), (&"guess".to_owned(), 401)] {
        let reply = office.ask(Method::GET, key, "/api/v1/queue", &[DESK], None).await;
        assert_eq!((reply.status, header(&reply, ALLOWED)), (status, DESK.1));
        assert_eq!(header(&reply, "access-control-allow-credentials"), "");
        let reply = office.ask(Method::GET, key, "/api/v1/queue", &[OTHER], None).await;
        assert_eq!((reply.status, header(&reply, ALLOWED)), (status, ""));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_are_refused_before_their_bodies_and_lists_are_taken_a_few_at_once() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_strangers", &["--no-dispatch"]).await;
    // No origin is allowed unless somebody says so.
    assert_eq!(preflight(&office, DESK).await.code(), (405, "METHOD_NOT_ALLOWED"));
    for path in ["/api/v1/scheduling/schedule", "/api/v1/imports"] {
        let mut stranger = begun(&office, path, "pgd_guess", 1_000_000).await;
        assert_eq!(status(&mut stranger).await.as_deref(), Some("HTTP/1.1 401"), "{path}");
    }
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(begun(&office, "/api/v1/imports", &office.plan, 1_000_000).await);
    }
    // They wait for the rest of their lists.
    assert_eq!(status(&mut slow[0]).await, None);
    let mut fifth = begun(&office, "/api/v1/imports", &office.plan, 5).await;
    assert_eq!(status(&mut fifth).await.as_deref(), Some("HTTP/1.1 503"));
    drop(slow);
    for _ in 0..50 {
        let mut next = begun(&office, "/api/v1/imports?dryRun=true", &office.plan, 5).await;
        // A header line and nothing that it could mean.
        if status(&mut next).await.as_deref() == Some("HTTP/1.1 400") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no place was given back");
}

// What the login may not do is no fault of whoever asks, and doctor names it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_without_its_role_is_told_by_doctor_and_blamed_on_no_key() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_login", &["--no-dispatch"]).await;
    let change =
        |what: &str| format!("do $$ begin execute format('{what}', current_database()); end $$");
    let doctor = |arguments: &[&str]| {
        let mut program = office.rehearsal.program(&[&["doctor"][..], arguments].concat());
        program.env("DIALERD_DATABASE_URL", office.rehearsal.login_url());
        let output = program.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let line = said.lines().find(|line| line.contains("API rights"));
        line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(doctor(&[]).starts_with("ok API rights"), "{}", doctor(&[]));
    let db = &office.rehearsal.db;
    db.batch_execute(&change("revoke dialer_api from %I")).await.unwrap();
    let said = doctor(&[]);
    assert!(said.starts_with("fail API rights"), "{said}");
    assert!(
        said.ends_with("may not show an API key, take the role dialer_reader, take the role dialer_user, take the role dialer_admin"),
        "{said}"
    );
    assert_eq!(doctor(&["--no-api"]), "");
    assert_eq!(office.get("/api/v1/queue").await.code(), (500, "INTERNAL_ERROR"));
    let log = std::fs::read_to_string(office.rehearsal.dir.join("dialerd-0.log")).unwrap();
    assert!(log.contains("grant dialer_api to it"), "{log}");
    db.batch_execute(&change("grant dialer_api to %I")).await.unwrap();
    assert_eq!(office.get("/api/v1/queue").await.status, 200);
}

// D4: numbers, people and areas, each with the scope that it takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_and_areas_are_closed_over_http_and_areas_opened_by_an_administrator() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_closed", &["--no-dispatch"]).await;
    let (list, bans) = ("/api/v1/do-not-call", "/api/v1/bans");
    let plan = |number: &str| json!({"campaign": "spring", "address": number, "tz": "America/New_York", "externalKey": "crm-7"});
    office.post("/api/v1/calls", plan("+12125550101")).await.data();
    let person = json!({"externalKey": "crm-7", "source": "letter"});
    assert_eq!(office.post(list, person).await.status, 201);
    assert_eq!(
        office.get("/api/v1/calls/1").await.data()["call"]["endReason"],
        json!("do_not_call")
    );
    let later = office.post("/api/v1/calls", plan("+12125550102")).await;
    assert_eq!(later.data()["result"], json!("do_not_call"));
    for about in ["address=%2B12125550102", "externalKey=crm-7"] {
        let reply = office.get(&format!("{list}?{about}")).await;
        assert_eq!(reply.data()["items"][0]["source"], json!("letter"), "{about}");
        assert_eq!(reply.data()["items"][0]["externalKey"], json!("crm-7"), "{about}");
    }
    let nameless = json!({"address": "+12125550104", "name": "Grace"});
    let contact = office.post("/api/v1/contacts", nameless).await.data()["contactId"].clone();
    let person = json!({"contactId": contact, "source": "said so"});
    assert_eq!(office.post(list, person).await.status, 201);
    let reply = office.get(&format!("{list}?address=%2B12125550104")).await;
    assert_eq!(reply.data()["items"][0]["contact"], json!("Grace"));
    for (body, code) in [
        (json!({}), (400, "VALIDATION_ERROR")),
        (json!({"address": "+12125550101", "externalKey": "crm-7"}), (400, "VALIDATION_ERROR")),
        (
            json!({"address": "+12125550101", "expiresAt": "2026-12-01T00:00:00Z"}),
            (400, "VALIDATION_ERROR"),
        ),
        (json!({"externalKey": "nobody"}), (404, "CONTACT_NOT_FOUND")),
        (json!({"contactId": contact, "externalKey": "crm-7"}), (400, "VALIDATION_ERROR")),
        (json!({"contactId": 99}), (404, "CONTACT_NOT_FOUND")),
    ] {
        assert_eq!(office.post(list, body.clone()).await.code(), code, "{body}");
    }
    area(&office, bans).await;
}

/// An area: who may declare may not lift.
async fn area(office: &Office, bans: &str) {
    let other = json!({"campaign": "spring", "address": "+12125550103", "tz": "America/New_York"});
    let id = office.post("/api/v1/calls", other).await.data()["callId"].clone();
    let storm = json!({"reason": "storm", "areaCodes": ["+1212"]});
    let ban = office.post(bans, storm).await.data()["banId"].clone();
    let gates = office.get(&format!("/api/v1/calls/{id}/explain")).await;
    let is_closed = |gate: &Value| gate["gate"] == json!("ban") && gate["pass"] == json!(false);
    assert!(gates.data().as_array().unwrap().iter().any(is_closed), "{gates:?}");
    let lift = format!("{bans}/{ban}/lift");
    let by = |key: &'_ str| key.to_owned();
    for (key, answer) in [
        (by(&office.plan), (403, "FORBIDDEN")),
        (by(&office.admin), (200, "")),
        (by(&office.admin), (409, "INVALID_OPERATION")),
    ] {
        let reply = office.ask(Method::POST, &key, &lift, &[], Some(json!({}))).await;
        assert_eq!(reply.status, answer.0);
        assert_eq!(reply.body["error"]["code"].as_str().unwrap_or_default(), answer.1);
    }
    let none = office.ask(Method::POST, &office.admin, &format!("{bans}/99/lift"), &[], None).await;
    assert_eq!(none.code(), (404, "BAN_NOT_FOUND"));
    assert_eq!(office.post(bans, json!({"reason": " "})).await.code(), (400, "VALIDATION_ERROR"));
    let over = office.get(&format!("{bans}?state=over")).await;
    assert_eq!(over.data()["items"][0]["reason"], json!("storm"));
    assert_eq!(office.get(&format!("{bans}?state=in_force")).await.data()["items"], json!([]));
    assert_eq!(
        office
            .ask(Method::POST, &office.read, bans, &[], Some(json!({"reason": "x"})))
            .await
            .code(),
        (403, "FORBIDDEN")
    );
}

// R171: what is understood by nobody is refused with what would be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn values_that_mean_nothing_are_refused_with_what_would() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_values", &["--no-dispatch"]).await;
    let schedule = "/api/v1/scheduling/schedule";
    let with = |name: &str, value: Value| {
        let mut body = wanted("+12125550101", "2026-12-07T15:00:00Z");
        body[name] = value;
        body
    };
    // No offset, no zone, a date alone.
    for at in ["2026-12-07T15:00:00", "2026-12-07", "2026-12-07T15:00:00 America/New_York"] {
        let reply = office.post(schedule, with("scheduledFor", json!(at))).await;
        assert_eq!(reply.code(), (400, "VALIDATION_ERROR"), "{at}");
        assert!(reply.body["error"]["hint"].as_str().unwrap().contains("offset"), "{reply:?}");
    }
    let reply = office.get("/api/v1/calls?from=2026-12-07T15:00:00+05:30").await;
    assert!(reply.body["error"]["hint"].as_str().unwrap().contains("%2B"), "{reply:?}");
    let ends = json!({"frequency": "daily", "endDate": "soon"});
    let reply = office.post(schedule, with("recurring", ends)).await;
    assert!(reply.body["error"]["message"].as_str().unwrap().contains("2026-12-31"), "{reply:?}");
    // A year that no list could show again, in whatever is kept; one that is mistyped.
    let far = json!("+200000-01-01T00:00:00Z");
    for (path, body) in [
        (schedule, with("scheduledFor", far.clone())),
        ("/api/v1/bans", json!({"reason": "storm", "toAt": far})),
        ("/api/v1/do-not-call", json!({"address": "+12125550101", "expiresAt": far})),
    ] {
        assert_eq!(office.post(path, body).await.code(), (400, "VALIDATION_ERROR"), "{path}");
    }
    let reply = office.post(schedule, with("scheduledFor", json!("9999-12-31T23:59:59Z"))).await;
    assert_eq!(reply.code(), (400, "INVALID_SCHEDULED_TIME"));
    let list = json!(["+12125550101", "spring", "u1", "2026-12-07T15:00:00Z"]);
    let reply = office.post(schedule, list).await;
    assert!(reply.body["error"]["message"].as_str().unwrap().contains("an object"), "{reply:?}");
    // Longer than what an index can hold: of an owner it holds the beginning, a key has to fit.
    let long: String =
        (0..20_000_u64).map(|i| format!("{:x}", i.wrapping_mul(2_654_435_761))).collect();
    assert_eq!(office.post(schedule, with("userId", json!(long))).await.status, 201);
    let mut person = json!({"address": "+12125550102", "externalKey": long});
    assert_eq!(
        office.post("/api/v1/contacts", person.clone()).await.code(),
        (400, "VALIDATION_ERROR")
    );
    // Any letters will do, what cannot be stored is shown as such.
    person["externalKey"] = json!("k\u{0}\u{1f600}");
    person["name"] = json!("A\u{0}da \u{1f600} \u{202e}");
    assert_eq!(office.post("/api/v1/contacts", person).await.status, 201);
    let found = office.get("/api/v1/contacts?person=%2B12125550102").await;
    assert_eq!(found.data()["items"][0]["name"], json!("A\u{fffd}da \u{1f600} \u{202e}"));
}
