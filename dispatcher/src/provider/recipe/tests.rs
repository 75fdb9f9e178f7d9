//! Tests of recipes: what is wrong with one is told by place, value and remedy.

use super::*;
use serde_json::json;

fn told(change: impl Fn(&mut Value)) -> Vec<String> {
    let mut settings: Value =
        serde_json::from_str(include_str!("../http/example.json")).expect("JSON");
    change(&mut settings["recipe"]);
    match Recipe::read(&settings) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn the_example_is_sound() {
    assert_eq!(told(|_| ()), Vec::<String>::new());
}

/// A change to the example, the place that is told, and a part of what is told.
type Case = (fn(&mut Value), &'static str, &'static str);

fn all_told(cases: &[Case]) {
    for (change, path, rule) in cases {
        let told = told(change);
        let fits = |told: &String| told.starts_with(path) && told.contains(rule);
        assert!(told.iter().any(fits), "{path} {rule}: {told:?}");
    }
}

#[test]
fn each_mistake_in_a_request_is_told_with_its_place_and_its_remedy() {
    all_told(&[
        (
            |r| r["place"]["request"]["method"] = json!("FETCH"),
            "recipe.place.request.method",
            "`FETCH`",
        ),
        (|r| r["place"]["requst"] = json!(1), "recipe.place", "`requst`"),
        (|r| r["place"]["id"] = json!("call.id"), "recipe.place.id", "/call/id"),
        (
            |r| r["place"]["request"]["url"] = json!("ftp://x"),
            "recipe.place.request.url",
            "\"ftp://x\"",
        ),
        (
            |r| r["place"]["request"]["url"] = json!("https://{{variable.host}}/calls"),
            "recipe.place.request.url",
            "write the host out",
        ),
        (
            |r| r["place"]["request"]["json"]["to"] = json!("{{adress}}"),
            "recipe.place.request",
            "names adress",
        ),
        (
            |r| r["place"]["request"]["json"]["to"] = json!("+1"),
            "recipe.place.request",
            "{{address}} nowhere",
        ),
        (
            |r| r["place"]["request"]["headers"]["A B"] = json!("x"),
            "recipe.place.request.headers",
            "\"A B\"",
        ),
        (|r| r["place"]["request"]["form"] = json!({"a": "b"}), "recipe.place.request", "one body"),
    ]);
    assert_eq!(told(|r| r["hang_up"]["form"] = json!({"a": "b"})), Vec::<String>::new());
}

#[test]
fn each_mistake_in_what_is_heard_is_told_with_its_place_and_its_remedy() {
    all_told(&[
        (
            |r| r["words"]["engaged"] = json!("bussy"),
            "recipe.words[\"engaged\"]",
            "\"bussy\" is not an outcome",
        ),
        (
            |r| r["statuses"] = json!({"queued": "placed"}),
            "recipe.statuses",
            "no call would ever end",
        ),
        (|r| r["statuses"]["queued"] = json!("waiting"), "recipe.statuses.queued", "`waiting`"),
        (
            |r| r["errors"][3] = json!({"status": 500, "outcome": "provider_fault"}),
            "recipe.errors[3]",
            "does not say that nothing was placed",
        ),
        (
            |r| r["errors"][3] = json!({"status": 200, "outcome": "config_error"}),
            "recipe.errors[3]",
            "makes refusals of successes",
        ),
        (
            |r| r["errors"][3] = json!({"status": 200, "contains": "error", "outcome": "blocked"}),
            "recipe.errors[3]",
            "makes refusals of successes",
        ),
        (
            |r| r["errors"][3] = json!({"outcome": "blocked"}),
            "recipe.errors[3]",
            "add status or contains",
        ),
        (
            |r| r["webhook"]["signature"]["message"] = json!("{body}"),
            "recipe.webhook.signature.message",
            "anybody could renew",
        ),
        (
            |r| r["webhook"]["facts"] = json!({"status": "/s"}),
            "recipe.webhook.facts",
            "which call is meant",
        ),
    ]);
}

#[test]
fn an_account_without_a_recipe_is_told_where_to_read() {
    let problems = Recipe::read(&json!({})).expect_err("none");
    assert_eq!(problems[0].path, "recipe");
}

#[test]
fn a_whole_word_counts_before_a_beginning_and_a_long_beginning_before_a_short_one() {
    let mut settings: Value =
        serde_json::from_str(include_str!("../http/example.json")).expect("JSON");
    settings["recipe"]["words"] =
        json!({"e*": "blocked", "err-*": "provider_fault", "err-1": "busy"});
    let recipe = Recipe::read(&settings).expect("sound");
    assert_eq!(recipe.outcome("err-1"), Some("busy"));
    assert_eq!(recipe.outcome("err-17"), Some("provider_fault"));
    assert_eq!((recipe.outcome("else"), recipe.outcome("x")), (Some("blocked"), None));
}
