//! Progress for people: one short line a step, with the seconds it took. On standard error, so
//! that standard output carries results only.

use std::time::Instant;

pub struct Steps {
    last: Instant,
}

impl Steps {
    pub fn start() -> Self {
        Steps { last: Instant::now() }
    }

    /// Says that a step is done.
    pub fn done(&mut self, what: &str) {
        eprintln!("xtask: {what:<44} {:>6.1} s", self.last.elapsed().as_secs_f64());
        self.last = Instant::now();
    }
}

pub fn note(what: &str) {
    eprintln!("xtask: {what}");
}
