//! HTTP/2 with clients (RFC 9113): the requests of a connection, each on a stream and in a task of its own.
//!
//! The framing, HPACK and flow control are the `h2` crate's. What is added here is what it leaves open: how long everything may
//! take, how many frames may say nothing, which heads are refused, and the way into the handler.

mod answer;
mod body;
mod frame;
mod meter;
mod opening;
mod request;
mod serve;
mod stream;
mod wire;

pub use body::RequestBody;
pub use opening::opens_http2;
pub use serve::serve;
