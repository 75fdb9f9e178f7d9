//! A Postgres server of a test's own, for what one does not do to a server that others use:
//! stop it in the middle of a commit, let it crash, promote its standby.

use anyhow::{Context, Result, ensure};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const MISSING: &str = "DIALER_TEST_BIN is not set: run this through `cargo xtask with-pg`";

pub struct Server {
    /// The programs of the installation that has the extension.
    bin: PathBuf,
    home: PathBuf,
    pub port: u16,
    password: String,
}

impl Server {
    /// A new server that commits durably, with the template of the tests.
    pub fn start(name: &str) -> Result<Server> {
        let server = Server::named(name)?;
        let password_file = server.home.join("password");
        fs::write(&password_file, &server.password)?;
        give_to_server(&password_file)?;
        let mut initdb = server.program("initdb");
        initdb.arg("-D").arg(server.data()).arg("--pwfile").arg(&password_file);
        initdb.args(["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256"]);
        run(initdb.args(["--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]))?;
        server.configure("")?;
        server.control(&["start"])?;
        server.psql("postgres", "create database dialer_template")?;
        server.psql("dialer_template", "create extension pg_dialer")?;
        Ok(server)
    }

    /// A standby that follows this server, which is stopped for the moment of being copied.
    pub fn standby(&self, name: &str) -> Result<Server> {
        let mut standby = Server::named(name)?;
        standby.password.clone_from(&self.password);
        self.control(&["stop", "-m", "fast"])?;
        run(Command::new("cp").arg("-a").arg(self.data()).arg(&standby.home))?;
        self.control(&["start"])?;
        let signal = standby.data().join("standby.signal");
        fs::write(&signal, "")?;
        give_to_server(&signal)?;
        let (host, port) = (self.home.display(), self.port);
        standby
            .configure(&format!("primary_conninfo = 'host={host} port={port} user=postgres'\n"))?;
        standby.control(&["start"])?;
        Ok(standby)
    }

    fn named(name: &str) -> Result<Server> {
        let bin = PathBuf::from(std::env::var("DIALER_TEST_BIN").context(MISSING)?);
        let home = std::env::temp_dir().join(format!("dialer-pg-{name}-{}", std::process::id()));
        fs::create_dir_all(&home)?;
        give_to_server(&home)?;
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        Ok(Server { bin, home, port, password: uuid::Uuid::new_v4().simple().to_string() })
    }

    fn configure(&self, more: &str) -> Result<()> {
        let text = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{home}'\n\
             max_connections = 100\nshared_buffers = '128MB'\nwal_keep_size = '256MB'\n\
             session_preload_libraries = 'pg_dialer'\ntimezone = 'UTC'\n{more}",
            port = self.port,
            home = self.home.display(),
        );
        let file = self.data().join("postgresql.auto.conf");
        fs::write(&file, &text)?;
        give_to_server(&file)
    }

    /// A crash: nothing is finished, and recovery follows.
    pub fn crash_and_restart(&self) -> Result<()> {
        self.control(&["restart", "-m", "immediate"])
    }

    pub fn crash(&self) -> Result<()> {
        self.control(&["stop", "-m", "immediate"])
    }

    /// Makes a standby the primary.
    pub fn promote(&self) -> Result<()> {
        self.control(&["promote"])
    }

    pub fn psql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = self.program("psql");
        psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql]);
        run(psql.arg("-h").arg(&self.home).args(["-p", &self.port.to_string()]))
    }

    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn control(&self, words: &[&str]) -> Result<()> {
        let mut command = self.program("pg_ctl");
        command.args(words).arg("-w").arg("-D").arg(self.data());
        run(command.arg("-l").arg(self.home.join("log"))).map(drop)
    }

    /// Postgres refuses to run as root.
    fn program(&self, name: &str) -> Command {
        let mut command = match is_root() {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]);
                command.arg(self.bin.join(name));
                command
            }
            false => Command::new(self.bin.join(name)),
        };
        // With it a server would send backtraces to its clients.
        command.env_remove("RUST_BACKTRACE").env("LC_ALL", "C.UTF-8").current_dir("/");
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.crash();
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn run(command: &mut Command) -> Result<String> {
    // Into a file, because a server that was started keeps the pipe open.
    let log = std::env::temp_dir().join(format!("dialer-run-{}", uuid::Uuid::new_v4().simple()));
    let file = fs::File::create(&log)?;
    let status = command.stdout(file.try_clone()?).stderr(file).status();
    let told = fs::read_to_string(&log).unwrap_or_default();
    fs::remove_file(&log)?;
    ensure!(status.with_context(|| format!("{command:?}"))?.success(), "{command:?}: {told}");
    Ok(told.trim().to_owned())
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| std::os::unix::fs::MetadataExt::uid(&own) == 0)
}

fn give_to_server(path: &Path) -> Result<()> {
    if is_root() {
        run(Command::new("chown").arg("postgres:postgres").arg(path))?;
    }
    Ok(())
}
