//! The judges of a rehearsal: what the provider saw, against the rules and against our own account.
//!
//! The provider's journal is the witness. Where somebody lives is known from the list that was
//! made, and local time is computed here with chrono-tz, not asked of the database.

use crate::rehearsal::{Rehearsal, SECRETS};
use anyhow::{Context, Result};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use chrono_tz::Tz;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What holds for one number.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub zone: Tz,
    pub opens: NaiveTime,
    pub closes: NaiveTime,
    pub max_per_day: usize,
    pub forbidden: bool,
}

/// One call as the provider saw it.
#[derive(Debug, Clone)]
pub struct SeenCall {
    pub number: String,
    pub attempt_id: String,
    pub accepted_at: DateTime<Utc>,
    pub reason: Option<String>,
    pub disposition: Option<String>,
    pub ended_at: Option<DateTime<Utc>>,
}

/// Everything that was wrong, one sentence each; nothing is good news.
pub async fn findings(rehearsal: &Rehearsal, rules: &HashMap<String, Rule>) -> Result<Vec<String>> {
    let calls = seen_calls(&rehearsal.sandbox_journal().await?)?;
    let mut findings = broken_invariants(rehearsal).await?;
    findings
        .extend(broken_limits(&rehearsal.sandbox_summary().await?, rehearsal.plan.max_concurrent));
    findings.extend(broken_rules(&calls, rules));
    findings.extend(different_accounts(rehearsal, &calls).await?);
    findings.extend(personal_data_in_logs(rehearsal, rules).await?);
    Ok(findings)
}

/// The rows of `dialer.invariant_violation`, as sentences.
pub async fn broken_invariants(rehearsal: &Rehearsal) -> Result<Vec<String>> {
    let rows = rehearsal
        .db
        .query("select invariant, detail, call_id from dialer.invariant_violation", &[])
        .await?;
    let told = rows.iter().map(|row| {
        let (invariant, detail, call): (i32, String, Option<i64>) =
            (row.get(0), row.get(1), row.get(2));
        format!("invariant {invariant}: {detail} (call {call:?})")
    });
    Ok(told.collect())
}

fn broken_limits(summary: &Value, max_concurrent: u32) -> Vec<String> {
    let count = |name: &str| summary[name].as_u64().unwrap_or(u64::MAX);
    let mut findings = Vec::new();
    if count("peak") > u64::from(max_concurrent) {
        findings.push(format!("the provider saw {} calls at once", count("peak")));
    }
    for name in ["doubled_attempts", "two_live_calls_to_one_number"] {
        if count(name) > 0 {
            findings.push(format!("the provider counts {} {name}", count(name)));
        }
    }
    findings
}

/// Calls from the journal's lines, in the order in which they were accepted.
pub fn seen_calls(journal: &[Value]) -> Result<Vec<SeenCall>> {
    let mut calls: Vec<SeenCall> = Vec::new();
    let mut index: HashMap<String, usize> = HashMap::new();
    for line in journal.iter().filter(|line| line["call_id"].is_string()) {
        let id = text(line, "call_id")?;
        match line["event"].as_str() {
            Some("accepted") => {
                index.insert(id, calls.len());
                calls.push(SeenCall {
                    number: text(line, "number")?,
                    attempt_id: text(line, "attempt_id")?,
                    accepted_at: instant(line)?,
                    reason: None,
                    disposition: None,
                    ended_at: None,
                });
            }
            Some("ended") => {
                let call = index.get(&id).and_then(|place| calls.get_mut(*place));
                let call = call.context("a call ended that was never accepted")?;
                call.reason = line["reason"].as_str().map(str::to_owned);
                call.disposition = line["disposition"].as_str().map(str::to_owned);
                call.ended_at = Some(instant(line)?);
            }
            _ => {}
        }
    }
    Ok(calls)
}

fn text(line: &Value, name: &str) -> Result<String> {
    Ok(line[name].as_str().with_context(|| format!("{name} is missing in {line}"))?.to_owned())
}

fn instant(line: &Value) -> Result<DateTime<Utc>> {
    Ok(text(line, "at")?.parse()?)
}

/// Window, attempts a day, do-not-call and final outcomes, call by call.
pub fn broken_rules(calls: &[SeenCall], rules: &HashMap<String, Rule>) -> Vec<String> {
    let mut findings = Vec::new();
    let mut per_day: BTreeMap<(&str, NaiveDate), usize> = BTreeMap::new();
    let mut finished: HashMap<&str, &str> = HashMap::new();
    for call in calls {
        let Some(rule) = rules.get(&call.number) else {
            findings.push(format!("{} was called and is in no list", call.number));
            continue;
        };
        let local = call.accepted_at.with_timezone(&rule.zone);
        if local.time() < rule.opens || local.time() >= rule.closes {
            findings.push(format!("{} was called at {local}, outside its hours", call.number));
        }
        if rule.forbidden {
            findings.push(format!("{} was called and had said: do not call", call.number));
        }
        if let Some(word) = finished.get(call.number.as_str()) {
            findings.push(format!("{} was called at {local}, after {word}", call.number));
        }
        // What the provider could not connect rang nowhere.
        if call.reason.as_deref().is_some_and(|reason| reason.contains("failed-to-connect")) {
            continue;
        }
        let today = per_day.entry((&call.number, local.date_naive())).or_default();
        *today += 1;
        if *today > rule.max_per_day {
            findings.push(format!(
                "{} was called {today} times on {}",
                call.number,
                local.date_naive()
            ));
        }
        if let Some(word @ ("SALE" | "DNC")) = call.disposition.as_deref() {
            finished.insert(&call.number, word);
        }
    }
    findings
}

/// Our attempts against the provider's calls, one to one by attempt id.
async fn different_accounts(rehearsal: &Rehearsal, calls: &[SeenCall]) -> Result<Vec<String>> {
    let rows = rehearsal
        .db
        .query(
            "select attempt_id::text, outcome::text, word, placed_at is not null, counts
             from dialer.attempt_all where channel = 'voice' and intended_at is not null",
            &[],
        )
        .await?;
    let ours: HashMap<String, (Option<String>, Option<String>, bool, bool)> = rows
        .iter()
        .map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3), row.get(4))))
        .collect();
    let theirs: HashSet<&str> = calls.iter().map(|call| call.attempt_id.as_str()).collect();
    let mut findings = Vec::new();
    for call in calls {
        let Some((outcome, word, _, counts)) = ours.get(&call.attempt_id) else {
            findings.push(format!("the provider saw attempt {}, we did not", call.attempt_id));
            continue;
        };
        let known = outcome.as_deref().is_some_and(|outcome| outcome != "unknown");
        if known && call.reason.is_some() && *word != call.reason {
            findings.push(format!(
                "attempt {}: {word:?} here, {:?} there",
                call.attempt_id, call.reason
            ));
        }
        // A call that reached somebody must count; failures to connect need not.
        if call.disposition.is_some() && !counts {
            findings
                .push(format!("attempt {} reached somebody and does not count", call.attempt_id));
        }
    }
    for (attempt, (outcome, _, placed, _)) in &ours {
        if *placed && !theirs.contains(attempt.as_str()) {
            findings.push(format!(
                "we say attempt {attempt} was placed ({outcome:?}), the provider never saw it"
            ));
        }
    }
    Ok(findings)
}

/// Numbers and secrets stop before the log.
async fn personal_data_in_logs(
    rehearsal: &Rehearsal,
    rules: &HashMap<String, Rule>,
) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    let named = "select distinct name from dialer.contact where name ~ ' '";
    let names: Vec<String> =
        rehearsal.db.query(named, &[]).await?.iter().map(|row| row.get(0)).collect();
    for entry in std::fs::read_dir(&rehearsal.dir)? {
        let path = entry?.path();
        if !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dialerd-")) {
            continue;
        }
        let text = std::fs::read_to_string(&path)?;
        let words = rules.keys().map(String::as_str).chain(names.iter().map(String::as_str));
        // A number is told with and without its plus.
        let told = words.chain(SECRETS).find(|word| text.contains(word.trim_start_matches('+')));
        findings.extend(told.map(|word| format!("{word} stands in {}", path.display())));
    }
    Ok(findings)
}
