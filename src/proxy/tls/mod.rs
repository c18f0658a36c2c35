//! TLS on both sides: certificates and keys from what the node has, the settings of listeners and upstreams made of them, and
//! the handshake with clients (RFC 8446, RFC 5246).
//!
//! All that can fail is done before a table is put in force. No text here comes from a certificate, a key or a client.

mod by_host;
mod certificate;
mod challenge;
mod counters;
mod expiry;
mod facts;
mod handshake;
mod issued;
mod listener;
mod material;
mod names;
mod provider;
mod upstream;

pub use certificate::Loaded;
pub use challenge::challenge;
pub use counters::TlsCounters;
pub use expiry::Expiry;
pub use facts::TlsFacts;
pub use handshake::{Failure, Handshake, handshake};
pub use issued::{Course, Current, Issued, Slot};
pub use listener::{ListenerCache, TlsListener, TlsSetup};
pub use material::{MaterialError, roots};
pub use provider::provider;
pub use upstream::{UpstreamCache, UpstreamConfig};
