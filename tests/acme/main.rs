//! Certificates that are ordered by ACME, with pebble as the authority: what clients are shown, and what happens when it fails.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]

#[path = "../tls/authority.rs"]
#[allow(dead_code, reason = "each test binary uses its part of it")]
mod authority;
#[path = "../tls/client.rs"]
#[allow(dead_code, reason = "each test binary uses its part of it")]
mod client;
mod failures;
mod front;
mod names;
mod orders;
mod pebble;
mod renewal;
mod sharing;
#[path = "../support/mod.rs"]
mod support;
mod world;
