//! Tests of templates.

use super::*;
use serde_json::json;

fn known() -> Known {
    let mut known = Known::default();
    known.set("address", "+13035550100");
    known.set("variables", json!({"name": "Ada & Co", "count": 3, "evil": "a/../b?c\r\nX: y"}));
    known.set("secrets", json!({"token": "t"}));
    known
}

#[test]
fn a_value_in_a_url_or_a_header_stays_a_value() {
    let url = known().url("https://example.org/{{ variable.evil }}?to={{address}}");
    assert_eq!(url, "https://example.org/a%2F..%2Fb%3Fc%0D%0AX%3A%20y?to=%2B13035550100");
    assert_eq!(
        known().header("Bearer {{secret.token}} {{variable.evil}}"),
        "Bearer t a/../b?cX: y"
    );
}

#[test]
fn a_lone_name_keeps_its_type_and_an_unknown_value_is_null() {
    let template = json!({"to": ["{{address}}"], "n": "{{variable.count}}", "t": "x{{variable.count}}",
        "none": "{{variable.other}}", "all": "{{variables}}", "flag": true});
    let filled = known().json(&template);
    assert_eq!(filled["to"][0], "+13035550100");
    assert_eq!((&filled["n"], &filled["t"]), (&json!(3), &json!("x3")));
    assert_eq!((&filled["none"], &filled["flag"]), (&Value::Null, &json!(true)));
    assert_eq!(filled["all"]["name"], "Ada & Co");
}

#[test]
fn a_name_that_nothing_stands_for_is_found() {
    for (template, name) in [
        ("{{adress}}", Some("adress")),
        ("{{variable.}}", Some("variable.")),
        ("a {{address", Some("{{ that is not closed")),
        ("{{secret.pin}} {{setting.x}} {{variable.y}} {{callback_url}}", None),
    ] {
        assert_eq!(unknown_name(template).as_deref(), name, "{template}");
    }
}
