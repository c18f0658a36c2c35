//! How many connections a backend may have over all workers, and how many requests may wait for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The count of a backend's connections and of the requests that wait for one.
#[derive(Debug, Default)]
pub struct Gate {
    connections: AtomicU32,
    pending: AtomicU32,
}

/// What a gate lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateLimits {
    /// Connections, idle ones included.
    pub connections: u32,
    /// Requests that wait for one.
    pub pending: u32,
}

/// A connection that counts until it is dropped.
#[derive(Debug)]
pub(super) struct Counted(Arc<Gate>);

/// A request that waits until it is dropped.
pub(super) struct Waiting<'a>(&'a Gate);

impl Gate {
    /// The connections there are.
    pub fn connections(&self) -> u32 {
        self.connections.load(Ordering::Relaxed)
    }

    /// The requests that wait.
    pub fn pending(&self) -> u32 {
        self.pending.load(Ordering::Relaxed)
    }

    /// A request begins to wait; `None` if too many do.
    pub(super) fn wait(&self, limits: GateLimits) -> Option<Waiting<'_>> {
        // not `then_some`: what is made in vain would count when it is dropped
        take(&self.pending, limits.pending).then(|| Waiting(self))
    }

    /// A connection is to be made; `None` if there are too many.
    pub(super) fn count(self: &Arc<Self>, limits: GateLimits) -> Option<Counted> {
        take(&self.connections, limits.connections).then(|| Counted(Arc::clone(self)))
    }
}

fn take(counter: &AtomicU32, most: u32) -> bool {
    if counter.fetch_add(1, Ordering::Relaxed) < most {
        return true;
    }
    counter.fetch_sub(1, Ordering::Relaxed);
    false
}

impl Counted {
    /// Whether somebody waits for a connection that this one could make room for.
    pub(super) fn is_wanted(&self) -> bool {
        self.0.pending() > 0
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, GateLimits};
    use std::sync::Arc;

    #[test]
    fn as_many_as_there_may_be() {
        let (gate, limits) = (Arc::<Gate>::default(), GateLimits { connections: 2, pending: 1 });
        let counted = [gate.count(limits), gate.count(limits), gate.count(limits)];
        assert_eq!(counted.each_ref().map(Option::is_some), [true, true, false]);
        let waiting = gate.wait(limits);
        assert!(gate.wait(limits).is_none() && gate.wait(limits).is_none());
        assert!(counted.iter().flatten().all(super::Counted::is_wanted));
        drop((counted, waiting));
        assert_eq!((gate.connections(), gate.pending()), (0, 0));
    }
}
