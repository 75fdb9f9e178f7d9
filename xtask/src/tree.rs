//! A relocatable, writable copy of an installed Postgres.
//!
//! Postgres finds its library and share directories relative to the real path of its own
//! executable. A tree of copied executables, with links to everything else in the same relative
//! layout, is therefore a full installation into which we may write: nothing below /usr changes,
//! and any number of checkouts and test runs never meet.

use crate::{place, process, say};
use eyre::{Context, OptionExt, Result};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

const PROGRAMS: [&str; 7] =
    ["postgres", "initdb", "pg_ctl", "psql", "pg_config", "pg_dump", "pg_restore"];

pub fn command(words: &[String]) -> Result<()> {
    let into = match words.first() {
        Some(dir) => PathBuf::from(dir),
        None => place::target()?.join("pg-tree"),
    };
    println!("{}", make(&place::postgres_bin()?, &into)?.display());
    Ok(())
}

/// Makes or refreshes the tree; the answer is the directory of its programs.
pub fn make(bin: &Path, into: &Path) -> Result<PathBuf> {
    let (lib, share) = (pg_config(bin, "--pkglibdir")?, pg_config(bin, "--sharedir")?);
    let common = common_ancestor(bin, [&lib, &share])?;
    let inside = |path: &Path| -> Result<PathBuf> { Ok(into.join(path.strip_prefix(common)?)) };
    let new_bin = inside(bin)?;
    fs::create_dir_all(&new_bin).with_context(|| format!("create {}", new_bin.display()))?;
    for program in PROGRAMS {
        copy_if_newer(&bin.join(program), &new_bin.join(program))?;
    }
    link_all(&lib, &inside(&lib)?)?;
    link_all(&share, &inside(&share)?)?;
    Ok(new_bin)
}

pub fn pg_config(bin: &Path, what: &str) -> Result<PathBuf> {
    let text = process::run_quietly(Command::new(bin.join("pg_config")).arg(what))?;
    Ok(PathBuf::from(text.trim()))
}

/// On Debian: /usr.
fn common_ancestor<'a>(bin: &'a Path, others: [&Path; 2]) -> Result<&'a Path> {
    bin.ancestors()
        .find(|dir| others.iter().all(|other| other.starts_with(dir)))
        .ok_or_eyre("Postgres' directories have nothing in common")
}

/// An upgrade of the system's Postgres is noticed by size and age.
fn copy_if_newer(from: &Path, to: &Path) -> Result<()> {
    let Ok(source) = fs::metadata(from) else {
        say::note(&format!("there is no {}", from.display()));
        return Ok(());
    };
    if let Ok(copy) = fs::metadata(to)
        && copy.len() == source.len()
        && copy.modified()? >= source.modified()?
    {
        return Ok(());
    }
    replace(from, to)
}

/// Unlinks first: writing into a file that a server has mapped makes that server crash.
pub fn replace(from: &Path, to: &Path) -> Result<()> {
    unlink(to)?;
    fs::copy(from, to).with_context(|| format!("copy {} to {}", from.display(), to.display()))?;
    Ok(())
}

/// Unlinks first: the path may be a link into the system's Postgres, which is not ours to change.
pub fn write_anew(path: &Path, text: &str) -> Result<()> {
    unlink(path)?;
    fs::write(path, text).with_context(|| format!("write {}", path.display()))
}

fn unlink(path: &Path) -> Result<()> {
    if path.symlink_metadata().is_ok() {
        fs::remove_file(path).with_context(|| format!("remove {}", path.display()))?;
    }
    Ok(())
}

fn link_all(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let link = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            link_all(&entry.path(), &link)?;
        } else if link.symlink_metadata().is_err() {
            symlink(entry.path(), link)?;
        }
    }
    Ok(())
}
