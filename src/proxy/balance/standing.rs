//! Whether a target is well: by its health check, by what clients got of it, and how long since it came back.
//!
//! Moments are milliseconds on the clock that all workers share, and come in as arguments.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::proxy::balance::policy::WHOLE;

/// The share of its weight with which a target that came back begins.
const FIRST_SHARE: u32 = WHOLE / 10;

/// The standing of one target.
#[derive(Default)]
pub struct Standing {
    /// What its health check found: one of [`Health`].
    health: AtomicU8,
    /// Until when it is an outlier.
    ejected_until: AtomicU64,
    /// When it came back the last time; 0 if it never was away.
    back_since: AtomicU64,
    /// Errors in a row.
    errors: AtomicU32,
}

/// What a health check found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing yet.
    Unknown = 0,
    /// It is well.
    Healthy = 1,
    /// It is not.
    Unhealthy = 2,
}

impl Standing {
    /// What its health check found.
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            1 => Health::Healthy,
            2 => Health::Unhealthy,
            _ => Health::Unknown,
        }
    }

    /// Notes what its health check found.
    pub fn found(&self, health: Health, now: u64) {
        let before = self.health.swap(health as u8, Ordering::Relaxed);
        if before == Health::Unhealthy as u8 && health != Health::Unhealthy {
            self.back_since.store(now.max(1), Ordering::Relaxed);
        }
    }

    /// Whether it is an outlier that rests.
    pub fn is_ejected(&self, now: u64) -> bool {
        now < self.ejected_until.load(Ordering::Relaxed)
    }

    /// Has it rest for a time, and come back after that.
    pub fn eject(&self, now: u64, time: Duration) {
        let until = now.saturating_add(millis(time));
        self.ejected_until.store(until, Ordering::Relaxed);
        self.back_since.store(until, Ordering::Relaxed);
        self.errors.store(0, Ordering::Relaxed);
    }

    /// It answered well.
    pub fn succeeded(&self) {
        if self.errors.load(Ordering::Relaxed) != 0 {
            self.errors.store(0, Ordering::Relaxed);
        }
    }

    /// It failed: how many times in a row that makes.
    pub fn failed(&self) -> u32 {
        self.errors.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// The share of its weight that it gets if its health check has nothing against it, and it comes back slowly within
    /// `slow_start`.
    pub(super) fn share(&self, now: u64, slow_start: Option<Duration>) -> u32 {
        if self.is_ejected(now) {
            return 0;
        }
        let since = self.back_since.load(Ordering::Relaxed);
        let (Some(window), 1..) = (slow_start.map(millis), since) else { return WHOLE };
        let passed = now.saturating_sub(since);
        if passed >= window {
            return WHOLE;
        }
        u32::try_from(passed * u64::from(WHOLE) / window.max(1)).unwrap_or(WHOLE).max(FIRST_SHARE)
    }
}

/// A length of time in milliseconds.
pub(super) fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Health, Standing, WHOLE};
    use std::time::Duration;

    const SLOWLY: Option<Duration> = Some(Duration::from_secs(10));

    #[test]
    fn a_target_is_well_until_found_otherwise() {
        let target = Standing::default();
        assert_eq!(target.share(0, SLOWLY), WHOLE);
        target.found(Health::Unhealthy, 1_000);
        assert_eq!((target.health(), target.share(1_000, SLOWLY)), (Health::Unhealthy, WHOLE));
        target.found(Health::Healthy, 5_000);
        let shares = [5_000, 10_000, 14_999, 15_000].map(|now| target.share(now, SLOWLY));
        assert_eq!(shares, [102, 512, 1023, WHOLE]);
        assert_eq!(target.share(5_000, None), WHOLE);
    }

    #[test]
    fn an_outlier_rests_and_comes_back() {
        let target = Standing::default();
        assert_eq!((target.failed(), target.failed()), (1, 2));
        target.succeeded();
        assert_eq!(target.failed(), 1, "not in a row");
        target.eject(1_000, Duration::from_secs(2));
        assert_eq!([1_000, 2_999, 3_000].map(|now| target.share(now, None)), [0, 0, WHOLE]);
        assert_eq!([2_999, 3_000, 8_000].map(|now| target.share(now, SLOWLY)), [0, 102, 512]);
        assert_eq!(target.failed(), 1, "counted anew");
    }
}
