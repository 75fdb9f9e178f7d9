//! Abbreviations of North American clocks, as old systems write them into columns called time zone.

/// What each may mean; several: open in all of them. Arizona does not change its clock and calls
/// it Mountain Standard Time all the same; the Atlantic has provinces that change and islands that
/// do not.
///
/// Source: usage in the United States and Canada, by the zones' `FORMAT` in the tz database.
pub(super) const ABBREVIATIONS: &[(&str, &[&str])] = &[
    ("ADT", &["America/Halifax"]),
    ("AKDT", &["America/Anchorage"]),
    ("AKST", &["America/Anchorage"]),
    ("AKT", &["America/Anchorage"]),
    ("AST", &["America/Halifax", "America/Puerto_Rico"]),
    ("CDT", &["America/Chicago"]),
    ("CST", &["America/Chicago"]),
    ("CT", &["America/Chicago"]),
    ("EDT", &["America/New_York"]),
    ("EST", &["America/New_York"]),
    ("ET", &["America/New_York"]),
    ("HST", &["Pacific/Honolulu"]),
    ("MDT", &["America/Denver"]),
    ("MST", &["America/Denver", "America/Phoenix"]),
    ("MT", &["America/Denver", "America/Phoenix"]),
    ("NDT", &["America/St_Johns"]),
    ("NST", &["America/St_Johns"]),
    ("PDT", &["America/Los_Angeles"]),
    ("PST", &["America/Los_Angeles"]),
    ("PT", &["America/Los_Angeles"]),
];

/// The zones that an abbreviation may mean for somebody with this number (E.164, `None` if
/// unknown); empty for what is no abbreviation, and for numbers outside North America, where the
/// same letters mean other clocks.
///
/// ```
/// use dialer_core::zones_of_abbreviation;
/// assert_eq!(zones_of_abbreviation("est", Some("+12125550123")), ["America/New_York"]);
/// assert!(zones_of_abbreviation("CST", Some("+8613800138000")).is_empty());
/// ```
pub fn zones_of_abbreviation(abbreviation: &str, e164: Option<&str>) -> &'static [&'static str] {
    if e164.is_some_and(|number| !number.starts_with("+1")) {
        return &[];
    }
    let found = ABBREVIATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(abbreviation));
    found.map_or(&[], |(_, zones)| zones)
}
