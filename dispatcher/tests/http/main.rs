//! Tests over real HTTP on loopback: no mocks of our own code, no sleeping for luck.

#![allow(clippy::panic, reason = "a test that cannot go on panics")]

mod adapter;
mod asterisk;
mod conformance;
mod exchange;
mod receiver;
mod sandbox;
mod scripted;
mod shapes;
mod smtp;
