//! How new somebody's zone data is, told from what it says about instants whose rules have changed.
//!
//! The probes need no file and no clock: a release is known if the offset that it brought is there.

use crate::instant::Instant;

/// Changes of 2026 and what they mean on 2026-12-01 00:00 UTC, oldest release first.
const PROBES: [(&str, &str, i32); 6] = [
    ("2026b", "America/Vancouver", -7),
    ("2026c", "America/Edmonton", -6),
    ("2026c", "Africa/Casablanca", 0),
    ("2026d", "America/Inuvik", -6),
    ("2026e", "America/Winnipeg", -5),
    ("2026f", "America/Havana", -4),
];
/// 2026-12-01 00:00 UTC.
const PROBED_AT: Instant = Instant::from_unix_seconds(1_796_083_200);
/// The newest release that the probes can tell.
///
/// ```
/// assert_eq!(dialer_core::NEWEST_RELEASE_PROBED, "2026f");
/// ```
pub const NEWEST_RELEASE_PROBED: &str = "2026f";

/// The oldest release of the tz database whose changes are not known; `None` if all that can be
/// probed are. `offset_seconds` answers for a zone at an instant; a zone that it does not have
/// cannot be wrong.
///
/// ```
/// use dialer_core::{IanaZone, ZoneRules, first_release_missing};
/// let offset = |name: &str, at| IanaZone::parse(name).ok().map(|z| z.segment(at).offset_seconds);
/// // chrono-tz 0.10.4 holds 2025b.
/// assert_eq!(first_release_missing(offset), Some("2026b"));
/// assert_eq!(first_release_missing(|_, _| None), None);
/// ```
pub fn first_release_missing(
    offset_seconds: impl Fn(&str, Instant) -> Option<i32>,
) -> Option<&'static str> {
    let is_wrong = |(_, zone, hours): &&(&str, &str, i32)| {
        offset_seconds(zone, PROBED_AT).is_some_and(|offset| offset != hours * 3600)
    };
    PROBES.iter().find(is_wrong).map(|(release, _, _)| *release)
}

/// The release named in the first line of a file `tzdata.zi` (`# version 2026f`) or `+VERSION`
/// (`2026f`); `None` for any other text.
///
/// ```
/// use dialer_core::release_named_in;
/// assert_eq!(release_named_in("# version 2026f\n# This zic input"), Some("2026f"));
/// assert_eq!(release_named_in("2026f\n"), Some("2026f"));
/// assert_eq!(release_named_in("nonsense"), None);
/// ```
pub fn release_named_in(text: &str) -> Option<&str> {
    /// LIMIT: characters of a release's name, such as 2026f or 2026f-3-g0a1b2c3.
    const NAME_MAX: usize = 24;
    let line = text.lines().next()?.trim();
    let name = line.strip_prefix("# version ").unwrap_or(line).trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_dated = name.bytes().take_while(u8::is_ascii_digit).count() == 4;
    let is_name = is_dated && (5..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_plain);
    is_name.then_some(name)
}
