//! Machines as rows: definition, faults, pictures, and what belongs to pg_dialer.

use crate::database::Database;
use expect_test::expect;

#[tokio::test]
async fn our_own_machines_are_there() {
    let db = Database::fresh().await;
    db.check(
        "select machine, count(*) filter (where from_state = '[*]') as beginnings,
                string_agg(distinct to_state, ', ' order by to_state) filter (where final) as ends
         from dialer.machine_edges group by machine order by machine",
        expect![[r#"
            attempt | 1 | ended, released
            call | 1 | cancelled, completed, expired, failed
            preclassify | 1 | classification_failed, completed, failed"#]],
    )
    .await;
}

#[tokio::test]
async fn both_forms_of_edges_mean_the_same() {
    let db = Database::fresh().await;
    db.run(r#"select dialer.define_machine('a', '{"[*]": ["x"], "x": ["y", "z"]}')"#).await;
    db.run(r#"select dialer.define_machine('b', '[["[*]", "x"], ["x", "y"], ["x", "z"]]')"#).await;
    db.check(
        "select from_state, to_state, final, string_agg(machine, ',' order by machine)
         from dialer.machine_edges where machine in ('a', 'b') group by 1, 2, 3 order by 1, 2",
        expect![[r#"
            [*] | x | f | a,b
            x | y | t | a,b
            x | z | t | a,b"#]],
    )
    .await;
}

#[tokio::test]
async fn a_diagram_is_mermaid() {
    let db = Database::fresh().await;
    db.run(r#"select dialer.define_machine('door', '{"[*]": ["shut"], "shut": ["wide open"], "wide open": ["shut", "gone"]}')"#).await;
    db.check(
        "select dialer.machine_diagram('door')",
        expect![[r#"
        stateDiagram-v2
            state "wide open" as s4
            [*] --> shut
            shut --> s4
            s4 --> gone
            s4 --> shut
            gone --> [*]"#]],
    )
    .await;
}

#[tokio::test]
async fn a_faulty_definition_is_refused_with_its_fault() {
    let db = Database::fresh().await;
    let mut details = Vec::new();
    for (name, edges) in [
        ("a", "7"),
        ("a", "{}"),
        ("a", r#"{"x": "y"}"#),
        ("a", r#"[["x", "y"], ["x"]]"#),
        ("a", r#"[["x", null]]"#),
        ("a", r#"[["x", ""]]"#),
        ("a", r#"[["x", "[*]"]]"#),
        ("1", r#"[["x", "y"]]"#),
        ("call", r#"[["x", "y"]]"#),
    ] {
        let refusal =
            db.refusal(&format!("select dialer.define_machine('{name}', '{edges}')")).await;
        let detail = refusal.lines().find(|line| line.starts_with("detail")).unwrap_or(&refusal);
        details.push(detail.replace("detail: ", ""));
    }
    expect![[r#"
        The edges are neither an object nor an array.
        There is no edge.
        At state "x" there is no array but "y".
        At edge 2 there are 1 names instead of 2.
        At edge 1 there is null, which is not the name of a state.
        The name of a state has 1 to 63 bytes, not 0: "".
        Nothing moves to [*]; it only says where new rows begin.
        Its name has up to 63 letters, digits, and _ . - and begins with a letter.
        The machine of that name belongs to pg_dialer, which relies on it."#]]
    .assert_eq(&details.join("\n"));
}

#[tokio::test]
async fn only_machines_of_users_can_be_dropped() {
    let db = Database::fresh().await;
    db.run(r#"select dialer.define_machine('a', '[["x", "y"]]')"#).await;
    db.check("select dialer.drop_machine('a'), dialer.drop_machine('a')", expect!["t | f"]).await;
    let refusal = db.refusal("select dialer.drop_machine('call')").await;
    assert!(refusal.starts_with("PD003"), "{refusal}");
}

#[tokio::test]
async fn a_restored_dump_guards_as_before() {
    let before = Database::fresh().await;
    before
        .run(
            r#"select dialer.define_machine('lead', '{"[*]": ["new"], "new": ["done"]}');
               create table lead (id int primary key, state text);
               create trigger _500_guard before insert or update on lead
                   for each row execute function dialer.guard_transition('lead', 'state');
               insert into lead values (1, 'new'), (2, 'new');
               update lead set state = 'done' where id = 2"#,
        )
        .await;
    let after = Database::empty().await;
    after.load(&before.dump());
    after
        .check(
            "select id, state from lead order by id",
            expect![[r#"
        1 | new
        2 | done"#]],
        )
        .await;
    after.check(
        "select name, built_in, count(*) from dialer.machine join dialer.machine_edge on machine = name
         group by 1, 2 order by 1",
        expect![[r#"
            attempt | t | 14
            call | t | 15
            lead | f | 2
            preclassify | t | 29"#]],
    )
    .await;
    let refusal = after.refusal("update lead set state = 'new' where id = 2").await;
    assert!(refusal.starts_with("PD001"), "{refusal}");
}
