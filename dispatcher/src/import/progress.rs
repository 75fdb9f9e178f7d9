//! How far an import is: a bar with the time left on a terminal, else a line now and then.

use crate::clock::monotonic;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::{IsTerminal, Write};
use std::time::Duration;
use tokio::time::Instant;

/// Between two plain lines.
const EVERY: Duration = Duration::from_secs(2);

pub struct Progress {
    bar: Option<ProgressBar>,
    bytes: u64,
    told: Instant,
}

impl Progress {
    pub fn new(bytes: u64) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| bar(bytes));
        Progress { bar, bytes, told: monotonic() }
    }

    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => line(text),
        }
    }

    pub fn reached(&mut self, position: u64, rows: u64, problems: u64) {
        match &self.bar {
            Some(bar) => {
                bar.set_message(format!("{rows} rows, {problems} problems"));
                bar.set_position(position);
            }
            None if monotonic() - self.told >= EVERY => {
                self.told = monotonic();
                let percent = (position * 100).checked_div(self.bytes).unwrap_or(100).min(100);
                line(&format!("{percent}%: {rows} rows, {problems} problems"));
            }
            None => (),
        }
    }

    pub fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(bytes), ProgressDrawTarget::stderr());
    let template = "{bar:30} {percent:>3}%  {msg}  {eta} left";
    let style = ProgressStyle::with_template(template);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

fn line(text: &str) {
    // Nobody may be reading.
    let _ = writeln!(std::io::stderr(), "{text}");
}
