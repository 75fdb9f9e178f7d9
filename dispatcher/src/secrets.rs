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
    let text = from_credentials(name).or_else(|| std::env::var(name).ok());
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    text.map(Secret::new).ok_or_else(missing)
}

fn from_credentials(name: &str) -> Option<String> {
    // A name with a slash would lead out of the directory.
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte));
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|_| plain)?;
    let text = std::fs::read_to_string(PathBuf::from(directory).join(name)).ok()?;
    (text.len() <= LENGTH_MAX).then_some(text)
}
