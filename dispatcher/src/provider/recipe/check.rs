//! What is wrong with a recipe that could be read: every name, pointer, word and rule in it.

use super::{ErrorRule, Facts, Problem, Recipe, Request, Signature, outcome_word};
use crate::provider::template::{NAMES, names, unknown_name};
use serde_json::Value;

/// Everything that is wrong, by place.
pub fn problems(recipe: &Recipe) -> Vec<Problem> {
    let mut found = Vec::new();
    placing(recipe, &mut found);
    if let Some(look_up) = &recipe.look_up {
        for (name, request) in [("by_id", &look_up.by_id), ("by_attempt", &look_up.by_attempt)] {
            if let Some(stated) = request {
                check_request(stated, &format!("recipe.look_up.{name}"), &mut found);
            }
        }
        if look_up.by_id.is_none() && look_up.by_attempt.is_none() {
            let rule = "states no request; add by_id, by_attempt, or both";
            found.push(Problem::new("recipe.look_up", rule));
        }
        check_facts(&look_up.facts, "recipe.look_up.facts", &mut found);
    }
    for (name, stated) in [("hang_up", &recipe.hang_up), ("check", &recipe.check)] {
        if let Some(request) = stated {
            check_request(request, &format!("recipe.{name}"), &mut found);
        }
    }
    if let Some(list) = &recipe.list {
        check_request(&list.request, "recipe.list.request", &mut found);
        check_facts(&list.facts, "recipe.list.facts", &mut found);
        check_pointer(list.next.as_deref(), "recipe.list.next", &mut found);
    }
    if let Some(webhook) = &recipe.webhook {
        check_facts(&webhook.facts, "recipe.webhook.facts", &mut found);
        check_signature(webhook.signature.as_ref(), &mut found);
    }
    words(recipe, &mut found);
    for (place, rule) in recipe.errors.iter().enumerate() {
        check_error(rule, &format!("recipe.errors[{place}]"), &mut found);
    }
    found
}

fn placing(recipe: &Recipe, found: &mut Vec<Problem>) {
    let request = &recipe.place.request;
    check_request(request, "recipe.place.request", found);
    check_pointer(Some(&recipe.place.id), "recipe.place.id", found);
    let mut templates = templates_of(request);
    templates.push(request.url.as_str());
    for (name, why) in [
        ("address", "nobody would be called"),
        ("attempt_id", "a lost answer could never be told from another call's"),
    ] {
        // The callback URL carries the attempt as well.
        let stated = |name| templates.iter().any(|template| names(template, name));
        if !(stated(name) || name == "attempt_id" && stated("callback_url")) {
            let rule = format!("names {{{{{name}}}}} nowhere: {why}; put it in");
            found.push(Problem::new("recipe.place.request", rule));
        }
    }
}

fn templates_of(request: &Request) -> Vec<&str> {
    let mut templates: Vec<&str> = Vec::new();
    templates.extend(request.headers.values().map(String::as_str));
    templates.extend(request.query.values().map(String::as_str));
    templates.extend(request.form.iter().flat_map(|form| form.values()).map(String::as_str));
    if let Some(json) = &request.json {
        texts(json, &mut templates);
    }
    templates
}

fn texts<'a>(value: &'a Value, into: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => into.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, into)),
        Value::Object(members) => members.values().for_each(|item| texts(item, into)),
        _ => (),
    }
}

/// What is wrong with one request.
pub fn check_request(request: &Request, path: &str, found: &mut Vec<Problem>) {
    let url = request.url.as_str();
    if !["https://", "http://", "/"].iter().any(|start| url.starts_with(start)) {
        let rule = format!(
            "{url:?} must begin with https:// or http://, or with / for a path below the account's \
             base_url"
        );
        found.push(Problem::new(format!("{path}.url"), rule));
    }
    // A value there could choose the host, and the key would go to it.
    let host = url.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or(""));
    if host.contains("{{") {
        let rule = format!("{url:?} puts a value into the host; write the host out");
        found.push(Problem::new(format!("{path}.url"), rule));
    }
    if request.json.is_some() && request.form.is_some() {
        found.push(Problem::new(path, "states json and form; a request has one body"));
    }
    for header in request.headers.keys() {
        if reqwest::header::HeaderName::from_bytes(header.as_bytes()).is_err() {
            let rule = format!("{header:?} is not a name that a header can have");
            found.push(Problem::new(format!("{path}.headers"), rule));
        }
    }
    for template in templates_of(request).into_iter().chain([url]) {
        if let Some(name) = unknown_name(template) {
            let known = NAMES.join(", ");
            let rule = format!(
                "{template:?} names {name}, which nothing stands for; there are {known}, \
                 variable.NAME, setting.NAME and secret.ROLE"
            );
            found.push(Problem::new(path, rule));
        }
    }
}

fn check_facts(facts: &Facts, path: &str, found: &mut Vec<Problem>) {
    for (name, pointer) in facts.pointers() {
        check_pointer(pointer.as_deref(), &format!("{path}.{name}"), found);
    }
    if facts.status.is_none() {
        let rule = "is missing; without a status nothing that is sent says anything";
        found.push(Problem::new(format!("{path}.status"), rule));
    }
    if facts.id.is_none() && facts.attempt_id.is_none() {
        let rule = "states neither id nor attempt_id: nobody could tell which call is meant";
        found.push(Problem::new(path, rule));
    }
}

fn check_pointer(pointer: Option<&str>, path: &str, found: &mut Vec<Problem>) {
    if let Some(wrong) = pointer.filter(|text| !text.is_empty() && !text.starts_with('/')) {
        let rule = format!(
            "{wrong:?} must be a JSON pointer, such as /call/id for the member id of the member call"
        );
        found.push(Problem::new(path, rule));
    }
}

fn check_signature(signature: Option<&Signature>, found: &mut Vec<Problem>) {
    const PATH: &str = "recipe.webhook.signature";
    let Some(Signature::Hmac { message, timestamp_header, .. }) = signature else { return };
    if message.matches("{body}").count() != 1 {
        let rule = format!("{message:?} must hold {{body}} once: it is what is signed");
        found.push(Problem::new(format!("{PATH}.message"), rule));
    }
    match (message.contains("{timestamp}"), timestamp_header) {
        (true, None) => {
            let rule = format!("is missing, but message is {message:?}; name the header");
            found.push(Problem::new(format!("{PATH}.timestamp_header"), rule));
        }
        (false, Some(header)) => {
            let rule = format!(
                "{message:?} leaves {{timestamp}} out: anybody could renew the one in {header}"
            );
            found.push(Problem::new(format!("{PATH}.message"), rule));
        }
        _ => (),
    }
}

fn words(recipe: &Recipe, found: &mut Vec<Problem>) {
    for (word, outcome) in &recipe.words {
        if outcome_word(outcome).is_none() {
            let rule = format!(
                "{outcome:?} is not an outcome; take one of {}",
                super::OUTCOMES.join(", ")
            );
            found.push(Problem::new(format!("recipe.words[{word:?}]"), rule));
        }
    }
    let heard = recipe.webhook.is_some() || recipe.look_up.is_some();
    if heard && !recipe.statuses.values().any(|meaning| *meaning == super::Meaning::Ended) {
        let rule = "none means ended: no call would ever end; add the vendor's last status";
        found.push(Problem::new("recipe.statuses", rule));
    }
}

fn check_error(rule: &ErrorRule, path: &str, found: &mut Vec<Problem>) {
    check_pointer(rule.at.as_deref(), &format!("{path}.at"), found);
    if rule.outcome != "unknown" && rule.class().is_none() {
        let told = format!(
            "{:?} is not a way of refusing; take over_limit, account_error, config_error, \
             invalid_number, blocked, provider_fault, or unknown where it may be ringing",
            rule.outcome
        );
        found.push(Problem::new(format!("{path}.outcome"), told));
    }
    let by_words = rule.is.is_some() || rule.contains.is_some();
    if !by_words && rule.status.is_none() {
        found.push(Problem::new(
            path,
            "states nothing to tell an answer by; add status or contains",
        ));
    }
    // What is refused may be dialled again, so a success needs more than a word somewhere in it.
    if rule.status.is_some_and(|status| (200..300).contains(&status))
        && !(by_words && rule.at.is_some())
        && rule.outcome != "unknown"
    {
        let told = "makes refusals of successes; say by at, and is or contains, where a success \
             says that nothing was placed";
        found.push(Problem::new(path, told));
    }
    // A server that failed may have begun: its status alone is no proof that nothing rings.
    let server = rule.status.is_none_or(|status| status >= 500 || status == 408);
    if !by_words && server && rule.status.is_some() && rule.outcome != "unknown" {
        let told = format!(
            "status {} alone does not say that nothing was placed; add is or contains",
            rule.status.unwrap_or_default()
        );
        found.push(Problem::new(path, told));
    }
}
