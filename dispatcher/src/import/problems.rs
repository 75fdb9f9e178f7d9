//! The file of errors: line, column, value, reason; one row per problem, in the file's order.

use super::read::Malformed;
use super::{Error, Options};
use crate::db::import::Problem;
use std::fs::File;
use std::path::PathBuf;

pub struct ProblemFile {
    path: PathBuf,
    writer: csv::Writer<File>,
    count: u64,
}

impl ProblemFile {
    /// Begins the file at once, so that a place that cannot be written is known before any row is.
    pub fn create(options: &Options) -> Result<ProblemFile, Error> {
        let path =
            options.errors.clone().unwrap_or_else(|| options.file.with_extension("errors.csv"));
        let failed = |source| Error::Problems { path: path.clone(), source };
        let file = File::create(&path).map_err(failed)?;
        let mut writer = csv::Writer::from_writer(file);
        let header = ["line", "column", "value", "reason"];
        writer.write_record(header).map_err(|error| failed(error.into()))?;
        Ok(ProblemFile { path, writer, count: 0 })
    }

    pub fn count(&self) -> u64 {
        self.count
    }

    /// Adds what is wrong with one chunk.
    pub fn add(&mut self, malformed: Vec<Malformed>, found: Vec<Problem>) -> Result<(), Error> {
        let read = malformed.into_iter().map(|row| (row.line, row.column, row.value, row.reason));
        let told = found.into_iter().map(|problem| {
            let reason = match problem.is_error {
                true => problem.reason,
                false => format!("note: {}", problem.reason),
            };
            let line = problem.line.max(0) as u64;
            (line, problem.column, problem.value.unwrap_or_default(), reason)
        });
        let mut rows: Vec<(u64, String, String, String)> = read.chain(told).collect();
        rows.sort_by_key(|row| row.0);
        for (line, column, value, reason) in rows {
            let record = [&line.to_string(), &column, &harmless(value), &reason];
            let written = self.writer.write_record(record);
            written.map_err(|error| self.failed(error.into()))?;
            self.count += 1;
        }
        Ok(())
    }

    /// Ends the file; one without a problem is removed.
    pub fn finish(mut self) -> Result<Option<PathBuf>, Error> {
        self.writer.flush().map_err(|error| self.failed(error))?;
        if self.count > 0 {
            return Ok(Some(self.path));
        }
        std::fs::remove_file(&self.path).map_err(|error| self.failed(error))?;
        Ok(None)
    }

    fn failed(&self, source: std::io::Error) -> Error {
        Error::Problems { path: self.path.clone(), source }
    }
}

/// A spreadsheet would run a value that begins like a formula; a number with its plus may stay.
fn harmless(value: String) -> String {
    let is_number = value.chars().skip(1).all(|c| c.is_ascii_digit() || " -().".contains(c));
    match value.chars().next() {
        Some('=' | '@' | '\t' | '\r') => format!("'{value}"),
        Some('+' | '-') if !is_number => format!("'{value}"),
        _ => value,
    }
}
