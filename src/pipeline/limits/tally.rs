//! How limits decided so far, for metrics.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How a limit decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The request went on.
    Allowed,
    /// It was refused.
    Refused,
    /// It would have been refused, were the limits enforced.
    WouldRefuse,
    /// The store did not answer, and the request went on.
    FailedOpen,
    /// The store did not answer, and the request was refused.
    FailedClosed,
}

/// All of them, with what metrics call them.
pub const VERDICTS: [(Verdict, &str); 5] = [
    (Verdict::Allowed, "allowed"),
    (Verdict::Refused, "refused"),
    (Verdict::WouldRefuse, "would-refuse"),
    (Verdict::FailedOpen, "failed-open"),
    (Verdict::FailedClosed, "failed-closed"),
];

/// Whose limits are counted, apart from each other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// A plan's, by its name.
    Plan(Box<str>),
    /// A plugin's, as `namespace/route/id`.
    Plugin(Box<str>),
}

/// How often limits decided in each way.
#[derive(Debug, Default)]
pub struct Tally([AtomicU64; VERDICTS.len()]);

impl Tally {
    /// Counts a verdict.
    pub fn count(&self, verdict: Verdict) {
        self.0[verdict as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often it was this one.
    pub fn of(&self, verdict: Verdict) -> u64 {
        self.0[verdict as usize].load(Ordering::Relaxed)
    }
}

/// The tallies of all limits that were in force since the start.
#[derive(Debug, Default)]
pub struct Tallies(Mutex<BTreeMap<Whose, Arc<Tally>>>);

impl Tallies {
    /// The tally of some limits.
    pub fn of(&self, whose: Whose) -> Arc<Tally> {
        Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(whose).or_default())
    }

    /// All tallies, in the order of their names.
    pub fn all(&self) -> Vec<(Whose, Arc<Tally>)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(whose, tally)| (whose.clone(), Arc::clone(tally))).collect()
    }
}
