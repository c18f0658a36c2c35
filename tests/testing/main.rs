//! `gw test` and what else looks at requests offline, as a program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod bisect;
mod cases;
mod graph;
mod replay;
mod statements;
