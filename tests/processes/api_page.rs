//! The page on the API: every example runs, and answers what the page says it answers.

use crate::ONE_AT_A_TIME;
use crate::api::office;
use reqwest::Method;
use serde_json::Value;
use std::path::Path;
use std::process::Command;

const PAGE: &str = "docs/api.md";

// R229, R172, R173, R227: a curl example for each endpoint, and they work.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_examples_of_the_page_on_the_api_do_what_it_says() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("api_page", &["--no-dispatch"]).await;
    let api = office.rehearsal.dispatcher_url(0, "");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let (mut told, mut rest, mut ran) = (String::new(), page.as_str(), Vec::new());
    while let Some((before, after)) = rest.split_once("```sh\n") {
        let (commands, after) = after.split_once("```\n").unwrap();
        told += &format!("{before}```sh\n{commands}```\n");
        let mut bash = Command::new("bash");
        // An answer that says no ends the block.
        let strict = commands.replace("curl -sS", "curl -sS --fail-with-body");
        bash.args(["-euo", "pipefail", "-c", &strict]).env("API", &api).env("KEY", &office.admin);
        let output = bash.current_dir(&office.rehearsal.dir).output().unwrap();
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{printed}{}in: {commands}",
            String::from_utf8_lossy(&output.stderr)
        );
        ran.extend(commands.split("curl -sS").skip(1).map(asked));
        rest = after;
        if let Some(says) = after.strip_prefix("\n```json\n") {
            rest = says.split_once("```\n").unwrap().1;
            let answer: Value = serde_json::from_str(&printed).unwrap();
            told += &format!("\n```json\n{answer:#}\n```\n");
        }
    }
    told += rest;
    let document = office.ask(Method::GET, "", "/openapi.json", &[], None).await;
    let mut lacking = without_example(&document.body, &ran);
    // It needs a call that is live: tests/processes/api_answers.rs has one.
    lacking.retain(|operation| operation != "post /api/v1/calls/{id}/hang-up");
    assert!(lacking.is_empty(), "{PAGE} has no example of {lacking:#?}");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    assert!(
        told == std::fs::read_to_string(&path).unwrap(),
        "{PAGE} is not true; UPDATE_EXPECT=1 rewrites it to:\n{told}"
    );
}

/// Method and path of a request, as its command writes them.
fn asked(command: &str) -> (String, String) {
    let path = command.split_once("$API").map_or("", |(_, rest)| rest);
    let path = path.split(['"', '?']).next().unwrap_or_default();
    let stated = command.split_once("-X ").map(|(_, rest)| rest.split(' ').next().unwrap_or(""));
    let has_body = command.contains(" -d ") || command.contains(" --data-binary");
    let method = stated.unwrap_or(if has_body { "POST" } else { "GET" });
    (method.to_lowercase(), path.to_owned())
}

/// Operations of the document that nobody asked for; what fits a literal path is not one with a parameter.
fn without_example(document: &Value, ran: &[(String, String)]) -> Vec<String> {
    let paths = document["paths"].as_object().unwrap();
    let meant = |asked: &(String, String)| {
        let has_method = |item: &Value| item.get(&asked.0).is_some();
        let fitting = paths.iter().filter(|(path, item)| has_method(item) && fits(path, &asked.1));
        let path = fitting.min_by_key(|(path, _)| path.matches('{').count());
        path.map(|(path, _)| format!("{} {path}", asked.0))
    };
    let shown: Vec<String> = ran.iter().filter_map(meant).collect();
    let methods = |item: &Value| item.as_object().cloned().unwrap_or_default();
    let operations = paths.iter().flat_map(|(path, item)| {
        methods(item).into_iter().map(move |(method, _)| format!("{method} {path}"))
    });
    operations.filter(|operation| !shown.contains(operation)).collect()
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<&str>, Vec<&str>) =
        (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(&path).all(|(part, stated)| part.starts_with('{') || part == stated)
}
