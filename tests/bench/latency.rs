//! How late the provider hears of a call: after its due time, at a hundred calls a second, and
//! after it was planned for now. A real `dialerd`, a tiny provider inside this program, and the
//! commits that the machine could make in the same minute: the ratio is the claim, not the
//! milliseconds, because an intention must be on disk before anything is sent.
//!
//! Run it with `make bench-dispatch`.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on panics")]

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, Utc};
use dialer_tests::rehearsal::{HOOK_SECRET, Plan, Rehearsal, connect};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

const PER_SECOND: u32 = 100;
const SECONDS: u32 = 12;
const ROUNDS: usize = 3;
const IMMEDIATE: u32 = 200;
const CALL: Duration = Duration::from_millis(200);

/// When the provider heard of which attempt.
type Heard = Arc<Mutex<HashMap<String, DateTime<Utc>>>>;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let heard = Heard::default();
    let (rehearsal, base_url) = set_up(&heard).await?;
    println!("{base_url} plays the provider; milliseconds: half below, 99 % below, longest\n");
    for round in 1..=ROUNDS {
        println!("round {round}");
        let disk = show("  commit of one row", commits(&rehearsal).await?);
        let due = show("  due -> request", due_calls(&rehearsal, &heard).await?);
        stages(&rehearsal).await?;
        let now = show("  planned for now -> request", immediate_calls(&rehearsal, &heard).await?);
        let (to_due, to_now) = (due.0 / disk.0, now.0 / disk.0);
        statements(&rehearsal).await?;
        println!("  halves as commits: due {to_due:.2}, planned for now {to_now:.2}\n");
    }
    Ok(())
}

async fn set_up(heard: &Heard) -> Result<(Rehearsal, String)> {
    let plan =
        Plan { begins: Utc::now(), rate: 1.0, max_concurrent: 1000, sandbox_flags: Vec::new() };
    let mut rehearsal = Rehearsal::start("latency", plan).await?;
    // Dialer time is the real one here.
    let database = rehearsal.url.rsplit_once('/').context("a URL")?.1.to_owned();
    for setting in ["clock_rate", "clock_origin", "clock_origin_at"] {
        let sql = format!("alter database {database} reset dialer.{setting}");
        rehearsal.db.execute(&sql, &[]).await?;
    }
    rehearsal.db = connect(&rehearsal.url).await?;
    rehearsal.add_accounts().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(provide(listener, Arc::clone(heard), rehearsal.http.clone()));
    rehearsal
        .db
        .batch_execute(&format!(
            "update dialer.provider_account set base_url = '{base_url}', max_concurrent = 1000;
             select dialer.create_campaign('always', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('always');
             create table public.one_row (number integer)"
        ))
        .await?;
    rehearsal.start_dispatcher().await?;
    Ok((rehearsal, base_url))
}

/// A provider that takes everything, notes when, and reports the end of each call a moment later.
async fn provide(listener: TcpListener, heard: Heard, http: reqwest::Client) {
    while let Ok((stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        tokio::spawn(serve(stream, Arc::clone(&heard), http.clone()));
    }
}

async fn serve(stream: TcpStream, heard: Heard, http: reqwest::Client) -> Option<()> {
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::new(reader);
    // Ends with the connection.
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).await.ok().filter(|count| *count > 0)?;
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).await.ok()?;
        let at = Utc::now();
        let order: Value = serde_json::from_slice(&body).ok()?;
        let attempt = order["name"].as_str()?.to_owned();
        let answer = json!({ "id": format!("call-{attempt}") }).to_string();
        let head = format!("HTTP/1.1 201 Created\r\ncontent-length: {}\r\n\r\n", answer.len());
        writer.write_all((head + &answer).as_bytes()).await.ok()?;
        heard.lock().unwrap().insert(attempt.clone(), at);
        let url = order["assistantOverrides"]["server"]["url"].as_str()?.to_owned();
        tokio::spawn(report(http.clone(), url, attempt));
    }
}

async fn report(http: reqwest::Client, url: String, attempt: String) {
    tokio::time::sleep(CALL).await;
    let report = json!({"message": {
        "type": "end-of-call-report", "endedReason": "customer-ended-call",
        "call": {"id": format!("call-{attempt}"), "customer": {"externalId": attempt}},
    }});
    let _ = http.post(url).header("x-vapi-secret", HOOK_SECRET).json(&report).send().await;
}

/// What the disk can do: one row after the other, each committed.
async fn commits(rehearsal: &Rehearsal) -> Result<Vec<f64>> {
    let insert = rehearsal.db.prepare("insert into public.one_row values ($1)").await?;
    let mut took = Vec::new();
    for number in 0..500 {
        let begun = Instant::now();
        rehearsal.db.execute(&insert, &[&number]).await?;
        took.push(millis(begun.elapsed()));
    }
    Ok(took)
}

fn millis(length: Duration) -> f64 {
    length.as_secs_f64() * 1000.0
}

/// Calls that are due one after the other, and how late each request came.
async fn due_calls(rehearsal: &Rehearsal, heard: &Heard) -> Result<Vec<f64>> {
    let calls = PER_SECOND * SECONDS;
    heard.lock().unwrap().clear();
    const SQL: &str = "select count(dialer.schedule_call('always', '+1' || (array[201,202,203,205,206,207,208,209,210,212,213,214])[1 + i / 100] || '55501' || to_char(i % 100, 'FM00'), tz => 'UTC',
            due_at => now() + interval '8 seconds' + i * interval '1 second' / $2::integer))
        from generate_series(0, $1::integer - 1) i";
    rehearsal.db.execute(SQL, &[&(calls as i32), &(PER_SECOND as i32)]).await?;
    wait_for(heard, calls as usize).await?;
    lateness(rehearsal, heard).await
}

async fn lateness(rehearsal: &Rehearsal, heard: &Heard) -> Result<Vec<f64>> {
    const SQL: &str = "select attempt_id::text, due_at from dialer.attempt_all where intended_at > now() - interval '60 seconds'";
    let rows = rehearsal.db.query(SQL, &[]).await?;
    let heard = heard.lock().unwrap();
    let late = |row: &tokio_postgres::Row| {
        let at = heard.get(row.get::<_, &str>(0))?;
        Some((*at - row.get::<_, DateTime<Utc>>(1)).as_seconds_f64() * 1000.0)
    };
    Ok(rows.iter().filter_map(late).collect())
}

/// Where the time went, by the database's own notes.
async fn stages(rehearsal: &Rehearsal) -> Result<()> {
    const SQL: &str = "select format('    claimed %s ms before, intended %s ms before its due time, half of them',
            round(1000 * percentile_cont(0.5) within group (order by extract(epoch from due_at - claimed_at))::numeric, 1),
            round(1000 * percentile_cont(0.5) within group (order by extract(epoch from due_at - intended_at))::numeric, 1))
        from dialer.attempt_all where intended_at > now() - interval '14 seconds'";
    let told: String = rehearsal.db.query_one(SQL, &[]).await?.get(0);
    println!("{told}");
    Ok(())
}

/// What the dispatcher's statements took on average, by its own metrics.
async fn statements(rehearsal: &Rehearsal) -> Result<()> {
    const NAME: &str = "dialerd_database_seconds";
    let url = rehearsal.dispatcher_url(0, "/metrics");
    let text = rehearsal.http.get(url).send().await?.text().await?;
    let value = |kind: &str, function: &str| -> Option<f64> {
        let start = format!("{NAME}_{kind}{{function=\"{function}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&start)?.parse().ok())
    };
    for function in ["claim", "next_wake", "intend", "mark_placed", "ingest_event", "tick"] {
        if let (Some(sum), Some(count)) = (value("sum", function), value("count", function)) {
            println!("    {function:<14} {:>6.2} ms, {count} times so far", sum / count * 1000.0);
        }
    }
    Ok(())
}

/// Calls planned for now, one at a time, and how long after that the request came.
async fn immediate_calls(rehearsal: &Rehearsal, heard: &Heard) -> Result<Vec<f64>> {
    heard.lock().unwrap().clear();
    const SQL: &str = "select call_id from dialer.schedule_call('always', $1, tz => 'UTC')";
    let statement = rehearsal.db.prepare(SQL).await?;
    let mut planned = HashMap::new();
    for index in 0..IMMEDIATE {
        let number = format!("+1{}55501{:02}", 215 + index / 100, index % 100);
        let call: i64 = rehearsal.db.query_one(&statement, &[&number]).await?.get(0);
        planned.insert(call, Utc::now());
        // Not in step with anybody's timer.
        tokio::time::sleep(Duration::from_micros(31_000 + u64::from(index % 7) * 1_300)).await;
    }
    wait_for(heard, IMMEDIATE as usize).await?;
    const ATTEMPTS: &str = "select attempt_id::text, call_id from dialer.attempt_all";
    let rows = rehearsal.db.query(ATTEMPTS, &[]).await?;
    let heard = heard.lock().unwrap();
    let late = |row: &tokio_postgres::Row| {
        let (at, planned) =
            (heard.get(row.get::<_, &str>(0))?, planned.get(&row.get::<_, i64>(1))?);
        Some((*at - *planned).as_seconds_f64() * 1000.0)
    };
    Ok(rows.iter().filter_map(late).collect())
}

async fn wait_for(heard: &Heard, count: usize) -> Result<()> {
    let begun = Instant::now();
    while heard.lock().unwrap().len() < count {
        ensure!(begun.elapsed() < Duration::from_secs(40), "the provider does not hear of all");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// Prints and returns half, 99 % and the longest.
fn show(what: &str, mut times: Vec<f64>) -> (f64, f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    let (half, most, longest) = (at(0.5), at(0.99), at(1.0));
    println!("{what:<32} {half:>7.2} {most:>7.2} {longest:>7.2}   ({} of them)", times.len());
    (half, most, longest)
}
