//! What every adapter has to do, whatever its vendor: one list of bad days, run for each of them
//! against a server that is no part of any adapter.
//!
//! A vendor is one description (`Vendor`) in a file of its own, and a line in `all`.

mod asking;
mod asterisk;
mod bland;
mod elevenlabs;
mod placing;
mod recipe;
mod resend;
mod retell;
mod specification;
mod telnyx;
mod twilio;
mod vapi;
mod webhooks;

use super::scripted::{Act, Scripted, Seen};
use dialerd::provider::{
    self, Account, Adapter, CallOptions, Gate, Placement, RefusalClass, Secret,
};
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

/// Short, so that a time-out is not a rest; a loaded machine answers within it all the same.
const CONNECT: Duration = Duration::from_millis(700);
const TOTAL: Duration = Duration::from_millis(1500);

/// Every vendor that speaks HTTP.
fn all() -> Vec<Vendor> {
    vec![
        vapi::vendor(),
        bland::vendor(),
        twilio::vendor(),
        retell::vendor(),
        telnyx::vendor(),
        elevenlabs::vendor(),
        asterisk::vendor(),
        resend::vendor(),
        recipe::vendor(),
    ]
}

/// A webhook as the vendor sends it.
pub struct SampleHook {
    pub body: Vec<u8>,
    /// Signed with `Vendor::hook_secret`, for this instant.
    pub headers: Vec<(&'static str, String)>,
    pub at: &'static str,
    /// Path and query after the public URL.
    pub path: &'static str,
}

/// All that differs between vendors.
pub struct Vendor {
    pub provider: &'static str,
    pub channel: &'static str,
    pub address: &'static str,
    /// Settings with which a call can be placed.
    pub settings: Value,
    /// The answer to a call that was accepted, and the vendor's id in it.
    pub accepted: (u16, Value),
    pub id: &'static str,
    /// Refusals: status, body, what it means.
    pub refusals: Vec<(u16, Value, RefusalClass)>,
    /// How a look-up by that id is answered, for each path that is asked (by its beginning), and
    /// the outcome that is found.
    pub look_up: Vec<(&'static str, Value)>,
    pub found: Option<&'static str>,
    /// How a list is answered that holds one call of ours, and perhaps others.
    pub list: Value,
    /// How hanging up is answered, path by path; empty where it cannot be done.
    pub hang_up: Vec<(&'static str, Value)>,
    pub hook_secret: &'static str,
    /// A webhook that reports an end, with the outcome; none where there are none.
    pub hook: Option<(SampleHook, &'static str)>,
}

impl Vendor {
    fn adapter(&self) -> &'static dyn Adapter {
        provider::adapter(self.provider, self.channel).expect("there is one")
    }

    fn account(&self, url: &str) -> Account {
        Account {
            base_url: Some(url.to_owned()),
            key: Some(Secret::new("the-key".to_owned())),
            settings: self.settings.clone(),
            ..Account::default()
        }
    }

    /// Whether it knows live calls only, under ids of ours.
    fn forgets(&self) -> bool {
        self.provider == "asterisk"
    }

    /// An attempt; where ids are ours, the one that is in the vendor's answers.
    fn attempt_id(&self) -> Uuid {
        if self.forgets() { asterisk::attempt() } else { Uuid::new_v4() }
    }

    fn placement(&self) -> Placement {
        let attempt_id = self.attempt_id();
        let hook = format!("https://dialer.example/hooks/{}/7", self.provider);
        Placement {
            attempt_id,
            address: self.address.to_owned(),
            variables: json!({"name": "Ada", "subject": "Hello"}),
            options: CallOptions::read(&self.settings, &json!({})).expect("sound settings"),
            callback_url: format!("{hook}?attempt={attempt_id}"),
            gate: Gate::open(),
        }
    }
}

fn client() -> reqwest::Client {
    drop(rustls::crypto::ring::default_provider().install_default());
    provider::client(CONNECT, TOTAL).expect("a client")
}

/// Answers each request by the beginning of its line; what no beginning fits is a 404.
fn by_path(
    answers: &[(&'static str, Value)],
) -> impl Fn(&Seen, usize) -> Act + Send + Sync + 'static {
    let answers: Vec<(&'static str, Value)> = answers.to_vec();
    move |seen, _| {
        let fits = answers.iter().filter(|(line, _)| seen.line.starts_with(line));
        match fits.max_by_key(|(line, _)| line.len()) {
            Some((_, body)) => Act::answer(200, body),
            None => Act::answer(404, json!({"message": "no such thing"})),
        }
    }
}

/// An address at which nobody listens.
fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    format!("http://{}", listener.local_addr().expect("an address"))
}
