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
    ] {
        let (found, how) = jurisdictions(stated, &numbers);
        assert_eq!(
            (found.join(" ").as_str(), how.as_str()),
            (codes, source),
            "{stated:?} {numbers:?}"
        );
    }
}
