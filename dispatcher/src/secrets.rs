//! Secrets by name: from systemd's credentials directory, else from a directory of secrets, else
//! from the environment.
//!
//! The database knows names only; what is found here goes into a header and nowhere else. Each is
//! looked for when it is needed, so that a file that is new, or has changed, counts from the next
//! request on.

use crate::provider::Secret;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// LIMIT: bytes of a credential file.
const LENGTH_MAX: u64 = 64 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    #[error(
        "no credential, no file of the secrets directory and no environment variable is called {0}"
    )]
    Nowhere(String),
    #[error("the secret {name} is not read from its file: {why}")]
    Refused { name: String, why: String },
}

/// The secret of that name.
pub fn find(name: &str) -> Result<Secret, Missing> {
    let nowhere = || Missing::Nowhere(name.to_owned());
    if is_our_own(name) {
        return Err(nowhere());
    }
    let text = match from_credentials(name) {
        None => match std::env::var_os("DIALERD_SECRETS_DIR").filter(|_| is_plain(name)) {
            Some(directory) => from_directory(Path::new(&directory), name)
                .map_err(|why| Missing::Refused { name: name.to_owned(), why })?,
            None => None,
        },
        found => found,
    };
    let text = text.or_else(|| std::env::var(name).ok());
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    text.map(Secret::new).ok_or_else(nowhere)
}

/// Whether a variable is a setting of this program or of its database: whoever may write an
/// account cannot have these sent to an address of their choice.
fn is_our_own(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    name.starts_with("DIALERD_") || name.starts_with("PG") || name == "DATABASE_URL"
}

/// Whether a name is that of a file: one with a slash, or of dots, would lead out of a directory.
fn is_plain(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    name.bytes().all(is_letter) && !name.starts_with('.')
}

fn from_credentials(name: &str) -> Option<String> {
    let directory = std::env::var_os("CREDENTIALS_DIRECTORY").filter(|_| is_plain(name))?;
    let text = fs::read_to_string(PathBuf::from(directory).join(name)).ok()?;
    (text.len() as u64 <= LENGTH_MAX).then_some(text)
}

/// The text of a file of the directory, or why it is not read; none where there is no such file.
fn from_directory(directory: &Path, name: &str) -> Result<Option<String>, String> {
    let told = |what: &str, error: io::Error| format!("{what}: {error}");
    let directory = directory.canonicalize().map_err(|error| told("the directory", error))?;
    let path = match directory.join(name).canonicalize() {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(told("the file", error)),
    };
    // A link within the directory is how orchestrators change several files at once.
    if !path.starts_with(&directory) {
        return Err("it is a link that leads out of the directory".to_owned());
    }
    let of = |path: &Path| fs::metadata(path).map_err(|error| told("the file", error));
    if let Some(why) = unsafe_directory(&of(&directory)?).or(unsafe_file(&of(&path)?)) {
        return Err(why);
    }
    fs::read_to_string(&path).map(Some).map_err(|error| told("the file", error))
}

fn unsafe_directory(directory: &Metadata) -> Option<String> {
    let mode = directory.permissions().mode() & 0o7777;
    (mode & 0o022 != 0)
        .then(|| format!("others may write to the directory (mode {mode:o}); chmod go-w"))
}

fn unsafe_file(file: &Metadata) -> Option<String> {
    let mode = file.permissions().mode() & 0o7777;
    if !file.is_file() {
        return Some("it is no regular file".to_owned());
    }
    if mode & 0o027 != 0 {
        return Some(format!("others may read or change it (mode {mode:o}); chmod 640 or 600"));
    }
    (file.size() > LENGTH_MAX).then(|| format!("it is longer than {LENGTH_MAX} bytes"))
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
        assert_eq!(find("PGPASSWORD"), Err(Missing::Nowhere("PGPASSWORD".to_owned())));
    }

    /// A directory of secrets with one file in it, both with these modes.
    fn directory(name: &str, directory_mode: u32, file_mode: u32) -> PathBuf {
        let path = std::env::temp_dir().join(format!("secrets-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&path));
        fs::create_dir(&path).unwrap();
        fs::write(path.join("KEY"), "s3cret\n").unwrap();
        for (path, mode) in [(path.join("KEY"), file_mode), (path.clone(), directory_mode)] {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        }
        path
    }

    #[test]
    fn a_file_that_others_may_read_or_change_is_no_secret() {
        for (directory_mode, file_mode, refused) in [
            (0o700, 0o600, None),
            (0o755, 0o640, None),
            (0o700, 0o644, Some("others may read or change it (mode 644)")),
            (0o700, 0o660, Some("others may read or change it (mode 660)")),
            (0o770, 0o600, Some("others may write to the directory (mode 770)")),
        ] {
            let path = directory("modes", directory_mode, file_mode);
            let read = from_directory(&path, "KEY");
            match refused {
                None => assert_eq!(read, Ok(Some("s3cret\n".to_owned()))),
                Some(why) => assert!(read.clone().unwrap_err().starts_with(why), "{read:?}"),
            }
            assert_eq!(from_directory(&path, "OTHER"), Ok(None));
            fs::remove_dir_all(&path).unwrap();
        }
    }

    #[test]
    fn nothing_outside_of_the_directory_is_read() {
        let path = directory("links", 0o700, 0o600);
        std::os::unix::fs::symlink("KEY", path.join("LINK")).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path.join("OUT")).unwrap();
        fs::create_dir(path.join("FOLDER")).unwrap();
        assert_eq!(from_directory(&path, "LINK"), Ok(Some("s3cret\n".to_owned())));
        let out = from_directory(&path, "OUT").unwrap_err();
        assert_eq!(out, "it is a link that leads out of the directory");
        assert!(from_directory(&path, "FOLDER").is_err());
        fs::write(path.join("KEY"), "x".repeat(70_000)).unwrap();
        assert_eq!(from_directory(&path, "KEY").unwrap_err(), "it is longer than 65536 bytes");
        fs::remove_dir_all(&path).unwrap();
        assert!(from_directory(&path, "KEY").unwrap_err().starts_with("the directory: "));
        for name in ["../KEY", "a/b", "..", ".hidden"] {
            assert!(!is_plain(name), "{name}");
        }
    }
}
