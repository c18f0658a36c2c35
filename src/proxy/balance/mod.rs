//! Which server of a backend a request goes to, and what is remembered of servers from one request to the next.
//!
//! What a table says stands in [`LiveBackend`], one for each backend of a generation, however many routes lead to it. What has
//! been learned stands in [`BackendState`] and [`TargetState`], which outlive the table. Workers share them as atomics: no
//! request waits for another one.

mod admission;
mod backend;
mod breaker;
mod budget;
mod failures;
mod maglev;
mod policy;
mod standing;
mod state;
mod streak;
mod turns;

pub use admission::{Admission, Outcome, Refused};
pub use backend::{LiveBackend, LiveTarget, Reached, Tried};
pub use breaker::BreakerState;
pub use standing::Health;
pub use state::{BackendState, Busy, Shelf, States, TargetState};
pub use streak::Streak;
