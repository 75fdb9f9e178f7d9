//! SMTP: e-mails through a mail server of one's own.
//!
//! A server that accepts the end of a message has taken it over; nothing before that delivers
//! anything, so whatever breaks earlier was certainly not sent. What breaks after the content was
//! begun leaves us not knowing: most servers do not notice a second copy, so none is sent.
//! The attempt's id is the Message-ID. A server keeps no list, knows no look-up and sends no
//! webhook; a bounce that comes back as a mail of its own is not read here.

use super::account::setting_wrong;
use super::gate::TOO_LATE;
use super::letter::Letter;
use super::word::{self, Word, WordKind, vocabulary};
use super::{
    Accepted, Account, Adapter, Answer, CheckError, Event, Gate, HookRequest, HookTrust,
    LookUpError, Page, ParseError, PlaceError, Placement, Reconciles, RefusalClass, Sought, Span,
    VerifyError, exchange,
};
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Noop, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// LIMIT: how long the server may take for a step, if the settings state nothing else.
const STEP_SECONDS: u64 = 15;
/// LIMIT: how long a farewell is waited for.
const FAREWELL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub struct Smtp;

impl Adapter for Smtp {
    fn place<'a>(
        &'a self,
        _http: &'a reqwest::Client,
        account: &'a Account,
        placement: &'a Placement,
    ) -> BoxFuture<'a, Result<Accepted, PlaceError>> {
        Box::pin(place(account, placement))
    }

    fn look_up<'a>(
        &'a self,
        _http: &'a reqwest::Client,
        _account: &'a Account,
        _sought: &'a Sought,
    ) -> BoxFuture<'a, Result<Vec<Event>, LookUpError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn hang_up<'a>(
        &'a self,
        _http: &'a reqwest::Client,
        _account: &'a Account,
        _provider_call_id: &'a str,
    ) -> BoxFuture<'a, Result<(), LookUpError>> {
        Box::pin(async { Err(LookUpError("an e-mail cannot be hung up".to_owned())) })
    }

    /// A mail server sends no webhooks: whatever claims to be one is not believed.
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
        Ok(Vec::new())
    }

    fn classify_error(&self, answer: &Answer) -> PlaceError {
        exchange::by_status(answer, "refused")
    }

    fn words(&self) -> &'static [Word] {
        WORDS
    }

    fn reconciles(&self) -> Reconciles {
        Reconciles::ByProviderId
    }

    fn list<'a>(
        &'a self,
        _http: &'a reqwest::Client,
        _account: &'a Account,
        _span: &'a Span,
    ) -> BoxFuture<'a, Result<Page, LookUpError>> {
        Box::pin(async { Err(LookUpError("a mail server keeps no list".to_owned())) })
    }

    fn check<'a>(
        &'a self,
        _http: &'a reqwest::Client,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<String, CheckError>> {
        Box::pin(check(account))
    }
}

/// Reply codes and enhanced status codes; the enhanced one counts where there is one.
const WORDS: &[Word] = vocabulary! {
    Error, Some("invalid_number"), "no such address": "550" "551" "553" "5.1.*" "5.2.1" "5.4.1";
    Error, Some("config_error"), "of the sender": "5.1.7" "5.1.8" "501" "555";
    Error, Some("config_error"), "too long": "552" "5.2.3" "5.3.4";
    Error, Some("blocked"), "policy": "554" "5.7.*" "521" "556";
    Error, Some("provider_fault"), "mailbox full or resting": "5.2.2" "4.2.*" "450" "4.1.*";
    Error, Some("provider_fault"), "greylisted or failing for now": "451" "4.7.*" "4.4.*" "4.3.0";
    Error, Some("over_limit"), "too many connections or mails, or no room": "421" "452" "4.3.*"
        "4.5.3" "4.7.28";
    Error, Some("account_error"), "": "530" "534" "535" "538" "5.7.8" "5.7.9";
    Error, Some("provider_fault"), "sign-in is not to be had just now": "454";
};

/// How far a dialogue had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Greeting,
    Encryption,
    SignIn,
    Sender,
    Recipient,
    Data,
    Content,
}

async fn place(account: &Account, placement: &Placement) -> Result<Accepted, PlaceError> {
    let server = Server::of(account)?;
    let post = Post::of(&account.settings, placement)?;
    let mut dialogue = Dialogue::open(&server).await?;
    let sent = dialogue.send(&post, &placement.gate).await;
    if sent.is_ok() {
        // It is taken over; a farewell that gets lost changes nothing.
        drop(tokio::time::timeout(FAREWELL, dialogue.connection.quit()).await);
    }
    sent.map(|()| Accepted { provider_call_id: post.message_id })
}

/// A message and its envelope.
struct Post {
    message_id: String,
    from: lettre::Address,
    to: lettre::Address,
    content: Vec<u8>,
}

impl Post {
    fn of(settings: &Value, placement: &Placement) -> Result<Post, PlaceError> {
        let letter = Letter::write(settings, placement)?;
        let mailbox = |name: &str, text: &str| {
            text.parse::<Mailbox>().map_err(|error| {
                let rule = "but must be an address such as Name <name@example.org>";
                setting_wrong(format!("{name} is {text:?}, {rule}: {error}"))
            })
        };
        let from = mailbox("from", &letter.from)?;
        let to: lettre::Address = letter.to.parse().map_err(|_| no_address())?;
        let message_id = message_id(placement.attempt_id, from.email.domain());
        let mut builder = lettre::Message::builder()
            .from(from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(&letter.subject)
            .message_id(Some(message_id.clone()));
        if let Some(reply_to) = &letter.reply_to {
            builder = builder.reply_to(mailbox("reply_to", reply_to)?);
        }
        for (name, value) in &letter.headers {
            let name = HeaderName::new_from_ascii(name.clone()).map_err(|_| {
                setting_wrong(format!("headers.{name} is not a name that a header can have"))
            })?;
            builder = builder.raw_header(HeaderValue::new(name, value.clone()));
        }
        let message = match &letter.html {
            Some(html) => builder
                .multipart(MultiPart::alternative_plain_html(letter.text.clone(), html.clone())),
            None => builder.singlepart(SinglePart::plain(letter.text.clone())),
        };
        let message = message.map_err(|error| setting_wrong(format!("no message: {error}")))?;
        Ok(Post { message_id, from: from.email, to, content: message.formatted() })
    }
}

fn no_address() -> PlaceError {
    let details = json!({"reason": "the address is not one that mail can be sent to"});
    PlaceError::refused(RefusalClass::InvalidNumber, "malformed-address", details)
}

fn message_id(attempt_id: Uuid, domain: &str) -> String {
    format!("<{attempt_id}@{domain}>")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encryption {
    /// From the first byte, as `smtps://` says.
    AtOnce,
    /// By STARTTLS, without which nothing is said.
    Upgraded,
    /// None, which only a setting can choose.
    Without,
}

/// The server and what to tell it, from the account.
struct Server {
    host: String,
    port: u16,
    encryption: Encryption,
    roots_file: Option<String>,
    credentials: Option<Credentials>,
    hello: ClientId,
    patience: Duration,
}

impl Server {
    fn of(account: &Account) -> Result<Server, PlaceError> {
        let stated = account.base_url.as_deref().unwrap_or("");
        let wrong = || {
            setting_wrong(format!(
                "base_url is {stated:?}, but must name a mail server: smtp://host:587 (STARTTLS) \
                 or smtps://host:465, without a user or a path"
            ))
        };
        let url = reqwest::Url::parse(stated).map_err(|_| wrong())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?.to_owned();
        let bare = url.username().is_empty() && matches!(url.path(), "" | "/");
        let (encryption, port) = match (url.scheme(), account.text("tls")) {
            ("smtps", None | Some("required")) => (Encryption::AtOnce, 465),
            ("smtp", None | Some("required")) => (Encryption::Upgraded, 587),
            ("smtp", Some("none")) => (Encryption::Without, 25),
            ("smtp" | "smtps", Some(other)) => {
                return Err(setting_wrong(format!(
                    "tls is {other:?}, but must be required, or none with smtp://"
                )));
            }
            _ => return Err(wrong()),
        };
        if !bare {
            return Err(wrong());
        }
        let port = url.port().unwrap_or(port);
        let credentials = credentials(account)?;
        if credentials.is_some() && encryption == Encryption::Without && !is_own(&host) {
            let reason = "tls is none, but there is a key: it would be sent for anybody to read; \
                remove tls, or secret_name";
            return Err(setting_wrong(reason.to_owned()));
        }
        Ok(Server {
            port,
            encryption,
            roots_file: account.text("tls_roots_file").map(str::to_owned),
            credentials,
            hello: hello(account),
            patience: patience(&account.settings)?,
            host,
        })
    }

    async fn trust(&self) -> Result<TlsParameters, PlaceError> {
        let mut builder = TlsParameters::builder(self.host.clone());
        if let Some(path) = &self.roots_file {
            let wrong = |error: String| {
                let rule = "but must be a file with certificates in PEM form";
                setting_wrong(format!("tls_roots_file is {path:?}, {rule}: {error}"))
            };
            let pem = tokio::fs::read(path).await.map_err(|error| wrong(error.to_string()))?;
            let root = Certificate::from_pem(&pem).map_err(|error| wrong(error.to_string()))?;
            builder = builder.add_root_certificate(root);
        }
        builder.build().map_err(|error| failed(Step::Encryption, &error))
    }
}

/// Whether a host is this machine.
fn is_own(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

fn credentials(account: &Account) -> Result<Option<Credentials>, PlaceError> {
    match (account.text("username"), &account.key) {
        (Some(user), Some(key)) => {
            Ok(Some(Credentials::new(user.to_owned(), key.text().to_owned())))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(setting_wrong(
            "username is set, but the account names no secret_name for its password".to_owned(),
        )),
        (None, Some(_)) => Err(setting_wrong(
            "secret_name is set, but there is no username to sign in with".to_owned(),
        )),
    }
}

/// How we present ourselves: by a name of our own, else by the sender's domain.
fn hello(account: &Account) -> ClientId {
    let domain = account.text("from").and_then(|from| from.parse::<Mailbox>().ok());
    let domain = domain.map(|mailbox| mailbox.email.domain().to_owned());
    let name = account.text("hello_name").map(str::to_owned).or(domain);
    name.map_or_else(ClientId::default, ClientId::Domain)
}

fn patience(settings: &Value) -> Result<Duration, PlaceError> {
    let stated = &settings["timeout_seconds"];
    match stated.as_u64() {
        None if stated.is_null() => Ok(Duration::from_secs(STEP_SECONDS)),
        Some(seconds @ 1..=600) => Ok(Duration::from_secs(seconds)),
        _ => Err(setting_wrong(format!(
            "timeout_seconds is {stated}, but must be a whole number of seconds from 1 to 600"
        ))),
    }
}

/// A connection that stands, encrypted and signed in as the account wants it.
struct Dialogue {
    connection: AsyncSmtpConnection,
    patience: Duration,
}

impl Dialogue {
    async fn open(server: &Server) -> Result<Dialogue, PlaceError> {
        let at_once = match server.encryption {
            Encryption::AtOnce => Some(server.trust().await?),
            _ => None,
        };
        let address = (server.host.trim_matches(['[', ']']), server.port);
        let patience = Some(server.patience);
        let connecting =
            AsyncSmtpConnection::connect_tokio1(address, patience, &server.hello, at_once, None);
        let connection = in_time(server.patience, Step::Greeting, connecting).await?;
        let mut dialogue = Dialogue { connection, patience: server.patience };
        if server.encryption == Encryption::Upgraded {
            dialogue.encrypt(server).await?;
        }
        if let Some(credentials) = &server.credentials {
            let signing_in = dialogue.connection.auth(DEFAULT_MECHANISMS, credentials);
            in_time(server.patience, Step::SignIn, signing_in).await?;
        }
        Ok(dialogue)
    }

    async fn encrypt(&mut self, server: &Server) -> Result<(), PlaceError> {
        if !self.connection.can_starttls() {
            let reason = "the server offers no STARTTLS; use smtps://, or allow tls none";
            return Err(setting_wrong(reason.to_owned()));
        }
        let upgrading = self.connection.starttls(server.trust().await?, &server.hello);
        in_time(self.patience, Step::Encryption, upgrading).await
    }

    async fn send(&mut self, post: &Post, gate: &Gate) -> Result<(), PlaceError> {
        let ascii = post.from.to_string().is_ascii() && post.to.to_string().is_ascii();
        let mut options = Vec::new();
        if !ascii {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(no_address());
            }
            options.push(MailParameter::SmtpUtfEight);
        }
        let sender = self.connection.command(Mail::new(Some(post.from.clone()), options));
        in_time(self.patience, Step::Sender, sender).await?;
        let recipient = self.connection.command(Rcpt::new(post.to.clone(), Vec::new()));
        in_time(self.patience, Step::Recipient, recipient).await?;
        in_time(self.patience, Step::Data, self.connection.command(Data)).await?;
        // A connection that is dropped without the final dot has delivered nothing.
        if !gate.passes() {
            return Err(PlaceError::NotSent(TOO_LATE.to_owned()));
        }
        let content = self.connection.message(&post.content);
        in_time(self.patience, Step::Content, content).await.map(|_| ())
    }
}

async fn in_time<T>(
    patience: Duration,
    step: Step,
    work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, PlaceError> {
    match tokio::time::timeout(patience, work).await {
        Ok(done) => done.map_err(|error| failed(step, &error)),
        Err(_) => Err(no_answer(step, "no answer in time")),
    }
}

/// Without an answer: nothing was delivered before the content, and nobody knows after.
fn no_answer(step: Step, reason: &str) -> PlaceError {
    match step {
        Step::Content => PlaceError::Unknown(reason.to_owned()),
        _ => PlaceError::NotSent(reason.to_owned()),
    }
}

fn failed(step: Step, error: &lettre::transport::smtp::Error) -> PlaceError {
    let Some(code) = error.status() else {
        let reason = match () {
            () if error.is_tls() => "encryption was not agreed",
            () if error.is_timeout() => "no answer in time",
            () if error.is_client() => "the server lacks what we need of it",
            () => "the connection broke",
        };
        if error.is_client() && step == Step::SignIn {
            let reason = "the server offers no way of signing in that we have (PLAIN, LOGIN)";
            return setting_wrong(reason.to_owned());
        }
        return no_answer(step, reason);
    };
    let (code, said) = (code.to_string(), error.to_string());
    let enhanced = said.split_whitespace().find(|part| is_enhanced(part));
    let word = enhanced.map_or_else(|| code.clone(), |enhanced| format!("{code} {enhanced}"));
    let details = json!({"step": format!("{step:?}").to_lowercase(), "answer": said});
    PlaceError::refused(class(step, &code, enhanced), &word, details)
}

/// `5.1.1` and the like.
fn is_enhanced(part: &str) -> bool {
    let numbers: Vec<&str> = part.split('.').collect();
    let [class, subject, detail] = numbers.as_slice() else { return false };
    let number =
        |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    matches!(*class, "4" | "5") && number(subject) && number(detail)
}

/// What a refusal means: the same code says one thing of a recipient and another of a sender.
fn class(step: Step, code: &str, enhanced: Option<&str>) -> RefusalClass {
    let known = |word: &str| word::outcome(WORDS, WordKind::Error, word);
    // Of the session, whatever the enhanced code adds: sign in, or come back later.
    let of_session = known(code).filter(|_| code == "421" || code.starts_with("53"));
    let known = of_session.or_else(|| enhanced.and_then(known)).or_else(|| known(code));
    let known = known.and_then(RefusalClass::of_outcome);
    let for_now = code.starts_with('4');
    match (step, known) {
        (_, Some(class @ (RefusalClass::AccountError | RefusalClass::OverLimit))) => class,
        (_, _) if for_now => RefusalClass::ProviderFault,
        (Step::SignIn, _) => RefusalClass::AccountError,
        (Step::Recipient, Some(class)) => class,
        (Step::Recipient, None) => RefusalClass::InvalidNumber,
        // Of the whole message: an address is no longer what it is about.
        (Step::Content | Step::Data, Some(RefusalClass::ConfigError)) => RefusalClass::ConfigError,
        (Step::Content | Step::Data, _) => RefusalClass::Blocked,
        (Step::Greeting | Step::Encryption | Step::Sender, _) => RefusalClass::ConfigError,
    }
}

/// Connects, encrypts and signs in, and sends nothing.
async fn check(account: &Account) -> Result<String, CheckError> {
    const REMEDY: &str = "check base_url, tls, username and the password that secret_name names";
    let told = |error: PlaceError| match error {
        PlaceError::Refused(refusal) => {
            let details = refusal.details["reason"].as_str().map(str::to_owned);
            CheckError::new(details.unwrap_or_else(|| format!("refused: {}", refusal.word)), REMEDY)
        }
        PlaceError::NotSent(reason) | PlaceError::Unknown(reason) => {
            CheckError::new(reason, REMEDY)
        }
    };
    let server = Server::of(account).map_err(told)?;
    let mut dialogue = Dialogue::open(&server).await.map_err(told)?;
    let asking = dialogue.connection.command(Noop);
    in_time(server.patience, Step::Greeting, asking).await.map_err(told)?;
    drop(tokio::time::timeout(FAREWELL, dialogue.connection.quit()).await);
    Ok(match (server.encryption, server.credentials.is_some()) {
        (Encryption::Without, true) => "reached without encryption, and signed in",
        (Encryption::Without, false) => "reached without encryption",
        (_, true) => "reached with encryption, and signed in",
        (_, false) => "reached with encryption; it asks for no sign-in",
    }
    .to_owned())
}

#[cfg(test)]
mod tests;
