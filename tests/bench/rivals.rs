//! The rivals of `bench-dispatch`: installed from their registries below target/, run as processes.

use anyhow::{Context, Result, ensure};
use dialer_tests::rehearsal::{connect, create_database};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const GRAPHILE_WORKER: &str = "graphile-worker@0.18.0";
const PGMQ: [&str; 2] = ["psycopg[binary]>=3.2", "pgmq==1.1.4"];

/// A rival that is ready, or why it is not.
pub struct Rival {
    pub name: &'static str,
    program: Result<Vec<PathBuf>>,
}

impl Rival {
    /// Calls a second, in a database of its own; `None` where it could not be set up.
    pub async fn drain(&self, jobs: u32, round: usize) -> Result<Option<f64>> {
        let Ok(program) = &self.program else { return Ok(None) };
        let (_, url) = create_database(&format!("bench_{}_{round}", &self.name[..4])).await?;
        let (first, rest) = program.split_first().context("a program")?;
        let mut command = Command::new(first);
        command.args(rest).arg(jobs.to_string()).env("DATABASE_URL", &url);
        let output = command.output().with_context(|| format!("start {}", self.name))?;
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{} failed: {complaint}", self.name);
        Ok(Some(said.parse().with_context(|| format!("{} said {said}", self.name))?))
    }

    pub fn why_not(&self) -> Option<String> {
        self.program.as_ref().err().map(|error| format!("{error:#}"))
    }
}

pub fn all() -> Vec<Rival> {
    let directory = PathBuf::from("target/bench-rivals");
    vec![
        Rival {
            name: "graphile-worker, best",
            program: graphile_worker(&directory.join("graphile-worker")),
        },
        Rival { name: "pgmq, best", program: pgmq(&directory.join("pgmq")) },
    ]
}

fn graphile_worker(directory: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(directory)?;
    if !directory.join("node_modules/graphile-worker").is_dir() {
        let npm = ["install", "--no-audit", "--no-fund", "--prefix", ".", GRAPHILE_WORKER];
        run(Command::new("npm").args(npm).current_dir(directory))
            .context("needs node and npm (apt-get install npm) and the npm registry")?;
    }
    let script = directory.join("graphile_worker.mjs");
    std::fs::write(&script, include_str!("rivals/graphile_worker.mjs"))?;
    Ok(vec!["node".into(), script])
}

fn pgmq(directory: &Path) -> Result<Vec<PathBuf>> {
    let python = directory.join("bin/python");
    if !directory.join("installed").exists() {
        let needs = "needs python3 with venv (apt-get install python3-venv) and PyPI";
        run(Command::new("python3").args(["-m", "venv"]).arg(directory)).context(needs)?;
        run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(PGMQ))
            .context(needs)?;
        std::fs::write(directory.join("installed"), "")?;
    }
    let script = directory.join("pgmq_drain.py");
    std::fs::write(&script, include_str!("rivals/pgmq_drain.py"))?;
    Ok(vec![python, script])
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("start {:?}", command.get_program()))?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

/// What Postgres can do at best: rows a second of one session that claims and deletes in batches.
pub async fn bare_loop(rows: u32, batch: i64, round: usize) -> Result<f64> {
    let (_, url) = create_database(&format!("bench_bare_{round}")).await?;
    let db = connect(&url).await?;
    db.batch_execute("create table queue (id bigint primary key, due_at timestamptz not null, payload jsonb not null); create index on queue (due_at)").await?;
    db.execute(
        "insert into queue select i, clock_timestamp(), '{}' from generate_series(1, $1::int) i",
        &[&(rows as i32)],
    )
    .await?;
    db.execute("vacuum analyze queue", &[]).await?;
    let claim = db
        .prepare("delete from queue where id in (select id from queue where due_at <= now() order by due_at limit $1 for update skip locked)")
        .await?;
    let start = Instant::now();
    let mut done = 0;
    while done < u64::from(rows) {
        done += db.execute(&claim, &[&batch]).await?;
    }
    Ok(f64::from(rows) / start.elapsed().as_secs_f64())
}
