//! What the traffic of a node was like since a release came into force there, for comparing nodes with each other.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use crate::proxy::metrics::{BUCKETS, Metrics, RouteMetrics};

/// What the traffic was like.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// How many requests were answered.
    pub requests: u64,
    /// How many of them with a status from 500.
    pub errors: u64,
    /// How many took at most 1 ms, 2.5 ms, 5 ms, 10 ms, 25 ms, 50 ms, 100 ms, 250 ms, 1 s, 5 s, 30 s, and longer than that.
    pub durations: Vec<u64>,
}

/// Counts the traffic of this node since something began.
#[derive(Default)]
pub(super) struct Tally {
    /// What the counters of each route said last.
    seen: BTreeMap<Box<str>, Traffic>,
    total: Traffic,
}

impl Traffic {
    fn of(route: &RouteMetrics) -> Self {
        let load = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
        Self {
            requests: route.statuses.iter().map(load).sum(),
            errors: load(&route.statuses[3]),
            durations: route.buckets.iter().map(load).collect(),
        }
    }

    /// The sum of both. What was read from elsewhere may be anything.
    pub fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        self.errors = self.errors.saturating_add(other.errors);
        self.durations.resize(BUCKETS.len() + 1, 0);
        for (own, more) in self.durations.iter_mut().zip(&other.durations) {
            *own = own.saturating_add(*more);
        }
    }

    /// What came after another look; all of it if the counters began anew in between.
    fn since(&self, before: &Self) -> Self {
        if self.requests < before.requests {
            return self.clone();
        }
        let less = |now: u64, then: u64| now.saturating_sub(then);
        let durations = self.durations.iter().zip(before.durations.iter().chain(std::iter::repeat(&0)));
        Self {
            requests: less(self.requests, before.requests),
            errors: less(self.errors, before.errors),
            durations: durations.map(|(now, then)| less(*now, *then)).collect(),
        }
    }

    /// How many requests took longer than a bucket of durations holds.
    pub(super) fn slower_than(&self, bucket: usize) -> u64 {
        self.durations.iter().skip(bucket + 1).fold(0, |sum, count| sum.saturating_add(*count))
    }
}

impl Tally {
    /// Adds what came since the last look, and gives the sum.
    pub(super) fn count(&mut self, metrics: &Metrics) -> Traffic {
        let mut routes: BTreeMap<Box<str>, Traffic> =
            metrics.routes().iter().map(|(name, route)| (name.clone(), Traffic::of(route))).collect();
        routes.insert("".into(), Traffic::of(&metrics.unrouted));
        for (name, now) in &routes {
            let new = self.seen.get(name).map_or_else(|| now.clone(), |before| now.since(before));
            self.total.add(&new);
        }
        self.seen = routes;
        self.total.clone()
    }

    /// Begins at zero.
    pub(super) fn restart(&mut self) {
        self.total = Traffic::default();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Tally, Traffic};
    use crate::proxy::metrics::Metrics;

    #[test]
    fn what_came_since_the_last_look_is_counted_once() {
        let (metrics, mut tally) = (Metrics::default(), Tally::default());
        let shop = metrics.route("shop");
        shop.count(200, Duration::from_millis(2));
        shop.count(503, Duration::from_mins(1));
        metrics.unrouted.count(404, Duration::ZERO);
        let first = tally.count(&metrics);
        assert_eq!((first.requests, first.errors), (3, 1));
        assert_eq!(first.durations, [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!((first.slower_than(1), first.slower_than(11)), (1, 0));
        assert_eq!(tally.count(&metrics), first);
        tally.restart();
        shop.count(200, Duration::ZERO);
        assert_eq!(tally.count(&metrics).requests, 1);

        // a route that is gone takes nothing with it, and one that comes again begins anew
        drop(shop);
        metrics.forget_unused();
        assert_eq!(tally.count(&metrics).requests, 1);
        metrics.route("shop").count(200, Duration::ZERO);
        assert_eq!(tally.count(&metrics).requests, 2);
    }

    #[test]
    fn what_others_say_may_be_anything() {
        let odd = Traffic { requests: u64::MAX, errors: u64::MAX, durations: vec![1, u64::MAX] };
        let mut sum = odd.clone();
        sum.add(&odd);
        assert_eq!((sum.requests, sum.durations[0], sum.durations.len()), (u64::MAX, 2, 12));
        assert_eq!(Traffic { durations: vec![u64::MAX; 20], ..odd }.slower_than(0), u64::MAX);
    }
}
