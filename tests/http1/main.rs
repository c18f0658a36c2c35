//! HTTP/1.1 of clients, byte by byte: what is refused before any origin sees it, what is forwarded and in which form, what is served.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]
#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod answers;
mod cases;
mod forwarding;
#[path = "../support/mod.rs"]
mod support;
