//! Running programs: as the server's account where Postgres demands it, with signals that end a
//! command but never skip the cleaning up.

use crate::place;
use eyre::{Context, Result, ensure};
use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::chown;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicI32, Ordering};

pub fn user_id() -> u32 {
    // SAFETY: geteuid has no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

pub fn is_root() -> bool {
    user_id() == 0
}

/// A command for the server's side: Postgres refuses to run as root.
pub fn as_server_account(program: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
        command.arg(program);
        command
    } else {
        Command::new(program)
    };
    // With RUST_BACKTRACE a server sends Rust backtraces to its clients.
    for name in ["RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "PGOPTIONS", "PGDATABASE", "PGUSER"] {
        command.env_remove(name);
    }
    command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC").current_dir("/");
    command
}

/// Runs a command to its end, and shows what it printed only if it failed.
pub fn run_quietly(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("start {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Gives a file or directory to the account under which the server runs.
pub fn give_to_server(path: &Path) -> Result<()> {
    if !is_root() {
        return Ok(());
    }
    let id = |flag: &str| -> Result<u32> {
        let text = run_quietly(Command::new("id").args([flag, "postgres"]))?;
        text.trim().parse().wrap_err("the number of the postgres account")
    };
    chown(path, Some(id("-u")?), Some(id("-g")?))
        .with_context(|| format!("give {} to postgres", path.display()))
}

/// Holds a lock file until dropped; `None` if another process holds it and `wait` was not asked.
pub fn lock(path: &Path, wait: Wait) -> Result<Option<File>> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let how = match wait {
        Wait::Yes => libc::LOCK_EX,
        Wait::No => libc::LOCK_EX | libc::LOCK_NB,
    };
    // SAFETY: the descriptor is open, it belongs to `file`.
    let taken = unsafe { libc::flock(file.as_raw_fd(), how) } == 0;
    Ok(taken.then_some(file))
}

#[derive(Clone, Copy)]
pub enum Wait {
    Yes,
    No,
}

static CHILD: AtomicI32 = AtomicI32::new(0);

/// From here on Ctrl-C and TERM end the command that runs, and leave this process to clean up.
///
/// A terminal sends Ctrl-C to the child itself; TERM and HUP come to us alone and are passed on.
/// A handler, rather than ignoring, because children inherit what is ignored.
pub fn survive_signals() {
    // SAFETY: the handlers only load an atomic and call kill, both allowed in a signal handler.
    unsafe {
        libc::signal(libc::SIGINT, do_nothing as extern "C" fn(i32) as libc::sighandler_t);
        libc::signal(libc::SIGTERM, pass_on as extern "C" fn(i32) as libc::sighandler_t);
        libc::signal(libc::SIGHUP, pass_on as extern "C" fn(i32) as libc::sighandler_t);
    }
}

extern "C" fn do_nothing(_signal: i32) {}

extern "C" fn pass_on(_signal: i32) {
    let child = CHILD.load(Ordering::SeqCst);
    if child > 0 {
        // SAFETY: kill has no memory effects; the child is ours and not yet waited for.
        unsafe { libc::kill(child, libc::SIGTERM) };
    }
}

/// Takes out what `cargo run` told us about ourselves. Build scripts that watch these variables
/// (ring's does) would otherwise be run anew, and with them a third of the dependencies, each time
/// a person's cargo and ours take turns.
pub fn as_from_a_shell(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Runs a command in the foreground and returns its exit code (128 + signal if it was killed).
pub fn run_foreground(command: &mut Command) -> Result<u8> {
    let mut child = command.spawn().with_context(|| format!("start {command:?}"))?;
    CHILD.store(child.id().cast_signed(), Ordering::SeqCst);
    let status = child.wait();
    CHILD.store(0, Ordering::SeqCst);
    let status = status?;
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).unwrap_or(1);
    Ok(u8::try_from(status.code().unwrap_or(128 + signal)).unwrap_or(1))
}

/// The installer is a shell script, because it must also run where there is no Rust yet.
pub fn setup(words: &[String]) -> Result<ExitCode> {
    let mut command = Command::new("bash");
    command.arg(place::root()?.join("xtask/setup.sh")).args(words);
    Ok(ExitCode::from(run_foreground(&mut command)?))
}
