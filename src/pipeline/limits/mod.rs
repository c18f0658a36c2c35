//! How often and how much something may be asked for: what manifests say of it, the maths, what keeps the counts, and the one
//! function that a plugin calls.
//!
//! Nothing here reads a clock, a file or a socket by itself: `state` keeps the counts, and the clock is given to a [`Limiter`].

pub mod announce;
pub mod calendar;
pub mod config;
pub mod enforce;
pub mod gcra;
pub mod in_flight;
pub mod place;
pub mod store;
pub mod tally;
pub mod window;

pub use config::{Announce, Consistency, Numbers, OnStoreFailure, Quota, Rate};
pub use enforce::{Enforcer, Limiter, Limits};
