//! How many connections a backend may have over all workers, and how many requests may wait for one.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// The count of a backend's connections and of the requests that wait for one.
#[derive(Debug, Default)]
pub struct Gate {
    connections: AtomicU32,
    pending: AtomicU32,
    /// Of those that wait, the ones for which there is no place.
    starved: AtomicU32,
    /// Told when there is a place and somebody is starved.
    freed: Notify,
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

/// Those of a worker who are starved, and could use each other's connections.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    count: Cell<u32>,
    /// Told when a connection is there that they may use.
    kept: Notify,
}

/// A request for which there is no place, until it is dropped.
pub(super) struct Starved<'a> {
    gate: &'a Gate,
    waiters: &'a Waiters,
}

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
    /// Whether its place is wanted by somebody who cannot use the connection itself, as those who wait here can.
    pub(super) fn is_wanted_beside(&self, here: &Waiters) -> bool {
        self.0.starved.load(Ordering::Relaxed) > here.count.get()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
        if self.0.starved.load(Ordering::Relaxed) > 0 {
            self.0.freed.notify_one();
        }
    }
}

impl Waiters {
    /// A request finds no place.
    pub(super) fn starve<'a>(&'a self, gate: &'a Gate) -> Starved<'a> {
        self.count.set(self.count.get() + 1);
        gate.starved.fetch_add(1, Ordering::Relaxed);
        Starved { gate, waiters: self }
    }

    /// Whether there is one, and no other.
    pub(super) fn is_first(&self) -> bool {
        self.count.get() == 1
    }

    /// A connection is there that one of them may use.
    pub(super) fn tell_one(&self) {
        if self.count.get() > 0 {
            self.kept.notify_one();
        }
    }
}

impl Starved<'_> {
    /// Ready once there may be a place.
    pub(super) fn freed(&self) -> Notified<'_> {
        self.gate.freed.notified()
    }

    /// Ready once there may be a connection.
    pub(super) fn kept(&self) -> Notified<'_> {
        self.waiters.kept.notified()
    }
}

impl Drop for Starved<'_> {
    fn drop(&mut self) {
        self.gate.starved.fetch_sub(1, Ordering::Relaxed);
        self.waiters.count.set(self.waiters.count.get() - 1);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Gate, GateLimits, Waiters};
    use std::sync::Arc;

    #[test]
    fn as_many_as_there_may_be() {
        let (gate, limits) = (Arc::<Gate>::default(), GateLimits { connections: 2, pending: 1 });
        let counted = [gate.count(limits), gate.count(limits), gate.count(limits)];
        assert_eq!(counted.each_ref().map(Option::is_some), [true, true, false]);
        let waiting = gate.wait(limits);
        assert!(gate.wait(limits).is_none() && gate.wait(limits).is_none());
        drop((counted, waiting));
        assert_eq!((gate.connections(), gate.pending()), (0, 0));
    }

    /// A request that is only connecting wants nobody's place, nor does one that can use the connection itself.
    #[test]
    fn a_place_is_wanted_by_those_who_have_none() {
        let (gate, limits) = (Arc::<Gate>::default(), GateLimits { connections: 1, pending: 9 });
        let (here, there) = (Waiters::default(), Waiters::default());
        let counted = gate.count(limits).unwrap();
        let _connecting = gate.wait(limits);
        assert!(!counted.is_wanted_beside(&here));
        let starved = here.starve(&gate);
        assert_eq!((counted.is_wanted_beside(&here), counted.is_wanted_beside(&there)), (false, true));
        drop(starved);
        assert!(!counted.is_wanted_beside(&there));
    }
}
