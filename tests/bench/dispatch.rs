//! `make bench-dispatch`: what claim, intend and settle sustain, and what they cost among many waiting calls.
//!
//! The dispatcher's three statements run beside each other in three sessions, as in `dialerd`; the
//! provider answers in process and at once. Read ratios; calls a second are this machine's in this minute.

mod rivals;

use anyhow::{Context, Result, bail, ensure};
use dialer_tests::rehearsal::{connect, create_database};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

const CAMPAIGNS: u32 = 20;
const DUE: &str = "clock_timestamp() - interval '1 second'";

const ROUNDS: usize = 3;

/// What can be measured, in order; arguments choose.
const PARTS: [&str; 7] = ["drain", "stages", "depth", "history", "snapshot", "pause", "schedule"];

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let unknown = arguments.iter().find(|word| !PARTS.contains(&word.as_str()));
    if let Some(word) = unknown {
        bail!("{word} is not one of {}", PARTS.join(", "));
    }
    for part in PARTS {
        if !arguments.is_empty() && !arguments.iter().any(|word| word == part) {
            continue;
        }
        match part {
            "drain" => drain().await?,
            "stages" => stages().await?,
            "depth" => depth().await?,
            "history" => history().await?,
            "snapshot" => snapshot().await?,
            "pause" => pause().await?,
            _ => schedule().await?,
        }
    }
    Ok(())
}

/// Calls a second with every gate, limit and audit, beside queues that have none of them.
async fn drain() -> Result<()> {
    println!(
        "\nclaim, intend, settle: calls/s, medians of {ROUNDS} in turns (wanted: above graphile-worker, half of pgmq)"
    );
    let rivals = rivals::all();
    let mut ours = [const { Vec::new() }; 3];
    let mut theirs = vec![Vec::new(); rivals.len()];
    let mut bare = Vec::new();
    for round in 0..ROUNDS {
        for (place, (batch, calls)) in
            [(500, 50_000), (50, 20_000), (1, 1_000)].into_iter().enumerate()
        {
            let bench = Bench::new(&format!("bench_drain_{batch}_{round}")).await?;
            bench.load(calls, DUE).await?;
            ours[place].push(bench.drain(calls, batch).await?);
        }
        for (rival, figures) in rivals.iter().zip(&mut theirs) {
            figures.extend(rival.drain(50_000, round).await?);
        }
        bare.push(rivals::bare_loop(50_000, 500, round).await?);
    }
    let best = median(&mut ours[0]);
    println!("  {:<45} {best:>8.0}", "pg_dialer, batches of 500");
    for (batch, figures) in [50, 1].iter().zip(&mut ours[1..]) {
        println!("  {:<45} {:>8.0}", format!("pg_dialer, batches of {batch}"), median(figures));
    }
    for (rival, figures) in rivals.iter().zip(&mut theirs) {
        match rival.why_not() {
            Some(reason) => println!("  {:<45}  skipped: {reason}", rival.name),
            None => {
                let rate = median(figures);
                println!("  {:<45} {rate:>8.0}   ours is {:.2} of it", rival.name, best / rate);
            }
        }
    }
    let rate = median(&mut bare);
    println!(
        "  {:<45} {rate:>8.0}   ours is {:.2} of it",
        "bare claim and delete loop, batches of 500",
        best / rate
    );
    Ok(())
}

async fn stages() -> Result<()> {
    println!("\nwhat each statement costs alone, microseconds a call");
    for (batch, calls) in [(500, 30_000), (50, 5_000), (1, 500)] {
        let bench = Bench::new(&format!("bench_stages_{batch}")).await?;
        bench.load(calls, DUE).await?;
        let spent = bench.stages(calls, batch).await?;
        println!(
            "  batches of {batch:>3}: claim {:>7.1}   intend {:>7.1}   settle {:>7.1}",
            spent[0], spent[1], spent[2]
        );
    }
    Ok(())
}

/// The cost of a claim beside few and beside millions of waiting calls, most of them where nothing opens.
async fn depth() -> Result<()> {
    let millions = millions();
    println!(
        "\na claim of 50 beside waiting calls: microseconds, medians of 100 (wanted: at most 1.2 times; BENCH_MILLIONS sets how many)"
    );
    let mut few = 0.0;
    for (name, waiting) in [
        ("10 thousand, future", 10_000),
        ("future", millions * 1_000_000),
        ("nine of ten closed or paused", millions * 1_000_000),
    ] {
        let bench = Bench::new(&format!("bench_depth_{waiting}_{}", name.len())).await?;
        bench
            .db
            .execute("select bench.wait($1, $2)", &[&(waiting as i32), &name.starts_with("nine")])
            .await?;
        bench.load(5_000, DUE).await?;
        let cost = bench.claim_cost().await?;
        if few == 0.0 {
            few = cost;
        }
        let name = if waiting < 1_000_000 {
            name.to_owned()
        } else {
            format!("{millions} million, {name}")
        };
        println!("  {name:<45} {cost:>8.0}   {:.2} times", cost / few);
    }
    Ok(())
}

/// The cost of a claim before and after millions of attempts were made, over a year.
async fn history() -> Result<()> {
    let millions = millions();
    println!(
        "\na claim of 50 after many attempts: microseconds, medians of 100 (wanted: as fast as at the start)"
    );
    let bench = Bench::new("bench_history").await?;
    bench.load(10_000, DUE).await?;
    let fresh = bench.claim_cost().await?;
    println!("  {:<45} {fresh:>8.0}", "at the start");
    bench.db.execute("select bench.history($1)", &[&(millions as i32 * 1_000_000)]).await?;
    // Ten million rows are on their way to the disk: what that costs is not the claim's.
    for statement in ["vacuum analyze", "checkpoint"] {
        bench.db.execute(statement, &[]).await?;
    }
    let cost = bench.claim_cost().await?;
    println!(
        "  {:<45} {cost:>8.0}   {:.2} times",
        format!("after {millions} million attempts"),
        cost / fresh
    );
    Ok(())
}

fn millions() -> u32 {
    std::env::var("BENCH_MILLIONS").ok().and_then(|it| it.parse().ok()).unwrap_or(10)
}

/// Calls a second while a transaction elsewhere keeps every dead row.
async fn snapshot() -> Result<()> {
    println!("\ndrain in batches of 500 while a snapshot is held: calls/s by thousand calls");
    let bench = Bench::new("bench_snapshot").await?;
    bench.load(120_000, DUE).await?;
    let holder = connect(&bench.url).await?;
    holder
        .batch_execute("begin isolation level repeatable read; select count(*) from dialer.due")
        .await?;
    let mut rates = Vec::new();
    for _ in 0..6 {
        let rate = bench.drain_some(20_000, 500).await?;
        rates.push(format!("{rate:.0}"));
    }
    holder.batch_execute("commit").await?;
    println!("  each 20,000 further dead: {}", rates.join(", "));
    Ok(())
}

/// Pausing a campaign of a million waiting calls, and what it leaves to the others.
async fn pause() -> Result<()> {
    println!("\npause and resume a campaign of a million waiting calls (wanted: under 10 ms)");
    let bench = Bench::new("bench_pause").await?;
    bench
        .db
        .execute(
            "select bench.wait_in('campaign 1', 1000000, clock_timestamp() - interval '1 minute')",
            &[],
        )
        .await?;
    for verb in ["pause", "resume"] {
        let start = Instant::now();
        bench.db.execute(&format!("select dialer.{verb}_campaign('campaign 1')"), &[]).await?;
        println!("  {verb:<45} {:>8.1} ms", start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(())
}

/// Planning in bulk, beside the bare insertion of rows of the same width with the same indexes.
async fn schedule() -> Result<()> {
    let calls = 1_000_000;
    println!("\nplanning {calls} calls in one statement (wanted: under 3 times the bare insert)");
    let bench = Bench::new("bench_schedule").await?;
    bench.db.execute("select bench.people($1)", &[&calls]).await?;
    let mut seconds = Vec::new();
    let enrol = "select count(*) from dialer.enrol('campaign 1', array(select contact_id from dialer.contact))";
    for (name, statement) in
        [("bare insert ... select", "select bench.bare_insert()"), ("enrol", enrol)]
    {
        let start = Instant::now();
        bench.db.execute(statement, &[]).await?;
        let spent = start.elapsed().as_secs_f64();
        seconds.push(spent);
        println!(
            "  {name:<45} {:>8.1} us/call   {:.1} times",
            spent * 1e6 / f64::from(calls),
            spent / seconds[0]
        );
    }
    let cases = 100_000;
    let batch = format!(
        "select count(*) from dialer.schedule_batch((select jsonb_agg(jsonb_build_object('external_key', 'b' || i, 'name', 'Person ' || i, 'phone', '+1312' || to_char(2000000 + i, 'FM0000000'))) from generate_series(1, {cases}) i), 'campaign 2')"
    );
    let start = Instant::now();
    bench.db.execute(&batch, &[]).await?;
    let spent = start.elapsed().as_secs_f64();
    let ratio = spent / f64::from(cases) / (seconds[0] / f64::from(calls));
    println!(
        "  {:<45} {:>8.1} us/call   {ratio:.1} times",
        "schedule_batch of new people (100,000)",
        spent * 1e6 / f64::from(cases)
    );
    Ok(())
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A database with four accounts and twenty campaigns that are always open.
struct Bench {
    db: Client,
    url: String,
}

/// The dispatcher's statements in one session.
struct Session {
    db: Client,
    claim: Statement,
    intend: Statement,
    settle: Statement,
}

type Tokens = (Vec<Uuid>, Vec<i64>);

impl Session {
    async fn new(url: &str) -> Result<Session> {
        let db = connect(url).await?;
        let claim = db.prepare(
            "select attempt_id, token, call_id, campaign_id, account_id, tenant, provider, channel, base_url, secret_name, settings, address,
                    variables, due_at, place_at, place_by, claimed_at from dialer.claim($1, $2)",
        );
        let claim = claim.await?;
        let intend =
            db.prepare("select attempt_id, allowed, reason from dialer.intend($1, $2, $3)").await?;
        let settle = db
            .prepare(
                "select dialer.settle($1::uuid[], $2, array_fill('completed'::text, array[cardinality($1)]),
                     array_fill('done'::text, array[cardinality($1)]), array_fill('{}'::jsonb, array[cardinality($1)]))",
            )
            .await?;
        Ok(Session { db, claim, intend, settle })
    }

    async fn claim(&self, want: i32) -> Result<Tokens> {
        let rows = self.db.query(&self.claim, &[&"bench", &want]).await?;
        Ok(rows.iter().map(|row| (row.get::<_, Uuid>(0), row.get::<_, i64>(1))).unzip())
    }

    async fn intend(&self, (ids, tokens): &Tokens) -> Result<()> {
        let rows = self.db.query(&self.intend, &[&"bench", ids, tokens]).await?;
        ensure!(rows.iter().all(|row| row.get::<_, bool>(1)), "an intention was refused");
        Ok(())
    }

    async fn settle(&self, (ids, tokens): &Tokens) -> Result<()> {
        let settled: i32 = self.db.query_one(&self.settle, &[ids, tokens]).await?.get(0);
        ensure!(settled as usize == ids.len(), "{settled} of {} were settled", ids.len());
        Ok(())
    }
}

impl Bench {
    async fn new(name: &str) -> Result<Bench> {
        let (_, url) = create_database(name).await?;
        let db = connect(&url).await?;
        db.batch_execute(include_str!("dispatch.sql")).await.context("the set-up")?;
        Ok(Bench { db, url })
    }

    /// Plans calls in all campaigns, due at an instant (an SQL expression).
    async fn load(&self, calls: u32, due: &str) -> Result<()> {
        self.db.execute("select bench.people($1)", &[&(calls as i32)]).await?;
        self.db.execute(&format!("select bench.plan({calls}, {CAMPAIGNS}, {due})"), &[]).await?;
        for statement in ["vacuum analyze", "checkpoint"] {
            self.db.execute(statement, &[]).await?;
        }
        Ok(())
    }

    /// Calls a second from claim to settled, until nothing is left.
    async fn drain(&self, calls: u32, batch: i32) -> Result<f64> {
        let rate = self.drain_some(calls, batch).await?;
        let left: i64 = self.db.query_one("select count(*) from dialer.due", &[]).await?.get(0);
        let ended = "select count(*) from dialer.call where state = 'completed'";
        let ended: i64 = self.db.query_one(ended, &[]).await?.get(0);
        ensure!(
            left == 0 && ended == i64::from(calls),
            "{left} are left, {ended} of {calls} have ended"
        );
        Ok(rate)
    }

    /// Calls a second from claim to settled, three sessions beside each other.
    async fn drain_some(&self, calls: u32, batch: i32) -> Result<f64> {
        let (claimer, intender, settler) = (
            Session::new(&self.url).await?,
            Session::new(&self.url).await?,
            Session::new(&self.url).await?,
        );
        let (to_intend, mut intend_queue) = mpsc::channel::<Tokens>(4);
        let (to_settle, mut settle_queue) = mpsc::channel::<Tokens>(4);
        let started = Instant::now();
        let claims = tokio::spawn(async move {
            let mut claimed = 0;
            while claimed < calls as usize {
                let tokens = claimer.claim(batch.min((calls as usize - claimed) as i32)).await?;
                claimed += tokens.0.len();
                if !tokens.0.is_empty() && to_intend.send(tokens).await.is_err() {
                    break;
                }
            }
            anyhow::Ok(())
        });
        let intends = tokio::spawn(async move {
            while let Some(tokens) = intend_queue.recv().await {
                intender.intend(&tokens).await?;
                if to_settle.send(tokens).await.is_err() {
                    break;
                }
            }
            anyhow::Ok(())
        });
        while let Some(tokens) = settle_queue.recv().await {
            settler.settle(&tokens).await?;
        }
        claims.await??;
        intends.await??;
        Ok(f64::from(calls) / started.elapsed().as_secs_f64())
    }

    /// Microseconds of a claim of 50, the median of 100; what is claimed is ended.
    async fn claim_cost(&self) -> Result<f64> {
        let session = Session::new(&self.url).await?;
        let mut times = Vec::new();
        for _ in 0..100 {
            let start = Instant::now();
            let tokens = session.claim(50).await?;
            times.push(start.elapsed().as_secs_f64() * 1e6);
            ensure!(tokens.0.len() == 50, "{} were claimed", tokens.0.len());
            session.intend(&tokens).await?;
            session.settle(&tokens).await?;
        }
        Ok(median(&mut times))
    }

    /// What each of the three statements costs alone, microseconds a call.
    async fn stages(&self, calls: u32, batch: i32) -> Result<[f64; 3]> {
        let session = Session::new(&self.url).await?;
        let mut spent = [Duration::ZERO; 3];
        let mut done = 0;
        while done < calls {
            let start = Instant::now();
            let tokens = session.claim(batch).await?;
            spent[0] += start.elapsed();
            let start = Instant::now();
            session.intend(&tokens).await?;
            spent[1] += start.elapsed();
            let start = Instant::now();
            session.settle(&tokens).await?;
            spent[2] += start.elapsed();
            ensure!(!tokens.0.is_empty(), "nothing was claimed");
            done += tokens.0.len() as u32;
        }
        Ok(spent.map(|spent| spent.as_secs_f64() * 1e6 / f64::from(done)))
    }
}
