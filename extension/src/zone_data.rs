//! Which release of the tz database this server's zones are of, and whether that is new enough.
//!
//! The version is read beside the zone files, wherever Postgres found them; where no version is
//! written there, the zones themselves are asked. Whether the data is stale is always asked of the
//! zones: a session keeps a zone as it was when first read, whatever the files say by now.

use crate::server_zone::{ServerZone, path_of_file};
use dialer_core::{Instant, NEWEST_RELEASE_PROBED, ZoneRules, first_release_missing};
use pgrx::prelude::*;
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Files that name the release, in the directory of the zones.
const VERSION_FILES: [&str; 2] = ["tzdata.zi", "+VERSION"];
/// LIMIT: bytes that are read of such a file.
const HEAD_BYTES: u64 = 64;

#[pg_extern(sql = false)]
fn tz_data_version() -> String {
    // The file may lie in the directory of the zones or in one of its areas.
    let near = path_of_file().and_then(|file| file.ancestors().skip(1).take(2).find_map(written));
    match near {
        Some(version) => version,
        None => match first_missing() {
            None => format!("{NEWEST_RELEASE_PROBED} or later"),
            Some(release) => format!("before {release}"),
        },
    }
}

#[pg_extern(sql = false)]
fn tz_data_is_stale() -> bool {
    first_missing().is_some()
}

fn first_missing() -> Option<&'static str> {
    let offset = |name: &str, at: Instant| {
        ServerZone::named(name).map(|zone| zone.segment(at).offset_seconds)
    };
    first_release_missing(offset)
}

/// The release that is written beside the zones.
fn written(zones: &Path) -> Option<String> {
    VERSION_FILES.iter().find_map(|name| {
        let mut head = String::new();
        File::open(zones.join(name)).ok()?.take(HEAD_BYTES).read_to_string(&mut head).ok()?;
        dialer_core::release_named_in(&head).map(str::to_owned)
    })
}
