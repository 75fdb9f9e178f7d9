//! Tests over real HTTP on loopback: no mocks of our own code, no sleeping for luck.

mod adapter;
mod receiver;
mod sandbox;
mod smtp;
