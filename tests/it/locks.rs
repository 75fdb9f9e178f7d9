//! Every pair of operations that meet on a row, in two sessions at once: one holds its
//! transaction open, the other passes over or waits, and afterwards every invariant holds. Then a
//! storm of sessions that do all of it at random. A deadlock (40P01) fails the test.

use crate::database::Session;
use crate::dialer::{Dialer, set_clock};
use std::time::Duration;

/// LIMIT: whoever waits longer than this for a session that has gone on is caught in a deadlock
/// that Postgres cannot see.
const PATIENCE: Duration = Duration::from_secs(30);

/// What people, programs and dispatchers do, one thing each. Statements of people lock several rows in
/// one order, as Postgres asks of everybody. `{who}` names the session; the calls 1 to 6 wait, two
/// of the others are claimed, one is intended, and two are placed (see `scene`).
const OPERATIONS: [(&str, &str); 35] = [
    ("claim", "select count(*) from dialer.claim('{who}', 10)"),
    (
        "intend",
        "select dialer.intend('d1', array_agg(attempt_id), array_agg(token)) from dialer.lease where state = 'claimed'",
    ),
    (
        "mark_placed",
        "select dialer.mark_placed(array_agg(attempt_id), array_agg(token), array_agg('p' || call_id)) from dialer.lease where state = 'intended'",
    ),
    (
        "mark_unknown",
        "select dialer.mark_unknown(array_agg(attempt_id), array_agg(token), array_agg('time-out'::text)) from dialer.lease where state = 'intended'",
    ),
    (
        "release",
        "select dialer.release(array_agg(attempt_id), array_agg(token), array_agg('not_sent'::text)) from dialer.lease",
    ),
    (
        "settle",
        "select dialer.settle(array_agg(attempt_id), array_agg(token), array_agg('over_limit'::text), array_agg('429'::text), array_agg('{}'::jsonb)) from dialer.lease where state <> 'claimed'",
    ),
    (
        "ingest_event",
        "select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', '{who}' || attempt_id, 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', 'no_answer'))) from dialer.attempt_all where state <> 'claimed'",
    ),
    (
        "an end with a label",
        "select dialer.ingest_event(1, jsonb_agg(jsonb_build_object('event_key', '{who}d' || attempt_id, 'kind', 'ended', 'attempt_id', attempt_id, 'outcome', 'completed', 'disposition', case call_id % 3 when 0 then 'SALE' when 1 then 'DNC' else 'MYSTERY' end))) from dialer.attempt_all where state <> 'claimed'",
    ),
    ("silent_attempts", "select count(*) from dialer.silent_attempts('{who}', 10)"),
    ("end_leases", "select dialer.end_leases(dialer.now() + interval '1 hour', 100)"),
    ("tick", "select count(*) from dialer.tick()"),
    ("cancel_call", "select dialer.cancel_call(3)"),
    ("reschedule_call", "select dialer.reschedule_call(2, dialer.now() + interval '5 minutes')"),
    ("request_callback", "select dialer.request_callback(1, dialer.now() + interval '9 minutes')"),
    ("restagger", "select count(*) from dialer.restagger('{6,1,5,2,4,3}', dialer.now(), '10 s')"),
    (
        "set_disposition",
        "select dialer.set_disposition(4 + extract(epoch from clock_timestamp())::bigint % 6, 'SALE')",
    ),
    ("add_do_not_call", "select dialer.add_do_not_call('+12125550102')"),
    ("mark_converted", "select dialer.mark_converted(address => '+12125550105')"),
    (
        "edit_campaign",
        "select count(*) from dialer.edit_campaign('spring', jsonb_build_object('priority', 3 + extract(epoch from clock_timestamp())::bigint % 2, 'hours', 'Mo-Fr 11:00-19:30'))",
    ),
    (
        "pause",
        "update dialer.campaign set state = 'paused' where name = 'spring' and state = 'running'; update dialer.campaign set state = 'running' where name = 'spring' and state = 'paused'",
    ),
    ("stop", "select dialer.stop_campaign('summer')"),
    (
        "hours",
        "update dialer.calendar set hours = (case hours::text when 'Mo-Fr 11:00-20:00' then 'Mo-Fr 11:00-19:00' else 'Mo-Fr 11:00-20:00' end)::dialer.hours where calendar_id in (select k.calendar_id from dialer.calendar k order by k.calendar_id for update)",
    ),
    (
        "closures",
        "insert into dialer.closure (closed_on) values (date '2026-12-08' + (random() * 300)::integer) on conflict do nothing",
    ),
    (
        "zone_rule",
        "update dialer.campaign set zone_rule = case zone_rule when 'fixed' then 'contact' else 'fixed' end where name = 'summer'",
    ),
    (
        "contact moved",
        "update dialer.contact set zones = case zones when '{America/Denver}' then '{America/New_York}'::text[] else '{America/Denver}' end, zone_source = 'stated' where contact_id in (select p.contact_id from dialer.contact p where p.contact_id % 2 = 0 order by p.contact_id for update)",
    ),
    (
        "schedule_call",
        "select dialer.schedule_call('summer', '+12125550102', tz => 'America/New_York')",
    ),
    (
        "schedule_batch",
        "select count(*) from dialer.schedule_batch('[{\"phone\": \"+12125550103\", \"tz\": \"America/Chicago\"}, {\"phone\": \"+12125550777\", \"tz\": \"America/Denver\"}]', 'spring')",
    ),
    (
        "set_limits",
        "select dialer.set_limits('voice', 5); select dialer.set_tenant_limits('default', 6); select dialer.add_caller_id('voice', '+12125550900', 3)",
    ),
    ("recompute_due", "select dialer.recompute_due()"),
    (
        "use_workflow",
        "select dialer.use_workflow('spring', case when (select workflow_id is null from dialer.campaign where name = 'spring') then 'preclassify' end)",
    ),
    ("choose_law", "select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}')"),
    (
        "exempt_consent",
        "select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}', exempt_consent => 'sales')",
    ),
    ("give_consent", "select dialer.give_consent('+12125550103', 'sales', 'form')"),
    (
        "declare_ban",
        "select dialer.declare_ban('storm', '{TX}', to_at => dialer.now() + interval '1 second')",
    ),
    ("set_tenant_cap", "select dialer.set_tenant_cap('breath', 1, 'gap', 60)"),
];

/// Refusals that are answers: the call is being placed, has ended, has begun its steps, or is past.
const ANSWERS: [&str; 6] = ["PD001", "PD027", "PD028", "PD029", "PD024", "PD046"];

/// Ten people: six wait, two are claimed, one is intended, one is placed; and two campaigns.
async fn scene() -> Dialer {
    let dialer = Dialer::open().await;
    dialer
        .run("update dialer.calendar set tz = 'America/New_York'; select dialer.set_limits('voice', 4);
              select dialer.create_campaign('summer', 'voice', calendar => 'campaign spring'); select dialer.start_campaign('summer');
              select dialer.set_tenant_limits('default', 20); select dialer.load_calling_rules('us-2026-11'); select dialer.add_caller_id('voice', '+12125550900', 9)")
        .await;
    furnish(&dialer).await;
    dialer
}

async fn furnish(dialer: &Dialer) {
    dialer
        .run("select dialer.schedule_call('spring', '+1212555' || to_char(100 + i, 'FM0000'), dialer.now() + case when i < 7 then interval '1 s' else '0' end, tz => 'America/New_York')
                  from generate_series(1, 10) i;
              create temporary table held as select * from dialer.claim('d1', 4);
              select dialer.intend('d1', array_agg(attempt_id), array_agg(token)) from (select * from held order by call_id limit 2) h;
              select dialer.mark_placed(array[attempt_id], array[token], array['p1']) from (select * from held order by call_id limit 1) h")
        .await;
    dialer.clock("2026-12-04 12:00:02").await;
}

async fn session(dialer: &Dialer) -> Session {
    let session = dialer.another_session().await;
    set_clock(&session, "2026-12-04 12:00:02").await;
    session
}

const FORBIDS: &str = "add_do_not_call";

fn is_planning(operation: &str) -> bool {
    operation.starts_with("schedule_")
}

/// What is wrong with the answer of an operation, if anything.
fn fault(said: &str) -> Option<String> {
    let fine = said == "not refused" || ANSWERS.iter().any(|code| said.starts_with(code));
    (!fine).then(|| said.to_owned())
}

pub async fn waits(watch: &Session) {
    let waiters = "select count(*) > 0 from pg_locks l join pg_stat_activity a using (pid) where not l.granted and a.datname = current_database()";
    while watch.rows(waiters).await == "f" {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// One session holds `first`, the other does `second`.
async fn meet(
    sessions: &[Session; 3],
    first: (&str, &str),
    second: (&str, &str),
) -> Option<String> {
    let [one, two, watch] = sessions;
    let story = |what: String| format!("{} while {} is held: {what}", second.0, first.0);
    one.run("begin").await;
    let held = one.refusal(&first.1.replace("{who}", "d1")).await;
    if let Some(what) = fault(&held) {
        one.run("rollback").await;
        return Some(format!("{} alone: {what}", first.0));
    }
    let work = second.1.replace("{who}", "d2");
    let both = two.refusal(&work);
    tokio::pin!(both);
    let early = tokio::select! {
        biased;
        said = &mut both => Some(said),
        () = waits(watch) => None,
    };
    one.run(if held == "not refused" { "commit" } else { "rollback" }).await;
    let said = match early {
        Some(said) => said,
        None => match tokio::time::timeout(PATIENCE, both).await {
            Ok(said) => said,
            Err(_) => return Some(story("waits for ever".to_owned())),
        },
    };
    // Who plans and who forbids at once do not see each other. The claim asks again, and cancels.
    let blind =
        is_planning(first.0) && second.0 == FORBIDS || is_planning(second.0) && first.0 == FORBIDS;
    let excused = if blind { 13 } else { 0 };
    let broken = watch.rows(&format!("select invariant, detail, call_id from dialer.invariant_violation where invariant <> {excused}")).await;
    if blind
        && watch
            .rows("select count(*) from dialer.claim('d3', 10) where address = '+12125550102'")
            .await
            != "0"
    {
        return Some(story("a forbidden number is claimed".to_owned()));
    }
    match fault(&said) {
        Some(what) => Some(story(what)),
        None => (!broken.is_empty()).then(|| story(broken)),
    }
}

/// Forgets everything that was planned, and begins the scene again.
async fn again(dialer: &Dialer) {
    dialer
        .run("drop table held; truncate dialer.call, dialer.due, dialer.lease, dialer.attempt, dialer.provider_event, dialer.transition, dialer.contact,
                  dialer.endpoint, dialer.do_not_call, dialer.disposition, dialer.closure restart identity cascade;
              update dialer.campaign set zone_rule = 'contact', state = 'running', next_slot_at = '-infinity';
              update dialer.calendar set hours = 'Mo-Fr 11:00-20:00';
              update dialer.account_health set blocked_until = '-infinity', failed = 0, level = 0, over_limit_count = 0")
        .await;
    dialer.clock("2026-12-04 12:00").await;
    furnish(dialer).await;
}

/// Every ordered pair whose first is one of a half of the operations.
async fn all_pairs(half: usize) {
    let dialer = scene().await;
    let sessions = [session(&dialer).await, session(&dialer).await, session(&dialer).await];
    let mut wrong = Vec::new();
    let only = std::env::var("PAIR").unwrap_or_default();
    for first in OPERATIONS.iter().skip(half).step_by(2) {
        for second in &OPERATIONS {
            if !format!("{}/{}", first.0, second.0).contains(&only) {
                continue;
            }
            wrong.extend(meet(&sessions, *first, *second).await);
            again(&dialer).await;
        }
    }
    assert!(wrong.is_empty(), "{} pairs: {}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn half_of_all_operations_meet_all_others_and_neither_breaks() {
    all_pairs(0).await;
}

#[tokio::test]
async fn the_other_half_meets_all_others_and_neither_breaks() {
    all_pairs(1).await;
}

/// SplitMix64, as the simulation.
fn chance(seed: &mut u64) -> usize {
    *seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mixed = (*seed ^ (*seed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap()
}

/// One session of a storm; returns what went wrong.
async fn blow(session: Session, mut seed: u64, rounds: u32) -> Option<String> {
    let who = format!("d{seed}");
    for round in 0..rounds {
        let (name, sql) = OPERATIONS[chance(&mut seed) % OPERATIONS.len()];
        // Keys of events are those of the round, so that late and doubled ones come as well.
        let sql = sql.replace(
            "{who}",
            if sql.contains("dialer.claim") {
                who.as_str()
            } else {
                ["a", "b", "c"][round as usize % 3]
            },
        );
        let said = tokio::time::timeout(PATIENCE, session.refusal(&sql)).await;
        let said = said.unwrap_or_else(|_| "waits for ever".to_owned());
        if let Some(what) = fault(&said) {
            return Some(format!("{name}: {what}"));
        }
        if round % 8 == 0 {
            session.run("select dialer.schedule_call('spring', '+1212555' || to_char(100 + (random() * 40)::integer, 'FM0000'), tz => 'America/New_York')").await;
        }
    }
    None
}

/// The statements of a deadlock, which only the server's log names.
fn what_the_server_says() -> String {
    let log = std::env::var("DIALER_TEST_LOG").map(std::fs::read_to_string);
    let log = log.map_or(String::new(), |read| read.unwrap_or_default());
    let from = log.find("deadlock detected").unwrap_or(log.len());
    log[from..].lines().take(60).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn a_storm_of_sessions_deadlocks_nowhere() {
    let dialer = scene().await;
    // `STORM=5000` for a longer one; `SEED=n` for another.
    let rounds = std::env::var("STORM").map_or(60, |rounds| rounds.parse().unwrap());
    let seed: u64 = std::env::var("SEED").map_or(1, |seed| seed.parse().unwrap());
    let mut storm = tokio::task::JoinSet::new();
    for number in 0..6 {
        let session = session(&dialer).await;
        storm.spawn(blow(session, seed * 100 + number, rounds));
    }
    let wrong: Vec<String> = storm.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "seed {seed}: {}\n{}", wrong.join("\n"), what_the_server_says());
    dialer.sound().await;
}
