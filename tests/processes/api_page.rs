//! The page on the API: every example runs, and answers what the page says it answers.

use crate::ONE_AT_A_TIME;
use crate::api::office;
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
    let (mut told, mut rest, mut ran) = (String::new(), page.as_str(), 0);
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
        ran += commands.matches("curl ").count();
        rest = after;
        if let Some(says) = after.strip_prefix("\n```json\n") {
            rest = says.split_once("```\n").unwrap().1;
            let answer: Value = serde_json::from_str(&printed).unwrap();
            told += &format!("\n```json\n{answer:#}\n```\n");
        }
    }
    told += rest;
    assert!(ran > 40, "only {ran} examples");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &told).unwrap();
    }
    assert!(
        told == std::fs::read_to_string(&path).unwrap(),
        "{PAGE} is not true; UPDATE_EXPECT=1 rewrites it to:\n{told}"
    );
}
