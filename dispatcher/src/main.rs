//! The command line of `dialerd`: parses, starts what was asked for, and tells errors to a person.

use anyhow::Context;
use clap::{Parser, Subcommand};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use tokio_util::sync::CancellationToken;

/// Places the calls that pg_dialer says are due, and what belongs to that.
#[derive(Parser)]
#[command(name = "dialerd", version, max_term_width = 100)]
struct Cli {
    /// Write logs as text or as one JSON object a line
    #[arg(long, global = true, env = "DIALERD_LOG_FORMAT", value_enum, default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum LogFormat {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Dispatch: claim what is due, place it, take webhooks in
    Run(Box<dialerd::config::Stated>),
    /// The REST API alone, without dispatching; takes the settings of run
    Api(Box<dialerd::config::Stated>),
    /// Import a list from a CSV file
    Import(Box<dialerd::import::Options>),
    /// Calls that a provider made before, into a campaign: history, do-not-call, and who is to be redialled
    Backfill(Box<dialerd::backfill::Options>),
    /// Stored webhooks, understood and applied once more
    Replay(dialerd::replay::Options),
    /// Dates without opening: holidays and bans
    Closures(dialerd::closures::Options),
    /// Check everything that dispatching needs; takes the settings of run
    Doctor(Box<dialerd::doctor::Options>),
    /// Why a call is (not) being placed: one line per gate
    Explain(dialerd::ask::Explain),
    /// Reports of the database
    Report(dialerd::ask::Report),
    /// Vendors that are described by settings: check a recipe without sending anything
    Recipe(dialerd::recipe::Options),
    /// A simulated provider in its own process
    Sandbox(Box<dialerd::sandbox::Options>),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging(cli.log_format);
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::debug!("a TLS provider was installed already");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let ended =
        runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(cli.command)));
    match ended {
        Ok(code) => code,
        Err(error) => {
            eprintln!("dialerd: {}", dialerd::db::told(error.as_ref()));
            ExitCode::from(2)
        }
    }
}

fn start_logging(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_env("DIALERD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}

async fn run(command: Command) -> anyhow::Result<ExitCode> {
    let stop = stop_on_signal()?;
    match command {
        Command::Run(stated) => dialerd::run::run(stated.settled()?, stop).await?,
        Command::Api(stated) => dialerd::run::serve_api(stated.settled()?, stop).await?,
        Command::Import(options) => return import(*options).await,
        Command::Backfill(options) => _ = tell(dialerd::backfill::run(&options).await?)?,
        Command::Replay(options) => _ = tell(dialerd::replay::run(&options).await?)?,
        Command::Closures(options) => return closures(options).await,
        Command::Doctor(options) => return doctor(*options).await,
        Command::Explain(options) => _ = tell(dialerd::ask::explain(&options).await?)?,
        Command::Report(options) => report(&options, stop).await?,
        Command::Recipe(options) => {
            let dialerd::recipe::Command::Check(check) = options.command;
            tell(dialerd::recipe::check(&check)?)?;
        }
        Command::Sandbox(options) => {
            let running = dialerd::sandbox::start(*options, stop).await?;
            tracing::info!(address = %running.address, "sandbox is listening");
            running.ended().await;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints, and says whether anybody reads on: `head` has read enough, which is no failure.
fn tell(text: impl std::fmt::Display) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(false),
        told => Ok(told.map(|()| true).context("cannot print")?),
    }
}

/// 1 when anything fails.
async fn doctor(options: dialerd::doctor::Options) -> anyhow::Result<ExitCode> {
    let findings = dialerd::doctor::examine(options).await;
    for finding in &findings {
        tell(format_args!("{finding}\n"))?;
    }
    let fails =
        |finding: &dialerd::doctor::Finding| finding.verdict == dialerd::doctor::Verdict::Fail;
    Ok(if findings.iter().any(fails) { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// 0: every row was handled; 1: the database stopped it; 2: the file is at fault.
async fn import(options: dialerd::import::Options) -> anyhow::Result<ExitCode> {
    match dialerd::import::run(options).await {
        Ok(summary) => {
            tell(summary)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) if error.is_about_the_file() => Err(error.into()),
        Err(error) => {
            eprintln!("dialerd: {}", dialerd::db::told(&error));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// 0: every line was understood; 1: the database stopped it; 2: the file is at fault.
async fn closures(options: dialerd::closures::Options) -> anyhow::Result<ExitCode> {
    let dialerd::closures::Command::Import(options) = options.command;
    match dialerd::closures::import(&options).await {
        Ok(summary) => {
            summary.told.iter().for_each(|line| eprintln!("{line}"));
            tell(&summary)?;
            Ok(ExitCode::from(if summary.invalid > 0 { 2 } else { 0 }))
        }
        Err(error) if error.is_about_the_file() => Err(error.into()),
        Err(error) => {
            eprintln!("dialerd: {}", dialerd::db::told(&error));
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Prints a report, once or again and again until somebody stops it or nobody reads it.
async fn report(options: &dialerd::ask::Report, stop: CancellationToken) -> anyhow::Result<()> {
    // Unbounded: it is asked for.
    loop {
        let is_read = tell(dialerd::ask::report(options).await?)?;
        let Some(seconds) = options.every.filter(|_| is_read) else { return Ok(()) };
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(std::time::Duration::from_secs(seconds)) => (),
        }
    }
}

/// A token that is cancelled by SIGTERM or SIGINT.
fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = term.recv() => (),
            _ = int.recv() => (),
        }
        token.cancel();
    });
    Ok(stop)
}
