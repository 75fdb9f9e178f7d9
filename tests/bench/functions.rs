//! `make bench-functions`: what the functions cost, each beside a rival in the same run.
//!
//! Every figure is a median of several runs, taken in turns, and net of the bare scan where it is
//! per row; a trigger's is what the server measured around its calls, net of that measuring itself
//! as far as an empty trigger shows it. Read ratios; nanoseconds are this machine's in this minute.
//! An argument names the cases to run: `bench-functions guard`.

use anyhow::{Context, Result};
use dialer_tests::rehearsal::{connect, create_database};
use tokio_postgres::Client;

const RUNS: usize = 5;

/// One comparison: what we measure, its rivals, and what is to be reached.
struct Case {
    title: &'static str,
    rows: u32,
    clock: Clock,
    /// Subtracted from every figure: what the rows cost without the expression.
    bare: &'static str,
    /// Ours first.
    entries: &'static [(&'static str, &'static str)],
    wanted: &'static str,
}

/// What is measured of a statement.
#[derive(Clone, Copy, PartialEq)]
enum Clock {
    /// All of it.
    Statement,
    /// The calls of its trigger alone: the update around them costs more and varies more than they.
    Trigger,
}

const CASES: [Case; 7] = [
    Case {
        title: "next_open, plain hours",
        rows: 1_000_000,
        clock: Clock::Statement,
        bare: "select count(at) from bench.instant",
        entries: &[
            ("dialer.next_open", "select count(dialer.next_open(at, 'Mo-Fr 09:00-17:00', 'America/New_York')) from bench.instant"),
            ("PL/pgSQL twin (1/10 of the rows)", "select count(bench.next_open(at, 'America/New_York', '{1,2,3,4,5}', '09:00', '17:00')) from bench.instant where id % 10 = 0"),
            ("set-based SQL (1/100 of the rows)", "select count(bench.next_open_sql(at, 'America/New_York', '{1,2,3,4,5}', '09:00', '17:00')) from bench.instant where id % 100 = 0"),
        ],
        wanted: "under 500 ns; 5 times the PL/pgSQL twin; 50 times set-based SQL",
    },
    Case {
        title: "next_open, three windows a week, two zones, 30 years of closures",
        rows: 1_000_000,
        clock: Clock::Statement,
        bare: "select count(i.at) from bench.instant i, bench.closures c",
        entries: &[
            ("dialer.next_open", "select count(dialer.next_open(i.at, 'Mo-Fr 09:00-12:00,13:00-17:00; Sa 10:00-14:00', '{America/New_York,America/Chicago}'::text[], c.dates)) from bench.instant i, bench.closures c"),
            (
                "PL/pgSQL twin (1/50 of the rows)",
                "select count(bench.next_open_both(i.at, 'America/New_York', 'America/Chicago', '{1,1,2,2,3,3,4,4,5,5,6}',
                     '{09:00,13:00,09:00,13:00,09:00,13:00,09:00,13:00,09:00,13:00,10:00}',
                     '{12:00,17:00,12:00,17:00,12:00,17:00,12:00,17:00,12:00,17:00,14:00}', c.dates)) from bench.instant i, bench.closures c where i.id % 50 = 0",
            ),
            (
                "PL/pgSQL twin, bits (1/50 of the rows)",
                "select count(bench.next_open_both(i.at, 'America/New_York', 'America/Chicago', '{1,1,2,2,3,3,4,4,5,5,6}',
                     '{09:00,13:00,09:00,13:00,09:00,13:00,09:00,13:00,09:00,13:00,10:00}',
                     '{12:00,17:00,12:00,17:00,12:00,17:00,12:00,17:00,12:00,17:00,14:00}', c.bits)) from bench.instant i, bench.closures c where i.id % 50 = 0",
            ),
        ],
        wanted: "under 500 ns; 50 times the PL/pgSQL twin",
    },
    Case {
        title: "is_open against one AT TIME ZONE",
        rows: 1_000_000,
        clock: Clock::Statement,
        bare: "select count(at) from bench.instant",
        entries: &[
            ("dialer.is_open", "select count(dialer.is_open(at, 'Mo-Fr 09:00-17:00', 'America/New_York')) from bench.instant"),
            ("at time zone", "select count(at at time zone 'America/New_York') from bench.instant"),
        ],
        wanted: "cheaper than one AT TIME ZONE",
    },
    Case {
        title: "the distance to the next opening",
        rows: 1_000_000,
        clock: Clock::Statement,
        bare: "select count(at) from bench.instant",
        entries: &[
            ("a month away", "select count(dialer.next_open(at, '2027-06-01 09:00-10:00', 'America/New_York')) from bench.soon"),
            ("a minute away", "select count(dialer.next_open(at, '2027-05-01 09:00-10:00', 'America/New_York')) from bench.soon"),
        ],
        wanted: "the month at most 3 times the minute",
    },
    Case {
        title: "stagger_series of a million slots in open hours",
        rows: 1_000_000,
        clock: Clock::Statement,
        bare: "select 1",
        entries: &[
            ("dialer.stagger_series", "select count(*) from dialer.stagger_series('2026-12-04 10:00-05', 1000000, '2 seconds', hours => 'Mo-Fr 09:00-17:00', tz => 'America/New_York')"),
            ("generate_series", "select count(*) from generate_series(timestamptz '2026-12-04 10:00-05', timestamptz '2026-12-04 10:00-05' + interval '2 seconds' * 999999, interval '2 seconds')"),
        ],
        wanted: "under 2 times generate_series",
    },
    Case {
        title: "guard_transition on an enum column, per updated row",
        rows: 200_000,
        clock: Clock::Trigger,
        bare: "update bench.empty set state = case state when 'a' then 'b' else 'a' end::bench.state",
        entries: &[
            ("dialer.guard_transition, above an empty trigger", "update bench.guarded set state = case state when 'a' then 'b' else 'a' end::bench.state"),
            ("PL/pgSQL twin, above an empty trigger", "update bench.twin set state = case state when 'a' then 'b' else 'a' end::bench.state"),
        ],
        wanted: "at most 300 ns above the empty trigger; 3 times cheaper than the twin",
    },
    Case {
        title: "next_callable, 8 a day and a gap, five attempts",
        rows: 200_000,
        clock: Clock::Statement,
        bare: "select count(at) from bench.instant where id <= 200000",
        entries: &[(
            "dialer.next_callable",
            "select count(dialer.next_callable(at, array[row('Mo-Fr 11:00-20:00', 'America/New_York', '{}', '{}')::dialer.opening],
                 array[at - interval '1 h', at - interval '2 h', at - interval '1 day', at - interval '2 days', at - interval '3 days'],
                 array[row(8, 'local_dates', 1, null), row(1, 'gap', 120, null)]::dialer.cap[], 'America/New_York')) from bench.instant where id <= 200000",
        )],
        wanted: "(no rival: what a claim pays per call)",
    },
];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let (_, url) = create_database("bench").await?;
    let db = connect(&url).await?;
    db.batch_execute(include_str!("functions.sql")).await.context("the rivals")?;
    for table in ["instant", "soon", "guarded", "empty", "twin"] {
        db.batch_execute(&format!("vacuum analyze bench.{table}")).await?;
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted =
        |case: &&Case| wanted.is_empty() || wanted.iter().any(|word| case.title.contains(word));
    for case in CASES.iter().filter(is_wanted) {
        println!("\n{} (wanted: {})", case.title, case.wanted);
        measure(&db, case).await?;
    }
    Ok(())
}

async fn measure(db: &Client, case: &Case) -> Result<()> {
    let mut times = vec![Vec::new(); case.entries.len() + 1];
    for run in 0..=RUNS {
        let queries = std::iter::once(case.bare).chain(case.entries.iter().map(|entry| entry.1));
        for (place, query) in queries.enumerate() {
            let nanoseconds = time(db, query, case.clock).await?;
            // The first run warms caches.
            if run > 0 {
                times[place].push(nanoseconds);
            }
        }
    }
    let bare = median(&mut times[0]);
    if case.clock == Clock::Trigger {
        println!(
            "  {:<45} {:>10.0} ns/row",
            "an empty trigger in Rust",
            bare / f64::from(case.rows)
        );
    }
    let mut ours = None;
    for (entry, figures) in case.entries.iter().zip(&mut times[1..]) {
        // A twin that is too slow for all rows says in its name which part it had.
        let part = entry
            .0
            .split("(1/")
            .nth(1)
            .and_then(|rest| rest.split(' ').next()?.parse().ok())
            .unwrap_or(1.0);
        let scan = if part > 1.0 { 0.0 } else { bare };
        let net = (median(figures) - scan).max(0.0) * part / f64::from(case.rows);
        let ratio = ours.map_or(String::new(), |ours: f64| format!("{:>8.2} x ours", net / ours));
        ours = ours.or(Some(net));
        println!("  {:<45} {net:>10.0} ns/row {ratio}", entry.0);
    }
    Ok(())
}

/// What the server says that a statement or its trigger took, in nanoseconds.
async fn time(db: &Client, query: &str, clock: Clock) -> Result<f64> {
    let timing = if clock == Clock::Trigger { "on" } else { "off" };
    let plan = db
        .query(&format!("explain (analyze, timing {timing}, summary on, format json) {query}"), &[])
        .await?;
    let plan: serde_json::Value = plan[0].get(0);
    let figure = match clock {
        Clock::Statement => &plan[0]["Execution Time"],
        Clock::Trigger => &plan[0]["Triggers"][0]["Time"],
    };
    Ok(figure.as_f64().context("no time in the plan")? * 1e6)
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
