//! Plugins of everyday, each in a route of a gateway that runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]
#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod browser;
mod cookies;
mod cors;
mod edits;
mod refusals;
mod robots;
#[path = "../support/mod.rs"]
mod support;
mod watching;
