//! An attempt of which nothing is ever heard.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use serde_json::json;

const LOST: &str = "+12125550101";
const NEXT: &str = "+12125550102";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_attempt_of_which_nothing_is_heard_ends_as_unknown_and_frees_its_slot() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let flags = ["--ring", "2..4", "--unanswered-ring", "5..8", "--talk", "5..10"];
    let mut rehearsal = begin("silence", 60.0, &flags).await;
    let silent = json!({"lost_answer": 1.0, "lost_webhook": 1.0, "hidden": 1.0});
    rehearsal.set_faults(&json!({"numbers": {LOST: silent}})).await.unwrap();
    rehearsal
        .db
        .batch_execute(&format!(
            "update dialer.provider_account set max_concurrent = 1, ring_seconds = 30, call_seconds_max = 30, answer_seconds = 1, grace_seconds = 1;
             select dialer.create_campaign('once', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('once');
             select dialer.schedule_call('once', '{LOST}', tz => 'America/New_York', priority => 1);
             select dialer.schedule_call('once', '{NEXT}', tz => 'America/New_York', priority => 2)"
        ))
        .await
        .unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    let unknown = format!(
        "select count(*) from dialer.attempt a join dialer.endpoint e using (endpoint_id)
         where e.address = '{LOST}' and a.outcome = 'unknown' and a.counts and a.word = 'no evidence within the grace time'
           and a.ended_at - a.intended_at between interval '60 seconds' + dialer.real_interval('1 second')
               and interval '60 seconds' + dialer.real_interval('5 seconds')"
    );
    assert_eq!(number(&rehearsal, &unknown).await, 1, "see {}", rehearsal.dir.display());
    let in_turn = "select count(*) from dialer.attempt a join dialer.attempt b on b.intended_at >= a.ended_at";
    assert_eq!(number(&rehearsal, in_turn).await, 1, "the second did not wait for the slot");
    let broken = "select count(*) from dialer.invariant_violation";
    assert_eq!(number(&rehearsal, broken).await, 0);
    let summary = rehearsal.sandbox_summary().await.unwrap();
    assert_eq!(summary["doubled_attempts"], 0);
    assert_eq!(summary["accepted"], 2);
}
