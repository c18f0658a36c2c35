//! Enforcing limits on a request: the one function that plugins call.

use std::fmt;
use std::sync::Arc;

use crate::pipeline::exchange::{Content, Exchange, Resume, Step};
use crate::pipeline::limits::announce::{Line, seconds};
use crate::pipeline::limits::config::{Announce, Consistency, OnStoreFailure};
use crate::pipeline::limits::in_flight::InFlight;
use crate::pipeline::limits::store::{Call, Care, Decided, Deciding, Decision, LimitStore, StoreFailure};
use crate::pipeline::limits::tally::{Tallies, Tally, Verdict, Whose};
use crate::pipeline::limits::window::Window;
use crate::pipeline::ready::{Ready, ReadyError};
use crate::value::sha256::Sha256;

/// Limits, compiled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What clients read of whose limits they are: the name of the plan or of the plugin.
    pub name: Box<str>,
    /// The limits over time.
    pub windows: Arc<[Window]>,
    /// The most requests of a subject in flight at once, on each node.
    pub concurrency: Option<u32>,
    /// How exactly nodes agree.
    pub consistency: Consistency,
    /// What happens while the shared store does not answer.
    pub on_store_failure: OnStoreFailure,
    /// When clients are told.
    pub announce: Announce,
    /// Whether requests go on that should be refused.
    pub dry_run: bool,
}

/// What keeps the counts of a gateway. There is one in a process; it outlives all tables.
pub struct Limiter {
    /// The counts of this node.
    pub own: Arc<dyn LimitStore>,
    /// The counts that nodes share.
    pub shared: Option<Arc<dyn LimitStore>>,
    /// The requests in flight.
    pub in_flight: InFlight,
    /// How limits decided.
    pub tallies: Arc<Tallies>,
    /// The clock, in nanoseconds since 1970.
    pub clock: fn() -> u64,
}

/// Limits that are ready to be enforced.
#[derive(Clone)]
pub struct Enforcer {
    limits: Arc<Limits>,
    owner: Arc<str>,
    limiter: Arc<Limiter>,
    tally: Arc<Tally>,
}

/// Whose counts those of plans are: keys'.
pub const KEY: &str = "key";

/// A longer subject is known by its digest.
const LONGEST_SUBJECT: usize = 128;

impl fmt::Debug for Enforcer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Enforcer").field("limits", &self.limits).field("owner", &self.owner).finish_non_exhaustive()
    }
}

impl Enforcer {
    /// Limits of a plan, which are counted for each key.
    ///
    /// # Errors
    /// If the counts of its quotas cannot be kept.
    pub fn of_plan(limits: Arc<Limits>, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let whose = Whose::Plan(limits.name.clone());
        Self::new(limits, KEY, whose, ready)
    }

    /// Limits of a plugin. Its counts are found by `owner`.
    ///
    /// # Errors
    /// If the counts of its quotas cannot be kept.
    pub fn of_plugin(limits: Arc<Limits>, owner: &str, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        Self::new(limits, owner, Whose::Plugin(owner.into()), ready)
    }

    fn new(limits: Arc<Limits>, owner: &str, whose: Whose, ready: &Ready<'_>) -> Result<Self, ReadyError> {
        let limiter = ready.limiter;
        if limiter.shared.is_none() && limits.windows.iter().any(Window::is_quota) {
            let failed = |StoreFailure(why)| ReadyError::Failed { owner: ready.owner.to_owned(), why };
            limiter.own.keep_quotas().map_err(failed)?;
        }
        Ok(Self { limits, owner: owner.into(), limiter: Arc::clone(limiter), tally: limiter.tallies.of(whose) })
    }

    /// Lets a request of a subject go on and counts it, or answers it with a 429 and counts nothing.
    pub fn enforce(&self, exchange: &mut Exchange<'_>, subject: &str) -> Step {
        let digest;
        let subject = if subject.len() > LONGEST_SUBJECT {
            digest = format!("sha256:{}", Sha256::of(subject.as_bytes()));
            &digest
        } else {
            subject
        };
        if !self.enter(exchange, subject) {
            return self.refuse(exchange, 1);
        }
        if self.limits.windows.is_empty() {
            return self.count(Verdict::Allowed);
        }
        let Some(shared) = &self.limiter.shared else { return self.decide_here(exchange, subject) };
        match shared.take(self.call(subject), self.care()) {
            Deciding::Now(decided) => self.settle(exchange, subject, decided),
            Deciding::Later(later) => {
                let (this, subject) = (self.clone(), Box::<str>::from(subject));
                Step::Pending(Box::pin(async move {
                    let decided = later.await;
                    Box::new(move |exchange: &mut Exchange<'_>| this.settle(exchange, &subject, decided)) as Resume
                }))
            }
        }
    }

    /// Takes a place among the requests in flight, if there is one.
    fn enter(&self, exchange: &mut Exchange<'_>, subject: &str) -> bool {
        let Some(at_most) = self.limits.concurrency else { return true };
        let place = self.limiter.in_flight.enter(&self.owner, subject, at_most);
        let entered = place.is_some();
        exchange.kept.extend(place.map(|place| Box::new(place) as _));
        entered
    }

    fn call<'a>(&'a self, subject: &'a str) -> Call<'a> {
        Call { windows: &self.limits.windows, owner: &self.owner, subject, now: (self.limiter.clock)() }
    }

    fn care(&self) -> Care {
        match self.limits.consistency {
            Consistency::Strict => Care::Each,
            Consistency::Fast => Care::Batches(self.limits.batch()),
        }
    }

    /// Decides by the counts of this node, which are there at once.
    fn decide_here(&self, exchange: &mut Exchange<'_>, subject: &str) -> Step {
        match self.limiter.own.take(self.call(subject), Care::Each) {
            Deciding::Now(Ok(decision)) => self.apply(exchange, &decision),
            Deciding::Now(Err(_)) | Deciding::Later(_) => self.count(Verdict::FailedOpen),
        }
    }

    fn settle(&self, exchange: &mut Exchange<'_>, subject: &str, decided: Decided) -> Step {
        match (decided, self.limits.on_store_failure) {
            (Ok(decision), _) => self.apply(exchange, &decision),
            (Err(_), OnStoreFailure::Local) => self.decide_here(exchange, subject),
            (Err(_), OnStoreFailure::Open) => self.count(Verdict::FailedOpen),
            (Err(_), OnStoreFailure::Closed) if self.limits.dry_run => self.count(Verdict::FailedOpen),
            (Err(StoreFailure(_)), OnStoreFailure::Closed) => {
                self.tally.count(Verdict::FailedClosed);
                answer(exchange, 503, 1)
            }
        }
    }

    fn apply(&self, exchange: &mut Exchange<'_>, decision: &Decision) -> Step {
        let Decision { granted, marks, now } = decision;
        let windows = || self.limits.windows.iter().zip(marks);
        if self.limits.announce == Announce::Always || !(*granted || self.limits.dry_run) {
            let lines = windows().map(|(window, mark)| Line::new(&self.limits.name, window, *mark, *now));
            exchange.announced.extend(lines);
        }
        if *granted {
            return self.count(Verdict::Allowed);
        }
        let wait = windows().map(|(window, mark)| window.wait(*mark, *now)).max().unwrap_or(0);
        self.refuse(exchange, seconds(wait).max(1))
    }

    fn refuse(&self, exchange: &mut Exchange<'_>, retry_after: u64) -> Step {
        if self.limits.dry_run {
            return self.count(Verdict::WouldRefuse);
        }
        self.tally.count(Verdict::Refused);
        answer(exchange, 429, retry_after)
    }

    fn count(&self, verdict: Verdict) -> Step {
        self.tally.count(verdict);
        Step::Continue
    }
}

impl Limits {
    /// How many requests a node takes at a time where nodes agree only roughly.
    fn batch(&self) -> u32 {
        let smallest = self.windows.iter().map(Window::limit).min().unwrap_or(0);
        u32::try_from(smallest / 20).unwrap_or(u32::MAX).clamp(1, 100)
    }
}

/// An error whose body is the gateway's own page.
fn answer(exchange: &mut Exchange<'_>, status: u16, retry_after: u64) -> Step {
    exchange.response.status = status;
    exchange.response.fields.set("retry-after", retry_after.to_string().as_bytes());
    Step::Answer(Content::Empty)
}
