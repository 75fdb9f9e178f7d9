//! Time zones as this server knows them, so that every answer agrees with `at time zone`.
//!
//! A zone is named as IANA names it: `Area/City`, or `UTC`, or `GMT`. Everything else that Postgres
//! takes for a zone is refused, because it means a fixed offset without daylight saving, or
//! something other than what the writer thought: abbreviations (`EST`; `CET`, `EET`, `MET` and `WET`
//! too, which `at time zone` reads as abbreviations although zone files of those names exist), POSIX
//! strings (`FOO+3` lies *west* of Greenwich), `EST5EDT`, `localtime`, the trees `posix/` and
//! `right/`, and old names without an area (`Japan`, `GB`), which newer systems no longer install.

use dialer_core::{Instant, Segment, ZoneRules};
use pgrx::pg_sys;
use pgrx::prelude::*;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::PathBuf;
use std::ptr::NonNull;

/// LIMIT: zones remembered by name in one backend; IANA knows fewer than 600.
const REMEMBERED_MAX: usize = 1024;
/// Postgres' `TZ_STRLEN_MAX`.
const NAME_BYTES_MAX: usize = 255;
const REFUSED_TREES: [&str; 3] = ["posix/", "right/", "SystemV/"];

unsafe extern "C-unwind" {
    /// Declared in Postgres' pgtz.h, which is not among the installed headers; the symbol and its
    /// signature are the same in versions 8.2 to 18.
    fn pg_open_tzfile(name: *const c_char, canonical: *mut c_char) -> c_int;
}

/// A zone that this server has loaded.
#[derive(Clone, Copy)]
pub struct ServerZone {
    loaded: &'static Loaded,
}

/// A zone as it is kept for the backend's life, with the segments that were asked for last.
struct Loaded {
    // INVARIANT: Postgres never frees or changes a zone that pg_tzset returned, so the pointer and
    // the segments stay good for as long as the backend lives.
    rules: NonNull<pg_sys::pg_tz>,
    recent: [Cell<Stretch>; RECENT_MAX],
    oldest: Cell<usize>,
}

/// LIMIT: segments remembered of a zone; a year has three. Asking Postgres costs 30 ns, and a search
/// in two zones asks six times.
const RECENT_MAX: usize = 4;

/// What is known of a segment: it holds from this instant at least, until it ends.
#[derive(Clone, Copy)]
struct Stretch {
    from: Instant,
    segment: Segment,
}

const NOTHING: Stretch =
    Stretch { from: Instant::MAX, segment: Segment { offset_seconds: 0, ends: Instant::MIN } };

thread_local! {
    static REMEMBERED: RefCell<HashMap<Box<str>, ServerZone>> = RefCell::new(HashMap::new());
    /// LIMIT: one entry a zone of this server, whatever names it was asked by.
    static LOADED: RefCell<Vec<&'static Loaded>> = const { RefCell::new(Vec::new()) };
}

impl ServerZone {
    /// The zone of that name in any case of letters; `None` if there is no such IANA zone.
    pub fn named(name: &str) -> Option<ServerZone> {
        if let Some(zone) = REMEMBERED.with_borrow(|known| known.get(name).copied()) {
            return Some(zone);
        }
        let zone = load(name)?;
        REMEMBERED.with_borrow_mut(|known| {
            if known.len() >= REMEMBERED_MAX {
                known.clear();
            }
            known.insert(name.into(), zone);
        });
        Some(zone)
    }

    /// The name in its correct case.
    pub fn name(self) -> &'static str {
        // SAFETY: the zone is never freed, and its name is a terminated string inside it.
        let name =
            unsafe { CStr::from_ptr(pg_sys::pg_get_timezone_name(self.loaded.rules.as_ptr())) };
        // Proof: `load` accepts ASCII names only.
        name.to_str().expect("zone names are ASCII")
    }
}

impl ZoneRules for ServerZone {
    fn segment(&self, at: Instant) -> Segment {
        // Here and not in the loops of the core: every one of them that can be long asks for segments.
        check_for_interrupts!();
        let holds = |known: &Stretch| known.from <= at && at < known.segment.ends;
        match self.loaded.recent.iter().map(Cell::get).find(holds) {
            Some(known) => known.segment,
            None => self.loaded.ask(at),
        }
    }
}

impl Loaded {
    /// The zone for these rules, made if they are new.
    fn of(rules: NonNull<pg_sys::pg_tz>) -> &'static Loaded {
        LOADED.with_borrow_mut(|all| {
            if let Some(known) = all.iter().find(|known| known.rules == rules) {
                return *known;
            }
            let recent = [const { Cell::new(NOTHING) }; RECENT_MAX];
            let made: &'static Loaded =
                Box::leak(Box::new(Loaded { rules, recent, oldest: Cell::new(0) }));
            all.push(made);
            made
        })
    }

    fn ask(&self, at: Instant) -> Segment {
        let segment = segment_of(self.rules, at);
        let same = self.recent.iter().find(|known| known.get().segment.ends == segment.ends);
        let place = same.unwrap_or_else(|| {
            let oldest = self.oldest.replace((self.oldest.get() + 1) % RECENT_MAX);
            &self.recent[oldest]
        });
        // Segments that end together are one, so it is known from the earlier question on.
        let from = if same.is_some() { at.min(place.get().from) } else { at };
        place.set(Stretch { from, segment });
        segment
    }
}

fn segment_of(rules: NonNull<pg_sys::pg_tz>, at: Instant) -> Segment {
    let unix_seconds: pg_sys::pg_time_t = at.unix_seconds();
    let (mut offset, mut next_offset, mut ends) = (0 as c_long, 0 as c_long, 0);
    let (mut summer, mut next_summer) = (0, 0);
    // SAFETY: all pointers are to live locals, and the zone is never freed.
    let found = unsafe {
        pg_sys::pg_next_dst_boundary(
            &unix_seconds,
            &mut offset,
            &mut summer,
            &mut ends,
            &mut next_offset,
            &mut next_summer,
            rules.as_ptr(),
        )
    };
    // Not 1: the zone never changes again (or the file is damaged, which counts as UTC).
    let ends = if found == 1 { Instant::from_unix_seconds(ends) } else { Instant::MAX };
    // No zone is a day away from Greenwich, so its offset fits.
    Segment { offset_seconds: offset as i32, ends }
}

fn load(name: &str) -> Option<ServerZone> {
    let canonical = name_of_file(name)?;
    let is_utc = matches!(canonical.as_str(), "UTC" | "GMT");
    let is_area =
        canonical.contains('/') && !REFUSED_TREES.iter().any(|t| canonical.starts_with(t));
    if !is_utc && !is_area {
        return None;
    }
    let canonical = CString::new(canonical).ok()?;
    // SAFETY: the argument is a terminated string; the answer is null or never freed.
    let rules = NonNull::new(unsafe { pg_sys::pg_tzset(canonical.as_ptr()) })?;
    // SAFETY: just loaded. Zones with leap seconds are not acceptable to Postgres itself.
    unsafe { pg_sys::pg_tz_acceptable(rules.as_ptr()) }
        .then(|| ServerZone { loaded: Loaded::of(rules) })
}

/// The zone file that Postgres would open, in its correct case.
fn name_of_file(name: &str) -> Option<String> {
    let (file, canonical) = open_file(name)?;
    drop(file);
    Some(canonical)
}

/// Where a zone file of this server lies; `None` where the system does not tell the path of an open
/// file.
pub fn path_of_file() -> Option<PathBuf> {
    let (file, _) = open_file("UTC")?;
    std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).ok()
}

/// The file of a zone, and its name in the correct case.
fn open_file(name: &str) -> Option<(OwnedFd, String)> {
    let allowed = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'/' | b'_' | b'-' | b'+');
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(allowed) {
        return None;
    }
    let name = CString::new(name).ok()?;
    let mut canonical = [0 as c_char; NAME_BYTES_MAX + 1];
    // SAFETY: the buffer has the length that Postgres expects. Names are restricted above, and
    // Postgres itself skips hidden entries, so the path stays inside its zone directory.
    let file = unsafe { pg_open_tzfile(name.as_ptr(), canonical.as_mut_ptr()) };
    if file < 0 {
        return None;
    }
    // SAFETY: the descriptor was just opened for us and is nobody else's.
    let file = unsafe { OwnedFd::from_raw_fd(file) };
    // SAFETY: Postgres terminated the string.
    let canonical = unsafe { CStr::from_ptr(canonical.as_ptr()) };
    Some((file, canonical.to_str().ok()?.to_owned()))
}

#[pg_extern(sql = false)]
fn is_zone(name: &str) -> bool {
    ServerZone::named(name).is_some()
}

#[pg_extern(sql = false)]
fn canonical_zone(name: &str) -> Option<&'static str> {
    ServerZone::named(name).map(ServerZone::name)
}
