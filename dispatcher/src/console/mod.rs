//! The console: pages for people at `/`, which ask the REST API of the same process.
//!
//! Static files and nothing else: they are part of the program, and whoever opens them has to show
//! an API key before there is anything to see. What a page may do is said in its headers.

use axum::Router;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

struct File {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

macro_rules! files {
    ($($name:literal: $kind:expr,)*) => {
        &[$(File { name: $name, kind: $kind, text: include_str!(concat!("../../console/", $name)) },)*]
    };
}

const ENTRY: &str = "index.html";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const FILES: &[File] = files! {
    "index.html": "text/html; charset=utf-8",
    "style.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
    "api.js": SCRIPT,
    "app.js": SCRIPT,
    "bans.js": SCRIPT,
    "batch.js": SCRIPT,
    "call.js": SCRIPT,
    "calls.js": SCRIPT,
    "campaign.js": SCRIPT,
    "campaign_form.js": SCRIPT,
    "campaigns.js": SCRIPT,
    "consent.js": SCRIPT,
    "contacts.js": SCRIPT,
    "csv.js": SCRIPT,
    "dashboard.js": SCRIPT,
    "dead_letters.js": SCRIPT,
    "dialogue.js": SCRIPT,
    "do_not_call.js": SCRIPT,
    "element.js": SCRIPT,
    "form.js": SCRIPT,
    "import.js": SCRIPT,
    "list.js": SCRIPT,
    "person.js": SCRIPT,
    "report.js": SCRIPT,
    "series.js": SCRIPT,
    "series_form.js": SCRIPT,
    "sign_in.js": SCRIPT,
    "time.js": SCRIPT,
};

/// Scripts and styles from here only, none of them inline; text never becomes HTML (trusted types);
/// no form goes anywhere; nobody frames the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// The entry page at `/`, and what it needs below `/console/`.
pub fn router() -> Router {
    FILES.iter().fold(Router::new(), |router, file| {
        let path = match file.name {
            ENTRY => "/".to_owned(),
            name => format!("/console/{name}"),
        };
        let etag = format!("\"{}\"", hex(&Sha256::digest(file.text)[..16]));
        let serve = move |asked: HeaderMap| {
            let response = served(file, &etag, &asked);
            async move { response }
        };
        router.route(&path, get(serve))
    })
}

fn served(file: &File, etag: &str, asked: &HeaderMap) -> Response {
    let protection = [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ];
    if file.name == ENTRY {
        let kept = [("content-type", file.kind), ("cache-control", "no-store")];
        return (protection, kept, file.text).into_response();
    }
    // Asked for anew each time, and sent only where a new program has another.
    let kept = [("content-type", file.kind), ("cache-control", "no-cache"), ("etag", etag)];
    let known =
        asked.get(header::IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == etag.as_bytes());
    match known {
        true => (StatusCode::NOT_MODIFIED, protection, kept).into_response(),
        false => (protection, kept, file.text).into_response(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
