//! A short campaign on each vendor's shape: what the provider saw against what we say of it.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use dialer_tests::judge::{broken_invariants, seen_calls};
use dialer_tests::rehearsal::Rehearsal;
use serde_json::{Value, json};
use std::collections::HashMap;

const CALLS: i64 = 24;
/// Its answer and its webhooks are lost: only a look-up by the attempt can tell of it.
const LOST: &str = "+12125550101";
const MIX: &str = "customer-ended-call:SALE=3, customer-ended-call=2, voicemail=3, \
    customer-busy=3, customer-did-not-answer=3, twilio-reported-customer-misdialed=1";

struct Vendor {
    name: &'static str,
    /// Below the sandbox.
    path: &'static str,
    settings: Value,
    hook_secret: &'static str,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retell_and_we_tell_the_same_story() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let vendor = Vendor {
        name: "retell",
        path: "",
        settings: json!({"caller_id": "+12137771234"}),
        hook_secret: "REHEARSAL_HOOK",
    };
    let outcomes = HashMap::from([
        ("user_hangup", "completed"),
        ("voicemail_reached", "voicemail"),
        ("dial_busy", "busy"),
        ("dial_no_answer", "no_answer"),
        ("invalid_destination", "invalid_number"),
    ]);
    let rehearsal = campaign(&vendor).await;
    let told = stories(&rehearsal, &outcomes).await;
    let sales = told.iter().filter(|story| story.disposition.as_deref() == Some("SALE")).count();
    assert!(sales > 0, "no label came through; see {}", rehearsal.dir.display());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn telnyx_and_we_tell_the_same_story() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let vendor = Vendor {
        name: "telnyx",
        path: "/v2",
        settings: json!({"caller_id": "+12137771234", "connection_id": "2893",
            "machine_detection": true}),
        hook_secret: "REHEARSAL_PUBLIC_KEY",
    };
    let outcomes = HashMap::from([
        ("normal_clearing", "completed"),
        ("user_busy", "busy"),
        ("no_answer", "no_answer"),
        ("not_found", "invalid_number"),
    ]);
    let rehearsal = campaign(&vendor).await;
    stories(&rehearsal, &outcomes).await;
    // A machine is told of apart from the end, and found by looking the end up.
    let machines = "select count(*) from dialer.attempt where outcome = 'voicemail' and word = 'normal_clearing'";
    assert!(number(&rehearsal, machines).await > 0, "see {}", rehearsal.dir.display());
}

/// Runs a campaign on a vendor to its end.
async fn campaign(vendor: &Vendor) -> Rehearsal {
    let flags = ["--mix", MIX, "--ring", "2..4", "--unanswered-ring", "4..8", "--talk", "5..15"];
    let mut rehearsal = begin(vendor.name, 60.0, &flags).await;
    let lost = json!({"lost_answer": 1.0, "lost_webhook": 1.0});
    rehearsal.set_faults(&json!({"numbers": {LOST: lost}})).await.unwrap();
    let summary = rehearsal.sandbox_summary().await.unwrap();
    let public_key = summary["ed25519_public_key"].as_str().unwrap().to_owned();
    rehearsal.add_secret("REHEARSAL_PUBLIC_KEY", &public_key);
    let base_url = rehearsal.sandbox_url(vendor.path);
    rehearsal
        .db
        .execute(
            "select dialer.create_account('desk', $1, 5, null, 'voice', $2, 'REHEARSAL_KEY', $3, $4)",
            &[&vendor.name, &base_url, &vendor.hook_secret, &vendor.settings],
        )
        .await
        .unwrap();
    rehearsal
        .db
        .batch_execute(&format!(
            "update dialer.provider_account set answer_seconds = 1, grace_seconds = 60, ring_seconds = 30, call_seconds_max = 60;
             select dialer.create_campaign('once', 'desk', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('once');
             select dialer.schedule_call('once', '+121255501' || lpad(i::text, 2, '0'), tz => 'America/New_York') from generate_series(1, {CALLS}) i"
        ))
        .await
        .unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    rehearsal
}

struct Story {
    disposition: Option<String>,
}

/// Every call that the provider saw, once, with the outcome that its word means; and no other.
async fn stories(rehearsal: &Rehearsal, outcomes: &HashMap<&str, &str>) -> Vec<Story> {
    let summary = rehearsal.sandbox_summary().await.unwrap();
    let seen = seen_calls(&rehearsal.sandbox_journal().await.unwrap()).unwrap();
    let logs = rehearsal.dir.display();
    assert_eq!(summary["doubled_attempts"], 0, "{logs}");
    assert_eq!(summary["two_live_calls_to_one_number"], 0, "{logs}");
    assert!(summary["peak"].as_u64().unwrap() <= 5, "{logs}");
    assert_eq!(i64::try_from(seen.len()).unwrap(), CALLS, "{logs}");
    assert_eq!(broken_invariants(rehearsal).await.unwrap(), Vec::<String>::new(), "{logs}");
    let mut told = Vec::new();
    for call in &seen {
        let row = rehearsal
            .db
            .query_opt(
                "select outcome::text, word, disposition from dialer.attempt where attempt_id = $1::text::uuid",
                &[&call.attempt_id],
            )
            .await
            .unwrap();
        let row = row.unwrap_or_else(|| panic!("{}: unknown to us; {logs}", call.attempt_id));
        let (outcome, word): (String, Option<String>) = (row.get(0), row.get(1));
        let disposition: Option<String> = row.get(2);
        let reason = call.reason.as_deref().unwrap();
        assert_eq!(word.as_deref(), Some(reason), "{}; {logs}", call.number);
        let machine = outcome == "voicemail" && reason == "normal_clearing";
        let meant = disposition.as_deref().map_or(outcomes[reason], |_| "sale");
        assert!(machine || outcome == meant, "{reason} became {outcome}, not {meant}; {logs}");
        told.push(Story { disposition });
    }
    let found = format!("select count(*) from dialer.provider_event where source = 'look_up' and call_id in
        (select call_id from dialer.call c join dialer.endpoint e using (endpoint_id) where e.address = '{LOST}')");
    assert!(number(rehearsal, &found).await > 0, "the lost call was not looked up; {logs}");
    told
}
