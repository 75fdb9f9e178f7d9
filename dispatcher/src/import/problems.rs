//! What is wrong with which row: into a file (line, column, value, reason; one row per problem, in
//! the file's order), or a list of the first.

use super::read::Malformed;
use super::{Error, Options};
use crate::db::import::Problem;
use std::fs::File;
use std::path::PathBuf;

/// What is wrong with a row, or worth a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub line: u64,
    pub column: String,
    pub value: String,
    pub reason: String,
    pub is_error: bool,
}

/// Where it is told.
pub trait Teller {
    fn tell(&mut self, told: Told) -> Result<(), Error>;
    fn count(&self) -> u64;

    /// Adds what is wrong with one chunk, in the file's order.
    fn add(&mut self, malformed: Vec<Malformed>, found: Vec<Problem>) -> Result<(), Error> {
        let read = malformed.into_iter().map(|row| Told {
            line: row.line,
            column: row.column,
            value: row.value,
            reason: row.reason,
            is_error: true,
        });
        let told = found.into_iter().map(|problem| Told {
            line: problem.line.max(0) as u64,
            column: problem.column,
            value: problem.value.unwrap_or_default(),
            reason: problem.reason,
            is_error: problem.is_error,
        });
        let mut rows: Vec<Told> = read.chain(told).collect();
        rows.sort_by_key(|row| row.line);
        rows.into_iter().try_for_each(|row| self.tell(row))
    }
}

/// The first of them, for whoever asked.
#[derive(Debug, Default)]
pub struct ProblemList {
    pub told: Vec<Told>,
    count: u64,
}

/// LIMIT: problems that are told one by one.
const TOLD_MAX: usize = 1_000;

impl Teller for ProblemList {
    fn tell(&mut self, told: Told) -> Result<(), Error> {
        self.count += 1;
        if self.told.len() < TOLD_MAX {
            self.told.push(told);
        }
        Ok(())
    }

    fn count(&self) -> u64 {
        self.count
    }
}

impl Teller for ProblemFile {
    fn tell(&mut self, told: Told) -> Result<(), Error> {
        let reason = match told.is_error {
            true => told.reason,
            false => format!("note: {}", told.reason),
        };
        let record = [&told.line.to_string(), &told.column, &harmless(told.value), &reason];
        let written = self.writer.write_record(record);
        written.map_err(|error| self.failed(error.into()))?;
        self.count += 1;
        Ok(())
    }

    fn count(&self) -> u64 {
        self.count
    }
}

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
