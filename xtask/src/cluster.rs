//! One private Postgres server: created by initdb, started and stopped by pg_ctl.
//!
//! Its socket lies in a directory that only the server's account (and root) may enter, where it
//! trusts whoever comes. Through TCP it listens on 127.0.0.1 only and asks for a password, because
//! every account of the machine can reach that.

use crate::process::{as_server_account, give_to_server, run_quietly};
use eyre::{Context, Result, bail};
use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What Linux allows for a socket's path is 107 bytes.
const SOCKET_DIR_BYTES_MAX: usize = 80;
/// LIMIT: another process may take the free port between our look and the server's start.
const START_ATTEMPTS_MAX: u32 = 5;

pub struct Cluster {
    pub bin: PathBuf,
    /// Belongs to the server's account: data, log, password.
    home: PathBuf,
    socket_dir: PathBuf,
}

/// How a server differs from initdb's defaults.
pub struct Options {
    /// With fsync, as in production; without it tests are faster and a power cut loses them.
    pub durable: bool,
    /// The one database in which pg_cron works.
    pub cron_database: String,
}

impl Cluster {
    /// Names a server; nothing is created yet.
    pub fn at(bin: PathBuf, home: PathBuf) -> Self {
        let inside = home.join("socket");
        let socket_dir = if inside.as_os_str().len() <= SOCKET_DIR_BYTES_MAX {
            inside
        } else {
            let name = home.to_string_lossy().replace('/', "-");
            let tail: String =
                name.chars().rev().take(40).collect::<Vec<_>>().into_iter().rev().collect();
            std::env::temp_dir().join(format!("pg{tail}"))
        };
        Cluster { bin, home, socket_dir }
    }

    pub fn exists(&self) -> bool {
        self.data().join("PG_VERSION").exists()
    }

    pub fn create(&self) -> Result<()> {
        fs::create_dir_all(&self.home)?;
        give_to_server(&self.home)?;
        fs::set_permissions(&self.home, fs::Permissions::from_mode(0o700))?;
        let password_file = self.home.join("password");
        fs::write(&password_file, random_hex(16)?)?;
        fs::set_permissions(&password_file, fs::Permissions::from_mode(0o600))?;
        give_to_server(&password_file)?;
        let mut initdb = as_server_account(&self.bin.join("initdb"));
        initdb.arg("-D").arg(self.data()).arg("--pwfile").arg(&password_file).args([
            "--username=postgres",
            "--auth-local=trust",
            "--auth-host=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-sync",
        ]);
        run_quietly(&mut initdb)?;
        // A file of its own, so that `alter system` still has the last word.
        let mut conf = OpenOptions::new().append(true).open(self.data().join("postgresql.conf"))?;
        conf.write_all(b"include = 'pg_dialer.conf'\n")?;
        Ok(())
    }

    pub fn is_running(&self) -> bool {
        let mut status = self.pg_ctl("status");
        self.exists() && run_quietly(&mut status).is_ok()
    }

    pub fn start(&self, options: &Options) -> Result<()> {
        fs::create_dir_all(&self.socket_dir)?;
        give_to_server(&self.socket_dir)?;
        fs::set_permissions(&self.socket_dir, fs::Permissions::from_mode(0o700))?;
        let mut last = None;
        for _ in 0..START_ATTEMPTS_MAX {
            self.write_settings(free_port()?, options)?;
            match run_quietly(self.pg_ctl("start").arg("-l").arg(self.log()).arg("-w")) {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
        }
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(12).collect();
        let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
        match last {
            Some(error) => Err(error.wrap_err(format!("the server does not start:\n{tail}"))),
            None => bail!("the server was never started"),
        }
    }

    /// `immediate` where the data is thrown away anyway.
    pub fn stop(&self, mode: &str) -> Result<()> {
        if self.is_running() {
            run_quietly(self.pg_ctl("stop").args(["-m", mode, "-w"]))?;
        }
        Ok(())
    }

    /// Runs one statement as superuser.
    pub fn execute(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = as_server_account(&self.bin.join("psql"));
        psql.args(["-qAtX", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql]);
        psql.arg("-h").arg(&self.socket_dir).arg("-p").arg(self.port()?.to_string());
        run_quietly(&mut psql)
    }

    /// Works for every client, and from every account that is told the URL.
    pub fn url(&self, database: &str) -> Result<String> {
        let password = fs::read_to_string(self.home.join("password"))?;
        Ok(format!("postgres://postgres:{password}@127.0.0.1:{}/{database}", self.port()?))
    }

    /// Through the socket: spares each connection the password's 4,096 rounds.
    pub fn socket_dsn(&self, database: &str) -> Result<String> {
        let host = self.socket_dir.to_string_lossy().replace('/', "%2F");
        Ok(format!("postgres://postgres@{host}:{}/{database}", self.port()?))
    }

    /// Removes the server's files; it must have been stopped.
    pub fn remove(&self) -> Result<()> {
        for dir in [&self.socket_dir, &self.home] {
            if dir.exists() {
                fs::remove_dir_all(dir).with_context(|| format!("remove {}", dir.display()))?;
            }
        }
        Ok(())
    }

    pub fn log(&self) -> PathBuf {
        self.home.join("log")
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn settings_file(&self) -> PathBuf {
        self.data().join("pg_dialer.conf")
    }

    fn pg_ctl(&self, action: &str) -> std::process::Command {
        let mut command = as_server_account(&self.bin.join("pg_ctl"));
        command.arg(action).arg("-D").arg(self.data());
        command
    }

    fn port(&self) -> Result<u16> {
        let text = fs::read_to_string(self.home.join("port")).wrap_err("the server has no port")?;
        text.trim().parse().wrap_err("the port file")
    }

    fn write_settings(&self, port: u16, options: &Options) -> Result<()> {
        let preload = if has_pg_cron(&self.bin)? { "pg_cron" } else { "" };
        let durable = if options.durable { "on" } else { "off" };
        let mut text = format!(
            "listen_addresses = '127.0.0.1'\nport = {port}\n\
             unix_socket_directories = '{socket}'\nmax_connections = 200\n\
             max_worker_processes = 32\nshared_buffers = '256MB'\n\
             session_preload_libraries = 'pg_dialer'\nshared_preload_libraries = '{preload}'\n\
             fsync = {durable}\nsynchronous_commit = {durable}\nfull_page_writes = {durable}\n\
             log_line_prefix = '%m [%p] %d '\ntimezone = 'UTC'\n",
            socket = self.socket_dir.display(),
        );
        if !preload.is_empty() {
            // Workers inside the server, because pg_cron cannot know the password of a connection.
            let database = &options.cron_database;
            text +=
                &format!("cron.database_name = '{database}'\ncron.use_background_workers = on\n");
        }
        fs::write(self.settings_file(), text)?;
        give_to_server(&self.settings_file())?;
        fs::write(self.home.join("port"), port.to_string())?;
        Ok(())
    }
}

fn has_pg_cron(bin: &Path) -> Result<bool> {
    Ok(crate::tree::pg_config(bin, "--pkglibdir")?.join("pg_cron.so").exists())
}

/// The system picks a port above 32768 that nobody listens on.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn random_hex(bytes: usize) -> Result<String> {
    let mut buffer = vec![0; bytes];
    fs::File::open("/dev/urandom")?.read_exact(&mut buffer)?;
    Ok(buffer.iter().map(|byte| format!("{byte:02x}")).collect())
}
