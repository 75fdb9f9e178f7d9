//! The fence: the last instance that keeps an account's rate, at the instant a request is written.
//!
//! The database hands out exact slots, but timers jitter and processes stall, and then several
//! late calls would start in a burst. Here each start waits until it fits behind those before it.
//! What another dispatcher sent is the database's business: it gives a rated account to one
//! dispatcher at a time, and no call of the one before may start when the next one's begin.

use crate::clock::monotonic;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// The network delays one request more than the next: distances are longer by so much, forty
/// milliseconds in a second. Less than the slots are wide, so that what is late is caught up with.
const GUARD: f64 = 1.04;
/// LIMIT: accounts with a fence; beyond it those are forgotten that nobody waits at.
const FENCES_MAX: usize = 1_000;

/// At most `count` starts in any span of this length.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rule {
    count: usize,
    length: Duration,
}

/// The rules of a rate, in starts a second: the k-th start comes `n / rate` after the (k-n)-th,
/// n being the whole part of the rate, and no second holds more than the rate rounded up.
fn rules(per_second: f64) -> [Rule; 2] {
    let whole = per_second.floor().max(1.0);
    let rule = |count: f64, seconds: f64| Rule {
        count: count as usize,
        // LIMIT: a rate of less than one a day counts as that.
        length: Duration::try_from_secs_f64(seconds * GUARD)
            .unwrap_or(LONGEST)
            .clamp(Duration::from_nanos(1), LONGEST),
    };
    [rule(whole, whole / per_second), rule(per_second.ceil().max(1.0), 1.0)]
}

const LONGEST: Duration = Duration::from_secs(86_400);

#[derive(Debug)]
struct Starts {
    rules: [Rule; 2],
    /// Turns that were given and whose request is not written yet: it may be at any instant.
    pending: usize,
    /// The latest starts, in order.
    written: VecDeque<Instant>,
}

/// When the next start may be.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Next {
    At(Instant),
    /// Not before one of those under way has been written or given up.
    WhenOneIsWritten,
}

impl Starts {
    /// Nobody knows what an earlier life of this process sent before `began`: as much as it might.
    fn since(began: Instant, rules: [Rule; 2]) -> Starts {
        let mut starts = Starts { rules, pending: 0, written: VecDeque::new() };
        starts.written.resize(starts.remembered(), began);
        starts
    }

    fn remembered(&self) -> usize {
        self.rules.iter().map(|rule| rule.count).max().unwrap_or(1)
    }

    fn next(&self, now: Instant) -> Next {
        let mut at = now;
        for rule in self.rules {
            // The start that must lie a length back, so that this one is the rule's last.
            let Some(back) = rule.count.checked_sub(self.pending).filter(|back| *back > 0) else {
                return Next::WhenOneIsWritten;
            };
            let place = self.written.len().checked_sub(back);
            if let Some(start) = place.and_then(|place| self.written.get(place)) {
                at = at.max(*start + rule.length);
            }
        }
        Next::At(at)
    }

    fn write(&mut self, at: Instant) {
        self.pending = self.pending.saturating_sub(1);
        let place = self.written.partition_point(|start| *start <= at);
        self.written.insert(place, at);
        while self.written.len() > self.remembered() {
            self.written.pop_front();
        }
    }

    /// A changed rate holds at once, with all that is known of the past.
    fn change(&mut self, rules: [Rule; 2]) {
        if self.rules != rules {
            self.rules = rules;
            // What the shorter memory has forgotten is taken to be as late as it can have been.
            let oldest = self.written.front().copied();
            while let Some(oldest) = oldest.filter(|_| self.written.len() < self.remembered()) {
                self.written.push_front(oldest);
            }
        }
    }
}

/// The fence of one account.
#[derive(Debug)]
pub struct Fence {
    /// Whoever waits for the next turn; the others queue behind, in their order.
    queue: tokio::sync::Mutex<()>,
    starts: Mutex<Starts>,
    moved: Notify,
}

impl Fence {
    fn starts(&self) -> MutexGuard<'_, Starts> {
        self.starts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until one more request may be written, and reserves that.
    ///
    /// May be dropped while it waits: then nothing is reserved.
    pub async fn turn(self: &Arc<Fence>) -> Turn {
        let _first = self.queue.lock().await;
        loop {
            // Ends with the turns before: each is written or dropped within a request's time-out.
            let moved = self.moved.notified();
            let now = monotonic();
            let next = self.reserve_or_next(now);
            match next {
                None => return Turn { fence: Arc::clone(self), written: AtomicBool::new(false) },
                Some(Next::At(at)) => tokio::time::sleep_until(at).await,
                Some(Next::WhenOneIsWritten) => moved.await,
            }
        }
    }

    fn reserve_or_next(&self, now: Instant) -> Option<Next> {
        let mut starts = self.starts();
        match starts.next(now) {
            Next::At(at) if at <= now => {
                starts.pending += 1;
                None
            }
            next => Some(next),
        }
    }
}

/// The right to write one request.
#[derive(Debug)]
pub struct Turn {
    fence: Arc<Fence>,
    written: AtomicBool,
}

impl Turn {
    /// The request is being written now.
    pub fn write(&self, now: Instant) {
        if !self.written.swap(true, Ordering::AcqRel) {
            self.fence.starts().write(now);
            self.fence.moved.notify_one();
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !*self.written.get_mut() {
            let mut starts = self.fence.starts();
            starts.pending = starts.pending.saturating_sub(1);
            drop(starts);
            self.fence.moved.notify_one();
        }
    }
}

/// The fences of all accounts that have a rate.
#[derive(Debug)]
pub struct Fences(Mutex<Known>);

#[derive(Debug)]
struct Known {
    /// What was sent before is not known, or was forgotten.
    since: Instant,
    accounts: HashMap<i32, Arc<Fence>>,
}

impl Fences {
    /// `began`: when this process began; what its name sent before is not known.
    pub fn since(began: Instant) -> Fences {
        Fences(Mutex::new(Known { since: began, accounts: HashMap::new() }))
    }

    /// The fence of an account, for its rate in starts per real second.
    pub fn of(&self, account_id: i32, per_second: f64) -> Arc<Fence> {
        let rules = rules(per_second);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.accounts.len() >= FENCES_MAX && !known.accounts.contains_key(&account_id) {
            known.accounts.retain(|_, fence| Arc::strong_count(fence) > 1);
            known.since = monotonic();
        }
        let since = known.since;
        let new = || {
            let starts = Mutex::new(Starts::since(since, rules));
            Arc::new(Fence { queue: tokio::sync::Mutex::new(()), starts, moved: Notify::new() })
        };
        let fence = Arc::clone(known.accounts.entry(account_id).or_insert_with(new));
        fence.starts().change(rules);
        fence
    }
}

#[cfg(test)]
mod tests;
