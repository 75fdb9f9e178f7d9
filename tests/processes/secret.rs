//! Each tenant's calls go out with its own key; the key of one is added while the dispatcher runs.

use crate::ONE_AT_A_TIME;
use crate::day::{begin, until};
use serde_json::json;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Number and key of each order, in turn.
type Orders = Arc<Mutex<Vec<(String, String)>>>;

/// A vendor that takes every order and tells nothing more of it.
async fn vendor() -> (SocketAddr, Orders) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let orders = Orders::default();
    let taken = Arc::clone(&orders);
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            let mut part = [0; 8192];
            // An order ends with its number; what else is asked has none.
            while !request.windows(12).any(|part| part.starts_with(b"+1212555")) {
                match socket.read(&mut part).await.unwrap() {
                    0 => break,
                    length => request.extend_from_slice(&part[..length]),
                }
                if request.starts_with(b"GET") {
                    break;
                }
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let key = request
                .lines()
                .find_map(|line| line.split_once("Bearer "))
                .map(|(_, key)| key.to_owned());
            let number = request.find("+1212555").map(|at| request[at..at + 12].to_owned());
            let body = match (number, key) {
                (Some(number), Some(key)) => {
                    let mut orders = taken.lock().unwrap();
                    orders.push((number, key));
                    json!({"id": format!("order-{}", orders.len()), "status": "queued"})
                }
                _ => json!([]),
            }
            .to_string();
            let answer = format!(
                "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
            socket.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (address, orders)
}

fn put(directory: &Path, name: &str, key: &str) {
    fs::write(directory.join(name), format!("{key}\n")).unwrap();
    fs::set_permissions(directory.join(name), Permissions::from_mode(0o600)).unwrap();
}

/// A tenant with an account at the vendor, a campaign, and one person to call.
fn tenant(name: &str, at: SocketAddr, number: &str) -> String {
    format!(
        "select dialer.create_tenant('{name}'), dialer.allow_secret('{name}', '{name}-key'); set dialer.tenant = '{name}';
         select dialer.create_account('{name}', 'vapi', 2, base_url => 'http://{at}', secret_name => '{name}-key', settings => '{{\"assistant_id\": \"a\", \"phone_number_id\": \"p\"}}');
         select dialer.create_campaign('{name}', '{name}', '24/7', tz => 'UTC', policy => 'once'), dialer.start_campaign('{name}');
         select dialer.schedule_call('{name}', '{number}', tz => 'America/New_York')"
    )
}

// R114, R224: credentials by tenant, named in the database and found by the dispatcher at each call.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_tenant_calls_with_its_own_key_and_a_new_one_needs_no_restart() {
    let _turn = ONE_AT_A_TIME.lock().await;
    let mut rehearsal = begin("secret", 1.0, &[]).await;
    let (vendor, orders) = vendor().await;
    let directory = rehearsal.dir.join("secrets");
    fs::create_dir(&directory).unwrap();
    fs::set_permissions(&directory, Permissions::from_mode(0o700)).unwrap();
    put(&directory, "acme-key", "key of acme");
    rehearsal.add_secret("DIALERD_SECRETS_DIR", directory.to_str().unwrap());
    rehearsal.start_dispatcher().await.unwrap();
    rehearsal.db.batch_execute(&tenant("acme", vendor, "+12125550101")).await.unwrap();
    let placed = |count: u32| {
        format!(
            "select count(*) = {count} from dialer.lease where state not in ('claimed', 'intended')"
        )
    };
    until(&rehearsal, &placed(1)).await;
    // Without its key nothing is sent in its name, and the account says why.
    rehearsal.db.batch_execute(&tenant("bolt", vendor, "+12125550102")).await.unwrap();
    let refused = "select count(*) = 1 from dialer.account_dashboard where account = 'bolt' and state = 'stopped' and state_reason = 'secret-missing'";
    until(&rehearsal, refused).await;
    put(&directory, "bolt-key", "key of bolt");
    rehearsal.db.batch_execute("select dialer.reopen_account('bolt')").await.unwrap();
    until(&rehearsal, &placed(2)).await;
    let expected = [("+12125550101", "key of acme"), ("+12125550102", "key of bolt")];
    let expected = expected.map(|(number, key)| (number.to_owned(), key.to_owned()));
    assert_eq!(*orders.lock().unwrap(), expected);
}
