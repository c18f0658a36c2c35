//! Requests to servers that speak HTTP/2 (RFC 9113): many at once on few connections.
//!
//! The framing is the `h2` crate's, driven by a task for each connection. The requests keep to the interface and the rules of
//! HTTP/1: the same limits, the same errors, and nothing is sent twice that an origin may see only once.

mod body;
mod head;
mod life;
mod request;
mod sessions;
mod upgrade;
mod upload;

pub use body::Http2Body;
pub(super) use request::send;
pub(super) use sessions::{Lease, Sessions};
