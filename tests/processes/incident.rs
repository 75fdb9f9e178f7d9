//! The incident of an operator's nightmares: the only dispatcher dies with every line in use, the
//! provider's webhooks are lost, and somebody starts it again forty minutes later.

use crate::ONE_AT_A_TIME;
use crate::day::{BEGINS, number, sound, time, until};
use dialer_tests::contacts::{Person, contact_list};
use dialer_tests::rehearsal::{Plan, Rehearsal};
use serde_json::json;

const LINES: u32 = 10;
/// Forty minutes in half a minute: from there on it is an outage.
const RATE: f64 = 75.0;
/// Forty minutes after the kill, by the clock of the dialer.
const REPAIRED: &str =
    "select dialer.now() >= (select max(intended_at) from incident) + interval '40 minutes'";

/// Two campaigns: one places late calls as soon as it can, one does not call late.
const CAMPAIGNS: &str = "
    update dialer.provider_account set lease_seconds = 2, answer_seconds = 1, grace_seconds = 3, call_seconds_max = 600;
    select dialer.create_campaign('reminder', 'voice', '24/7', tz => 'UTC', policy => 'once', misfire => 'expire');
    select dialer.create_campaign('survey', 'voice', '24/7', tz => 'UTC', policy => 'once', misfire => 'place');
    select dialer.start_campaign('reminder'), dialer.start_campaign('survey')";

async fn schedule(rehearsal: &Rehearsal, campaign: &str, people: &[Person], minutes: &str) {
    const SQL: &str = "select dialer.schedule_call($1, $2, tz => $3, due_at => dialer.now() + $4::text::interval)";
    for person in people {
        let zone = person.zone.name();
        rehearsal.db.execute(SQL, &[&campaign, &person.number, &zone, &minutes]).await.unwrap();
    }
}

// R209, C33, D2, D7, D9: the third journey: no double call, slots recovered, late calls by their policy, each decision told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatcher_that_is_away_for_forty_minutes_with_ten_calls_in_flight_is_made_good() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let people: Vec<_> =
        contact_list(40).people.into_iter().filter(|person| !person.opted_out).take(30).collect();
    let plan = Plan {
        begins: BEGINS.parse().unwrap(),
        rate: RATE,
        max_concurrent: LINES,
        sandbox_flags: ["--ring", "10..20", "--talk", "240..300", "--mix", "answered=1"]
            .map(str::to_owned)
            .to_vec(),
    };
    let mut rehearsal = Rehearsal::start("incident", plan).await.unwrap();
    rehearsal.add_accounts().await.unwrap();
    rehearsal.db.batch_execute(CAMPAIGNS).await.unwrap();
    schedule(&rehearsal, "survey", &people[..10], "0").await;
    schedule(&rehearsal, "survey", &people[10..20], "20 minutes").await;
    schedule(&rehearsal, "reminder", &people[20..], "20 minutes").await;
    let dispatcher = rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select count(*) = 10 from dialer.lease where placed_at is not null").await;
    let silent: serde_json::Map<_, _> = people[..3]
        .iter()
        .map(|person| (person.number.clone(), json!({"lost_webhook": 1.0})))
        .collect();
    rehearsal.set_faults(&json!({"numbers": silent})).await.unwrap();
    rehearsal.kill_dispatcher(dispatcher).unwrap();
    let flying =
        "create table incident as select call_id, attempt_id, intended_at from dialer.lease";
    rehearsal.db.batch_execute(flying).await.unwrap();
    assert_eq!(
        number(&rehearsal, "select count(*) from incident").await,
        i64::from(LINES),
        "not every line was in use"
    );
    until(&rehearsal, REPAIRED).await;
    rehearsal.revive_dispatcher(dispatcher).await.unwrap();
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    what_was_in_flight_ended_as_it_was(&rehearsal).await;
    what_was_late_went_by_its_policy(&rehearsal).await;
    every_decision_is_told(&rehearsal).await;
    sound(&rehearsal, &people, time(0, 0), time(23, 59)).await;
}

async fn what_was_in_flight_ended_as_it_was(rehearsal: &Rehearsal) {
    // One attempt each, with the provider's own word: three of them could only be looked up.
    let ended = "select count(*) from incident i join dialer.attempt a using (attempt_id) where a.outcome = 'completed'";
    assert_eq!(number(rehearsal, ended).await, i64::from(LINES), "see {}", rehearsal.dir.display());
    let again = "select count(*) from incident i join dialer.attempt a using (call_id) where a.attempt_id <> i.attempt_id";
    assert_eq!(number(rehearsal, again).await, 0, "somebody was called again");
}

async fn what_was_late_went_by_its_policy(rehearsal: &Rehearsal) {
    let expired = "select count(*) from dialer.call join dialer.campaign g using (campaign_id) where g.name = 'reminder' and call.state = 'expired' and end_reason = 'misfired'";
    assert_eq!(number(rehearsal, expired).await, 10);
    let placed = "select count(*) from dialer.call join dialer.campaign g using (campaign_id) where g.name = 'survey' and call.state = 'completed'";
    assert_eq!(number(rehearsal, placed).await, 20, "the slots did not come back");
}

async fn every_decision_is_told(rehearsal: &Rehearsal) {
    let untold = "select count(*) from dialer.call c where not exists (select from dialer.transition t where t.call_id = c.call_id and t.machine = 'call' and t.to_state = c.state::text)";
    assert_eq!(number(rehearsal, untold).await, 0);
    let undecided = "select count(*) from dialer.attempt where decision ->> 'local_time' is null or decision -> 'policy' is null";
    assert_eq!(number(rehearsal, undecided).await, 0);
    let unnoticed = "select count(*) from dialer.outage o where o.to_at - o.from_at between interval '35 minutes' and interval '60 minutes'";
    assert_eq!(number(rehearsal, unnoticed).await, 1, "the outage is not known");
}
