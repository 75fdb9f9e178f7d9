//! The console as people use it: a real browser, a real dialerd, and calls that are really placed.

use crate::ONE_AT_A_TIME;
use crate::api::{Office, office, office_at};
use crate::browser::Browser;
use crate::day::{number, until};
use dialer_tests::rehearsal::free_port;
use reqwest::Method;
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A name that is no good as HTML, nor as a part of an address.
const CAMPAIGN: &str = "spring <i>50%</i> & more/less";
const HOSTILE: &str = "<img src=x onerror=alert(1)>";
const LIST: &str = "name,phone,state\n\"<img src=x onerror=alert(1)>\",(212) 555-0190,NY\nGrace,(212) 555-0191,NY\nLinus,12,NY\nAda,(212) 555-0192,NY\n";

/// An office at which a minute passes in a second, and a browser that stands before it.
async fn desk(name: &str) -> (Office, Browser) {
    let office = office_at(name, 60.0, &[]).await;
    let mut browser = Browser::start(&office.rehearsal.dir).await.unwrap();
    browser.open(&office.rehearsal.dispatcher_url(0, "/")).await.unwrap();
    (office, browser)
}

async fn sign_in(browser: &mut Browser, key: &str) {
    browser.until("document.activeElement === control('API key')").await.unwrap();
    browser.type_and_press(key, "Enter").await.unwrap();
}

// R203, R227: from the key to the call's explanation, by what can be read and pressed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_is_made_fed_watched_and_stopped_in_a_browser() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (office, mut browser) = desk("console_day").await;
    let page = &mut browser;
    page.reads("Where do I get a key?").await.unwrap();
    page.picture("sign-in").await.unwrap();
    sign_in(page, "pgd_unknown").await;
    page.reads("the API key is not known").await.unwrap();
    page.enter("API key", "").await.unwrap();
    sign_in(page, &office.plan).await;
    page.reads("dispatcher alive").await.unwrap();
    page.reads("No call has failed.").await.unwrap();
    page.picture("dashboard-empty").await.unwrap();
    create(page).await;
    import(page, &office).await;
    start(page).await;
    until(&office.rehearsal, "select count(*) >= 3 from dialer.attempt").await;
    look(page).await;
    stop(page, &office).await;
    // The key is in no address, and there is nothing that the page complains of.
    let address = page.value("location.href + document.cookie").await.unwrap().to_string();
    assert!(!address.contains(&office.plan) && !address.contains("pgd_"), "{address}");
    page.press("Sign out").await.unwrap();
    page.reads("the key is forgotten").await.unwrap();
    assert_eq!(page.value("sessionStorage.length").await.unwrap(), json!(0));
    assert_eq!(page.complaints, Vec::<String>::new());
}

async fn create(page: &mut Browser) {
    page.press("Campaigns").await.unwrap();
    page.press("New campaign").await.unwrap();
    page.enter("Name", CAMPAIGN).await.unwrap();
    page.picture("new-campaign").await.unwrap();
    page.press("Create the campaign").await.unwrap();
    page.reads("It has no calls yet.").await.unwrap();
    page.reads("Mo-Fr 09:00-17:00").await.unwrap();
    let title = page.value("document.querySelector('h1').textContent").await.unwrap();
    assert_eq!(title, json!(CAMPAIGN));
    page.picture("campaign-empty").await.unwrap();
}

async fn import(page: &mut Browser, office: &Office) {
    let file = office.rehearsal.dir.join("list.csv");
    std::fs::write(&file, LIST).unwrap();
    page.press("Import a list").await.unwrap();
    page.choose_file(&file).await.unwrap();
    page.press("Try it: change nothing").await.unwrap();
    page.reads("Trial: nothing was changed").await.unwrap();
    page.reads("invalid phone number: short code").await.unwrap();
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.contact").await, 0);
    page.picture("import-trial").await.unwrap();
    page.press("Import 3 rows").await.unwrap();
    page.reads("The list is imported.").await.unwrap();
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.call").await, 3);
    page.press("To the campaign").await.unwrap();
    page.reads("scheduled").await.unwrap();
}

async fn start(page: &mut Browser) {
    page.press("Start calling").await.unwrap();
    page.until("document.querySelector('dialog[open]')").await.unwrap();
    page.picture("start").await.unwrap();
    page.press("Start calling").await.unwrap();
    page.reads("running").await.unwrap();
}

async fn look(page: &mut Browser) {
    page.press("Dashboard").await.unwrap();
    page.reads("Outcomes today").await.unwrap();
    page.until("document.querySelectorAll('main tbody tr').length > 2").await.unwrap();
    page.picture("dashboard").await.unwrap();
    page.press("Calls").await.unwrap();
    // The name is what somebody typed, and stays that.
    page.reads(HOSTILE).await.unwrap();
    assert_eq!(page.value("document.images.length").await.unwrap(), json!(0));
    page.picture("calls").await.unwrap();
    page.enter("Show", "attempts").await.unwrap();
    page.press("Show").await.unwrap();
    page.reads("Length").await.unwrap();
    page.reads(HOSTILE).await.unwrap();
    page.picture("attempts").await.unwrap();
    page.enter("Show", "calls").await.unwrap();
    page.enter("Who", "+12125550191").await.unwrap();
    page.press("Show").await.unwrap();
    page.until("document.querySelectorAll('main tbody tr').length === 1").await.unwrap();
    let call = page.value("document.querySelector('main tbody a').textContent").await.unwrap();
    page.press(call.as_str().unwrap()).await.unwrap();
    page.reads("Why it is").await.unwrap();
    page.reads("What was compared").await.unwrap();
    page.reads("not on the list").await.unwrap();
    page.reads("What happened").await.unwrap();
    page.picture("call").await.unwrap();
}

async fn stop(page: &mut Browser, office: &Office) {
    page.press("Campaigns").await.unwrap();
    page.press(CAMPAIGN).await.unwrap();
    page.picture("campaign").await.unwrap();
    page.press("Stop for good").await.unwrap();
    page.reads("cannot be started again").await.unwrap();
    // Escape does nothing but close the question.
    page.type_and_press("", "Escape").await.unwrap();
    page.until("!document.querySelector('dialog')").await.unwrap();
    page.press("Stop for good").await.unwrap();
    page.enter("Reason (others will read it)", "enough").await.unwrap();
    page.press("Stop for good").await.unwrap();
    page.reads("stopped").await.unwrap();
    let state = "select state::text = 'stopped' and state_reason = 'enough' from dialer.campaign where name like 'spring <i>%'";
    until(&office.rehearsal, state).await;
}

// R014, R195, R192, R227: batches, the record of a number, do-not-call, reports; and what a key may not do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_previewed_and_sent_and_a_number_says_why_it_is_not_called() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (office, mut browser) = desk("console_batch").await;
    let page = &mut browser;
    sign_in(page, &office.admin).await;
    page.press("Batch").await.unwrap();
    page.enter("Cases as CSV", "external_key,name,phone,tz,ward\nc1,Ada,+12125550101,America/New_York,3\nc2,Alan,+12125550102,America/New_York,3\nc3,Bob,12,America/New_York,4\n").await.unwrap();
    page.press("Preview").await.unwrap();
    page.reads("Preview: nothing was planned").await.unwrap();
    page.reads("2 voice").await.unwrap();
    page.picture("batch-preview").await.unwrap();
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.call").await, 0);
    page.press("Send: plan 2").await.unwrap();
    page.reads("The batch is planned.").await.unwrap();
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.call").await, 2);
    page.press("Rules").await.unwrap();
    page.enter("Number or address", "(212) 555-0102").await.unwrap();
    page.press("Look up").await.unwrap();
    page.reads("It is not on the list.").await.unwrap();
    forbid(page).await;
    page.press("Why called?").await.unwrap();
    page.enter("Phone number or e-mail address", "+12125550102").await.unwrap();
    page.press("Look up").await.unwrap();
    page.reads("nobody calls it").await.unwrap();
    page.picture("person").await.unwrap();
    page.enter("Phone number or e-mail address", "+12125550101").await.unwrap();
    page.press("Look up").await.unwrap();
    page.reads("campaign \"spring\" is draft").await.unwrap();
    page.press("Reports").await.unwrap();
    page.press("Show").await.unwrap();
    page.reads("cancelled do not call").await.unwrap();
    page.press("Download as CSV").await.unwrap();
    page.picture("reports").await.unwrap();
    page.press("Sign out").await.unwrap();
    only_looks(page, &office).await;
    assert_eq!(page.complaints, Vec::<String>::new());
}

/// Onto the list with a source, off it, and on again.
async fn forbid(page: &mut Browser) {
    let put = "[...document.querySelectorAll('form')].find((form) => form.textContent.includes('Never call it'))";
    page.press("Put a number on the list").await.unwrap();
    let entered =
        |name: &str, value: &str| format!("{put}.elements.{name}.value = {}", json!(value));
    for again in [false, true] {
        page.value(&entered("address", "(212) 555-0102")).await.unwrap();
        page.value(&entered("source", "letter of 3 December")).await.unwrap();
        page.press("Never call it").await.unwrap();
        page.reads("It is on the list, and is not called any more.").await.unwrap();
        page.until(
            "document.querySelector('main tbody')?.innerText.includes('letter of 3 December')",
        )
        .await
        .unwrap();
        if !again {
            page.press("Take off").await.unwrap();
            page.press("Take it off").await.unwrap();
            page.reads("It is off the list.").await.unwrap();
            page.reads("It is not on the list.").await.unwrap();
        }
    }
    page.picture("do-not-call").await.unwrap();
}

/// What the key's scope does not allow is not offered.
async fn only_looks(page: &mut Browser, office: &Office) {
    sign_in(page, &office.read).await;
    page.reads("dispatcher alive").await.unwrap();
    let menu = page.value("document.querySelector('nav').innerText").await.unwrap().to_string();
    assert!(!menu.contains("Import") && !menu.contains("Batch"), "{menu}");
    page.press("Campaigns").await.unwrap();
    page.press("spring").await.unwrap();
    page.reads("Calling window").await.unwrap();
    let text = page.text().await.unwrap();
    for offered in ["Start calling", "Stop for good", "Change settings", "Import a list"] {
        assert!(!text.contains(offered), "{offered} is offered: {text}");
    }
}

// D4, R086, R227: a ban, a consent, a person and a series, each made and ended where it is shown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_are_made_and_ended_and_a_series_is_planned_and_cancelled() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (office, mut browser) = desk("console_rules").await;
    let page = &mut browser;
    let known = format!(
        "select dialer.add_contact('+12125550103', '{HOSTILE}', 'America/New_York'); update dialer.campaign set consent = 'sales'"
    );
    office.rehearsal.db.batch_execute(&known).await.unwrap();
    sign_in(page, &office.admin).await;
    page.press("Rules").await.unwrap();
    page.picture("do-not-call-empty").await.unwrap();
    person(page).await;
    consents(page).await;
    bans(page).await;
    recurring(page, &office).await;
    assert_eq!(page.value("document.images.length").await.unwrap(), json!(0));
    page.press("Sign out").await.unwrap();
    sign_in(page, &office.read).await;
    for (tab, offered) in [
        ("Rules", "Never call"),
        ("Consent", "Note it"),
        ("Bans", "Declare"),
        ("Calls", "New series"),
    ] {
        page.press(tab).await.unwrap();
        page.press(if tab == "Calls" { "Recurring" } else { tab }).await.unwrap();
        page.until("document.querySelector('main table, main .empty')").await.unwrap();
        let text = page.text().await.unwrap();
        for button in [offered, "Lift", "Withdraw", "Take off"] {
            let words = format!(
                "[...document.querySelectorAll('main button, main a')].some((one) => one.textContent.startsWith({}))",
                json!(button)
            );
            assert_eq!(page.value(&words).await.unwrap(), json!(false), "{button}: {text}");
        }
    }
    assert_eq!(page.complaints, Vec::<String>::new());
}

async fn person(page: &mut Browser) {
    page.press("Put a person on the list").await.unwrap();
    page.press("Find").await.unwrap();
    page.reads("Say who it is").await.unwrap();
    page.enter("Number, address or name", "<IMG").await.unwrap();
    page.press("Find").await.unwrap();
    page.reads(HOSTILE).await.unwrap();
    page.press("Never call this person").await.unwrap();
    page.enter("Where this is known from", "letter").await.unwrap();
    page.picture("never-call-person").await.unwrap();
    page.press("Never call this person").await.unwrap();
    page.reads("a person: every number and address").await.unwrap();
    page.picture("do-not-call-person").await.unwrap();
}

async fn consents(page: &mut Browser) {
    page.press("Consent").await.unwrap();
    page.press("Note a consent").await.unwrap();
    page.reads("Campaigns ask for: sales").await.unwrap();
    page.picture("consent-empty").await.unwrap();
    // The second such field is the form's; the first one looks up.
    let put = "[...document.querySelectorAll('form')].at(-1)";
    for (name, value) in
        [("address", "12"), ("purpose", "sales"), ("source", HOSTILE), ("proof", "recording 7")]
    {
        let set = format!("{put}.elements.{name}.value = {}", json!(value));
        page.value(&set).await.unwrap();
    }
    page.press("Note it").await.unwrap();
    page.reads("PD014").await.unwrap();
    page.value(&format!("{put}.elements.address.value = '+12125550104'")).await.unwrap();
    page.press("Note it").await.unwrap();
    page.reads("note: recording 7").await.unwrap();
    page.reads("holds").await.unwrap();
    page.press("Withdraw").await.unwrap();
    page.picture("withdraw").await.unwrap();
    page.press("Withdraw it").await.unwrap();
    page.reads("It is withdrawn.").await.unwrap();
    page.until("!document.querySelector('main tbody').innerText.includes('holds')").await.unwrap();
    page.picture("consent").await.unwrap();
}

async fn bans(page: &mut Browser) {
    page.press("Bans").await.unwrap();
    page.press("Declare a ban").await.unwrap();
    page.enter("Reason", HOSTILE).await.unwrap();
    page.enter("Whom", "area").await.unwrap();
    page.enter("Area codes", "504").await.unwrap();
    page.press("Declare the ban").await.unwrap();
    page.reads("numbers that begin with 504").await.unwrap();
    page.press("Declare the ban").await.unwrap();
    page.reads("E.g. +1504 for the area code 504").await.unwrap();
    page.picture("ban-refused").await.unwrap();
    page.press("Go back").await.unwrap();
    page.enter("Area codes", "+1504").await.unwrap();
    page.press("Declare the ban").await.unwrap();
    page.press("Declare the ban").await.unwrap();
    page.until("document.querySelector('main tbody')?.innerText.includes('in force')")
        .await
        .unwrap();
    page.picture("bans").await.unwrap();
    page.press("Lift").await.unwrap();
    page.press("Lift the ban").await.unwrap();
    page.reads("It is lifted.").await.unwrap();
    page.until("document.querySelector('main tbody').innerText.includes('over')").await.unwrap();
}

async fn recurring(page: &mut Browser, office: &Office) {
    page.press("Calls").await.unwrap();
    page.press("Recurring").await.unwrap();
    page.reads("No series is like that.").await.unwrap();
    page.press("New series").await.unwrap();
    page.enter("Phone number or e-mail address", "+12125550105").await.unwrap();
    page.enter("Name", HOSTILE).await.unwrap();
    page.enter("Begins", "2026-01-01T10:00").await.unwrap();
    page.enter("Zone", "Mars/Olympus").await.unwrap();
    page.enter("It ends", "after").await.unwrap();
    page.enter("Times", "3").await.unwrap();
    page.press("Plan the series").await.unwrap();
    page.reads("What to do: Use a name such as America/New_York").await.unwrap();
    page.enter("Zone", "America/New_York").await.unwrap();
    page.press("Plan the series").await.unwrap();
    page.reads("Give a later end, or an earlier start.").await.unwrap();
    page.enter("It ends", "").await.unwrap();
    page.picture("new-series").await.unwrap();
    page.press("Plan the series").await.unwrap();
    page.reads("What comes").await.unwrap();
    page.reads("every week on Thursday, at 10:00").await.unwrap();
    page.picture("series").await.unwrap();
    page.press("Calls").await.unwrap();
    page.press("Recurring").await.unwrap();
    page.reads(HOSTILE).await.unwrap();
    page.picture("recurring").await.unwrap();
    page.press("1").await.unwrap();
    page.reads("None has come yet.").await.unwrap();
    page.press("Why called?").await.unwrap();
    page.enter("Phone number or e-mail address", "+12125550105").await.unwrap();
    page.press("Look up").await.unwrap();
    page.reads("Calls to it come back by a rule").await.unwrap();
    page.press("1").await.unwrap();
    page.press("Cancel the series").await.unwrap();
    page.enter("Reason", "moved away").await.unwrap();
    page.press("Cancel the series").await.unwrap();
    page.reads("cancelled moved away").await.unwrap();
    assert_eq!(number(&office.rehearsal, "select count(*) from dialer.series where state = 'cancelled' and end_reason = 'moved away'").await, 1);
}

// Nothing fails silently: refusals with their remedy, a key that was taken back, a dispatcher that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_wrong_is_told_where_the_user_looks() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (mut office, mut browser) = desk("console_wrong").await;
    let page = &mut browser;
    sign_in(page, &office.plan).await;
    page.press("Campaigns").await.unwrap();
    page.press("New campaign").await.unwrap();
    page.enter("Name", "spring").await.unwrap();
    page.press("Create the campaign").await.unwrap();
    page.reads("ALREADY_EXISTS").await.unwrap();
    page.enter("Name", "summer").await.unwrap();
    page.enter("Zone", "Mars/Olympus").await.unwrap();
    page.press("Create the campaign").await.unwrap();
    page.reads("time zone \"Mars/Olympus\" is not known").await.unwrap();
    page.reads("What to do: ").await.unwrap();
    page.enter("Zone", "").await.unwrap();
    page.press("Create the campaign").await.unwrap();
    page.press("Call one number").await.unwrap();
    page.enter("Phone number or e-mail address", "12").await.unwrap();
    page.press("Plan this call").await.unwrap();
    page.reads("PD014").await.unwrap();
    page.press("Change settings").await.unwrap();
    page.enter("Calling window", "Mo-Fr 25:00-26:00").await.unwrap();
    page.press("Save").await.unwrap();
    page.until("document.querySelectorAll('.refusal').length === 2").await.unwrap();
    page.enter("Calling window", "Mo-Sa 10:00-18:00").await.unwrap();
    page.press("Save").await.unwrap();
    page.reads("Saved; it holds from the next call on.").await.unwrap();
    page.reads("Mo-Sa 10:00-18:00").await.unwrap();
    office.rehearsal.kill_dispatcher(0).unwrap();
    page.press("Campaigns").await.unwrap();
    page.reads("dialerd does not answer").await.unwrap();
    office.rehearsal.revive_dispatcher(0).await.unwrap();
    page.press("Dashboard").await.unwrap();
    page.reads("dispatcher alive").await.unwrap();
    office.rehearsal.db.execute("select dialer.revoke_api_key('plan')", &[]).await.unwrap();
    page.reads("the API key \"plan\" was revoked. Sign in again.").await.unwrap();
    assert_eq!(page.value("sessionStorage.length").await.unwrap(), json!(0));
    assert_eq!(page.complaints, Vec::<String>::new());
}

// R227: beside the API wherever that is, unless it is switched off.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_console_is_served_where_the_api_is_and_can_be_switched_off() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let office = office("console_served", &["--no-dispatch"]).await;
    let http = &office.rehearsal.http;
    let answer = http.get(office.rehearsal.dispatcher_url(0, "/")).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let nothing = office.ask(Method::GET, "", "/console/nothing.js", &[], None).await;
    assert_eq!(nothing.code(), (404, "NOT_FOUND"));
    for (flags, status) in [(&["api"][..], 200), (&["api", "--no-console"][..], 404)] {
        let port = free_port().unwrap();
        let mut command = Command::new(office.rehearsal.program(&[]).get_program());
        command.args(flags).args(["--database-url", &office.rehearsal.login_url()]);
        command.args(["--listen", &format!("127.0.0.1:{port}")]).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut found = None;
        for _ in 0..500 {
            if let Ok(answer) = http.get(format!("http://127.0.0.1:{port}/")).send().await {
                found = Some(answer.status().as_u16());
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, Some(status), "{flags:?}");
    }
}
