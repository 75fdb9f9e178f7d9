//! Calls in all their outcomes.

use crate::trial::Trial;
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Two hundred numbers of every behaviour, two dispatchers of which one is killed in the middle.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_calls_ring_once_and_end_as_the_far_end_says() {
    let begun = Instant::now();
    let then = json!({"context": "announcement", "max_duration_seconds": 10});
    let Some(mut trial) = Trial::start("calls", 24, then).await else { return };
    // Mixed, so that every behaviour is in every part of the run.
    let endings: Vec<u8> = (0..10).flat_map(|one| (0..10).map(move |ten| ten * 10 + one)).collect();
    trial.call(&[212, 303], &endings).await;
    endless(&trial).await;
    trial.rehearsal.start_dispatcher().await.unwrap();
    trial.rehearsal.start_dispatcher().await.unwrap();
    trial.until_attempts(70).await;
    trial.rehearsal.kill_dispatcher(0).unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    trial.rehearsal.revive_dispatcher(0).await.unwrap();
    trial.until_over().await;
    // At most as many as one dispatcher asks for at once.
    let rung = trial.judge(&[], 24).await;
    trial.tell("two hundred numbers, one dispatcher killed", &[], begun).await;
    assert!(rung >= 200, "only {rung} calls were made");
    let seen: BTreeSet<&str> = trial.calls().iter().map(|call| call.outcome()).collect();
    let every = [
        "blocked",
        "busy",
        "completed",
        "invalid_number",
        "no_answer",
        "provider_fault",
        "rejected",
    ];
    assert_eq!(seen, BTreeSet::from(every));
    // The far end's clock, because a dispatcher that has just come to life heard no answer.
    let calls = trial.calls();
    let endless = calls.iter().find(|call| call.number.starts_with("1404")).unwrap();
    let seconds = endless.end.unwrap().0 - endless.began;
    assert!((14.0..30.0).contains(&seconds), "the longest time allowed took {seconds} s");
}

/// One call that neither side ends, so that only the longest time allowed can.
async fn endless(trial: &Trial) {
    const SQL: &str = "select dialer.schedule_call('calls', '+14045550100', tz => 'UTC', priority => 1, payload => $1)";
    let payload = json!({"settings": {"extension": "hold"}});
    trial.rehearsal.db.execute(SQL, &[&payload]).await.unwrap();
}

/// A trial in which whoever answers hears a sound.
async fn sounding(name: &str, sound: &str) -> Option<Trial> {
    let trial = Trial::start(name, 5, json!({"context": "announcement"})).await?;
    let sound = json!({"context": null, "sound": trial.peer.sound(sound)});
    let set = "update dialer.provider_account set settings = settings || $1";
    trial.rehearsal.db.execute(set, &[&sound]).await.unwrap();
    Some(trial)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_announcement_is_played_and_the_call_is_hung_up() {
    let begun = Instant::now();
    let Some(mut trial) = sounding("sound", "silence").await else { return };
    trial.call(&[212], &[0, 1, 2, 3, 4, 70, 71, 20]).await;
    trial.rehearsal.start_dispatcher().await.unwrap();
    trial.until_over().await;
    assert_eq!(trial.judge(&[], 0).await, 8);
    trial.tell("a sound for whoever answers", &[], begun).await;
    // The far end holds the line for ever: it was the end of the sound that ended the calls, not the longest time allowed.
    let lengths = "select min(duration_seconds), max(duration_seconds) from dialer.attempt where outcome = 'completed'";
    let row = trial.rehearsal.db.query_one(lengths, &[]).await.unwrap();
    let (shortest, longest): (f64, f64) = (row.get(0), row.get(1));
    assert!(shortest > 0.4 && longest < 10.0, "between {shortest} and {longest} s");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_whose_sound_ended_while_no_dispatcher_lived_is_hung_up_by_the_next() {
    let begun = Instant::now();
    let Some(mut trial) = sounding("orphan", "silence-3s").await else { return };
    trial.call(&[212], &[0]).await;
    trial.rehearsal.start_dispatcher().await.unwrap();
    trial.until("select count(*) = 1 from dialer.lease where state = 'answered'").await;
    // It is playing by now, or was not even begun; both leave the callee on the line.
    trial.rehearsal.kill_dispatcher(0).unwrap();
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(trial.calls()[0].end.is_none(), "nobody was there to hang up");
    // Under another name, as a process on another machine would.
    trial.rehearsal.start_dispatcher().await.unwrap();
    trial.until_over().await;
    assert_eq!(trial.judge(&[], 0).await, 1);
    trial.tell("a sound whose end nobody heard", &[], begun).await;
}
