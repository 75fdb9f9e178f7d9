//! A throw-away server around one command. Whatever happens to the command, the server ends; if
//! this process itself is killed, the next run sweeps up after it.

use crate::cluster::{Cluster, Options};
use crate::process::{self, Wait, lock};
use crate::{build, dev, place, say, tree};
use eyre::{OptionExt, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const PLACE: &str = "pg-run";
const TEMPLATE: &str = "dialer_template";

pub fn run(words: &[String]) -> Result<ExitCode> {
    let divider =
        words.iter().position(|word| word == "--").ok_or_eyre("with-pg [...] -- COMMAND")?;
    let (flags, command) = (&words[..divider], &words[divider + 1..]);
    let (program, arguments) = command.split_first().ok_or_eyre("with-pg needs a command")?;
    process::survive_signals();
    let mut steps = say::Steps::start();
    let library = build::build(build::profile_of(flags))?;
    steps.done("built");
    sweep()?;
    let server = ThrowAway::start(&library, flags)?;
    steps.done("private server with the extension started");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(place::root()?);
    command.env("DIALER_TEST_DSN", server.cluster.socket_dsn(TEMPLATE)?);
    command.env("DIALER_TEST_URL", server.cluster.url(TEMPLATE)?);
    command.env("DIALER_TEST_LOG", server.cluster.log());
    command.env("DIALER_TEST_BIN", &server.cluster.bin);
    let code = process::run_foreground(process::as_from_a_shell(&mut command))?;
    steps.done(&format!("command ended with {code}"));
    drop(server);
    steps.done("server stopped and removed");
    Ok(ExitCode::from(code))
}

struct ThrowAway {
    cluster: Cluster,
    dir: PathBuf,
    /// Says that this run is alive, for as long as this process is.
    _alive: Option<fs::File>,
}

impl ThrowAway {
    fn start(library: &Path, flags: &[String]) -> Result<Self> {
        let dir = place::for_servers(PLACE)?.join(std::process::id().to_string());
        fs::create_dir_all(&dir)?;
        let alive = lock(&dir.join("lock"), Wait::Yes)?;
        let bin = tree::make(&place::postgres_bin()?, &dir.join("tree"))?;
        build::install(library, &bin)?;
        let cluster = Cluster::at(bin, dir.join("server"));
        // From here on `drop` cleans up, however far we get.
        let server = ThrowAway { cluster, dir, _alive: alive };
        server.cluster.create()?;
        server.cluster.start(&Options {
            durable: flags.iter().any(|flag| flag == "--durable"),
            cron_database: dev::option(flags, "--cron")?.unwrap_or_else(|| "postgres".to_string()),
        })?;
        server.cluster.execute("postgres", &format!("create database {TEMPLATE}"))?;
        server.cluster.execute(TEMPLATE, "create extension pg_dialer")?;
        Ok(server)
    }
}

impl Drop for ThrowAway {
    fn drop(&mut self) {
        let ended = self.cluster.stop("immediate").and_then(|()| self.cluster.remove());
        let removed = ended.and_then(|()| Ok(fs::remove_dir_all(&self.dir)?));
        if let Err(error) = removed {
            say::note(&format!("could not clean {}: {error:#}", self.dir.display()));
        }
    }
}

/// Ends and removes servers whose run was killed: nobody holds their lock any more.
pub fn sweep() -> Result<()> {
    for entry in fs::read_dir(place::for_servers(PLACE)?)? {
        let dir = entry?.path();
        let Some(lock) = lock(&dir.join("lock"), Wait::No).unwrap_or(None) else { continue };
        say::note(&format!("removing what a killed run left in {}", dir.display()));
        let bin = place::postgres_bin()?;
        drop(ThrowAway { cluster: Cluster::at(bin, dir.join("server")), dir, _alive: Some(lock) });
    }
    Ok(())
}
