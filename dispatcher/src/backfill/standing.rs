//! What the business's own system says of the numbers, before any is taken in.

use super::pace::{Pace, Progress, patiently};
use super::{Error, Options};
use crate::clock::monotonic;
use crate::db::backfill::Backfill;
use crate::provider::{self, Account, SystemOfRecord};
use crate::secrets;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// Reads the description of a system of record.
pub fn read(path: &Path) -> Result<SystemOfRecord, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::File { path: path.to_owned(), source })?;
    SystemOfRecord::read(&text).map_err(|problems| {
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Error::Description { path: path.to_owned(), told: told.join("; ") }
    })
}

/// Asks of every number that would be called and was not asked of before.
pub async fn ask(
    options: &Options,
    system: &SystemOfRecord,
    backfill: &Backfill,
) -> Result<(), Error> {
    let account =
        Account::with_secrets(None, system.secret_name.as_deref(), Value::Null, secrets::find)?;
    let http = provider::client(super::CONNECT_TIMEOUT, super::ANSWER_TIMEOUT)?;
    let to_ask = backfill.summary().await?.redial.max(1);
    let mut pace = Pace::new(options.batch, Duration::from_millis(options.pause_ms));
    let mut progress = Progress::new("asked", monotonic());
    let (mut asked, mut last) = (0_i64, String::new());
    // Ends: every batch begins after the one before, and the last is empty.
    loop {
        let want = i32::try_from(options.batch).unwrap_or(i32::MAX);
        let phones = backfill.to_check(want, &last).await?;
        if phones.is_empty() {
            return Ok(());
        }
        let mut standings = Vec::with_capacity(phones.len());
        for phone in &phones {
            let standing = patiently(async || system.ask(&http, &account, phone).await).await;
            let standing = standing.map_err(|error| Error::Standing { why: error.0, asked })?;
            standings.push(standing.word());
            asked += 1;
        }
        backfill.note(&phones, &standings).await?;
        last = phones.last().cloned().unwrap_or_default();
        let share = asked as f64 / to_ask as f64;
        progress.reached(share, &format!("{asked} of {to_ask} numbers"), monotonic());
        tokio::time::sleep(pace.rest_after(u32::try_from(phones.len()).unwrap_or(0))).await;
    }
}
