//! `/status`: what is in force since when, and what was refused. It knows places in manifests, not what they say.

use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::proxy::access_log::rfc3339;
use crate::proxy::live::Generation;
use crate::proxy::metrics::Reloads;
use crate::proxy::status::answer::{Answer, document};
use crate::proxy::status::backends::{BackendLine, lines};
use crate::proxy::status::releases::ReleaseLine;
use crate::proxy::status::{Rejection, View};
use crate::proxy::tls::{Course, Loaded};

/// The document at `/status`.
pub(super) fn overview(view: &View) -> Answer {
    let generation = view.live.load();
    let (rejected, release) = (view.notices.rejected.load(), view.notices.release.load());
    document(Overview {
        version: env!("CARGO_PKG_VERSION"),
        ready: view.ready.load(Ordering::Acquire),
        generation: generation.number,
        digest: generation.table.digest.to_string(),
        since: rfc3339(generation.since),
        routes: generation.table.routes.len(),
        listeners: listeners(&generation),
        backends: lines(&generation),
        certificates: generation.tls.certificates.iter().map(|certificate| CertificateLine::of(certificate)).collect(),
        watcher: Watcher { alive: view.metrics.reloads.is_watched() },
        reloads: Counts::of(&view.metrics.reloads),
        release: release.as_deref().map(|release| ReleaseLine::of(release, rejected.is_some())),
        rejected: rejected.as_deref().map(Rejected::of),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview<'a> {
    version: &'static str,
    ready: bool,
    generation: u64,
    digest: String,
    since: String,
    routes: usize,
    listeners: Vec<ListenerLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    backends: Vec<BackendLine<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    certificates: Vec<CertificateLine<'a>>,
    watcher: Watcher,
    reloads: Counts,
    #[serde(skip_serializing_if = "Option::is_none")]
    release: Option<ReleaseLine<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<Rejected<'a>>,
}

/// A listener, with the port that was taken for port 0.
#[derive(Serialize)]
pub(super) struct ListenerLine<'a> {
    name: &'a str,
    address: String,
}

/// A certificate in force.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CertificateLine<'a> {
    name: &'a str,
    /// Absent where none is there yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    /// Whether that is soon, or past.
    expires_soon: bool,
    /// How it is ordered, if it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    acme: Option<OrderLine>,
}

/// How it goes on with a certificate that is ordered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OrderLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    next_order: Option<String>,
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

#[derive(Serialize)]
struct Watcher {
    alive: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    succeeded: u64,
    failed: u64,
    last_success: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rejected<'a> {
    since: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    serial: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<&'a str>,
    diagnostics: &'a serde_json::Value,
}

/// The listeners of a table.
pub(super) fn listeners(generation: &Generation) -> Vec<ListenerLine<'_>> {
    let named = generation.table.settings.listeners.iter().zip(&generation.listeners);
    named
        .map(|(listener, live)| ListenerLine { name: listener.name.as_str(), address: live.address.to_string() })
        .collect()
}

impl<'a> CertificateLine<'a> {
    fn of(certificate: &'a Loaded) -> Self {
        Self {
            name: &certificate.name,
            expires: certificate.expires().map(rfc3339),
            expires_soon: certificate.expires_soon(SystemTime::now()),
            acme: certificate.slot().map(|slot| OrderLine::of(slot.course())),
        }
    }
}

impl OrderLine {
    fn of(course: Course) -> Self {
        Self { next_order: course.next.map(rfc3339), failures: course.failures, trouble: course.trouble }
    }
}

impl Counts {
    fn of(reloads: &Reloads) -> Self {
        let last = Duration::from_millis(reloads.last_success.load(Ordering::Relaxed));
        Self {
            succeeded: reloads.succeeded.load(Ordering::Relaxed),
            failed: reloads.failed.load(Ordering::Relaxed),
            last_success: rfc3339(SystemTime::UNIX_EPOCH + last),
        }
    }
}

impl<'a> Rejected<'a> {
    fn of(rejection: &'a Rejection) -> Self {
        Self {
            since: rfc3339(rejection.since),
            serial: rejection.serial,
            reason: rejection.reason,
            digest: rejection.digest.map(|digest| digest.to_string()),
            trouble: rejection.trouble.as_deref(),
            diagnostics: &rejection.diagnostics,
        }
    }
}
