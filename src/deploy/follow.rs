//! Follows a folder: what compiles is put in force, what doesn't is reported, and the table in force stays.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use crate::compiler::{Compiled, compile, parse};
use crate::deploy::load::{LoadError, Snapshot, read_assets, read_folder};
use crate::deploy::watch::{POLL, Wake, Watch};
use crate::diagnostic::render::{self, Style};
use crate::diagnostic::{Diagnostics, SourceMap};
use crate::proxy::metrics::Metrics;
use crate::proxy::status::{Rejected, Rejection};
use crate::proxy::{Proxy, SwapError};
use crate::table::{Digest, RouteTable};

/// What came of looking at the folder.
pub enum Look {
    /// Nothing changed.
    Same,
    /// Files are still being written: look again soon.
    Unsettled,
    /// There is a table, perhaps with warnings.
    Table(Box<RouteTable>, Report),
    /// There is none.
    Refused(Report),
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

/// The status listener shows no colours.
const PLAIN: Style = Style { color: false, width: 100 };

/// Looks at a folder again and again.
pub struct Follower {
    root: PathBuf,
    seen: Option<Digest>,
    served: bool,
}

impl Follower {
    /// Follows a folder that was not looked at yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), seen: None, served: false }
    }

    /// Looks at the folder: reads it, until two readings agree, and compiles what changed.
    pub fn look(&mut self) -> Look {
        let snapshot = match self.read() {
            Ok(snapshot) => snapshot,
            Err(error) => return self.trouble(&error),
        };
        if snapshot.files.is_empty() && self.served {
            let error = "the folder holds no manifest any more".to_owned();
            return self.say(&Digest::of_bytes(error.as_bytes()), error);
        }
        let parsed = parse(snapshot.files.clone());
        let assets = read_assets(&self.root, &parsed.asset_requests());
        let digest = snapshot.digest(&assets);
        if self.seen == Some(digest) {
            return Look::Same;
        }
        match self.read() {
            Ok(again) if again.files.iter().map(|f| &f.bytes).eq(snapshot.files.iter().map(|f| &f.bytes)) => {}
            _ => return Look::Unsettled,
        }
        self.seen = Some(digest);
        let Compiled { sources, diagnostics, table } = compile(parsed, &assets);
        let report = Report { diagnostics, sources, digest: Some(digest), trouble: None, since: SystemTime::now() };
        match table {
            Some(table) => {
                self.served = true;
                Look::Table(Box::new(table), report)
            }
            None => Look::Refused(report),
        }
    }

    fn read(&self) -> Result<Snapshot, LoadError> {
        read_folder(&self.root)
    }

    fn trouble(&mut self, error: &LoadError) -> Look {
        let text = error.to_string();
        self.say(&Digest::of_bytes(text.as_bytes()), text)
    }

    /// Refuses for a reason outside of manifests, once.
    fn say(&mut self, digest: &Digest, trouble: String) -> Look {
        if self.seen.replace(*digest) == Some(*digest) {
            return Look::Same;
        }
        Look::Refused(Report {
            diagnostics: Diagnostics::default(),
            sources: SourceMap::default(),
            digest: None,
            trouble: Some(trouble),
            since: SystemTime::now(),
        })
    }
}

/// Follows a folder until the watch is told to stop. `adapt` applies the node's own settings to each table.
pub fn follow(
    follower: &mut Follower,
    watch: &mut Watch,
    proxy: &mut Proxy,
    rejected: &Rejected,
    metrics: &Metrics,
    mut adapt: impl FnMut(&mut RouteTable),
    mut tell: impl FnMut(&Report),
) {
    metrics.reloads.watched(3 * POLL);
    loop {
        let wake = watch.wait();
        if wake == Wake::Stop {
            return;
        }
        metrics.reloads.watched(3 * POLL);
        let began = Instant::now();
        let (table, report) = match follower.look() {
            Look::Same => continue,
            Look::Unsettled => {
                watch.waker().wake(Wake::Event);
                continue;
            }
            Look::Refused(report) => (None, report),
            Look::Table(table, report) => (Some(table), report),
        };
        let outcome = table.map(|mut table| {
            adapt(&mut table);
            swap(proxy, *table, began)?;
            metrics.reloads.success(began.elapsed());
            Ok::<_, SwapError>(())
        });
        let report = match outcome {
            Some(Ok(())) => {
                rejected.store(None);
                tell(&report);
                continue;
            }
            Some(Err(error)) => Report { trouble: Some(error.to_string()), ..report },
            None => report,
        };
        metrics.reloads.failure();
        rejected.store(Some(Arc::new(rejection(&report))));
        tell(&report);
    }
}

/// Puts a table in force, unless the one in force is the same.
fn swap(proxy: &mut Proxy, table: RouteTable, began: Instant) -> Result<(), SwapError> {
    let live = proxy.live().load();
    let (old, new, routes) = (live.table.digest, table.digest, table.routes.len());
    drop(live);
    if old == new {
        tracing::info!(digest = %new.short(), "nothing that matters has changed");
        return Ok(());
    }
    let generation = proxy.swap(table)?;
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
