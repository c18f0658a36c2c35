//! What clients read of limits: the fields `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10, structured
//! fields of RFC 9651), and `Retry-After`.

use std::fmt::Write as _;

use smallvec::SmallVec;

use crate::pipeline::exchange::Exchange;
use crate::pipeline::limits::window::{Mark, Window};

/// What an answer says of limits, in the order in which they were decided.
pub type Announced = SmallVec<[Line; 0]>;

/// What an answer says of one window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The name of the policy: whose, and the window.
    name: Box<str>,
    /// The most requests in it.
    quota: u64,
    /// Its length in seconds.
    window: u64,
    /// The requests that are left.
    remaining: u64,
    /// The seconds until there are more.
    reset: u64,
}

impl Line {
    /// What is said of a window of some limits.
    pub fn new(of: &str, window: &Window, mark: Mark, now: u64) -> Self {
        Self {
            name: format!("{of}-{}", window.name).into(),
            quota: window.limit(),
            window: window.seconds(),
            remaining: window.room(mark, now),
            reset: seconds(window.reset(mark, now)),
        }
    }
}

/// Whole seconds that are not less than so many nanoseconds.
pub fn seconds(nanos: u64) -> u64 {
    nanos.div_ceil(1_000_000_000)
}

/// Writes what was noted on the answer.
pub fn write(exchange: &mut Exchange<'_>) {
    if exchange.announced.is_empty() {
        return;
    }
    let (mut policies, mut states) = (String::new(), String::new());
    for Line { name, quota, window, remaining, reset } in &exchange.announced {
        let comma = if policies.is_empty() { "" } else { ", " };
        let _ = write!(policies, "{comma}\"{name}\";q={quota};w={window}");
        let _ = write!(states, "{comma}\"{name}\";r={remaining};t={reset}");
    }
    exchange.response.fields.set("ratelimit-policy", policies.as_bytes());
    exchange.response.fields.set("ratelimit", states.as_bytes());
}
