//! The places of clients' connections, which all workers share: how many are taken, and who waits for one.

use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Notify;

/// How many connections are open, and those that wait because there are too many.
#[derive(Default)]
pub struct Places {
    taken: AtomicU64,
    changed: Notify,
}

impl Places {
    /// Takes a place, and waits while `limit` or more are taken; the limit is asked for anew each time.
    pub async fn take(&self, limit: impl Fn() -> u64) {
        loop {
            let mut changed = pin!(self.changed.notified());
            // from here on no change is missed
            changed.as_mut().enable();
            let limit = limit().max(1);
            let more = |taken: u64| (taken < limit).then_some(taken + 1);
            if self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).is_ok() {
                return;
            }
            changed.await;
        }
    }

    /// Gives a place back.
    pub fn give_back(&self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
        self.changed.notify_waiters();
    }

    /// Has those who wait look again: the limit may be another.
    pub fn look_again(&self) {
        self.changed.notify_waiters();
    }

    /// How many are taken.
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::Places;

    #[test]
    fn a_place_is_waited_for() {
        let (places, limit) = (Places::default(), Cell::new(1));
        let cx = &mut Context::from_waker(Waker::noop());
        let mut first = pin!(places.take(|| limit.get()));
        let (mut second, mut third) = (pin!(places.take(|| limit.get())), pin!(places.take(|| limit.get())));
        assert_eq!(first.as_mut().poll(cx), Poll::Ready(()));
        assert!(second.as_mut().poll(cx).is_pending() && third.as_mut().poll(cx).is_pending());
        places.give_back();
        assert!(second.as_mut().poll(cx).is_ready() && third.as_mut().poll(cx).is_pending());
        limit.set(2);
        places.look_again();
        assert!(third.as_mut().poll(cx).is_ready());
        assert_eq!(places.taken(), 2);
    }
}
