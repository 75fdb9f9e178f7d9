//! Where things are: the checkout, its target directory, Postgres' programs, and directories that
//! the server's account can reach.

use crate::process;
use eyre::{Context, OptionExt, Result, ensure};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::{env, fs};

/// The root of the checkout. The variable is set by `cargo run`, so a moved checkout is found.
pub fn root() -> Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    Ok(manifest.parent().ok_or_eyre("xtask lies outside a checkout")?.to_path_buf())
}

pub fn target() -> Result<PathBuf> {
    let root = root()?;
    Ok(env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |dir| root.join(dir)))
}

/// The directory of `postgres`, `initdb` and their like.
pub fn postgres_bin() -> Result<PathBuf> {
    if let Some(dir) = env::var_os("DIALER_PG_BIN") {
        return Ok(PathBuf::from(dir));
    }
    let pg_config = env::var_os("PGRX_PG_CONFIG_PATH")
        .map_or_else(|| PathBuf::from("/usr/lib/postgresql/15/bin/pg_config"), PathBuf::from);
    let bin = pg_config.parent().map(Path::to_path_buf).ok_or_eyre("pg_config has no directory")?;
    ensure!(
        bin.join("initdb").exists(),
        "no Postgres server in {}; `make setup` installs it, or set DIALER_PG_BIN",
        bin.display()
    );
    Ok(bin)
}

/// A directory for servers, below target/ unless the server's account could not get there.
pub fn for_servers(name: &str) -> Result<PathBuf> {
    let wanted = target()?.join(name);
    fs::create_dir_all(&wanted).with_context(|| format!("create {}", wanted.display()))?;
    let wanted = wanted.canonicalize()?;
    if !process::is_root() || wanted.ancestors().skip(1).all(is_searchable_by_all) {
        return Ok(wanted);
    }
    let fallback = env::temp_dir().join(format!("pg_dialer-{:016x}", fingerprint(&wanted)));
    crate::say::note(&format!(
        "the postgres account cannot enter {}; using {}",
        wanted.display(),
        fallback.display()
    ));
    own_directory(&fallback)?;
    Ok(fallback)
}

/// Creates a directory, or accepts an existing one only if it is ours: the name can be guessed.
fn own_directory(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).with_context(|| format!("create {}", dir.display()))?;
    let facts = fs::symlink_metadata(dir)?;
    ensure!(
        facts.is_dir() && facts.uid() == process::user_id(),
        "{} belongs to somebody else; remove it or set CARGO_TARGET_DIR",
        dir.display()
    );
    fs::set_permissions(dir, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

fn is_searchable_by_all(dir: &Path) -> bool {
    fs::metadata(dir).is_ok_and(|facts| facts.mode() & 0o001 != 0)
}

/// Tells checkouts apart that share /tmp.
fn fingerprint(path: &Path) -> u64 {
    let mut hasher = DefaultHasher::new();
    path.hash(&mut hasher);
    hasher.finish()
}
