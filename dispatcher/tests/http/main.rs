//! Tests over real HTTP on loopback: no mocks of our own code, no sleeping for luck.

mod adapter;
mod asterisk;
mod exchange;
mod receiver;
mod sandbox;
