//! Tests of connections as they come from a network that means no good.

use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(20);

async fn slow() -> &'static str {
    tokio::time::sleep(SHORT * 2).await;
    "done"
}

/// A server whose patience for heads is short.
async fn server() -> (std::net::SocketAddr, CancellationToken, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/live", get(live)).route("/slow", get(slow));
    let stop = CancellationToken::new();
    let serving = tokio::spawn(serve_within(SHORT, router, listener, stop.clone()));
    (address, stop, serving)
}

async fn asked(address: std::net::SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    stream.write_all(text.as_bytes()).await.expect("written");
    stream
}

/// All that comes until the server closes.
async fn until_closed(mut stream: TcpStream) -> String {
    let mut text = String::new();
    let reading = tokio::time::timeout(LONG, stream.read_to_string(&mut text)).await;
    reading.expect("the server closes").expect("read");
    text
}

#[tokio::test]
async fn a_head_that_does_not_end_and_a_connection_that_rests_are_closed() {
    let (address, _stop, _serving) = server().await;
    let endless = asked(address, "GET /live HTTP/1.1\r\nHost: a\r\nX-A: ").await;
    let silent = asked(address, "").await;
    let resting = asked(address, "GET /live HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let (endless, silent, resting) =
        tokio::join!(until_closed(endless), until_closed(silent), until_closed(resting));
    assert!(!endless.contains("200 OK"), "{endless}");
    assert_eq!(silent, "");
    assert!(resting.contains("200 OK") && resting.ends_with("live\n"), "{resting}");
}

#[tokio::test]
async fn what_is_being_answered_at_the_stop_is_answered() {
    let (address, stop, serving) = server().await;
    let asking = asked(address, "GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await;
    tokio::time::sleep(SHORT).await;
    stop.cancel();
    assert!(until_closed(asking).await.ends_with("done"));
    tokio::time::timeout(LONG, serving).await.expect("it ends").expect("without a panic");
    assert!(TcpStream::connect(address).await.is_err(), "nobody is let in any more");
}
