//! A mail server that delivers nothing: it takes letters, keeps its limits and faults, and notes in
//! the journal whom each was for and under which Message-ID. It offers no encryption, so it belongs
//! on loopback.

use super::Sandbox;
use super::hooks::Fate;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// LIMIT: bytes of a line, and of a letter.
const LINE_MAX: u64 = 4_000;
const LETTER_MAX: usize = 1_000_000;

/// Listens until `stop`; says where.
pub async fn start(
    sandbox: Arc<Sandbox>,
    address: SocketAddr,
    stop: CancellationToken,
) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((stream, _)) = accepted {
                        tokio::spawn(talk(Arc::clone(&sandbox), stream));
                    }
                }
                () = stop.cancelled() => return,
            }
        }
    });
    Ok(address)
}

async fn talk(sandbox: Arc<Sandbox>, stream: TcpStream) {
    // Whoever hangs up in the middle has said all that there is.
    if let Err(error) = (Talk { sandbox, stream: BufReader::new(stream) }).run().await {
        tracing::debug!(%error, "a mail connection ended");
    }
}

struct Talk {
    sandbox: Arc<Sandbox>,
    stream: BufReader<TcpStream>,
}

impl Talk {
    async fn run(mut self) -> io::Result<()> {
        let mut recipient = String::new();
        self.say("220 sandbox ESMTP").await?;
        while let Some(line) = self.line().await? {
            let verb = line.split([' ', ':']).next().unwrap_or("").to_uppercase();
            match verb.as_str() {
                "EHLO" | "HELO" => self.say("250-sandbox\r\n250 AUTH PLAIN LOGIN").await?,
                "AUTH" => self.say("235 2.7.0 welcome").await?,
                "RCPT" => {
                    recipient = between(&line, '<', '>').to_owned();
                    let answer = self.answer_to(&recipient);
                    self.say(answer).await?;
                }
                "DATA" => {
                    self.say("354 go on").await?;
                    if !self.take(&recipient).await? {
                        return Ok(());
                    }
                }
                "QUIT" => return self.say("221 bye").await,
                _ => self.say("250 2.0.0 ok").await?,
            }
        }
        Ok(())
    }

    fn answer_to(&self, recipient: &str) -> &'static str {
        let faults = self.sandbox.faults_for(recipient);
        let fate = self.fate(recipient);
        // As at the e-mail provider: these addresses do not exist.
        if recipient.starts_with("bounce") {
            return "550 5.1.1 no such user";
        }
        // By another roll each time: a refused letter comes again as the same.
        let refusals = self.sandbox.with_ledger(|ledger| ledger.refused.values().sum::<u64>());
        if fate.dice().happens(&format!("over_limit:{refusals}"), faults.over_limit) {
            self.sandbox.with_ledger(|ledger| ledger.refuse("over_limit_fault"));
            return "452 4.3.1 no room";
        }
        "250 2.1.5 ok"
    }

    /// Takes a letter over; false when the connection ends without an answer.
    async fn take(&mut self, recipient: &str) -> io::Result<bool> {
        let mut letter = String::new();
        loop {
            match self.line().await? {
                Some(line) if line == "." => break,
                Some(line) if letter.len() < LETTER_MAX => letter.push_str(&(line + "\n")),
                _ => return Ok(false),
            }
        }
        let id = letter.lines().find_map(|line| line.strip_prefix("Message-ID: "));
        let id = id.map(|id| between(id, '<', '>').to_owned()).unwrap_or_default();
        let (faults, fate) = (self.sandbox.faults_for(recipient), self.fate(recipient));
        if fate.dice().happens("error_before", faults.error_before) {
            self.say("451 4.3.0 try later").await?;
            return Ok(true);
        }
        let attempt = id.split('@').next().map(str::to_owned);
        self.sandbox.with_mailbox(|mailbox| mailbox.take_letter(&id));
        self.sandbox.note_email("email", &id, recipient, attempt.as_deref(), None);
        if fate.dice().happens("lost_answer", faults.lost_answer) {
            return Ok(false);
        }
        self.say("250 2.0.0 taken over").await?;
        Ok(true)
    }

    fn fate(&self, recipient: &str) -> Fate {
        Fate { seed: self.sandbox.options.seed, number: recipient.to_owned(), nth: 1 }
    }

    async fn say(&mut self, answer: &str) -> io::Result<()> {
        self.stream.write_all(format!("{answer}\r\n").as_bytes()).await
    }

    /// The next line; none at the end of the connection.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut bytes = Vec::new();
        (&mut self.stream).take(LINE_MAX).read_until(b'\n', &mut bytes).await?;
        let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
        Ok((!bytes.is_empty()).then_some(text))
    }
}

fn between(text: &str, from: char, to: char) -> &str {
    let inner = text.split_once(from).map_or(text, |(_, inner)| inner);
    inner.split_once(to).map_or(inner, |(inner, _)| inner)
}
