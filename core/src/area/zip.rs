//! From a ZIP code of the United States to the states in which it may be.
//!
//! Its first three digits tell. Several states mean that the rules of all of them hold; a prefix
//! that is not in the table is unknown, never guessed.

use super::jurisdiction::{country_of_number, jurisdiction_chain};
use super::zones_of_state;

include!("../../data/zip_states.rs");

/// The codes of the states in which a ZIP code (`33101`, `33101-1234`) may be; empty for what is
/// none, and for one whose state is not known.
///
/// ```
/// use dialer_core::states_of_zip;
/// assert_eq!(states_of_zip("33101"), ["US-FL"]);
/// assert_eq!(states_of_zip("11201-1234"), ["US-NYC"]);
/// assert_eq!(states_of_zip("73960"), ["US-OK", "US-TX"]);
/// assert!(states_of_zip("09012").is_empty());
/// assert!(states_of_zip("3310").is_empty());
/// ```
pub fn states_of_zip(zip: &str) -> &'static [&'static str] {
    let Some(prefix) = prefix_of(zip.trim()) else { return &[] };
    let index = ZIP_STATES.partition_point(|(_, last, _)| *last < prefix);
    let found = ZIP_STATES.get(index).filter(|(first, _, _)| *first <= prefix);
    found.map_or(&[], |(_, _, states)| *states)
}

/// The first three digits of what is written as a ZIP code is.
fn prefix_of(zip: &str) -> Option<u16> {
    let (five, four) = zip.split_once('-').unwrap_or((zip, "0000"));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_zip = five.len() == 5 && four.len() == 4 && are_digits(five) && are_digits(four);
    is_zip.then(|| five.get(..3)?.parse().ok()).flatten()
}

/// As `states_of_zip`, where a number does not tell of another country: five digits are a postal
/// code in many of them.
pub(super) fn states_of_american_zip(zip: &str, e164: Option<&str>) -> &'static [&'static str] {
    match e164.and_then(country_of_number).as_deref() {
        None | Some("US" | "CA") => states_of_zip(zip),
        Some(_) => &[],
    }
}

/// The zones of all states of a ZIP code, each once.
pub(super) fn zones_of_american_zip(zip: &str, e164: Option<&str>) -> Vec<&'static str> {
    let mut zones: Vec<&'static str> = Vec::new();
    for state in states_of_american_zip(zip, e164) {
        // A city has the zones of its state.
        let chain = jurisdiction_chain(state);
        let own = chain.iter().map(|code| zones_of_state(code)).find(|zones| !zones.is_empty());
        zones.extend(own.unwrap_or_default());
    }
    zones.sort_unstable();
    zones.dedup();
    zones
}

/// The rows of the table.
#[cfg(test)]
pub(super) fn zip_states() -> &'static [(u16, u16, &'static [&'static str])] {
    ZIP_STATES
}
