//! The client for upstream servers, against servers on a loopback socket that follow a script, legal or not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test")]

mod answers;
mod bodies;
mod connections;
mod faults;
mod names;
mod requests;
mod server;
mod tunnels;
mod world;
