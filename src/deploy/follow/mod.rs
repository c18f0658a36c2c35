//! Follows where tables come from: what compiles is put in force, what doesn't is reported, and the table in force stays.

mod folder;

pub use folder::Follower;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::deploy::watch::{Wake, Watch};
use crate::diagnostic::render::{self, Style};
use crate::diagnostic::{Diagnostics, SourceMap};
use crate::pipeline::secrets::Secrets;
use crate::proxy::metrics::Metrics;
use crate::proxy::status::{InForce, Notices, Rejection};
use crate::proxy::{Proxy, SwapError};
use crate::table::{Digest, RouteTable};

/// Where tables come from.
pub trait Source {
    /// Looks whether there is a new table.
    fn look(&mut self, why: Wake) -> Look;

    /// Notes that the last candidate is in force.
    fn accepted(&mut self, print: Digest);

    /// Notes that the last candidate could not be put in force: it is tried again although nothing changes, the more seldom the more
    /// it costs.
    fn failed(&mut self, took: Duration);

    /// The table to start with where there is no newer one that can be used.
    fn last_known_good(&mut self) -> Option<Look> {
        None
    }

    /// The release in force, where tables come from releases.
    fn release(&self) -> Option<InForce> {
        None
    }
}

/// What came of looking.
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
    /// The digest of the files or of the bundle, if they could be read.
    pub digest: Option<Digest>,
    /// What went wrong outside of manifests: a folder that cannot be read, a port that is taken.
    pub trouble: Option<String>,
    /// The number of the release, if it is one and it was told.
    pub serial: Option<u64>,
    /// Why a release was refused, in one word.
    pub reason: Option<&'static str>,
    /// When it was found.
    pub since: SystemTime,
}

/// Why a release is refused that this node cannot put in force, in one word.
const NODE: &str = "node";

/// How many problems of a refused set of manifests the status listener shows, the worst if there are more.
const KEPT_PROBLEMS: usize = 100;

/// The status listener shows no colours.
const PLAIN: Style = Style { color: false, width: 100 };

impl Report {
    /// What is said of what went wrong outside of manifests.
    pub fn of_trouble(trouble: String) -> Self {
        Self {
            diagnostics: Diagnostics::default(),
            sources: SourceMap::default(),
            digest: None,
            trouble: Some(trouble),
            serial: None,
            reason: None,
            since: SystemTime::now(),
        }
    }

    /// The same of what this node cannot put in force.
    pub fn not_put_in_force(self, trouble: String) -> Self {
        Self { trouble: Some(trouble), reason: self.serial.map(|_| NODE), ..self }
    }
}

/// What to start with.
pub struct First {
    /// The table.
    pub table: Candidate,
    /// What is said of it.
    pub report: Report,
    /// What is newer and was refused.
    pub refused: Option<Report>,
}

/// The table to start with, and what was refused if it is the last one that was good. Without one there is no start: there is
/// nothing to go on with.
pub fn first(source: &mut dyn Source, mut tell: impl FnMut(&Report)) -> Option<First> {
    let refused = loop {
        match source.look(Wake::Asked) {
            Look::Unsettled => {}
            Look::Same => return None,
            Look::Refused(report) => break report,
            Look::Table(table, report) => {
                tell(&report);
                return Some(First { table: *table, report, refused: None });
            }
        }
    };
    tell(&refused);
    match source.last_known_good()? {
        Look::Table(table, report) => Some(First { table: *table, report, refused: Some(refused) }),
        Look::Refused(report) => {
            tell(&report);
            None
        }
        Look::Same | Look::Unsettled => None,
    }
}

/// Tells operators that what is newest was refused.
pub fn note_refused(report: &Report, notices: &Notices, metrics: &Metrics) {
    metrics.reloads.failure();
    if let Some(reason) = report.reason {
        metrics.releases.refused(reason);
    }
    notices.rejected.store(Some(Arc::new(rejection(report))));
}

/// Tells operators what is in force.
pub fn note_accepted(source: &dyn Source, took: Duration, notices: &Notices, metrics: &Metrics) {
    metrics.reloads.success(took);
    notices.release.store(source.release().map(Arc::new));
}

/// Follows a source until the watch is told to stop, and says why. `adapt` applies the node's own settings to each table.
pub fn follow(
    source: &mut dyn Source,
    watch: &mut Watch,
    proxy: &mut Proxy,
    notices: &Notices,
    metrics: &Metrics,
    mut adapt: impl FnMut(&mut RouteTable) -> Result<(), String>,
    mut tell: impl FnMut(&Report),
) -> Wake {
    let within = 3 * watch.poll();
    metrics.reloads.watched(within);
    let mut told: Option<String> = None;
    loop {
        let wake = watch.wait();
        if matches!(wake, Wake::Stop | Wake::Replaced) {
            return wake;
        }
        metrics.reloads.watched(within);
        proxy.tend();
        let began = Instant::now();
        let (table, report) = match source.look(wake) {
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
                source.failed(began.elapsed());
                error.to_string()
            })?;
            source.accepted(print);
            note_accepted(source, began.elapsed(), notices, metrics);
            Ok::<_, String>(())
        });
        let report = match outcome {
            Some(Ok(())) => {
                notices.rejected.store(None);
                told = None;
                tell(&report);
                continue;
            }
            Some(Err(error)) => report.not_put_in_force(error),
            None => report,
        };
        note_refused(&report, notices, metrics);
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
        reason: report.reason,
        serial: report.serial,
    }
}
