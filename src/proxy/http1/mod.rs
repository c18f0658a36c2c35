//! HTTP/1.1 with clients (RFC 9112): heads in, bodies both ways, heads out, on one task per connection.
//!
//! Strict on the way in: what could be read in two ways is refused before anything of it is forwarded. It knows no route;
//! what a request means is decided by the handler.

mod answer;
mod body;
mod pace;
mod request;
mod serve;
mod socket;

pub use body::RequestBody;
pub use request::{Version, parse};
pub use serve::{Served, serve};
pub use socket::Socket;
