//! TLS as clients and upstreams see it: which certificate is shown, what is asked of clients, what lives over a change of files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]

mod authority;
mod browsers;
mod client;
mod mutual;
mod names;
mod peers;
mod reload;
mod sessions;
#[path = "../support/mod.rs"]
mod support;
mod upstream;
mod world;
