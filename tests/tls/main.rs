//! TLS as clients and upstreams see it: which certificate is shown, what is asked of clients, what lives over a change of files.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]

#[allow(dead_code, reason = "each test binary uses its part of it")]
mod authority;
mod browsers;
#[allow(dead_code, reason = "each test binary uses its part of it")]
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
