//! Calls from the provider's list, page by page.

use super::pace::{Pace, Progress, patiently};
use super::{Error, Options};
use crate::clock::monotonic;
use crate::db::backfill::Backfill;
use crate::provider::{Account, Adapter, Kind, Listed, Span};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::time::Duration;

/// Stages all pages that are left.
pub async fn stage(
    options: &Options,
    adapter: &dyn Adapter,
    http: &reqwest::Client,
    account: &Account,
    backfill: &mut Backfill,
) -> Result<(), Error> {
    let mut pace = Pace::new(options.batch, Duration::from_millis(options.pause_ms));
    let mut progress = Progress::new("fetched", monotonic());
    // Ends: the last page has no next one; a provider that gives one cursor twice is not followed.
    while !backfill.fetched {
        let (from, until) = (options.from, options.until);
        let span = Span { from, until, cursor: backfill.cursor.clone() };
        let page = patiently(async || adapter.list(http, account, &span).await).await;
        let page = page.map_err(|error| Error::List { why: error.0, calls: backfill.calls })?;
        if page.next.is_some() && page.next == span.cursor {
            let why = "it gives the same page again and again".to_owned();
            return Err(Error::List { why, calls: backfill.calls });
        }
        let inside: Vec<Value> =
            page.calls.iter().filter(|call| is_inside(call, from, until)).map(call).collect();
        backfill.take(&Value::Array(inside), page.next.as_deref()).await?;
        let share = page.calls.iter().filter_map(|call| call.created_at).next_back();
        let share = share.map_or(0.0, |at| covered(at, &page.calls, from, until));
        progress.reached(share, &format!("{} calls", backfill.calls), monotonic());
        if !backfill.fetched {
            let calls = u32::try_from(page.calls.len()).unwrap_or(u32::MAX);
            tokio::time::sleep(pace.rest_after(calls)).await;
        }
    }
    Ok(())
}

/// Vendors whose list knows no end of a span give more than was asked for.
fn is_inside(call: &Listed, from: DateTime<Utc>, until: DateTime<Utc>) -> bool {
    call.created_at.is_none_or(|at| from <= at && at < until)
}

/// How much of the span lies behind, in the direction in which the list goes.
fn covered(
    last: DateTime<Utc>,
    calls: &[Listed],
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> f64 {
    let first = calls.iter().find_map(|call| call.created_at).unwrap_or(last);
    let whole = (until - from).as_seconds_f64().max(1.0);
    let behind = if first <= last { last - from } else { until - last };
    behind.as_seconds_f64() / whole
}

/// A call as the database takes it.
fn call(listed: &Listed) -> Value {
    let event = &listed.event;
    json!({
        "provider_call_id": event.provider_call_id,
        "address": listed.address,
        "called_at": listed.created_at,
        "ended_at": event.at,
        "outcome": event.outcome,
        "word": event.word,
        "disposition": event.disposition,
        "live": event.kind != Kind::Ended,
    })
}
