//! Tests of how an account comes by its secrets.

use super::*;

fn with(settings: Value) -> Result<Account, AccountError> {
    let find = |name: &str| match name {
        "KEY" | "PBX" => Ok(Secret::new(format!("what {name} holds"))),
        other => Err(Missing::Nowhere(other.to_owned())),
    };
    Account::with_secrets(None, Some("KEY"), settings, find)
}

// R114
#[test]
fn secrets_are_found_by_the_names_that_the_settings_give_them() {
    let account = with(json!({"secrets": {"password": "PBX"}})).expect("both are there");
    assert_eq!(account.key.as_ref().map(Secret::text), Some("what KEY holds"));
    assert_eq!(account.secrets["password"].text(), "what PBX holds");
    assert!(!format!("{account:?}").contains("what"), "a secret is shown");
}

#[test]
fn a_secret_that_is_not_there_is_told_by_its_name() {
    let error = with(json!({"secrets": {"password": "NOWHERE"}})).expect_err("missing");
    assert_eq!(
        error.to_string(),
        "no credential, no file of the secrets directory and no environment variable is called NOWHERE"
    );
    for wrong in [json!({"secrets": "PBX"}), json!({"secrets": {"password": 7}})] {
        assert_eq!(with(wrong).err(), Some(AccountError::SecretsAreNoNames));
    }
}

#[test]
fn a_base_url_may_end_with_a_slash_or_not() {
    let mut account = Account::default();
    assert_eq!(account.url("https://own.example", "/x"), "https://own.example/x");
    account.base_url = Some("http://127.0.0.1:1/".to_owned());
    assert_eq!(account.url("https://own.example", "/x"), "http://127.0.0.1:1/x");
}
