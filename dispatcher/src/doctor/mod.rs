//! `dialerd doctor`: looks at everything that a dispatcher needs and says what to do about it.
//!
//! Every check stands for itself: one that fails does not keep the others from being made.
//! Providers are asked only where an account is named (`account`), and never called through.

mod account;

use crate::clock::{monotonic, wall};
use crate::config::Config;
use crate::db::ask::{Asker, literal};
use crate::db::{self, Address, Listener, Probe, Reach, Session};
use crate::{config, secrets};
use chrono::{DateTime, Utc};
use clap::Args;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// LIMIT: how long a notification may take to come back.
const NOTIFY_PATIENCE: Duration = Duration::from_secs(2);
/// Beyond these, the clocks of the two machines are too far apart.
const SKEW_WARN_SECONDS: f64 = 1.0;
const SKEW_FAIL_SECONDS: f64 = 30.0;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Warn,
    Fail,
    /// Not looked at, because this role may not.
    Skip,
}

/// One line: what was looked at, what was found, and what to do.
#[derive(Debug, Clone)]
pub struct Finding {
    pub verdict: Verdict,
    pub what: &'static str,
    pub found: String,
    pub remedy: Option<String>,
}

impl Finding {
    fn ok(what: &'static str, found: impl Into<String>) -> Finding {
        Finding { verdict: Verdict::Ok, what, found: found.into(), remedy: None }
    }

    fn bad(
        verdict: Verdict,
        what: &'static str,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        Finding { verdict, what, found: found.into(), remedy: Some(remedy.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Ok => "ok  ",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
            Verdict::Skip => "skip",
        };
        write!(f, "{word}  {:14}{}", self.what, self.found)?;
        match &self.remedy {
            Some(remedy) => write!(f, "\n      {:14}-> {remedy}", ""),
            None => Ok(()),
        }
    }
}

/// What to look at.
#[derive(Debug, Clone, Args)]
pub struct Options {
    #[command(flatten)]
    pub stated: config::Stated,
    /// Try an account at its provider as well, by name or number; nobody is called. May be repeated
    #[arg(long, value_name = "NAME")]
    pub account: Vec<String>,
}

/// Makes every check; the first failure to connect is the last line.
pub async fn examine(options: Options) -> Vec<Finding> {
    let config = match options.stated.settled() {
        Ok(config) => config,
        Err(error) => {
            let remedy = "see dialerd run --help";
            return vec![Finding::bad(Verdict::Fail, "configuration", chain(&error), remedy)];
        }
    };
    let connected = match Address::new(&config.database_url, config.statement) {
        Ok(address) => Asker::connect(&address).await.map(|asker| (address, asker)),
        Err(error) => Err(error),
    };
    match connected {
        Ok((address, asker)) => {
            let mut findings = checks(&config, &address, &asker).await;
            for name in &options.account {
                findings.extend(account::examine(&config, &address, name).await);
            }
            findings
        }
        Err(error) => {
            let remedy = "check the URL, the server and pg_hba.conf";
            vec![Finding::bad(Verdict::Fail, "database", chain(&error), remedy)]
        }
    }
}

async fn checks(config: &Config, address: &Address, asker: &Asker) -> Vec<Finding> {
    let mut findings = vec![server(asker).await];
    let extension = extension(asker).await;
    let is_there = extension.verdict != Verdict::Fail;
    findings.push(extension);
    if !is_there {
        return findings;
    }
    findings.push(rights(asker).await);
    if config.serve_api {
        findings.push(api_rights(config, asker).await);
    }
    findings.extend([clock(asker).await, skew(asker).await]);
    findings.extend([upkeep(asker).await, notifications(config, address).await]);
    findings.push(snapshots(asker).await);
    findings.push(stuck(asker).await);
    findings.extend([zones(asker).await, bans(asker).await, law(asker).await]);
    findings.extend(keys(asker).await);
    findings.push(invariants(asker).await);
    findings
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    db::told(error).replace("\n  ", "; ")
}

/// A check that could not be made is a failure that says why.
fn unanswered(what: &'static str, error: &db::Error) -> Finding {
    const UNDEFINED: [&str; 3] = ["42883", "42P01", "42703"];
    let is_older = error.code().is_some_and(|code| UNDEFINED.contains(&code.as_str()));
    let remedy = match is_older {
        true => "the extension is older than this dialerd: alter extension pg_dialer update",
        false => "the question itself failed; see the error",
    };
    Finding::bad(Verdict::Fail, what, chain(error), remedy)
}

/// The dispatcher's own role reads no table, so some checks are for whoever may.
fn not_readable(what: &'static str, error: &db::Error) -> Finding {
    const INSUFFICIENT_PRIVILEGE: &str = "42501";
    match error.code().as_deref() {
        Some(INSUFFICIENT_PRIVILEGE) => {
            let remedy = "the tables' owner sees it: run doctor once with that role, here";
            Finding::bad(Verdict::Skip, what, "this role may not look, and need not", remedy)
        }
        _ => unanswered(what, error),
    }
}

async fn server(asker: &Asker) -> Finding {
    const WHAT: &str = "server";
    match asker.value("select current_setting('server_version_num')").await {
        Ok(number) => {
            let number: u32 = number.and_then(|text| text.parse().ok()).unwrap_or(0);
            let version = format!("PostgreSQL {}.{}", number / 10_000, number % 10_000);
            match number {
                150_000.. => Finding::ok(WHAT, version),
                _ => Finding::bad(Verdict::Fail, WHAT, version, "PostgreSQL 15 or later is needed"),
            }
        }
        Err(error) => unanswered(WHAT, &error),
    }
}

async fn extension(asker: &Asker) -> Finding {
    const WHAT: &str = "extension";
    let own = env!("CARGO_PKG_VERSION");
    let sql = "select extversion from pg_extension where extname = 'pg_dialer'";
    match asker.value(sql).await {
        Ok(Some(version)) if version == own => Finding::ok(WHAT, format!("pg_dialer {version}")),
        Ok(Some(version)) => {
            let found = format!("pg_dialer {version}, but this is dialerd {own}");
            Finding::bad(Verdict::Warn, WHAT, found, "alter extension pg_dialer update")
        }
        Ok(None) => {
            let remedy = "create extension pg_dialer, in this database";
            Finding::bad(Verdict::Fail, WHAT, "pg_dialer is not there", remedy)
        }
        Err(error) => unanswered(WHAT, &error),
    }
}

/// What a dispatcher may do is what its role may: the login has to be allowed all of it.
async fn rights(asker: &Asker) -> Finding {
    const WHAT: &str = "rights";
    const SQL: &str = "select string_agg(distinct p.proname, ', ') from pg_proc p \
        where p.pronamespace = 'dialer'::regnamespace \
        and has_function_privilege('dialer_dispatcher', p.oid, 'execute') \
        and not has_function_privilege(p.oid, 'execute')";
    const ROLE: &str = "select current_user || case when (select rolsuper from pg_roles \
        where rolname = current_user) then ' (superuser)' else '' end";
    match (asker.value(SQL).await, asker.value(ROLE).await) {
        (Ok(Some(missing)), _) => {
            let found = format!("this role may not execute {missing}");
            let remedy = "grant dialer_dispatcher to the role in the URL";
            Finding::bad(Verdict::Fail, WHAT, found, remedy)
        }
        (Ok(None), Ok(role)) => {
            let role = role.unwrap_or_default();
            match role.ends_with("(superuser)") {
                true => {
                    let remedy = "run as a role that holds dialer_dispatcher and nothing else";
                    Finding::bad(Verdict::Warn, WHAT, role, remedy)
                }
                false => Finding::ok(WHAT, format!("{role} may execute all that is needed")),
            }
        }
        (Err(error), _) | (_, Err(error)) => unanswered(WHAT, &error),
    }
}

/// Whether the login of the REST API may show keys and take the roles of their scopes.
async fn api_rights(config: &Config, asker: &Asker) -> Finding {
    const WHAT: &str = "API rights";
    const SQL: &str = "select current_user, string_agg(what, ', ') from ( \
        select 'show an API key' where not has_function_privilege('dialer.use_api_key(bytea)', 'execute') \
        union all select 'take the role ' || wanted from unnest('{dialer_reader,dialer_user,dialer_admin}'::text[]) wanted \
        where not pg_has_role(wanted, case when current_setting('server_version_num')::int >= 160000 then 'set' else 'member' end)) x(what)";
    const REMEDY: &str = "grant dialer_api to that role, or run with --no-api";
    let apart = match &config.api.database_url {
        Some(url) => match Address::new(url, config.statement) {
            Ok(address) => Some(Asker::connect(&address).await),
            Err(error) => Some(Err(error)),
        },
        None => None,
    };
    let asker = match &apart {
        Some(Ok(apart)) => apart,
        Some(Err(error)) => {
            let remedy = "check --api-database-url, the server and pg_hba.conf";
            return Finding::bad(Verdict::Fail, WHAT, chain(error), remedy);
        }
        None => asker,
    };
    let answer = match asker.text(SQL).await {
        Ok(answer) => answer,
        Err(error) => return unanswered(WHAT, &error),
    };
    match answer.rows.first().map(Vec::as_slice) {
        Some([Some(role), Some(missing)]) => {
            Finding::bad(Verdict::Fail, WHAT, format!("{role} may not {missing}"), REMEDY)
        }
        Some([Some(role), None]) => Finding::ok(WHAT, format!("{role} may serve the REST API")),
        _ => Finding::bad(Verdict::Fail, WHAT, "nothing is told", REMEDY),
    }
}

async fn clock(asker: &Asker) -> Finding {
    const WHAT: &str = "dialer clock";
    let answer = match asker.ask("clock()").await {
        Ok(answer) => answer,
        Err(error) => return unanswered(WHAT, &error),
    };
    let field = |at: usize| answer.rows.first()?.get(at)?.as_deref();
    let now_at = field(0).unwrap_or("");
    let apart = "select abs(extract(epoch from dialer.now() - clock_timestamp())) > 1";
    let is_apart = matches!(asker.value(apart).await, Ok(Some(answer)) if answer == "t");
    match (field(1), field(2)) {
        (Some("1"), Some("f")) if !is_apart => Finding::ok(WHAT, format!("{now_at}, real time")),
        (rate, fixed) => {
            let found = match fixed {
                Some("f") if rate == Some("1") => format!("{now_at}, not the real time"),
                Some("t") => format!("{now_at}, standing still"),
                _ => format!("{now_at}, at {} times real time", rate.unwrap_or("?")),
            };
            let remedy =
                "a rehearsal; for real calls reset dialer.clock, clock_rate and clock_origin";
            Finding::bad(Verdict::Warn, WHAT, found, remedy)
        }
    }
}

/// Our clock against the server's; webhooks are dated by one and judged by the other.
async fn skew(asker: &Asker) -> Finding {
    const WHAT: &str = "clock skew";
    let asked = monotonic();
    let sql = "select extract(epoch from clock_timestamp())";
    let server = match asker.value(sql).await {
        Ok(server) => server.and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0),
        Err(error) => return unanswered(WHAT, &error),
    };
    let half = (monotonic() - asked).as_secs_f64() / 2.0;
    let own = wall().timestamp_micros() as f64 / 1e6;
    let skew = own - half - server;
    let found = format!("{:+.3} s against the database", skew);
    let remedy = "let both machines follow NTP";
    match skew.abs() {
        away if away <= SKEW_WARN_SECONDS => Finding::ok(WHAT, found),
        away if away <= SKEW_FAIL_SECONDS => Finding::bad(Verdict::Warn, WHAT, found, remedy),
        _ => Finding::bad(Verdict::Fail, WHAT, found, remedy),
    }
}

/// Who drives the ticks, and whether pg_cron does it well: there, lately, without failing, on time.
async fn upkeep(asker: &Asker) -> Finding {
    const WHAT: &str = "upkeep";
    let answer = match asker.ask("cron_health()").await {
        Ok(answer) => answer,
        Err(error) => return not_readable(WHAT, &error),
    };
    let field = |at: usize| answer.rows.first()?.get(at)?.as_deref();
    let verdict = match field(0) {
        Some("ok") => Verdict::Ok,
        Some("warn") => Verdict::Warn,
        _ => Verdict::Fail,
    };
    let found = field(1).unwrap_or("nothing is told").to_owned();
    Finding { verdict, what: WHAT, found, remedy: field(2).map(str::to_owned) }
}

/// Listens where a dispatcher would: beside a pooler, if it is told how.
async fn notifications(config: &Config, address: &Address) -> Finding {
    const WHAT: &str = "notifications";
    const REMEDY: &str = "LISTEN needs a direct or session-pooled connection \
        (--listen-database-url); polling carries on";
    let direct = config.listen_database_url.as_ref();
    let heard_at = match direct.map(|url| Address::new(url, config.statement)).transpose() {
        Ok(direct) => direct.unwrap_or_else(|| address.clone()),
        Err(error) => return Finding::bad(Verdict::Fail, WHAT, chain(&error), REMEDY),
    };
    let (mut listener, _lost) = match Listener::start(&heard_at, Arc::default()).await {
        Ok(listener) => listener,
        Err(error) => return Finding::bad(Verdict::Warn, WHAT, chain(&error), REMEDY),
    };
    // Another session sends it, as it is in production: a pooler may serve both by one connection.
    let through = Session::new(address.clone(), Arc::new(Reach::new(WHAT)));
    let probe = listener.probe(&through, NOTIFY_PATIENCE).await;
    listener.end(NOTIFY_PATIENCE).await;
    match probe {
        Probe::Back(took) => {
            let millis = took.as_secs_f64() * 1000.0;
            Finding::ok(WHAT, format!("a NOTIFY came back in {millis:.1} ms"))
        }
        Probe::Lost => Finding::bad(Verdict::Warn, WHAT, "a NOTIFY did not come back", REMEDY),
        Probe::NotSent => Finding::bad(Verdict::Warn, WHAT, "a NOTIFY could not be sent", REMEDY),
    }
}

/// Whoever looks at the database as it was long ago keeps the rows that claims have to read past.
async fn snapshots(asker: &Asker) -> Finding {
    const WHAT: &str = "old snapshots";
    const SQL: &str = "select string_agg(format('%s %s%s (%s) since %s', kind, \
        coalesce(nullif(name, ''), 'without a name'), ', pid ' || pid, state, \
        coalesce(date_trunc('second', age)::text, transactions || ' transactions')), '; ') \
        from (select * from dialer.old_snapshots() limit 5) s";
    const REMEDY: &str = "dead rows stay until it ends, and claims slow down: end it \
        (pg_terminate_backend, rollback prepared, pg_drop_replication_slot), and set \
        idle_in_transaction_session_timeout";
    match asker.value(SQL).await {
        Ok(None) => Finding::ok(WHAT, "nobody has kept one for five minutes"),
        Ok(Some(found)) => Finding::bad(Verdict::Warn, WHAT, found, REMEDY),
        Err(error) => not_readable(WHAT, &error),
    }
}

/// Attempts that nobody looks after any more.
async fn stuck(asker: &Asker) -> Finding {
    const WHAT: &str = "stuck calls";
    const SQL: &str = "select nullif(calls, 0)::text from dialer.queue_gauges() \
        where state = 'stuck'";
    const REMEDY: &str = "see dialer.stuck (or GET /api/v1/stuck) for why, and run dialerd; \
        dialer.reset_stuck() says what can be done";
    match asker.value(SQL).await {
        Ok(None) => Finding::ok(WHAT, "none"),
        Ok(Some(calls)) => Finding::bad(Verdict::Warn, WHAT, calls, REMEDY),
        Err(error) => not_readable(WHAT, &error),
    }
}

/// Zone rules of the server, by changes of law that must be known: without them calls go out wrongly.
async fn zones(asker: &Asker) -> Finding {
    const WHAT: &str = "zone data";
    let there = "select 1 from pg_proc where pronamespace = 'dialer'::regnamespace \
        and proname = 'tz_data_version'";
    match asker.value(there).await {
        Ok(Some(_)) => (),
        Ok(None) => return Finding::ok(WHAT, "the server's own; its age is not told"),
        Err(error) => return unanswered(WHAT, &error),
    }
    let version = match asker.value("select dialer.tz_data_version()").await {
        Ok(version) => version.unwrap_or_default(),
        Err(error) => return unanswered(WHAT, &error),
    };
    let is_stale = match asker.value("select dialer.tz_data_is_stale()").await {
        Ok(answer) => answer.as_deref() == Some("t"),
        Err(error) => return unanswered(WHAT, &error),
    };
    const REMEDY: &str = "update the package tzdata, restart the server, then \
        select dialer.recompute_due()";
    match age_in_months(&version, wall()) {
        _ if is_stale => {
            let found = format!(
                "{version}: lacks laws of 2026, so parts of Canada, Cuba and Morocco are an hour off"
            );
            Finding::bad(Verdict::Warn, WHAT, found, REMEDY)
        }
        Some(age) if age > 12 => {
            let found = format!("{version}, about {age} months old");
            Finding::bad(Verdict::Warn, WHAT, found, REMEDY)
        }
        _ => Finding::ok(WHAT, version),
    }
}

/// A version such as 2026b: about two months for each letter.
fn age_in_months(version: &str, now: DateTime<Utc>) -> Option<i32> {
    use chrono::Datelike;
    let year: i32 = version.get(..4)?.parse().ok()?;
    let letter = i32::from(*version.as_bytes().get(4)?) - i32::from(b'a');
    Some((now.year() - year) * 12 + now.month() as i32 - 2 * letter.clamp(0, 5))
}

/// Calls on dates for which the imported lists of bans say nothing.
async fn bans(asker: &Asker) -> Finding {
    const WHAT: &str = "bans";
    const SQL: &str = "select string_agg(format('%s has %s calls up to %s, loaded for %s', \
        campaign, calls, last_on, loaded), '; ') from dialer.bans_short()";
    match asker.value(SQL).await {
        Ok(None) => Finding::ok(WHAT, "no call lies beyond an imported list of bans"),
        Ok(Some(found)) => {
            let remedy =
                "import the bans of those years: dialer.import_closures(..., kind => 'ban')";
            Finding::bad(Verdict::Warn, WHAT, found, remedy)
        }
        Err(error) => not_readable(WHAT, &error),
    }
}

/// Packs of calling rules that are in force and have grown old, or whose holidays end.
async fn law(asker: &Asker) -> Finding {
    const WHAT: &str = "calling rules";
    const SQL: &str = "select string_agg(format('%s: %s (read %s, for %s)', pack, advice, as_of, used_by), '; ' order by pack) \
        from dialer.law_age() where advice not in ('fresh', 'not in force')";
    match asker.value(SQL).await {
        Ok(None) => Finding::ok(WHAT, "none in force has grown old"),
        Ok(Some(found)) => {
            let remedy = "load a newer pack with dialer.load_calling_rules, or ask a lawyer";
            Finding::bad(Verdict::Warn, WHAT, found, remedy)
        }
        Err(error) => not_readable(WHAT, &error),
    }
}

/// Every secret that an account names must be there when `dialerd run` starts.
async fn keys(asker: &Asker) -> Vec<Finding> {
    const WHAT: &str = "secrets";
    const SQL: &str = "select a.name, x.secret from dialer.provider_account a, \
        lateral (values (a.secret_name), (a.webhook_secret_name)) x(secret) \
        where x.secret is not null order by 1, 2";
    let answer = match asker.text(SQL).await {
        Ok(answer) => answer,
        Err(error) => return vec![not_readable(WHAT, &error)],
    };
    let mut findings = Vec::new();
    let mut there = 0;
    for row in answer.rows {
        let [Some(account), Some(name)] = row.as_slice() else { continue };
        match secrets::find(name) {
            Ok(_) => there += 1,
            Err(missing) => {
                let found = format!("account {}: {missing}", literal(account));
                let remedy = format!(
                    "a file {name} in DIALERD_SECRETS_DIR, LoadCredential={name}:..., or {name} in the environment of dialerd"
                );
                findings.push(Finding::bad(Verdict::Fail, WHAT, found, remedy));
            }
        }
    }
    if findings.is_empty() {
        let found = match there {
            0 => "no account names one".to_owned(),
            there => format!("all {there} that accounts name are here"),
        };
        findings.push(Finding::ok(WHAT, found));
    }
    findings
}

async fn invariants(asker: &Asker) -> Finding {
    const WHAT: &str = "invariants";
    match asker.value("select count(*) from dialer.invariant_violation").await {
        Ok(Some(count)) if count == "0" => Finding::ok(WHAT, "none is broken"),
        Ok(count) => {
            let found = format!("{} rows break one", count.unwrap_or_default());
            Finding::bad(Verdict::Fail, WHAT, found, "select * from dialer.invariant_violation")
        }
        Err(error) => not_readable(WHAT, &error),
    }
}

#[cfg(test)]
mod tests;
