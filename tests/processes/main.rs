//! Whole processes: dispatchers that run side by side, are killed, and face a provider that
//! fails. The provider's journal is the judge.
//!
//! One test after the other, because each keeps both cores busy.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

use chrono::NaiveTime;
use dialer_tests::contacts::{Person, contact_list};
use dialer_tests::judge::{self, Rule};
use dialer_tests::rehearsal::{Plan, Rehearsal};
use std::collections::HashMap;
use std::time::Duration;

/// Friday, half past ten in New York.
const BEGINS: &str = "2026-12-04T15:30:00Z";
/// Half past one on Saturday in New York: Honolulu has closed too.
const ENDS: &str = "2026-12-05T06:30:00Z";
const RATE: f64 = 3600.0;

static ONE_AT_A_TIME: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

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
    let flags: Vec<String> =
        faults.iter().flat_map(|fault| ["--fault".to_owned(), (*fault).to_owned()]).collect();
    let mut rehearsal = open("faults", &people, &flags).await;
    rehearsal.start_dispatcher().await.unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until_the_day_is_over(&rehearsal).await;
    verdict(&rehearsal, &people).await;
}

async fn open(name: &str, people: &[Person], flags: &[String]) -> Rehearsal {
    let plan = Plan {
        begins: BEGINS.parse().unwrap(),
        rate: RATE,
        max_concurrent: 5,
        sandbox_flags: flags.to_vec(),
    };
    let rehearsal = Rehearsal::start(name, plan).await.unwrap();
    rehearsal.add_accounts().await.unwrap();
    // Short waits, so that what a crash leaves is settled within the test's day.
    rehearsal
        .db
        .batch_execute(
            "update dialer.provider_account set lease_seconds = 2, answer_seconds = 1, grace_seconds = 3, call_seconds_max = 600;
             select dialer.create_campaign('spring', 'voice', 'Mo-Fr 11:00-20:00'); select dialer.start_campaign('spring')",
        )
        .await
        .unwrap();
    for person in people.iter().filter(|person| !person.opted_out) {
        rehearsal
            .db
            .execute(
                "select dialer.schedule_call('spring', $1, tz => $2)",
                &[&person.number, &person.zone.name()],
            )
            .await
            .unwrap();
    }
    rehearsal
}

async fn until_attempts_grow(rehearsal: &Rehearsal, by: i64) {
    let count = || async {
        rehearsal
            .db
            .query_one("select count(*) from dialer.attempt", &[])
            .await
            .unwrap()
            .get::<_, i64>(0)
    };
    let before = count().await;
    for _ in 0..3000 {
        if count().await >= before + by {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is dialled; see {}", rehearsal.dir.display());
}

/// Until the simulated day is over and every attempt has come to its end.
async fn until_the_day_is_over(rehearsal: &Rehearsal) {
    for _ in 0..6000 {
        let row = rehearsal
            .db
            .query_one(
                "select dialer.now() >= $1::text::timestamptz, (select count(*) from dialer.lease)",
                &[&ENDS],
            )
            .await
            .unwrap();
        if row.get(0) && row.get::<_, i64>(1) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("attempts are stuck; see {}", rehearsal.dir.display());
}

async fn verdict(rehearsal: &Rehearsal, people: &[Person]) {
    let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).unwrap();
    let rule = |person: &Person| Rule {
        zone: person.zone,
        opens: hour(11),
        closes: hour(20),
        max_per_day: 8,
        forbidden: person.opted_out,
    };
    let rules: HashMap<String, Rule> =
        people.iter().map(|person| (person.number.clone(), rule(person))).collect();
    let findings = judge::findings(rehearsal, &rules).await.unwrap();
    assert!(
        findings.is_empty(),
        "{} findings, logs in {}:\n{}",
        findings.len(),
        rehearsal.dir.display(),
        findings.join("\n")
    );
    let tried: i64 = rehearsal
        .db
        .query_one("select count(distinct endpoint_id) from dialer.attempt", &[])
        .await
        .unwrap()
        .get(0);
    let callable = people.iter().filter(|person| !person.opted_out).count();
    assert_eq!(usize::try_from(tried).unwrap(), callable, "not everybody was tried");
}
