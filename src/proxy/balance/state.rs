//! What is remembered of a backend and its targets from one request to the next, and from one table to the next.
//!
//! It is found by meaning: the backend's name, and the target's URL. It lasts as long as a generation has it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::proxy::balance::admission::Refusals;
use crate::proxy::balance::breaker::Breaker;
use crate::proxy::balance::budget::Budget;
use crate::proxy::balance::failures::Failures;
use crate::proxy::balance::standing::Standing;
use crate::proxy::health::Watched;
use crate::proxy::upstream::Gate;

/// The states of all backends.
#[derive(Default)]
pub struct States(Shelf<Box<str>, BackendState>);

/// What is remembered of a backend.
#[derive(Default)]
pub struct BackendState {
    /// Whose turn it is, counted on and on.
    pub turn: AtomicU32,
    /// Requests in flight, where the backend has a breaker.
    pub active: AtomicU32,
    /// Its circuit breaker.
    pub breaker: Breaker,
    /// Its connections, where they are limited.
    pub gate: Arc<Gate>,
    /// How many of its requests may be sent again.
    pub budget: Budget,
    /// Requests that were sent again.
    pub retries: AtomicU64,
    /// Requests that were not sent again because the budget was spent.
    pub retries_denied: AtomicU64,
    /// Copies of other backends' requests that were sent to it.
    pub mirrored: AtomicU64,
    /// Copies that were dropped: too large, or too many at once.
    pub mirror_dropped: AtomicU64,
    /// Requests that did not get to a target.
    pub refusals: Refusals,
    /// How often something became wrong with a target, or right again.
    changes: AtomicU64,
    /// What [`changes`](Self::changes) was when nothing was found to be wrong.
    settled: AtomicU64,
    targets: Shelf<Box<str>, TargetState>,
}

/// What is remembered of a target.
#[derive(Default)]
pub struct TargetState {
    /// Requests in flight, until the end of their answers.
    pub active: AtomicU32,
    /// Requests that were sent to it, each attempt counted.
    pub requests: AtomicU64,
    /// How often it failed.
    pub failures: Failures,
    /// Whether it is well.
    pub standing: Standing,
    /// The health check that asks it.
    pub watched: Watched,
}

impl States {
    /// What is remembered of a backend, by its name.
    pub fn backend(&self, name: &str) -> Arc<BackendState> {
        self.0.get_or(name.into(), BackendState::default)
    }
}

impl BackendState {
    /// What is remembered of a target, by its URL.
    pub fn target(&self, url: &str) -> Arc<TargetState> {
        self.targets.get_or(url.into(), TargetState::default)
    }

    /// The standing of a target has changed.
    pub fn changed(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether something may be wrong with a target: if not, none has to be looked at. `is_wrong` looks at all of them, and is only
    /// asked after a change, until it finds that nothing is wrong.
    pub fn is_troubled(&self, is_wrong: impl FnOnce() -> bool) -> bool {
        let changes = self.changes.load(Ordering::Acquire);
        if changes == self.settled.load(Ordering::Relaxed) {
            return false;
        }
        let wrong = is_wrong();
        if !wrong {
            // a change that came meanwhile has another number
            self.settled.store(changes, Ordering::Relaxed);
        }
        wrong
    }
}

impl TargetState {
    /// A request is sent to it.
    pub fn begin(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// A request at it has ended.
    pub fn end(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// A request at it goes on beyond its answer, until the value is dropped.
    pub fn hold(self: &Arc<Self>) -> Busy {
        self.active.fetch_add(1, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }
}

/// A request that goes on beyond its answer, as a tunnel does.
pub struct Busy(Arc<TargetState>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// Values that are shared by who asks for the same key, and end with the last who holds them. Only looked at when a table is made
/// ready.
pub struct Shelf<K, V>(Mutex<HashMap<K, Weak<V>>>);

impl<K, V> Default for Shelf<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash, V> Shelf<K, V> {
    /// The value of a key, made if nobody has it.
    pub fn get_or(&self, key: K, make: impl FnOnce() -> V) -> Arc<V> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, value| value.strong_count() > 0);
        if let Some(value) = kept.get(&key).and_then(Weak::upgrade) {
            return value;
        }
        let value = Arc::new(make());
        kept.insert(key, Arc::downgrade(&value));
        value
    }
}

#[cfg(test)]
mod tests {
    use super::States;
    use std::sync::Arc;

    #[test]
    fn nobody_looks_until_something_changes() {
        let one = States::default().backend("a");
        assert!(!one.is_troubled(|| panic!("nothing has changed")));
        one.changed();
        assert!(one.is_troubled(|| true) && one.is_troubled(|| true));
        assert!(!one.is_troubled(|| {
            one.changed();
            false
        }));
        assert!(one.is_troubled(|| true), "it changed while it was looked at");
        assert!(!one.is_troubled(|| false));
        assert!(!one.is_troubled(|| panic!("nothing has changed")));
    }

    #[test]
    fn a_state_lasts_as_long_as_somebody_has_it() {
        let states = States::default();
        let one = states.backend("a");
        assert!(Arc::ptr_eq(&one, &states.backend("a")) && !Arc::ptr_eq(&one, &states.backend("b")));
        one.target("http://a").begin();
        let target = one.target("http://a");
        assert_eq!(target.active.load(std::sync::atomic::Ordering::Relaxed), 0, "nobody had it");
        target.begin();
        assert_eq!(one.target("http://a").active.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
