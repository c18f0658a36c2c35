//! Where connections come from: load balancers that speak the PROXY protocol, sockets of this machine, sockets that another
//! program opened, and the gateway before this one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]

mod given;
mod preface;
#[path = "../support/mod.rs"]
mod support;
mod unix;

use std::net::{SocketAddr, TcpListener};

/// A port that is free now.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Manifests with listeners, written as YAML, and a route that shows each request back.
fn manifests(listeners: &str) -> String {
    format!(
        "apiVersion: gw/v1\nkind: Gateway\nmetadata: {{ name: edge }}\nspec:\n  listeners: [{listeners}]\n  \
         status: {{ address: \"127.0.0.1:0\" }}\n---\napiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: echo }}\n\
         spec: {{ echo: {{}} }}\n"
    ) + &support::route("echo", "backend: echo")
}
