//! Dispatchers side by side, killed and stopped, and a provider that fails.

use crate::ONE_AT_A_TIME;
use crate::day::{number, open, until_attempts_grow, until_the_day_is_over, verdict};
use dialer_tests::contacts::contact_list;
use std::time::Duration;

// R020, R021, R032, C30, C35
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_dispatchers_side_by_side_keep_every_limit() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let people = contact_list(60).people;
    let mut rehearsal = open("side_by_side", &people, &[]).await;
    rehearsal.start_dispatcher().await.unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until_the_day_is_over(&rehearsal).await;
    verdict(&rehearsal, &people).await;
}

// D2, D3, R108
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatcher_that_is_killed_twice_loses_and_doubles_nothing() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let people = contact_list(60).people;
    let mut rehearsal = open("killed", &people, &[]).await;
    let dispatcher = rehearsal.start_dispatcher().await.unwrap();
    for _ in 0..2 {
        until_attempts_grow(&rehearsal, 40).await;
        rehearsal.kill_dispatcher(dispatcher).unwrap();
        rehearsal.revive_dispatcher(dispatcher).await.unwrap();
    }
    until_the_day_is_over(&rehearsal).await;
    verdict(&rehearsal, &people).await;
}

// R106, R119, D9
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_fails_in_every_way_is_survived() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let people = contact_list(60).people;
    let faults = [
        "lost_answer=0.03",
        "doubled_webhook=0.1",
        "late_webhook=0.05",
        "late_seconds=600",
        "out_of_order=0.1",
        "lost_webhook=0.03",
        "error_before=0.02",
        "error_after=0.02",
    ];
    let flags: Vec<&str> = faults.iter().flat_map(|fault| ["--fault", *fault]).collect();
    let mut rehearsal = open("faults", &people, &flags).await;
    rehearsal.start_dispatcher().await.unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until_the_day_is_over(&rehearsal).await;
    verdict(&rehearsal, &people).await;
}

// R213
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatcher_that_is_asked_to_stop_ends_soon_and_hands_over() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let people = contact_list(60).people;
    // Answers take so long (in simulated time) that requests are always under way.
    let flags = ["--latency", "600000..900000"];
    let mut rehearsal = open("stopped", &people, &flags).await;
    let dispatcher = rehearsal.start_dispatcher().await.unwrap();
    for _ in 0..2 {
        until_attempts_grow(&rehearsal, 20).await;
        let (code, took) = rehearsal.stop_dispatcher(dispatcher).unwrap();
        assert_eq!(code, Some(0));
        assert!(took < Duration::from_secs(5), "stopping took {took:?}");
        // Whatever was in hand has been written down or given back: nobody waits for a lease.
        let claimed = "select count(*) from dialer.lease where state = 'claimed'";
        assert_eq!(number(&rehearsal, claimed).await, 0);
        rehearsal.revive_dispatcher(dispatcher).await.unwrap();
    }
    until_the_day_is_over(&rehearsal).await;
    verdict(&rehearsal, &people).await;
}
