//! A scripted Asterisk: answers ARI's requests as it is told, and says on the websocket what it is
//! told to say.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// LIMIT: what does not come within this time does not come.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, PartialEq)]
pub struct Asked {
    /// Method, path and query.
    pub line: String,
    pub authorization: String,
    pub body: Value,
}

/// A listener's connection, from the exchange's side.
pub type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

type Script = Arc<Mutex<HashMap<String, (u16, Value)>>>;

#[derive(Clone)]
struct Shared {
    script: Script,
    asked: mpsc::UnboundedSender<Asked>,
    sockets: mpsc::UnboundedSender<Socket>,
}

pub struct Exchange {
    pub url: String,
    script: Script,
    asked: mpsc::UnboundedReceiver<Asked>,
    sockets: mpsc::UnboundedReceiver<Socket>,
}

impl Exchange {
    pub async fn start() -> Exchange {
        let script = Script::default();
        let (asked_sender, asked) = mpsc::unbounded_channel();
        let (socket_sender, sockets) = mpsc::unbounded_channel();
        let shared = Shared { script: script.clone(), asked: asked_sender, sockets: socket_sender };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/ari", listener.local_addr().expect("an address"));
        let router =
            Router::new().route("/ari/events", get(events)).fallback(answer).with_state(shared);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Exchange { url, script, asked, sockets }
    }

    /// What a request, as `GET /channels/x`, is answered from now on; else it is 200 and `{}`.
    pub fn answers(&self, line: &str, status: u16, body: Value) {
        self.script.lock().expect("a sound script").insert(line.to_owned(), (status, body));
    }

    pub async fn asked(&mut self) -> Asked {
        let next = tokio::time::timeout(PATIENCE, self.asked.recv()).await;
        next.expect("a request in time").expect("the exchange runs")
    }

    /// The next listener.
    pub async fn listener(&mut self) -> Socket {
        let next = tokio::time::timeout(PATIENCE, self.sockets.recv()).await;
        next.expect("a listener in time").expect("the exchange runs")
    }
}

/// Says something on a listener's connection.
pub async fn say(socket: &mut Socket, message: &Value) {
    socket.send(Message::text(message.to_string())).await.expect("somebody listens");
}

/// The next frame that a listener sends.
pub async fn frame(socket: &mut Socket) -> Option<Message> {
    let next = tokio::time::timeout(PATIENCE, socket.next()).await.expect("a frame in time");
    next.and_then(Result::ok)
}

async fn answer(
    State(shared): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri.path().strip_prefix("/ari").unwrap_or(uri.path());
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let line = format!("{method} {path}");
    let authorization = headers.get("authorization").and_then(|value| value.to_str().ok());
    let asked = Asked {
        line: format!("{line}{query}"),
        authorization: authorization.unwrap_or("").to_owned(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    drop(shared.asked.send(asked));
    let scripted = shared.script.lock().expect("a sound script").get(&line).cloned();
    let (status, body) = scripted.unwrap_or((200, json!({})));
    let status = StatusCode::from_u16(status).expect("a status");
    (status, axum::Json(body)).into_response()
}

async fn events(State(shared): State<Shared>, mut request: Request) -> Response {
    let scripted = shared.script.lock().expect("a sound script").get("GET /events").cloned();
    if let Some((status, body)) = scripted {
        let status = StatusCode::from_u16(status).expect("a status");
        return (status, axum::Json(body)).into_response();
    }
    let line = format!("GET /events?{}", request.uri().query().unwrap_or(""));
    drop(shared.asked.send(Asked { line, authorization: String::new(), body: Value::Null }));
    let key = request.headers().get("sec-websocket-key").expect("a websocket's key");
    let accept = derive_accept_key(key.as_bytes());
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let upgraded = TokioIo::new(upgrade.await.expect("upgraded"));
        let socket = WebSocketStream::from_raw_socket(upgraded, Role::Server, None).await;
        drop(shared.sockets.send(socket));
    });
    let headers = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-accept", accept.as_str()),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}
