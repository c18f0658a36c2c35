//! The listener for operators: health, metrics, and what is in force. GET and HEAD only, so nothing on it can change anything.
//!
//! It has a thread of its own: a full data plane doesn't silence it, and a scrape slows no request down.

mod answer;
mod backends;
mod metrics;
mod overview;
mod process;
mod server;
mod table;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;

use crate::proxy::live::Live;
use crate::proxy::metrics::Metrics;
use crate::proxy::sockets::Sockets;
use crate::table::Digest;

pub use server::{StatusError, StatusServer, StatusSocket};

/// The version of the JSON documents. A minor one only adds keys.
const FORMAT_VERSION: &str = "1.0";

/// What it shows.
pub struct View {
    /// The table in force.
    pub live: Live,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// What was refused.
    pub rejected: Rejected,
    /// Whether requests are accepted: not before the first table, and not any more while draining.
    pub ready: Arc<AtomicBool>,
    /// Where it tells which socket it has open.
    pub sockets: Arc<Sockets>,
}

/// The newest manifests, if they were refused; the table before them is in force then.
pub type Rejected = Arc<ArcSwapOption<Rejection>>;

/// A refused set of manifests.
pub struct Rejection {
    /// When it was found.
    pub since: SystemTime,
    /// The digest of its files, if they could be read.
    pub digest: Option<Digest>,
    /// Its problems, as the JSON that `gw validate` gives of them.
    pub diagnostics: serde_json::Value,
    /// What went wrong outside of manifests: a folder that cannot be read, a port that is taken.
    pub trouble: Option<String>,
}
