//! E-mails through the dispatcher: each sent once, the bounces heard of later.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use dialer_tests::rehearsal::free_port;
use serde_json::json;
use std::collections::HashMap;

const MAILS: i64 = 31;

// R117
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_mail_is_sent_once_and_a_bounce_marks_its_address() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = begin("mail", 60.0, &[]).await;
    rehearsal
        .db
        .batch_execute(
            "select dialer.create_campaign('mails', 'mail', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('mails');
             select dialer.schedule_batch((select jsonb_agg(jsonb_build_object('external_key', 'case-' || i,
                 'email', case when i % 10 = 0 then 'bounce' else 'case' end || i || '@example.com')) from generate_series(1, 31) i),
                 email_campaign => 'mails')",
        )
        .await
        .unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select bool_and(state = 'completed') from dialer.call").await;
    let sent = "select count(*) from dialer.attempt where outcome = 'completed'";
    assert_eq!(number(&rehearsal, sent).await, MAILS);
    let bounced = "select count(*) filter (where address like 'bounce%' and status = 'unusable') = 3 from dialer.endpoint";
    until(&rehearsal, bounced).await;
    let summary = rehearsal.sandbox_summary().await.unwrap();
    assert_eq!(summary["emails"]["sent"], MAILS);
    assert_eq!(summary["emails"]["repeated"], 0);
    let broken = "select count(*) from dialer.invariant_violation";
    assert_eq!(number(&rehearsal, broken).await, 0);
}

/// A mail server whose answers get lost: what was taken over is never sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_letter_is_taken_over_once_though_answers_are_lost() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let port = free_port().unwrap();
    let listen = format!("127.0.0.1:{port}");
    let flags =
        ["--smtp-listen", &listen, "--fault", "lost_answer=0.2", "--fault", "over_limit=0.1"];
    let mut rehearsal = begin("smtp", 60.0, &flags).await;
    let settings = json!({"from": "Clinic <clinic@example.com>", "subject": "For {{name}}", "tls": "none",
        "username": "clinic"});
    let account = "select dialer.create_account('letters', 'smtp', 5, null, 'email', $1, 'REHEARSAL_KEY', null, $2)";
    let server = format!("smtp://127.0.0.1:{port}");
    rehearsal.db.execute(account, &[&server, &settings]).await.unwrap();
    rehearsal
        .db
        .batch_execute(
            "update dialer.provider_account set ring_seconds = 1, call_seconds_max = 1, answer_seconds = 1, grace_seconds = 1;
             select dialer.create_campaign('post', 'letters', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('post');
             select dialer.schedule_batch((select jsonb_agg(jsonb_build_object('external_key', 'case-' || i,
                 'email', case when i % 10 = 0 then 'bounce' else 'case' end || i || '@example.com')) from generate_series(1, 31) i),
                 email_campaign => 'post')",
        )
        .await
        .unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    let mut taken: HashMap<String, usize> = HashMap::new();
    for line in rehearsal.sandbox_journal().await.unwrap() {
        if line["event"] == "email" {
            *taken.entry(line["attempt_id"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    let rows = rehearsal
        .db
        .query("select attempt_id::text, outcome::text from dialer.attempt where intended_at is not null", &[])
        .await
        .unwrap();
    let mut outcomes: HashMap<String, usize> = HashMap::new();
    for row in &rows {
        let (attempt, outcome): (String, String) = (row.get(0), row.get(1));
        let letters = taken.remove(&attempt).unwrap_or(0);
        let expected = usize::from(matches!(outcome.as_str(), "completed" | "unknown"));
        assert_eq!(letters, expected, "{outcome}; see {}", rehearsal.dir.display());
        *outcomes.entry(outcome).or_default() += 1;
    }
    assert!(taken.is_empty(), "letters that nobody here knows of: {taken:?}");
    assert_eq!(outcomes["invalid_number"], 3, "{outcomes:?}");
    assert!(outcomes["unknown"] > 0 && outcomes["completed"] > 15, "{outcomes:?}");
    assert_eq!(rehearsal.sandbox_summary().await.unwrap()["emails"]["repeated"], 0);
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}
