//! Asking targets whether they are well: one task for each target of a backend with a health check.

mod grpc;
mod http;
mod probe;
mod watch;

pub use watch::{Asked, Parties, Watch, Watched, unwatch, watch};
