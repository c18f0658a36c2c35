//! Counters of the data plane: cheap to count into, read only when somebody asks for `/metrics`.
//!
//! They outlive tables: a route keeps its counts as long as the program runs and its name stays.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::proxy::places::Places;
use crate::proxy::tls::TlsCounters;

/// Upper bounds of the buckets of durations, in seconds.
pub const BUCKETS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// All counters.
#[derive(Default)]
pub struct Metrics {
    routes: Mutex<BTreeMap<Box<str>, Arc<RouteMetrics>>>,
    /// Requests that no route was found for, or that were refused before one was looked for.
    pub unrouted: RouteMetrics,
    /// The places of connections of clients.
    pub places: Places,
    /// Connections of clients since the start.
    pub accepted: AtomicU64,
    /// Upgraded connections that are open.
    pub tunnels: AtomicI64,
    /// Lines of the access log that were dropped because the reader was too slow.
    pub log_dropped: AtomicU64,
    /// What became of handshakes with clients.
    pub tls: TlsCounters,
    /// What became of reloads.
    pub reloads: Reloads,
    /// What became of releases.
    pub releases: Releases,
}

/// The counters of one route.
#[derive(Default)]
pub struct RouteMetrics {
    /// Answers by class of status, 2xx at index 0 to 5xx at 3; 1xx (switched protocols) at 4.
    pub statuses: [AtomicU64; 5],
    /// Durations by bucket, the last one for everything slower.
    pub buckets: [AtomicU64; BUCKETS.len() + 1],
    /// The sum of all durations in microseconds.
    pub micros: AtomicU64,
}

/// What became of reloads.
#[derive(Default)]
pub struct Reloads {
    /// Attempts that ended with what was read in force, the first one included.
    pub succeeded: AtomicU64,
    /// Attempts that changed nothing, because of errors.
    pub failed: AtomicU64,
    /// When the last successful one ended, in milliseconds since 1970.
    pub last_success: AtomicU64,
    /// How long the last successful one took from the change seen to the table in force, in microseconds.
    pub last_micros: AtomicU64,
    /// By when the watcher is to have looked at the files again, in milliseconds since 1970; 0 if there is no watcher.
    watcher_due: AtomicU64,
}

/// What became of releases.
#[derive(Default)]
pub struct Releases {
    /// When their store last answered, in milliseconds since 1970.
    pub answered: AtomicU64,
    /// How often one was refused, by reason.
    refusals: Mutex<BTreeMap<&'static str, u64>>,
}

impl Metrics {
    /// The counters of a route, made at its first mention.
    pub fn route(&self, name: &str) -> Arc<RouteMetrics> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        match routes.get(name) {
            Some(route) => Arc::clone(route),
            None => Arc::clone(routes.entry(name.into()).or_default()),
        }
    }

    /// The counters of all routes, by name.
    pub fn routes(&self) -> Vec<(Box<str>, Arc<RouteMetrics>)> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.iter().map(|(name, route)| (name.clone(), Arc::clone(route))).collect()
    }

    /// Forgets the routes that no table has any more. A table ends with the last request that began under it, so this is
    /// asked whenever the counters are read, not when a table is swapped.
    pub fn forget_unused(&self) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|_, route| Arc::strong_count(route) > 1);
    }
}

impl RouteMetrics {
    /// Counts an answer.
    pub fn count(&self, status: u16, duration: Duration) {
        let class = match status {
            200..300 => 0,
            300..400 => 1,
            400..500 => 2,
            500.. => 3,
            _ => 4,
        };
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let seconds = duration.as_secs_f64();
        let bucket = BUCKETS.iter().position(|bound| seconds <= *bound).unwrap_or(BUCKETS.len());
        self.statuses[class].fetch_add(1, Ordering::Relaxed);
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Reloads {
    /// Notes that what was read is in force.
    pub fn success(&self, took: Duration) {
        self.succeeded.fetch_add(1, Ordering::Relaxed);
        self.last_success.store(now_millis(), Ordering::Relaxed);
        self.last_micros.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Notes an attempt that changed nothing.
    pub fn failure(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that the watcher looked at the files, and that it is to look again within a time.
    pub fn watched(&self, again_within: Duration) {
        let wait = u64::try_from(again_within.as_millis()).unwrap_or(u64::MAX);
        self.watcher_due.store(now_millis().saturating_add(wait), Ordering::Relaxed);
    }

    /// Whether the watcher looks at the files as it said.
    pub fn is_watched(&self) -> bool {
        now_millis() <= self.watcher_due.load(Ordering::Relaxed)
    }
}

impl Releases {
    /// Notes that the store has answered.
    pub fn answered(&self) {
        self.answered.store(now_millis(), Ordering::Relaxed);
    }

    /// Counts a refusal.
    pub fn refused(&self, reason: &'static str) {
        *self.refusals.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }

    /// The refusals by reason.
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        self.refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .map(|(reason, count)| (*reason, *count))
            .collect()
    }
}

fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
