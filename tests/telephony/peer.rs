//! The exchange and the far end: started, killed and ended by `peer.sh`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

/// What the exchange's user signs in with; the harness gives it to every dispatcher.
const PASSWORD: &str = "rehearsal-key";
const IMPOSSIBLE: i32 = 75;
/// It was found out that there is no exchange to be had; looking again would take its time.
static GIVEN_UP: AtomicBool = AtomicBool::new(false);
/// How many were started.
static COUNT: AtomicU32 = AtomicU32::new(0);

pub struct Peer {
    pub ip: String,
    home: PathBuf,
}

impl Peer {
    /// Starts both; `None`, and a word on how to get them, where they cannot be had.
    pub fn start(name: &str) -> Option<Peer> {
        if GIVEN_UP.load(Ordering::Relaxed) {
            return None;
        }
        let pid = std::process::id();
        // Each its own address, so that the ports may be the usual ones.
        let number = 1 + COUNT.fetch_add(1, Ordering::Relaxed) % 250;
        let ip = format!("127.{}.{}.{number}", 64 + pid % 64, pid / 64 % 256);
        let home = std::env::temp_dir().join(format!("dialer-telephony-{name}-{pid}"));
        let peer = Peer { ip, home };
        let output = peer.script("start").output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => Some(peer),
            Some(IMPOSSIBLE) => {
                // Not by println, which is not shown for a test that passes.
                let _ = writeln!(
                    std::io::stderr(),
                    "\nSKIPPED: no telephone calls are made, because there is no Asterisk.\n  {}\n  \
                     tests/telephony/fetch.sh target/telephony gets it, with Debian's apt and a mirror.",
                    told.trim()
                );
                GIVEN_UP.store(true, Ordering::Relaxed);
                None
            }
            code => panic!("the exchange did not start ({code:?}): {told}"),
        }
    }

    /// `kill -9`: no call is cleared, and nobody is told.
    pub fn kill_exchange(&self) {
        self.signal("-KILL");
        let gone = || !Path::new(&format!("/proc/{}/fd", self.exchange())).exists();
        // LIMIT: five seconds; the kernel takes none.
        for _ in 0..500 {
            if gone() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    pub fn restart_exchange(&self) {
        let status = self.script("exchange").status().unwrap();
        assert!(status.success(), "the exchange did not start again; see {}", self.home.display());
    }

    /// Stops it as a stalled disk would; it goes on with `-CONT`.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([signal, &self.exchange()]).status().unwrap();
        assert!(status.success());
    }

    /// What the far end has written down.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.home.join("far-end/calls.log")).unwrap_or_default()
    }

    /// A sound that the exchange can play, by its name in `peer.sh`.
    pub fn sound(&self, name: &str) -> String {
        self.home.join("sounds").join(name).to_string_lossy().into_owned()
    }

    fn exchange(&self) -> String {
        let known = std::fs::read_to_string(self.home.join("exchange.pid")).unwrap();
        known.split(' ').next().unwrap().to_owned()
    }

    fn script(&self, word: &str) -> Command {
        let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut command = Command::new(tests.join("telephony/peer.sh"));
        command.arg(word).arg(&self.home);
        command.env("PEER_IP", &self.ip).env("PEER_PASSWORD", PASSWORD);
        command.env("PEER_OWNER", std::process::id().to_string());
        command
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.script("stop").status();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.home);
        }
    }
}
