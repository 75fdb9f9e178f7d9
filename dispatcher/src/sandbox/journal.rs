//! The sandbox's own log of who rang when: one JSON object a line, only ever appended.
//!
//! It names numbers in full, because it is evidence about a simulation and not an operator's log.

use serde_json::Value;
use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// LIMIT: lines kept in memory for `GET /sandbox/log`; the file keeps them all.
const LINES_MAX: usize = 200_000;

#[derive(Debug, Default)]
pub struct Journal {
    file: Option<BufWriter<File>>,
    lines: VecDeque<String>,
    forgotten: u64,
}

impl Journal {
    pub fn to_file(path: &Path) -> io::Result<Journal> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Journal { file: Some(BufWriter::new(file)), ..Journal::default() })
    }

    pub fn append(&mut self, entry: &Value) {
        let line = entry.to_string();
        if let Some(file) = &mut self.file
            && let Err(error) = writeln!(file, "{line}")
        {
            tracing::error!(%error, "the sandbox's log cannot be written");
        }
        if self.lines.len() == LINES_MAX {
            self.lines.pop_front();
            self.forgotten += 1;
        }
        self.lines.push_back(line);
    }

    /// The lines kept in memory, and how many older ones are only in the file.
    pub fn text(&self) -> (String, u64) {
        let mut text = String::with_capacity(self.lines.iter().map(|line| line.len() + 1).sum());
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        (text, self.forgotten)
    }

    pub fn flush(&mut self) {
        if let Some(file) = &mut self.file
            && let Err(error) = file.flush()
        {
            tracing::error!(%error, "the sandbox's log cannot be written");
        }
    }
}
