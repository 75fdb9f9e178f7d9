//! A database that crashes, becomes read-only, or is followed by its standby.

use crate::ONE_AT_A_TIME;
use crate::day::{number, plan, until};
use crate::network::{call, until_ready_says};
use dialer_tests::rehearsal::Rehearsal;
use dialer_tests::server::Server;

const RUNNING: &str = "update dialer.provider_account set ring_seconds = 1, call_seconds_max = 1, answer_seconds = 1, grace_seconds = 3;
    select dialer.create_campaign('always', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('always')";

async fn at(server: &Server, name: &str) -> Rehearsal {
    let flags = ["--ring", "0", "--unanswered-ring", "0", "--talk", "0"];
    let url = server.url("dialer_template");
    let rehearsal = Rehearsal::start_at(&url, name, plan(1.0, &flags)).await.unwrap();
    rehearsal.add_accounts().await.unwrap();
    rehearsal.db.batch_execute(RUNNING).await.unwrap();
    rehearsal
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_of_the_database_is_survived_at_once() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let server = Server::start("crash").unwrap();
    let mut rehearsal = at(&server, "crash").await;
    rehearsal.start_dispatcher().await.unwrap();
    until_ready_says(&rehearsal, 200, "listening").await;
    for nth in 0..3 {
        call(&rehearsal, nth).await;
        server.crash_and_restart().unwrap();
        rehearsal.reconnect(&server.url("")).await.unwrap();
        until_ready_says(&rehearsal, 200, "\"notifications\":\"listening\"").await;
    }
    call(&rehearsal, 3).await;
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispatcher_follows_the_database_to_its_standby() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let primary = Server::start("primary").unwrap();
    let standby = primary.standby("standby").unwrap();
    let mut rehearsal = at(&primary, "failover").await;
    // The standby is named first, and passed over as long as it is one.
    let servers = format!("127.0.0.1:{},127.0.0.1:{}", standby.port, primary.port);
    rehearsal.dispatch_through(&servers, &[]).unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until_ready_says(&rehearsal, 200, "listening").await;
    call(&rehearsal, 0).await;
    until(&rehearsal, "select bool_and(ended_at is not null) from dialer.call").await;
    until(&rehearsal, "select pg_current_wal_lsn() = replay_lsn from pg_stat_replication").await;
    primary.crash().unwrap();
    until_ready_says(&rehearsal, 503, "the database is away").await;
    standby.promote().unwrap();
    rehearsal.reconnect(&standby.url("")).await.unwrap();
    until_ready_says(&rehearsal, 200, "\"notifications\":\"listening\"").await;
    call(&rehearsal, 1).await;
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_accepts_no_writes_is_told_and_left() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = crate::day::begin("read_only", 1.0, &[]).await;
    rehearsal.db.batch_execute(RUNNING).await.unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    until_ready_says(&rehearsal, 200, "listening").await;
    // The dispatcher's role is that of the database's name; its sessions end, or find out.
    let set = |words: &str| {
        format!(
            "do $$ begin execute format('alter role %I {words}', current_database()); end $$;
             select pg_terminate_backend(pid) from pg_stat_activity where usename = current_database()"
        )
    };
    let shut = set("set default_transaction_read_only = on");
    rehearsal.db.batch_execute(&shut).await.unwrap();
    until_ready_says(&rehearsal, 503, "does not allow writes").await;
    let open = set("reset default_transaction_read_only");
    rehearsal.db.batch_execute(&open).await.unwrap();
    until_ready_says(&rehearsal, 200, "listening").await;
    call(&rehearsal, 0).await;
}
