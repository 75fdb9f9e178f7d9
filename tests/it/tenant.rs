//! Who acts for which tenant: bound roles, API keys, secrets.

use crate::dialer::Dialer;
use expect_test::expect;

/// A login of a tenant's own, and a session that acts as it.
const TWO_TENANTS: &str =
    "select dialer.create_tenant('acme'); select dialer.create_tenant('other')";

async fn as_role(dialer: &Dialer, role: &str, of: &str) {
    // Roles belong to the server: other tests may be at it.
    dialer
        .run(&format!(
            "do $$ begin create role {role} login in role {of}; exception when duplicate_object or unique_violation then null; end $$"
        ))
        .await;
}

// R224, D12: a role acts for its tenant, and a setting is no proof.
#[tokio::test]
async fn a_role_acts_for_the_tenants_it_is_bound_to() {
    let dialer = Dialer::open().await;
    dialer.run(TWO_TENANTS).await;
    as_role(&dialer, "it_acme_app", "dialer_user").await;
    let mine = "select name from dialer.tenant";
    dialer.run("set session authorization it_acme_app").await;
    // Nobody has bound it yet.
    dialer.check(mine, expect!["default"]).await;
    dialer
        .check_refusal(
            "set dialer.tenant = 'acme'; select dialer.current_tenant()",
            expect![[r#"
                PD038: role "it_acme_app" does not act for tenant "acme"
                detail: dialer.tenant_role binds roles to tenants; a role that is not bound acts for the tenant "default".
                hint: The owner of the dialer binds it: select dialer.bind_role(role, tenant)."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.bind_role('it_acme_app', 'acme')",
            expect!["42501: permission denied for function bind_role"],
        )
        .await;
    dialer.run("reset session authorization; reset dialer.tenant; select dialer.bind_role('it_acme_app', 'acme'); set session authorization it_acme_app").await;
    dialer.check(mine, expect!["acme"]).await;
    dialer.check_refusal("set dialer.tenant = 'default'; select dialer.current_tenant()", expect![[r#"
        PD038: role "it_acme_app" does not act for tenant "default"
        detail: dialer.tenant_role binds roles to tenants; a role that is not bound acts for the tenant "default".
        hint: The owner of the dialer binds it: select dialer.bind_role(role, tenant)."#]]).await;
    // Whether there is such a tenant is not told.
    dialer.check_refusal("set dialer.tenant = 'nobody'; select dialer.current_tenant()", expect![[r#"
        PD038: role "it_acme_app" does not act for tenant "nobody"
        detail: dialer.tenant_role binds roles to tenants; a role that is not bound acts for the tenant "default".
        hint: The owner of the dialer binds it: select dialer.bind_role(role, tenant)."#]]).await;
    dialer.run("reset session authorization; reset dialer.tenant; select dialer.bind_role('it_acme_app', 'other'); set session authorization it_acme_app").await;
    dialer
        .check_refusal(
            "select dialer.current_tenant()",
            expect![[r#"
        PD038: role "it_acme_app" acts for several tenants
        hint: Say for which: set dialer.tenant = ... names it."#]],
        )
        .await;
    dialer
        .check("set dialer.tenant = 'other'; select name from dialer.tenant", expect!["other"])
        .await;
    dialer
        .check_refusal(
            "set dialer.key_tenant = '1'",
            expect![[r#"42501: permission denied to set parameter "dialer.key_tenant""#]],
        )
        .await;
    dialer.check("reset session authorization; select dialer.unbind_role('it_acme_app', 'acme'), dialer.unbind_role('it_acme_app', 'acme')", expect!["t | f"]).await;
}

#[tokio::test]
async fn what_cannot_be_bound_is_refused() {
    let dialer = Dialer::open().await;
    dialer
        .check_refusal(
            "select dialer.bind_role('nobody_at_all', 'default')",
            expect![[r#"
        PD038: role "nobody_at_all" does not exist
        hint: Create it first: create role ... login in role dialer_user."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.bind_role('dialer_user', 'nowhere')",
            expect![[r#"
        PD020: tenant "nowhere" does not exist
        hint: Create it with dialer.create_tenant."#]],
        )
        .await;
    dialer.check_refusal("select dialer.allow_secret('default', 'sk-live 123')", expect![[r#"
        PD035: this is not the name of a secret
        detail: A secret is named by the environment variable or credential that holds it: letters, digits, _, . and -, at most 64.
        hint: Put the secret into the environment of dialerd and give the variable's name."#]]).await;
}

// R222, R223: the tenant is the key's, and the key is stored as a hash only.
#[tokio::test]
async fn a_transaction_acts_for_the_tenant_of_the_key_that_it_shows() {
    let dialer = Dialer::open().await;
    dialer.people(2).await;
    dialer.run(TWO_TENANTS).await;
    as_role(&dialer, "it_dialerd", "dialer_dispatcher, dialer_api").await;
    dialer.run("set dialer.tenant = 'acme'; create temporary table key as select dialer.create_api_key('crm', 'read', '2026-12-05 12:00') as text,
        dialer.create_api_key('batch') as plan; grant select on key to public; reset dialer.tenant").await;
    dialer.check("select name, scope, text ~ '^pgd_[0-9a-f]{64}$', key_hash = sha256(convert_to(text, 'UTF8')) from dialer.api_key, key order by 1", expect![[r#"
        batch | plan | t | f
        crm | read | t | t"#]]).await;
    dialer.run("set session authorization it_dialerd").await;
    let shown = "select tenant, scope from dialer.use_api_key((select sha256(convert_to(text, 'UTF8')) from key))";
    dialer.check(&format!("begin; {shown}; set local role dialer_reader; select t.name, (select count(*) from dialer.call) from dialer.tenant t; commit"), expect![[r#"
        acme | read
        acme | 0"#]]).await;
    // R201: and what it does is recorded as done by that key.
    dialer.check(&format!("begin; set local application_name = 'office'; {shown}; set local role dialer_reader; select dialer.actor(); commit"), expect![[r#"
        acme | read
        it_dialerd/office/key crm"#]]).await;
    // The setting changes nothing about it, and the next transaction shows its key anew.
    dialer.check(&format!("begin; set local dialer.tenant = 'default'; {shown}; set local role dialer_reader; select t.name from dialer.tenant t; commit"), expect![[r#"
        acme | read
        acme"#]]).await;
    dialer
        .check_refusal(
            "begin; set local role dialer_reader; select count(*) from dialer.call",
            expect![[r#"
        PD039: this transaction has shown no API key
        detail: Members of dialer_api act for the tenant of a key.
        hint: Call dialer.use_api_key first, in the same transaction."#]],
        )
        .await;
    dialer.run("rollback").await;
    dialer
        .check_refusal(
            "select from dialer.call",
            expect!["42501: permission denied for table call"],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.use_api_key('\\x00')",
            expect![[r#"
        PD039: the API key is not known
        hint: Make one with dialer.create_api_key."#]],
        )
        .await;
    dialer.run("reset session authorization").await;
    dialer
        .check(
            "select name, last_used_on from dialer.api_key order by 1",
            expect![[r#"
        batch | -
        crm | 2026-12-04"#]],
        )
        .await;
}

#[tokio::test]
async fn a_key_ends_by_its_time_or_when_it_is_taken_back() {
    let dialer = Dialer::open().await;
    dialer.run("create temporary table key as select dialer.create_api_key('crm', 'read', '2026-12-05 12:00') as text, dialer.create_api_key('batch') as plan").await;
    let shown = "select tenant, scope from dialer.use_api_key((select sha256(convert_to(text, 'UTF8')) from key))";
    dialer.check(shown, expect!["default | read"]).await;
    dialer.clock("2026-12-05 12:00").await;
    dialer
        .check_refusal(
            shown,
            expect![[r#"
        PD039: the API key "crm" has expired
        hint: Make another with dialer.create_api_key."#]],
        )
        .await;
    dialer
        .check(
            "select dialer.revoke_api_key('batch'), dialer.revoke_api_key('batch')",
            expect!["t | f"],
        )
        .await;
    dialer
        .check_refusal(
            "select tenant from dialer.use_api_key((select sha256(convert_to(plan, 'UTF8')) from key))",
            expect![[r#"
        PD039: the API key "batch" was revoked
        hint: Make another with dialer.create_api_key."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.create_api_key('batch')",
            expect![[r#"
        PD039: there is an API key "batch" already
        detail: A key keeps its name after it was revoked, so that what it did can be told.
        hint: Choose another name."#]],
        )
        .await;
    dialer
        .check_refusal(
            "select dialer.create_api_key('x', 'all')",
            expect![[r#"
        PD039: an API key cannot have the scope "all"
        hint: Scopes are read, plan and admin."#]],
        )
        .await;
}

// R224, R180: an administrator of one tenant cannot have another's credentials sent anywhere.
#[tokio::test]
async fn a_tenant_names_the_secrets_that_it_was_given() {
    let dialer = Dialer::open().await;
    dialer.run(TWO_TENANTS).await;
    as_role(&dialer, "it_acme_admin", "dialer_admin").await;
    dialer.run("select dialer.bind_role('it_acme_admin', 'acme'); select dialer.allow_secret('acme', 'ACME_VAPI_KEY'); set session authorization it_acme_admin").await;
    let own = "select dialer.create_account('own', 'vapi', 1, secret_name => 'ACME_VAPI_KEY')";
    dialer.run(own).await;
    for stolen in [
        "select dialer.create_account('raid', 'vapi', 1, secret_name => 'OTHER_KEY')",
        "select dialer.create_account('raid', 'vapi', 1, webhook_secret_name => 'OTHER_KEY')",
        "insert into dialer.provider_account (name, provider, channel, max_concurrent, settings) values ('raid', 'http', 'voice', 1, '{\"secrets\": {\"token\": \"OTHER_KEY\"}}')",
    ] {
        dialer.check_refusal(stolen, expect![[r#"
            PD035: account "raid" may not use the secret OTHER_KEY
            detail: A tenant names those secrets of the dispatcher's environment that it was given.
            hint: The owner of the dialer allows it: select dialer.allow_secret(tenant, secret_name)."#]]).await;
    }
    dialer.check_refusal("update dialer.provider_account set secret_name = 'OTHER_KEY'", expect![[r#"
        PD035: account "own" may not use the secret OTHER_KEY
        detail: A tenant names those secrets of the dispatcher's environment that it was given.
        hint: The owner of the dialer allows it: select dialer.allow_secret(tenant, secret_name)."#]]).await;
    // What it names already stays usable when it is forbidden later: its limits can still be edited.
    dialer.check("reset session authorization; select dialer.forbid_secret('acme', 'ACME_VAPI_KEY'); set session authorization it_acme_admin;
        select dialer.set_limits('own', max_concurrent => 3)", expect![[r#"
        t
        -"#]]).await;
}
