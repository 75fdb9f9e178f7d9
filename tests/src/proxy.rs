//! The network between a dispatcher and its database: a TCP proxy that can be told to fail.

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the network is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    Good,
    /// Connections are closed, and new ones too.
    Cut,
    /// Connections stay, also new ones, but nothing comes through: half-open.
    Stalled,
    /// Everything comes through but the server's notifications.
    Deaf,
}

pub struct Proxy {
    pub port: u16,
    state: watch::Sender<Network>,
    accepted: watch::Receiver<u64>,
}

impl Proxy {
    /// A proxy before a server on this machine.
    pub async fn before(port: u16) -> Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own_port = listener.local_addr()?.port();
        let (state, watched) = watch::channel(Network::Good);
        let (counter, accepted) = watch::channel(0);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                counter.send_modify(|count| *count += 1);
                tokio::spawn(serve(client, port, watched.clone()));
            }
        });
        Ok(Proxy { port: own_port, state, accepted })
    }

    pub fn set(&self, network: Network) {
        self.state.send_replace(network);
    }

    /// How many connections have been asked for.
    pub fn connections(&self) -> u64 {
        *self.accepted.borrow()
    }
}

async fn serve(client: TcpStream, port: u16, mut network: watch::Receiver<Network>) {
    if *network.borrow() == Network::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let ((client_out, client_in), (server_out, server_in)) =
        (client.into_split(), server.into_split());
    let up = tokio::spawn(forward(client_out, server_in, network.clone()));
    let down = tokio::spawn(answer(server_out, client_in, network.clone()));
    let (up_end, down_end) = (up.abort_handle(), down.abort_handle());
    tokio::select! {
        _ = network.wait_for(|network| *network == Network::Cut) => (),
        _ = up => (),
        _ = down => (),
    }
    up_end.abort();
    down_end.abort();
}

async fn passable(network: &mut watch::Receiver<Network>) -> Option<()> {
    network.wait_for(|network| *network != Network::Stalled).await.ok().map(drop)
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
) -> Option<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        let count = from.read(&mut buffer).await.ok().filter(|count| *count > 0)?;
        passable(&mut network).await?;
        to.write_all(&buffer[..count]).await.ok()?;
    }
}

/// Answers of the server, message by message, so that notifications can be taken out.
async fn answer(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut network: watch::Receiver<Network>,
) -> Option<()> {
    let first = from.read_u8().await.ok()?;
    // The answer to the question about TLS is a single letter.
    if first == b'N' {
        to.write_u8(first).await.ok()?;
    } else {
        message(first, &mut from, &mut to, &mut network).await?;
    }
    loop {
        let kind = from.read_u8().await.ok()?;
        message(kind, &mut from, &mut to, &mut network).await?;
    }
}

async fn message(
    kind: u8,
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    network: &mut watch::Receiver<Network>,
) -> Option<()> {
    let length = from.read_u32().await.ok()?;
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.resize(1 + length as usize, 0);
    from.read_exact(bytes.get_mut(5..)?).await.ok()?;
    passable(network).await?;
    if kind == b'A' && *network.borrow() == Network::Deaf {
        return Some(());
    }
    to.write_all(&bytes).await.ok()
}
