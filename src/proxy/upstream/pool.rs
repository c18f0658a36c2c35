//! Idle connections by target, last in first out: the most recently used is the least likely to be stale.
//!
//! An idle connection is a socket and a time; buffers and deadlines are lent only while a request runs.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use crate::proxy::stream::Stream;
use crate::proxy::timer::{Deadline, Timers};
use crate::proxy::upstream::gate::Counted;
use crate::proxy::upstream::target::Target;

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
    idle: RefCell<VecDeque<Idle>>,
    timers: Timers,
}

struct Idle {
    stream: Stream,
    counted: Option<Counted>,
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
        let pool = Rc::new(Pool { idle: RefCell::default(), timers: self.timers.clone() });
        self.pools.borrow_mut().insert(target.clone(), Rc::clone(&pool));
        pool
    }

    /// Closes what is too old or was closed by the other side, and forgets targets that are no longer used.
    pub(super) fn sweep(&self) {
        self.pools.borrow_mut().retain(|_, pool| {
            let mut idle = pool.idle.borrow_mut();
            idle.retain_mut(|idle| pool.is_fresh(idle) && !is_wanted(idle.counted.as_ref()) && idle.stream.is_quiet());
            !idle.is_empty() || Rc::strong_count(pool) > 1
        });
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
    pub(super) fn take(&self, is_quiet: impl Fn(&mut Stream) -> bool) -> Option<(Stream, Option<Counted>)> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut last) = idle.pop_back() {
            if !self.is_fresh(&last) {
                // those before it are older still
                idle.clear();
            } else if is_quiet(&mut last.stream) {
                return Some((last.stream, last.counted));
            }
        }
        None
    }

    /// Keeps a connection for the next request, unless its place is wanted, maybe by another worker.
    pub(super) fn put(&self, stream: Stream, counted: Option<Counted>) {
        if is_wanted(counted.as_ref()) {
            return;
        }
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= IDLE_AT_MOST {
            idle.pop_front();
        }
        idle.push_back(Idle { stream, counted, since: self.timers.now() });
    }

    fn is_fresh(&self, idle: &Idle) -> bool {
        u128::from(self.timers.now() - idle.since) < IDLE_AGE.as_millis()
    }
}

fn is_wanted(counted: Option<&Counted>) -> bool {
    counted.is_some_and(Counted::is_wanted)
}
