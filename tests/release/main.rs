//! Releases, from the command line to the traffic: published, followed, refused, kept and restored, by the real program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

#[path = "../support/mod.rs"]
mod support;

#[path = "../tls/authority.rs"]
#[allow(dead_code, reason = "the tests of TLS use more of it")]
mod authority;

mod bundles;
mod canary;
mod commands;
mod crashes;
mod example;
mod fleet;
mod following;
mod kept;
mod remote;
mod world;
