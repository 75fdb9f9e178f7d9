//! Limits at the provider with three dispatchers: never one start too many in any second, though
//! the dispatcher that has the account is killed; and every slot in use.

use crate::ONE_AT_A_TIME;
use crate::day::{number, plan};
use chrono::{DateTime, Utc};
use dialer_tests::judge;
use dialer_tests::rehearsal::{Plan, Rehearsal};
use std::collections::HashMap;
use std::time::{Duration, Instant};

const PER_SECOND: usize = 20;

/// A real clock, a provider that would admit everything, and so many calls due now.
async fn three_dispatchers(name: &str, limits: &str, flags: &[&str], calls: i32) -> Rehearsal {
    let mut all = vec!["--per-second", "100000", "--latency", "0"];
    all.extend(flags);
    let plan = Plan { max_concurrent: 500, ..plan(1.0, &all) };
    let mut rehearsal = Rehearsal::start(name, plan).await.unwrap();
    rehearsal.log("info,dialerd::run::place=debug");
    rehearsal.add_accounts().await.unwrap();
    rehearsal
        .db
        .batch_execute(&format!(
            "update dialer.provider_account set lease_seconds = 3, answer_seconds = 1, {limits};
             select dialer.create_campaign('once', 'voice', '24/7', tz => 'UTC', policy => 'once');
             select count(dialer.schedule_call('once', '+1' || (201 + i / 100) || '55501' || to_char(i % 100, 'FM00'), tz => 'UTC'))
             from generate_series(0, {calls} - 1) i where not dialer.zones_of('+1' || (201 + i / 100) || '5550100') = '{{}}'"
        ))
        .await
        .unwrap();
    for _ in 0..3 {
        rehearsal.start_dispatcher().await.unwrap();
    }
    rehearsal.db.execute("select dialer.start_campaign('once')", &[]).await.unwrap();
    rehearsal
}

async fn starts(rehearsal: &Rehearsal) -> Vec<judge::SeenCall> {
    judge::seen_calls(&rehearsal.sandbox_journal().await.unwrap()).unwrap()
}

/// When each request was written, in dialer time, as the dispatchers' logs say.
fn written(rehearsal: &Rehearsal) -> HashMap<String, DateTime<Utc>> {
    let mut written = HashMap::new();
    for number in 0..3 {
        let log = rehearsal.dir.join(format!("dialerd-{number}.log"));
        for line in std::fs::read_to_string(log).unwrap().lines() {
            if let Some((at, attempt_id)) = line.split_once(" request is being written attempt_id=")
            {
                let at = at.split(' ').next().unwrap().parse().unwrap();
                written.insert(attempt_id.to_owned(), rehearsal.dialer_time(at));
            }
        }
    }
    written
}

/// The most starts that must have come within one second. Each came after its request was written
/// and before the provider had read it; where the machine makes the provider wait, that is a while.
fn surely_within_a_second(
    starts: &[judge::SeenCall],
    written: &HashMap<String, DateTime<Utc>>,
) -> usize {
    let after = |call: &judge::SeenCall| written[&call.attempt_id];
    let within = |from: DateTime<Utc>| {
        let until = from + chrono::TimeDelta::seconds(1);
        starts.iter().filter(|call| after(call) >= from && call.accepted_at < until).count()
    };
    starts.iter().map(|call| within(after(call))).max().unwrap()
}

/// Who placed last.
async fn owner(rehearsal: &Rehearsal) -> usize {
    const SQL: &str = "select right(dispatcher, 1)::integer from dialer.attempt_all
        where intended_at is not null order by intended_at desc limit 1";
    let row = rehearsal.db.query_opt(SQL, &[]).await.unwrap();
    row.map_or(0, |row| usize::try_from(row.get::<_, i32>(0)).unwrap())
}

// R022, R023
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_second_holds_a_start_too_many_though_the_owner_is_killed() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let limits = format!("max_concurrent = 500, per_second = {PER_SECOND}");
    let flags = ["--ring", "0", "--unanswered-ring", "0", "--talk", "0"];
    let mut rehearsal = three_dispatchers("rate", &limits, &flags, 400).await;
    let begun = Instant::now();
    for round in 1..=4 {
        let goal = round * 60;
        while starts(&rehearsal).await.len() < goal {
            assert!(begun.elapsed() < Duration::from_secs(50), "{goal} calls do not come");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let victim = owner(&rehearsal).await;
        rehearsal.kill_dispatcher(victim).unwrap();
        rehearsal.revive_dispatcher(victim).await.unwrap();
    }
    let starts = starts(&rehearsal).await;
    let most = surely_within_a_second(&starts, &written(&rehearsal));
    println!("{} starts; at most {most} surely within a second", starts.len());
    assert!(most <= PER_SECOND, "{most} starts within a second");
    let pairs =
        starts.windows(2).map(|pair| pair[1].accepted_at - pair[0].accepted_at).max().unwrap();
    println!("the longest pause took {pairs}");
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_slot_is_in_use_and_never_one_more() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let flags = ["--ring", "0.4", "--unanswered-ring", "0.4", "--mix", "customer-did-not-answer=1"];
    let rehearsal = three_dispatchers("slots", "max_concurrent = 10", &flags, 450).await;
    let begun = Instant::now();
    while starts(&rehearsal).await.len() < 300 {
        assert!(begun.elapsed() < Duration::from_secs(90), "300 calls do not come");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let calls = starts(&rehearsal).await;
    let (from, until) = (calls[30].accepted_at, calls[280].accepted_at);
    let busy = |call: &judge::SeenCall| {
        let (begins, ends) =
            (call.accepted_at.max(from), call.ended_at.unwrap_or(until).min(until));
        (ends - begins).as_seconds_f64().max(0.0)
    };
    let theirs = calls.iter().map(busy).sum::<f64>() / (until - from).as_seconds_f64() / 10.0;
    const OURS: &str = "select (extract(epoch from sum(least(a.ended_at, b.last) - greatest(a.claimed_at, b.first)))
            / extract(epoch from min(b.last - b.first)) / 10)::float8
        from dialer.attempt_all a, (select min(placed_at) + interval '1 second' as first, max(placed_at) - interval '1 second' as last from dialer.attempt_all) b
        where coalesce(a.ended_at, b.last) > b.first and a.claimed_at < b.last";
    let ours: f64 = rehearsal.db.query_one(OURS, &[]).await.unwrap().get(0);
    println!(
        "slots in use: {:.1} % by our account, {:.1} % at the provider",
        ours * 100.0,
        theirs * 100.0
    );
    assert!(rehearsal.sandbox_summary().await.unwrap()["peak"].as_u64() <= Some(10));
    // What a slot stands idle is the time of one claim, which is longer where nothing is optimised.
    let least = if cfg!(debug_assertions) { 0.90 } else { 0.95 };
    assert!(ours >= least, "{:.1} % of the slots in use", ours * 100.0);
}
