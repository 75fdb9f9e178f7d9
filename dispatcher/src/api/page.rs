//! Pages of a list: so many at once, and where the next begins.
//!
//! A cursor names the last row that was seen, so that rows which come meanwhile move nothing.

use super::answer::Refusal;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

/// LIMIT: rows of a page.
const ROWS_MAX: i32 = 200;
const ROWS: i32 = 50;

/// A part of a list.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub items: Vec<T>,
    /// What to send as cursor for the next page; null: this was the last.
    pub next_cursor: Option<String>,
}

/// Which part is wanted.
#[derive(Debug)]
pub struct Span {
    pub limit: i32,
    after: Option<String>,
}

impl Span {
    pub fn read(cursor: Option<&str>, limit: Option<i32>) -> Result<Span, Refusal> {
        let limit = limit.unwrap_or(ROWS);
        if !(1..=ROWS_MAX).contains(&limit) {
            return Err(Refusal::invalid(format!("limit is 1 to {ROWS_MAX}, not {limit}")));
        }
        let read = |cursor: &str| {
            let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?;
            String::from_utf8(bytes).ok()
        };
        let after = match cursor {
            Some(cursor) => Some(read(cursor).ok_or_else(not_a_cursor)?),
            None => None,
        };
        Ok(Span { limit, after })
    }

    /// One more than the page has tells whether there is another.
    pub fn one_more(&self) -> Option<i32> {
        Some(self.limit + 1)
    }

    /// The number of the last row that was seen.
    pub fn before_id(&self) -> Result<Option<i64>, Refusal> {
        self.after.as_deref().map(|after| after.parse().map_err(|_| not_a_cursor())).transpose()
    }

    /// The last row that was seen, where an instant and a name tell it.
    pub fn before_at(&self) -> Result<Option<(chrono::DateTime<chrono::Utc>, String)>, Refusal> {
        let Some(after) = &self.after else { return Ok(None) };
        let (micros, name) = after.split_once(' ').ok_or_else(not_a_cursor)?;
        let at = micros.parse().ok().and_then(chrono::DateTime::from_timestamp_micros);
        Ok(Some((at.ok_or_else(not_a_cursor)?, name.to_owned())))
    }

    /// The page of these rows, which may be one too many.
    pub fn page<T>(&self, mut rows: Vec<T>, last: impl Fn(&T) -> String) -> Page<T> {
        let most = self.limit as usize;
        let more = rows.len() > most;
        rows.truncate(most);
        let next_cursor = rows.last().filter(|_| more).map(|row| written(&last(row)));
        Page { items: rows, next_cursor }
    }
}

/// A row as an instant and a name tell it.
pub fn place(at: chrono::DateTime<chrono::Utc>, name: &str) -> String {
    format!("{} {name}", at.timestamp_micros())
}

fn written(place: &str) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(place)
}

pub fn not_a_cursor() -> Refusal {
    Refusal::invalid("this is no cursor of this list")
        .with_hint("send what the page before had as nextCursor, or nothing for the first page")
}

#[cfg(test)]
mod tests;
