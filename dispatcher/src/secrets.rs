//! Secrets by name: from systemd's credentials directory, else from the environment.
//!
//! The database knows names only; what is found here goes into a header and nowhere else.

use crate::provider::Secret;
use std::path::PathBuf;

/// LIMIT: bytes of a credential file.
const LENGTH_MAX: usize = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no credential and no environment variable is called {0}")]
pub struct Missing(pub String);

/// The secret of that name.
pub fn find(name: &str) -> Result<Secret, Missing> {
    let missing = || Missing(name.to_owned());
    if is_our_own(name) {
        return Err(missing());
    }
    let text = from_credentials(name).or_else(|| std::env::var(name).ok());
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    text.map(Secret::new).ok_or_else(missing)
}

/// Whether a variable is a setting of this program or of its database: whoever may write an
/// account cannot have these sent to an address of their choice.
fn is_our_own(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("DIALERD_") || name.starts_with("PG") || name == "DATABASE_URL"
}

fn from_credentials(name: &str) -> Option<String> {
    // A name with a slash would lead out of the directory.
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|_| plain)?;
    let text = std::fs::read_to_string(PathBuf::from(directory).join(name)).ok()?;
    (text.len() <= LENGTH_MAX).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_our_own_are_nobody_s_secrets() {
        for own in ["DATABASE_URL", "DIALERD_DATABASE_URL", "PGPASSWORD", "pgpassword"] {
            assert!(is_our_own(own), "{own}");
        }
        for theirs in ["VAPI_KEY", "MY_PG_KEY", "DATABASE_URL_OF_CRM"] {
            assert!(!is_our_own(theirs), "{theirs}");
        }
        // Set by cargo for every test.
        assert!(find("CARGO_PKG_NAME").is_ok());
        assert_eq!(find("PGPASSWORD"), Err(Missing("PGPASSWORD".to_owned())));
    }
}
