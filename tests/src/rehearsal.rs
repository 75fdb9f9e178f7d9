//! A rehearsal: a database with a fast clock, the sandbox provider and any number of dispatchers,
//! each in its own process, as in production.
//!
//! Owns the processes it starts and ends them, whatever happens to the test.

use anyhow::{Context, Result, bail};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

const API_KEY: &str = "rehearsal-key";
/// What both accounts' webhooks are signed with.
pub const HOOK_SECRET: &str = "rehearsal-hook-secret";
/// What must not be seen in any log.
pub const SECRETS: [&str; 2] = [API_KEY, HOOK_SECRET];
/// LIMIT: a process that has not answered by then will not.
const START_SECONDS_MAX: u64 = 20;

/// What differs between rehearsals.
pub struct Plan {
    /// Simulated instant at which it begins.
    pub begins: DateTime<Utc>,
    /// Simulated seconds per real second.
    pub rate: f64,
    /// Calls at once, at the provider and in our account.
    pub max_concurrent: u32,
    /// Further flags for the sandbox, e.g. faults.
    pub sandbox_flags: Vec<String>,
}

/// A running rehearsal.
pub struct Rehearsal {
    pub db: Client,
    pub url: String,
    /// With the rights of a dispatcher and no others.
    dispatcher_url: String,
    pub plan: Plan,
    /// When `plan.begins` was.
    origin_at: DateTime<Utc>,
    /// Logs and other files; they go with the rehearsal unless it fails.
    pub dir: PathBuf,
    pub keep_files: bool,
    programs: PathBuf,
    sandbox: Option<Child>,
    sandbox_port: u16,
    login_url: String,
    dispatcher_flags: Vec<String>,
    /// What dispatchers that start from now on find in their environment.
    secrets: Vec<(String, String)>,
    dispatchers: Vec<Option<Child>>,
    /// Where each dispatcher listens; the first one's is known before it starts, because e-mail
    /// webhooks have one address.
    dispatcher_ports: Vec<u16>,
    pub http: reqwest::Client,
}

impl Rehearsal {
    /// Makes a database from the template, sets its clock, starts the sandbox.
    pub async fn start(name: &str, plan: Plan) -> Result<Rehearsal> {
        Rehearsal::start_at(&template_url()?, name, plan).await
    }

    /// The same on a server of one's own.
    pub async fn start_at(template_url: &str, name: &str, plan: Plan) -> Result<Rehearsal> {
        let (database, url) = copy_template(template_url, name).await?;
        let origin_at = Utc::now();
        let owner = connect(&url).await?;
        set_clock(&owner, &database, &plan, origin_at).await?;
        let dispatcher_url = add_dispatcher_login(&owner, &database, &url).await?;
        let login_url = dispatcher_url.clone();
        let dir = std::env::temp_dir().join(format!("dialer-{database}"));
        std::fs::create_dir_all(&dir)?;
        // An error means that another rehearsal of this process has installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build()?;
        let mut rehearsal = Rehearsal {
            db: connect(&url).await?,
            url,
            dispatcher_url,
            plan,
            origin_at,
            dir,
            keep_files: false,
            programs: programs()?,
            sandbox: None,
            sandbox_port: free_port()?,
            dispatcher_flags: Vec::new(),
            secrets: Vec::new(),
            login_url,
            dispatchers: Vec::new(),
            dispatcher_ports: vec![free_port()?],
            http,
        };
        rehearsal.start_sandbox().await?;
        Ok(rehearsal)
    }

    async fn start_sandbox(&mut self) -> Result<()> {
        let mut command = Command::new(self.programs.join("dialerd"));
        command.arg("sandbox").args(["--listen", &format!("127.0.0.1:{}", self.sandbox_port)]);
        command.args(["--api-key", API_KEY, "--webhook-secret", HOOK_SECRET]);
        command.args(["--email-webhook-secret", HOOK_SECRET]);
        let workspace = self.dispatcher_url(0, "/hooks/elevenlabs/elevenlabs");
        command.args(["--workspace-webhook-url", &workspace]);
        command.args(["--email-webhook-url", &self.dispatcher_url(0, "/hooks/sandbox/mail")]);
        command.args(["--max-concurrent", &self.plan.max_concurrent.to_string()]);
        command.args(["--clock-rate", &self.plan.rate.to_string()]);
        command.args(["--clock-origin", &rfc3339(self.plan.begins)]);
        command.args(["--clock-origin-at", &rfc3339(self.origin_at)]);
        command.arg("--log").arg(self.journal()).args(&self.plan.sandbox_flags);
        self.sandbox = Some(self.spawn(&mut command, "sandbox.log")?);
        let url = self.sandbox_url("/sandbox/summary");
        self.wait_for(&url, "the sandbox").await
    }

    /// Adds the accounts `voice` and `mail` at the sandbox.
    pub async fn add_accounts(&self) -> Result<()> {
        let limit = i32::try_from(self.plan.max_concurrent)?;
        let settings =
            serde_json::json!({"assistantId": "rehearsal", "phoneNumberId": "rehearsal"});
        self.db
            .execute(
                "select dialer.create_account('voice', 'sandbox', $1, null, 'voice', $2, 'REHEARSAL_KEY', 'REHEARSAL_HOOK', $3),
                        dialer.create_account('mail', 'sandbox', $1, null, 'email', $2, 'REHEARSAL_KEY', 'REHEARSAL_HOOK', '{\"from\": \"clinic@example.com\"}')",
                &[&limit, &self.sandbox_url(""), &settings],
            )
            .await?;
        Ok(())
    }

    /// Dispatchers that start from now on reach the database through these servers, which may be
    /// a proxy, a pooler, or several with commas between; and have these further flags.
    pub fn dispatch_through(&mut self, servers: &str, flags: &[&str]) -> Result<()> {
        let (login, rest) = self.dispatcher_url.split_once('@').context("a URL with a user")?;
        let (_, database) = rest.split_once('/').context("a URL with a database")?;
        self.dispatcher_url = format!("{login}@{servers}/{database}");
        self.dispatcher_flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Ok(())
    }

    /// Host and port of the database's server.
    pub fn server(&self) -> String {
        let rest = self.login_url.rsplit_once('@').map_or("", |(_, rest)| rest);
        rest.split_once('/').map_or(rest, |(server, _)| server).to_owned()
    }

    /// How the dispatcher's role reaches the server itself.
    pub fn login_url(&self) -> String {
        self.login_url.clone()
    }

    /// Connects anew after the server was restarted, or to the one that took over.
    pub async fn reconnect(&mut self, url: &str) -> Result<()> {
        let database = self.url.rsplit_once('/').context("a URL with a database")?.1.to_owned();
        self.url = replace_database(url, &database)?;
        self.db = connect(&self.url).await?;
        Ok(())
    }

    /// One more secret for the dispatchers that start from now on.
    pub fn add_secret(&mut self, name: &str, value: &str) {
        self.secrets.push((name.to_owned(), value.to_owned()));
    }

    /// What the programs that start from now on log, e.g. `trace`: all that they can say.
    pub fn log(&mut self, filter: &str) {
        self.add_secret("DIALERD_LOG", filter);
    }

    /// Dialer time of a real instant.
    pub fn dialer_time(&self, real: DateTime<Utc>) -> DateTime<Utc> {
        let passed = (real - self.origin_at).as_seconds_f64() * self.plan.rate;
        self.plan.begins + chrono::TimeDelta::microseconds((passed * 1e6) as i64)
    }

    /// Starts one more dispatcher and returns its number.
    pub async fn start_dispatcher(&mut self) -> Result<usize> {
        let number = self.dispatchers.len();
        self.dispatchers.push(None);
        self.revive_dispatcher(number).await?;
        Ok(number)
    }

    /// Starts a dispatcher that was killed; it finds what the one before left.
    pub async fn revive_dispatcher(&mut self, number: usize) -> Result<()> {
        while self.dispatcher_ports.len() <= number {
            self.dispatcher_ports.push(free_port()?);
        }
        let port = self.dispatcher_ports[number];
        let mut command = Command::new(self.programs.join("dialerd"));
        command.arg("run").args(["--database-url", &self.dispatcher_url]);
        command.args(["--listen", &format!("127.0.0.1:{port}")]);
        command.args(["--public-url", &format!("http://127.0.0.1:{port}")]);
        command.args(["--name", &format!("rehearsal-{number}")]).args(&self.dispatcher_flags);
        let child = self.spawn(&mut command, &format!("dialerd-{number}.log"))?;
        self.dispatchers[number] = Some(child);
        self.wait_for(&format!("http://127.0.0.1:{port}/live"), "dialerd").await
    }

    /// `kill -9`, as the kernel or a power cut would.
    pub fn kill_dispatcher(&mut self, number: usize) -> Result<()> {
        if let Some(mut child) = self.dispatchers[number].take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// SIGTERM, as a service manager would; its exit code and how long it took.
    pub fn stop_dispatcher(&mut self, number: usize) -> Result<(Option<i32>, Duration)> {
        let child = self.dispatchers[number].take().context("that dispatcher does not run")?;
        let begun = Instant::now();
        Ok((stop(child)?, begun.elapsed()))
    }

    /// Runs `dialerd <arguments>` to its end and returns what it printed and its exit code.
    pub fn dialerd(&self, arguments: &[&str]) -> Result<(String, i32)> {
        let output = self.program(arguments).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        Ok((text, output.status.code().unwrap_or(-1)))
    }

    /// The sandbox's own account of what it saw.
    pub async fn sandbox_summary(&self) -> Result<Value> {
        let answer = self.http.get(self.sandbox_url("/sandbox/summary")).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }

    /// The sandbox's journal, one object per event.
    pub async fn sandbox_journal(&self) -> Result<Vec<Value>> {
        let answer = self.http.get(self.sandbox_url("/sandbox/log")).send().await?;
        let text = answer.error_for_status()?.text().await?;
        text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// Changes the sandbox's faults while it runs.
    pub async fn set_faults(&self, faults: &Value) -> Result<()> {
        let answer =
            self.http.post(self.sandbox_url("/sandbox/faults")).json(faults).send().await?;
        answer.error_for_status()?;
        Ok(())
    }

    pub fn journal(&self) -> PathBuf {
        self.dir.join("sandbox.jsonl")
    }

    pub fn sandbox_url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.sandbox_port)
    }

    pub fn dispatcher_url(&self, number: usize, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.dispatcher_ports[number])
    }

    /// The program `dialerd` of this build, told where the database is, with the accounts' secrets.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join("dialerd"));
        command.args(arguments).env("DIALERD_DATABASE_URL", &self.url);
        self.with_secrets(&mut command);
        command
    }

    fn with_secrets(&self, command: &mut Command) {
        command.env("REHEARSAL_KEY", API_KEY).env("REHEARSAL_HOOK", HOOK_SECRET);
        command.envs(self.secrets.iter().map(|(name, value)| (name, value)));
    }

    fn spawn(&self, command: &mut Command, log: &str) -> Result<Child> {
        let file = std::fs::File::options().create(true).append(true).open(self.dir.join(log))?;
        self.with_secrets(command);
        command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
        command.spawn().with_context(|| format!("start {command:?}"))
    }

    async fn wait_for(&self, url: &str, what: &str) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(START_SECONDS_MAX) {
            if self.http.get(url).send().await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        bail!("{what} does not answer; see the logs in {}", self.dir.display())
    }

    /// Stops the dispatchers gracefully and waits for them.
    pub fn stop_dispatchers(&mut self) -> Result<()> {
        for child in self.dispatchers.iter_mut().filter_map(Option::take) {
            stop(child)?;
        }
        Ok(())
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        for mut child in
            self.dispatchers.iter_mut().filter_map(Option::take).chain(self.sandbox.take())
        {
            let _ = child.kill();
            let _ = child.wait();
        }
        // What failed is to be looked into.
        if !self.keep_files && !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

fn stop(mut child: Child) -> Result<Option<i32>> {
    let pid = child.id().to_string();
    Command::new("kill").args(["-TERM", &pid]).status()?;
    Ok(child.wait()?.code())
}

fn template_url() -> Result<String> {
    std::env::var("DIALER_TEST_URL")
        .context("DIALER_TEST_URL is not set: run this through `cargo xtask with-pg`")
}

/// A database from the template; its name and its URL.
pub async fn create_database(name: &str) -> Result<(String, String)> {
    copy_template(&template_url()?, name).await
}

async fn copy_template(template_url: &str, name: &str) -> Result<(String, String)> {
    let database = format!("{name}_{}", std::process::id());
    connect(&replace_database(template_url, "postgres")?)
        .await?
        .batch_execute(&format!("create database {database} template dialer_template"))
        .await?;
    let url = replace_database(template_url, &database)?;
    Ok((database, url))
}

async fn add_dispatcher_login(owner: &Client, database: &str, url: &str) -> Result<String> {
    owner
        .batch_execute(&format!(
            "create role {database} login password '{database}' in role dialer_dispatcher, dialer_api"
        ))
        .await?;
    let (_, server) = url.split_once('@').context("a Postgres URL names a user")?;
    Ok(format!("postgres://{database}:{database}@{server}"))
}

async fn set_clock(
    server: &Client,
    database: &str,
    plan: &Plan,
    origin_at: DateTime<Utc>,
) -> Result<()> {
    let settings = [
        ("clock_rate", plan.rate.to_string()),
        ("clock_origin", rfc3339(plan.begins)),
        ("clock_origin_at", rfc3339(origin_at)),
    ];
    for (name, value) in settings {
        server
            .batch_execute(&format!("alter database {database} set dialer.{name} = '{value}'"))
            .await?;
    }
    Ok(())
}

/// Connects, and keeps the connection's driver going beside it.
pub async fn connect(url: &str) -> Result<Client> {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.context("connect to Postgres")?;
    tokio::spawn(connection);
    Ok(client)
}

fn replace_database(url: &str, database: &str) -> Result<String> {
    let (server, _) = url.rsplit_once('/').context("a Postgres URL has a path")?;
    Ok(format!("{server}/{database}"))
}

/// Where the binaries of this build lie: beside this one, or one directory up for a test.
fn programs() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    let candidates = own.ancestors().skip(1).take(2).map(Path::to_path_buf);
    let found = candidates.into_iter().find(|dir| dir.join("dialerd").exists());
    found.with_context(|| format!("no dialerd beside {}: build the workspace first", own.display()))
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn rfc3339(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Micros, true)
}
