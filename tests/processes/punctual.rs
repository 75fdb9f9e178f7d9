//! Calls on the real clock: none before its time, and none long after it.

use crate::ONE_AT_A_TIME;
use crate::day::{number, plan};
use dialer_tests::judge::seen_calls;
use dialer_tests::rehearsal::{Plan, Rehearsal};
use std::collections::HashMap;

const CALLS: i64 = 20;
/// LIMIT: how late the middle one, and any, may be where other programs keep the machine busy.
const MEDIAN_MICROS_MAX: i64 = 1_000_000;
const LATEST_MICROS_MAX: i64 = 10_000_000;

// R043, C9: twenty calls that are due over ten seconds reach the provider at their times.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_reaches_the_provider_at_its_time_and_never_before() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let plan =
        Plan { max_concurrent: 100, ..plan(1.0, &["--per-second", "1000", "--latency", "0"]) };
    let mut rehearsal = Rehearsal::start("punctual", plan).await.unwrap();
    rehearsal.add_accounts().await.unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    rehearsal
        .db
        .batch_execute(&format!(
            "select dialer.create_campaign('once', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('once');
             select dialer.schedule_call('once', '+1212555' || to_char(100 + i, 'FM0000'), dialer.now() + interval '3 seconds' + i * interval '0.5 seconds', tz => 'UTC')
             from generate_series(0, {CALLS} - 1) i"
        ))
        .await
        .unwrap();
    crate::day::until(
        &rehearsal,
        &format!("select count(*) filter (where placed_at is not null or ended_at is not null) = {CALLS} from dialer.attempt_all"),
    )
    .await;
    const DUE: &str = "select attempt_id::text, (extract(epoch from due_at) * 1000000)::bigint from dialer.attempt_all";
    let due: HashMap<String, i64> = rehearsal
        .db
        .query(DUE, &[])
        .await
        .unwrap()
        .iter()
        .map(|row| (row.get(0), row.get(1)))
        .collect();
    let seen = seen_calls(&rehearsal.sandbox_journal().await.unwrap()).unwrap();
    let mut late: Vec<i64> = seen
        .iter()
        .map(|call| call.accepted_at.timestamp_micros() - due[&call.attempt_id])
        .collect();
    late.sort_unstable();
    assert_eq!(late.len() as i64, CALLS);
    assert!(late[0] >= 0, "before its time: {late:?}");
    assert!(late[late.len() / 2] <= MEDIAN_MICROS_MAX, "{late:?}");
    assert!(late[late.len() - 1] <= LATEST_MICROS_MAX, "{late:?}");
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}
