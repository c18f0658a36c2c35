//! The attempts of one request: which target is next, whether there is another one, and the wait before it.

use std::future::poll_fn;
use std::time::{Duration, SystemTime};

use crate::pipeline::exchange::Exchange;
use crate::proxy::balance::{Admission, LiveBackend, Outcome, Tried};
use crate::proxy::core::Core;
use crate::proxy::forward::Forwarded;
use crate::proxy::retry::{Attempts, cause, retry_after};
use crate::proxy::timer::{Deadline, TICK};
use crate::proxy::upstream::UpstreamError;
use crate::value::retry::RetryCause;

/// The attempts of one request.
pub struct Tries<'a> {
    /// The backend that is asked.
    pub backend: &'a LiveBackend,
    /// How many there were, and may be.
    pub attempts: Attempts<'a>,
    core: &'a Core,
    admission: Admission<'a>,
    tried: Tried,
    /// When the request has to be answered.
    request: &'a Deadline,
    /// When each attempt has to be, and how long that is.
    attempt: Option<(Deadline, Duration)>,
}

impl<'a> Tries<'a> {
    /// A request that was let through to a backend.
    pub fn new(to: &Forwarded<'a>, backend: &'a LiveBackend, admission: Admission<'a>) -> Self {
        let (core, retries) = (&*to.visit.connection.core, to.route.retries.as_ref());
        if let Some(retries) = retries {
            backend.state.budget.earn(retries.budget_percent);
        }
        let per_try = retries.and_then(|retries| retries.per_try_timeout);
        Self {
            backend,
            attempts: Attempts::new(retries),
            core,
            admission,
            tried: Tried::default(),
            request: &to.visit.deadline,
            attempt: per_try.map(|time| (core.timers.deadline(), time.get())),
        }
    }

    /// Chooses the target of the next attempt, which begins now.
    pub fn choose(&mut self, exchange: &Exchange<'_>) -> Option<u32> {
        let (now, random) = (self.core.timers.now(), &mut self.core.random.borrow_mut());
        let chosen = self.backend.choose(exchange, &self.tried, now, random)?;
        if let Some((deadline, time)) = &self.attempt {
            deadline.set(*time);
        }
        Some(chosen)
    }

    /// When the attempt has to be answered, if it has less time than the request.
    pub fn deadline(&self) -> Option<&Deadline> {
        self.attempt.as_ref().map(|(deadline, _)| deadline)
    }

    /// Notes what became of an attempt.
    pub fn note(&mut self, target: u32, outcome: Outcome) {
        self.tried.note(target);
        self.admission.note(target, outcome, self.core.timers.now());
    }

    /// Whether the request, which may be sent again, is to be because of an error; once it is time.
    pub async fn again_for(&mut self, error: &UpstreamError) -> bool {
        match cause(error) {
            Some(cause) if self.attempts.has_one_for(cause) => self.again(None).await,
            _ => false,
        }
    }

    /// The same because of an answer. The time that the server asks for is waited if there is so much; if not, its answer is given.
    pub async fn again_for_status(&mut self, exchange: &Exchange<'_>) -> bool {
        let response = &exchange.response;
        if !self.attempts.has_one_for(RetryCause::Status(response.status)) {
            return false;
        }
        let asked = response.fields.get("retry-after").and_then(|value| retry_after(value, SystemTime::now()));
        self.again(asked).await
    }

    async fn again(&mut self, asked: Option<Duration>) -> bool {
        let wait = self.attempts.wait(asked, &mut self.core.random.borrow_mut());
        let fits = self.request.left().is_none_or(|left| wait < left);
        if !fits || !self.admission.may_repeat(self.core.timers.now()) {
            return false;
        }
        self.attempts.take();
        // to the nearest tick; a wait of less is none
        if wait >= TICK / 2 {
            let deadline = self.core.timers.deadline();
            deadline.set(wait.saturating_sub(TICK));
            poll_fn(|cx| deadline.poll_expired(cx)).await;
        }
        true
    }
}
