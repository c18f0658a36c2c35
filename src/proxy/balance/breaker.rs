//! The circuit breaker of a backend: closed, open for a time, then half open for one request on trial.
//!
//! All of it is one number, so that no worker sees half a change. Moments are milliseconds and come in as arguments.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::proxy::balance::standing::millis;

/// The bit that says that a request is on trial; the others say until when it is open.
const ON_TRIAL: u64 = 1;

/// How long a request that is refused because another one is on trial is told to wait.
const TRIAL: Duration = Duration::from_secs(1);

/// The breaker. Its number is 0 while it is closed.
#[derive(Default)]
pub struct Breaker {
    state: AtomicU64,
    /// Errors in a row.
    errors: AtomicU32,
    /// How often it opened.
    pub openings: AtomicU64,
}

/// What a breaker is, for those who look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Requests get through.
    Closed,
    /// None does.
    Open,
    /// The next one does, on trial, or one is.
    HalfOpen,
}

/// Why a request gets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// The breaker is closed.
    Closed,
    /// It is the one on trial.
    Trial,
}

impl Breaker {
    /// Asks whether a request gets through.
    ///
    /// # Errors
    /// If not: how long it is likely to take until one does.
    pub fn admit(&self, now: u64) -> Result<Pass, Duration> {
        let state = self.state.load(Ordering::Relaxed);
        if state == 0 {
            return Ok(Pass::Closed);
        }
        let until = state >> 1;
        if now < until {
            return Err(Duration::from_millis(until - now));
        }
        let free = state & ON_TRIAL == 0;
        match self.state.compare_exchange(until << 1, until << 1 | ON_TRIAL, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) if free => Ok(Pass::Trial),
            _ => Err(TRIAL),
        }
    }

    /// What it is.
    pub fn state(&self, now: u64) -> BreakerState {
        match self.state.load(Ordering::Relaxed) {
            0 => BreakerState::Closed,
            state if now < state >> 1 => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }
    }

    /// The backend answered.
    pub fn succeeded(&self, pass: Pass) {
        if self.errors.load(Ordering::Relaxed) != 0 {
            self.errors.store(0, Ordering::Relaxed);
        }
        if pass == Pass::Trial {
            self.state.store(0, Ordering::Relaxed);
        }
    }

    /// The backend failed. It opens after so many errors in a row, and for a time.
    pub fn failed(&self, pass: Pass, limit: u32, time: Duration, now: u64) {
        let errors = self.errors.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let open = now.saturating_add(millis(time)).max(1) << 1;
        let opened = match pass {
            Pass::Trial => self.state.swap(open, Ordering::Relaxed) & ON_TRIAL != 0,
            Pass::Closed if errors >= limit => {
                self.state.compare_exchange(0, open, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            }
            Pass::Closed => false,
        };
        if opened {
            self.errors.store(0, Ordering::Relaxed);
            self.openings.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The request on trial ended and says nothing of the backend: the next one is on trial.
    pub fn abandoned(&self) {
        self.state.fetch_and(!ON_TRIAL, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, BreakerState, Pass, TRIAL};
    use std::time::Duration;

    const OPEN_FOR: Duration = Duration::from_secs(10);

    fn fail(breaker: &Breaker, pass: Pass, now: u64) {
        breaker.failed(pass, 3, OPEN_FOR, now);
    }

    #[test]
    fn it_opens_after_errors_in_a_row() {
        let breaker = Breaker::default();
        for _ in 0..5 {
            fail(&breaker, Pass::Closed, 0);
            fail(&breaker, Pass::Closed, 0);
            assert_eq!(breaker.admit(0), Ok(Pass::Closed));
            breaker.succeeded(Pass::Closed);
        }
        (0..3).for_each(|_| fail(&breaker, Pass::Closed, 1_000));
        assert_eq!(breaker.admit(1_000), Err(OPEN_FOR));
        assert_eq!(breaker.admit(10_500), Err(Duration::from_millis(500)));
        assert_eq!((breaker.state(10_500), breaker.state(11_000)), (BreakerState::Open, BreakerState::HalfOpen));
    }

    fn half_open() -> Breaker {
        let breaker = Breaker::default();
        (0..3).for_each(|_| fail(&breaker, Pass::Closed, 0));
        assert_eq!(breaker.admit(10_000), Ok(Pass::Trial));
        breaker
    }

    #[test]
    fn one_request_is_on_trial() {
        let breaker = half_open();
        assert_eq!(breaker.admit(10_000), Err(TRIAL));
        breaker.succeeded(Pass::Trial);
        assert_eq!((breaker.admit(10_000), breaker.state(10_000)), (Ok(Pass::Closed), BreakerState::Closed));
        fail(&breaker, Pass::Closed, 10_000);
        assert_eq!(breaker.state(10_000), BreakerState::Closed, "counted anew");
    }

    #[test]
    fn a_trial_that_fails_opens_it_again() {
        let breaker = half_open();
        fail(&breaker, Pass::Trial, 12_000);
        assert_eq!(breaker.admit(12_000), Err(OPEN_FOR));
        assert_eq!(breaker.admit(22_000), Ok(Pass::Trial));
    }

    #[test]
    fn a_trial_that_says_nothing_leaves_it_to_the_next() {
        let breaker = half_open();
        breaker.abandoned();
        assert_eq!(breaker.admit(10_000), Ok(Pass::Trial));
    }

    /// Requests that began before it opened end while it is open, well or not.
    #[test]
    fn stragglers_change_nothing() {
        let breaker = half_open();
        breaker.succeeded(Pass::Closed);
        (0..9).for_each(|_| fail(&breaker, Pass::Closed, 11_000));
        assert_eq!(breaker.state(11_000), BreakerState::HalfOpen);
        breaker.succeeded(Pass::Trial);
        assert_eq!(breaker.state(11_000), BreakerState::Closed);
    }
}
