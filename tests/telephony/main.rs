//! Real telephone calls: `dialerd run` places them through an Asterisk, over SIP, to a far end that
//! keeps a log of its own. That log is the witness: each attempt rings once, ends as we say it
//! ended, and never are there more calls at once than the account allows.
//!
//! Asterisk and sipp are fetched when they are first needed, and cannot be had everywhere; then
//! these tests say so and pass. They mostly wait for people to pick up, so they run side by side,
//! each with an exchange of its own.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod calls;
mod far_end;
mod faults;
mod peer;
mod readme;
mod trial;
