//! Deadlines without timer objects: one coarse tick per worker sweeps the deadlines that are set.
//!
//! A timer per request costs a tenth of a proxied request; a deadline here costs two stores. It fires at most one
//! [`TICK`] late, and never early. A worker is one thread, so nothing here is shared or locked.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;

/// How often deadlines are looked at.
pub const TICK: Duration = Duration::from_millis(50);

/// All deadlines of one worker.
#[derive(Clone)]
pub struct Timers(Rc<Inner>);

struct Inner {
    epoch: Instant,
    /// Milliseconds since `epoch`, as of the last tick.
    now: Cell<u64>,
    deadlines: RefCell<Slab<Rc<Slot>>>,
}

struct Slot {
    /// Milliseconds since the epoch of the timers; `u64::MAX` while no deadline is set.
    at: Cell<u64>,
    waker: RefCell<Option<Waker>>,
}

/// A deadline that can be set, moved and cleared, and waited for. Dropping it forgets it.
pub struct Deadline {
    slot: Rc<Slot>,
    key: usize,
    timers: Timers,
}

impl Timers {
    /// No deadlines, at this moment.
    pub fn new() -> Self {
        Self::since(Instant::now())
    }

    /// No deadlines, on the clock that began at a moment: all who share it mean the same by [`Timers::now`].
    pub fn since(epoch: Instant) -> Self {
        let timers = Self(Rc::new(Inner { epoch, now: Cell::new(0), deadlines: RefCell::default() }));
        timers.tick();
        timers
    }

    /// A deadline that isn't set yet.
    pub fn deadline(&self) -> Deadline {
        let slot = Rc::new(Slot { at: Cell::new(u64::MAX), waker: RefCell::default() });
        let key = self.0.deadlines.borrow_mut().insert(Rc::clone(&slot));
        Deadline { slot, key, timers: self.clone() }
    }

    /// Milliseconds since the timers began, as of the last tick.
    pub fn now(&self) -> u64 {
        self.0.now.get()
    }

    /// Wakes the tasks whose deadline has passed. Called once a [`TICK`].
    pub fn tick(&self) {
        let now = u64::try_from(self.0.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.now.set(now);
        for (_, slot) in self.0.deadlines.borrow().iter() {
            if slot.at.get() <= now
                && let Some(waker) = slot.waker.borrow_mut().take()
            {
                waker.wake();
            }
        }
    }

    /// Wakes every task that waits for a deadline, so that each looks at what has changed.
    pub fn wake_all(&self) {
        for (_, slot) in self.0.deadlines.borrow().iter() {
            if let Some(waker) = slot.waker.borrow_mut().take() {
                waker.wake();
            }
        }
    }
}

impl Default for Timers {
    fn default() -> Self {
        Self::new()
    }
}

impl Deadline {
    /// Sets it to some time from now, at most one [`TICK`] later than said.
    pub fn set(&self, after: Duration) {
        self.set_since(self.timers.now(), after);
    }

    /// Sets it to some time after a moment of [`Timers::now`].
    pub fn set_since(&self, moment: u64, after: Duration) {
        let after = u64::try_from((after + TICK).as_millis()).unwrap_or(u64::MAX);
        self.slot.at.set(moment.saturating_add(after));
    }

    /// Takes it back: it doesn't fire until it is set again.
    pub fn clear(&self) {
        self.slot.at.set(u64::MAX);
    }

    /// How long it is until then; `None` while it isn't set.
    pub fn left(&self) -> Option<Duration> {
        self.is_set().then(|| Duration::from_millis(self.slot.at.get().saturating_sub(self.timers.now())))
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.slot.at.get() != u64::MAX
    }

    /// Ready once it has passed; else the task is woken when it does.
    pub fn poll_expired(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.slot.at.get() <= self.timers.now() {
            return Poll::Ready(());
        }
        let mut waker = self.slot.waker.borrow_mut();
        if !waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        if let Ok(mut deadlines) = self.timers.0.deadlines.try_borrow_mut() {
            deadlines.try_remove(self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Deadline, Timers};
    use std::task::{Context, Poll, Waker};
    use std::time::Duration;

    fn expired(deadline: &Deadline) -> bool {
        deadline.poll_expired(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn fires_only_when_set_and_passed() {
        let timers = Timers::new();
        let deadline = timers.deadline();
        assert!(!expired(&deadline));
        deadline.set(Duration::from_hours(1));
        timers.tick();
        assert!(!expired(&deadline));
        timers.0.now.set(4_000_000);
        assert!(expired(&deadline));
        deadline.clear();
        assert!(!expired(&deadline));
    }
}
