//! The network between a dispatcher and its database: cut, half-open, and deaf to notifications.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, number, until};
use dialer_tests::proxy::{Network, Proxy};
use dialer_tests::rehearsal::Rehearsal;
use serde_json::Value;
use std::time::{Duration, Instant};

/// What `/ready` says of dispatcher 0.
pub async fn ready(rehearsal: &Rehearsal) -> (u16, Value) {
    let answer = rehearsal.http.get(rehearsal.dispatcher_url(0, "/ready")).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap_or(Value::Null))
}

/// Until `/ready` has this status and a text that holds this.
pub async fn until_ready_says(rehearsal: &Rehearsal, status: u16, text: &str) {
    let begun = Instant::now();
    let mut last = (0, Value::Null);
    while begun.elapsed() < Duration::from_secs(40) {
        last = ready(rehearsal).await;
        if last.0 == status && last.1.to_string().contains(text) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{last:?}, not {status} and {text:?}; see {}", rehearsal.dir.display());
}

/// One value of dispatcher 0's `/metrics`.
async fn metric(rehearsal: &Rehearsal, name: &str) -> f64 {
    let url = rehearsal.dispatcher_url(0, "/metrics");
    let text = rehearsal.http.get(url).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.split([' ', '{']).next() == Some(name));
    line.and_then(|line| line.rsplit(' ').next()).map_or(0.0, |value| value.parse().unwrap())
}

/// A campaign that may always call, and a dispatcher behind a proxy, which polls rarely.
pub async fn behind_a_proxy(name: &str, flags: &[&str]) -> (Rehearsal, Proxy) {
    let mut rehearsal =
        begin(name, 1.0, &["--ring", "0", "--unanswered-ring", "0", "--talk", "0"]).await;
    rehearsal
        .db
        .batch_execute("select dialer.create_campaign('always', 'voice', '24/7', tz => 'UTC', policy => 'once'); select dialer.start_campaign('always')")
        .await
        .unwrap();
    let port = port_of(&rehearsal.url);
    let proxy = Proxy::before(port).await.unwrap();
    rehearsal.dispatch_through(&format!("127.0.0.1:{}", proxy.port), flags).unwrap();
    rehearsal.start_dispatcher().await.unwrap();
    (rehearsal, proxy)
}

pub fn port_of(url: &str) -> u16 {
    url.rsplit_once('/').unwrap().0.rsplit_once(':').unwrap().1.parse().unwrap()
}

/// Plans one call for now, and waits until it was tried; how long that took.
pub async fn call(rehearsal: &Rehearsal, nth: u32) -> Duration {
    const SQL: &str = "select dialer.schedule_call('always', $1, tz => 'UTC')";
    let number = format!("+1212555{:04}", 100 + nth);
    let begun = Instant::now();
    rehearsal.db.execute(SQL, &[&number]).await.unwrap();
    let tried = format!(
        "select exists (select from dialer.attempt_all a join dialer.endpoint e using (endpoint_id) where e.address = '{number}' and a.intended_at is not null)"
    );
    until(rehearsal, &tried).await;
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_network_is_told_and_survived_without_a_storm() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (rehearsal, proxy) = behind_a_proxy("cut", &[]).await;
    until_ready_says(&rehearsal, 200, "listening").await;
    call(&rehearsal, 0).await;
    proxy.set(Network::Cut);
    until_ready_says(&rehearsal, 503, "the database is away since 4 s").await;
    let before = proxy.connections();
    until_ready_says(&rehearsal, 503, "the database is away since 12 s").await;
    let asked = proxy.connections() - before;
    // Eight seconds, seven sessions: one of them tries each two to five seconds, and the listener.
    assert!(asked <= 12, "{asked} connections were asked for");
    assert_eq!(metric(&rehearsal, "dialerd_database_up").await, 0.0);
    proxy.set(Network::Good);
    until_ready_says(&rehearsal, 200, "listening").await;
    assert_eq!(metric(&rehearsal, "dialerd_database_up").await, 1.0);
    call(&rehearsal, 1).await;
    assert_eq!(number(&rehearsal, "select count(*) from dialer.invariant_violation").await, 0);
}

// R110
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_open_sockets_are_noticed_and_given_up() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (rehearsal, proxy) = behind_a_proxy("stalled", &["--statement-ms", "2000"]).await;
    until_ready_says(&rehearsal, 200, "listening").await;
    proxy.set(Network::Stalled);
    until_ready_says(&rehearsal, 503, "the database is away").await;
    proxy.set(Network::Good);
    until_ready_says(&rehearsal, 200, "listening").await;
    call(&rehearsal, 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notifications_that_are_dropped_are_missed_and_polling_carries_on() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let (rehearsal, proxy) = behind_a_proxy("deaf", &["--poll-ms", "1500"]).await;
    until_ready_says(&rehearsal, 200, "listening").await;
    // The listener says that it listens before its first probe has come back.
    let deadline = Instant::now() + Duration::from_secs(20);
    while metric(&rehearsal, "dialerd_notify_seconds_count").await < 1.0 {
        assert!(Instant::now() < deadline, "no probe came back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let heard = call(&rehearsal, 0).await;
    assert!(heard < Duration::from_millis(1000), "a notification took {heard:?}");
    proxy.set(Network::Deaf);
    until_ready_says(&rehearsal, 200, "polling only: a notification did not come back").await;
    assert_eq!(metric(&rehearsal, "dialerd_listening").await, 0.0);
    let polled = call(&rehearsal, 1).await;
    assert!(polled < Duration::from_millis(2500), "polling took {polled:?}");
    proxy.set(Network::Good);
    until_ready_says(&rehearsal, 200, "\"notifications\":\"listening\"").await;
    let heard = call(&rehearsal, 2).await;
    assert!(heard < Duration::from_millis(1000), "a notification took {heard:?}");
}
