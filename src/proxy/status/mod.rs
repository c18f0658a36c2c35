//! The listener for operators.

use std::io;
use std::sync::Arc;

use crate::proxy::live::Live;
use crate::proxy::metrics::Metrics;

/// What it shows.
pub struct View {
    /// The table in force.
    pub live: Live,
    /// The counters.
    pub metrics: Arc<Metrics>,
}

/// The running listener.
pub struct StatusServer {}

impl StatusServer {
    /// Starts it.
    pub fn start(_view: View) -> io::Result<Self> {
        Ok(Self {})
    }

    /// Ends it.
    pub fn stop(self) {}
}
