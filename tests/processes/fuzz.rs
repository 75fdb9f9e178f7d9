//! The REST API tried from its own description, and with what belongs to another tenant.

use crate::ONE_AT_A_TIME;
use crate::api::{Office, key, office};
use dialer_tests::rehearsal::connect;
use reqwest::Method;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;

/// In every field of the other tenant; sent by nobody.
const MARKER: &str = "quetzal";
const OTHER: &str = "
    select dialer.create_tenant('zanzibar');
    set dialer.tenant = 'zanzibar';
    select dialer.create_account('zanzibar', 'sandbox', 5, settings => '{\"assistant\": \"quetzal\"}');
    select dialer.create_campaign('zanzibar', 'zanzibar', 'Mo-Fr 09:00-17:00', settings => '{\"agentId\": \"quetzal-agent\", \"note\": \"quetzal\"}');
    select dialer.start_campaign('zanzibar');
    select dialer.schedule_for_agent('zanzibar', '+14155550101', '2026-12-10 18:00Z', owner => 'zanzibar', tz => 'America/Los_Angeles', metadata => '{\"note\": \"quetzal\"}');
    select dialer.schedule_for_agent('zanzibar', '+14155550102', '2026-12-10 18:00Z', owner => 'zanzibar', tz => 'America/Los_Angeles', every => 'daily', metadata => '{\"note\": \"quetzal\"}');
    select dialer.schedule_call('zanzibar', '+14155550103', name => 'Quetzal Three', tz => 'America/Los_Angeles', external_key => 'quetzal-3', payload => '{\"note\": \"quetzal\"}');
    select dialer.add_contact('+14155550104', 'Quetzal Four', 'America/Los_Angeles', external_key => 'quetzal-4', attributes => '{\"note\": \"quetzal\"}');
    select dialer.add_do_not_call('+14155550105', 'quetzal');
    select dialer.add_person_do_not_call('quetzal-4', 'quetzal');
    select dialer.declare_ban('quetzal', '{US-HI}');
    select dialer.give_consent('+14155550103', 'quetzal', 'quetzal');";
/// All that the other tenant has.
const FINGERPRINT: &str = "
    select md5(string_agg(x, '')) from (
        select c::text as x from dialer.call c where c.tenant_id <> 1 union all select g::text from dialer.campaign g where g.tenant_id <> 1
        union all select p::text from dialer.contact p where p.tenant_id <> 1 union all select s::text from dialer.series s where s.tenant_id <> 1
        union all select d::text from dialer.do_not_call d where d.tenant_id <> 1 union all select o::text from dialer.consent o where o.tenant_id <> 1
        union all select b::text from dialer.ban b where b.tenant_id <> 1
        union all select a::text from dialer.attempt_all a where a.tenant_id <> 1 union all select q::text from dialer.queue_control q where q.tenant_id <> 1
        order by 1) all_of_it";

/// An office beside another tenant's, with something of its own to be found.
async fn beside_another(name: &str) -> Office {
    let office = office(name, &["--no-dispatch", "--api-per-second", "100000"]).await;
    let other = connect(&office.rehearsal.url).await.unwrap();
    other.batch_execute(OTHER).await.unwrap();
    office
        .rehearsal
        .db
        .batch_execute(
            "select dialer.schedule_for_agent('spring', '+12125550101', '2026-12-10 18:00Z', owner => 'u1', tz => 'America/New_York');
             select dialer.schedule_for_agent('spring', '+12125550102', '2026-12-10 18:00Z', owner => 'u1', tz => 'America/New_York', every => 'daily')",
        )
        .await
        .unwrap();
    office
}

fn schemathesis() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let program = root.join("target/tools/schemathesis/bin/schemathesis");
    assert!(
        program.exists(),
        "schemathesis is not there: run `make setup`, which fetches it into target/tools"
    );
    program
}

// R171, R175, R224: no 5xx, nothing that the description does not say, nothing of another tenant.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_keeps_to_its_description_whatever_it_is_sent() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = beside_another("api_fuzz").await;
    let dir = office.rehearsal.dir.clone();
    let config = dir.join("schemathesis.toml");
    let known = "[parameters]\nname = \"spring\"\ncampaign = \"spring\"\nid = 1\nuserId = \"u1\"\ntz = \"America/New_York\"\n";
    std::fs::write(&config, known).unwrap();
    let base = office.rehearsal.dispatcher_url(0, "");
    let mut command = Command::new(schemathesis());
    command.arg("--config-file").arg(&config).arg("run").arg(format!("{base}/openapi.json"));
    command.args(["--url", &base, "-H", &format!("X-API-Key: {}", office.admin)]);
    command.args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,missing_required_header,unsupported_method,ignored_auth"]);
    // Its random numbers repeat; its time is bounded.
    command.args([
        "--phases",
        "examples,coverage,fuzzing",
        "--seed",
        "7",
        "-n",
        "8",
        "--max-time",
        "60",
    ]);
    command.args(["-w", "1", "--continue-on-failure", "--warnings", "off", "--no-color"]);
    command.args(["--suppress-health-check", "all"]);
    command.args(["--report", "har", "--report-dir"]).arg(&dir);
    // It keeps what it has found beside where it runs.
    command.current_dir(&dir);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let told = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let reports: Vec<PathBuf> =
        std::fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    let report = reports
        .iter()
        .find(|path| path.extension().is_some_and(|end| end == "json"))
        .expect("a report");
    let exchanged = std::fs::read_to_string(report).unwrap();
    assert!(exchanged.matches("\"request\"").count() > 200, "too little was tried: {told}");
    assert!(
        !exchanged.to_lowercase().contains(MARKER),
        "something of another tenant was told; see {}",
        report.display()
    );
    // Nor is anything of a person in the log.
    let log = std::fs::read_to_string(dir.join("dialerd-0.log")).unwrap();
    assert!(!log.contains("+1212555") && !log.contains(office.admin.as_str()), "{log}");
}

/// What a request says that would move something, with the other tenant's names.
fn body(path: &str) -> Value {
    let at = "2026-12-10T18:00:00Z";
    let text = match path {
        "/api/v1/scheduling/schedule" | "/api/v1/scheduling/preview" => {
            return json!({"phoneNumber": "+12125550109", "agentId": "zanzibar", "scheduledFor": at});
        }
        "/api/v1/scheduling/{id}/cancel" => return json!({"userId": "zanzibar"}),
        "/api/v1/scheduling/{id}/reschedule" => {
            return json!({"userId": "zanzibar", "scheduledFor": at});
        }
        "/api/v1/calls" => return json!({"campaign": "zanzibar", "address": "+12125550109"}),
        "/api/v1/calls/{id}/reschedule" => return json!({"dueAt": at}),
        "/api/v1/calls/{id}/callback" => return json!({"callbackAt": at}),
        "/api/v1/calls/{id}/disposition" => return json!({"label": "SALE"}),
        "/api/v1/campaigns" => {
            return json!({"name": "new", "account": "zanzibar", "hours": "24/7"});
        }
        "/api/v1/campaigns/{name}" => return json!({"maxConcurrent": 1}),
        "/api/v1/campaigns/{name}/enrol" => return json!({"contactIds": [1, 2, 3, 4, 5, 6]}),
        "/api/v1/batches" | "/api/v1/batches/preview" => {
            return json!({"cases": [{"phone": "+12125550109"}], "callCampaign": "zanzibar"});
        }
        "/api/v1/series" => {
            r#"{"campaign": "zanzibar", "address": "+12125550109", "startLocal": "2026-12-10T12:00:00", "rule": "FREQ=DAILY", "tz": "UTC"}"#
        }
        "/api/v1/contacts" | "/api/v1/do-not-call" => r#"{"address": "+14155550103"}"#,
        "/api/v1/bans" => r#"{"reason": "storm", "areaCodes": ["+1415"]}"#,
        "/api/v1/consents" => r#"{"address": "+14155550103", "purpose": "p", "source": "s"}"#,
        "/api/v1/consents/withdraw" => r#"{"address": "+14155550103"}"#,
        _ => "{}",
    };
    serde_json::from_str(text).unwrap()
}

/// Every way to write an address with what the other tenant has.
fn addresses(path: &str, operation: &Value) -> Vec<String> {
    let places: &[&str] = match path {
        path if path.contains("{name}") => &["zanzibar"],
        path if path.contains("/scheduling/") => &["3", "4", "series-2"],
        path if path.contains("{id}") => &["1", "2", "3", "4", "5", "6"],
        _ => &[""],
    };
    let mut query = Vec::new();
    for parameter in
        operation["parameters"].as_array().into_iter().flatten().filter(|p| p["in"] == "query")
    {
        let name = parameter["name"].as_str().unwrap();
        match name {
            "campaign" | "userId" | "externalKey" | "agentId" | "purpose" => {
                query.push(format!("{name}=zanzibar"))
            }
            "person" | "address" => query.push(format!("{name}=%2B14155550103")),
            "from" | "to" | "until" if parameter["required"] == json!(true) => {
                query.push(format!("{name}=2026-12-04T00:00:00Z"))
            }
            _ => (),
        }
    }
    places
        .iter()
        .map(|place| {
            format!("{}?{}", path.replace("{name}", place).replace("{id}", place), query.join("&"))
        })
        .collect()
}

// R222, R224, D12: with another tenant's ids and names nothing is told and nothing moves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_and_names_of_another_tenant_open_nothing() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = beside_another("api_leak").await;
    let before: String = office.rehearsal.db.query_one(FINGERPRINT, &[]).await.unwrap().get(0);
    let theirs = {
        let other = connect(&office.rehearsal.url).await.unwrap();
        other.batch_execute("set dialer.tenant = 'zanzibar'").await.unwrap();
        other
            .query_one("select dialer.create_api_key('theirs', 'admin')", &[])
            .await
            .unwrap()
            .get::<_, String>(0)
    };
    let described = office.get("/openapi.json").await.body;
    let mut tried = 0;
    for (path, item) in described["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // What is for the caller's own tenant as a whole touches nothing of another.
            let method: Method = method.to_uppercase().parse().unwrap();
            for address in addresses(path, operation) {
                let sent = (method != Method::GET).then(|| body(path));
                let reply = office.ask(method.clone(), &office.admin, &address, &[], sent).await;
                let text = reply.body.to_string().to_lowercase();
                assert!(!text.contains(MARKER), "{method} {address}: {text}");
                assert!(reply.status < 500, "{method} {address}: {text}");
                tried += 1;
            }
        }
    }
    assert!(tried > 80, "only {tried}");
    let after: String = office.rehearsal.db.query_one(FINGERPRINT, &[]).await.unwrap().get(0);
    assert_eq!(after, before, "something of the other tenant has moved");
    // Their own key sees it, so the markers are where they are looked for.
    let seen = office
        .ask(Method::GET, &theirs, "/api/v1/scheduling/scheduled-calls?userId=zanzibar", &[], None)
        .await;
    assert!(seen.body.to_string().contains(MARKER));
    assert!(key(&office.rehearsal, "last", "read").await.starts_with("pgd_"));
}
