//! `gw plan` and `gw diff` as programs: what they print for two folders, and which two they compare in a repository.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

mod apply;
mod cases;
mod git;
#[path = "../support/mod.rs"]
mod support;
