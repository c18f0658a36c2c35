//! The data plane: listeners, connections, the life of a request, upstreams, and what can be seen of them.

pub mod timer;
