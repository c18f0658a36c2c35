//! HTTP/2 of clients: what is refused before any origin sees it, what is forwarded and in which form, and what one connection may do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]
#![allow(clippy::too_many_lines, reason = "tables of cases")]

mod attacks;
mod blame;
mod client;
mod extended;
mod grpc;
mod life;
mod limits;
mod messages;
mod origin;
mod raw;
mod silence;
#[path = "../support/mod.rs"]
mod support;
mod tunnels;
mod upstream;

use support::origin::Origin;
use support::{Gateway, Options, backend, folder_with, gateway, route};

/// The `Gateway` manifest with a listener that speaks both versions, and more lines of its `spec`.
fn both(spec: &str) -> String {
    gateway(spec).replacen("\"127.0.0.1:0\" }]", "\"127.0.0.1:0\", protocols: [http1, http2] }]", 1)
}

/// A gateway of one worker with the route `/fixed`, and all else from an origin.
fn before(origin: &Origin, spec: &str) -> Gateway {
    let manifests = both(spec)
        + &backend("origin", origin.address, "")
        + &route("fixed", "match: [{ path: /fixed }]\nplugins: [{ respond: { body: fixed } }]")
        + &route("all", "backend: origin");
    let options = Options { environment: vec![("GW_WORKERS", "1".into())], ..Options::default() };
    Gateway::start_in(folder_with(&[("gateway.yaml", &manifests)]), &options)
}
