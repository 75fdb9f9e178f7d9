//! Tests against a real Postgres: one binary, and a database of its own for each test.
//!
//! `make test-it` runs them, or `cargo xtask with-pg -- cargo test -p dialer_tests --test it NAME`.
//! `UPDATE_EXPECT=1` in the environment rewrites the expected outputs.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod clock;
mod database;
mod guard;
mod install;
mod machine;
mod tidy;
mod zone;
