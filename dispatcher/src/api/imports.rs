//! `/api/v1/imports`: a list as a CSV file, through the same import as the command line's.
//!
//! The file is kept on disk while it is read, so that a list of any size needs no memory; each chunk
//! of rows is a transaction of its own, and a repetition adds nothing twice.

use super::Router;
use super::answer::{Answer, Answered, Refusal, Success};
use super::caller::Caller;
use super::input::{Asked, broken_off, too_long};
use super::refusal::busy;
use crate::body;
use crate::db::api::Scope;
use crate::import;
use axum::body::Body;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::routes;
use uuid::Uuid;

pub const PATH: &str = "/api/v1/imports";

pub fn router() -> Router {
    Router::new().routes(routes!(upload))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Wanted {
    /// Enrol the contacts in this campaign; without it they are only kept.
    campaign: Option<String>,
    /// Say what would be done and do nothing.
    dry_run: Option<bool>,
    /// Which column is which: TARGET=COLUMN,... with the targets external_key, name, phone, email, tz, state, status.
    map: Option<String>,
    /// Country of numbers that are written without one; default US.
    region: Option<String>,
    /// What the list is called in the records.
    source: Option<String>,
}

/// What became of the rows: rows = created + updated + duplicates + rejected.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Imported {
    dry_run: bool,
    rows: u64,
    created: i64,
    updated: i64,
    duplicates: i64,
    rejected: i64,
    /// Kept without a call.
    do_not_call: i64,
    /// Calls planned.
    enrolled: i64,
    problem_count: u64,
    /// The first thousand.
    problems: Vec<RowProblem>,
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowProblem {
    line: u64,
    column: String,
    value: String,
    reason: String,
    /// false: a note; the row was taken.
    is_error: bool,
}

impl From<import::Told> for RowProblem {
    fn from(told: import::Told) -> RowProblem {
        let import::Told { line, column, value, reason, is_error } = told;
        RowProblem { line, column, value, reason, is_error }
    }
}

/// Takes a list in; every good row goes in whatever the bad ones do.
#[utoipa::path(post, path = "/api/v1/imports", tag = "imports", operation_id = "import_contacts", params(Wanted),
    request_body(content = String, content_type = "text/csv", description = "a header line, then a row a contact"),
    responses((status = 200, description = "what became of the rows", body = Success<Imported>)))]
async fn upload(caller: Caller, Asked(wanted): Asked<Wanted>, body: Body) -> Answered<Imported> {
    // Before anything is kept: may this key do that, and is there room?
    drop(caller.begin(Scope::Plan).await?);
    let room = caller.api.uploads.try_acquire();
    let _place = room.map_err(|_| busy("as many lists as are taken at once are being imported"))?;
    let list = Spooled::keep(body, caller.api.upload_bytes).await?;
    let options = import::Options {
        file: list.path(),
        campaign: wanted.campaign,
        map: wanted.map.iter().flat_map(|map| map.split(',')).map(str::to_owned).collect(),
        region: wanted.region.unwrap_or_else(|| "US".to_owned()),
        encoding: None,
        delimiter: None,
        dry_run: wanted.dry_run.unwrap_or(false),
        errors: None,
        database_url: None,
    };
    let source = wanted.source.as_deref().unwrap_or("uploaded");
    let taken =
        import::run_with_key(&options, &caller.api.address, source, caller.key_hash()).await;
    let (summary, problems) = taken.map_err(refused)?;
    let sums = summary.sums;
    let imported = Imported {
        dry_run: summary.dry_run,
        rows: summary.read,
        created: sums.created,
        updated: sums.updated,
        duplicates: sums.duplicates,
        rejected: sums.rejected + summary.malformed as i64,
        do_not_call: sums.do_not_call,
        enrolled: sums.enrolled,
        problem_count: import::Teller::count(&problems),
        problems: problems.told.into_iter().map(RowProblem::from).collect(),
    };
    tracing::info!(rows = imported.rows, dry_run = imported.dry_run, "a list was imported");
    Ok(Answer::ok(imported))
}

fn refused(error: import::Error) -> Refusal {
    match error {
        import::Error::Begin(source) | import::Error::Database { source, .. } => source.into(),
        import::Error::Open { .. } => cannot_keep(),
        error if error.is_about_the_file() => Refusal::invalid(error.to_string()),
        _ => cannot_keep(),
    }
}

/// A list on disk that has no name any more: however this process ends, it goes with it.
#[derive(Debug)]
struct Spooled {
    file: File,
}

impl Spooled {
    async fn keep(body: Body, bytes_max: u64) -> Result<Spooled, Refusal> {
        let mut list = Spooled { file: nameless_file().await.map_err(|_| cannot_keep())? };
        let (mut stream, mut count) = (body.into_data_stream(), 0_u64);
        // Ends with the body, which has to go on coming.
        while let Some(part) =
            tokio::time::timeout(body::PATIENCE, stream.next()).await.map_err(|_| broken_off())?
        {
            let part = part.map_err(|_| broken_off())?;
            count += part.len() as u64;
            if count > bytes_max {
                return Err(too_long("the list", bytes_max));
            }
            list.file.write_all(&part).await.map_err(|_| cannot_keep())?;
        }
        list.file.flush().await.map_err(|_| cannot_keep())?;
        Ok(list)
    }

    /// Where this process reads it from its beginning.
    fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.file.as_raw_fd()).into()
    }
}

/// For nobody else: there are names and numbers in it.
async fn nameless_file() -> std::io::Result<File> {
    let name = format!("dialerd-upload-{}.csv", Uuid::new_v4().simple());
    let path = std::env::temp_dir().join(name);
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await?;
    tokio::fs::remove_file(&path).await?;
    Ok(file)
}

fn cannot_keep() -> Refusal {
    busy("the list cannot be kept on disk while it is read")
}

#[cfg(test)]
mod tests;
