//! `make demo`: a stranger watches a real campaign being dialled over several days.
//!
//! Postgres with the extension, `dialerd` and the sandbox provider are the real processes; only
//! the clock runs fast. At the end two judges speak: the invariants in the database, and the
//! provider's own journal against our account of the same calls.

use anyhow::{Context, Result, ensure};
use chrono::{DateTime, NaiveTime, Utc};
use dialer_tests::contacts::{ContactList, contact_list};
use dialer_tests::judge::{self, Rule};
use dialer_tests::rehearsal::{Plan, Rehearsal};
use dialer_tests::table::table;
use std::collections::HashMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Friday at eight in New York; over the weekend nobody is called.
const BEGINS: &str = "2026-12-04T13:00:00Z";
/// Monday evening, when Honolulu closes too.
const ENDS: &str = "2026-12-08T06:30:00Z";
/// An hour of the demo in a second.
const RATE: f64 = 3600.0;
const PEOPLE: usize = 320;
const BATCH: usize = 31;
const CALLS_AT_ONCE: u32 = 10;
/// LIMIT: a demo that has not come to its end by then is stuck.
const SECONDS_MAX: u64 = 400;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    match demo().await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn demo() -> Result<bool> {
    let rate = std::env::var("DEMO_RATE").ok().and_then(|rate| rate.parse().ok()).unwrap_or(RATE);
    say("A provider, a database with a fast clock, and an empty dialer");
    let plan = Plan {
        begins: BEGINS.parse()?,
        rate,
        max_concurrent: CALLS_AT_ONCE,
        sandbox_flags: vec!["--mix-for".to_owned(), WHO_ANSWERS.to_owned()],
    };
    let mut rehearsal = Rehearsal::start("demo", plan).await?;
    rehearsal.keep_files = true;
    println!("   one real second is {} of the demo; it begins on {BEGINS}", span(rate));
    println!("   psql '{}'", rehearsal.url);
    set_up(&rehearsal).await?;
    let list = import(&rehearsal)?;
    schedule_batch(&rehearsal).await?;
    schedule_the_other_kinds(&rehearsal).await?;
    say("dialerd starts; calls go out where it is 11:00 to 20:00");
    rehearsal.db.execute("select dialer.start_campaign(name) from dialer.campaign", &[]).await?;
    rehearsal.start_dispatcher().await?;
    let console = open_console(&rehearsal).await?;
    watch(&rehearsal).await?;
    report(&rehearsal).await?;
    let good = verdict(&mut rehearsal, &list).await?;
    rehearsal.keep_files = !good;
    if std::env::var_os("DEMO_EXIT").is_none() {
        say("Everything stays up for you to look at; Ctrl-C ends it");
        println!("   psql '{}'", rehearsal.url);
        println!("   logs: {}", rehearsal.dir.display());
        println!("{console}");
        tokio::signal::ctrl_c().await?;
    }
    Ok(good)
}

async fn set_up(rehearsal: &Rehearsal) -> Result<()> {
    rehearsal.add_accounts().await?;
    rehearsal
        .db
        .batch_execute(
            "select dialer.create_campaign('spring', 'voice', 'Mo-Fr 11:00-20:00');
             select dialer.create_campaign('discharge calls', 'voice', 'Mo-Fr 09:00-18:00', policy => 'workflow-30min-3', priority => 1);
             select dialer.create_campaign('discharge mails', 'mail', '24/7', tz => 'UTC', policy => 'once');",
        )
        .await?;
    println!("   campaign spring: Mo-Fr 11:00-20:00 in each contact's own zone, redial after");
    println!("   0, 2, 5, 10, 30, 60, 120 min, 8 a day, every allowed day until SALE or DNC");
    Ok(())
}

fn import(rehearsal: &Rehearsal) -> Result<ContactList> {
    let list = contact_list(PEOPLE);
    let file = rehearsal.dir.join("contacts.csv");
    let errors = rehearsal.dir.join("contacts.errors.csv");
    std::fs::write(&file, &list.csv)?;
    say(&format!(
        "dialerd import contacts.csv --campaign spring   ({} rows, some of them dirty)",
        list.rows
    ));
    let (printed, code) = rehearsal.dialerd(&[
        "import",
        &file.to_string_lossy(),
        "--campaign",
        "spring",
        "--errors",
        &errors.to_string_lossy(),
    ])?;
    print_indented(&printed);
    ensure!(code == 0, "the import ended with {code}");
    let reasons = std::fs::read_to_string(&errors).context("the error file")?;
    println!("   from the error file:");
    print_indented(&reasons.lines().take(9).collect::<Vec<_>>().join("\n"));
    Ok(list)
}

/// S0: discharge calls and mails, staggered 2 min and 3 s.
async fn schedule_batch(rehearsal: &Rehearsal) -> Result<()> {
    say(&format!(
        "A batch of {BATCH} discharges: mails 3 s apart from 10:00, calls 2 min apart from 17:00"
    ));
    let rows = rehearsal
        .db
        .query(
            "select channel, min(due_at)::text, max(due_at)::text, count(*), string_agg(distinct result, ', ')
             from dialer.schedule_batch(
                 (select jsonb_agg(jsonb_build_object('external_key', 'case-' || i, 'name', 'Patient ' || i, 'tz', 'America/New_York',
                      'phone', '+1646555' || to_char(100 + i, 'FM0000'), 'email', 'case' || i || '@example.com')) from generate_series(1, $1) i),
                 'discharge calls', 'discharge mails', '2026-12-04 17:00 America/New_York', '2026-12-04 10:00 America/New_York', batch_key => 'friday')
             group by channel order by channel",
            &[&i32::try_from(BATCH)?],
        )
        .await?;
    print_indented(&table(&["channel", "first", "last", "calls", "result"], &rows));
    println!("   the last call would be at 18:00, when it is closed: it goes to Monday 09:00");
    Ok(())
}

/// A single call with hours of its own, calls that come back by a rule, a campaign that calls its
/// members each day, and numbers that are classified before their task is called.
async fn schedule_the_other_kinds(rehearsal: &Rehearsal) -> Result<()> {
    say("One call with hours of its own, a series, a daily campaign, a workflow of two calls");
    rehearsal.db.batch_execute(OTHER_KINDS).await?;
    println!(
        "   check-ins: one call on Monday 12:00, within 10:00-16:00; a series, each day at 10:00"
    );
    println!("   daily dose: {MEMBERS} members, once a day, Mo-Fr 12:00-15:00");
    println!(
        "   records: {OFFICES} offices; the first call finds out who answers, the task follows"
    );
    Ok(())
}

const MEMBERS: usize = 5;
const OFFICES: usize = 6;
/// Who answers in the offices.
const WHO_ANSWERS: &str = "+1201=customer-ended-call:ivr_only=3, customer-ended-call:ivr_then_human=2, \
    customer-ended-call:human=2, customer-did-not-answer=1";
const OTHER_KINDS: &str = "
    select dialer.create_campaign('check-ins', 'voice', 'Mo-Fr 09:00-18:00', policy => 'once');
    select dialer.schedule_call('check-ins', '+16465550181', '2026-12-07 12:00 America/New_York', tz => 'America/New_York', hours => 'Mo-Fr 10:00-16:00');
    select dialer.schedule_series('check-ins', '+16465550182', '2026-12-04 10:00', 'FREQ=DAILY;COUNT=5', 'America/New_York');
    select dialer.create_recurring_campaign('daily dose', 'voice', 'Mo-Fr 12:00-15:00', 'America/New_York', '1 per day');
    select dialer.schedule_call('daily dose', '+1917555' || to_char(100 + i, 'FM0000'), tz => 'America/New_York') from generate_series(1, 5) i;
    select dialer.create_campaign('records', 'voice', 'Mo-Fr 09:00-17:00', policy => 'workflow-30min-3',
        settings => '{\"steps\": {\"classify\": {\"assistantId\": \"listener\"}}}');
    select dialer.use_workflow('records', 'preclassify');
    select dialer.classify_number('+12015550101', 'ivr_only', source => 'known from before');
    select dialer.schedule_call('records', '+1201555' || to_char(100 + i, 'FM0000'), tz => 'America/New_York') from generate_series(1, 6) i";

/// Where the console is and the key that opens it, once both answer.
async fn open_console(rehearsal: &Rehearsal) -> Result<String> {
    const KEY: &str = "select dialer.create_api_key('console', 'plan')";
    let key: String = rehearsal.db.query_one(KEY, &[]).await?.get(0);
    let url = rehearsal.dispatcher_url(0, "/");
    let page = rehearsal.http.get(&url).send().await?.error_for_status()?;
    ensure!(page.headers().contains_key("content-security-policy"), "the console is not there");
    let overview = rehearsal.http.get(format!("{url}api/v1/overview"));
    overview.header("x-api-key", &key).send().await?.error_for_status()?;
    let told = format!("   console: {url}   API key: {key}");
    println!("{told}");
    Ok(told)
}

/// Shows progress until the demo's time is over and nothing is in flight.
async fn watch(rehearsal: &Rehearsal) -> Result<()> {
    let ends: DateTime<Utc> = ENDS.parse()?;
    let begun = Instant::now();
    println!(
        "   {:<18} {:>7} {:>7} {:>8} {:>6} {:>6} {:>8}",
        "New York", "waiting", "at once", "attempts", "sale", "dnc", "ended"
    );
    let mut shown = -1;
    let mut over = false;
    loop {
        let row = rehearsal.db.query_one(PROGRESS, &[]).await?;
        let count = |column: usize| row.get::<_, i64>(column);
        if count(4) != shown || count(3) > 0 {
            let time: String = row.get(1);
            println!(
                "   {time:<18} {:>7} {:>7} {:>8} {:>6} {:>6} {:>8}",
                count(2),
                count(3),
                count(4),
                count(5),
                count(6),
                count(7)
            );
            if row.get::<_, Option<bool>>(8) == Some(true) {
                println!("   ... closed everywhere; nobody is called until the next opening ...");
            }
            shown = count(4);
        }
        if over && count(3) == 0 {
            return Ok(());
        }
        if !over && row.get::<_, DateTime<Utc>>(0) >= ends {
            over = true;
            rehearsal.db.execute(END, &[]).await?;
        }
        ensure!(begun.elapsed() < Duration::from_secs(SECONDS_MAX), "the demo does not end");
        tokio::time::sleep(Duration::from_millis(if over { 200 } else { 2000 })).await;
    }
}

const PROGRESS: &str = "
    select dialer.now(), to_char(dialer.now() at time zone 'America/New_York', 'Dy Mon DD HH24:MI'),
           (select count(*) from dialer.call where state = 'scheduled'), (select count(*) from dialer.lease),
           (select count(*) from dialer.attempt), (select count(*) from dialer.call where outcome = 'sale'),
           (select count(*) from dialer.call where outcome = 'dnc'), (select count(*) from dialer.call where ended_at is not null),
           (select wake_at > now_at + interval '2 hours' from dialer.next_wake('demo'))";
const END: &str = "select dialer.pause_campaign(name, 'the demo is over') from dialer.campaign where state = 'running'";

async fn report(rehearsal: &Rehearsal) -> Result<()> {
    for (title, arguments) in [
        (
            "dialerd report breakdown --campaign spring",
            &["report", "breakdown", "--campaign", "spring"][..],
        ),
        ("dialerd report dashboard", &["report", "dashboard"][..]),
        ("dialerd report why-waiting spring", &["report", "why-waiting", "spring"][..]),
    ] {
        say(title);
        print_indented(&rehearsal.dialerd(arguments)?.0);
    }
    say("Each kind of call");
    print_indented(&table(
        &["campaign", "calls", "attempts", "first", "last", "outcomes"],
        &rehearsal.db.query(KINDS, &[]).await?,
    ));
    let call: i64 = rehearsal
        .db
        .query_one(
            "select call_id from dialer.attempt where call_id in (select call_id from dialer.call where state = 'scheduled')
             group by call_id order by count(*) desc, call_id limit 1",
            &[],
        )
        .await?
        .get(0);
    say(&format!("dialerd explain {call}"));
    print_indented(&rehearsal.dialerd(&["explain", &call.to_string()])?.0);
    Ok(())
}

const KINDS: &str = "
    select g.name, count(distinct c.call_id), count(a.attempt_id), to_char(min(a.dialled_at) at time zone 'America/New_York', 'Dy HH24:MI'),
           to_char(max(a.dialled_at) at time zone 'America/New_York', 'Dy HH24:MI'), string_agg(distinct coalesce(a.step || ' ', '') || a.outcome, ', ')
    from dialer.campaign g join dialer.call c using (campaign_id) left join dialer.attempt a using (call_id) group by g.name order by g.name";

/// Two accounts of the same calls, and whether anything was wrong.
async fn verdict(rehearsal: &mut Rehearsal, list: &ContactList) -> Result<bool> {
    say("The provider's own account beside ours");
    let summary = rehearsal.sandbox_summary().await?;
    let ours = rehearsal
        .db
        .query_one(
            "select (select count(*) from dialer.attempt where channel = 'voice' and placed_at is not null),
                    (select count(distinct endpoint_id) from dialer.attempt where channel = 'voice' and placed_at is not null),
                    (select count(*) from dialer.attempt where outcome = 'sale'), (select count(*) from dialer.attempt where disposition = 'DNC'),
                    (select count(*) from dialer.attempt where channel = 'email')",
            &[],
        )
        .await?;
    let rows = [
        ("calls", summary["accepted"].clone(), ours.get::<_, i64>(0)),
        ("numbers", summary["numbers"].clone(), ours.get(1)),
        ("SALE", summary["dispositions"]["SALE"].clone(), ours.get(2)),
        ("DNC", summary["dispositions"]["DNC"].clone(), ours.get(3)),
        ("e-mails", summary["emails"]["sent"].clone(), ours.get(4)),
    ];
    println!("   {:<10} {:>10} {:>10}", "", "provider", "dialer");
    let mut findings = judge::findings(rehearsal, &rules(list)?).await?;
    for (what, theirs, ours) in rows {
        println!("   {what:<10} {:>10} {ours:>10}", theirs.to_string());
        if theirs.as_i64() != Some(ours) {
            findings.push(format!("{what}: the provider says {theirs}, we say {ours}"));
        }
    }
    println!("   most at once: {} of {CALLS_AT_ONCE}", summary["peak"]);
    findings.extend(unaccounted(rehearsal).await?);
    if findings.is_empty() {
        say("No invariant was broken, and the two accounts agree");
    } else {
        say(&format!("{} findings", findings.len()));
        findings.iter().take(20).for_each(|finding| println!("   {finding}"));
    }
    Ok(findings.is_empty())
}

/// R188: every imported contact is accounted for.
async fn unaccounted(rehearsal: &Rehearsal) -> Result<Vec<String>> {
    let row = rehearsal
        .db
        .query_one(
            "select i.row_count, i.created_count + i.updated_count + i.duplicate_count + i.rejected_count, i.enrolled_count,
                    (select calls from dialer.report_breakdown(campaign => 'spring') where measure = 'total_leads'),
                    (select sum(calls)::bigint from dialer.report_breakdown(campaign => 'spring') where measure in ('active_for_redial',
                        'completed_sale', 'completed_dnc', 'completed_other', 'failed', 'cancelled_do_not_call', 'cancelled_other', 'expired'))
             from dialer.import i",
            &[],
        )
        .await?;
    let counts: Vec<i64> = (0..5).map(|column| row.get(column)).collect();
    let mut findings = Vec::new();
    if counts[0] != counts[1] {
        findings.push(format!("{} rows were read, {} are accounted for", counts[0], counts[1]));
    }
    if counts[2] != counts[3] || counts[3] != counts[4] {
        findings.push(format!(
            "{} were enrolled, {} are reported, in parts {}",
            counts[2], counts[3], counts[4]
        ));
    }
    Ok(findings)
}

fn rules(list: &ContactList) -> Result<HashMap<String, Rule>> {
    let hour = |hour| NaiveTime::from_hms_opt(hour, 0, 0).context("an hour of the day");
    let mut rules = HashMap::new();
    for person in &list.people {
        let rule = Rule {
            zone: person.zone,
            opens: hour(11)?,
            closes: hour(20)?,
            max_per_day: 8,
            forbidden: person.opted_out,
        };
        rules.insert(person.number.clone(), rule);
    }
    let new_york = |opens: u32, closes: u32, max_per_day: usize| -> Result<Rule> {
        let zone = chrono_tz::America::New_York;
        Ok(Rule { zone, opens: hour(opens)?, closes: hour(closes)?, max_per_day, forbidden: false })
    };
    for case in 1..=BATCH {
        rules.insert(format!("+1646555{:04}", 100 + case), new_york(9, 18, 3)?);
    }
    rules.insert("+16465550181".to_owned(), new_york(10, 16, 1)?);
    rules.insert("+16465550182".to_owned(), new_york(9, 18, 1)?);
    for member in 1..=MEMBERS {
        rules.insert(format!("+1917555{:04}", 100 + member), new_york(12, 15, 1)?);
    }
    for office in 1..=OFFICES {
        rules.insert(format!("+1201555{:04}", 100 + office), new_york(9, 17, 6)?);
    }
    for odd in 0..10 {
        rules.insert(format!("+1212555018{odd}"), new_york(11, 20, 8)?);
    }
    Ok(rules)
}

fn say(what: &str) {
    println!("\n== {what}");
}

fn print_indented(text: &str) {
    text.lines().for_each(|line| println!("   {line}"));
}

fn span(seconds: f64) -> String {
    if seconds >= 60.0 { format!("{:.0} min", seconds / 60.0) } else { format!("{seconds} s") }
}
