//! The adapter of Asterisk against a scripted exchange: orders, look-ups, and listening.

use super::exchange::{Exchange, Socket, frame, say};
use chrono::Utc;
use dialerd::provider::{
    self, Account, Adapter, CallOptions, Event, Gate, Kind, Listener, PlaceError, Placement,
    RefusalClass, Secret, Sought, Span, StreamError, Told,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

fn asterisk() -> &'static dyn Adapter {
    provider::adapter("asterisk", "voice").expect("there is one")
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    provider::client(Duration::from_secs(5), Duration::from_millis(1500)).expect("a client")
}

fn listener() -> Listener {
    Listener { account_id: 3, dispatcher: "d1".to_owned() }
}

fn account(url: &str) -> Account {
    let settings = json!({
        "user": "pbx", "endpoint": "PJSIP/{number}@trunk", "sound": "hello-world",
        "listener": listener()});
    Account {
        base_url: Some(url.to_owned()),
        key: Some(Secret::new("s3".into())),
        settings,
        ..Account::default()
    }
}

fn placement() -> Placement {
    Placement {
        attempt_id: Uuid::new_v4(),
        address: "+13035550100".to_owned(),
        variables: json!({"name": "Ada"}),
        options: CallOptions::default(),
        callback_url: String::new(),
        gate: Gate::open(),
    }
}

fn sought(attempt_id: Uuid, placed: bool) -> Sought {
    let provider_call_id = placed.then(|| attempt_id.to_string());
    Sought { attempt_id, provider_call_id, address: None, intended_at: Utc::now() }
}

#[tokio::test]
async fn a_call_is_ordered_once_under_the_id_of_its_attempt() {
    let mut exchange = Exchange::start().await;
    let placement = placement();
    let id = placement.attempt_id.to_string();
    let account = account(&exchange.url);
    exchange.answers(&format!("POST /channels/{id}"), 200, json!({"id": id, "state": "Down"}));
    let accepted = asterisk().place(&client(), &account, &placement).await.expect("accepted");
    assert_eq!(accepted.provider_call_id, id);
    let asked = exchange.asked().await;
    assert_eq!(asked.line, format!("POST /channels/{id}"));
    // pbx:s3
    assert_eq!(asked.authorization, "Basic cGJ4OnMz");
    assert_eq!(asked.body["endpoint"], "PJSIP/+13035550100@trunk");
    assert_eq!(asked.body["app"], "pg_dialer-3-d1");
    assert_eq!(asked.body["variables"]["PJSIP_HEADER(add,X-Attempt-ID)"], id);
    assert_eq!(asked.body["variables"]["DIALER_NAME"], "Ada");
}

#[tokio::test]
async fn an_order_that_is_too_late_when_it_would_be_written_was_not_sent() {
    let exchange = Exchange::start().await;
    let mut late = placement();
    late.gate = Gate::new(|| false);
    let answer = asterisk().place(&client(), &account(&exchange.url), &late).await;
    assert_eq!(answer, Err(PlaceError::NotSent(provider::TOO_LATE.to_owned())));
}

#[tokio::test]
async fn an_id_that_is_taken_is_looked_at_before_it_is_believed() {
    let mut exchange = Exchange::start().await;
    let placement = placement();
    let id = placement.attempt_id.to_string();
    let account = account(&exchange.url);
    exchange.answers(&format!("POST /channels/{id}"), 409, json!({"message": "Channel exists"}));
    exchange.answers(&format!("GET /channels/{id}"), 200, json!({"id": id, "state": "Ringing"}));
    let answer = asterisk().place(&client(), &account, &placement).await.expect("it is ours");
    assert_eq!(answer.provider_call_id, id);
    exchange.answers(&format!("GET /channels/{id}"), 404, json!({"message": "not found"}));
    let answer = asterisk().place(&client(), &account, &placement).await;
    assert!(matches!(answer, Err(PlaceError::Unknown(_))), "{answer:?}");
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(exchange.asked().await.line);
    }
    let both = [format!("POST /channels/{id}"), format!("GET /channels/{id}")];
    assert_eq!(lines, [both.clone(), both].concat());
}

#[tokio::test]
async fn refusals_have_their_class() {
    let exchange = Exchange::start().await;
    for (status, body, expected) in [
        (401, json!({"error": "Authentication required"}), Some(RefusalClass::AccountError)),
        (400, json!({"message": "Endpoint must be specified"}), Some(RefusalClass::ConfigError)),
        (500, json!({"error": "Allocation failed"}), Some(RefusalClass::ProviderFault)),
        (500, json!({"error": "Something else"}), None),
        (200, json!({"id": "another"}), None),
        (200, json!(null), None),
        (302, json!(null), Some(RefusalClass::ConfigError)),
    ] {
        let placement = placement();
        exchange.answers(&format!("POST /channels/{}", placement.attempt_id), status, body);
        let answer = asterisk().place(&client(), &account(&exchange.url), &placement).await;
        let class = match answer {
            Err(PlaceError::Refused(refusal)) => Some(refusal.class),
            Err(PlaceError::Unknown(_)) => None,
            other => panic!("{status}: {other:?}"),
        };
        assert_eq!(class, expected, "{status}");
    }
}

#[tokio::test]
async fn an_attempt_is_looked_up_by_its_channel() {
    let exchange = Exchange::start().await;
    let account = account(&exchange.url);
    let id = Uuid::new_v4();
    let line = format!("GET /channels/{id}");
    exchange.answers(&line, 200, json!({"id": id, "state": "Ringing"}));
    let found = asterisk().look_up(&client(), &account, &sought(id, false)).await;
    let found = found.expect("an answer");
    assert_eq!((found.len(), found[0].kind, found[0].attempt_id), (1, Kind::Ringing, Some(id)));
    // A channel that may never have been: nothing is known, and nothing is said.
    exchange.answers(&line, 404, json!({"message": "Channel not found"}));
    let found = asterisk().look_up(&client(), &account, &sought(id, false)).await;
    assert_eq!(found, Ok(vec![]));
    // One that was: it is over, once the report of its end has had time to come.
    let begun = Instant::now();
    let found = asterisk().look_up(&client(), &account, &sought(id, true)).await;
    let ended = found.expect("an answer").remove(0);
    assert_eq!((ended.kind, ended.outcome), (Kind::Ended, Some("unknown")));
    assert!(begun.elapsed() >= Duration::from_secs(2));
    for (status, body) in [(500, json!(null)), (200, json!(null)), (200, json!({"id": "another"}))]
    {
        exchange.answers(&line, status, body);
        assert!(asterisk().look_up(&client(), &account, &sought(id, true)).await.is_err());
    }
}

#[tokio::test]
async fn a_live_call_is_hung_up_by_its_id() {
    let mut exchange = Exchange::start().await;
    let account = account(&exchange.url);
    exchange.answers("DELETE /channels/a", 204, json!(null));
    exchange.answers("DELETE /channels/b", 404, json!(null));
    assert_eq!(asterisk().hang_up(&client(), &account, "a").await, Ok(()));
    assert!(asterisk().hang_up(&client(), &account, "b").await.is_err());
    assert_eq!(exchange.asked().await.line, "DELETE /channels/a");
}

#[tokio::test]
async fn the_live_calls_of_a_span_are_listed() {
    let exchange = Exchange::start().await;
    let (id, older) = (Uuid::new_v4(), Uuid::new_v4());
    let channel =
        |id: String, created: &str| json!({"id": id, "state": "Up", "creationtime": created});
    let channels = json!([
        channel(id.to_string(), "2026-11-21T01:02:56.315+0000"),
        channel(older.to_string(), "2026-11-20T01:02:56.315+0000"),
        channel("1795252336.12".to_owned(), "2026-11-21T01:02:56.315+0000"),
    ]);
    exchange.answers("GET /channels", 200, channels);
    let span = Span {
        from: "2026-11-21T00:00:00Z".parse().expect("an instant"),
        until: "2026-11-22T00:00:00Z".parse().expect("an instant"),
        cursor: None,
    };
    let page = asterisk().list(&client(), &account(&exchange.url), &span).await.expect("a page");
    let found: Vec<_> = page.calls.iter().map(|call| call.event.attempt_id).collect();
    assert_eq!((found, page.next), (vec![Some(id)], None));
    exchange.answers("GET /channels", 500, json!({"error": "Allocation failed"}));
    assert!(asterisk().list(&client(), &account(&exchange.url), &span).await.is_err());
}

#[tokio::test]
async fn an_account_is_tried_without_calling_anybody() {
    let mut exchange = Exchange::start().await;
    let account = account(&exchange.url);
    let told = async || match asterisk().check(&client(), &account).await {
        Ok(found) => found,
        Err(error) => format!("{} -> {}", error.found, error.remedy),
    };
    exchange.answers("GET /asterisk/info", 200, json!({"system": {"version": "22.10.1"}}));
    exchange.answers("GET /endpoints/PJSIP/trunk", 200, json!({"state": "online"}));
    assert_eq!(told().await, "Asterisk 22.10.1; PJSIP/trunk is online");
    exchange.answers("GET /endpoints/PJSIP/trunk", 200, json!({"state": "offline"}));
    assert!(told().await.starts_with("Asterisk 22.10.1: PJSIP/trunk is offline -> "));
    exchange.answers("GET /endpoints/PJSIP/trunk", 404, json!({}));
    assert!(
        told().await.starts_with("Asterisk 22.10.1 does not know the endpoint PJSIP/trunk -> ")
    );
    exchange.answers("GET /asterisk/info", 401, json!({}));
    assert!(told().await.starts_with("user or key is refused -> "));
    exchange.answers("GET /asterisk/info", 404, json!({}));
    assert!(told().await.starts_with("no ARI there: answer 404 -> "));
    while let Ok(asked) = tokio::time::timeout(Duration::from_millis(50), exchange.asked()).await {
        assert!(asked.line.starts_with("GET "), "{asked:?}");
    }
}

/// A listener that follows a scripted exchange.
struct Following {
    told: mpsc::Receiver<Told>,
    ended: JoinHandle<StreamError>,
}

impl Following {
    fn start(url: &str) -> Following {
        let (sender, told) = mpsc::channel(10);
        let account = account(url);
        let ended = tokio::spawn(async move {
            let stream = asterisk().stream().expect("it streams");
            stream.follow(&client(), &account, &listener(), sender).await
        });
        Following { told, ended }
    }

    async fn told(&mut self) -> Option<Told> {
        let next = tokio::time::timeout(Duration::from_secs(20), self.told.recv()).await;
        next.expect("told in time")
    }

    async fn event(&mut self) -> Event {
        let told = self.told().await;
        let Some(Told::Event(event)) = told else { unreachable!("no event: {told:?}") };
        *event
    }

    async fn ended(self) -> String {
        let ended = tokio::time::timeout(Duration::from_secs(30), self.ended).await;
        ended.expect("it ends").expect("no panic").0
    }
}

/// A listener whose connection stands.
async fn listening(exchange: &mut Exchange) -> (Following, Socket) {
    let mut following = Following::start(&exchange.url);
    let socket = exchange.listener().await;
    assert_eq!(following.told().await, Some(Told::Listening));
    (following, socket)
}

fn message(kind: &str, id: Uuid, state: &str) -> Value {
    json!({"type": kind, "timestamp": "2026-11-21T01:02:56.356+0000", "cause": 17,
           "tech_cause": 486, "channel": {"id": id, "state": state}})
}

#[tokio::test]
async fn a_listener_subscribes_to_all_channels_under_a_name_of_its_own() {
    let mut exchange = Exchange::start().await;
    let (mut following, mut socket) = listening(&mut exchange).await;
    let mut lines = Vec::new();
    for _ in 0..4 {
        lines.push(exchange.asked().await.line);
    }
    assert_eq!(
        lines,
        [
            "GET /events?app=pg_dialer-3-d1",
            "POST /applications/pg_dialer-3-d1/subscription?eventSource=channel%3A",
            "PUT /applications/pg_dialer-3-d1/eventFilter",
            "GET /channels",
        ]
    );
    let id = Uuid::new_v4();
    say(&mut socket, &json!({"type": "ChannelVarset", "variable": "X"})).await;
    socket_text(&mut socket, "no JSON at all").await;
    say(&mut socket, &message("ChannelStateChange", id, "Ringing")).await;
    say(&mut socket, &message("ChannelDestroyed", id, "Ringing")).await;
    let (first, second) = (following.event().await, following.event().await);
    assert_eq!((first.kind, first.attempt_id), (Kind::Ringing, Some(id)));
    assert_eq!((second.kind, second.outcome), (Kind::Ended, Some("busy")));
    assert_eq!(second.word.as_deref(), Some("486"));
}

async fn socket_text(socket: &mut Socket, text: &str) {
    use futures_util::SinkExt;
    socket.send(Message::text(text)).await.expect("somebody listens");
}

#[tokio::test]
async fn a_sound_is_played_to_whoever_answers_and_then_the_call_is_ended() {
    let mut exchange = Exchange::start().await;
    let (_following, mut socket) = listening(&mut exchange).await;
    for _ in 0..4 {
        exchange.asked().await;
    }
    let id = Uuid::new_v4();
    let mut start = message("StasisStart", id, "Up");
    start["args"] = json!(["play", "sound:hello-world"]);
    say(&mut socket, &start).await;
    let asked = exchange.asked().await;
    assert_eq!(asked.line, format!("POST /channels/{id}/play/{id}"));
    assert_eq!(asked.body, json!({"media": "sound:hello-world"}));
    let finished = json!({"type": "PlaybackFinished", "playback": {
        "id": id, "target_uri": format!("channel:{id}"), "state": "done"}});
    say(&mut socket, &finished).await;
    assert_eq!(exchange.asked().await.line, format!("DELETE /channels/{id}"));
    // What cannot be played ends the call as well: nobody shall listen to silence.
    let mute = Uuid::new_v4();
    exchange.answers(&format!("POST /channels/{mute}/play/{mute}"), 404, json!({}));
    start["channel"]["id"] = json!(mute);
    say(&mut socket, &start).await;
    assert_eq!(exchange.asked().await.line, format!("POST /channels/{mute}/play/{mute}"));
    assert_eq!(exchange.asked().await.line, format!("DELETE /channels/{mute}"));
}

#[tokio::test]
async fn calls_whose_sound_ended_while_nobody_listened_are_ended_by_the_next_listener() {
    let mut exchange = Exchange::start().await;
    let (over, playing, other) = (Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4());
    let channel = |id: Uuid, data: &str| json!({"id": id, "state": "Up", "dialplan": {"app_name": "Stasis", "app_data": data}});
    let ours = "pg_dialer-3-d0,play,sound:hello-world";
    let channels = json!([channel(over, ours), channel(playing, ours), channel(other, "bot,play")]);
    exchange.answers("GET /channels", 200, channels);
    exchange.answers(&format!("GET /playbacks/{over}"), 404, json!({}));
    let (_following, _socket) = listening(&mut exchange).await;
    for _ in 0..4 {
        exchange.asked().await;
    }
    // Not at once: whoever has just answered will hear something in a moment.
    let soon = tokio::time::timeout(Duration::from_millis(1500), exchange.asked()).await;
    assert!(soon.is_err(), "{soon:?}");
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(exchange.asked().await.line);
    }
    lines.sort();
    let mut expected = [
        format!("DELETE /channels/{over}"),
        format!("GET /playbacks/{over}"),
        format!("GET /playbacks/{playing}"),
    ];
    expected.sort();
    assert_eq!(lines, expected);
    let more = tokio::time::timeout(Duration::from_millis(100), exchange.asked()).await;
    assert!(more.is_err(), "{more:?}");
}

#[tokio::test]
async fn a_listener_says_why_its_connection_ended() {
    let mut exchange = Exchange::start().await;
    let (following, mut socket) = listening(&mut exchange).await;
    say(&mut socket, &json!({"type": "ApplicationReplaced"})).await;
    assert!(following.ended().await.contains("under the same name"));

    let (following, socket) = listening(&mut exchange).await;
    drop(socket);
    let why = following.ended().await;
    assert!(["the connection broke", "Asterisk closed the connection"].contains(&why.as_str()));

    let (following, mut socket) = listening(&mut exchange).await;
    drop(socket.close(None).await);
    assert_eq!(following.ended().await, "Asterisk closed the connection");

    let line = "PUT /applications/pg_dialer-3-d1/eventFilter";
    exchange.answers(line, 400, json!({"message": "no"}));
    let following = Following::start(&exchange.url);
    assert_eq!(following.ended().await, "subscribing is refused: answer 400");

    for (status, told) in [
        (401, "user or password is refused (see ari.conf)"),
        (404, "no websocket there: answer 404"),
    ] {
        exchange.answers("GET /events", status, json!({}));
        assert_eq!(Following::start(&exchange.url).ended().await, told);
    }
    let nobody = Following::start("http://127.0.0.1:9/ari").ended().await;
    assert_eq!(nobody, "connecting failed");
}

#[tokio::test]
async fn a_listener_that_is_not_wanted_any_more_closes_its_connection() {
    let mut exchange = Exchange::start().await;
    let (mut following, mut socket) = listening(&mut exchange).await;
    following.told.close();
    assert_eq!(following.ended().await, "nobody listens any more");
    // A first ping may have been on its way.
    while let Some(message) = frame(&mut socket).await {
        assert!(matches!(message, Message::Ping(_) | Message::Close(_)), "{message:?}");
    }
}
