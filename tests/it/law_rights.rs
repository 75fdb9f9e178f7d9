//! Who may load, change and choose calling rules, and take people off the list of who is not called.

use crate::dialer::Dialer;
use expect_test::expect;

/// Everything that says what the law is.
const RULES: [&str; 7] = [
    "shipped_pack",
    "shipped_rule",
    "shipped_holiday",
    "rule_pack",
    "calling_rule",
    "legal_holiday",
    "law",
];
const LOGINS: [&str; 5] =
    ["dialer_admin", "dialer_user", "dialer_reader", "dialer_api", "dialer_dispatcher"];

/// The American pack, chosen for all.
async fn chosen() -> Dialer {
    let dialer = Dialer::open().await;
    dialer.run("select dialer.load_calling_rules('us-2026-11'); select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}')").await;
    for role in LOGINS {
        dialer
            .run(&format!("do $$ begin create role it_law_{role} login in role {role}; exception when duplicate_object or unique_violation then null; end $$"))
            .await;
    }
    dialer
}

/// As each login, one after the other: what a statement says.
async fn as_each(dialer: &Dialer, logins: &[&str], sql: &str) -> Vec<String> {
    let mut said = Vec::new();
    for login in logins {
        dialer.run(&format!("begin; set local session authorization it_law_{login}")).await;
        said.push(dialer.refusal(sql).await);
        dialer.run("rollback").await;
    }
    said
}

// R224, D12: rules come from what is shipped. Nobody but the owner writes one, not even an administrator of a tenant.
#[tokio::test]
async fn no_login_writes_a_rule_a_holiday_or_a_choice_by_itself() {
    let dialer = chosen().await;
    for table in RULES {
        let column = dialer.rows(&format!("select attname from pg_attribute where attrelid = 'dialer.{table}'::regclass and attnum = 1")).await;
        for sql in [
            format!("delete from dialer.{table}"),
            format!("update dialer.{table} set {column} = {column}"),
            format!("insert into dialer.{table} select t.* from dialer.{table} t limit 1"),
            format!("truncate dialer.{table}"),
        ] {
            for said in as_each(&dialer, &LOGINS, &sql).await {
                assert!(said.starts_with("42501"), "{sql}: {said}");
            }
        }
    }
    // Nor the campaign's pointer to its choice.
    for said in as_each(&dialer, &LOGINS, "update dialer.campaign set law_id = null").await {
        assert!(said.starts_with("42501"), "{said}");
    }
}

// R224, D12: an administrator loads what is shipped and chooses; the others do neither.
#[tokio::test]
async fn only_administrators_load_and_choose() {
    let dialer = chosen().await;
    for (sql, administrator) in [
        ("select dialer.load_calling_rules('us-2026-11')", "not refused"),
        ("select dialer.choose_law('spring', '{us-2026-11}', '{telemarketing}')", "not refused"),
        ("select dialer.drop_law()", "not refused"),
        ("select dialer.set_tenant_cap('x', 1, 'gap', 60)", "not refused"),
        ("select dialer.remove_legal_holidays('US-LA', '{2026-12-28}')", "not refused"),
        // Its own choice names it: it stays.
        ("select dialer.unload_calling_rules('us-2026-11')", "PD042"),
    ] {
        let said = as_each(&dialer, &LOGINS, sql).await;
        assert!(said[0].starts_with(administrator), "{sql}: {}", said[0]);
        for (login, said) in LOGINS.iter().zip(&said).skip(1) {
            assert!(said.starts_with("42501"), "{sql} as {login}: {said}");
        }
    }
    // A holiday more closes; that is for whoever plans.
    let holiday = "select dialer.add_legal_holidays('US-LA', '{2026-12-28}', 'proclaimed')";
    let said = as_each(&dialer, &LOGINS, holiday).await;
    assert_eq!(said[..2], ["not refused", "not refused"]);
    assert!(said[2..].iter().all(|said| said.starts_with("42501")), "{said:?}");
}

// R224: what one tenant loads or chooses is nothing to another.
#[tokio::test]
async fn a_tenant_s_administrator_chooses_for_that_tenant_only() {
    let dialer = chosen().await;
    dialer
        .run("select dialer.create_tenant('acme'); select dialer.bind_role('it_law_dialer_admin', 'acme'); set session authorization it_law_dialer_admin")
        .await;
    dialer
        .check_refusal(
            "select dialer.choose_law(null, '{us-2026-11}', '{telemarketing}')",
            expect![[r#"
                PD042: packs {us-2026-11} are not loaded
                detail: A law is made of packs of calling rules that this tenant has loaded.
                hint: E.g. select dialer.load_calling_rules('us-2026-11'); drop_law ends a choice."#]],
        )
        .await;
    dialer.run("select dialer.load_calling_rules('us-2026-11'); select dialer.unload_calling_rules('us-2026-11'); reset session authorization").await;
    dialer
        .check(
            "select t.name, (select count(*) from dialer.calling_rule r where r.tenant_id = t.tenant_id), (select count(*) from dialer.law w where w.tenant_id = t.tenant_id) from dialer.tenant t order by 1",
            expect![[r#"
                acme | 0 | 0
                default | 73 | 1"#]],
        )
        .await;
}

// C37, D4: whoever plans puts people on the list; nobody takes them off by hand, and caps cannot be undone by forgetting people.
#[tokio::test]
async fn lists_that_protect_people_are_added_to_and_not_rewritten() {
    let dialer = chosen().await;
    dialer.people(1).await;
    dialer.run("select dialer.add_do_not_call('+12125550199')").await;
    for sql in [
        "delete from dialer.do_not_call",
        "update dialer.do_not_call set expires_at = now()",
        "delete from dialer.contact",
        "delete from dialer.endpoint",
        "update dialer.endpoint set address = '+12125550177'",
        "insert into dialer.consent (address, purpose, source, given_at) values ('+12125550101', 'sales', 'none', now())",
        "update dialer.consent set withdrawn_at = null",
    ] {
        for said in as_each(&dialer, &LOGINS, sql).await {
            assert!(said.starts_with("42501"), "{sql}: {said}");
        }
    }
    let said = as_each(
        &dialer,
        &LOGINS[..2],
        "insert into dialer.do_not_call (address, source) values ('+12125550101', 'list')",
    )
    .await;
    assert_eq!(said, ["not refused", "not refused"]);
}
