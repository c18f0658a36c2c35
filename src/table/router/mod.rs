//! The one matcher: which rule of the table a request meets.
//!
//! A rule is an entry of a route's `match`. Rules are ordered once, when the table is built, by their [`Specificity`];
//! finding walks one trie of path segments, whose cost depends on the path and not on the number of rules. It knows
//! no plugin and no backend, and changes nothing: the proxy, `explain`, `test`, `plan` and the lints all call it.

mod build;
mod conditions;
mod edges;
mod find;
mod hosts;
mod overlap;
mod rule;
mod specificity;
#[cfg(test)]
mod testing;
mod trie;

pub use conditions::{Conditions, Failure};
pub use find::{Hit, NoTrace, Outcome, Parameters, Trace, Verdict};
pub use overlap::{Conflict, conflicts};
pub use rule::{PathMatch, Rule};
pub use specificity::{PathRank, SegmentRank, Specificity};

use hosts::{HostIndex, Site};
use trie::Trie;

/// The rules of a table, ordered and indexed.
#[derive(Debug)]
pub struct Router {
    rules: Box<[Rule]>,
    ranked: Box<[Ranked]>,
    listeners: Box<[HostIndex]>,
    sites: Box<[Site]>,
    trie: Trie,
}

/// What finding needs of a rule, in the order in which rules are tried.
#[derive(Clone, Copy, Debug)]
struct Ranked {
    rule: u32,
    route: u32,
    entry: u32,
    /// Whether its path alone decides, and captures nothing.
    plain: bool,
}

/// A table of four billion rules does not fit into memory.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
