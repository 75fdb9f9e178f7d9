use super::*;
use crate::IanaZone;

fn known(name: &str) -> Option<String> {
    IanaZone::parse(name).ok().map(|zone| zone.name().to_string())
}

fn check(stated: &str, state: &str, phone: &str, expected: &str) {
    let given = |text: &'static str| (!text.is_empty()).then_some(text);
    let leak = |text: &str| -> &'static str { Box::leak(text.to_string().into_boxed_str()) };
    let found =
        ZonesResolved::new(given(leak(stated)), given(leak(state)), given(leak(phone)), known);
    let words =
        [found.zones.join("+"), found.source.as_str().into(), found.confidence.as_str().into()];
    assert_eq!(words.join(" ").trim(), expected, "{stated}, {state}, {phone}");
}

#[test]
fn what_was_stated_comes_before_the_address_and_that_before_the_number() {
    check("Europe/Paris", "TX", "+12125550123", "Europe/Paris stated high");
    check("", "CA", "+12125550123", "America/Los_Angeles state high");
    check("", "", "+12125550123", "America/New_York number low");
    check("", "", "", "unknown none");
}

#[test]
fn what_is_no_zone_or_no_state_falls_through() {
    check("CET", "TX", "", "America/Chicago+America/Denver state medium");
    check("Europe/Atlantis", "Atlantis", "+442079460018", "Europe/London number low");
    check("Europe/Atlantis", "", "+18005550123", "unknown none");
}

#[test]
fn several_candidates_are_kept_sorted_and_once() {
    check(
        "Europe/Rome, America/New_York,Europe/Rome,,x",
        "",
        "",
        "America/New_York+Europe/Rome stated high",
    );
    check("", "CA-NL", "", "America/Goose_Bay+America/St_Johns state medium");
    check("", "", "+12705550123", "America/Chicago+America/New_York number low");
}

#[test]
fn old_spellings_count_as_the_new_names() {
    check("US/Pacific", "", "", "America/Los_Angeles stated high");
    check("asia/calcutta,Asia/Kolkata", "", "", "Asia/Kolkata stated high");
    check("Europe/Kiev", "", "", "Europe/Kyiv stated high");
}

#[test]
fn abbreviations_mean_the_clocks_of_north_america_and_nothing_elsewhere() {
    check("est", "TX", "", "America/New_York stated medium");
    check("MST", "", "+16025550123", "America/Denver+America/Phoenix stated medium");
    check("PST, Europe/Rome", "", "", "America/Los_Angeles+Europe/Rome stated medium");
    check("CST", "", "+442079460018", "Europe/London number low");
    for (_, zones) in super::super::abbreviation::ABBREVIATIONS {
        assert!(zones.iter().all(|zone| known(zone).is_some()), "{zones:?}");
    }
}

#[test]
fn a_candidate_unknown_here_makes_all_of_them_unknown() {
    let old = |name: &str| (name != "America/Denver").then(|| name.to_string());
    let found = ZonesResolved::new(None, Some("TX"), Some("+12125550123"), old);
    assert_eq!((found.zones, found.source), (vec!["America/New_York".into()], ZoneSource::Number));
}

#[test]
fn the_links_are_sorted_and_lead_to_zones() {
    assert!(ZONE_LINKS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    for (old, new) in ZONE_LINKS {
        assert!(known(new).is_some() && renamed(new) == *new, "{old}");
    }
}
