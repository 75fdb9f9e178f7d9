//! A pgbouncer in transaction mode between a dispatcher and its database.

use crate::ONE_AT_A_TIME;
use crate::day::number;
use crate::network::{behind_a_proxy, call, port_of, until_ready_says};
use dialer_tests::rehearsal::Rehearsal;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Pooler {
    child: Child,
    port: u16,
    file: PathBuf,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Where `xtask setup` puts it, or where the system has it.
fn program() -> Option<PathBuf> {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?;
    let own = checkout.join("target/tools/usr/sbin/pgbouncer");
    [own, "/usr/sbin/pgbouncer".into(), "/usr/bin/pgbouncer".into()]
        .into_iter()
        .find(|p| p.exists())
}

/// Fewer connections to the server than a dispatcher has sessions, so that they must share.
fn start(rehearsal: &Rehearsal) -> Option<Pooler> {
    let program = program()?;
    let database = rehearsal.url.rsplit_once('/').unwrap().1;
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = std::env::temp_dir().join(format!("dialer-{database}.ini"));
    let text = format!(
        "[databases]\n{database} = host=127.0.0.1 port={server} user={database} password={database}\n\
         [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
         auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\n",
        server = port_of(&rehearsal.url),
    );
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(program);
    // It refuses to run as root, and then wants to be told as whom; else the flag is an error.
    if Command::new("id").arg("-u").output().unwrap().stdout == b"0\n" {
        command.args(["-u", "postgres"]);
    }
    let log = std::fs::File::create(rehearsal.dir.join("pgbouncer.log")).unwrap();
    command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    Some(Pooler { child: command.spawn().ok()?, port, file })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_in_transaction_mode_is_worked_through_and_told() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (mut rehearsal, _proxy) = behind_a_proxy("pooler", &[]).await;
    rehearsal.stop_dispatchers().unwrap();
    let Some(pooler) = start(&rehearsal) else {
        eprintln!("no pgbouncer: `cargo xtask setup` fetches it where it can; passed over");
        return;
    };
    let through = format!("127.0.0.1:{}", pooler.port);
    rehearsal.dispatch_through(&through, &["--poll-ms", "300"]).unwrap();
    rehearsal.revive_dispatcher(0).await.unwrap();
    until_ready_says(&rehearsal, 200, "a pooler in transaction mode").await;
    for nth in 0..10 {
        let took = call(&rehearsal, nth).await;
        assert!(took < Duration::from_secs(2), "polling took {took:?}");
    }
    rehearsal.stop_dispatchers().unwrap();
    let direct = rehearsal.login_url();
    let flags = ["--poll-ms", "5000", "--listen-database-url", &direct];
    rehearsal.dispatch_through(&through, &flags).unwrap();
    rehearsal.revive_dispatcher(0).await.unwrap();
    until_ready_says(&rehearsal, 200, "\"notifications\":\"listening\"").await;
    let took = call(&rehearsal, 10).await;
    assert!(took < Duration::from_secs(2), "a notification took {took:?}");
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}
