//! Tests against a real Postgres: one binary, and a database of its own for each test.
//!
//! `make test-it` runs them, or `cargo xtask with-pg -- cargo test --workspace --test it NAME`.
//! `UPDATE_EXPECT=1` in the environment rewrites the expected outputs.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod attempt;
mod backfill;
mod ban;
mod batch;
mod calendar;
mod callback;
mod calling_rule_pack;
mod claim;
mod clock;
mod closure;
mod compliance;
mod consent;
mod control;
mod conversion;
mod coverage;
mod cron;
mod database;
mod dialer;
mod docs;
mod edges;
mod exemption;
mod figures;
mod frequency;
mod guard;
mod history;
mod install;
mod intake;
mod isolation;
mod law;
mod law_choice;
mod law_rights;
mod limits;
mod listen;
mod locks;
mod machine;
mod next_slot;
mod overview;
mod own_hours;
mod person;
mod place;
mod policy;
mod preclassify;
mod queue;
mod race;
mod recurring;
mod reference;
mod report;
mod retention;
mod scenario;
mod series;
mod setting_change;
mod snapshot;
mod status;
mod stop;
mod tenant;
mod tenant_cap;
mod tidy;
mod watch;
mod wish;
mod word;
mod workflow;
mod zip;
mod zone;
