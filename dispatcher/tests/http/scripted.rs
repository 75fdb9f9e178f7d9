//! A server that does what a script says, byte by byte: it knows no vendor and no HTTP library, so
//! that what it does to a connection is what happens on a bad day.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

/// What is done with a connection once the request has been read to its end.
#[derive(Debug, Clone)]
pub enum Act {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Nothing is answered, and the connection stays open.
    Silence,
    /// The connection is reset without an answer.
    Reset,
    /// The head promises more than comes before the connection is reset.
    BreakOff {
        status: u16,
        body: Vec<u8>,
    },
    /// A body that comes a byte at a time and never ends.
    Trickle {
        status: u16,
    },
    /// A body without end, as fast as it is taken.
    Flood {
        status: u16,
    },
}

impl Act {
    pub fn answer(status: u16, body: impl ToString) -> Act {
        Act::Answer { status, headers: Vec::new(), body: body.to_string().into_bytes() }
    }

    pub fn with(self, name: &'static str, value: impl ToString) -> Act {
        match self {
            Act::Answer { status, mut headers, body } => {
                headers.push((name, value.to_string()));
                Act::Answer { status, headers, body }
            }
            other => other,
        }
    }
}

/// A request as it came over the wire.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Method and path with query.
    pub line: String,
    pub head: String,
    pub body: Vec<u8>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        lines.into_iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim())
    }

    pub fn text(&self) -> String {
        format!("{}{}", self.head, String::from_utf8_lossy(&self.body))
    }
}

/// Which act answers a request, by its first line and how many came before.
type Script = Arc<dyn Fn(&Seen, usize) -> Act + Send + Sync>;

/// A running server; it ends with the value.
pub struct Scripted {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    _stop: oneshot::Sender<()>,
}

/// What a server speaks before HTTP.
#[derive(Clone)]
enum Wire {
    Plain,
    Tls(tokio_rustls::TlsAcceptor),
    /// Accepts, and never says a word.
    Deaf,
}

impl Scripted {
    /// Does the same to every request.
    pub async fn doing(act: Act) -> Scripted {
        Scripted::by(move |_, _| act.clone()).await
    }

    pub async fn by(script: impl Fn(&Seen, usize) -> Act + Send + Sync + 'static) -> Scripted {
        Scripted::start("http", Wire::Plain, Arc::new(script)).await
    }

    /// With a certificate that nobody vouches for.
    pub async fn self_signed(act: Act) -> Scripted {
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key.into())
            .expect("a server's configuration");
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        Scripted::start("https", Wire::Tls(acceptor), Arc::new(move |_, _| act.clone())).await
    }

    /// Takes connections and never greets: the keys are never agreed.
    pub async fn deaf() -> Scripted {
        Scripted::start("https", Wire::Deaf, Arc::new(|_, _| Act::Silence)).await
    }

    async fn start(scheme: &str, wire: Wire, script: Script) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("{scheme}://{}", listener.local_addr().expect("an address"));
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (_stop, mut stopped) = oneshot::channel();
        let kept = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    _ = &mut stopped => return,
                };
                let Ok((stream, _)) = accepted else { return };
                tokio::spawn(connection(stream, wire.clone(), Arc::clone(&script), kept.clone()));
            }
        });
        Scripted { url, seen, _stop }
    }

    /// The requests that came to their end.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while it is held").clone()
    }
}

async fn connection(stream: TcpStream, wire: Wire, script: Script, seen: Arc<Mutex<Vec<Seen>>>) {
    match wire {
        Wire::Plain => serve(stream, script, seen).await,
        Wire::Tls(acceptor) => {
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, script, seen).await;
            }
        }
        Wire::Deaf => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            drop(stream);
        }
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: Script,
    seen: Arc<Mutex<Vec<Seen>>>,
) {
    while let Some(request) = read(&mut stream).await {
        let before = {
            let mut seen = seen.lock().expect("no panic while it is held");
            seen.push(request.clone());
            seen.len() - 1
        };
        if act(&mut stream, script(&request, before)).await.is_err() {
            return;
        }
    }
}

/// One request, if it comes to its end.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let line = head.lines().next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let mut request = Seen { line, head, body: bytes.split_off(end) };
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}

/// An error ends the connection.
async fn act(stream: &mut (impl AsyncWrite + Unpin), act: Act) -> Result<(), std::io::Error> {
    let closed = Err(std::io::ErrorKind::ConnectionReset.into());
    let head = |status: u16, rest: &str| {
        format!("HTTP/1.1 {status} Scripted\r\ncontent-type: application/json\r\n{rest}\r\n")
    };
    match act {
        Act::Answer { status, headers, body } => {
            let mut rest = format!("content-length: {}\r\n", body.len());
            headers.iter().for_each(|(name, value)| rest += &format!("{name}: {value}\r\n"));
            stream.write_all(head(status, &rest).as_bytes()).await?;
            stream.write_all(&body).await
        }
        Act::Silence => {
            tokio::time::sleep(Duration::from_secs(60)).await;
            closed
        }
        Act::Reset => closed,
        Act::BreakOff { status, body } => {
            let rest = format!("content-length: {}\r\n", body.len() + 1000);
            stream.write_all(head(status, &rest).as_bytes()).await?;
            stream.write_all(&body).await?;
            stream.flush().await?;
            closed
        }
        Act::Trickle { status } => {
            stream.write_all(head(status, "content-length: 1000000\r\n").as_bytes()).await?;
            // Ends when the client has had enough.
            loop {
                stream.write_all(b" ").await?;
                stream.flush().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Act::Flood { status } => {
            stream.write_all(head(status, "connection: close\r\n").as_bytes()).await?;
            let spaces = vec![b' '; 64 * 1024];
            // Ends when the client has had enough.
            loop {
                stream.write_all(&spaces).await?;
            }
        }
    }
}
