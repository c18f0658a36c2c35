//! How many of a backend's requests may be sent again: a share of them, and a few a second beyond that.
//!
//! When much fails at once, retries would multiply the load on what is left. So each request puts a part of a retry into a purse,
//! time puts in some more, and each retry takes a whole one out.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// What a retry costs.
const RETRY: i64 = 1000;

/// What a second puts in: ten retries.
const PER_SECOND: i64 = 10 * RETRY;

/// What the purse holds at most: a hundred retries.
const MOST: i64 = 100 * RETRY;

/// The purse, in thousandths of a retry.
pub struct Budget {
    left: AtomicI64,
    /// Until when time has put in its part, in milliseconds.
    until: AtomicU64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: PER_SECOND.into(), until: 0.into() }
    }
}

impl Budget {
    /// A request puts in its share, in percent of a retry.
    pub fn earn(&self, percent: u32) {
        self.put(i64::from(percent) * RETRY / 100, MOST);
    }

    /// Takes a retry out, if there is one.
    pub fn spend(&self, now: u64) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        let passed = i64::try_from(now.saturating_sub(until)).unwrap_or(i64::MAX).min(1000);
        if passed > 0 && self.until.compare_exchange(until, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            // what time puts in does not add up for longer than a second
            self.put(passed * PER_SECOND / 1000, PER_SECOND);
        }
        let taken =
            self.left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| (left >= RETRY).then(|| left - RETRY));
        taken.is_ok()
    }

    fn put(&self, amount: i64, most: i64) {
        if self.left.load(Ordering::Relaxed) < most {
            self.left.fetch_add(amount, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    fn spent(budget: &Budget, now: u64) -> usize {
        (0..1000).take_while(|_| budget.spend(now)).count()
    }

    #[test]
    fn a_few_a_second_are_always_allowed() {
        let budget = Budget::default();
        assert_eq!(spent(&budget, 0), 10);
        assert_eq!([100, 1_100, 9_100].map(|now| spent(&budget, now)), [1, 10, 10]);
    }

    #[test]
    fn beyond_that_a_share_of_the_requests() {
        let budget = Budget::default();
        assert_eq!(spent(&budget, 0), 10);
        (0..100).for_each(|_| budget.earn(20));
        assert_eq!(spent(&budget, 0), 20);
        (0..10_000).for_each(|_| budget.earn(20));
        assert_eq!(spent(&budget, 0), 100, "it is no savings account");
    }
}
