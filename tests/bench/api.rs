//! What the REST API costs over HTTP: scheduling, asking, cancelling, one after the other and eight
//! at once, beside some thousands of calls that wait.

use anyhow::{Context, Result, ensure};
use dialer_tests::rehearsal::{Plan, Rehearsal};
use serde_json::{Value, json};
use std::time::Instant;

/// Calls that wait already, and requests of each kind.
const WAITING: i64 = 5_000;
const REQUESTS: usize = 200;
const AT_ONCE: usize = 8;

// R219: creation below 50 ms, a query below 100 ms, a change of status below 30 ms, adjusting hours below 10 ms.
#[tokio::main]
async fn main() -> Result<()> {
    let plan = Plan {
        begins: "2026-12-04T15:30:00Z".parse()?,
        rate: 1.0,
        max_concurrent: 10,
        sandbox_flags: Vec::new(),
    };
    let mut rehearsal = Rehearsal::start("bench_api", plan).await?;
    rehearsal.add_accounts().await?;
    let servers = rehearsal.server();
    rehearsal.dispatch_through(&servers, &["--no-dispatch", "--api-per-second", "1000000"])?;
    rehearsal
        .db
        .batch_execute(&format!(
            "select dialer.create_campaign('spring', 'voice', 'Mo-Fr 09:00-17:00');
             select count(*) from generate_series(1, {WAITING}) i cross join lateral dialer.schedule_call('spring', '+1212' || to_char(5000000 + i, 'FM0000000'),
                 '2026-12-08 15:00Z', tz => 'America/New_York', payload => jsonb_build_object('userId', 'u' || i % 100)) c;
             analyze"
        ))
        .await?;
    let key: String =
        rehearsal.db.query_one("select dialer.create_api_key('bench')", &[]).await?.get(0);
    rehearsal.start_dispatcher().await?;
    let bench = Bench { rehearsal, key };
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>11}",
        "request", "p50 ms", "p95 ms", "p99 ms", "a second"
    );
    for at_once in [1, AT_ONCE] {
        bench.all(at_once).await?;
    }
    Ok(())
}

struct Bench {
    rehearsal: Rehearsal,
    key: String,
}

impl Bench {
    async fn all(&self, at_once: usize) -> Result<()> {
        let base = at_once * 100_000;
        let body = |i: usize| {
            json!({"phoneNumber": format!("+1646{:07}", 5_000_000 + base + i), "agentId": "spring", "userId": "mine",
                   "scheduledFor": "2026-12-05T19:00:00Z", "timezone": "America/New_York"})
        };
        let made = self
            .run("schedule, moved to Monday", at_once, |i| {
                ("POST", "/api/v1/scheduling/schedule".to_owned(), Some(body(i)))
            })
            .await?;
        self.run("list of a user", at_once, |i| {
            (
                "GET",
                format!("/api/v1/scheduling/scheduled-calls?userId=u{}&limit=20", i % 100),
                None,
            )
        })
        .await?;
        self.run("one call", at_once, |i| {
            ("GET", format!("/api/v1/scheduling/scheduled-calls/{}", i + 1), None)
        })
        .await?;
        let id =
            |i: usize| made[i]["data"]["scheduledCallId"].as_str().unwrap_or_default().to_owned();
        self.run("reschedule", at_once, |i| {
            (
                "POST",
                format!("/api/v1/scheduling/{}/reschedule", id(i)),
                Some(json!({"scheduledFor": "2026-12-09T15:00:00Z"})),
            )
        })
        .await?;
        self.run("cancel", at_once, |i| {
            ("POST", format!("/api/v1/scheduling/{}/cancel", id(i)), Some(json!({})))
        })
        .await?;
        self.run("stats", at_once, |_| ("GET", "/api/v1/scheduling/stats".to_owned(), None))
            .await?;
        Ok(())
    }

    /// Sends the requests of one kind; the answers in their order.
    async fn run(
        &self,
        name: &str,
        at_once: usize,
        request: impl Fn(usize) -> (&'static str, String, Option<Value>),
    ) -> Result<Vec<Value>> {
        let begun = Instant::now();
        let (mut answers, mut millis) = (Vec::new(), Vec::new());
        for first in (0..REQUESTS).step_by(at_once) {
            let mut sent = Vec::new();
            for i in first..(first + at_once).min(REQUESTS) {
                let (method, path, body) = request(i);
                let url = self.rehearsal.dispatcher_url(0, &path);
                let mut builder = self
                    .rehearsal
                    .http
                    .request(method.parse()?, url)
                    .header("x-api-key", &self.key);
                if let Some(body) = body {
                    builder = builder.json(&body);
                }
                sent.push(tokio::spawn(async move {
                    let asked = Instant::now();
                    let answer: Value = builder.send().await?.json().await?;
                    Ok::<_, reqwest::Error>((asked.elapsed().as_secs_f64() * 1000.0, answer))
                }));
            }
            for sent in sent {
                let (took, answer) = sent.await?.context(name.to_owned())?;
                ensure!(answer["success"] == json!(true), "{name}: {answer}");
                millis.push(took);
                answers.push(answer);
            }
        }
        let a_second = REQUESTS as f64 / begun.elapsed().as_secs_f64();
        millis.sort_by(f64::total_cmp);
        let at = |part: f64| millis[((millis.len() - 1) as f64 * part) as usize];
        println!(
            "{:<34} {:>9.1} {:>9.1} {:>9.1} {:>11.0}",
            format!("{name} ({at_once} at once)"),
            at(0.5),
            at(0.95),
            at(0.99),
            a_second
        );
        Ok(answers)
    }
}
