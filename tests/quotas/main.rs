//! How much is let through: rates, quotas and requests in flight, on one node and on several, also when something goes wrong.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]
#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod kept;
mod plans;
mod rates;
mod redis;
mod shared;
#[path = "../support/mod.rs"]
mod support;
