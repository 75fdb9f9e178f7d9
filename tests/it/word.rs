//! Words of vendors: shown to everybody, and a tenant's own meaning before the table's.

use crate::dialer::Dialer;
use expect_test::expect;

#[tokio::test]
async fn a_tenant_sees_what_words_mean_and_says_otherwise_for_itself() {
    let dialer = Dialer::closed().await;
    dialer
        .check(
            "select outcome, own from dialer.word_meaning where provider = 'vapi' and word = 'silence-timed-out'",
            expect!["completed | f"],
        )
        .await;
    dialer.run("select dialer.map_disposition('silence-timed-out', 'maybe_reached')").await;
    dialer
        .check(
            "select outcome, own from dialer.word_meaning where provider = 'vapi' and word = 'silence-timed-out'",
            expect!["maybe_reached | t"],
        )
        .await;
    dialer
        .check(
            "select provider, word, outcome from dialer.provider_word where word in ('486', '17') order by 1 desc",
            expect![[r#"
                sip | 486 | busy
                q850 | 17 | busy"#]],
        )
        .await;
}

#[tokio::test]
async fn what_the_tenant_says_of_a_word_counts_before_what_its_vendor_means() {
    let dialer = Dialer::open().await;
    dialer.people(1).await;
    dialer.run("select dialer.map_disposition('silence-timed-out', 'not_interested')").await;
    dialer.place().await;
    dialer
        .run(
            "select dialer.ingest_event(account_id, jsonb_build_array(jsonb_build_object('event_key', 'e', 'kind', 'ended', 'attempt_id', attempt_id,
                 'outcome', 'completed', 'word', 'silence-timed-out'))) from dialer.lease",
        )
        .await;
    dialer
        .check(
            "select outcome, word from dialer.attempt",
            expect!["not_interested | silence-timed-out"],
        )
        .await;
    dialer.sound().await;
}

#[tokio::test]
async fn only_an_account_names_secrets() {
    let dialer = Dialer::open().await;
    dialer.run("update dialer.provider_account set settings = '{\"secrets\": {\"password\": \"PBX\"}, \"a\": 1}'").await;
    dialer.run("update dialer.campaign set settings = '{\"secrets\": {\"password\": \"DATABASE_URL\"}, \"b\": 2}'").await;
    dialer
        .run(
            "select dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York',
                 payload => '{\"settings\": {\"secrets\": {\"password\": \"HOME\"}, \"c\": 3}}')",
        )
        .await;
    dialer
        .check(
            "select settings from dialer.claim('d1', 1)",
            expect![[r#"{"a": 1, "b": 2, "c": 3, "secrets": {"password": "PBX"}}"#]],
        )
        .await;
    for wrong in [
        r#"{"secrets": "PBX"}"#,
        r#"{"secrets": {"password": "not a name"}}"#,
        r#"{"secrets": {"password": 7}}"#,
    ] {
        let error = dialer
            .refusal(&format!("update dialer.provider_account set settings = '{wrong}'"))
            .await;
        assert!(error.contains("PD035") && error.contains("names of secrets"), "{wrong}: {error}");
        assert!(!error.contains("not a name"), "what may be a secret is repeated: {error}");
    }
}

#[tokio::test]
async fn only_an_account_says_as_whom_and_over_what_its_secret_goes() {
    let dialer = Dialer::open().await;
    let others = r#"{"tls": "none", "tls_roots_file": "/tmp/x", "username": "x", "user": "x",
        "account_sid": "AC2", "api_key_sid": "SK2", "recipe": {}, "from": "a@example.org"}"#;
    dialer
        .run(&format!(
            "update dialer.provider_account set settings = '{{\"username\": \"us\", \"account_sid\": \"AC1\"}}';
             update dialer.campaign set settings = '{others}';
             select dialer.schedule_call('spring', '+12125550101', tz => 'America/New_York', payload => '{{\"settings\": {others}}}')"
        ))
        .await;
    dialer
        .check(
            "select settings from dialer.claim('d1', 1)",
            expect![[r#"{"from": "a@example.org", "username": "us", "account_sid": "AC1"}"#]],
        )
        .await;
}

#[tokio::test]
async fn a_number_to_call_from_has_no_other_numbers_name_at_the_provider() {
    let dialer = Dialer::open().await;
    dialer
        .run("update dialer.campaign set settings = '{\"caller_ref\": \"another-number\"}'")
        .await;
    dialer.run("select dialer.add_caller_id('voice', '+12125550901')").await;
    dialer.people(1).await;
    dialer
        .check(
            "select settings from dialer.claim('d1', 1)",
            expect![[r#"{"caller_id": "+12125550901"}"#]],
        )
        .await;
}

#[tokio::test]
async fn a_webhook_address_with_a_name_of_two_tenants_names_nobody() {
    let dialer = Dialer::open().await;
    let named = "select account_id from dialer.account_for_hook('sandbox', 'voice')";
    dialer.check(named, expect!["1"]).await;
    dialer
        .run(
            "select dialer.create_tenant('acme'); set dialer.tenant = 'acme';
             select dialer.create_account('voice', 'sandbox', 1); set dialer.tenant = 'default'",
        )
        .await;
    dialer.check(named, expect![""]).await;
    dialer
        .check("select account_id from dialer.account_for_hook('sandbox', '1')", expect!["1"])
        .await;
}

#[tokio::test]
async fn accounts_of_one_name_are_found_for_a_check() {
    let dialer = Dialer::closed().await;
    dialer
        .check(
            "select tenant, name, provider, channel from dialer.account_to_check('voice')",
            expect!["default | voice | sandbox | voice"],
        )
        .await;
    dialer.check("select count(*) from dialer.account_to_check('nobody')", expect!["0"]).await;
}
