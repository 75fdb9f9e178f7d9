//! Tests of the check, on the files that a person would write.

use super::*;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    check: Check,
}

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/provider/http/example.json");

fn checked(flags: &[&str]) -> Result<String, String> {
    let line = ["check"].iter().chain(flags);
    let line = Line::try_parse_from(line).map_err(|error| error.to_string())?;
    check(&line.check).map_err(|error| error.to_string())
}

/// A file that is gone when the test is over.
fn file(name: &str, text: &str) -> String {
    let path = std::env::temp_dir().join(format!("dialerd-{}-{name}", std::process::id()));
    std::fs::write(&path, text).expect("written");
    path.display().to_string()
}

#[test]
fn a_sound_recipe_shows_its_requests_and_no_secret() {
    let flags = [EXAMPLE, "--base-url", "https://api.example.com", "--address", "+442079460000"];
    let told = checked(&flags).expect("sound");
    assert!(told.contains("# place\nPOST https://api.example.com/calls\n"), "{told}");
    assert!(told.contains("Authorization: Bearer (the account's key)"), "{told}");
    assert!(told.contains("\"to\": \"+442079460000\""), "{told}");
    assert!(told.contains("# hang_up\nDELETE https://api.example.com/calls/"), "{told}");
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = std::fs::read_to_string(EXAMPLE).expect("the example");
    let text = text.replace("\"/call/id\"", "\"call.id\"").replace("\"busy\"", "\"bussy\"");
    let path = file("wrong.json", &text);
    let told = checked(&[&path]).expect_err("wrong");
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 2, "{told}");
    assert!(lines[0].starts_with("recipe.place.id: \"call.id\""), "{told}");
    assert!(lines[1].starts_with("recipe.words[\"engaged\"]: \"bussy\""), "{told}");
    drop(std::fs::remove_file(path));
}

#[test]
fn webhooks_and_answers_are_tried_out() {
    let hook = file("hook.json", r#"{"call": {"id": 7, "state": "finished", "cause": "engaged"}}"#);
    let answer = file("answer.json", r#"{"error": {"code": "number_invalid"}}"#);
    let base = [EXAMPLE, "--base-url", "https://x.example"];
    let with = |flags: &[&str]| checked(&[&base[..], flags].concat()).expect("sound");
    let told = with(&["--webhook", &hook, "--answer", &answer, "--status", "400"]);
    assert!(told.contains("\"outcome\": \"busy\""), "{told}");
    assert!(told.contains("# an answer 400\nrefused as invalid_number: number_invalid"), "{told}");
    assert!(with(&["--status", "503"]).contains("it may be ringing: answer 503"));
    assert!(with(&["--status", "201"]).contains("it may be ringing: accepted without an id"));
    drop((std::fs::remove_file(hook), std::fs::remove_file(answer)));
}
