//! The listener for operators: health, metrics, and what is in force. GET and HEAD only, so nothing on it can change anything.
//!
//! It has a thread of its own: a full data plane doesn't silence it, and a scrape slows no request down.

mod answer;
mod backends;
mod limits;
mod metrics;
mod overview;
mod process;
mod releases;
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
    /// What was refused, and the release in force.
    pub notices: Arc<Notices>,
    /// Whether requests are accepted: not before the first table, and not any more while draining.
    pub ready: Arc<AtomicBool>,
    /// Where it tells which socket it has open.
    pub sockets: Arc<Sockets>,
}

/// What whoever follows manifests or releases tells operators.
#[derive(Default)]
pub struct Notices {
    /// The newest manifests, if they were refused; the table before them is in force then.
    pub rejected: ArcSwapOption<Rejection>,
    /// The release in force, if the table comes from one.
    pub release: ArcSwapOption<InForce>,
}

/// The release in force.
pub struct InForce {
    /// What people know its store by.
    pub store: String,
    /// Its number.
    pub serial: u64,
    /// The digest of its bundle.
    pub bundle: Digest,
    /// The environment that it is for.
    pub environment: Option<String>,
    /// The commit that its manifests are of.
    pub commit: Option<String>,
    /// The short name of the key that signed it, if one had to.
    pub signed_by: Option<String>,
    /// When it was made.
    pub made: SystemTime,
}

/// A refused set of manifests.
pub struct Rejection {
    /// When it was found.
    pub since: SystemTime,
    /// The digest of its files or of its bundle, if they could be read.
    pub digest: Option<Digest>,
    /// The number of the release, if it is one and it was told.
    pub serial: Option<u64>,
    /// Why a release was refused, in one word.
    pub reason: Option<&'static str>,
    /// Its problems, as the JSON that `gw validate` gives of them.
    pub diagnostics: serde_json::Value,
    /// What went wrong outside of manifests: a folder that cannot be read, a port that is taken.
    pub trouble: Option<String>,
}
