//! Who keeps dead rows: transactions that are really held.

use crate::database::{Database, Session};
use expect_test::expect;

const OLD: &str =
    "select kind, age >= '0', transactions >= 0, name, state from dialer.old_snapshots('0')";

/// A session with a name, in a transaction that has looked at the database.
async fn holder(db: &Database) -> Session {
    let holder = db.another_session().await;
    holder.run("set application_name = 'nightly report'; begin isolation level repeatable read; select count(*) from dialer.tenant").await;
    holder
}

#[tokio::test]
async fn a_transaction_that_is_held_is_shown_until_it_ends() {
    let db = Database::fresh().await;
    db.check(OLD, expect![""]).await;
    let holder = holder(&db).await;
    db.check(OLD, expect!["session | t | t | nightly report | idle in transaction"]).await;
    db.check("select dialer.oldest_snapshot_seconds() between 0.000001 and 100", expect!["t"])
        .await;
    db.check("select count(*) from dialer.old_snapshots()", expect!["0"]).await;
    holder.run("commit").await;
    db.check(
        "select count(*), dialer.oldest_snapshot_seconds() from dialer.old_snapshots('0')",
        expect!["0 | 0"],
    )
    .await;
}

#[tokio::test]
async fn a_dispatcher_may_ask_and_a_reader_of_one_tenant_may_not() {
    let db = Database::fresh().await;
    let _holder = holder(&db).await;
    // Another's session, of which this role could see neither state nor snapshot by itself.
    db.run("set role dialer_dispatcher").await;
    db.check(OLD, expect!["session | t | t | nightly report | idle in transaction"]).await;
    db.check("select dialer.oldest_snapshot_seconds() > 0", expect!["t"]).await;
    db.run("set role dialer_reader").await;
    db.check_refusal(OLD, expect!["42501: permission denied for function old_snapshots"]).await;
}

#[tokio::test]
async fn a_snapshot_in_another_database_keeps_nothing_here() {
    let (db, other) = (Database::fresh().await, Database::fresh().await);
    let _holder = holder(&other).await;
    db.check(OLD, expect![""]).await;
}
