//! A transaction that is held for long: doctor and metrics say so.

use crate::ONE_AT_A_TIME;
use crate::day::begin;
use dialer_tests::rehearsal::Rehearsal;
use std::time::{Duration, Instant};

/// The gauge, as Prometheus reads it.
async fn gauge(rehearsal: &Rehearsal) -> f64 {
    let url = rehearsal.dispatcher_url(0, "/metrics");
    let text = rehearsal.http.get(url).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with("dialerd_oldest_snapshot_seconds "));
    line.and_then(|line| line.rsplit(' ').next()).map_or(-1.0, |value| value.parse().unwrap())
}

async fn until_gauge(rehearsal: &Rehearsal, is_so: impl Fn(f64) -> bool) {
    let begun = Instant::now();
    while !is_so(gauge(rehearsal).await) {
        assert!(begun.elapsed() < Duration::from_secs(40), "{}", gauge(rehearsal).await);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The default age of a warning, five minutes, becomes none: a test does not wait for so long.
const AT_ONCE: &str = "do $$ begin execute replace(pg_get_functiondef( \
    'dialer.old_snapshots(interval)'::regprocedure), '00:05:00', '00:00:00'); end $$";

// R214
#[tokio::test(flavor = "multi_thread")]
async fn a_held_transaction_is_shown_by_metrics_and_doctor() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = begin("snapshot", 1.0, &[]).await;
    rehearsal.start_dispatcher().await.unwrap();
    let (said, _) = rehearsal.dialerd(&["doctor"]).unwrap();
    assert!(said.contains("ok    old snapshots nobody has kept one"), "{said}");
    rehearsal
        .db
        .batch_execute("set application_name = 'nightly report'; begin isolation level repeatable read; select 1")
        .await
        .unwrap();
    until_gauge(&rehearsal, |age| age > 1.0).await;
    rehearsal.db.batch_execute("commit").await.unwrap();
    rehearsal.db.batch_execute(AT_ONCE).await.unwrap();
    rehearsal.db.batch_execute("begin isolation level repeatable read; select 1").await.unwrap();
    let (said, _) = rehearsal.dialerd(&["doctor"]).unwrap();
    assert!(said.contains("warn  old snapshots session nightly report, pid "), "{said}");
    assert!(said.contains("(idle in transaction) since 00:00:0"), "{said}");
    assert!(said.contains("-> dead rows stay until it ends"), "{said}");
    rehearsal.db.batch_execute("commit").await.unwrap();
    until_gauge(&rehearsal, |age| (0.0..1.0).contains(&age)).await;
}
