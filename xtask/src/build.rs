//! Builds the workspace, and turns the extension's library into the files that Postgres installs.
//!
//! pgrx leaves the extension's SQL in a section of the library. `cargo pgrx install` decodes it and
//! copies three files; this does the same with the same decoder, without cargo-pgrx, whose
//! installation takes longer than everything else together.

use crate::{place, process, tree};
use eyre::{Context, OptionExt, Result, ensure};
use object::{Object, ObjectSection};
use pgrx_sql_entity_graph::section::decode_entities;
use pgrx_sql_entity_graph::{ControlFile, PgrxSql, SqlGraphEntity};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "pg_dialer";
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Clone, Copy)]
pub enum Profile {
    Debug,
    Release,
}

pub fn profile_of(words: &[String]) -> Profile {
    if words.iter().any(|word| word == "--release") { Profile::Release } else { Profile::Debug }
}

pub fn stage_command(words: &[String]) -> Result<()> {
    let dir = match words.iter().find(|word| !word.starts_with('-')) {
        Some(dir) => PathBuf::from(dir),
        None => place::target()?.join("stage"),
    };
    let library = build(profile_of(words))?;
    stage(&library, &dir.join("lib"), &dir.join("extension"))?;
    println!("{}", dir.display());
    Ok(())
}

/// Builds the whole workspace (one selection of packages, so that nothing is built twice) and
/// returns the path of the extension's library. With DIALER_BUILD=extension only the extension is
/// built, for days on which another package does not compile.
pub fn build(profile: Profile) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(place::root()?).args(["build", "--quiet"]);
    match std::env::var("DIALER_BUILD").as_deref() {
        Ok("extension") => command.args(["-p", "pg_dialer"]),
        _ => command.arg("--workspace"),
    };
    let directory = match profile {
        Profile::Debug => "debug",
        Profile::Release => {
            command.arg("--release");
            "release"
        }
    };
    ensure!(
        process::run_foreground(process::as_from_a_shell(&mut command))? == 0,
        "the build failed"
    );
    Ok(place::target()?.join(directory).join(format!("lib{NAME}.so")))
}

/// Installs into a tree made by `tree::make`.
pub fn install(library: &Path, bin: &Path) -> Result<()> {
    let lib = tree::pg_config(bin, "--pkglibdir")?;
    let share = tree::pg_config(bin, "--sharedir")?;
    stage(library, &lib, &share.join("extension"))
}

fn stage(library: &Path, lib: &Path, extension: &Path) -> Result<()> {
    let control_path = place::root()?.join("extension").join(format!("{NAME}.control"));
    let control = fs::read_to_string(&control_path)
        .with_context(|| format!("read {}", control_path.display()))?;
    let sql = schema_of(library, &control)?;
    fs::create_dir_all(lib)?;
    fs::create_dir_all(extension)?;
    tree::write_anew(&extension.join(format!("{NAME}--{VERSION}.sql")), &sql)?;
    let control = control.replace("@CARGO_VERSION@", VERSION);
    tree::write_anew(&extension.join(format!("{NAME}.control")), &control)?;
    for script in upgrade_scripts()? {
        let name = script.file_name().ok_or_eyre("a script without a name")?;
        tree::replace(&script, &extension.join(name))?;
    }
    tree::replace(library, &lib.join(format!("{NAME}.so")))
}

fn schema_of(library: &Path, control: &str) -> Result<String> {
    let bytes = fs::read(library).with_context(|| format!("read {}", library.display()))?;
    let elf = object::File::parse(&*bytes)?;
    let section = elf.section_by_name(".pgrxsc").ok_or_eyre("the library has no schema section")?;
    let root = ControlFile::from_str_with_cargo_version(control, VERSION)?;
    let mut entities = vec![SqlGraphEntity::ExtensionRoot(root)];
    entities.extend(decode_entities(section.data()?)?);
    PgrxSql::build(entities.into_iter(), NAME.to_string(), false)?.to_sql()
}

fn upgrade_scripts() -> Result<Vec<PathBuf>> {
    let Ok(entries) = fs::read_dir(place::root()?.join("extension/sql")) else {
        return Ok(Vec::new());
    };
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    Ok(paths.into_iter().filter(|path| path.extension().is_some_and(|e| e == "sql")).collect())
}
