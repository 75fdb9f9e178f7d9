//! `cargo xtask <command>`: what cargo cannot do by itself.
//!
//! Builds the extension's files, and runs private Postgres servers with it, without touching the
//! system's Postgres installation, its clusters, or port 5432.

mod build;
mod cluster;
mod dev;
mod place;
mod process;
mod say;
mod tree;
mod with_pg;

use eyre::{Result, bail};
use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  stage [--release] [DIR]     build; write library, control file and SQL of the extension into
                              DIR/lib and DIR/extension (default: target/stage)
  pgtree [DIR]                a relocatable, writable copy of the installed Postgres
  db [--name NAME] [--cron NAME] [--release]
                              start or reuse the private server of this checkout, install the
                              fresh extension, create a database with it; the last line is its URL
  stop                        end the servers that `db` started in this checkout
  with-pg [--release] [--durable] [--cron NAME] -- COMMAND...
                              run COMMAND beside a throw-away server; DIALER_TEST_DSN tells it where
  demo                        several days of a campaign with a fast clock, against a throw-away
                              server; DEMO_EXIT=1: end by itself, with 1 if anything was wrong
  setup [--check]             install what building needs (Debian); --check only looks

Environment: DIALER_PG_BIN, the directory of Postgres' programs (default: that of the pg_config
which pgrx uses); DIALER_BUILD=extension, build nothing else; CARGO_TARGET_DIR, as for cargo.";

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match words.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", words.as_slice()),
    };
    match command {
        "stage" => build::stage_command(rest)?,
        "pgtree" => tree::command(rest)?,
        "db" => dev::db(rest)?,
        "stop" => dev::stop()?,
        "with-pg" => return with_pg::run(rest),
        "demo" => return demo(),
        "setup" => return process::setup(rest),
        "help" | "--help" | "-h" => println!("{HELP}"),
        other => bail!("there is no command {other:?}; `cargo xtask help` lists them"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The demo is a program of the tests, so that it proves what they prove.
fn demo() -> Result<ExitCode> {
    let program = place::target()?.join("debug/demo");
    with_pg::run(&["--durable".to_owned(), "--".to_owned(), program.to_string_lossy().into_owned()])
}
