//! Whether a request gets to a backend at all, and what its outcome teaches about the backend and its targets.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::proxy::balance::backend::LiveBackend;
use crate::proxy::balance::breaker::{BreakerState, Pass};
use crate::proxy::upstream::UpstreamError;

/// How long a request that is one too many is told to wait.
const FULL: Duration = Duration::from_secs(1);

/// A request that gets to a backend.
pub struct Admission<'a> {
    backend: &'a LiveBackend,
    pass: Cell<Pass>,
}

/// Why a request does not get to a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// A short, stable name for logs.
    pub reason: &'static str,
    /// After how long the client may try again.
    pub retry_after: Duration,
}

/// How many requests were refused, by reason.
#[derive(Default)]
pub struct Refusals {
    /// The breaker is open.
    pub open: AtomicU64,
    /// Too many are in flight.
    pub requests: AtomicU64,
    /// Too many wait for a connection.
    pub pending: AtomicU64,
    /// No connection became free in time.
    pub connections: AtomicU64,
}

/// What became of a request at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered.
    Success,
    /// It gave no usable answer, or one that says that it failed: why.
    Failure(&'static str),
    /// It is not to blame, whatever happened.
    Nothing,
}

impl Outcome {
    /// What an answer of a status says of its target.
    pub fn of_status(status: u16) -> Self {
        if status >= 500 { Self::Failure("status") } else { Self::Success }
    }

    /// What it says of a target that a request got no usable answer of it. The gateway's own limits say nothing, nor do the client's
    /// own faults.
    pub fn of_error(error: &UpstreamError) -> Self {
        match error {
            UpstreamError::RequestBody(_)
            | UpstreamError::Unsendable
            | UpstreamError::NoUpgrade
            | UpstreamError::PendingLimit
            | UpstreamError::ConnectionLimit => Self::Nothing,
            error => Self::Failure(error.reason()),
        }
    }
}

impl LiveBackend {
    /// Lets a request through, or not. One that gets through is in flight until [`leave`](Self::leave).
    ///
    /// # Errors
    /// If the breaker is open or too many requests are in flight.
    pub fn admit(&self, now: u64) -> Result<Admission<'_>, Refused> {
        let Some(limits) = &self.upstream.breaker else {
            return Ok(Admission { backend: self, pass: Cell::new(Pass::Closed) });
        };
        let active = self.state.active.fetch_add(1, Ordering::Relaxed);
        if limits.max_requests.is_some_and(|most| active >= most) {
            self.leave();
            self.state.refusals.requests.fetch_add(1, Ordering::Relaxed);
            return Err(Refused { reason: "breaker-requests", retry_after: FULL });
        }
        let admitted = if self.counts_errors() { self.state.breaker.admit(now) } else { Ok(Pass::Closed) };
        match admitted {
            Ok(pass) => Ok(Admission { backend: self, pass: Cell::new(pass) }),
            Err(retry_after) => {
                self.leave();
                self.state.refusals.open.fetch_add(1, Ordering::Relaxed);
                Err(Refused { reason: "breaker-open", retry_after })
            }
        }
    }

    /// Whether errors in a row open its breaker.
    fn counts_errors(&self) -> bool {
        self.upstream.breaker.as_ref().is_some_and(|limits| limits.consecutive_errors.is_some())
    }

    /// What its breaker is. What an earlier table left open is closed for one that counts no errors.
    pub fn breaker(&self, now: u64) -> BreakerState {
        if self.counts_errors() { self.state.breaker.state(now) } else { BreakerState::Closed }
    }

    /// Notes that a request found no connection, if that is the error; whether it is.
    pub fn note_overflow(&self, error: &UpstreamError) -> bool {
        let counter = match error {
            UpstreamError::PendingLimit => &self.state.refusals.pending,
            UpstreamError::ConnectionLimit => &self.state.refusals.connections,
            _ => return false,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        true
    }

    /// A request that was let through has ended.
    pub fn leave(&self) {
        if self.upstream.breaker.is_some() {
            self.state.active.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Admission<'_> {
    /// Notes what became of the request at a target.
    pub fn note(&self, target: u32, outcome: Outcome, now: u64) {
        if let Outcome::Failure(reason) = outcome
            && let Some(target) = self.backend.targets.get(target as usize)
        {
            target.state.failures.count(reason);
        }
        self.judge_target(target, outcome, now);
        let Some(limits) = &self.backend.upstream.breaker else { return };
        let Some(limit) = limits.consecutive_errors else { return };
        let breaker = &self.backend.state.breaker;
        match outcome {
            Outcome::Success => breaker.succeeded(self.pass.replace(Pass::Closed)),
            Outcome::Failure(_) => {
                breaker.failed(self.pass.replace(Pass::Closed), limit, limits.open_for.get(), now);
            }
            Outcome::Nothing => {}
        }
    }

    fn judge_target(&self, target: u32, outcome: Outcome, now: u64) {
        let backend = self.backend;
        let Some(outliers) = &backend.upstream.outliers else { return };
        let Some(standing) = backend.targets.get(target as usize).map(|target| &target.state.standing) else { return };
        match outcome {
            Outcome::Success => standing.succeeded(),
            Outcome::Failure(_) if standing.failed() >= outliers.consecutive_errors => {
                let out = backend.targets.iter().filter(|target| target.state.standing.is_ejected(now)).count();
                if !standing.is_ejected(now) && out < outliers.most_ejected(backend.targets.len()) {
                    standing.eject(now, outliers.eject_for.get());
                    backend.state.changed();
                }
            }
            Outcome::Failure(_) | Outcome::Nothing => {}
        }
    }

    /// Whether the request may be sent again, as far as the backend is concerned; if so, it is taken out of its budget.
    pub fn may_repeat(&self, now: u64) -> bool {
        let state = &self.backend.state;
        let closed = self.pass.get() == Pass::Closed && self.backend.breaker(now) == BreakerState::Closed;
        let may = closed && state.budget.spend(now);
        if closed {
            let counter = if may { &state.retries } else { &state.retries_denied };
            counter.fetch_add(1, Ordering::Relaxed);
        }
        may
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if self.pass.get() == Pass::Trial {
            self.backend.state.breaker.abandoned();
        }
    }
}
