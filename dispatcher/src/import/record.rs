//! Records of a CSV file, read so that one broken row costs one row.
//!
//! The usual readers take an unclosed quote as the beginning of a field that ends at the end of
//! the file. Here a record that does not come out is given up by its first line, and the lines
//! after it are read anew.

use std::collections::VecDeque;
use std::io::{self, BufRead};

/// LIMIT: bytes of a line, and lines that a quoted field may run over.
const LINE_MAX: usize = 256 * 1024;
const LINES_MAX: usize = 50;

const NOT_CLOSED: &str = "a quote is not closed";

/// One record, or one line that is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    Good { line: u64, fields: Vec<Vec<u8>> },
    Bad { line: u64, text: Vec<u8>, reason: String },
}

pub struct Records<R> {
    input: R,
    delimiter: u8,
    /// Fields that a record has; none until the header has been read.
    width: Option<usize>,
    line: u64,
    again: VecDeque<Line>,
    /// Bytes read so far.
    pub position: u64,
}

#[derive(Debug, Clone)]
struct Line {
    number: u64,
    bytes: Vec<u8>,
    is_too_long: bool,
}

enum Parsed {
    Fields(Vec<Vec<u8>>),
    /// A quote is open at the end.
    Open,
    Broken(&'static str),
}

impl<R: BufRead> Records<R> {
    pub fn new(input: R, delimiter: u8) -> Records<R> {
        Records { input, delimiter, width: None, line: 0, again: VecDeque::new(), position: 0 }
    }

    /// From now on a record has so many fields.
    pub fn expect_width(&mut self, width: usize) {
        self.width = Some(width);
    }

    /// The next record; blank lines are passed over.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        // Ends with the file.
        while let Some(line) = self.next_line()? {
            if line.is_too_long {
                let reason = "the line is longer than 256 KiB".to_owned();
                return Ok(Some(Record::Bad { line: line.number, text: line.bytes, reason }));
            }
            if !line.bytes.iter().all(u8::is_ascii_whitespace) {
                return self.record_from(line).map(Some);
            }
        }
        Ok(None)
    }

    fn record_from(&mut self, first: Line) -> io::Result<Record> {
        let mut bytes = first.bytes.clone();
        let mut taken: Vec<Line> = Vec::new();
        let reason = loop {
            match parse(&bytes, self.delimiter) {
                Parsed::Fields(fields) if self.width.is_none_or(|width| width == fields.len()) => {
                    return Ok(Record::Good { line: first.number, fields });
                }
                Parsed::Fields(fields) => break self.wrong_width(fields.len(), taken.len()),
                Parsed::Broken(reason) if taken.is_empty() => break reason.to_owned(),
                Parsed::Broken(_) => break NOT_CLOSED.to_owned(),
                Parsed::Open if taken.len() + 1 >= LINES_MAX || bytes.len() > LINE_MAX => {
                    break NOT_CLOSED.to_owned();
                }
                Parsed::Open => match self.next_line()? {
                    Some(line) => {
                        bytes.push(b'\n');
                        bytes.extend_from_slice(&line.bytes);
                        taken.push(line);
                    }
                    None => break NOT_CLOSED.to_owned(),
                },
            }
        };
        // What followed may be good rows: only the first line is given up.
        for line in taken.into_iter().rev() {
            self.again.push_front(line);
        }
        Ok(Record::Bad { line: first.number, text: first.bytes, reason })
    }

    fn wrong_width(&self, width: usize, lines_more: usize) -> String {
        let fields = if width == 1 { "field" } else { "fields" };
        let expected = self.width.unwrap_or_default();
        let lines = match lines_more {
            0 => String::new(),
            more => format!(" (a quoted field runs over {} lines)", more + 1),
        };
        format!("{width} {fields}{lines}, the header has {expected}")
    }

    fn next_line(&mut self) -> io::Result<Option<Line>> {
        if let Some(line) = self.again.pop_front() {
            return Ok(Some(line));
        }
        let mut bytes = Vec::new();
        let mut is_too_long = false;
        // Ends with the line or the file.
        loop {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(available.len(), |end| end + 1);
            let room = LINE_MAX.saturating_sub(bytes.len()).min(count);
            bytes.extend_from_slice(&available[..room]);
            is_too_long |= room < count;
            self.input.consume(count);
            self.position += count as u64;
            if end.is_some() {
                break;
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        self.line += 1;
        while bytes.last().is_some_and(|byte| matches!(byte, b'\n' | b'\r')) {
            bytes.pop();
        }
        Ok(Some(Line { number: self.line, bytes, is_too_long }))
    }
}

/// The fields of a record; a doubled quote within quotes is a quote.
fn parse(bytes: &[u8], delimiter: u8) -> Parsed {
    let mut fields = Vec::new();
    let mut rest = bytes;
    loop {
        let (field, after) = match rest.first() {
            Some(b'"') => match quoted(&rest[1..], delimiter) {
                Ok(Some(parts)) => parts,
                Ok(None) => return Parsed::Open,
                Err(reason) => return Parsed::Broken(reason),
            },
            _ => {
                let end = rest.iter().position(|byte| *byte == delimiter).unwrap_or(rest.len());
                (rest[..end].to_vec(), &rest[end..])
            }
        };
        fields.push(field);
        match after.split_first() {
            Some((_, behind)) => rest = behind,
            None => return Parsed::Fields(fields),
        }
    }
}

/// The rest of a quoted field and what follows it; `None` while the quote is open.
#[expect(clippy::type_complexity, reason = "one caller, next to it")]
fn quoted(bytes: &[u8], delimiter: u8) -> Result<Option<(Vec<u8>, &[u8])>, &'static str> {
    let mut field = Vec::new();
    let mut rest = bytes;
    while let Some(quote) = rest.iter().position(|byte| *byte == b'"') {
        field.extend_from_slice(&rest[..quote]);
        rest = &rest[quote + 1..];
        match rest.first() {
            Some(b'"') => {
                field.push(b'"');
                rest = &rest[1..];
            }
            None => return Ok(Some((field, rest))),
            Some(byte) if *byte == delimiter => return Ok(Some((field, rest))),
            Some(_) => return Err("text follows a closing quote"),
        }
    }
    Ok(None)
}

/// The delimiter of a file, by the first line: the candidate that is in it most often.
pub fn delimiter(first_line: &[u8]) -> u8 {
    let mut best = (b',', 0);
    for candidate in [b',', b';', b'\t', b'|'] {
        let mut is_quoted = false;
        let mut count = 0;
        for byte in first_line {
            if *byte == b'\n' && !is_quoted {
                break;
            }
            is_quoted ^= *byte == b'"';
            count += usize::from(!is_quoted && *byte == candidate);
        }
        if count > best.1 {
            best = (candidate, count);
        }
    }
    best.0
}

#[cfg(test)]
mod tests;
