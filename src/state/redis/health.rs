//! Whether a Redis answers: after a failure it is left alone for a while, and the log says once that it is gone or back.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// After a failure it is not asked for so long.
const REST: Duration = Duration::from_millis(500);

/// What is known of a Redis.
pub struct Health {
    began: Instant,
    /// Until when it is left alone, in milliseconds since the beginning.
    rests: AtomicU64,
    gone: AtomicBool,
}

impl Health {
    /// One that nothing is known of.
    pub fn new() -> Self {
        Self { began: Instant::now(), rests: AtomicU64::new(0), gone: AtomicBool::new(false) }
    }

    /// Whether it is left alone.
    pub fn rests(&self) -> bool {
        self.milliseconds() < self.rests.load(Ordering::Relaxed)
    }

    /// Notes that it did not answer.
    pub fn failed(&self, why: &str) {
        let until = self.milliseconds().saturating_add(u64::try_from(REST.as_millis()).unwrap_or(0));
        self.rests.fetch_max(until, Ordering::Relaxed);
        if !self.gone.swap(true, Ordering::Relaxed) {
            tracing::warn!(why, "Redis does not answer: limits do what their `onStoreFailure` says");
        }
    }

    /// Notes that it answered.
    pub fn answered(&self) {
        if self.gone.load(Ordering::Relaxed) && self.gone.swap(false, Ordering::Relaxed) {
            tracing::info!("Redis answers again");
        }
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
