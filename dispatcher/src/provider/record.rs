//! A system of record: what a business's own system says of a number, asked by a recipe's request.

use super::http::{Filled, known_of_account};
use super::recipe::{Problem, Request, check_request};
use super::request::text;
use super::{Account, LookUpError, exchange};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// How to ask, and what its words mean.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SystemOfRecord {
    pub request: Request,
    /// Name of the secret that stands for `{{secret}}`.
    #[serde(default)]
    pub secret_name: Option<String>,
    /// Where the status stands in the answer, as a JSON pointer.
    pub status: String,
    /// What a status means; `*` stands for any other.
    pub words: BTreeMap<String, Standing>,
}

/// What is known of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Active,
    Sale,
    Dnc,
    Missing,
}

impl Standing {
    /// The word of the database.
    pub fn word(self) -> &'static str {
        match self {
            Standing::Active => "active",
            Standing::Sale => "sale",
            Standing::Dnc => "dnc",
            Standing::Missing => "missing",
        }
    }
}

impl SystemOfRecord {
    /// Reads a description; everything that is wrong with it.
    pub fn read(text: &str) -> Result<SystemOfRecord, Vec<Problem>> {
        let read = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text));
        let stated: SystemOfRecord = read.map_err(|error| {
            vec![Problem::new(error.path().to_string(), error.inner().to_string())]
        })?;
        let mut problems = Vec::new();
        check_request(&stated.request, "request", &mut problems);
        if stated.request.url.starts_with('/') {
            problems.push(Problem::new("request.url", "must be written out, with its host"));
        }
        if !stated.status.starts_with('/') {
            let rule = format!("{:?} is no JSON pointer; write it as /lead/status", stated.status);
            problems.push(Problem::new("status", rule));
        }
        if problems.is_empty() { Ok(stated) } else { Err(problems) }
    }

    /// What it says of a number. Who is not found, or has a status without a meaning, is missing:
    /// in doubt nobody is called.
    pub async fn ask(
        &self,
        http: &reqwest::Client,
        account: &Account,
        address: &str,
    ) -> Result<Standing, LookUpError> {
        let mut known = known_of_account(account);
        known.set("address", address);
        let filled = Filled::of(&self.request, &known, account).map_err(LookUpError)?;
        let answer = exchange::found(filled.request(http)).await?;
        Ok(answer.map_or(Standing::Missing, |answer| self.standing(&answer)))
    }

    fn standing(&self, answer: &Value) -> Standing {
        let Some(said) = answer.pointer(&self.status).and_then(text) else {
            return Standing::Missing;
        };
        let any = self.words.get("*");
        self.words.get(&said).or(any).copied().unwrap_or(Standing::Missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const CRM: &str = r#"{"request": {"method": "GET", "url": "https://crm.example.com/leads?phone={{address}}",
        "headers": {"Authorization": "Bearer {{secret}}"}}, "secret_name": "CRM_KEY", "status": "/lead/status",
        "words": {"SOLD": "sale", "DO NOT CALL": "dnc", "OPEN": "active"}}"#;

    #[test]
    fn a_status_means_what_the_description_says_and_nothing_else() {
        let crm = SystemOfRecord::read(CRM).unwrap();
        let standing = |status: Value| crm.standing(&json!({"lead": {"status": status}}));
        assert_eq!(standing(json!("SOLD")), Standing::Sale);
        assert_eq!(standing(json!("DO NOT CALL")), Standing::Dnc);
        assert_eq!(standing(json!("OPEN")), Standing::Active);
        assert_eq!(standing(json!("open")), Standing::Missing);
        assert_eq!(standing(json!(null)), Standing::Missing);
        assert_eq!(crm.standing(&json!([])), Standing::Missing);
        let any = SystemOfRecord::read(&CRM.replace("OPEN", "*")).unwrap();
        assert_eq!(any.standing(&json!({"lead": {"status": 7}})), Standing::Active);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_place() {
        let told = |text: &str| {
            SystemOfRecord::read(text)
                .unwrap_err()
                .iter()
                .map(Problem::to_string)
                .collect::<Vec<_>>()
        };
        assert!(told(&CRM.replace("\"sale\"", "\"sold\""))[0].starts_with("words.SOLD: "));
        assert_eq!(
            told(&CRM.replace("/lead/status", "lead")),
            ["status: \"lead\" is no JSON pointer; write it as /lead/status"]
        );
        assert!(told(&CRM.replace("{{address}}", "{{number}}"))[0].starts_with("request"));
        assert!(told(&CRM.replace("https://crm.example.com", ""))[0].starts_with("request.url"));
    }
}
