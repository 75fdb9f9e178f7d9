//! `make bench-dispatch`: what claim, intend and settle sustain, and what they cost among many waiting calls.
//!
//! The dispatcher's three statements run beside each other in three sessions, as in `dialerd`; the
//! provider answers in process and at once. Read ratios; calls a second are this machine's in this minute.

use anyhow::{Context, Result, ensure};
use dialer_tests::rehearsal::{connect, create_database};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_postgres::{Client, Statement};
use uuid::Uuid;

const CAMPAIGNS: u32 = 20;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| arguments.is_empty() || arguments.iter().any(|word| word == name);
    if is_wanted("drain") {
        for batch in [500, 50, 1] {
            let bench = Bench::new(&format!("bench_drain_{batch}")).await?;
            let calls = if batch == 1 { 3_000 } else { 60_000 };
            bench.load(calls, "clock_timestamp() - interval '1 second'").await?;
            let rate = bench.drain(calls, batch).await?;
            println!("drain, batches of {batch:>3}: {rate:>8.0} calls/s");
        }
    }
    if is_wanted("stages") {
        for (batch, calls) in [(500, 30_000), (50, 5_000), (1, 500)] {
            let bench = Bench::new(&format!("bench_stages_{batch}")).await?;
            bench.load(calls, "clock_timestamp() - interval '1 second'").await?;
            bench.stages(calls, batch).await?;
        }
    }
    Ok(())
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

    /// Calls a second from claim to settled, three sessions beside each other.
    async fn drain(&self, calls: u32, batch: i32) -> Result<f64> {
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
                let tokens = claimer.claim(batch).await?;
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
        let rate = f64::from(calls) / started.elapsed().as_secs_f64();
        let left: i64 = self.db.query_one("select count(*) from dialer.due", &[]).await?.get(0);
        let ended: i64 = self
            .db
            .query_one("select count(*) from dialer.call where state = 'completed'", &[])
            .await?
            .get(0);
        ensure!(
            left == 0 && ended == i64::from(calls),
            "{left} are left, {ended} of {calls} have ended"
        );
        Ok(rate)
    }

    /// What each of the three statements costs alone, per call.
    async fn stages(&self, calls: u32, batch: i32) -> Result<()> {
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
        for (stage, spent) in ["claim", "intend", "settle"].iter().zip(spent) {
            println!(
                "stage {stage:<6}, batches of {batch}: {:>6.1} us/call",
                spent.as_secs_f64() * 1e6 / f64::from(done)
            );
        }
        Ok(())
    }
}
