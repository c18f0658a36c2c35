//! Faulty and strange servers upstream: what the client is told, what is sent again, and what of a connection is used again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]
#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod balancing;
mod breaker;
mod faults;
mod health;
mod maintenance;
mod peers;
mod retries;
mod reuse;
mod split;
#[path = "../support/mod.rs"]
mod support;
mod tunnels;
