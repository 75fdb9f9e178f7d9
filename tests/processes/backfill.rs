//! Calls that the provider lists go into another campaign, page by page, and stored webhooks are
//! understood once more.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use dialer_tests::rehearsal::Rehearsal;
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PEOPLE: i64 = 30;

/// Thirty people have been called once through `spring`; nobody calls any more.
async fn after_a_day(name: &str) -> Rehearsal {
    let mut rehearsal = begin(name, 600.0, &[]).await;
    rehearsal
        .db
        .batch_execute(
            "select dialer.create_campaign('spring', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('spring');
             select dialer.create_account('before', a.provider, 5, null, 'voice', a.base_url, a.secret_name) from dialer.provider_account a where a.name = 'voice';
             select dialer.create_campaign('again', 'before', 'Mo-Fr 11:00-20:00');
             select dialer.schedule_call('spring', '+1212555' || to_char(1000 + i, 'FM0000')) from generate_series(1, 30) i",
        )
        .await
        .unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    rehearsal.stop_dispatchers().unwrap();
    rehearsal
}

/// The figures of a report by the beginning of their line.
fn figure(printed: &str, label: &str) -> i64 {
    let line = printed.lines().find(|line| line.trim_start().starts_with(label));
    let last = line.and_then(|line| line.split_whitespace().last());
    last.and_then(|last| last.parse().ok()).unwrap_or_else(|| panic!("no {label} in {printed}"))
}

// R024, R148, R157, R159, R160
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_a_provider_lists_are_taken_in_once() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = after_a_day("backfill").await;
    let backfill = |flags: &[&str]| {
        let arguments = ["backfill", "--account", "before", "--campaign", "again"];
        let span = ["--from", "2026-12-01", "--until", "2026-12-31", "--pause-ms", "1"];
        rehearsal.dialerd(&[&arguments[..], &span[..], flags].concat()).unwrap()
    };
    let (printed, code) = backfill(&["--dry-run"]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.starts_with("dry run, nothing was planned"), "{printed}");
    assert_eq!(figure(&printed, "numbers"), PEOPLE, "{printed}");
    let planned = "select count(*) from dialer.call c join dialer.campaign using (campaign_id) where name = 'again'";
    assert_eq!(number(&rehearsal, planned).await, 0);
    // The business's own system does not know three of them, and has sold to a fourth.
    let description = rehearsal.dir.join("crm.json");
    let crm = json!({"request": {"method": "GET", "url": format!("http://{}/leads?phone={{{{address}}}}", crm().await)},
        "status": "/status", "words": {"SOLD": "sale", "*": "active"}});
    std::fs::write(&description, crm.to_string()).unwrap();
    let description = description.to_string_lossy().into_owned();
    let (printed, code) = backfill(&["--check", &description]);
    let unknown = "select 3 - count(*) from dialer.attempt a join dialer.endpoint e using (endpoint_id) where address ~ '101[123]$'
        and dispatcher <> 'backfill' and outcome in ('sale', 'dnc', 'invalid_number', 'blocked')";
    let unknown = number(&rehearsal, unknown).await;
    assert_eq!((code, figure(&printed, "skipped: not in")), (0, unknown), "{printed}");
    let skipped =
        ["SALE", "DNC", "final", "not"].map(|why| figure(&printed, &format!("skipped: {why}")));
    let skipped: i64 = skipped.iter().sum();
    assert_eq!(figure(&printed, "calls planned") + skipped, PEOPLE, "{printed}");
    assert_eq!(number(&rehearsal, planned).await, figure(&printed, "calls planned"));
    let kept = "select count(*) from dialer.attempt where dispatcher = 'backfill'";
    assert_eq!(number(&rehearsal, kept).await, number(&rehearsal, planned).await, "{printed}");
    assert_eq!(number(&rehearsal, kept).await, figure(&printed, "attempts kept"), "{printed}");
    // The same span again finds everybody there.
    let (printed, _) = backfill(&["--check", &description]);
    assert_eq!(figure(&printed, "calls planned"), 0, "{printed}");
    assert_eq!(figure(&printed, "attempts kept"), 0, "{printed}");
    let broken = "select count(*) from dialer.invariant_violation";
    assert_eq!(number(&rehearsal, broken).await, 0);
    let (printed, code) = rehearsal
        .dialerd(&[
            "backfill",
            "--account",
            "nobody",
            "--campaign",
            "again",
            "--from",
            "2026-12-01",
            "--until",
            "2026-12-02",
        ])
        .unwrap();
    assert_eq!(code, 2, "{printed}");
}

/// A system of record: three numbers that nobody has called invalid are not known to it.
async fn crm() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let length = socket.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..length]).into_owned();
            let asked = |number: &str| request.contains(number);
            let (status, body) = match () {
                () if ["1011", "1012", "1013"]
                    .iter()
                    .any(|end| asked(&format!("%2B1212555{end}"))) =>
                {
                    ("404 Not Found", "{}")
                }
                () if asked("%2B12125551014") => ("200 OK", r#"{"status": "SOLD"}"#),
                () => ("200 OK", r#"{"status": "OPEN"}"#),
            };
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

// R124, R158
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn webhooks_of_a_day_are_replayed_and_change_nothing_that_ended() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let rehearsal = after_a_day("replay").await;
    let states = "select sum(hashtext(row(call_id, state, end_reason, ended_at)::text))::bigint from dialer.call";
    let before = number(&rehearsal, states).await;
    let hooks = "select count(*) from dialer.provider_event where source = 'webhook'";
    let stored = number(&rehearsal, hooks).await;
    let replay = |flags: &[&str]| {
        let span =
            ["replay", "--account", "voice", "--from", "2026-12-01", "--until", "2026-12-31"];
        rehearsal.dialerd(&[&span[..], flags].concat()).unwrap()
    };
    let (printed, code) = replay(&["--dry-run"]);
    assert_eq!((code, figure(&printed, "webhooks")), (0, stored), "{printed}");
    let (printed, code) = replay(&[]);
    assert_eq!((code, figure(&printed, "webhooks")), (0, stored), "{printed}");
    assert_eq!(figure(&printed, "not understood"), 0, "{printed}");
    assert_eq!(figure(&printed, "late"), stored, "{printed}");
    assert_eq!(number(&rehearsal, states).await, before);
    assert_eq!(number(&rehearsal, hooks).await, stored);
    backfilled_from_a_log(&rehearsal).await;
    let broken = "select count(*) from dialer.invariant_violation";
    assert_eq!(number(&rehearsal, broken).await, 0);
}

/// The same webhooks as a log of them, with a line that is none.
async fn backfilled_from_a_log(rehearsal: &Rehearsal) {
    let hooks =
        "select raw::text from dialer.provider_event where source = 'webhook' order by received_at";
    let rows = rehearsal.db.query(hooks, &[]).await.unwrap();
    let mut log: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    log.push("not a webhook".to_owned());
    let path = rehearsal.dir.join("hooks.jsonl");
    std::fs::write(&path, log.join("\n")).unwrap();
    let (printed, code) = rehearsal
        .dialerd(&[
            "backfill",
            "--account",
            "before",
            "--campaign",
            "again",
            "--from",
            "2026-12-01",
            "--until",
            "2026-12-31",
            "--file",
            &path.to_string_lossy(),
        ])
        .unwrap();
    assert_eq!((code, figure(&printed, "numbers")), (0, PEOPLE), "{printed}");
    assert!(printed.contains("1 lines were not understood"), "{printed}");
    assert!(figure(&printed, "calls planned") > PEOPLE / 2, "{printed}");
}
