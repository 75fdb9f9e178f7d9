//! Asterisk over ARI: its REST interface places calls, a websocket reports them (`socket`).
//!
//! What Asterisk guarantees: a channel has the id that we choose, which is the attempt's, so that
//! asking twice for a live call rings nobody twice, and a lost answer is cleared up by looking for
//! that channel. What it does not: it keeps nothing of a call that is
//! over, and an event that nobody heard is never sent again. So a channel that is gone, and of
//! which we know that it was there, means a call that is over and whose outcome nobody knows; one
//! of which we do not know it means nothing, because the request may still wait in a socket.
//!
//! A call's events come to whoever listens, in as many dispatchers as there are. Ids must have one
//! length and one case: some versions take the beginning of a live id, or its other case, for it.

mod order;
mod report;
mod socket;

use super::forward::forward_to_functions;
use super::stream::{Listener, Stream, StreamError, Told};
use super::word::{Word, vocabulary};
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, HookRequest, HookTrust, Listed,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass, Secret, Sought,
    Span, VerifyError, exchange,
};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::time::Duration;
use tokio::sync::mpsc;

/// Where Asterisk listens for ARI if it is told nothing else.
const BASE_URL: &str = "http://127.0.0.1:8088/ari";
/// How long the report of an end may take to us after the channel has gone.
const AFTERMATH: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Asterisk;

impl Adapter for Asterisk {
    forward_to_functions!();

    /// There are no webhooks.
    fn verify(
        &self,
        _trust: &HookTrust<'_>,
        _request: HookRequest<'_>,
        _now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        Err(VerifyError::NotSigned)
    }

    fn parse_event(
        &self,
        _settings: &Value,
        _request: HookRequest<'_>,
    ) -> Result<Vec<Event>, ParseError> {
        Err(ParseError::Missing("meaning: this provider reports by its websocket"))
    }

    fn classify_error(&self, answer: &Answer) -> PlaceError {
        classify(answer)
    }

    fn words(&self) -> &'static [Word] {
        WORDS
    }

    fn reconciles(&self) -> Reconciles {
        Reconciles::ByAttempt
    }

    fn stream(&self) -> Option<&dyn Stream> {
        Some(self)
    }
}

impl Stream for Asterisk {
    fn follow<'a>(
        &'a self,
        http: &'a reqwest::Client,
        account: &'a Account,
        listener: &'a Listener,
        told: mpsc::Sender<Told>,
    ) -> BoxFuture<'a, StreamError> {
        Box::pin(socket::follow(http, account, listener, told))
    }
}

/// What Asterisk says in words of its own; how calls end it says in SIP's and Q.850's numbers.
const WORDS: &[Word] = vocabulary! {
    Status, None, "states of a channel": "Down" "Rsrved" "OffHook" "Dialing" "Ring" "Ringing" "Up"
        "Busy" "Dialing Offhook" "Pre-ring" "Unknown";
    EndedReason, Some("unknown"), "it is over, and nobody heard how": "channel gone";
    Error, Some("provider_fault"), "no such endpoint, nobody registered, or the trunk is down": "allocation-failed";
};

/// A request with the account's user and password.
fn signed_in(request: reqwest::RequestBuilder, account: &Account) -> reqwest::RequestBuilder {
    let user = account.text("user").unwrap_or("dialer");
    request.basic_auth(user, account.key.as_ref().map(Secret::text))
}

fn url(account: &Account, path: &str) -> String {
    account.url(BASE_URL, path)
}

async fn place(
    http: &reqwest::Client,
    account: &Account,
    placement: &Placement,
) -> Result<Accepted, PlaceError> {
    let body = order::order(&account.settings, placement)?;
    let id = placement.attempt_id.to_string();
    let request = http.post(url(account, &format!("/channels/{id}"))).json(&body);
    let answer = exchange::send(signed_in(request, account), &placement.gate).await?;
    match answer.status {
        200..=299 if answer.body["id"].as_str() == Some(&id) => {
            Ok(Accepted { provider_call_id: id })
        }
        200..=299 => Err(PlaceError::Unknown("accepted without the channel's id".to_owned())),
        409 => taken(http, account, id).await,
        _ => Err(classify(&answer)),
    }
}

/// A live channel is said to have the attempt's id. It is the attempt's, heard before; but Asterisk
/// also says so falsely, of the request before on the same connection, so it is looked at.
async fn taken(
    http: &reqwest::Client,
    account: &Account,
    id: String,
) -> Result<Accepted, PlaceError> {
    let request = signed_in(http.get(url(account, &format!("/channels/{id}"))), account);
    match exchange::ask(request).await {
        Ok(answer) if answer.status == 200 && answer.body["id"].as_str() == Some(&id) => {
            Ok(Accepted { provider_call_id: id })
        }
        _ => Err(PlaceError::Unknown("409 for a channel that is not there".to_owned())),
    }
}

/// What a refusal means.
fn classify(answer: &Answer) -> PlaceError {
    let said = answer.body["message"].as_str().or(answer.body["error"].as_str());
    let word = said.unwrap_or("refused");
    match (answer.status, said) {
        // Said before anything is dialled: no such endpoint, nobody registered there, trunk down.
        (500, Some("Allocation failed")) => {
            let details = exchange::details(answer);
            PlaceError::refused(RefusalClass::ProviderFault, "allocation-failed", details)
        }
        _ => exchange::by_status(answer, word),
    }
}

async fn look_up(
    http: &reqwest::Client,
    account: &Account,
    sought: &Sought,
) -> Result<Vec<Event>, LookUpError> {
    let id = sought.attempt_id.to_string();
    let request = signed_in(http.get(url(account, &format!("/channels/{id}"))), account);
    let answer = exchange::ask(request).await?;
    match answer.status {
        200..=299 if answer.body["id"].as_str() == Some(&id) => {
            Ok(report::of_channel(&answer.body, sought.attempt_id).into_iter().collect())
        }
        404 if sought.provider_call_id.is_some() => {
            // Its end may just have been reported, and is on its way to the database.
            tokio::time::sleep(AFTERMATH).await;
            Ok(vec![report::gone(sought.attempt_id)])
        }
        404 => Ok(Vec::new()),
        status => Err(LookUpError(format!("answer {status} without the channel"))),
    }
}

async fn hang_up(
    http: &reqwest::Client,
    account: &Account,
    provider_call_id: &str,
) -> Result<(), LookUpError> {
    let path = format!("/channels/{provider_call_id}");
    let answer = exchange::ask(signed_in(http.delete(url(account, &path)), account)).await?;
    match answer.status {
        200..=299 => Ok(()),
        404 => Err(LookUpError("no such call".to_owned())),
        status => Err(LookUpError(format!("answer {status}"))),
    }
}

/// The calls that live now; of others Asterisk knows nothing.
async fn list(http: &reqwest::Client, account: &Account, span: &Span) -> Result<Page, LookUpError> {
    let answer = exchange::ask(signed_in(http.get(url(account, "/channels")), account)).await?;
    let Value::Array(channels) = answer.body else {
        return Err(LookUpError(format!("answer {}", answer.status)));
    };
    let listed = |channel: &Value| {
        let event = report::of_channel(channel, report::attempt_of(channel["id"].as_str()?)?)?;
        let created_at = report::instant(&channel["creationtime"]);
        // The number is in no field of its own.
        Some(Listed { address: None, created_at, event })
    };
    let in_span =
        |listed: &Listed| listed.created_at.is_none_or(|at| (span.from..span.until).contains(&at));
    Ok(Page { calls: channels.iter().filter_map(listed).filter(in_span).collect(), next: None })
}

/// Asks for the version and for the trunk.
async fn check(http: &reqwest::Client, account: &Account) -> Result<String, CheckError> {
    let answer = asked(http, account, "/asterisk/info").await?;
    let version = match answer.status {
        200 => answer.body["system"]["version"].as_str().unwrap_or("of a version it does not tell"),
        401 => {
            return Err(CheckError::new(
                "user or key is refused",
                "compare settings.user and the password in the secret with ari.conf",
            ));
        }
        status => {
            let found = format!("no ARI there: answer {status}");
            return Err(CheckError::new(
                found,
                "base_url ends in /ari; see http.conf and ari.conf",
            ));
        }
    };
    let Some(trunk) = account.text("endpoint").and_then(trunk_of) else {
        return Ok(format!("Asterisk {version}; settings.endpoint names no trunk to look at"));
    };
    let trunk_answer = asked(http, account, &format!("/endpoints/{trunk}")).await?;
    match (trunk_answer.status, trunk_answer.body["state"].as_str()) {
        (200, Some("offline")) => Err(CheckError::new(
            format!("Asterisk {version}: {trunk} is offline"),
            "see its registration, or why it does not answer OPTIONS",
        )),
        (200, state) => Ok(format!("Asterisk {version}; {trunk} is {}", state.unwrap_or("there"))),
        _ => {
            let found = format!("Asterisk {version} does not know the endpoint {trunk}");
            Err(CheckError::new(
                found,
                "settings.endpoint is as PJSIP/{number}@trunk, the trunk as in pjsip.conf",
            ))
        }
    }
}

async fn asked(
    http: &reqwest::Client,
    account: &Account,
    path: &str,
) -> Result<Answer, CheckError> {
    let answer = exchange::ask(signed_in(http.get(url(account, path)), account)).await;
    answer.map_err(|error| CheckError::new(error.0, "see base_url, and bindaddr in http.conf"))
}

/// `PJSIP/trunk` of `PJSIP/{number}@trunk`.
fn trunk_of(endpoint: &str) -> Option<String> {
    let (technology, rest) = endpoint.split_once('/')?;
    let (_, trunk) = rest.rsplit_once('@')?;
    Some(format!("{technology}/{trunk}"))
}

#[cfg(test)]
mod tests;
