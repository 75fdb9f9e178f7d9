//! Where somebody is, by the best of what is known: what was stated, the state of the address, the
//! telephone number.
//!
//! The first of these that gives a zone decides alone. Candidates are never narrowed by a weaker
//! source: a number of an eastern area code proves nothing about somebody who lives in Tennessee.

use super::zip::zones_of_american_zip;
use super::{zones_of, zones_of_abbreviation, zones_of_state};
use std::collections::BTreeSet;

include!("../../data/zone_links.rs");

/// LIMIT: names in one stated text; more are not looked at.
const STATED_MAX: usize = 32;

/// How the zones are known.
///
/// ```
/// assert_eq!(dialer_core::ZoneSource::State.as_str(), "state");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ZoneSource {
    /// Somebody named them.
    Stated,
    /// They are the zones of the state of the address.
    State,
    /// They are the zones of the number's area code or country.
    Number,
    /// Nothing tells.
    Unknown,
}

/// How far the zones can be relied on.
///
/// ```
/// assert_eq!(dialer_core::Confidence::Low.as_str(), "low");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// Stated, or the address lies in a state with one zone.
    High,
    /// The address lies in a state with several zones, all of which are kept; or an abbreviation
    /// was stated.
    Medium,
    /// The number alone: people keep their numbers when they move.
    Low,
    /// No zone is known: never open.
    None,
}

/// The candidate zones of somebody, sorted; several mean "open in all".
///
/// ```
/// use dialer_core::{Confidence, ZonesResolved, ZoneSource};
/// let known = |name: &str| (name != "Mars/Base").then(|| name.to_string());
/// let found = ZonesResolved::new(Some("Mars/Base"), Some("TN"), Some("+18655550123"), known);
/// assert_eq!(found.zones, ["America/Chicago", "America/New_York"]);
/// assert_eq!((found.source, found.confidence), (ZoneSource::State, Confidence::Medium));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZonesResolved {
    /// Names as `known` spells them, sorted by their bytes, each once.
    pub zones: Vec<String>,
    /// What they were taken from.
    pub source: ZoneSource,
    /// How far they can be relied on.
    pub confidence: Confidence,
}

impl ZoneSource {
    /// The word that SQL uses.
    ///
    /// ```
    /// assert_eq!(dialer_core::ZoneSource::Unknown.as_str(), "unknown");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            ZoneSource::Stated => "stated",
            ZoneSource::State => "state",
            ZoneSource::Number => "number",
            ZoneSource::Unknown => "unknown",
        }
    }
}

impl Confidence {
    /// The word that SQL uses.
    ///
    /// ```
    /// assert_eq!(dialer_core::Confidence::High.as_str(), "high");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::High => "high",
            Confidence::Medium => "medium",
            Confidence::Low => "low",
            Confidence::None => "none",
        }
    }
}

impl ZonesResolved {
    /// By precedence: stated (one name, or several with commas), state (or a ZIP code of the United
    /// States, with the zones of its states), number. `known` is asked
    /// for the spelling of a zone and answers `None` for what is no zone here. Stated names that
    /// are no zones are passed over; old spellings count as the new ones, and abbreviations such as
    /// EST as the zones that they may mean, if the number is North American or unknown.
    ///
    /// ```
    /// use dialer_core::ZonesResolved;
    /// let known = |name: &str| Some(name.to_string());
    /// let found = ZonesResolved::new(Some("US/Eastern"), None, None, known);
    /// assert_eq!(found.zones, ["America/New_York"]);
    /// ```
    pub fn new(
        stated: Option<&str>,
        state: Option<&str>,
        e164: Option<&str>,
        known: impl Fn(&str) -> Option<String>,
    ) -> ZonesResolved {
        let (zones, confidence) = stated_zones(stated.unwrap_or(""), e164, &known);
        if !zones.is_empty() {
            return resolved(zones, ZoneSource::Stated, confidence);
        }
        let zones = all_known(&zones_of_address(state, e164), &known);
        if !zones.is_empty() {
            let confidence = if zones.len() == 1 { Confidence::High } else { Confidence::Medium };
            return resolved(zones, ZoneSource::State, confidence);
        }
        let zones = all_known(&zones_of(e164.unwrap_or("")), &known);
        if !zones.is_empty() {
            return resolved(zones, ZoneSource::Number, Confidence::Low);
        }
        resolved(zones, ZoneSource::Unknown, Confidence::None)
    }
}

fn zones_of_address(state: Option<&str>, e164: Option<&str>) -> Vec<&'static str> {
    let Some(state) = state else { return Vec::new() };
    match zones_of_state(state) {
        [] => zones_of_american_zip(state, e164),
        zones => zones.to_vec(),
    }
}

fn resolved(zones: BTreeSet<String>, source: ZoneSource, confidence: Confidence) -> ZonesResolved {
    ZonesResolved { zones: zones.into_iter().collect(), source, confidence }
}

fn stated_zones(
    text: &str,
    e164: Option<&str>,
    known: impl Fn(&str) -> Option<String>,
) -> (BTreeSet<String>, Confidence) {
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty()).take(STATED_MAX);
    let (mut zones, mut confidence) = (BTreeSet::new(), Confidence::High);
    for name in names {
        if let Some(zone) = known(renamed(name)).or_else(|| known(name)) {
            zones.insert(zone);
        } else {
            let mut meant = all_known(zones_of_abbreviation(name, e164), &known);
            if !meant.is_empty() {
                zones.append(&mut meant);
                confidence = Confidence::Medium;
            }
        }
    }
    (zones, confidence)
}

/// All or none: a candidate that cannot be asked would make the answer less careful.
fn all_known(zones: &[&str], known: impl Fn(&str) -> Option<String>) -> BTreeSet<String> {
    zones.iter().map(|name| known(name)).collect::<Option<_>>().unwrap_or_default()
}

/// The name that replaced an old spelling; any other name as it is.
fn renamed(name: &str) -> &str {
    let link = ZONE_LINKS.iter().find(|(old, _)| old.eq_ignore_ascii_case(name));
    link.map_or(name, |(_, new)| new)
}

#[cfg(test)]
mod tests;
