//! The harness: a database from the template, and one way to compare what it says.

use expect_test::Expect;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

const MISSING: &str = "DIALER_TEST_DSN is not set: run `make test-it`, \
    or `cargo xtask with-pg -- cargo test --workspace --test it`";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database that exists for one test.
pub struct Database {
    name: String,
    session: Session,
}

/// One connection.
pub struct Session {
    client: Client,
}

impl std::ops::Deref for Database {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl Database {
    /// With the extension installed.
    pub async fn fresh() -> Database {
        Database::copy_of(server().get_dbname().expect("the DSN names the template")).await
    }

    /// Without the extension.
    pub async fn empty() -> Database {
        Database::copy_of("template0").await
    }

    async fn copy_of(template: &str) -> Database {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        let maker = Session::to("postgres").await;
        maker.run(&format!("create database {name} template {template}")).await;
        Database { session: Session::to(&name).await, name }
    }

    /// A second session in the same database.
    pub async fn another_session(&self) -> Session {
        Session::to(&self.name).await
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// What pg_dump writes.
    pub fn dump(&self) -> Vec<u8> {
        let output = self.tool("pg_dump").output().expect("pg_dump runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// Reads a dump; its first error fails the test.
    pub fn load(&self, dump: &[u8]) {
        let mut command = self.tool("psql");
        command.args(["-qX", "-v", "ON_ERROR_STOP=1", "-o", "/dev/null"]).stdin(Stdio::piped());
        let mut psql = command.spawn().expect("psql runs");
        psql.stdin.take().expect("a pipe").write_all(dump).expect("psql reads");
        assert!(psql.wait().expect("psql ends").success(), "the dump does not load");
    }

    /// A client program of the server's own version.
    fn tool(&self, program: &str) -> Command {
        let bin = std::env::var("DIALER_TEST_BIN").expect(MISSING);
        let dsn = std::env::var("DIALER_TEST_DSN").expect(MISSING);
        let (server, _) = dsn.rsplit_once('/').expect("the DSN ends with a database");
        let mut command = Command::new(Path::new(&bin).join(program));
        command.args(["-d", &format!("{server}/{}", self.name)]);
        command
    }
}

/// A failed test leaves its database to be looked at for as long as the server lives.
impl Drop for Database {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let sql = format!("drop database {} with (force)", self.name);
        // Another thread, because this one is inside a runtime that must not block.
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async { Session::to("postgres").await.run(&sql).await });
            Ok::<(), std::io::Error>(())
        };
        std::thread::spawn(work).join().expect("the thread ends").expect("a runtime starts");
    }
}

impl Session {
    pub async fn to(database: &str) -> Session {
        let (client, connection) =
            server().dbname(database).connect(NoTls).await.expect("the test server answers");
        tokio::spawn(connection);
        Session { client }
    }

    /// Runs statements whose answers do not matter.
    pub async fn run(&self, sql: &str) {
        if let Err(error) = self.client.batch_execute(sql).await {
            panic!("{}\nin: {sql}", describe(&error));
        }
    }

    /// The rows of a query as text: columns divided by ` | `, null as `-`.
    pub async fn rows(&self, sql: &str) -> String {
        self.answer(sql).await.unwrap_or_else(|refused| panic!("{refused}\nin: {sql}"))
    }

    /// The rows of a query, or what it is refused with.
    pub async fn answer(&self, sql: &str) -> Result<String, String> {
        let messages = self.client.simple_query(sql).await.map_err(|error| describe(&error))?;
        Ok(messages.iter().filter_map(row).collect::<Vec<_>>().join("\n"))
    }

    /// What a statement is refused with: code, message, detail, hint.
    pub async fn refusal(&self, sql: &str) -> String {
        match self.client.batch_execute(sql).await {
            Ok(()) => "not refused".to_string(),
            Err(error) => describe(&error),
        }
    }

    /// Compares the rows of a query.
    pub async fn check(&self, sql: &str, expected: Expect) {
        expected.assert_eq(&self.rows(sql).await);
    }

    /// Asks until the answer is as wanted; false if it never is.
    pub async fn becomes(&self, sql: &str, wanted: &str) -> bool {
        // LIMIT: 500 questions, ten milliseconds apart.
        for _ in 0..500 {
            if self.rows(sql).await == wanted {
                return true;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        false
    }

    /// Compares the error of a statement.
    pub async fn check_refusal(&self, sql: &str, expected: Expect) {
        expected.assert_eq(&self.refusal(sql).await);
    }
}

fn server() -> Config {
    let dsn = std::env::var("DIALER_TEST_DSN").expect(MISSING);
    dsn.parse().expect("DIALER_TEST_DSN is a connection string")
}

fn row(message: &SimpleQueryMessage) -> Option<String> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    let cells: Vec<&str> = (0..row.len()).map(|cell| row.get(cell).unwrap_or("-")).collect();
    Some(cells.join(" | "))
}

fn describe(error: &tokio_postgres::Error) -> String {
    let Some(error) = error.as_db_error() else { return error.to_string() };
    let mut text = format!("{}: {}", error.code().code(), error.message());
    for (what, part) in [("detail", error.detail()), ("hint", error.hint())] {
        if let Some(part) = part.filter(|part| !part.is_empty()) {
            text += &format!("\n{what}: {part}");
        }
    }
    text
}
