//! What keeps counts: in the memory of this node, in a file of it, in a Redis that nodes share.
//!
//! How it is decided whether something may be asked for stands in `pipeline::limits`; here is only where its marks are.

mod memory;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::pipeline::limits::Limiter;
use crate::pipeline::limits::in_flight::InFlight;
use crate::pipeline::limits::tally::Tallies;
use crate::state::memory::Memory;

/// Counts that end with the process.
pub fn in_memory() -> Limiter {
    Limiter {
        own: Arc::new(Memory::default()),
        shared: None,
        in_flight: InFlight::default(),
        tallies: Arc::new(Tallies::default()),
        clock: now,
    }
}

/// The clock of this machine, in nanoseconds since 1970.
fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
