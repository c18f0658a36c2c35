//! `gw`: a declarative API gateway. Manifests in Git are compiled into one immutable routing table, and the
//! table is swapped atomically into the proxy. `src/ARCHITECTURE.md` is the map.

pub mod acme;
pub mod auth;
pub mod backend;
pub mod cli;
pub mod compiler;
pub mod deploy;
pub mod diagnostic;
pub mod net;
pub mod pipeline;
pub mod plugins;
pub mod proxy;
pub mod state;
pub mod table;
pub mod value;
