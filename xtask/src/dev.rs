//! The server of a checkout for trying things out: `db` starts or reuses it, `stop` ends it.

use crate::cluster::{Cluster, Options};
use crate::process::{Wait, lock};
use crate::{build, place, say, tree};
use eyre::{OptionExt, Result, ensure};
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const PLACE: &str = "pg-dev";

pub fn db(words: &[String]) -> Result<()> {
    let mut steps = say::Steps::start();
    let library = build::build(build::profile_of(words))?;
    steps.done("built");
    let dir = place::for_servers(PLACE)?;
    let _turn = lock(&dir.join("lock"), Wait::Yes)?;
    let bin = tree::make(&place::postgres_bin()?, &dir.join("tree"))?;
    build::install(&library, &bin)?;
    steps.done("extension installed in a private tree");
    let cluster = Cluster::at(bin, dir.join("server"));
    ensure_running(&cluster, &dir, option(words, "--cron")?)?;
    steps.done("server runs");
    let name = match option(words, "--name")? {
        Some(name) => name,
        None => fresh_name()?,
    };
    create_database(&cluster, &name)?;
    steps.done(&format!("database {name}"));
    println!("{}", cluster.url(&name)?);
    Ok(())
}

pub fn stop() -> Result<()> {
    let dir = place::for_servers(PLACE)?;
    let _turn = lock(&dir.join("lock"), Wait::Yes)?;
    let bin = place::postgres_bin()?;
    Cluster::at(bin, dir.join("server")).stop("fast")?;
    say::note("the server of this checkout is stopped; its data stays");
    crate::with_pg::sweep()
}

/// Another database for pg_cron needs a restart; without the wish nothing is disturbed.
fn ensure_running(cluster: &Cluster, dir: &Path, cron: Option<String>) -> Result<()> {
    let note = dir.join("cron_database");
    let before = fs::read_to_string(&note).ok();
    let wanted = cron.or_else(|| before.clone()).unwrap_or_else(|| "postgres".to_string());
    if !cluster.exists() {
        cluster.create()?;
    }
    if cluster.is_running() {
        if before.as_deref() == Some(&wanted) {
            return Ok(());
        }
        say::note("restarting the server: pg_cron moves to another database");
        cluster.stop("fast")?;
    }
    fs::write(&note, &wanted)?;
    cluster.start(&Options { durable: true, cron_database: wanted })
}

/// An existing database is kept as it is, so that `--name` can be repeated.
fn create_database(cluster: &Cluster, name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    ensure!(
        !name.is_empty() && name.len() <= 63 && name.chars().all(plain),
        "a database's name has up to 63 of a-z, 0-9 and _, not {name:?}"
    );
    let found = format!("select 1 from pg_catalog.pg_database where datname = '{name}'");
    if cluster.execute("postgres", &found)?.trim() == "1" {
        say::note(&format!("database {name} was there already and keeps its extension as it was"));
        return Ok(());
    }
    cluster.execute("postgres", &format!("create database {name}"))?;
    cluster.execute(name, "create extension pg_dialer")?;
    Ok(())
}

fn fresh_name() -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(format!("dialer_{}_{}", now.as_secs(), std::process::id()))
}

/// The word after a flag.
pub fn option(words: &[String], flag: &str) -> Result<Option<String>> {
    let Some(at) = words.iter().position(|word| word == flag) else { return Ok(None) };
    Ok(Some(words.get(at + 1).cloned().ok_or_eyre(format!("{flag} needs a value"))?))
}
