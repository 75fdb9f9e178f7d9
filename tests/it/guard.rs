//! The guard on anybody's table: what moves, what is refused, and in which words.

use crate::database::Database;
use expect_test::expect;

const LEAD: &str = r#"select dialer.define_machine('lead', '{
    "[*]": ["new"], "new": ["calling"], "calling": ["new", "done"]
}')"#;

/// A table of a user, with a guard on a column of that type.
async fn guarded(column_type: &str) -> Database {
    let db = Database::fresh().await;
    db.run(LEAD).await;
    db.run("create type lead_state as enum ('new', 'calling', 'done')").await;
    db.run(&format!(
        "create table lead (id bigint primary key, note text, state {column_type});
         create trigger _500_guard before insert or update on lead
             for each row execute function dialer.guard_transition('lead', 'state');
         insert into lead (id, state) values (42, 'new')"
    ))
    .await;
    db
}

// R103, D1
#[tokio::test]
async fn legal_moves_pass_and_illegal_ones_say_what_is_legal() {
    for column_type in ["text", "varchar(20)", "lead_state"] {
        let db = guarded(column_type).await;
        db.check_refusal(
            "update lead set state = 'done'",
            expect![[r#"
            PD001: lead 42 may not go from "new" to "done"
            detail: In machine "lead" the legal moves from "new" are: calling.
            hint: Move along these; select dialer.machine_diagram('lead') shows the machine."#]],
        )
        .await;
        db.run("update lead set state = 'calling'; update lead set state = 'done'").await;
        db.check_refusal(
            "update lead set state = 'new'",
            expect![[r#"
            PD001: lead 42 may not go from "done" to "new"
            detail: In machine "lead" the state "done" is final.
            hint: What has ended stays ended: insert a new row instead of changing this one."#]],
        )
        .await;
        db.check("select state from lead", expect!["done"]).await;
    }
}

#[tokio::test]
async fn staying_in_a_state_is_no_move() {
    let db = guarded("text").await;
    db.run("update lead set note = 'again', state = 'new'").await;
    db.check("select note, state from lead", expect!["again | new"]).await;
}

// R184
#[tokio::test]
async fn rows_begin_where_the_machine_begins() {
    let db = guarded("text").await;
    db.check_refusal(
        "insert into lead (id, state) values (43, 'done')",
        expect![[r#"
        PD001: lead 43 may not begin in "done"
        detail: In machine "lead" a row begins in: new.
        hint: Insert the row there; select dialer.machine_diagram('lead') shows the machine."#]],
    )
    .await;
    db.run("select dialer.define_machine('lead', '[[\"new\", \"done\"]]')").await;
    db.run("insert into lead (id, state) values (43, 'done')").await;
    db.check_refusal(
        "insert into lead (id, state) values (44, 'lost')",
        expect![[r#"
        PD001: lead 44 may not begin in "lost"
        detail: In machine "lead" a row begins in: done, new.
        hint: Insert the row there; select dialer.machine_diagram('lead') shows the machine."#]],
    )
    .await;
}

#[tokio::test]
async fn a_row_without_a_state_is_refused() {
    let db = guarded("text").await;
    let refusal = expect![[r#"
        PD002: lead 42 has no state
        detail: A row guarded by machine "lead" is always in one of its states.
        hint: Set the state, and declare its column not null."#]];
    db.check_refusal("update lead set state = null", refusal).await;
}

#[tokio::test]
async fn a_state_that_the_machine_does_not_know_stays_but_does_not_move() {
    let db = guarded("text").await;
    db.run("alter table lead disable trigger all; update lead set state = 'lost'; alter table lead enable trigger all").await;
    db.run("update lead set note = 'found it'").await;
    db.check_refusal("update lead set state = 'new'", expect![[r#"
        PD001: lead 42 may not go from "lost" to "new"
        detail: Machine "lead" has no state "lost".
        hint: Add the state with dialer.define_machine, or correct the row with the trigger disabled."#]]).await;
}

#[tokio::test]
async fn a_table_without_a_simple_key_is_named_without_a_row() {
    let db = guarded("text").await;
    db.run("alter table lead drop constraint lead_pkey").await;
    db.check_refusal(
        "update lead set state = 'done'",
        expect![[r#"
        PD001: a row of lead may not go from "new" to "done"
        detail: In machine "lead" the legal moves from "new" are: calling.
        hint: Move along these; select dialer.machine_diagram('lead') shows the machine."#]],
    )
    .await;
}

#[tokio::test]
async fn wrong_use_is_explained() {
    let db = guarded("text").await;
    let attempt = |when: &str, arguments: &str| {
        format!(
            "create trigger wrong before update on lead {when} execute function dialer.guard_transition({arguments});
             update lead set note = 'x'"
        )
    };
    let first_lines = async |sql: String| {
        let text = db.refusal(&sql).await;
        let detail = |line: &&str| !line.starts_with("detail");
        text.lines().filter(detail).collect::<Vec<_>>().join("\n")
    };
    let cases = [
        ("for each statement", "'lead', 'state'"),
        ("for each row", "'lead'"),
        ("for each row", "'nothing', 'state'"),
        ("for each row", "'lead', 'nothing'"),
        ("for each row", "'lead', 'id'"),
    ];
    let mut said = Vec::new();
    for (when, arguments) in cases {
        said.push(first_lines(attempt(when, arguments)).await);
    }
    expect![[r#"
        PD003: dialer.guard_transition guards inserted and updated rows only
        hint: The trigger is for each statement, or for delete or truncate.
        PD003: dialer.guard_transition needs 2 arguments, not 1
        hint: They are the machine and the column, as in dialer.guard_transition('call', 'state').
        PD003: there is no machine "nothing"
        hint: dialer.define_machine(name, edges) defines one; dialer.machine_edges shows all.
        PD003: table "lead" has no column "nothing"
        hint: The trigger's second argument names the column that holds the state.
        PD003: column "id" of table "lead" cannot hold a state
        hint: A state is an enum, text or varchar."#]]
    .assert_eq(&said.join("\n"));
}

#[tokio::test]
async fn running_sessions_follow_a_new_definition() {
    let db = guarded("text").await;
    let running = db.another_session().await;
    running
        .run("begin isolation level repeatable read; update lead set note = 'seen'; commit")
        .await;
    db.run("select dialer.define_machine('lead', '[[\"new\", \"done\"], [\"done\", \"new\"]]')")
        .await;
    running.run("update lead set state = 'done'; update lead set state = 'new'").await;
    running.check("select state from lead", expect!["new"]).await;
}

#[tokio::test]
async fn a_definition_that_is_rolled_back_is_forgotten() {
    let db = guarded("text").await;
    db.run("begin; select dialer.define_machine('lead', '[[\"new\", \"done\"]]'); update lead set state = 'done'; rollback").await;
    let refusal = db.refusal("update lead set state = 'done'").await;
    assert!(refusal.starts_with("PD001"), "{refusal}");
}

#[tokio::test]
async fn whoever_updates_needs_no_right_on_machines() {
    let db = guarded("text").await;
    let role = format!("{}_clerk", db.name());
    db.run(&format!("create role {role}; grant select, update on lead to {role}; set role {role}"))
        .await;
    db.run("update lead set state = 'calling'").await;
    let refusal = db.refusal("select from dialer.machine_edge").await;
    assert!(refusal.starts_with("42501"), "{refusal}");
    db.run(&format!("reset role; drop owned by {role}; drop role {role}")).await;
}

#[tokio::test]
async fn a_renamed_enum_label_is_noticed() {
    let db = guarded("lead_state").await;
    db.run("update lead set state = 'calling'; alter type lead_state rename value 'calling' to 'ringing'").await;
    let refusal = db.refusal("update lead set state = 'done'").await;
    assert!(refusal.contains("has no state \"ringing\""), "{refusal}");
}

#[tokio::test]
async fn plpgsql_catches_the_code() {
    let db = guarded("text").await;
    db.run(
        "do $$ begin
             update lead set state = 'done';
             raise 'not refused';
         exception when sqlstate 'PD001' then null;
         end $$",
    )
    .await;
}
