//! Idle connections by target, last in first out: the most recently used is the least likely to be stale.
//!
//! An idle connection is a socket and a time; buffers and deadlines are lent only while a request runs.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use crate::proxy::stream::Stream;
use crate::proxy::timer::{Deadline, Timers};
use crate::proxy::upstream::gate::{Counted, Waiters};
use crate::proxy::upstream::target::{Address, Target};

/// How many idle connections are kept for one target.
const IDLE_AT_MOST: usize = 128;

/// How long a connection stays idle before it is closed.
const IDLE_AGE: Duration = Duration::from_mins(1);

/// The pools of one worker.
pub(super) struct Pools {
    pools: RefCell<HashMap<Target, Rc<Pool>, ahash::RandomState>>,
    timers: Timers,
}

/// The idle connections to one target.
pub(super) struct Pool {
    address: Address,
    idle: RefCell<VecDeque<Idle>>,
    /// Those who wait for one.
    pub(super) waiters: Waiters,
    timers: Timers,
}

/// What decides whether a connection may be kept, beside its own state.
pub(super) struct Mark {
    /// Its place among the connections of its backend, if those are limited.
    pub(super) counted: Option<Counted>,
    /// The version of the target's addresses when it was made.
    pub(super) version: u32,
}

struct Idle {
    stream: Stream,
    mark: Mark,
    /// Milliseconds of the worker's timers.
    since: u64,
}

impl Pools {
    /// No connections yet.
    pub(super) fn new(timers: Timers) -> Self {
        Self { pools: RefCell::default(), timers }
    }

    /// The pool of a target.
    pub(super) fn of(&self, target: &Target) -> Rc<Pool> {
        if let Some(pool) = self.pools.borrow().get(target) {
            return Rc::clone(pool);
        }
        let address = target.address.clone();
        let (idle, waiters) = (RefCell::default(), Waiters::default());
        let pool = Rc::new(Pool { address, idle, waiters, timers: self.timers.clone() });
        self.pools.borrow_mut().insert(target.clone(), Rc::clone(&pool));
        pool
    }

    /// Closes what is too old or was closed by the other side, and forgets targets that are no longer used.
    pub(super) fn sweep(&self) {
        self.pools.borrow_mut().retain(|target, pool| {
            let mut idle = pool.idle.borrow_mut();
            if target.is_orphaned() {
                idle.clear();
            }
            idle.retain_mut(|idle| pool.is_fresh(idle) && pool.may_keep(&idle.mark) && idle.stream.is_quiet());
            !idle.is_empty() || Rc::strong_count(pool) > 1
        });
    }

    /// Closes connections whose place somebody elsewhere waits for.
    pub(super) fn make_room(&self) {
        for pool in self.pools.borrow().values() {
            pool.idle.borrow_mut().retain(|idle| pool.may_keep(&idle.mark));
        }
    }

    /// The number of idle connections.
    pub(super) fn idle(&self) -> usize {
        self.pools.borrow().values().map(|pool| pool.idle.borrow().len()).sum()
    }
}

impl Pool {
    /// A deadline on the worker's clock.
    pub(super) fn deadline(&self) -> Deadline {
        self.timers.deadline()
    }

    /// An idle connection on which nothing has come, as `is_quiet` finds; others are closed.
    pub(super) fn take(&self, is_quiet: impl Fn(&mut Stream) -> bool) -> Option<(Stream, Mark)> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut last) = idle.pop_back() {
            if !self.is_fresh(&last) {
                // those before it are older still
                idle.clear();
            } else if last.mark.version == self.address.version() && is_quiet(&mut last.stream) {
                return Some((last.stream, last.mark));
            }
        }
        None
    }

    /// Keeps a connection for the next request, if it may stay.
    pub(super) fn put(&self, stream: Stream, mark: Mark) {
        if mark.version != self.address.version() {
            return;
        }
        match &mark.counted {
            None => {}
            Some(counted) if counted.is_wanted_beside(&self.waiters) => return,
            Some(_) => self.waiters.tell_one(),
        }
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= IDLE_AT_MOST {
            idle.pop_front();
        }
        idle.push_back(Idle { stream, mark, since: self.timers.now() });
    }

    fn is_fresh(&self, idle: &Idle) -> bool {
        u128::from(self.timers.now() - idle.since) < IDLE_AGE.as_millis()
    }

    /// Whether the name still means the same addresses, and nobody elsewhere, maybe of another worker, waits for the place.
    fn may_keep(&self, mark: &Mark) -> bool {
        let is_wanted = |counted: &Counted| counted.is_wanted_beside(&self.waiters);
        mark.version == self.address.version() && !mark.counted.as_ref().is_some_and(is_wanted)
    }
}
