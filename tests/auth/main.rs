//! Who is let in: credentials of all kinds against real gateways, and what upstreams and logs see of them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]
#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod basic;
mod forward;
mod issuer;
mod keys;
#[path = "../support/mod.rs"]
mod support;
mod tokens;
mod tokens_for_backends;
