//! Whose law holds for somebody: by the address that was stated and by the numbers.
//!
//! Several jurisdictions mean that the rules of all of them hold. A number that disagrees with the
//! address adds its own: some states take a number of theirs for a person of theirs.

use super::zip::states_of_american_zip;
use super::{folded, state_named};
use crate::phone::{PhoneNumber, is_country};

include!("../../data/area_states.rs");

/// LIMIT: no code or name of a place is longer, and nothing longer is looked at.
const PLACE_BYTES_MAX: usize = 64;
/// A city with calling rules of its own.
const NEW_YORK_CITY: &str = "US-NYC";

/// Names of countries, letters only and in lower case, with their codes.
const COUNTRY_NAMES: &[(&str, &str)] = &[
    ("australia", "AU"),
    ("austria", "AT"),
    ("belgium", "BE"),
    ("canada", "CA"),
    ("deutschland", "DE"),
    ("espana", "ES"),
    ("france", "FR"),
    ("germany", "DE"),
    ("greatbritain", "GB"),
    ("india", "IN"),
    ("ireland", "IE"),
    ("italy", "IT"),
    ("netherlands", "NL"),
    ("newyorkcity", NEW_YORK_CITY),
    ("spain", "ES"),
    ("switzerland", "CH"),
    ("unitedkingdom", "GB"),
    ("unitedstates", "US"),
    ("unitedstatesofamerica", "US"),
    ("usa", "US"),
];

/// Parts of a country that have a country code of their own.
const PARTS: &[(&str, &str)] = &[
    ("BL", "FR"),
    ("GF", "FR"),
    ("GP", "FR"),
    ("MF", "FR"),
    ("MQ", "FR"),
    ("PM", "FR"),
    ("RE", "FR"),
    ("YT", "FR"),
];

/// How the jurisdictions are known.
///
/// ```
/// assert_eq!(dialer_core::JurisdictionSource::Both.as_str(), "both");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JurisdictionSource {
    /// From the address alone, or the numbers agree with it.
    Stated,
    /// From the numbers alone.
    Number,
    /// Address and numbers disagree; the rules of all hold.
    Both,
    /// Nothing tells.
    Unknown,
}

impl JurisdictionSource {
    /// The word that SQL uses.
    ///
    /// ```
    /// assert_eq!(dialer_core::JurisdictionSource::Number.as_str(), "number");
    /// ```
    pub fn as_str(self) -> &'static str {
        match self {
            JurisdictionSource::Stated => "stated",
            JurisdictionSource::Number => "number",
            JurisdictionSource::Both => "both",
            JurisdictionSource::Unknown => "unknown",
        }
    }
}

/// The code of a place: `US-FL`, `CA-ON`, or a country such as `FR`; `None` for what is no place.
/// Two letters are a state where there is one (`CA` is California), unless the telephone number is
/// of the country that they name.
///
/// ```
/// use dialer_core::jurisdiction_of;
/// assert_eq!(jurisdiction_of("Florida", None).as_deref(), Some("US-FL"));
/// assert_eq!(jurisdiction_of("on", None).as_deref(), Some("CA-ON"));
/// assert_eq!(jurisdiction_of("DE", None).as_deref(), Some("US-DE"));
/// assert_eq!(jurisdiction_of("DE", Some("+493012345678")).as_deref(), Some("DE"));
/// assert_eq!(jurisdiction_of("Atlantis", None), None);
/// ```
pub fn jurisdiction_of(place: &str, e164: Option<&str>) -> Option<String> {
    let place = place.trim();
    if place.is_empty() || place.len() > PLACE_BYTES_MAX {
        return None;
    }
    let upper = place.to_ascii_uppercase();
    if upper.len() == 2 && e164.and_then(country_of_number).is_some_and(|own| own == upper) {
        return Some(upper);
    }
    if upper == NEW_YORK_CITY {
        return Some(upper);
    }
    if let Some((country, code)) = state_named(place) {
        return Some(format!("{country}-{code}"));
    }
    let name = folded(place);
    if let Ok(index) = COUNTRY_NAMES.binary_search_by_key(&name.as_str(), |known| known.0) {
        return Some(COUNTRY_NAMES[index].1.to_string());
    }
    coded(&upper)
}

/// A code as it stands: a country, or a subdivision of a country whose own are not listed here.
fn coded(upper: &str) -> Option<String> {
    match upper.split_once('-') {
        None => (upper.len() == 2 && is_country(upper)).then(|| upper.to_string()),
        Some((country, part)) => {
            let is_listed = matches!(country, "US" | "CA");
            let is_part = (1..=3).contains(&part.len())
                && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
            (!is_listed && is_part && country.len() == 2 && is_country(country))
                .then(|| upper.to_string())
        }
    }
}

/// The jurisdictions in which the owner of a number in E.164 may be; empty if they cannot be known.
///
/// ```
/// use dialer_core::jurisdictions_of;
/// assert_eq!(jurisdictions_of("+13055550123"), ["US-FL"]);
/// assert_eq!(jurisdictions_of("+19025550123"), ["CA-NS", "CA-PE"]);
/// assert_eq!(jurisdictions_of("+33142685300"), ["FR"]);
/// assert!(jurisdictions_of("+18005550123").is_empty());
/// ```
pub fn jurisdictions_of(e164: &str) -> Vec<String> {
    if let Some(states) = states_of_number(e164) {
        return states.iter().map(ToString::to_string).collect();
    }
    country_of_number(e164)
        .filter(|code| !matches!(code.as_str(), "US" | "CA"))
        .into_iter()
        .collect()
}

fn states_of_number(e164: &str) -> Option<&'static [&'static str]> {
    let national = e164.strip_prefix("+1").filter(|national| national.len() == 10)?;
    let code = national.get(..3).and_then(|code| code.parse::<u16>().ok())?;
    let index = AREA_STATES.binary_search_by_key(&code, |(known, _)| *known).ok()?;
    Some(AREA_STATES[index].1)
}

pub(super) fn country_of_number(e164: &str) -> Option<String> {
    if let Some(states) = states_of_number(e164) {
        return states.first().and_then(|state| state.get(..2)).map(str::to_string);
    }
    PhoneNumber::from_e164(e164).ok()?.place()
}

/// A jurisdiction and those that it lies in, the narrowest first.
///
/// ```
/// use dialer_core::jurisdiction_chain;
/// assert_eq!(jurisdiction_chain("US-NYC"), ["US-NYC", "US-NY", "US"]);
/// assert_eq!(jurisdiction_chain("RE"), ["RE", "FR"]);
/// assert_eq!(jurisdiction_chain("FR"), ["FR"]);
/// ```
pub fn jurisdiction_chain(code: &str) -> Vec<String> {
    let mut chain = vec![code.to_string()];
    if code == NEW_YORK_CITY {
        chain.push("US-NY".to_string());
    }
    let country = code.split_once('-').map_or(code, |(country, _)| country);
    if country != code {
        chain.push(country.to_string());
    }
    chain.extend(
        PARTS.iter().filter(|(part, _)| *part == country).map(|(_, whole)| whole.to_string()),
    );
    chain
}

/// The jurisdictions of somebody by the address and by all numbers, sorted. The address is the place
/// that was stated, which may be a ZIP code of the United States, and the ZIP code; where these two
/// disagree both hold.
///
/// ```
/// use dialer_core::{JurisdictionSource, jurisdictions};
/// let (codes, source) = jurisdictions(Some("TX"), None, &["+13055550123"]);
/// assert_eq!(codes, ["US-FL", "US-TX"]);
/// assert_eq!(source, JurisdictionSource::Both);
/// let (codes, source) = jurisdictions(None, Some("33101"), &["+18005550123"]);
/// assert_eq!(codes, ["US-FL"]);
/// assert_eq!(source, JurisdictionSource::Stated);
/// ```
pub fn jurisdictions(
    stated: Option<&str>,
    zip: Option<&str>,
    numbers: &[&str],
) -> (Vec<String>, JurisdictionSource) {
    let address = jurisdictions_of_address(stated, zip, numbers.first().copied());
    let mut codes: Vec<String> = Vec::new();
    let mut agree = true;
    for number in numbers {
        let known = jurisdictions_of(number);
        let beyond = |code: &String| !address.iter().any(|own| own != code && lies_in(own, code));
        let (inside, elsewhere): (Vec<String>, Vec<String>) = known
            .into_iter()
            .filter(beyond)
            .partition(|code| address.iter().any(|own| lies_in(code, own)));
        // A number of a place in which several are possible agrees with any of them.
        agree &= !inside.is_empty() || elsewhere.is_empty();
        codes.extend(if inside.is_empty() { elsewhere } else { inside });
    }
    let source = match (address.is_empty(), codes.is_empty(), agree) {
        (true, true, _) => JurisdictionSource::Unknown,
        (true, false, _) => JurisdictionSource::Number,
        (false, _, true) => JurisdictionSource::Stated,
        (false, _, false) => JurisdictionSource::Both,
    };
    let uncovered: Vec<String> =
        address.into_iter().filter(|own| !codes.iter().any(|code| lies_in(code, own))).collect();
    codes.extend(uncovered);
    codes.sort();
    codes.dedup();
    (codes, source)
}

/// By the place that was stated and the ZIP code; of two that lie in each other the narrower.
fn jurisdictions_of_address(
    stated: Option<&str>,
    zip: Option<&str>,
    e164: Option<&str>,
) -> Vec<String> {
    let place = stated.and_then(|place| jurisdiction_of(place, e164));
    // Whoever lives in a state of the country has one of its ZIP codes, whatever their number.
    let by_zip: &[&str] = match place.as_deref() {
        Some(code) if !lies_in(code, "US") => &[],
        Some(_) => zip.map_or(&[], super::states_of_zip),
        None => [zip, stated]
            .into_iter()
            .flatten()
            .map(|zip| states_of_american_zip(zip, e164))
            .find(|states| !states.is_empty())
            .unwrap_or_default(),
    };
    let Some(place) = place else { return by_zip.iter().map(ToString::to_string).collect() };
    let narrower: Vec<String> =
        by_zip.iter().filter(|code| lies_in(code, &place)).map(ToString::to_string).collect();
    if !narrower.is_empty() {
        return narrower;
    }
    let agrees = by_zip.iter().any(|code| lies_in(&place, code));
    let mut codes = vec![place];
    if !agrees {
        codes.extend(by_zip.iter().map(ToString::to_string));
    }
    codes
}

fn lies_in(inner: &str, outer: &str) -> bool {
    jurisdiction_chain(inner).iter().any(|code| code == outer)
}

/// Every state that an area code names is one that there is.
#[cfg(test)]
pub(super) fn area_states() -> impl Iterator<Item = (u16, &'static str)> {
    AREA_STATES.iter().flat_map(|(code, states)| states.iter().map(move |state| (*code, *state)))
}

#[cfg(test)]
pub(super) fn is_listed(code: &str) -> bool {
    code == NEW_YORK_CITY
        || super::STATES.iter().any(|(country, state, _)| code == format!("{country}-{state}"))
}
