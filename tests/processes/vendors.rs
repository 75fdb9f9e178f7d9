//! A short campaign through each vendor, on a bad day: answers are lost, webhooks are lost, doubled
//! and late. The provider's journal says what became of each attempt.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use dialer_tests::judge::{SeenCall, seen_calls};
use dialer_tests::rehearsal::{Rehearsal, SECRETS};
use serde_json::{Value, json};
use std::collections::HashMap;

const PEOPLE: i64 = 24;
const MIX: &str = "customer-did-not-answer=4, voicemail=3, customer-busy=2, customer-ended-call=5, \
    twilio-reported-customer-misdialed=1";

// R113, D8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_through_bland_ends_as_the_provider_saw_it() {
    campaign("bland", &json!({"task": "Greet {{name}}"})).await;
}

// R113, D8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_through_twilio_ends_as_the_provider_saw_it() {
    let settings =
        json!({"account_sid": "AC1", "twiml": "<Response/>", "caller_id": "+13035550199"});
    campaign("twilio", &settings).await;
}

// R113, D8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_through_vapi_ends_as_the_provider_saw_it() {
    campaign("vapi", &json!({"assistant_id": "a", "phone_number_id": "p"})).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vendor_that_asks_what_to_do_is_answered_with_a_document() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = begin("document", 1.0, &[]).await;
    let account = "select dialer.create_account('open', 'twilio', 1, settings => '{\"webhook_auth\": \"none\"}')";
    rehearsal.db.execute(account, &[]).await.unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    let asked = "/hooks/twilio/open?attempt=x&answer=voicemail&next=https%3A%2F%2Fa.example%2Ftalk";
    for (by, told) in
        [("machine_start", "<Hangup/>"), ("human", ">https://a.example/talk</Redirect>")]
    {
        let body = format!("CallSid=CA1&CallStatus=in-progress&AnsweredBy={by}");
        let answer = posted(&rehearsal, asked, &body).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], "text/xml");
        let document = answer.text().await.unwrap();
        assert!(document.contains(told), "{by}: {document}");
    }
    let callback = posted(&rehearsal, "/hooks/twilio/open", "CallSid=CA1&CallStatus=busy").await;
    assert_eq!((callback.status().as_u16(), callback.text().await.unwrap().as_str()), (204, ""));
}

async fn posted(rehearsal: &Rehearsal, path: &str, body: &str) -> reqwest::Response {
    let request = rehearsal.http.post(rehearsal.dispatcher_url(0, path)).body(body.to_owned());
    let kind = "application/x-www-form-urlencoded";
    request.header("content-type", kind).send().await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_through_retell_ends_as_the_provider_saw_it() {
    campaign("retell", &json!({"caller_id": "+13035550199"})).await;
}

/// Telnyx tells of a machine apart from the end of its call; the end is looked up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_through_telnyx_ends_as_the_provider_saw_it() {
    let settings = json!({"caller_id": "+13035550199", "connection_id": "2893",
        "machine_detection": true});
    campaign("telnyx", &settings).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_through_elevenlabs_ends_as_the_provider_saw_it() {
    campaign("elevenlabs", &json!({"agent_id": "a1", "phone_number_id": "p1"})).await;
}

/// Where a vendor's paths begin at the sandbox, and the secret that its webhooks are believed by.
fn place_and_secret(vendor: &str) -> (&'static str, &'static str) {
    match vendor {
        "telnyx" => ("/v2", "REHEARSAL_PUBLIC_KEY"),
        _ => ("", "REHEARSAL_HOOK"),
    }
}

async fn campaign(vendor: &str, settings: &Value) {
    let _turn = ONE_AT_A_TIME.lock().await;
    let flags = [
        "--ring",
        "2..4",
        "--unanswered-ring",
        "5..8",
        "--talk",
        "5..10",
        "--mix",
        MIX,
        "--fault",
        "lost_answer=0.2",
        "--fault",
        "lost_webhook=0.2",
        "--fault",
        "doubled_webhook=0.3",
        "--fault",
        "late_webhook=0.2",
        "--fault",
        "late_seconds=20",
    ];
    let mut rehearsal = begin(vendor, 60.0, &flags).await;
    let account =
        "select dialer.create_account($1, $1, 5, null, 'voice', $2, 'REHEARSAL_KEY', $3, $4)";
    let (path, secret) = place_and_secret(vendor);
    let summary = rehearsal.sandbox_summary().await.unwrap();
    let public_key = summary["ed25519_public_key"].as_str().unwrap().to_owned();
    rehearsal.add_secret("REHEARSAL_PUBLIC_KEY", &public_key);
    let url = rehearsal.sandbox_url(path);
    rehearsal.db.execute(account, &[&vendor, &url, &secret, settings]).await.unwrap();
    rehearsal
        .db
        .batch_execute(&format!(
            "update dialer.provider_account set ring_seconds = 60, call_seconds_max = 60, answer_seconds = 1, grace_seconds = 20;
             select dialer.create_campaign('day', '{vendor}', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('day');
             select dialer.schedule_call('day', '+1212555' || to_char(100 + i, 'FM0000'), tz => 'America/New_York') from generate_series(1, {PEOPLE}) i"
        ))
        .await
        .unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    judge(&rehearsal, vendor).await;
    checked(&rehearsal, vendor);
    said_nothing_private(&rehearsal);
}

/// One to one by attempt: what the provider saw, and what was written down here.
async fn judge(rehearsal: &Rehearsal, vendor: &str) {
    let seen = seen_calls(&rehearsal.sandbox_journal().await.unwrap()).unwrap();
    let rows = rehearsal
        .db
        .query("select attempt_id::text, outcome::text from dialer.attempt where intended_at is not null", &[])
        .await
        .unwrap();
    let ours: HashMap<String, String> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut wrong: Vec<String> = seen
        .iter()
        .filter(|call| {
            let told = ours.get(&call.attempt_id).map(String::as_str);
            told != Some(expected(call))
                && !(told == Some("unknown") && is_webhook_only(vendor, call))
        })
        .map(|call| {
            format!(
                "{:?} here, {} there: {:?}",
                ours.get(&call.attempt_id),
                expected(call),
                call.reason
            )
        })
        .collect();
    let numbers: std::collections::HashSet<&str> =
        seen.iter().map(|call| call.number.as_str()).collect();
    if i64::try_from(numbers.len()).unwrap() != PEOPLE {
        wrong.push(format!("{} people were called", numbers.len()));
    }
    assert!(wrong.is_empty(), "see {}:\n{}", rehearsal.dir.display(), wrong.join("\n"));
    let summary = rehearsal.sandbox_summary().await.unwrap();
    for offence in ["doubled_attempts", "two_live_calls_to_one_number"] {
        assert_eq!(summary[offence], 0, "{offence}");
    }
    assert!(summary["peak"].as_u64().unwrap() <= 5, "{}", summary["peak"]);
    let broken = "select count(*) from dialer.invariant_violation";
    assert_eq!(number(rehearsal, broken).await, 0);
    // The day was bad enough to have been one.
    let looked_up = "select count(*) from dialer.provider_event where source = 'look_up'";
    assert!(number(rehearsal, looked_up).await > 0, "nothing had to be looked up");
}

/// Whether a vendor tells of such an end by a webhook that may be lost, and in no other way.
fn is_webhook_only(vendor: &str, call: &SeenCall) -> bool {
    vendor == "elevenlabs" && !matches!(expected(call), "completed" | "voicemail")
}

fn expected(call: &SeenCall) -> &'static str {
    match call.reason.as_deref() {
        Some("customer-did-not-answer") => "no_answer",
        Some("voicemail") => "voicemail",
        Some("customer-busy") => "busy",
        Some("customer-ended-call") => "completed",
        Some("twilio-reported-customer-misdialed") => "invalid_number",
        other => panic!("not in the mix: {other:?}"),
    }
}

/// `dialerd doctor --account` tries the account and calls nobody.
fn checked(rehearsal: &Rehearsal, vendor: &str) {
    let arguments = ["doctor", "--public-url", "https://dialer.example", "--account", vendor];
    let with_secrets = |key: &str| {
        let mut doctor = rehearsal.program(&arguments);
        doctor.env("REHEARSAL_KEY", key).env("REHEARSAL_HOOK", SECRETS[1]);
        String::from_utf8(doctor.output().unwrap().stdout).unwrap()
    };
    let said = with_secrets(SECRETS[0]);
    assert!(said.contains("reached, and the key is accepted"), "{said}");
    assert!(said.contains("believed, at https://dialer.example/hooks/"), "{said}");
    let said = with_secrets("another-key");
    assert!(said.contains("it refuses the key (401)"), "{said}");
    assert!(!said.contains("another-key"), "{said}");
    let (said, code) = rehearsal.dialerd(&["doctor", "--account", "nobody"]).unwrap();
    assert!(said.contains("\"nobody\" does not exist") && code == 1, "{said}");
}

fn said_nothing_private(rehearsal: &Rehearsal) {
    for entry in std::fs::read_dir(&rehearsal.dir).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dialerd-")) {
            let text = std::fs::read_to_string(&path).unwrap();
            for word in SECRETS.iter().copied().chain(["+1212555", "+1303555"]) {
                assert!(!text.contains(word), "{word} stands in {}", path.display());
            }
        }
    }
}
