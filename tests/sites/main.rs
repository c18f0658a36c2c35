//! Backends without a server: a folder, a ZIP archive, a bucket, files of another web server, Swagger UI.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that can't go on fails"
)]

#[path = "../support/mod.rs"]
mod support;

#[path = "../tls/authority.rs"]
#[allow(dead_code, reason = "it issues more than is needed here")]
mod authority;

mod archive;
mod everywhere;
mod examples;
mod fixture;
mod folder;
mod nginx;
mod remote;
mod swagger;
