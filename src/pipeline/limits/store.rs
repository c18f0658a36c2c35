//! What keeps the counts of subjects. Implementations live in `state`.

use std::pin::Pin;
use std::sync::Arc;

use crate::pipeline::limits::window::{Marks, Window};

/// A question to a store: may this subject, now?
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The limits, all of which must have room.
    pub windows: &'a Arc<[Window]>,
    /// Whose limits they are: `namespace/route/id` of a plugin, `key` for those of plans.
    pub owner: &'a str,
    /// Who is counted.
    pub subject: &'a str,
    /// The clock, in nanoseconds since 1970.
    pub now: u64,
}

/// How exactly nodes that share a store agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Care {
    /// Each request is decided by the store.
    Each,
    /// A node takes so many at a time, and lets them through by itself.
    Batches(u32),
}

/// What a store decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may come. If not, nothing was counted.
    pub granted: bool,
    /// The marks of the windows by now.
    pub marks: Marks,
    /// The clock that it was decided by, in nanoseconds since 1970.
    pub now: u64,
}

/// The store cannot be asked, or did not answer in time.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the store of counts does not answer: {0}")]
pub struct StoreFailure(pub String);

/// The outcome of a call.
pub type Decided = Result<Decision, StoreFailure>;

/// A decision, or a wait for one.
pub enum Deciding {
    /// It is decided.
    Now(Decided),
    /// It will be.
    Later(Pin<Box<dyn Future<Output = Decided> + Send>>),
}

/// The use that a subject has made of a quota.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Whose quota it is.
    pub owner: Box<str>,
    /// Who is counted.
    pub subject: Box<str>,
    /// The name of the window.
    pub window: Box<str>,
    /// The number of its period.
    pub period: u64,
    /// The requests in it.
    pub count: u64,
}

/// Keeps counts.
pub trait LimitStore: Send + Sync {
    /// Takes one from each window for a subject, or nothing from any.
    fn take(&self, call: Call<'_>, care: Care) -> Deciding;

    /// The quotas of an owner's subjects that this node knows, at most so many, in the order of the subjects.
    fn used(&self, owner: &str, at_most: usize) -> Vec<Used>;

    /// Has the counts of quotas outlive this process, if they do not already; called before the first one is in force.
    ///
    /// # Errors
    /// If they cannot be kept.
    fn keep_quotas(&self) -> Result<(), StoreFailure> {
        Ok(())
    }
}
