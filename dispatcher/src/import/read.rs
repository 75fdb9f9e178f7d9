//! The reading side: opens the file, understands its header, and makes chunks of it.

use super::columns::{self, Columns};
use super::copy::append_row;
use super::record::{Record, Records, delimiter};
use super::{Error, Options, encoding};
use encoding_rs::Encoding;
use serde_json::{Map, Value};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use tokio::sync::mpsc;

/// LIMIT: rows and bytes of a chunk.
const CHUNK_ROWS: u64 = 10_000;
const CHUNK_BYTES: usize = 16 * 1024 * 1024;
/// LIMIT: letters of a bad row that are repeated in the file of errors.
const SHOWN_MAX: usize = 200;

/// A file whose header has been understood.
pub struct Opened {
    path: PathBuf,
    records: Records<BufReader<File>>,
    encoding: &'static Encoding,
    delimiter: u8,
    header: Vec<String>,
    columns: Columns,
    pub bytes: u64,
}

/// A row that could not be read as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    pub line: u64,
    pub column: String,
    pub value: String,
    pub reason: String,
}

/// Rows in the form of COPY, and those that are none.
#[derive(Debug, Default)]
pub struct Chunk {
    pub rows: Vec<u8>,
    pub good: u64,
    pub malformed: Vec<Malformed>,
    /// Bytes of the file up to here.
    pub position: u64,
}

pub fn open(options: &Options) -> Result<Opened, Error> {
    let path = options.file.clone();
    let failed = |source| Error::Open { path: path.clone(), source };
    let mut file = File::open(&path).map_err(failed)?;
    let bytes = file.metadata().map_err(failed)?.len();
    let look = encoding::detect(&mut file).map_err(|error| match error {
        encoding::Error::Read(source) => failed(source),
        other => Error::Encoding(other),
    })?;
    let encoding = match &options.encoding {
        Some(name) => encoding::named(name)?,
        None => look.encoding,
    };
    file.seek(SeekFrom::Start(look.mark as u64)).map_err(failed)?;
    let mut input = BufReader::with_capacity(128 * 1024, file);
    let delimiter = match options.delimiter {
        Some(delimiter) => delimiter,
        None => delimiter(input.fill_buf().map_err(failed)?),
    };
    let mut records = Records::new(input, delimiter);
    let header = match records.next_record().map_err(failed)? {
        Some(Record::Good { fields, .. }) => header(&fields, encoding),
        Some(Record::Bad { reason, .. }) => return Err(Error::Header(reason)),
        None => return Err(Error::Empty),
    };
    records.expect_width(header.len());
    let columns = columns::find(&header, &options.map)?;
    Ok(Opened { path, records, encoding, delimiter, header, columns, bytes })
}

fn header(fields: &[Vec<u8>], encoding: &'static Encoding) -> Vec<String> {
    let text = |field: &Vec<u8>| encoding.decode_without_bom_handling(field).0.trim().to_owned();
    fields.iter().map(text).collect()
}

impl Opened {
    /// What was found out, for people.
    pub fn described(&self) -> String {
        let delimiter = match self.delimiter {
            b'\t' => "tabs".to_owned(),
            other => format!("{:?}", char::from(other)),
        };
        let columns = self.columns.described(&self.header);
        format!("{} with {delimiter}; {columns}", self.encoding.name())
    }

    fn row(&self, line: u64, fields: &[Vec<u8>], chunk: &mut Chunk, import_id: i64) {
        let mut texts = Vec::with_capacity(fields.len());
        for (at, field) in fields.iter().enumerate() {
            match decoded(self.encoding, field) {
                Ok(text) => texts.push(text),
                Err(reason) => {
                    let column = self.header.get(at).cloned().unwrap_or_default();
                    let value = shown(field);
                    let reason = reason.to_owned();
                    chunk.malformed.push(Malformed { line, column, value, reason });
                    return;
                }
            }
        }
        let mut attributes = Map::new();
        for (at, name) in &self.columns.attributes {
            let value = texts[*at].trim();
            if !value.is_empty() {
                attributes.insert(name.clone(), Value::from(value));
            }
        }
        let mapped: Vec<Option<&str>> =
            self.columns.places().map(|place| place.map(|at| texts[at].as_str())).collect();
        append_row(&mut chunk.rows, import_id, line, &mapped, attributes);
        chunk.good += 1;
    }
}

fn decoded(encoding: &'static Encoding, field: &[u8]) -> Result<String, &'static str> {
    let text = encoding.decode_without_bom_handling_and_without_replacement(field);
    let text = text.ok_or("there are bytes that are no letters in the file's encoding")?;
    if text.contains('\0') {
        return Err("there is a NUL byte");
    }
    Ok(text.into_owned())
}

fn shown(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().take(SHOWN_MAX).collect()
}

/// Reads the file to its end and hands it over in chunks; ends early when nobody takes them.
pub fn chunks(mut opened: Opened, import_id: i64, sender: &mpsc::Sender<Result<Chunk, Error>>) {
    let mut chunk = Chunk::default();
    loop {
        let record = match opened.records.next_record() {
            Ok(record) => record,
            Err(source) => {
                let failed = Error::Open { path: opened.path, source };
                drop(sender.blocking_send(Err(failed)));
                return;
            }
        };
        let is_end = record.is_none();
        match record {
            Some(Record::Good { line, fields }) => {
                opened.row(line, &fields, &mut chunk, import_id);
            }
            Some(Record::Bad { line, text, reason }) => {
                let value = shown(&text);
                chunk.malformed.push(Malformed { line, column: String::new(), value, reason });
            }
            None => (),
        }
        let rows = chunk.good + chunk.malformed.len() as u64;
        if rows >= CHUNK_ROWS || chunk.rows.len() >= CHUNK_BYTES || (is_end && rows > 0) {
            chunk.position = opened.records.position;
            if sender.blocking_send(Ok(std::mem::take(&mut chunk))).is_err() {
                return;
            }
        }
        if is_end {
            return;
        }
    }
}
