//! One request and its answer over HTTP, and what it means when there is none.

use super::gate::{Gate, Gated, TOO_LATE};
use super::{Accepted, Answer, CheckError, LookUpError, PlaceError, RefusalClass};
use serde_json::{Value, json};
use std::time::Duration;

/// LIMIT: bytes of an answer that are read.
const ANSWER_MAX: usize = 4_000_000;
/// Servers close idle connections after five seconds and more. A connection closed under our
/// request leaves us not knowing, so ours are given up before.
const IDLE: Duration = Duration::from_secs(4);

/// A client that never repeats and never follows: one request is one request.
pub fn client(
    connect_timeout: Duration,
    total_timeout: Duration,
) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .connect_timeout(connect_timeout)
        .timeout(total_timeout)
        .pool_idle_timeout(IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tcp_nodelay(true)
        .user_agent(concat!("dialerd/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// Sends a request that places something, if the gate is open when it is about to be written.
pub async fn send(request: reqwest::RequestBuilder, gate: &Gate) -> Result<Answer, PlaceError> {
    let (client, request) = request.build_split();
    let mut request = request.map_err(|error| not_answered(&error))?;
    let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
    // An empty body is never asked for: the gate is passed before.
    if body.is_empty() && !gate.passes() {
        return Err(PlaceError::NotSent(TOO_LATE.to_owned()));
    }
    *request.body_mut() = Some(reqwest::Body::wrap(Gated::new(body.to_vec(), gate.clone())));
    let sent = client.execute(request).await;
    let response = sent.map_err(|error| match gate.was_shut() {
        // A body of a stated length that never came: the provider cannot have understood it.
        true => PlaceError::NotSent(TOO_LATE.to_owned()),
        false => not_answered(&error),
    })?;
    let status = response.status().as_u16();
    let retry_after_seconds = retry_after(&response);
    match read(response).await {
        Ok(body) => Ok(Answer { status, retry_after_seconds, body }),
        // A refusal whose body is lost is still a refusal.
        Err(_) if (400..500).contains(&status) => {
            Ok(Answer { status, retry_after_seconds, body: Value::Null })
        }
        Err(error) => Err(PlaceError::Unknown(error.0)),
    }
}

/// Sends a request that only asks.
pub async fn ask(request: reqwest::RequestBuilder) -> Result<Answer, LookUpError> {
    let response = request.send().await.map_err(|error| LookUpError(kind(&error).to_owned()))?;
    let status = response.status().as_u16();
    let retry_after_seconds = retry_after(&response);
    Ok(Answer { status, retry_after_seconds, body: read(response).await? })
}

/// What a question finds: nothing where the vendor knows nothing, and an error where it did not
/// answer it. An answer that is no JSON is none.
pub async fn found(question: reqwest::RequestBuilder) -> Result<Option<Value>, LookUpError> {
    understood(ask(question).await?)
}

/// The same of an answer that has come.
pub fn understood(answer: Answer) -> Result<Option<Value>, LookUpError> {
    match answer.status {
        200..=299 if answer.body.is_null() => Err(LookUpError("the answer is no JSON".to_owned())),
        200..=299 => Ok(Some(answer.body)),
        404 => Ok(None),
        status => Err(LookUpError(format!("answer {status}"))),
    }
}

/// Sends an order that places nothing, such as to end a call.
pub async fn order(request: reqwest::RequestBuilder) -> Result<(), LookUpError> {
    done(&ask(request).await?)
}

/// The id of what was accepted. Without one it may be ringing all the same.
pub fn accepted(id: Option<&str>) -> Result<Accepted, PlaceError> {
    match id.filter(|id| !id.is_empty()) {
        Some(id) => Ok(Accepted { provider_call_id: id.to_owned() }),
        None => Err(PlaceError::Unknown("accepted without an id".to_owned())),
    }
}

/// The rows of a list; what is no list says nothing about what there is.
pub fn rows(list: Option<&Value>) -> Result<Vec<Value>, LookUpError> {
    match list {
        Some(Value::Array(rows)) => Ok(rows.clone()),
        _ => Err(LookUpError("the list is no list".to_owned())),
    }
}

/// Whether an order that places nothing was carried out.
pub fn done(answer: &Answer) -> Result<(), LookUpError> {
    match answer.status {
        200..=299 => Ok(()),
        404 => Err(LookUpError("no such call".to_owned())),
        status => Err(LookUpError(format!("answer {status}"))),
    }
}

/// What an account that works is told by.
pub const REACHED: &str = "reached, and the key is accepted";

/// Sends a question that only proves that the account works.
pub async fn check(request: reqwest::RequestBuilder) -> Result<String, CheckError> {
    checked(request).await.map(|_| REACHED.to_owned())
}

/// The same, with the answer.
pub async fn checked(request: reqwest::RequestBuilder) -> Result<Answer, CheckError> {
    proven(asked(request).await?)
}

/// Asks, and says when nobody answered.
pub async fn asked(request: reqwest::RequestBuilder) -> Result<Answer, CheckError> {
    const UNREACHED: &str = "check the base URL, the network and a proxy between";
    ask(request).await.map_err(|error| CheckError::new(error.0, UNREACHED))
}

/// An answer that proves that the account works.
pub fn proven(answer: Answer) -> Result<Answer, CheckError> {
    const KEY: &str = "check the key that secret_name names, and what it may do at the vendor";
    const OTHER: &str = "check the base URL and the settings of the account";
    match answer.status {
        200..=299 if answer.body.is_null() => {
            Err(CheckError::new("it answers, but not with JSON", OTHER))
        }
        200..=299 => Ok(answer),
        401..=403 => Err(CheckError::new(format!("it refuses the key ({})", answer.status), KEY)),
        429 => Err(CheckError::new("it asks for a slower pace just now", "try again in a minute")),
        status => Err(CheckError::new(format!("it answers {status}"), OTHER)),
    }
}

fn not_answered(error: &reqwest::Error) -> PlaceError {
    if error.is_builder() {
        let details = json!({"reason": "the address of the provider is malformed"});
        return PlaceError::refused(RefusalClass::ConfigError, "malformed-address", details);
    }
    // Name not found, connection refused, TLS not agreed: the request was not written.
    if error.is_connect() {
        return PlaceError::NotSent(kind(error).to_owned());
    }
    PlaceError::Unknown(kind(error).to_owned())
}

/// The kind of an error without its address, which may hold a key.
pub fn kind(error: &reqwest::Error) -> &'static str {
    match () {
        () if error.is_connect() && error.is_timeout() => "connecting timed out",
        () if error.is_connect() => "connecting failed",
        () if error.is_timeout() => "no answer in time",
        () if error.is_body() || error.is_decode() => "the answer broke off",
        () => "the connection broke",
    }
}

/// The wait that is asked for: in seconds, or until an instant by the provider's own clock.
fn retry_after(response: &reqwest::Response) -> Option<u64> {
    let text = |name| response.headers().get(name)?.to_str().ok().map(str::trim);
    let stated = text("retry-after")?;
    let instant = |text| chrono::DateTime::parse_from_rfc2822(text).ok();
    let until = || {
        let wait = instant(stated)? - instant(text("date")?)?;
        u64::try_from(wait.num_seconds()).ok()
    };
    stated.parse().ok().or_else(until)
}

async fn read(mut response: reqwest::Response) -> Result<Value, LookUpError> {
    let mut bytes = Vec::new();
    while let Some(part) =
        response.chunk().await.map_err(|error| LookUpError(kind(&error).to_owned()))?
    {
        if bytes.len() + part.len() > ANSWER_MAX {
            return Err(LookUpError("the answer is too long".to_owned()));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// What most providers mean by a status; adapters look at the body first.
pub fn by_status(answer: &Answer, word: &str) -> PlaceError {
    let class = match answer.status {
        401..=403 => RefusalClass::AccountError,
        429 => RefusalClass::OverLimit,
        // The server may have given up waiting after it had begun.
        408 => return PlaceError::Unknown("answer 408".to_owned()),
        // Done, and to be seen elsewhere: that is what it says of a request that was carried out.
        303 => return PlaceError::Unknown("answer 303".to_owned()),
        400..=499 => RefusalClass::ConfigError,
        300..=399 => RefusalClass::ConfigError,
        status => return PlaceError::Unknown(format!("answer {status}")),
    };
    PlaceError::refused(class, word, details(answer))
}

pub fn details(answer: &Answer) -> Value {
    json!({
        "status": answer.status,
        "retry_after_seconds": answer.retry_after_seconds,
        "answer": answer.body,
    })
}
