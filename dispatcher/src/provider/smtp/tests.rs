//! Tests of what needs no server: settings, messages, and what a reply means at each step.

use super::*;
use crate::provider::Secret;
use crate::provider::tests::{ATTEMPT, placement, reason};

fn account(base_url: &str, settings: Value) -> Account {
    let base_url = Some(base_url.to_owned());
    Account { base_url, settings, ..Account::default() }
}

#[test]
fn a_server_is_reached_with_encryption_unless_a_setting_says_otherwise() {
    let server = |url, settings| Server::of(&account(url, settings)).expect("sound");
    let stated = |url, settings| {
        let server = server(url, settings);
        (server.encryption, server.port)
    };
    assert_eq!(stated("smtp://mail.example.org", json!({})), (Encryption::Upgraded, 587));
    assert_eq!(stated("smtps://mail.example.org", json!({})), (Encryption::AtOnce, 465));
    assert_eq!(
        stated("smtp://127.0.0.1:2525", json!({"tls": "none"})),
        (Encryption::Without, 2525)
    );
    let hello = server("smtp://mail.example.org", json!({"from": "Acme <a@acme.example>"})).hello;
    assert_eq!(hello, ClientId::Domain("acme.example".to_owned()));
}

#[test]
fn a_setting_that_is_wrong_is_named() {
    let told = |url: &str, settings: Value, key: Option<&str>| {
        let key = key.map(|key| Secret::new(key.to_owned()));
        reason(Server::of(&Account { key, ..account(url, settings) }).map(|_| ()))
    };
    for (said, part) in [
        (told("mail.example.org", json!({}), None), "base_url is \"mail.example.org\""),
        (told("https://mail.example.org", json!({}), None), "smtp://host:587"),
        (told("smtp://user@mail.example.org", json!({}), None), "without a user"),
        (told("smtps://h", json!({"tls": "none"}), None), "tls is \"none\""),
        (told("smtp://h", json!({"username": "u"}), None), "no secret_name"),
        (told("smtp://h", json!({}), Some("p")), "no username"),
        (
            told("smtp://h", json!({"tls": "none", "username": "u"}), Some("p")),
            "for anybody to read",
        ),
        (told("smtp://h", json!({"timeout_seconds": 0}), None), "timeout_seconds is 0"),
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_message_has_the_attempt_as_its_id_and_both_forms_of_its_text() {
    let settings = json!({"from": "Acme <a@acme.example>", "subject": "Grüße, {{name}}",
        "text": "plain", "html": "<b>{{name}}</b>", "headers": {"List-Unsubscribe": "<https://x/u>"}});
    let post = Post::of(&settings, &placement("ada@example.org", json!({"name": "Ada"})));
    let post = post.expect("complete");
    assert_eq!(post.message_id, format!("<{ATTEMPT}@acme.example>"));
    let text = String::from_utf8(post.content).expect("text");
    assert!(text.is_ascii());
    for part in [
        format!("Message-ID: <{ATTEMPT}@acme.example>\r\n").as_str(),
        "List-Unsubscribe: <https://x/u>\r\n",
        "multipart/alternative",
        "<b>Ada</b>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let wrong = Post::of(&settings, &placement("no address", json!({})));
    let Err(PlaceError::Refused(refusal)) = wrong.map(|_| ()) else { panic!("not refused") };
    assert_eq!(refusal.class, RefusalClass::InvalidNumber);
}

#[test]
fn a_reply_means_one_thing_of_a_recipient_and_another_of_a_sender() {
    use RefusalClass::{
        AccountError, Blocked, ConfigError, InvalidNumber, OverLimit, ProviderFault,
    };
    for (step, code, enhanced, expected) in [
        (Step::Greeting, "421", Some("4.7.0"), OverLimit),
        (Step::Greeting, "421", None, OverLimit),
        (Step::Greeting, "554", None, ConfigError),
        (Step::SignIn, "535", Some("5.7.8"), AccountError),
        (Step::SignIn, "454", None, ProviderFault),
        (Step::Sender, "530", Some("5.7.0"), AccountError),
        (Step::Sender, "530", None, AccountError),
        (Step::Sender, "550", None, ConfigError),
        (Step::Sender, "452", Some("4.3.1"), OverLimit),
        (Step::Recipient, "550", Some("5.1.1"), InvalidNumber),
        (Step::Recipient, "550", Some("5.7.1"), Blocked),
        (Step::Recipient, "553", None, InvalidNumber),
        (Step::Recipient, "599", None, InvalidNumber),
        (Step::Recipient, "450", Some("4.2.0"), ProviderFault),
        (Step::Recipient, "451", Some("4.7.1"), ProviderFault),
        (Step::Recipient, "452", Some("4.2.2"), ProviderFault),
        (Step::Recipient, "552", Some("5.2.2"), ProviderFault),
        (Step::Content, "550", None, Blocked),
        (Step::Content, "554", Some("5.7.1"), Blocked),
        (Step::Content, "552", Some("5.3.4"), ConfigError),
        (Step::Content, "451", None, ProviderFault),
    ] {
        assert_eq!(class(step, code, enhanced), expected, "{step:?} {code} {enhanced:?}");
    }
    assert!(
        is_enhanced("5.7.26")
            && !is_enhanced("1.2.3")
            && !is_enhanced("5.7")
            && !is_enhanced("5..1")
    );
}
