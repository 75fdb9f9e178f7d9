//! Which letters a file is written in: read once through, so that the answer holds for all of it.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use std::io::{self, Read};

/// What the whole file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    pub encoding: &'static Encoding,
    /// Bytes of a byte order mark at the start.
    pub mark: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the file cannot be read")]
    Read(#[from] io::Error),
    #[error("the file is UTF-16; save it as UTF-8, for example as \"CSV UTF-8\"")]
    Utf16,
    #[error("the encoding {0} is not known; try utf-8, latin1 or windows-1252")]
    Unknown(String),
}

/// The encoding by name; only those in which commas and quotes are what they are in ASCII.
pub fn named(name: &str) -> Result<&'static Encoding, Error> {
    let encoding = Encoding::for_label(name.trim().as_bytes());
    let found = encoding.filter(|encoding| encoding.is_ascii_compatible());
    found.ok_or_else(|| Error::Unknown(name.to_owned()))
}

/// Looks through a file: UTF-8 unless what is beyond ASCII is mostly not UTF-8.
pub fn detect(mut file: impl Read) -> Result<Look, Error> {
    let mut tally = Tally::default();
    // LIMIT: the only memory, whatever the size of the file.
    let mut buffer = vec![0_u8; 256 * 1024];
    let (mut kept, mut first) = (0, true);
    let mut mark = 0;
    loop {
        let count = file.read(&mut buffer[kept..])?;
        let filled = kept + count;
        if first && filled > 0 {
            mark = mark_of(&buffer[..filled])?;
            first = false;
        }
        let left = tally.add(&buffer[..filled], count == 0);
        if count == 0 {
            break;
        }
        buffer.copy_within(filled - left..filled, 0);
        kept = left;
    }
    let encoding = if mark > 0 || tally.is_utf8() { UTF_8 } else { WINDOWS_1252 };
    Ok(Look { encoding, mark })
}

fn mark_of(start: &[u8]) -> Result<usize, Error> {
    match start {
        [0xEF, 0xBB, 0xBF, ..] => Ok(3),
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Err(Error::Utf16),
        _ => Ok(0),
    }
}

/// Letters beyond ASCII that are UTF-8, and bytes that cannot be.
#[derive(Debug, Default)]
struct Tally {
    letters: u64,
    broken: u64,
}

impl Tally {
    /// Counts; returns how many bytes at the end belong to a letter that goes on.
    fn add(&mut self, mut bytes: &[u8], is_end: bool) -> usize {
        loop {
            match std::str::from_utf8(bytes) {
                Ok(text) => {
                    self.count(text);
                    return 0;
                }
                Err(error) => {
                    let (good, rest) = bytes.split_at(error.valid_up_to());
                    self.count(std::str::from_utf8(good).unwrap_or_default());
                    match error.error_len() {
                        Some(length) => {
                            self.broken += 1;
                            bytes = &rest[length..];
                        }
                        None if is_end => {
                            self.broken += 1;
                            return 0;
                        }
                        None => return rest.len(),
                    }
                }
            }
        }
    }

    fn count(&mut self, text: &str) {
        self.letters += text.bytes().filter(|byte| *byte >= 0xC0).count() as u64;
    }

    /// A few broken bytes among many good letters are damage; the other way round, it is Latin-1,
    /// in which two letters beyond ASCII rarely follow each other.
    fn is_utf8(&self) -> bool {
        self.broken <= self.letters / 2
    }
}

#[cfg(test)]
mod tests;
