//! Calls from a file of webhooks, one JSON object a line, as a provider sent them.

use super::{Error, Options};
use crate::db::backfill::Backfill;
use crate::provider::{Adapter, Event, Kind, StoredHook};
use serde_json::{Value, json};
use std::path::Path;
use tokio::io::{AsyncBufReadExt, BufReader};

/// LIMIT: calls in memory at once, and bytes of one line.
const CHUNK: usize = 500;
const LINE_MAX: usize = 4 << 20;

/// Where vendors keep the number that was called.
const NUMBERS: [&str; 8] = [
    "/message/call/customer/number",
    "/message/customer/number",
    "/customer/number",
    "/call/to_number",
    "/to_number",
    "/data/payload/to",
    "/to",
    "/To",
];

/// Stages the ends of calls that the file tells of, within the span.
pub async fn stage(
    options: &Options,
    path: &Path,
    adapter: &dyn Adapter,
    settings: &Value,
    backfill: &mut Backfill,
) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.to_owned(), source };
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    let mut lines = BufReader::new(file).lines();
    let (mut calls, mut not_understood) = (Vec::new(), 0_u64);
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        if line.trim().is_empty() {
            continue;
        }
        match ends(options, &line, adapter, settings) {
            Some(found) => calls.extend(found),
            None => not_understood += 1,
        }
        if calls.len() >= CHUNK {
            // The file is not at its end: whoever is stopped here reads it again from the beginning.
            backfill.take(&Value::Array(std::mem::take(&mut calls)), Some("again")).await?;
        }
    }
    if not_understood > 0 {
        super::progress_line(&format!("{not_understood} lines were not understood and left out"));
    }
    backfill.take(&Value::Array(calls), None).await?;
    Ok(())
}

/// The ended calls of a line; none where it is no webhook of the account's provider.
fn ends(
    options: &Options,
    line: &str,
    adapter: &dyn Adapter,
    settings: &Value,
) -> Option<Vec<Value>> {
    let raw: Value = (line.len() <= LINE_MAX).then(|| serde_json::from_str(line).ok())??;
    // Some logs keep the body in an envelope.
    let raw = match raw.get("body") {
        Some(Value::String(body)) => serde_json::from_str(body).ok()?,
        Some(body @ Value::Object(_)) => body.clone(),
        _ => raw,
    };
    let hook = StoredHook { raw: &raw, attempt_id: None };
    let events = hook.events(adapter, settings).ok()?;
    let number = match &options.number_at {
        Some(pointer) => raw.pointer(pointer),
        None => NUMBERS.iter().find_map(|pointer| raw.pointer(pointer)),
    };
    let number = number.and_then(Value::as_str);
    let is_wanted = |event: &&Event| {
        event.kind == Kind::Ended
            && event.at.is_none_or(|at| options.from <= at && at < options.until)
    };
    Some(events.iter().filter(is_wanted).map(|event| call(event, number)).collect())
}

fn call(event: &Event, number: Option<&str>) -> Value {
    let seconds = event.duration_seconds.unwrap_or(0.0).clamp(0.0, 1e6);
    let begun = event.at.map(|at| at - chrono::TimeDelta::milliseconds((seconds * 1e3) as i64));
    json!({
        "provider_call_id": event.provider_call_id,
        "address": number,
        "called_at": begun,
        "ended_at": event.at,
        "outcome": event.outcome,
        "word": event.word,
        "disposition": event.disposition,
    })
}
