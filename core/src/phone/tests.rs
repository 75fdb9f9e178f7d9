use super::*;

fn check(text: &str, region: &str) -> String {
    match PhoneNumber::normalize(text, region) {
        Ok(number) => number.to_string(),
        Err(error) => {
            assert!(error.is_phone());
            error.to_string().replace("invalid phone number: ", "refused: ")
        }
    }
}

// R115
#[test]
fn numbers_are_read_or_refused_with_the_reason() {
    for (text, region, expected) in [
        ("212-555-0123", "US", "+12125550123"),
        ("(212) 555 0123", "us", "+12125550123"),
        ("+1 212 555 0123", "", "+12125550123"),
        ("+4915123456789", "US", "+4915123456789"),
        ("+5511987654321", "US", "+5511987654321"),
        ("020 7946 0018", "GB", "+442079460018"),
        ("+78005553535", "", "+78005553535"),
        ("1-800-555-0199", "US", "+18005550199"),
        ("212-555-0123", "", "refused: not a phone number"),
        ("911", "US", "refused: emergency number"),
        ("+112", "", "refused: emergency number"),
        ("999", "GB", "refused: emergency number"),
        ("72345", "US", "refused: short code"),
        ("1-900-555-0123", "US", "refused: premium rate"),
        ("+1 212 555 0123 ext. 7", "", "refused: extension"),
        ("123-456-7890", "US", "refused: not in the numbering plan"),
        ("555-0123", "US", "refused: not in the numbering plan"),
        ("2125550123", "XX", "refused: unknown region"),
        ("2125550123", "ZZZ", "refused: unknown region"),
        ("", "US", "refused: wrong length"),
        ("no number at all", "US", "refused: short code"),
    ] {
        assert_eq!(check(text, region), expected, "{text} {region}");
    }
}
