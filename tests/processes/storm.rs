//! Four dispatchers and everything at once: kill -9 each second, a provider that fails in every
//! way, a database that crashes, a network that is cut. The provider's journal is the judge.
//!
//! Which fault comes when follows from a seed, which is printed: SEED=n repeats its choices (not
//! the machine's timing). `make soak` runs the long forms, `make test` the short ones.

use crate::ONE_AT_A_TIME;
use crate::day::{number, plan};
use crate::network::port_of;
use dialer_tests::contacts::Person;
use dialer_tests::judge::{self, Rule};
use dialer_tests::proxy::{Network, Proxy};
use dialer_tests::rehearsal::Rehearsal;
use dialer_tests::server::Server;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// A minute in a second.
const RATE: f64 = 60.0;
const DISPATCHERS: usize = 4;
const AT_ONCE: usize = 10;
const KILL_EVERY: Duration = Duration::from_millis(1000);
/// Every way in which a provider fails; the provider itself would admit more calls at once.
const FAULTS: [&str; 9] = [
    "lost_answer=0.02",
    "error_before=0.01",
    "error_after=0.01",
    "lost_webhook=0.02",
    "doubled_webhook=0.05",
    "late_webhook=0.03",
    "late_seconds=60",
    "out_of_order=0.03",
    "over_limit=0.002",
];

/// What is done to the database and the way to it.
#[derive(Clone, Copy, PartialEq)]
enum Trouble {
    Crashes,
    Cuts,
}

/// Numbers that look like chance and are the same for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

fn seed() -> u64 {
    let stated = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok());
    stated.unwrap_or(4).max(1)
}

/// The long form where `SOAK` is set.
fn size() -> usize {
    if std::env::var_os("SOAK").is_some() { 5_000 } else { 400 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_dispatchers_and_a_crashing_database_lose_and_double_nothing() {
    storm("storm", Trouble::Crashes, size()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_dispatchers_and_a_network_that_is_cut_lose_and_double_nothing() {
    storm("cuts", Trouble::Cuts, size()).await;
}

async fn storm(name: &str, trouble: Trouble, calls: usize) {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (seed, begun) = (seed(), Instant::now());
    println!("{name}: {calls} calls, SEED={seed}");
    let mut chance = Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let server = Server::start(name).unwrap();
    let people = crowd(calls);
    let mut rehearsal = set_up(&server, name, seed, &people).await;
    let proxy = Proxy::before(port_of(&rehearsal.url)).await.unwrap();
    let through = format!("127.0.0.1:{}", proxy.port);
    rehearsal.dispatch_through(&through, &["--statement-ms", "3000"]).unwrap();
    for _ in 0..DISPATCHERS {
        rehearsal.start_dispatcher().await.unwrap();
    }
    let mut crashes = [calls / 3, calls * 2 / 3].into_iter().peekable();
    let mut kills = 0;
    let limit = Duration::from_secs(90 + calls as u64 / 10);
    loop {
        tokio::time::sleep(KILL_EVERY).await;
        let ended = ended(&mut rehearsal, &server).await;
        if ended == calls {
            break;
        }
        let told = format!("{ended} of {calls} after {:?}", begun.elapsed());
        assert!(begun.elapsed() < limit, "{told}; see {}", rehearsal.dir.display());
        let victim = usize::try_from(chance.below(DISPATCHERS as u64)).unwrap();
        rehearsal.kill_dispatcher(victim).unwrap();
        kills += 1;
        if trouble == Trouble::Crashes && crashes.next_if(|at| ended >= *at).is_some() {
            server.crash_and_restart().unwrap();
        }
        if trouble == Trouble::Cuts && chance.below(3) == 0 {
            let network = [Network::Cut, Network::Stalled, Network::Deaf][chance.below(3) as usize];
            proxy.set(network);
            tokio::time::sleep(Duration::from_millis(200 + chance.below(2_000))).await;
            proxy.set(Network::Good);
        }
        rehearsal.revive_dispatcher(victim).await.unwrap();
    }
    println!("{name}: {kills} kills in {:.0} s", begun.elapsed().as_secs_f64());
    assert!(crashes.next().is_none() || trouble == Trouble::Cuts, "the database never crashed");
    assert_accounted_for(&rehearsal, &people).await;
}

/// So many people, each with a number of their own.
fn crowd(count: usize) -> Vec<Person> {
    const AREAS: [u32; 50] = [
        201, 202, 203, 205, 206, 207, 208, 209, 210, 212, 213, 214, 215, 216, 217, 218, 219, 224,
        225, 228, 229, 231, 234, 239, 240, 248, 251, 252, 253, 254, 256, 260, 262, 267, 269, 270,
        276, 281, 301, 302, 303, 304, 305, 307, 308, 309, 310, 312, 313, 314,
    ];
    let person = |index: usize| Person {
        number: format!("+1{}55501{:02}", AREAS[index % 50], index / 50),
        zone: chrono_tz::UTC,
        opted_out: false,
    };
    (0..count).map(person).collect()
}

async fn set_up(server: &Server, name: &str, seed: u64, people: &[Person]) -> Rehearsal {
    let seed = seed.to_string();
    let mut flags = vec!["--seed", &seed, "--ring", "2..8", "--unanswered-ring", "4..10"];
    flags.extend(["--talk", "4..20", "--voicemail", "2..6", "--per-second", "100000"]);
    flags.extend(FAULTS.iter().flat_map(|fault| ["--fault", *fault]));
    // The provider would take more: that there are never more is our doing.
    let plan = dialer_tests::rehearsal::Plan { max_concurrent: 40, ..plan(RATE, &flags) };
    let template = server.url("dialer_template");
    let rehearsal = Rehearsal::start_at(&template, name, plan).await.unwrap();
    rehearsal.add_accounts().await.unwrap();
    rehearsal
        .db
        .batch_execute(&format!(
            "update dialer.provider_account set max_concurrent = {AT_ONCE}, lease_seconds = 3, ring_seconds = 30, answer_seconds = 1, grace_seconds = 3, call_seconds_max = 60;
             select dialer.create_campaign('once', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('once')"
        ))
        .await
        .unwrap();
    let numbers: Vec<&str> = people.iter().map(|person| person.number.as_str()).collect();
    const SQL: &str =
        "select count(dialer.schedule_call('once', n, tz => 'UTC')) from unnest($1::text[]) n";
    rehearsal.db.query_one(SQL, &[&numbers]).await.unwrap();
    rehearsal
}

/// How many calls have ended; connects anew where the server was restarted.
async fn ended(rehearsal: &mut Rehearsal, server: &Server) -> usize {
    const SQL: &str = "select count(*) from dialer.call where ended_at is not null";
    for _ in 0..100 {
        match rehearsal.db.query_one(SQL, &[]).await {
            Ok(row) => return usize::try_from(row.get::<_, i64>(0)).unwrap(),
            Err(_) => drop(rehearsal.reconnect(&server.url("")).await),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the server does not come back");
}

/// Every call has ended, and the provider's journal agrees with what we say of it.
async fn assert_accounted_for(rehearsal: &Rehearsal, people: &[Person]) {
    let calls = judge::seen_calls(&rehearsal.sandbox_journal().await.unwrap()).unwrap();
    let mut keys = HashSet::new();
    for call in &calls {
        assert!(keys.insert(&call.attempt_id), "two placements of attempt {}", call.attempt_id);
    }
    let summary = rehearsal.sandbox_summary().await.unwrap();
    assert!(summary["peak"].as_u64() <= Some(AT_ONCE as u64), "{} at once", summary["peak"]);
    let most = most_at_once(&calls);
    assert!((AT_ONCE / 2..=AT_ONCE).contains(&most), "{most} at once by the journal");
    let rule = Rule {
        zone: chrono_tz::UTC,
        opens: crate::day::time(0, 0),
        closes: crate::day::time(23, 59),
        max_per_day: 1,
        forbidden: false,
    };
    let rules: HashMap<String, Rule> =
        people.iter().map(|person| (person.number.clone(), rule)).collect();
    let findings = judge::findings(rehearsal, &rules).await.unwrap();
    let dir = rehearsal.dir.display();
    assert!(
        findings.is_empty(),
        "{} findings, see {dir}:\n{}",
        findings.len(),
        findings.join("\n")
    );
    // Each was tried once by our account, and by the provider's at most once that counts.
    let odd = "select count(*) from (select from dialer.call c left join dialer.attempt a on a.call_id = c.call_id and a.counts
               group by c.call_id having count(a.attempt_id) <> 1) x";
    assert_eq!(number(rehearsal, odd).await, 0, "calls that were not tried once; see {dir}");
    println!("{} calls at the provider, {} refusals", calls.len(), summary["refused"]);
}

fn most_at_once(calls: &[judge::SeenCall]) -> usize {
    let mut moves: Vec<(chrono::DateTime<chrono::Utc>, i32)> = Vec::new();
    for call in calls {
        moves.push((call.accepted_at, 1));
        moves.extend(call.ended_at.map(|at| (at, -1)));
    }
    moves.sort();
    let mut live = 0;
    moves
        .iter()
        .map(|(_, step)| {
            live += step;
            live
        })
        .max()
        .unwrap_or(0)
        .try_into()
        .unwrap()
}
