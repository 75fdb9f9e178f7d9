//! A receiver of webhooks, and a sandbox to try things on.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, Method, Uri};
use clap::Parser;
use dialerd::provider::HookRequest;
use dialerd::sandbox::{Options, Running};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// LIMIT: what does not come within this time does not come.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Delivery {
    /// As the sender was told it.
    pub url: String,
    pub headers: HeaderMap,
    pub query: Option<String>,
    pub raw: Bytes,
    pub body: Value,
}

impl Delivery {
    pub fn request(&self) -> HookRequest<'_> {
        HookRequest {
            method: &Method::POST,
            url: &self.url,
            headers: &self.headers,
            body: &self.raw,
            attempt_id: None,
        }
    }

    /// `status-update:ringing`, `end-of-call-report`, ...
    pub fn label(&self) -> String {
        let message = &self.body["message"];
        match message["status"].as_str() {
            Some(status) => format!("{}:{status}", message["type"].as_str().unwrap_or("?")),
            None => message["type"].as_str().or(self.body["type"].as_str()).unwrap_or("?").into(),
        }
    }
}

pub struct Receiver {
    pub url: String,
    deliveries: mpsc::UnboundedReceiver<Delivery>,
}

impl Receiver {
    pub async fn start() -> Receiver {
        let (sender, deliveries) = mpsc::unbounded_channel();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let base = url.trim_end_matches("/hook").to_owned();
        let router = Router::new().fallback(take).with_state((base, sender));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Receiver { url, deliveries }
    }

    pub async fn next(&mut self) -> Delivery {
        let next = tokio::time::timeout(PATIENCE, self.deliveries.recv()).await;
        next.expect("a webhook in time").expect("the receiver runs")
    }

    pub async fn labels(&mut self, count: usize) -> Vec<String> {
        let mut labels = Vec::new();
        for _ in 0..count {
            labels.push(self.next().await.label());
        }
        labels
    }
}

async fn take(
    State((base, sender)): State<(String, mpsc::UnboundedSender<Delivery>)>,
    uri: Uri,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    raw: Bytes,
) {
    let body = serde_json::from_slice(&raw).unwrap_or(Value::Null);
    drop(sender.send(Delivery { url: format!("{base}{uri}"), headers, query, raw, body }));
}

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// A running sandbox; it ends with the value.
pub struct Trial {
    pub running: Running,
    pub client: reqwest::Client,
    stop: CancellationToken,
}

impl Drop for Trial {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Trial {
    /// A thousand times faster than real time unless the flags say otherwise.
    pub async fn start(flags: &[&str]) -> Trial {
        let mut line = vec!["sandbox", "--listen", "127.0.0.1:0"];
        if !flags.contains(&"--clock-rate") {
            line.extend(["--clock-rate", "1000"]);
        }
        line.extend(flags);
        drop(rustls::crypto::ring::default_provider().install_default());
        let options = Line::try_parse_from(line).expect("good flags").options;
        let stop = CancellationToken::new();
        let running = dialerd::sandbox::start(options, stop.clone()).await.expect("it starts");
        Trial { running, client: reqwest::Client::new(), stop }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.running.address)
    }

    pub async fn place(&self, body: &Value) -> Result<(u16, Value), reqwest::Error> {
        self.post("/call", body).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Result<(u16, Value), reqwest::Error> {
        let request = self.client.post(self.url(path)).bearer_auth("k1").json(body);
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let answer = self.client.get(self.url(path)).bearer_auth("k1").send().await;
        let answer = answer.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    pub async fn summary(&self) -> Value {
        self.get("/sandbox/summary").await.1
    }
}

pub fn order(number: &str, hook_url: &str) -> Value {
    let attempt_id = uuid::Uuid::new_v4();
    json!({
        "assistantId": "a1",
        "phoneNumberId": "p1",
        "name": attempt_id,
        "customer": {"number": number, "externalId": attempt_id},
        "assistantOverrides": {
            "metadata": {"attempt_id": attempt_id},
            "server": {"url": format!("{hook_url}?attempt={attempt_id}")},
        },
    })
}
