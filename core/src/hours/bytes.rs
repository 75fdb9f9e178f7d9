//! The flat form of `Hours`: what the SQL type stores.
//!
//! All numbers are little-endian: a version byte, a zero byte, the number of exceptions (u16), the
//! number of windows of each weekday (7 x u8) and a zero byte; then the week's windows (start and
//! end, u32 each); then each exception: first and last date (i32), number of windows (u32), windows.
//! Equal hours have equal bytes, so that a cache can compare with memcmp.

use super::{DATED_MAX, DAY_SECONDS, Dated, Hours, WINDOWS_PER_DAY_MAX, Window};
use crate::Error;
use crate::civil::is_reachable;

const VERSION: u8 = 1;

pub(super) fn write(hours: &Hours) -> Vec<u8> {
    let mut out = vec![VERSION, 0];
    out.extend((hours.dated.len() as u16).to_le_bytes());
    out.extend(hours.week.iter().map(|windows| windows.len() as u8));
    out.push(0);
    hours.week.iter().for_each(|windows| write_windows(&mut out, windows));
    for dated in &hours.dated {
        out.extend(dated.first.to_le_bytes());
        out.extend(dated.last.to_le_bytes());
        out.extend((dated.windows.len() as u32).to_le_bytes());
        write_windows(&mut out, &dated.windows);
    }
    out
}

fn write_windows(out: &mut Vec<u8>, windows: &[Window]) {
    for window in windows {
        out.extend(window.start.to_le_bytes());
        out.extend(window.end.to_le_bytes());
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Hours, Error> {
    let mut reader = Reader { rest: bytes };
    let [version, zero] = reader.take::<2>()?;
    if version != VERSION || zero != 0 {
        return Err(Error::stored_hours("The first bytes are not those of dialer.hours."));
    }
    let dated_count = usize::from(u16::from_le_bytes(reader.take()?));
    let counts = reader.take::<8>()?;
    let mut week: [Vec<Window>; 7] = Default::default();
    for (windows, count) in week.iter_mut().zip(counts) {
        *windows = reader.windows(usize::from(count))?;
    }
    if dated_count > DATED_MAX || counts[7] != 0 {
        return Err(Error::stored_hours("A count is out of range."));
    }
    let mut dated: Vec<Dated> = Vec::with_capacity(dated_count);
    for _ in 0..dated_count {
        let next = reader.dated()?;
        if dated.last().is_some_and(|before| before.last >= next.first) {
            return Err(Error::stored_hours("The dated exceptions are not in order."));
        }
        dated.push(next);
    }
    if !reader.rest.is_empty() {
        return Err(Error::stored_hours("There are bytes behind the end."));
    }
    Ok(Hours::new(week, dated))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (head, rest) = self
            .rest
            .split_first_chunk::<N>()
            .ok_or_else(|| Error::stored_hours("The bytes end too early."))?;
        self.rest = rest;
        Ok(*head)
    }

    fn windows(&mut self, count: usize) -> Result<Vec<Window>, Error> {
        if count > WINDOWS_PER_DAY_MAX {
            return Err(Error::stored_hours("A day has too many windows."));
        }
        let mut windows: Vec<Window> = Vec::with_capacity(count);
        for _ in 0..count {
            let start = u32::from_le_bytes(self.take()?);
            let end = u32::from_le_bytes(self.take()?);
            let free_from = windows.last().map_or(0, |before| before.end);
            if start < free_from || start >= DAY_SECONDS || end <= start || end >= 2 * DAY_SECONDS {
                return Err(Error::stored_hours("A window is out of range or out of order."));
            }
            windows.push(Window { start, end });
        }
        Ok(windows)
    }

    fn dated(&mut self) -> Result<Dated, Error> {
        let first = i32::from_le_bytes(self.take()?);
        let last = i32::from_le_bytes(self.take()?);
        if first > last || !is_reachable(first) || !is_reachable(last) {
            return Err(Error::stored_hours("A dated exception is out of range."));
        }
        let count = u32::from_le_bytes(self.take()?);
        Ok(Dated { first, last, windows: self.windows(count as usize)? })
    }
}
