//! The websocket on which Asterisk reports, and the little that is done on hearing it.
//!
//! Each dispatcher listens under a name of its own and asks for the events of all channels: under
//! one name the newer connection would silence the older. A connection that has gone dead without
//! a word is found out by pings.

use super::order::{application, mark};
use super::report::{Heard, Reader, plays_for};
use super::{AFTERMATH, Account, exchange, signed_in, url};
use crate::clock::monotonic;
use crate::provider::stream::{Listener, StreamError, Told};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use uuid::Uuid;

/// LIMIT: bytes of one message.
const MESSAGE_MAX: usize = 1_000_000;
const PING_EVERY: Duration = Duration::from_secs(5);
/// LIMIT: a connection on which nothing has come for so long, not even the answer to a ping, is
/// dead.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// The events that say something to us; Asterisk sends ten times as many.
const EVENTS: [&str; 4] =
    ["ChannelStateChange", "ChannelDestroyed", "StasisStart", "PlaybackFinished"];

type Socket = WebSocketStream<reqwest::Upgraded>;

/// Connects and tells what is heard until that ends.
pub async fn follow(
    http: &reqwest::Client,
    account: &Account,
    listener: &Listener,
    told: mpsc::Sender<Told>,
) -> StreamError {
    let app = application(listener);
    let ended = async {
        let mut socket = connect(http, account, &app).await?;
        subscribe(http, account, &app).await?;
        drop(told.send(Told::Listening).await);
        let mut orders = JoinSet::new();
        for channel in playing(http, account, &mark(listener)).await? {
            orders.spawn(end_if_silent(http.clone(), account.clone(), channel));
        }
        listen(http, account, &mut Reader::new(listener), &mut socket, &told, orders).await
    };
    // Asterisk forgets the name and what it was subscribed to when the socket closes.
    match ended.await {
        Ok(()) => StreamError("nobody listens any more".to_owned()),
        Err(error) => error,
    }
}

/// An ordinary request that becomes a websocket: TLS, credentials and time-outs are as everywhere.
async fn connect(
    http: &reqwest::Client,
    account: &Account,
    app: &str,
) -> Result<Socket, StreamError> {
    let key = generate_key();
    let request = http
        .get(url(account, "/events"))
        .query(&[("app", app)])
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "ari")
        .header("sec-websocket-key", &key);
    let response = signed_in(request, account).send().await;
    let response = response.map_err(|error| StreamError(exchange::kind(&error).to_owned()))?;
    let accepted = response.headers().get("sec-websocket-accept");
    match response.status().as_u16() {
        101 if accepted.is_some_and(|shown| *shown == derive_accept_key(key.as_bytes())) => (),
        401 | 403 => {
            return Err(StreamError("user or password is refused (see ari.conf)".to_owned()));
        }
        status => return Err(StreamError(format!("no websocket there: answer {status}"))),
    }
    let upgraded = response.upgrade().await;
    let upgraded = upgraded.map_err(|error| StreamError(exchange::kind(&error).to_owned()))?;
    let limits = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_MAX))
        .max_frame_size(Some(MESSAGE_MAX));
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits)).await)
}

/// Asks for the events of all channels, also of those that were there before.
async fn subscribe(
    http: &reqwest::Client,
    account: &Account,
    app: &str,
) -> Result<(), StreamError> {
    let path = format!("/applications/{app}/subscription");
    let all = http.post(url(account, &path)).query(&[("eventSource", "channel:")]);
    let kinds: Vec<Value> = EVENTS.iter().map(|kind| json!({ "type": kind })).collect();
    let path = format!("/applications/{app}/eventFilter");
    let filter = http.put(url(account, &path)).json(&json!({ "allowed": kinds }));
    for request in [all, filter] {
        let answer = exchange::ask(signed_in(request, account)).await;
        let answer = answer.map_err(|error| StreamError(error.to_string()))?;
        if !(200..300).contains(&answer.status) {
            let status = answer.status;
            return Err(StreamError(format!("subscribing is refused: answer {status}")));
        }
    }
    Ok(())
}

/// The calls that hear a sound now: its end may have come while nobody listened.
async fn playing(
    http: &reqwest::Client,
    account: &Account,
    mark: &str,
) -> Result<Vec<Uuid>, StreamError> {
    let request = signed_in(http.get(url(account, "/channels")), account);
    let answer = exchange::ask(request).await.map_err(|error| StreamError(error.to_string()))?;
    let channels = answer.body.as_array().into_iter().flatten();
    Ok(channels.filter_map(|channel| plays_for(mark, channel)).collect())
}

/// Ends a call that hears nothing any more: it would stay silent until its longest time is over.
async fn end_if_silent(http: reqwest::Client, account: Account, channel: Uuid) {
    // Another dispatcher may just be about to play something, or to hang up.
    tokio::time::sleep(AFTERMATH).await;
    let request = http.get(url(&account, &format!("/playbacks/{channel}")));
    match exchange::ask(signed_in(request, &account)).await {
        Ok(answer) if answer.status == 404 => end(http, account, channel).await,
        // It plays, and we shall hear its end.
        Ok(_) => (),
        Err(error) => tracing::warn!(attempt_id = %channel, %error, "a sound was not found out"),
    }
}

/// Until the connection ends, or nobody wants to be told. What is done on hearing something ends
/// with it.
async fn listen(
    http: &reqwest::Client,
    account: &Account,
    reader: &mut Reader,
    socket: &mut Socket,
    told: &mpsc::Sender<Told>,
    mut orders: JoinSet<()>,
) -> Result<(), StreamError> {
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut silent_until = monotonic() + SILENCE_MAX;
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            _ = ping.tick() => {
                let sent = socket.send(Message::Ping(Default::default())).await;
                sent.map_err(|_| StreamError("the connection broke".to_owned()))?;
                continue;
            }
            Some(_) = orders.join_next() => continue,
            () = told.closed() => return Ok(()),
            () = tokio::time::sleep_until(silent_until) => {
                return Err(StreamError("the connection is dead: not even pings are answered".to_owned()));
            }
        };
        silent_until = monotonic() + SILENCE_MAX;
        let text = match message {
            Some(Ok(Message::Text(text))) => text,
            Some(Ok(Message::Close(_))) | None => {
                return Err(StreamError("Asterisk closed the connection".to_owned()));
            }
            Some(Ok(_)) => continue,
            Some(Err(_)) => return Err(StreamError("the connection broke".to_owned())),
        };
        match reader.read(&serde_json::from_str(&text).unwrap_or(Value::Null)) {
            Heard::Event(event) => drop(told.send(Told::Event(event)).await),
            Heard::Play { channel, media } => {
                orders.spawn(play(http.clone(), account.clone(), channel, media));
            }
            Heard::Played { channel } => {
                orders.spawn(end(http.clone(), account.clone(), channel));
            }
            Heard::Replaced => {
                return Err(StreamError(
                    "another dispatcher listens under the same name; give each its own (--name)"
                        .to_owned(),
                ));
            }
            Heard::Nothing => (),
        }
    }
}

/// Plays a sound on a call that was answered; one that cannot be played ends the call.
async fn play(http: reqwest::Client, account: Account, channel: Uuid, media: String) {
    let path = format!("/channels/{channel}/play/{channel}");
    let request = http.post(url(&account, &path)).json(&json!({ "media": media }));
    let answer = exchange::ask(signed_in(request, &account)).await;
    if !matches!(&answer, Ok(answer) if (200..300).contains(&answer.status)) {
        let status = answer.map(|answer| answer.status).ok();
        tracing::warn!(attempt_id = %channel, status, "the sound was not played; the call is ended");
        end(http, account, channel).await;
    }
}

/// Ends a call whose sound is over. One that is gone has been ended by the callee.
async fn end(http: reqwest::Client, account: Account, channel: Uuid) {
    let path = format!("/channels/{channel}");
    let request = signed_in(http.delete(url(&account, &path)), &account);
    match exchange::ask(request).await {
        Ok(answer) if answer.status == 404 || answer.status < 300 => (),
        Ok(answer) => {
            tracing::warn!(attempt_id = %channel, status = answer.status, "not hung up");
        }
        Err(error) => tracing::warn!(attempt_id = %channel, %error, "not hung up"),
    }
}
