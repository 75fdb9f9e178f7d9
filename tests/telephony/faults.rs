//! An exchange that is killed, and one that stalls while it is asked.

use crate::far_end::AWAY_SECONDS;
use crate::trial::Trial;
use serde_json::json;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_is_killed_twice_loses_and_doubles_nothing() {
    let begun = Instant::now();
    let then = json!({"context": "announcement"});
    let Some(mut trial) = Trial::start("killed", 16, then).await else { return };
    let endings: Vec<u8> =
        (0..10).flat_map(|one| [0, 10, 20, 30, 70].map(|ten| ten + one)).collect();
    trial.call(&[212, 303], &endings).await;
    // So long an attempt stays open whose answer died with the exchange.
    let brief = "update dialer.provider_account set call_seconds_max = 3";
    trial.rehearsal.db.batch_execute(brief).await.unwrap();
    trial.rehearsal.start_dispatcher().await.unwrap();
    trial.rehearsal.start_dispatcher().await.unwrap();
    let mut cuts = Vec::new();
    for attempts in [20, 50] {
        trial.until_attempts(attempts).await;
        cuts.push(now());
        trial.peer.kill_exchange();
        // Long enough for calls to be tried while nobody is there.
        tokio::time::sleep(Duration::from_secs_f64(AWAY_SECONDS)).await;
        trial.peer.restart_exchange();
    }
    trial.until_over().await;
    let rung = trial.judge(&cuts, 2 * 16).await;
    trial.tell("an exchange killed twice", &cuts, begun).await;
    // What it took with it was found out by looking, not by waiting for the longest call.
    let gone = "select count(*) from dialer.attempt where word = 'channel gone'";
    let gone: i64 = trial.rehearsal.db.query_one(gone, &[]).await.unwrap().get(0);
    assert!(gone >= 10, "only {gone} calls were found to be gone");
    // Whatever was not under way when it died was placed all the same.
    assert!(rung >= 100 - 2 * 16, "only {rung} calls were made");
    let untried = "select count(*) from dialer.call c where not exists (select from dialer.attempt a where a.call_id = c.call_id)";
    let untried: i64 = trial.rehearsal.db.query_one(untried, &[]).await.unwrap().get(0);
    assert_eq!(untried, 0, "calls were lost");
}

/// The request lies in the exchange's socket; we give up; the call is made all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_answer_was_lost_is_found_and_rings_once() {
    let begun = Instant::now();
    let then = json!({"context": "announcement"});
    let Some(mut trial) = Trial::start("stalled", 4, then).await else { return };
    let login = trial.rehearsal.login_url();
    let server = login.split('@').nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    trial.rehearsal.dispatch_through(server, &["--answer-ms", "700"]).unwrap();
    let dispatcher = trial.rehearsal.start_dispatcher().await.unwrap();
    let ready = trial.rehearsal.dispatcher_url(dispatcher, "/ready");
    until_heard(&trial, &ready).await;
    trial.peer.signal("-STOP");
    trial.call(&[212], &[0, 30, 70, 71]).await;
    let unknown =
        "select count(*) = 4 from dialer.lease where state = 'intended' and note is not null";
    trial.until(unknown).await;
    trial.peer.signal("-CONT");
    trial.until_over().await;
    assert_eq!(trial.judge(&[], 0).await, 4);
    trial.tell("answers that came too late", &[], begun).await;
}

/// Until the dispatcher says that it hears the exchange.
async fn until_heard(trial: &Trial, ready: &str) {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(20) {
        let report = trial.rehearsal.http.get(ready).send().await.unwrap();
        let report: serde_json::Value = report.json().await.unwrap();
        if report["streams"][0]["listening"] == true {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the exchange is not heard; see {}", trial.rehearsal.dir.display());
}
