//! How often a target failed, by reason.

use std::sync::atomic::{AtomicU64, Ordering};

/// The reasons: those of an `UpstreamError`, and `status` for an answer of 500 or more. What is not in the list counts as the last.
const REASONS: [&str; 15] = [
    "status",
    "resolve",
    "refused",
    "connect",
    "connect-timeout",
    "tls",
    "first-byte-timeout",
    "idle-timeout",
    "request-timeout",
    "try-timeout",
    "closed",
    "no-http2",
    "malformed",
    "head-too-large",
    "other",
];

/// The failures of a target.
#[derive(Default)]
pub struct Failures([AtomicU64; REASONS.len()]);

impl Failures {
    /// Counts one.
    pub(super) fn count(&self, reason: &str) {
        let index = REASONS.iter().position(|known| *known == reason).unwrap_or(REASONS.len() - 1);
        self.0[index].fetch_add(1, Ordering::Relaxed);
    }

    /// The counts that are not zero.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let counts = self.0.iter().map(|count| count.load(Ordering::Relaxed));
        REASONS.into_iter().zip(counts).filter(|(_, count)| *count > 0)
    }
}
