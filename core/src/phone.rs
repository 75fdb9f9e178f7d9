//! Phone numbers in E.164, and the reasons for which a number is refused.
//!
//! "Valid" is validity in the numbering plan, not reachability. What must never be dialled by a
//! machine is refused here: emergency numbers, short codes, premium rate.

use crate::error::Error;
use rlibphonenumber::{
    ParseError, PhoneNumber as Parsed, PhoneNumberFormat, PhoneNumberType, Region,
};
use std::fmt;

/// LIMIT: bytes of text that are looked at.
const TEXT_MAX: usize = 128;
/// Numbers of so few digits are emergency numbers or short codes everywhere.
const SHORT_DIGITS_MAX: usize = 6;
const EMERGENCY: &[&str] = &[
    "000", "08", "061", "062", "100", "101", "102", "103", "104", "108", "110", "111", "112",
    "113", "114", "115", "116", "117", "118", "119", "120", "122", "128", "130", "131", "132",
    "133", "144", "190", "191", "192", "193", "194", "195", "199", "911", "933", "988", "997",
    "998", "999", "10111", "10177", "116117",
];
const HINT: &str =
    "Give a number such as +12125550123, or one of the region's own form with its region.";

/// A phone number that may be dialled, in E.164.
///
/// ```
/// use dialer_core::PhoneNumber;
/// let number = PhoneNumber::normalize("(212) 555-0123", "US").unwrap();
/// assert_eq!(number.as_str(), "+12125550123");
/// assert!(PhoneNumber::normalize("911", "US").is_err());
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PhoneNumber(String);

impl PhoneNumber {
    /// Reads a number as written in a region (ISO 3166 code; empty if the number starts with `+`).
    ///
    /// ```
    /// use dialer_core::PhoneNumber;
    /// let number = PhoneNumber::normalize("+49 151 23456789", "US").unwrap();
    /// assert_eq!(number.as_str(), "+4915123456789");
    /// assert!(PhoneNumber::normalize("+1 900 555 0123", "").unwrap_err().detail().contains("premium"));
    /// ```
    pub fn normalize(text: &str, region: &str) -> Result<PhoneNumber, Error> {
        let text = text.trim();
        if text.is_empty() || text.len() > TEXT_MAX {
            let detail = "A phone number has 1 to 128 bytes.";
            return Err(Error::phone("wrong length", detail, HINT));
        }
        refuse_short(text)?;
        let region = region_of(region)?;
        let parsed = Parsed::parse(text, region).map_err(|problem| {
            let is_foreign = text.starts_with('+');
            match (region, problem) {
                (None, _) if !is_foreign => {
                    let detail = "It does not start with + and no region was given.";
                    Error::phone("not a phone number", detail, HINT)
                }
                (Some(_), ParseError::InvalidCountryCode) if !is_foreign => unknown_region(),
                (_, problem) => {
                    let detail =
                        format!("It cannot be read: {}.", problem.to_string().to_lowercase());
                    Error::phone("not a phone number", &detail, HINT)
                }
            }
        })?;
        check(&parsed)?;
        Ok(PhoneNumber(parsed.format_as(PhoneNumberFormat::E164).into_owned()))
    }

    /// Reads E.164 text as it was stored.
    ///
    /// ```
    /// use dialer_core::PhoneNumber;
    /// assert!(PhoneNumber::from_e164("+442079460018").is_ok());
    /// assert!(PhoneNumber::from_e164("+44 20 7946 0018").is_err());
    /// ```
    pub fn from_e164(text: &str) -> Result<PhoneNumber, Error> {
        let number = PhoneNumber::normalize(text, "")?;
        if number.0 == text {
            return Ok(number);
        }
        let detail = "E.164 is a plus sign and digits only.";
        Err(Error::phone("not in E.164 form", detail, "Use normalize_phone first."))
    }

    /// The number in E.164.
    ///
    /// ```
    /// let number = dialer_core::PhoneNumber::normalize("+12125550123", "").unwrap();
    /// assert_eq!(number.as_str(), "+12125550123");
    /// ```
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The region it belongs to and whether its place can be known from it; `None` for numbers
    /// without a place (toll-free, shared cost, personal, nomadic).
    pub(crate) fn place(&self) -> Option<String> {
        let parsed = Parsed::parse(&self.0, None).ok()?;
        let is_placed = matches!(
            parsed.get_type(),
            PhoneNumberType::FixedLine
                | PhoneNumberType::Mobile
                | PhoneNumberType::FixedLineOrMobile
        );
        let region = parsed.get_region_code().filter(|_| is_placed)?;
        Some(region.as_region_str().as_str().to_string())
    }
}

fn refuse_short(text: &str) -> Result<(), Error> {
    let digits: String = text.chars().filter_map(|c| c.to_digit(10)).map(digit).collect();
    let is_short = digits.len() <= SHORT_DIGITS_MAX && !text.starts_with('+');
    if EMERGENCY.contains(&digits.as_str()) {
        let detail = "Emergency and crisis numbers are never dialled by a machine.";
        return Err(Error::phone("emergency number", detail, HINT));
    }
    if is_short {
        let detail = "Short codes belong to one network and cannot be called from elsewhere.";
        return Err(Error::phone("short code", detail, HINT));
    }
    Ok(())
}

fn digit(value: u32) -> char {
    char::from_digit(value, 10).unwrap_or('0')
}

fn region_of(code: &str) -> Result<Option<Region>, Error> {
    if code.is_empty() {
        return Ok(None);
    }
    let known = Region::from_code(&code.to_ascii_uppercase());
    known.map(Some).map_err(|_| unknown_region())
}

/// Whether two letters are a country that has telephone numbers.
pub(crate) fn is_country(code: &str) -> bool {
    region_of(code).ok().flatten().is_some_and(|region| {
        rlibphonenumber::PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some()
    })
}

fn unknown_region() -> Error {
    let detail = "A region is a country code of two letters, such as US or GB.";
    Error::phone("unknown region", detail, "Correct the region, or write the number with +.")
}

fn check(parsed: &Parsed) -> Result<(), Error> {
    if !parsed.extension().is_empty() {
        let detail = "A number with an extension reaches somebody else when dialled without it.";
        return Err(Error::phone("extension", detail, "Give the direct number."));
    }
    if parsed.get_type() == PhoneNumberType::PremiumRate {
        let detail = "It is a premium rate number.";
        return Err(Error::phone("premium rate", detail, "Give an ordinary number."));
    }
    if !parsed.is_valid() {
        let detail = "No such number can exist in its country's numbering plan.";
        return Err(Error::phone("not in the numbering plan", detail, HINT));
    }
    Ok(())
}

impl fmt::Display for PhoneNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
