//! Receipts: what a node runs, and what it refused and why, written to a store for whoever looks at the fleet. Nothing that a node
//! does depends on one, and a table never comes from one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::deploy::release::Identity;
use crate::deploy::release::traffic::{Tally, Traffic};
use crate::deploy::store::{Objects, When};
use crate::proxy::live::Live;
use crate::proxy::metrics::Metrics;
use crate::proxy::status::{InForce, Notices, Rejection};
use crate::table::Digest;

/// Where receipts stand.
pub const RECEIPTS: &str = "receipts/";

/// The most bytes of a receipt.
pub const RECEIPT_LIMIT: u64 = 256 << 10;

/// How often a node writes its receipt although nothing has changed: so it is seen to live.
pub const EVERY: Duration = Duration::from_secs(30);

/// The version of the document. A minor one only adds keys.
const FORMAT_VERSION: &str = "1.0";

/// How many problems of a refused release a receipt tells.
const PROBLEMS: usize = 10;

/// What a node says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// The version of this document.
    pub format_version: String,
    /// The name of the node.
    pub node: String,
    /// Its labels.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The version of its program.
    pub version: String,
    /// When it wrote this.
    pub written: Timestamp,
    /// What it runs.
    pub running: Option<Running>,
    /// What it refused, if the newest that it saw is not what it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<RefusedRelease>,
    /// What its traffic was like since it runs that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// The release that a node runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Running {
    /// Its number.
    pub serial: u64,
    /// The digest of its bundle.
    pub bundle: Digest,
    /// The digest of its table, as the node compiled it.
    pub table: Digest,
    /// Since when.
    pub since: Timestamp,
}

/// A release that a node refused, or why there is none to be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefusedRelease {
    /// Its number, if it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<u64>,
    /// The reason in one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What went wrong outside of manifests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// The first problems of its manifests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<Problem>,
    /// Since when.
    pub since: Timestamp,
}

/// A problem of a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Where, such as `gateway.d/shop.yaml:7:3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Its code.
    pub code: String,
    /// What is wrong.
    pub message: String,
}

/// Where a node writes its receipts, how often, and as whom.
pub struct ReportTo {
    /// The store.
    pub store: Box<dyn Objects>,
    /// Who it is.
    pub node: Identity,
    /// How often, although nothing has changed.
    pub every: Duration,
}

/// Who writes the receipts of a node, on a thread of its own: a store that is slow holds nothing up.
pub struct Reporter(Sender<()>);

impl Reporter {
    /// Starts it.
    ///
    /// # Errors
    /// If its thread cannot be started.
    pub fn start(to: ReportTo, live: Live, notices: Arc<Notices>, metrics: Arc<Metrics>) -> std::io::Result<Self> {
        let (sender, receiver) = channel();
        let writer = Writer { to, live, notices, metrics, tally: Tally::default(), serial: None, told: None };
        thread::Builder::new().name("receipts".into()).spawn(move || writer.run(&receiver))?;
        Ok(Self(sender))
    }

    /// Says that something may have changed.
    pub fn poke(&self) {
        let _ = self.0.send(());
    }
}

struct Writer {
    to: ReportTo,
    live: Live,
    notices: Arc<Notices>,
    metrics: Arc<Metrics>,
    /// The traffic since the release in force came.
    tally: Tally,
    /// Its number.
    serial: Option<u64>,
    /// The trouble that was told last.
    told: Option<String>,
}

impl Writer {
    /// Writes a receipt at the start, whenever it is poked, and every so often; ends with the reporter.
    fn run(mut self, pokes: &Receiver<()>) {
        loop {
            self.write();
            match pokes.recv_timeout(self.to.every) {
                // what happened in the meantime is in the same receipt
                Ok(()) => while pokes.try_recv().is_ok() {},
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn write(&mut self) {
        match self.put() {
            Ok(()) => self.told = None,
            Err(error) if self.told.as_ref() != Some(&error) => {
                tracing::warn!(error, "this node's receipt cannot be written, so it is not seen in the fleet");
                self.told = Some(error);
            }
            Err(_) => {}
        }
    }

    fn put(&mut self) -> Result<(), String> {
        let receipt = self.receipt(Timestamp::now());
        let content = serde_json::to_vec_pretty(&receipt).map_err(|error| error.to_string())?;
        if !self.to.store.is_there() {
            return Err(format!("{} is not there", self.to.store.name()));
        }
        let key = receipt_key(&self.to.node.name);
        self.to.store.put(&key, &content, When::Always).map(|_| ()).map_err(|error| error.to_string())
    }

    fn receipt(&mut self, now: Timestamp) -> Receipt {
        let generation = self.live.load();
        let running = self.notices.release.load().as_deref().map(|release: &InForce| Running {
            serial: release.serial,
            bundle: release.bundle,
            table: generation.table.digest,
            since: time(generation.since),
        });
        let mut traffic = self.tally.count(&self.metrics);
        let serial = running.as_ref().map(|running| running.serial);
        if self.serial != serial {
            self.serial = serial;
            self.tally.restart();
            traffic = Traffic::default();
        }
        Receipt {
            labels: self.to.node.labels.clone(),
            running,
            refused: self.notices.rejected.load().as_deref().map(refused),
            traffic: Some(traffic),
            ..Receipt::new(self.to.node.name.clone(), now)
        }
    }
}

impl Receipt {
    /// What a node says that runs nothing.
    pub fn new(node: String, now: Timestamp) -> Self {
        Self {
            format_version: FORMAT_VERSION.to_owned(),
            node,
            labels: BTreeMap::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            written: now,
            running: None,
            refused: None,
            traffic: None,
        }
    }

    /// Who wrote it.
    pub fn identity(&self) -> Identity {
        Identity { name: self.node.clone(), labels: self.labels.clone() }
    }
}

fn refused(rejection: &Rejection) -> RefusedRelease {
    let problems = rejection.diagnostics.as_array().map(Vec::as_slice).unwrap_or_default();
    let errors = problems.iter().filter(|problem| problem["severity"] == "error");
    RefusedRelease {
        serial: rejection.serial,
        reason: rejection.reason.map(str::to_owned),
        trouble: rejection.trouble.clone(),
        problems: errors.take(PROBLEMS).map(problem).collect(),
        since: time(rejection.since),
    }
}

/// A problem, from the JSON that `gw validate` gives of it.
fn problem(problem: &serde_json::Value) -> Problem {
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let place = &problem["labels"][0];
    let place = place["file"].as_str().map(|file| format!("{file}:{}:{}", place["line"], place["column"]));
    Problem { place, code: text(&problem["code"]), message: text(&problem["message"]) }
}

fn time(time: SystemTime) -> Timestamp {
    let time = Timestamp::try_from(time).unwrap_or_default();
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Where the receipt of a node stands.
pub fn receipt_key(node: &str) -> String {
    format!("{RECEIPTS}{node}.json")
}

/// Checks the name of a node: it is part of a path.
///
/// # Errors
/// Says what a name is made of.
pub fn check_node_name(name: &str) -> Result<String, String> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.len() <= 200 && name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(known) {
        return Ok(name.to_owned());
    }
    Err("the name of a node is made of letters, digits, `-`, `_` and `.`, and begins with none of the last three"
        .to_owned())
}
