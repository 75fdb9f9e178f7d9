//! The SMTP adapter against a mail server that follows a script: every step of a dialogue refused,
//! broken off and stalled.

use base64::Engine;
use chrono::Utc;
use dialerd::provider::{
    self, Accepted, Account, Adapter, CallOptions, Gate, PlaceError, Placement, RefusalClass,
    Secret, Sought,
};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use uuid::Uuid;

/// What the server does when it comes to a step; at the others it is content.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Act {
    Say(&'static str),
    BreakOff,
    Stall,
}

/// The step at which it does so: greeting, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA or content.
type Script = Option<(&'static str, Act)>;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

struct MailServer {
    port: u16,
    /// Everything that was said to it, with `TLS` where encryption began.
    heard: Arc<Mutex<Vec<String>>>,
}

impl MailServer {
    async fn start(script: Script, tls: Option<TlsAcceptor>) -> MailServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let heard = Arc::<Mutex<Vec<String>>>::default();
        let notes = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(talk(stream, script, tls.clone(), Arc::clone(&notes)));
            }
        });
        MailServer { port, heard }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().expect("heard").clone()
    }

    fn said(&self, verb: &str) -> bool {
        self.heard().iter().any(|line| line.starts_with(verb))
    }
}

async fn talk(
    stream: TcpStream,
    script: Script,
    tls: Option<TlsAcceptor>,
    heard: Arc<Mutex<Vec<String>>>,
) {
    let mut stream: BufReader<Box<dyn Stream>> = BufReader::new(Box::new(stream));
    let note = |line: &str| heard.lock().expect("heard").push(line.to_owned());
    let (mut step, mut encrypted) = ("greeting".to_owned(), false);
    loop {
        let usual = usual(&step, tls.is_some() && !encrypted);
        let reply = match script {
            Some((at, Act::Say(reply))) if at == step => reply,
            Some((at, Act::BreakOff)) if at == step => return,
            Some((at, Act::Stall)) if at == step => std::future::pending().await,
            _ => usual,
        };
        let written = stream.get_mut().write_all(format!("{reply}\r\n").as_bytes()).await;
        if written.is_err() || step == "QUIT" {
            return;
        }
        if let (true, "STARTTLS", Some(acceptor)) = (reply == usual, step.as_str(), &tls) {
            let Ok(inner) = acceptor.accept(stream.into_inner()).await else { return };
            stream = BufReader::new(Box::new(inner));
            encrypted = true;
            note("TLS");
        }
        let takes_content = step == "DATA" && reply.starts_with("354");
        step = match next(&mut stream, takes_content, &note).await {
            Some(step) => step,
            None => return,
        };
    }
}

/// The usual answer to a step.
fn usual(step: &str, offers_tls: bool) -> &'static str {
    match step {
        "greeting" => "220 mail.example.org ready",
        "EHLO" if offers_tls => "250-mail.example.org\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN",
        "EHLO" => "250-mail.example.org\r\n250 AUTH PLAIN LOGIN",
        "STARTTLS" => "220 go ahead",
        "AUTH" => "235 2.7.0 welcome",
        "DATA" => "354 go on",
        "QUIT" => "221 bye",
        _ => "250 2.0.0 ok",
    }
}

/// Reads a command, or the whole content; its verb, or `content`.
async fn next(
    stream: &mut BufReader<Box<dyn Stream>>,
    takes_content: bool,
    note: &impl Fn(&str),
) -> Option<String> {
    let mut line = String::new();
    while stream.read_line(&mut line).await.ok()? > 0 {
        note(line.trim_end());
        if !takes_content {
            return Some(line.split_whitespace().next()?.to_uppercase());
        }
        if line == ".\r\n" {
            return Some("content".to_owned());
        }
        line.clear();
    }
    None
}

fn smtp() -> &'static dyn Adapter {
    provider::adapter("smtp", "email").expect("there is one")
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    provider::client(Duration::from_secs(5), Duration::from_secs(5)).expect("a client")
}

fn account(server: &MailServer, change: Value) -> Account {
    let mut settings = json!({"from": "Acme <acme@example.org>", "subject": "Hello {{name}}",
        "tls": "none", "timeout_seconds": 1, "username": "u"});
    for (name, value) in change.as_object().expect("an object") {
        settings[name] = value.clone();
    }
    let base_url = Some(format!("smtp://127.0.0.1:{}", server.port));
    let key = settings["username"].is_string().then(|| Secret::new("a password".to_owned()));
    Account { base_url, key, settings, ..Account::default() }
}

fn letter() -> Placement {
    Placement {
        attempt_id: Uuid::new_v4(),
        address: "ada@example.net".to_owned(),
        variables: json!({"name": "Ada"}),
        options: CallOptions::default(),
        callback_url: String::new(),
        gate: Gate::open(),
    }
}

async fn mailed(server: &MailServer, change: Value) -> Result<Accepted, PlaceError> {
    smtp().place(&client(), &account(server, change), &letter()).await
}

#[tokio::test]
async fn a_letter_is_taken_over_once_under_the_attempts_id() {
    let server = MailServer::start(None, None).await;
    let letter = letter();
    let account = account(&server, json!({}));
    let accepted = smtp().place(&client(), &account, &letter).await.expect("accepted");
    let message_id = format!("<{}@example.org>", letter.attempt_id);
    assert_eq!(accepted.provider_call_id, message_id);
    let heard = server.heard();
    for line in [
        "EHLO example.org".to_owned(),
        "MAIL FROM:<acme@example.org>".to_owned(),
        "RCPT TO:<ada@example.net>".to_owned(),
        format!("Message-ID: {message_id}"),
        "Subject: Hello Ada".to_owned(),
        "QUIT".to_owned(),
    ] {
        assert_eq!(
            heard.iter().filter(|said| said.trim_end() == line).count(),
            1,
            "{line}: {heard:?}"
        );
    }
    let sought = Sought {
        attempt_id: letter.attempt_id,
        provider_call_id: None,
        address: None,
        intended_at: Utc::now(),
    };
    assert_eq!(smtp().look_up(&client(), &account, &sought).await, Ok(vec![]));
}

#[derive(Debug, PartialEq)]
enum End {
    NotSent,
    Refused(RefusalClass),
    Unknown,
}

#[tokio::test]
async fn each_step_that_fails_is_known_for_what_it_is() {
    use Act::{BreakOff, Say, Stall};
    use RefusalClass::{
        AccountError, Blocked, ConfigError, InvalidNumber, OverLimit, ProviderFault,
    };
    for (step, act, expected) in [
        ("greeting", Say("421 4.3.2 too many connections"), End::Refused(OverLimit)),
        ("greeting", Say("554 5.3.2 no service here"), End::Refused(ConfigError)),
        ("greeting", Say("what is this"), End::NotSent),
        ("greeting", BreakOff, End::NotSent),
        ("greeting", Stall, End::NotSent),
        ("EHLO", BreakOff, End::NotSent),
        ("AUTH", Say("535 5.7.8 wrong password"), End::Refused(AccountError)),
        ("AUTH", Say("454 4.7.0 not just now"), End::Refused(ProviderFault)),
        ("MAIL", Say("550 5.1.8 not a sender of ours"), End::Refused(ConfigError)),
        ("MAIL", Say("452 4.3.1 no room"), End::Refused(OverLimit)),
        ("MAIL", BreakOff, End::NotSent),
        ("RCPT", Say("550 5.1.1 no such user"), End::Refused(InvalidNumber)),
        ("RCPT", Say("550 5.7.1 listed"), End::Refused(Blocked)),
        ("RCPT", Say("450 4.2.0 greylisted"), End::Refused(ProviderFault)),
        ("RCPT", BreakOff, End::NotSent),
        ("DATA", Say("451 4.3.0 not now"), End::Refused(ProviderFault)),
        ("DATA", Stall, End::NotSent),
        ("content", Say("554 5.7.1 looks like spam"), End::Refused(Blocked)),
        ("content", Say("552 5.3.4 too long"), End::Refused(ConfigError)),
        ("content", Say("451 4.3.0 try later"), End::Refused(ProviderFault)),
        ("content", Say("what is this"), End::Unknown),
        ("content", BreakOff, End::Unknown),
        ("content", Stall, End::Unknown),
    ] {
        let server = MailServer::start(Some((step, act)), None).await;
        let end = match mailed(&server, json!({})).await {
            Err(PlaceError::NotSent(_)) => End::NotSent,
            Err(PlaceError::Unknown(_)) => End::Unknown,
            Err(PlaceError::Refused(refusal)) => End::Refused(refusal.class),
            Ok(accepted) => panic!("{step} {act:?}: {accepted:?}"),
        };
        assert_eq!(end, expected, "{step} {act:?}");
        assert!(server.heard().iter().filter(|line| *line == "DATA").count() <= 1);
    }
}

#[tokio::test]
async fn a_letter_that_is_too_late_is_never_ended() {
    let server = MailServer::start(None, None).await;
    let late = Placement { gate: Gate::new(|| false), ..letter() };
    let answer = smtp().place(&client(), &account(&server, json!({})), &late).await;
    assert_eq!(answer, Err(PlaceError::NotSent(provider::TOO_LATE.to_owned())));
    assert!(server.said("DATA") && !server.said("."), "{:?}", server.heard());
}

#[tokio::test]
async fn nothing_was_sent_when_nobody_listens() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("an address").port();
    drop(listener);
    let server = MailServer { port, heard: Arc::default() };
    let answer = mailed(&server, json!({})).await;
    assert!(matches!(answer, Err(PlaceError::NotSent(_))), "{answer:?}");
}

/// A certificate for the server that nobody vouches for, and the file that would.
fn certificate(name: &str) -> (TlsAcceptor, String) {
    drop(rustls::crypto::ring::default_provider().install_default());
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("made");
    let key = made.signing_key.serialize_der().try_into().expect("a key");
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .expect("a configuration");
    let path = std::env::temp_dir().join(format!("dialerd-{}-{name}.pem", std::process::id()));
    let body = base64::engine::general_purpose::STANDARD.encode(made.cert.der());
    let pem = format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    std::fs::write(&path, pem).expect("written");
    (TlsAcceptor::from(Arc::new(config)), path.display().to_string())
}

#[tokio::test]
async fn a_password_is_said_only_after_encryption_with_whom_we_trust() {
    let (acceptor, roots) = certificate("trusted");
    let server = MailServer::start(None, Some(acceptor.clone())).await;
    let trusting = json!({"tls": null, "tls_roots_file": roots});
    mailed(&server, trusting.clone()).await.expect("accepted");
    let heard = server.heard();
    let place = |verb: &str| heard.iter().position(|line| line.starts_with(verb));
    assert!(place("STARTTLS") < place("TLS") && place("TLS") < place("AUTH"), "{heard:?}");

    let server = MailServer::start(None, Some(acceptor)).await;
    let answer = mailed(&server, json!({"tls": null})).await;
    assert!(matches!(answer, Err(PlaceError::NotSent(_))), "{answer:?}");
    assert!(!server.said("AUTH") && !server.said("MAIL"), "{:?}", server.heard());

    let server = MailServer::start(None, None).await;
    let answer = mailed(&server, trusting).await;
    let Err(PlaceError::Refused(refusal)) = answer else { panic!("{answer:?}") };
    assert_eq!(refusal.class, RefusalClass::ConfigError);
    assert!(refusal.details.to_string().contains("no STARTTLS"), "{}", refusal.details);
    assert!(!server.said("AUTH") && !server.said("MAIL"), "{:?}", server.heard());
    drop(std::fs::remove_file(roots));
}

#[tokio::test]
async fn an_account_is_checked_without_a_letter() {
    let server = MailServer::start(None, None).await;
    let found = smtp().check(&client(), &account(&server, json!({}))).await;
    assert_eq!(found, Ok("reached without encryption, and signed in".to_owned()));
    assert!(server.said("AUTH") && !server.said("MAIL"), "{:?}", server.heard());
    let server = MailServer::start(Some(("AUTH", Act::Say("535 5.7.8 no"))), None).await;
    let error = smtp().check(&client(), &account(&server, json!({}))).await.expect_err("refused");
    assert_eq!(error.found, "refused: 535 5.7.8");
}
