//! From a telephone number or a state to the zones in which its owner may be.
//!
//! A list of several zones means "open in all of them"; an empty list means unknown, which is never
//! open. A number says where it was first assigned, not where its owner is now.

mod abbreviation;
mod jurisdiction;
mod resolution;
mod zip;

pub use abbreviation::zones_of_abbreviation;
pub use jurisdiction::{
    JurisdictionSource, jurisdiction_chain, jurisdiction_of, jurisdictions, jurisdictions_of,
};
pub use resolution::{Confidence, ZoneSource, ZonesResolved};
pub use zip::states_of_zip;

use crate::phone::PhoneNumber;

include!("../data/area_codes.rs");
include!("../data/state_names.rs");

/// Countries with one offset everywhere, by region code.
const COUNTRIES: &[(&str, &str)] = &[
    ("AE", "Asia/Dubai"),
    ("AT", "Europe/Vienna"),
    ("BE", "Europe/Brussels"),
    ("CH", "Europe/Zurich"),
    ("CZ", "Europe/Prague"),
    ("DE", "Europe/Berlin"),
    ("DK", "Europe/Copenhagen"),
    ("FI", "Europe/Helsinki"),
    ("FR", "Europe/Paris"),
    ("GB", "Europe/London"),
    ("GR", "Europe/Athens"),
    ("HK", "Asia/Hong_Kong"),
    ("HU", "Europe/Budapest"),
    ("IE", "Europe/Dublin"),
    ("IL", "Asia/Jerusalem"),
    ("IN", "Asia/Kolkata"),
    ("IT", "Europe/Rome"),
    ("JP", "Asia/Tokyo"),
    ("KE", "Africa/Nairobi"),
    ("KR", "Asia/Seoul"),
    ("NG", "Africa/Lagos"),
    ("NL", "Europe/Amsterdam"),
    ("NO", "Europe/Oslo"),
    ("PH", "Asia/Manila"),
    ("PL", "Europe/Warsaw"),
    ("RO", "Europe/Bucharest"),
    ("SE", "Europe/Stockholm"),
    ("SG", "Asia/Singapore"),
    ("TR", "Europe/Istanbul"),
    ("ZA", "Africa/Johannesburg"),
];

/// The candidate zones of a number in E.164; empty if they cannot be known.
///
/// ```
/// use dialer_core::zones_of;
/// assert_eq!(zones_of("+12125550123"), ["America/New_York"]);
/// assert_eq!(zones_of("+12705550123"), ["America/New_York", "America/Chicago"]);
/// assert!(zones_of("+18005550123").is_empty());
/// assert_eq!(zones_of("+442079460018"), ["Europe/London"]);
/// ```
pub fn zones_of(e164: &str) -> Vec<&'static str> {
    match e164.strip_prefix("+1") {
        Some(national) => zones_of_north_american(national),
        None => zones_of_country(e164),
    }
}

fn zones_of_north_american(national: &str) -> Vec<&'static str> {
    let is_whole = national.len() == 10 && national.bytes().all(|byte| byte.is_ascii_digit());
    let code = national.get(..3).and_then(|code| code.parse::<u16>().ok());
    let Some(code) = code.filter(|_| is_whole) else { return Vec::new() };
    match AREA_CODES.binary_search_by_key(&code, |(known, _)| *known) {
        Ok(index) => AREA_CODES[index].1.to_vec(),
        Err(_) => Vec::new(),
    }
}

fn zones_of_country(e164: &str) -> Vec<&'static str> {
    let Ok(number) = PhoneNumber::from_e164(e164) else { return Vec::new() };
    let Some(region) = number.place() else { return Vec::new() };
    COUNTRIES.iter().filter(|(known, _)| *known == region).map(|(_, zone)| *zone).collect()
}

/// The zones of a state or province of the United States or Canada, by code (`TX`, `US-TX`, `CA-QC`)
/// or by name (`Texas`, `Québec`), in any case of letters; empty if there is no such state.
///
/// ```
/// use dialer_core::zones_of_state;
/// assert_eq!(zones_of_state("tn"), ["America/Chicago", "America/New_York"]);
/// assert_eq!(zones_of_state("Tennessee"), zones_of_state("tn"));
/// assert_eq!(zones_of_state("CA-ON").len(), 3);
/// assert!(zones_of_state("ZZ").is_empty());
/// ```
pub fn zones_of_state(state: &str) -> &'static [&'static str] {
    entry_named(state).map_or(&[], |(_, _, zones)| *zones)
}

/// Country and code of a state or province, by code or by name.
fn state_named(state: &str) -> Option<(&'static str, &'static str)> {
    entry_named(state).map(|(country, code, _)| (*country, *code))
}

fn entry_named(
    state: &str,
) -> Option<&'static (&'static str, &'static str, &'static [&'static str])> {
    // LIMIT: no name is longer, and nothing longer is looked at.
    let state = state.trim();
    if state.len() > STATE_BYTES_MAX {
        return None;
    }
    let upper = state.to_ascii_uppercase();
    let name = folded(state);
    let (country, code) = match STATE_NAMES.binary_search_by_key(&name.as_str(), |known| known.0) {
        Ok(index) => (STATE_NAMES[index].1, STATE_NAMES[index].2),
        Err(_) => upper.split_once('-').unwrap_or(("", &upper)),
    };
    let is_it = |entry: &&(&str, &str, &[&str])| {
        entry.1 == code && (country.is_empty() || country == entry.0)
    };
    STATES.iter().find(is_it)
}

const STATE_BYTES_MAX: usize = 64;

/// Letters only, in lower case, without accents: Québec, North-Dakota, U.S. Virgin Islands.
fn folded(name: &str) -> String {
    let letters = name.chars().map(|letter| if matches!(letter, 'é' | 'É') { 'e' } else { letter });
    letters.filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests;
