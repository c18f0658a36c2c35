//! The client for upstream servers: HTTP/1.1 and HTTP/2 over TCP or TLS, one per worker (RFC 9112, RFC 9113).
//!
//! It sends a head that is already written, streams both bodies, and hands back an answer whose framing is
//! beyond doubt or an [`UpstreamError`]. It knows no route, plugin or downstream connection, and never asks
//! twice for what an origin may see only once. Nothing here is `Send`: a worker is one thread.

mod body;
mod client;
mod connect;
mod error;
mod gate;
mod head;
mod host;
mod http1_body;
mod http2;
mod open;
mod pool;
mod target;
mod tunnel;
mod upload;

pub use body::UpstreamBody;
pub use client::{AnswerLimits, Call, Failure, Patience, Reply, StepTimeouts, Upstreams};
pub use connect::connect;
pub use error::{BoxError, UpstreamError};
pub use gate::{Gate, GateLimits};
pub use host::Host;
pub use target::{Address, Target, TlsTarget, client_config, system_roots};
pub use tunnel::Tunnel;
pub use upload::Unsent;
