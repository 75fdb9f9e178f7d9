//! Tests of how the sources of configuration combine.

use super::*;

fn parsed(text: &str) -> Stated {
    toml::from_str(text).expect("good TOML")
}

// R177
#[test]
fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
    let file = parsed("database_url = 'postgres:///a'\nin_hand = 7\npoll_ms = 50");
    let flags = Stated { in_hand: Some(9), ..Stated::default() };
    let config = flags.over(file).settled().expect("complete");
    assert_eq!(
        (config.in_hand, config.poll, config.requests_at_once),
        (9, Duration::from_millis(50), 64)
    );
    assert!(config.ticks);
}

#[test]
fn a_misspelt_setting_is_an_error_and_not_silence() {
    assert!(toml::from_str::<Stated>("in_hands = 7").is_err());
}

#[test]
fn what_is_out_of_range_is_named() {
    let stated = parsed("database_url = 'postgres:///a'\nin_hand = 0");
    let error = stated.settled().expect_err("zero in hand");
    assert_eq!(error.to_string(), "in_hand must be between 1 and 10000, not 0");
}

#[test]
fn origins_are_named_one_by_one_as_browsers_write_them() {
    let with = |origins: &str| {
        parsed(&format!("database_url = 'postgres:///a'\napi_allow_origins = [{origins}]"))
            .settled()
    };
    let config = with("'https://desk.example.com', 'http://localhost:3000'").expect("two origins");
    assert_eq!(config.api.allow_origins, ["https://desk.example.com", "http://localhost:3000"]);
    assert!(with("").expect("none").api.allow_origins.is_empty());
    for wrong in [
        "*",
        "null",
        "",
        "desk.example.com",
        "https://desk.example.com/",
        "https://Desk.example.com",
        "https://desk.example.com:443",
        "https://*.example.com",
        "ftp://desk.example.com",
    ] {
        let error = with(&format!("'{wrong}'")).expect_err(wrong);
        assert!(error.to_string().ends_with(&format!("not {wrong:?}")), "{error}");
    }
}
