use super::*;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use std::collections::BTreeSet;
use std::path::Path;
use tower::ServiceExt;

async fn get(path: &str, headers: &[(&str, &str)]) -> Response {
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).expect("a request");
    router().oneshot(request).await.expect("an answer")
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().expect("ASCII"))
}

/// Names of files between these words.
fn named<'a>(text: &'a str, before: &str, after: char) -> Vec<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

// R227
#[tokio::test]
async fn each_file_is_served_as_what_it_is_and_may_do_nothing_but_ask_its_own_server() {
    for file in FILES {
        let path = if file.name == ENTRY { "/" } else { &format!("/console/{}", file.name) };
        let response = get(path, &[]).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(header(&response, "content-type"), file.kind, "{path}");
        assert_eq!(header(&response, "x-content-type-options"), "nosniff", "{path}");
        let policy = header(&response, "content-security-policy");
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "script-src 'self';"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        let kept = if file.name == ENTRY { "no-store" } else { "no-cache" };
        assert_eq!(header(&response, "cache-control"), kept, "{path}");
        let body = to_bytes(response.into_body(), 1_000_000).await.expect("a body");
        assert_eq!(body, file.text.as_bytes(), "{path}");
    }
}

#[tokio::test]
async fn what_a_browser_has_already_is_not_sent_again() {
    let first = get("/console/app.js", &[]).await;
    let etag = header(&first, "etag").to_owned();
    let again = get("/console/app.js", &[("if-none-match", &etag)]).await;
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, "x-content-type-options"), "nosniff");
    let other = get("/console/app.js", &[("if-none-match", "\"older\"")]).await;
    assert_eq!(other.status(), StatusCode::OK);
}

#[test]
fn every_file_of_the_console_is_part_of_the_program_and_every_import_is_one_of_them() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("console");
    let there: BTreeSet<String> = std::fs::read_dir(dir)
        .expect("the console's files")
        .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
        .collect();
    let served: BTreeSet<String> = FILES.iter().map(|file| file.name.to_owned()).collect();
    assert_eq!(there, served);
    for file in FILES {
        for name in named(file.text, "from \"./", '"') {
            assert!(served.contains(name), "{} imports {name}", file.name);
        }
    }
    let entry = FILES.iter().find(|file| file.name == ENTRY).expect("an entry page").text;
    for name in named(entry, "\"console/", '"') {
        assert!(served.contains(name), "the entry page names {name}");
    }
}

// Names of contacts are whatever somebody typed.
#[test]
fn no_script_makes_html_of_text() {
    for file in FILES.iter().filter(|file| file.kind == SCRIPT) {
        for word in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "DOMParser"]
        {
            assert!(!file.text.contains(word), "{} uses {word}", file.name);
        }
        assert!(!file.text.contains("://"), "{} names an address elsewhere", file.name);
        assert!(!file.text.contains("localStorage"), "{}: a key outlives its tab", file.name);
    }
    let entry = FILES.iter().find(|file| file.name == ENTRY).expect("an entry page").text;
    assert!(!entry.contains("<style") && !entry.contains("style=") && !entry.contains("onload"));
    assert_eq!(
        entry.matches("<script").count(),
        entry.matches("<script type=\"module\" src=").count()
    );
}
