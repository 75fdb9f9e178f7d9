use super::*;
use crate::{IanaZone, check_zone_name};

fn north_american(code: u16) -> Vec<&'static str> {
    zones_of(&format!("+1{code}5550123"))
}

#[test]
fn the_tables_are_sorted_and_name_zones_that_exist() {
    assert!(AREA_CODES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    let of_areas = AREA_CODES.iter().flat_map(|(_, zones)| zones.iter());
    let of_states = STATES.iter().flat_map(|(_, _, zones)| zones.iter());
    let of_countries = COUNTRIES.iter().map(|(_, zone)| zone);
    for zone in of_areas.chain(of_states).chain(of_countries) {
        assert!(check_zone_name(zone).is_ok() && IanaZone::parse(zone).is_ok(), "{zone}");
    }
    assert!(AREA_CODES.iter().all(|(_, zones)| !zones.is_empty()));
}

#[test]
fn overlays_share_the_zones_of_what_they_overlay() {
    for (area, overlays) in [
        (270, vec![364]),
        (812, vec![930]),
        (541, vec![458]),
        (850, vec![448]),
        (423, vec![729]),
        (418, vec![367, 581]),
        (250, vec![236, 257, 672, 778]),
        (709, vec![879]),
        (208, vec![986]),
    ] {
        assert!(north_american(area).len() > 1, "{area}");
        for overlay in overlays {
            assert_eq!(north_american(overlay), north_american(area), "{overlay}");
        }
    }
}

#[test]
fn numbers_without_a_place_are_unknown() {
    for code in [800, 833, 844, 855, 866, 877, 888, 900, 500, 533, 600, 622, 200, 999] {
        assert!(north_american(code).is_empty(), "{code}");
    }
    for number in [
        "",
        "+",
        "+1",
        "+1212",
        "2125550123",
        "+1212555012x",
        "+448001111111",
        "+61491570156",
        "+5511987654321",
        "+79161234567",
    ] {
        assert!(zones_of(number).is_empty(), "{number}");
    }
}

#[test]
fn countries_with_one_offset_are_known() {
    for (number, zone) in [
        ("+442079460018", "Europe/London"),
        ("+4915123456789", "Europe/Berlin"),
        ("+919876543210", "Asia/Kolkata"),
        ("+33612345678", "Europe/Paris"),
    ] {
        assert_eq!(zones_of(number), [zone], "{number}");
    }
}

#[test]
fn every_state_and_province_has_zones() {
    assert_eq!(STATES.len(), 69);
    assert_eq!(zones_of_state("us-ca"), ["America/Los_Angeles"]);
    assert_eq!(zones_of_state("CA"), ["America/Los_Angeles"]);
    assert!(zones_of_state("CA-TX").is_empty());
    assert!(zones_of_state("").is_empty());
}

#[test]
fn states_are_known_by_name_as_by_code() {
    assert!(STATE_NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert_eq!(STATE_NAMES.len(), STATES.len());
    for (name, country, code) in STATE_NAMES {
        let by_code = zones_of_state(&format!("{country}-{code}"));
        assert!(!by_code.is_empty(), "{code}");
        assert_eq!(zones_of_state(name), by_code, "{name}");
    }
    let same = [
        ("texas", "TX"),
        (" New  York ", "NY"),
        ("NORTH CAROLINA", "NC"),
        ("North-Dakota", "ND"),
        ("Québec", "QC"),
        ("U.S. Virgin Islands", "VI"),
        ("Newfoundland and Labrador", "NL"),
    ];
    for (name, code) in same {
        assert!(!zones_of_state(code).is_empty(), "{code}");
        assert_eq!(zones_of_state(name), zones_of_state(code), "{name}");
    }
    for name in ["New South Wales", "Bavaria", "Tex", "Carolina", "", "-", "US-Texas"] {
        assert!(zones_of_state(name).is_empty(), "{name}");
    }
}

#[test]
fn every_area_code_with_zones_has_states_that_exist() {
    for (code, state) in jurisdiction::area_states() {
        assert!(jurisdiction::is_listed(state), "{code} {state}");
        assert_eq!(jurisdiction_of(state, None).as_deref(), Some(state), "{code}");
    }
    let with_states: std::collections::BTreeSet<u16> =
        jurisdiction::area_states().map(|(code, _)| code).collect();
    let with_zones: std::collections::BTreeSet<u16> =
        AREA_CODES.iter().map(|(code, _)| *code).collect();
    assert_eq!(with_states, with_zones);
}

#[test]
fn places_are_read_in_every_spelling_and_nonsense_is_none() {
    for (place, code) in [
        ("fl", "US-FL"),
        ("Fla", ""),
        (" us-fl ", "US-FL"),
        ("New York", "US-NY"),
        ("New York City", "US-NYC"),
        ("us-nyc", "US-NYC"),
        ("Québec", "CA-QC"),
        ("France", "FR"),
        ("FR", "FR"),
        ("FR-75", "FR-75"),
        ("CA", "US-CA"),
        ("Canada", "CA"),
        ("US", "US"),
        ("US-XX", ""),
        ("ZZ", ""),
        ("XX-1", ""),
        ("33101", ""),
        ("", ""),
    ] {
        assert_eq!(jurisdiction_of(place, None).unwrap_or_default(), code, "{place:?}");
    }
    assert_eq!(jurisdiction_of(&"a".repeat(100_000), None), None);
}

#[test]
fn an_address_and_numbers_that_disagree_are_both_kept() {
    for (stated, numbers, codes, source) in [
        (None, vec![], "", "unknown"),
        (None, vec!["+18005550123"], "", "unknown"),
        (None, vec!["+13055550123"], "US-FL", "number"),
        (None, vec!["+13055550123", "+12125550123"], "US-FL US-NYC", "number"),
        (Some("FL"), vec!["+13055550123"], "US-FL", "stated"),
        (Some("FL"), vec!["+18005550123"], "US-FL", "stated"),
        (Some("TX"), vec!["+13055550123"], "US-FL US-TX", "both"),
        (Some("NS"), vec!["+19025550123"], "CA-NS", "stated"),
        (Some("ON"), vec!["+19025550123"], "CA-NS CA-ON CA-PE", "both"),
        (Some("NY"), vec!["+12125550123"], "US-NYC", "stated"),
        (Some("US"), vec!["+13055550123"], "US-FL", "stated"),
        (Some("FR-75"), vec!["+33142685300"], "FR-75", "stated"),
        (Some("DE"), vec!["+33142685300"], "FR US-DE", "both"),
        (Some("nowhere"), vec!["+33142685300"], "FR", "number"),
        (Some("TX"), vec!["+12145550123", "+13055550123"], "US-FL US-TX", "both"),
        (Some("NY"), vec!["+12125550123", "+12135550123"], "US-CA US-NYC", "both"),
    ] {
        let (found, how) = jurisdictions(stated, None, &numbers);
        assert_eq!(
            (found.join(" ").as_str(), how.as_str()),
            (codes, source),
            "{stated:?} {numbers:?}"
        );
    }
}

#[test]
fn the_table_of_zip_codes_is_sorted_and_names_states_that_exist() {
    let table = zip::zip_states();
    assert!(table.windows(2).all(|pair| pair[0].1 < pair[1].0));
    assert!(table.iter().all(|(first, last, _)| first <= last && *last <= 999));
    let states: std::collections::BTreeSet<&str> =
        table.iter().flat_map(|(_, _, states)| states.iter().copied()).collect();
    for state in &states {
        assert!(jurisdiction::is_listed(state), "{state}");
    }
    // The fifty states and the capital, the city, and the territories whose prefix is theirs alone or shared with one other.
    assert_eq!(states.len(), 51 + 1 + 3);
}

#[test]
fn zip_codes_tell_the_state_of_their_post_office() {
    for (zip, states) in [
        ("00501", "US-NY"),
        ("00801", "US-VI"),
        ("02139", "US-MA"),
        ("03301", "US-NH"),
        ("06390", "US-CT US-NY"),
        ("10001", "US-NYC"),
        ("12207", "US-NY"),
        ("19801", "US-DE"),
        ("20001", "US-DC"),
        ("20190", "US-VA"),
        ("20814", "US-MD"),
        ("33101", "US-FL"),
        ("40202", "US-KY"),
        ("60601", "US-IL"),
        ("70112", "US-LA"),
        ("73301", "US-TX"),
        ("73102", "US-OK"),
        ("83414", "US-ID US-WY"),
        ("84101", "US-UT"),
        ("88510", "US-TX"),
        ("90210", "US-CA"),
        ("96799", "US-AS US-HI"),
        ("97201", "US-OR"),
        ("99501", "US-AK"),
        (" 33101-1234 ", "US-FL"),
        // Not used, military, or of several countries.
        ("00001", ""),
        ("09012", ""),
        ("21301", ""),
        ("34012", ""),
        ("96201", ""),
        ("96910", ""),
        ("98701", ""),
        // Not written as one.
        ("3310", ""),
        ("331011234", ""),
        ("33101-12", ""),
        ("33l01", ""),
        ("٣٣١٠١", ""),
        ("SW1A 1AA", ""),
        ("", ""),
    ] {
        assert_eq!(states_of_zip(zip).join(" "), states, "{zip:?}");
    }
}

#[test]
fn a_zip_code_counts_as_the_address_where_nothing_says_another_country() {
    for (stated, zip, numbers, codes, source) in [
        (None, Some("33101"), vec![], "US-FL", "stated"),
        (None, Some("33101"), vec!["+18005550123"], "US-FL", "stated"),
        (None, Some("33101"), vec!["+13055550123"], "US-FL", "stated"),
        (None, Some("33101"), vec!["+12145550123"], "US-FL US-TX", "both"),
        (None, Some("33101"), vec!["+14165550123"], "CA-ON US-FL", "both"),
        (Some("33101"), None, vec!["+13055550123"], "US-FL", "stated"),
        (Some("US"), Some("33101"), vec![], "US-FL", "stated"),
        (Some("NY"), Some("11201"), vec!["+13155550123"], "US-NYC", "stated"),
        (Some("FL"), Some("33101"), vec!["+13055550123"], "US-FL", "stated"),
        // An address that contradicts itself: both hold.
        (Some("GA"), Some("33101"), vec!["+13055550123"], "US-FL US-GA", "stated"),
        (None, Some("73960"), vec!["+15805550123"], "US-OK US-TX", "stated"),
        (Some("TX"), Some("73960"), vec!["+18065550123"], "US-TX", "stated"),
        // Paris, or a place that is not known.
        (None, Some("75001"), vec!["+33142685300"], "FR", "number"),
        (Some("75001"), None, vec!["+33142685300"], "FR", "number"),
        (Some("FR"), Some("75001"), vec!["+12145550123"], "FR US-TX", "both"),
        (Some("TX"), Some("75001"), vec!["+33142685300"], "FR US-TX", "both"),
        (None, Some("09012"), vec!["+18005550123"], "", "unknown"),
    ] {
        let (found, how) = jurisdictions(stated, zip, &numbers);
        assert_eq!(
            (found.join(" ").as_str(), how.as_str()),
            (codes, source),
            "{stated:?} {zip:?} {numbers:?}"
        );
    }
}

#[test]
fn a_zip_code_tells_the_zones_of_its_states() {
    let known = |name: &str| Some(name.to_string());
    let zones = |state, number| {
        let found = ZonesResolved::new(None, Some(state), Some(number), known);
        (found.zones.join(" "), found.source.as_str())
    };
    let florida = ("America/Chicago America/New_York".to_string(), "state");
    assert_eq!(zones("33101", "+12145550123"), florida);
    assert_eq!(zones("10001", "+12145550123"), ("America/New_York".to_string(), "state"));
    assert_eq!(zones("75001", "+33142685300"), ("Europe/Paris".to_string(), "number"));
    assert_eq!(zones("09012", "+12125550123"), ("America/New_York".to_string(), "number"));
}
