//! Recipes: how to talk to a vendor that has no adapter here, as settings and not as code.
//!
//! A recipe says which requests to send (`template` fills them in), where in an answer or a
//! webhook the facts stand (JSON pointers), what the vendor's words mean, and how its webhooks are
//! signed. It is read and checked as a whole; what is wrong is told by place, value and rule.

mod check;
mod facts;

pub use check::{check_request, problems};
pub use facts::Facts;

use super::RefusalClass;
use super::event::Kind;
use super::signature::Digest;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt;

/// Everything that is known about a vendor.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    pub place: Place,
    #[serde(default)]
    pub look_up: Option<LookUp>,
    #[serde(default)]
    pub hang_up: Option<Request>,
    #[serde(default)]
    pub check: Option<Request>,
    #[serde(default)]
    pub list: Option<List>,
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// What the vendor's states mean: placed, ringing, answered, ended or note.
    #[serde(default)]
    pub statuses: BTreeMap<String, Meaning>,
    /// What the vendor's words for the end of a call mean: our outcomes. `*` at the end of a word
    /// stands for any ending.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    /// What answers that are no success mean; the first rule that fits counts.
    #[serde(default)]
    pub errors: Vec<ErrorRule>,
}

/// A request as a template.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default)]
    pub method: Method,
    /// Absolute, or below the account's base URL when it begins with a slash.
    pub url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    #[serde(default)]
    pub json: Option<Value>,
    #[serde(default)]
    pub form: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    Get,
    #[default]
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    pub fn name(self) -> reqwest::Method {
        match self {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub request: Request,
    /// Where the vendor's id of the call stands in its answer.
    pub id: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookUp {
    /// Asked when the vendor's id is known.
    #[serde(default)]
    pub by_id: Option<Request>,
    /// Asked when it is not: by the attempt's id, or by number and time.
    #[serde(default)]
    pub by_attempt: Option<Request>,
    pub facts: Facts,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub request: Request,
    /// Where the next page's cursor stands; absent: there is one page.
    #[serde(default)]
    pub next: Option<String>,
    pub facts: Facts,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    #[serde(default)]
    pub signature: Option<Signature>,
    pub facts: Facts,
}

/// How a webhook proves where it comes from.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "scheme", rename_all = "snake_case", deny_unknown_fields)]
pub enum Signature {
    /// The secret itself in a header.
    Secret {
        header: String,
        #[serde(default)]
        prefix: String,
    },
    /// HMAC over a message of timestamp and body.
    Hmac {
        #[serde(default = "sha256")]
        digest: Digest,
        header: String,
        #[serde(default)]
        prefix: String,
        #[serde(default)]
        encoding: Encoding,
        /// With `{body}`, and `{timestamp}` where a header states one.
        #[serde(default = "whole_body")]
        message: String,
        #[serde(default)]
        timestamp_header: Option<String>,
        #[serde(default)]
        secret_is_base64: bool,
    },
    /// As Svix and its many customers sign.
    Svix,
}

fn sha256() -> Digest {
    Digest::Sha256
}

fn whole_body() -> String {
    "{body}".to_owned()
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    #[default]
    Hex,
    Base64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    Placed,
    Ringing,
    Answered,
    Ended,
    Note,
}

impl Meaning {
    pub fn kind(self) -> Kind {
        match self {
            Meaning::Placed => Kind::Placed,
            Meaning::Ringing => Kind::Ringing,
            Meaning::Answered => Kind::Answered,
            Meaning::Ended => Kind::Ended,
            Meaning::Note => Kind::Note,
        }
    }
}

/// What an answer means: all that is stated must fit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    #[serde(default)]
    pub status: Option<u16>,
    /// Where to look in the answer; absent: all of it.
    #[serde(default)]
    pub at: Option<String>,
    /// What stands there, whole.
    #[serde(default)]
    pub is: Option<String>,
    /// What is found there, whatever its case.
    #[serde(default)]
    pub contains: Option<String>,
    /// One of the classes of a refusal, or `unknown`.
    pub outcome: String,
}

impl ErrorRule {
    pub fn fits(&self, status: u16, answer: &Value) -> bool {
        let place = self.at.as_deref().map_or(Some(answer), |at| answer.pointer(at));
        let said = place.and_then(super::request::text).unwrap_or_default();
        let lower = said.to_lowercase();
        self.status.is_none_or(|stated| stated == status)
            && self.is.as_deref().is_none_or(|whole| whole == said)
            && self.contains.as_deref().is_none_or(|part| lower.contains(&part.to_lowercase()))
    }

    /// None for `unknown`: it may have been done.
    pub fn class(&self) -> Option<RefusalClass> {
        RefusalClass::of_outcome(&self.outcome)
    }
}

/// What is wrong with a recipe: where, what stands there, and what should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub path: String,
    pub rule: String,
}

impl Problem {
    pub fn new(path: impl Into<String>, rule: impl Into<String>) -> Problem {
        Problem { path: path.into(), rule: rule.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.rule)
    }
}

impl Recipe {
    /// The recipe of an account's settings, or everything that is wrong with it.
    pub fn read(settings: &Value) -> Result<Recipe, Vec<Problem>> {
        if settings["recipe"].is_null() {
            let rule = "is missing; it says how to talk to the vendor, see docs/providers.md";
            return Err(vec![Problem::new("recipe", rule)]);
        }
        let read = serde_path_to_error::deserialize(&settings["recipe"]);
        let recipe: Recipe = read.map_err(|error| {
            let at = error.path().to_string();
            let path = if at == "." { "recipe".to_owned() } else { format!("recipe.{at}") };
            vec![Problem::new(path, error.inner().to_string())]
        })?;
        let problems = problems(&recipe);
        if problems.is_empty() { Ok(recipe) } else { Err(problems) }
    }

    /// The outcome of a word; none when the recipe does not know it.
    pub fn outcome(&self, said: &str) -> Option<&'static str> {
        let whole = self.words.get(said);
        let beginnings = self.words.iter().filter_map(|(word, outcome)| {
            let beginning = word.strip_suffix('*')?;
            said.starts_with(beginning).then_some((beginning.len(), outcome))
        });
        let longest = || beginnings.max_by_key(|(length, _)| *length).map(|(_, outcome)| outcome);
        outcome_word(whole.or_else(longest)?)
    }
}

/// One of the database's outcomes that a provider can report.
pub fn outcome_word(text: &str) -> Option<&'static str> {
    OUTCOMES.into_iter().find(|known| *known == text)
}

const OUTCOMES: [&str; 18] = [
    "completed",
    "no_answer",
    "busy",
    "voicemail",
    "rejected",
    "invalid_number",
    "blocked",
    "cancelled",
    "over_limit",
    "account_error",
    "config_error",
    "provider_fault",
    "maybe_reached",
    "sale",
    "dnc",
    "transferred",
    "callback",
    "not_interested",
];

#[cfg(test)]
mod tests;
