//! One simulated day of a campaign: its beginning, its end, and its judgement.

use chrono::NaiveTime;
use dialer_tests::contacts::Person;
use dialer_tests::judge::{self, Rule};
use dialer_tests::rehearsal::{Plan, Rehearsal};
use std::collections::HashMap;
use std::time::Duration;

/// Friday, half past ten in New York.
pub const BEGINS: &str = "2026-12-04T15:30:00Z";
/// Half past one on Saturday in New York: Honolulu has closed too.
const ENDS: &str = "2026-12-05T06:30:00Z";
const RATE: f64 = 3600.0;
const ATTEMPTS: &str = "select count(*) from dialer.attempt";

/// A provider and a database at the beginning of the day, with accounts and nothing else.
pub async fn begin(name: &str, rate: f64, flags: &[&str]) -> Rehearsal {
    let rehearsal = Rehearsal::start(name, plan(rate, flags)).await.unwrap();
    rehearsal.add_accounts().await.unwrap();
    rehearsal
}

/// What the provider and the clock of a day are like.
pub fn plan(rate: f64, flags: &[&str]) -> Plan {
    Plan {
        begins: BEGINS.parse().unwrap(),
        rate,
        max_concurrent: 5,
        sandbox_flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
    }
}

pub async fn open(name: &str, people: &[Person], flags: &[&str]) -> Rehearsal {
    let rehearsal = begin(name, RATE, flags).await;
    // Short waits, so that what a crash leaves is settled within the test's day.
    rehearsal
        .db
        .batch_execute(
            "update dialer.provider_account set lease_seconds = 2, answer_seconds = 1, grace_seconds = 3, call_seconds_max = 600;
             select dialer.create_campaign('spring', 'voice', 'Mo-Fr 11:00-20:00'); select dialer.start_campaign('spring')",
        )
        .await
        .unwrap();
    schedule(&rehearsal, "spring", people).await;
    rehearsal
}

/// Plans a call for everybody who may be called.
pub async fn schedule(rehearsal: &Rehearsal, campaign: &str, people: &[Person]) {
    const SQL: &str = "select dialer.schedule_call($1, $2, tz => $3)";
    for person in people.iter().filter(|person| !person.opted_out) {
        let zone = person.zone.name();
        rehearsal.db.execute(SQL, &[&campaign, &person.number, &zone]).await.unwrap();
    }
}

pub async fn until_attempts_grow(rehearsal: &Rehearsal, by: i64) {
    let before = number(rehearsal, ATTEMPTS).await;
    for _ in 0..3000 {
        if number(rehearsal, ATTEMPTS).await >= before + by {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is dialled; see {}", rehearsal.dir.display());
}

/// Until the simulated day is over and every attempt has come to its end.
pub async fn until_the_day_is_over(rehearsal: &Rehearsal) {
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

/// Nothing was done wrong, and everybody was tried.
pub async fn verdict(rehearsal: &Rehearsal, people: &[Person]) {
    sound(rehearsal, people, time(11, 0), time(20, 0)).await;
    let tried = number(rehearsal, "select count(distinct endpoint_id) from dialer.attempt").await;
    let callable = people.iter().filter(|person| !person.opted_out).count();
    assert_eq!(usize::try_from(tried).unwrap(), callable, "not everybody was tried");
}

pub fn time(hour: u32, minute: u32) -> NaiveTime {
    NaiveTime::from_hms_opt(hour, minute, 0).unwrap()
}

/// Nothing was done wrong, in a campaign with these hours.
pub async fn sound(rehearsal: &Rehearsal, people: &[Person], opens: NaiveTime, closes: NaiveTime) {
    let rule = |person: &Person| Rule {
        zone: person.zone,
        opens,
        closes,
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
}

/// Until a question about the database is answered with true.
pub async fn until(rehearsal: &Rehearsal, question: &str) {
    // LIMIT: a minute; what has not come by then will not.
    for _ in 0..6000 {
        if rehearsal.db.query_one(question, &[]).await.unwrap().get(0) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still not so: {question}; see {}", rehearsal.dir.display());
}

/// One number from the database.
pub async fn number(rehearsal: &Rehearsal, question: &str) -> i64 {
    rehearsal.db.query_one(question, &[]).await.unwrap().get(0)
}
