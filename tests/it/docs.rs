//! The documents' SQL runs, and prints what the documents say it prints.
//!
//! Each block marked `sql` is given to psql, in order, in a database of the page's own; a `text`
//! block right after it is what psql prints. `UPDATE_EXPECT=1` rewrites the pages.

use crate::database::Database;
use crate::dialer::Dialer;
use expect_test::expect;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Friday morning in New York.
const SESSION: &str = "-c dialer.clock=2026-12-04T10:00:00-05:00 -c timezone=America/New_York";

#[tokio::test]
async fn the_readme_runs_and_prints_what_it_says() {
    check_page("README.md").await;
}

#[tokio::test]
async fn the_page_on_providers_runs() {
    check_page("docs/providers.md").await;
}

#[tokio::test]
async fn the_page_on_opening_hours_runs_and_prints_what_it_says() {
    check_page("docs/decisions/0004-open-is-a-predicate.md").await;
}

// R011, R015, R164
#[tokio::test]
async fn the_page_for_discharge_batches_runs_and_prints_what_it_says() {
    check_page("docs/cookbook/discharge-batch.md").await;
}

// R177, R214, R215: configuration as rows, what to look at before the first day, and the emergency stop.
#[tokio::test]
async fn the_page_for_redial_queues_runs_and_prints_what_it_says() {
    check_page("docs/cookbook/redial-queue.md").await;
}

// R070, R089, R090: whoever was moved over is called on each day after it, and once a day, the history counted.
#[tokio::test]
async fn the_page_for_campaign_schedulers_runs_and_prints_what_it_says() {
    let dialer = Dialer { database: check_page("docs/cookbook/campaign-scheduler.md").await };
    // Without limits a step of the clock is enough for all.
    dialer.run("update dialer.campaign set per_second = null, max_concurrent = null; select dialer.remove_rate('vapi'); select dialer.set_limits('vapi', 500)").await;
    for at in ["04 10:00", "04 15:00", "07 09:00", "07 15:00", "08 09:00", "08 15:00"] {
        dialer.clock(&format!("2026-12-{at}")).await;
        dialer.run("select dialer.tick()").await;
        // LIMIT: claims of 100 for 104 people.
        for _ in 0..2 {
            dialer.place().await;
            dialer.end("completed").await;
        }
    }
    dialer
        .check(
            "select p.name, string_agg(to_char(a.dialled_at, 'DD HH24:MI'), ', ' order by a.dialled_at) from dialer.attempt a join dialer.contact p using (contact_id)
             where p.name in ('Ada', 'Ben', 'Cy', 'Dot') group by 1 order by 1",
            expect![[r#"
                Ada | 04 15:00, 07 09:00, 08 09:00
                Ben | 04 09:30, 07 09:00, 08 09:00
                Cy | 03 11:00, 04 10:00, 07 09:00, 08 09:00
                Dot | 04 10:00, 07 09:00, 08 09:00"#]],
        )
        .await;
    dialer.sound().await;
}

// R034, R041, R178, R182: the page maps each variable of the environment, and takes one document of each kind over.
#[tokio::test]
async fn the_page_for_call_schedulers_runs_and_prints_what_it_says() {
    check_page("docs/cookbook/call-scheduler.md").await;
}

// R030, R031, R193, R220, R231: what leads mean for lines, days and cost.
#[tokio::test]
async fn the_page_on_capacity_runs_and_prints_what_it_says() {
    check_page("docs/capacity.md").await;
}

#[tokio::test]
async fn the_page_on_compliance_runs_and_prints_what_it_says() {
    check_page("docs/compliance.md").await;
}

// R217, R218: the trace of a test row, and what to look at when something is wrong.
#[tokio::test]
async fn the_page_for_classification_workflows_runs_and_prints_what_it_says() {
    check_page("docs/cookbook/classification-workflow.md").await;
}

#[tokio::test]
async fn the_page_on_status_names_runs_and_prints_what_it_says() {
    check_page("docs/cookbook/status-names.md").await;
}

/// The examples in the comments of functions, and so on the reference page: `e.g. select ...`, with
/// what it gives after `-->`. Every function in Rust has one, but for what
/// types and machines are made of.
#[tokio::test]
async fn the_examples_of_functions_give_what_they_say() {
    const EXAMPLES: &str = "
        select p.oid::regprocedure, substring(d.description from 'e\\.g\\. (select [^\\n]*)')
        from pg_proc p join pg_description d on d.objoid = p.oid and d.classoid = 'pg_proc'::regclass
        join pg_language l on l.oid = p.prolang
        where p.pronamespace = 'dialer'::regnamespace and (d.description ~ 'e\\.g\\. select' or l.lanname = 'c'
            and p.prorettype <> all ('{trigger,internal}'::regtype[]) and p.proname !~ '^(hours_|built_in_edges)')
        order by 1::text";
    let database = Database::fresh().await;
    database.run("set timezone = 'UTC'; set dialer.clock = '2026-12-04 15:00Z'").await;
    let mut wrong = Vec::new();
    for line in database.rows(EXAMPLES).await.lines() {
        let (function, example) = line.split_once(" | ").expect("two columns");
        let (sql, says) = example.split_once(" --> ").unwrap_or((example, ""));
        let gives = match sql {
            "-" => "no example".into(),
            sql => database.rows(sql).await,
        };
        if gives.is_empty() || gives == "no example" || (!says.is_empty() && gives != says) {
            wrong.push(format!("{function}\n  {sql} --> {gives}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

async fn check_page(page: &str) -> Database {
    let database = Database::empty().await;
    let url = url_of(&database);
    let path = root().join(page);
    let text = fs::read_to_string(&path).expect("the page exists");
    let mut told = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("```sql\n") {
        let (sql, after) = after.split_once("```\n").expect("a block ends");
        told += &format!("{before}```sql\n{sql}```\n");
        let printed = psql(&url, sql);
        rest = after;
        if let Some(expected) = after.strip_prefix("\n```text\n") {
            rest = expected.split_once("```\n").expect("a block ends").1;
            told += &format!("\n```text\n{}\n```\n", printed.trim_end());
        } else {
            assert!(!printed.contains("ERROR"), "{page}: {printed}in: {sql}");
        }
    }
    told += rest;
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &told).expect("the page can be written");
    }
    let now = fs::read_to_string(&path).expect("the page exists");
    assert!(told == now, "{page} is not true; UPDATE_EXPECT=1 rewrites it to:\n{told}");
    database
}

fn url_of(database: &Database) -> String {
    let template = std::env::var("DIALER_TEST_URL").expect("DIALER_TEST_URL; run make test-it");
    let (server, _) = template.rsplit_once('/').expect("a URL has a path");
    format!("{server}/{}", database.name())
}

/// What psql prints for one block: first the results, then the errors.
fn psql(url: &str, sql: &str) -> String {
    let bin = std::env::var("DIALER_TEST_BIN").expect("DIALER_TEST_BIN; run through make test-it");
    let mut psql = Command::new(Path::new(&bin).join("psql"));
    psql.args(["-Xq", "-P", "pager=off", "-v", "SHOW_CONTEXT=never", "-d", url]);
    psql.env("PGOPTIONS", SESSION)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = psql.spawn().expect("psql starts");
    child.stdin.take().expect("stdin is piped").write_all(sql.as_bytes()).expect("psql reads");
    let output = child.wait_with_output().expect("psql ends");
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the checkout").to_path_buf()
}
