//! Follows a folder: what compiles is put in force, what doesn't is reported, and the table in force stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::compiler::{AssetRequest, Compiled, Manifests, compile};
use crate::deploy::load::{LoadError, Snapshot, asset_stats, read_assets, read_folder};
use crate::deploy::secrets::{fingerprint, resolve};
use crate::deploy::watch::{POLL, Wake, Watch};
use crate::diagnostic::render::{self, Style};
use crate::diagnostic::{Diagnostics, SourceMap};
use crate::pipeline::secrets::Secrets;
use crate::proxy::metrics::Metrics;
use crate::proxy::status::{Rejected, Rejection};
use crate::proxy::{Proxy, SwapError};
use crate::table::{Digest, RouteTable};
use crate::value::secret::Secret;

/// What came of looking at the folder.
pub enum Look {
    /// Nothing changed.
    Same,
    /// Files are still being written: look again soon.
    Unsettled,
    /// There is a table, perhaps with warnings.
    Table(Box<Candidate>, Report),
    /// There is none.
    Refused(Report),
}

/// A table that could be put in force, with the secrets it names.
pub struct Candidate {
    /// The table.
    pub table: RouteTable,
    /// The secrets.
    pub secrets: Secrets,
    /// Whether a secret's value is another than that of the table in force.
    pub rotated: bool,
    /// By which the values of its secrets are known.
    pub print: Digest,
}

/// What is said of a set of manifests.
#[derive(Clone)]
pub struct Report {
    /// The problems, errors or not.
    pub diagnostics: Diagnostics,
    /// The texts they point into.
    pub sources: SourceMap,
    /// The digest of the files, if they could be read.
    pub digest: Option<Digest>,
    /// What went wrong outside of manifests: a folder that cannot be read, a port that is taken.
    pub trouble: Option<String>,
    /// When it was found.
    pub since: SystemTime,
}

/// How many problems of a refused set of manifests the status listener shows, the worst if there are more.
const KEPT_PROBLEMS: usize = 100;

/// How long a manifest without a byte is taken for one that is about to be written: who opens a file to write empties it first.
const HOLLOW: Duration = Duration::from_secs(1);

/// The status listener shows no colours.
const PLAIN: Style = Style { color: false, width: 100 };

/// Looks at a folder again and again.
pub struct Follower {
    root: PathBuf,
    environment: Option<String>,
    seen: Option<Seen>,
    served: bool,
    /// Since when a manifest has no byte.
    hollow: Option<Instant>,
    named: BTreeSet<Secret>,
    /// The values of the secrets of the table in force.
    fingerprint: Option<Digest>,
    /// When to try again what could not be put in force for a reason outside of the files.
    again: Option<Instant>,
}

/// What the folder was like when it was last compiled, or why it could not be.
#[derive(PartialEq, Eq)]
struct Seen {
    /// The bytes of the manifests, or the reason.
    manifests: Digest,
    /// The files that they name, by size, times and place.
    files: Digest,
    /// The values of the secrets that they name.
    secrets: Digest,
    requests: Vec<AssetRequest>,
}

impl Follower {
    /// Follows a folder that was not looked at yet, for an environment if one is chosen.
    pub fn new(root: &Path, environment: Option<String>) -> Self {
        Self {
            root: root.to_owned(),
            environment,
            seen: None,
            served: false,
            hollow: None,
            named: BTreeSet::new(),
            fingerprint: None,
            again: None,
        }
    }

    /// Looks at the folder: reads it, until two readings agree, and compiles what changed.
    ///
    /// A table in force is never followed by one without routes: so it looks when files are being moved or emptied.
    pub fn look(&mut self, why: Wake) -> Look {
        let snapshot = match self.read() {
            Ok(snapshot) => snapshot,
            Err(error) => return self.trouble(&error),
        };
        if snapshot.files.is_empty() && self.served {
            return self.say("the folder holds no manifest any more".to_owned());
        }
        let manifests = snapshot.digest();
        let retries = self.again.is_some_and(|at| why == Wake::Asked || at <= Instant::now());
        if !retries && self.seen.as_ref().is_some_and(|seen| *seen == self.state(manifests, seen.requests.clone())) {
            return Look::Same;
        }
        // events wait for quiet, a poll comes at any moment
        if why == Wake::Poll || self.is_about_to_be_written(&snapshot) {
            return Look::Unsettled;
        }
        let parsed = Manifests::read(snapshot.files).parse(self.environment.as_deref());
        let state = self.state(manifests, parsed.asset_requests());
        let assets = read_assets(&self.root, &state.requests);
        let again = self.read().map(|again| self.state(again.digest(), state.requests.clone()));
        if !again.is_ok_and(|again| again == state) {
            return Look::Unsettled;
        }
        self.seen = Some(state);
        self.again = None;
        let Compiled { sources, diagnostics, table, .. } = compile(parsed, &assets);
        let report = Report { diagnostics, sources, digest: Some(manifests), trouble: None, since: SystemTime::now() };
        match table {
            Some(table) if self.served && table.routes.is_empty() => {
                Look::Refused(Report { trouble: Some("the folder holds no route any more".to_owned()), ..report })
            }
            Some(table) => self.candidate(table, report),
            None => Look::Refused(report),
        }
    }

    fn is_about_to_be_written(&mut self, snapshot: &Snapshot) -> bool {
        if !self.served || snapshot.files.iter().all(|file| !file.bytes.is_empty()) {
            self.hollow = None;
            return false;
        }
        self.hollow.get_or_insert_with(Instant::now).elapsed() < HOLLOW
    }

    fn state(&self, manifests: Digest, requests: Vec<AssetRequest>) -> Seen {
        let files = asset_stats(&self.root, &requests);
        Seen { manifests, files, secrets: fingerprint(&self.named), requests }
    }

    /// Resolves the secrets of a table; one that is missing refuses it.
    fn candidate(&mut self, table: RouteTable, report: Report) -> Look {
        self.named.clone_from(&table.secrets);
        let print = fingerprint(&self.named);
        if let Some(seen) = &mut self.seen {
            seen.secrets = print;
        }
        match resolve(&table.secrets) {
            Ok(secrets) => {
                let rotated = self.fingerprint.is_some_and(|before| before != print);
                Look::Table(Box::new(Candidate { table, secrets, rotated, print }), report)
            }
            Err(missing) => Look::Refused(Report { trouble: Some(missing.to_string()), ..report }),
        }
    }

    /// Notes that a candidate is in force.
    pub fn accepted(&mut self, print: Digest) {
        self.served = true;
        self.fingerprint = Some(print);
    }

    /// Notes that a candidate could not be put in force: it is tried again although no file changes, the more seldom the more
    /// it costs.
    fn failed(&mut self, took: Duration) {
        self.again = Some(Instant::now() + POLL.max(took * 20));
    }

    fn read(&self) -> Result<Snapshot, LoadError> {
        read_folder(&self.root)
    }

    fn trouble(&mut self, error: &LoadError) -> Look {
        self.say(error.to_string())
    }

    /// Refuses for a reason outside of manifests, once.
    fn say(&mut self, trouble: String) -> Look {
        let seen = self.state(Digest::of_bytes(trouble.as_bytes()), Vec::new());
        if self.seen.as_ref() == Some(&seen) {
            return Look::Same;
        }
        self.seen = Some(seen);
        Look::Refused(Report {
            diagnostics: Diagnostics::default(),
            sources: SourceMap::default(),
            digest: None,
            trouble: Some(trouble),
            since: SystemTime::now(),
        })
    }
}

/// Follows a folder until the watch is told to stop, and says why. `adapt` applies the node's own settings to each table.
pub fn follow(
    follower: &mut Follower,
    watch: &mut Watch,
    proxy: &mut Proxy,
    rejected: &Rejected,
    metrics: &Metrics,
    mut adapt: impl FnMut(&mut RouteTable) -> Result<(), String>,
    mut tell: impl FnMut(&Report),
) -> Wake {
    metrics.reloads.watched(3 * POLL);
    let mut told: Option<String> = None;
    loop {
        let wake = watch.wait();
        if matches!(wake, Wake::Stop | Wake::Replaced) {
            return wake;
        }
        metrics.reloads.watched(3 * POLL);
        proxy.tend();
        let began = Instant::now();
        let (table, report) = match follower.look(wake) {
            Look::Same => continue,
            Look::Unsettled => {
                watch.waker().wake(Wake::Event);
                continue;
            }
            Look::Refused(report) => (None, report),
            Look::Table(table, report) => (Some(table), report),
        };
        let outcome = table.map(|mut table| {
            adapt(&mut table.table)?;
            let print = table.print;
            swap(proxy, *table, began).map_err(|error| {
                follower.failed(began.elapsed());
                error.to_string()
            })?;
            follower.accepted(print);
            metrics.reloads.success(began.elapsed());
            Ok::<_, String>(())
        });
        let report = match outcome {
            Some(Ok(())) => {
                rejected.store(None);
                told = None;
                tell(&report);
                continue;
            }
            Some(Err(error)) => Report { trouble: Some(error), ..report },
            None => report,
        };
        metrics.reloads.failure();
        rejected.store(Some(Arc::new(rejection(&report))));
        // what is tried again and again is told once
        if report.trouble.is_none() || told != report.trouble {
            tell(&report);
        }
        told.clone_from(&report.trouble);
    }
}

/// Puts a table in force, unless the one in force is the same.
fn swap(proxy: &mut Proxy, candidate: Candidate, began: Instant) -> Result<(), SwapError> {
    let Candidate { table, secrets, rotated, .. } = candidate;
    let live = proxy.live().load();
    let (old, new, routes) = (live.table.digest, table.digest, table.routes.len());
    drop(live);
    if old == new && !rotated {
        tracing::info!(digest = %new.short(), "nothing that matters has changed");
        return Ok(());
    }
    let generation = proxy.swap(table, secrets)?;
    let took = began.elapsed();
    tracing::info!(generation, old = %old.short(), new = %new.short(), routes, ?took, "a new table is in force");
    Ok(())
}

/// What the status listener says of a refused set of manifests.
fn rejection(report: &Report) -> Rejection {
    let shown = render::Report { sources: &report.sources, diagnostics: &report.diagnostics, style: PLAIN };
    Rejection {
        since: report.since,
        digest: report.digest,
        diagnostics: render::problems(&shown, KEPT_PROBLEMS),
        trouble: report.trouble.clone(),
    }
}
