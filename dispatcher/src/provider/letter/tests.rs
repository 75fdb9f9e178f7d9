//! Tests of letters: what is filled in, and what a variable cannot do.

use super::*;
use crate::provider::tests::placement;
use serde_json::json;

fn letter(settings: Value, variables: Value) -> Result<Letter, PlaceError> {
    Letter::write(&settings, &placement("ada@example.org", variables))
}

#[test]
fn a_variable_can_begin_neither_a_header_nor_a_tag() {
    let settings = json!({"from": "a@example.org", "subject": "For {{name}}", "html": "<b>{{name}}</b>",
        "headers": {"List-Unsubscribe": "<https://example.org/{{id}}>"}});
    let variables = json!({"name": "<i>\r\nBcc: x@example.org", "id": "7\n8"});
    let letter = letter(settings, variables).expect("complete");
    assert_eq!(letter.subject, "For <i> Bcc: x@example.org");
    assert_eq!(letter.html.as_deref(), Some("<b>&lt;i&gt;\r\nBcc: x@example.org</b>"));
    let unsubscribe = ("List-Unsubscribe".to_owned(), "<https://example.org/7 8>".to_owned());
    assert_eq!(letter.headers, [unsubscribe]);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for (settings, told) in [
        (json!({"subject": "s"}), "from"),
        (json!({"from": "a@example.org"}), "subject"),
        (json!({"from": "a@example.org", "subject": "s", "headers": {"A B": "c"}}), "headers.A B"),
        (json!({"from": "a@example.org", "subject": "s", "headers": []}), "headers is []"),
    ] {
        let refused = letter(settings, json!({}));
        let Err(PlaceError::Refused(refusal)) = refused else { panic!("{refused:?}") };
        assert!(refusal.details.to_string().contains(told), "{told}: {}", refusal.details);
    }
}

#[test]
fn the_subject_stands_in_for_a_missing_text() {
    let letter = letter(json!({"from": "a@example.org", "subject": "s"}), json!({}));
    assert_eq!(letter.expect("complete").text, "s");
}
