//! The one matcher: which rule of the table a request meets.
//!
//! A rule is an entry of a route's `match`. Rules are ordered once, when the table is built, by their [`Specificity`];
//! finding walks one trie of path segments, whose cost depends on the path and not on the number of rules. It knows
//! no plugin and no backend, and changes nothing: the proxy, `explain`, `test`, `plan` and the lints all call it.

mod build;
mod captures;
mod conditions;
mod find;
mod hosts;
mod overlap;
mod rule;
mod specificity;
#[cfg(test)]
mod testing;
mod text_map;
mod trie;

pub use build::Sites;
pub use captures::Parameters;
pub use conditions::{Conditions, Failure};
pub use find::{Asker, Hit, NoTrace, Outcome, Trace, Verdict};
pub use overlap::{Conflict, conflicts};
pub use rule::{PathMatch, Rule};
pub use specificity::{PathRank, SegmentRank, Specificity};

use captures::Capture;
use hosts::Hosts;
use trie::Trie;

use crate::value::host::HostPattern;

/// The rules of a table, ordered and indexed.
#[derive(Debug)]
pub struct Router {
    rules: Box<[Rule]>,
    /// Their indices, the one to try first in front.
    order: Box<[u32]>,
    hosts: Hosts,
    /// The host pattern of each site; `None` is any host.
    sites: Box<[Option<HostPattern>]>,
    trie: Trie,
    captures: Box<[Capture]>,
}

/// A rule where it hangs in the trie: all that finding needs of most of them, together.
#[derive(Clone, Copy, Debug, Default)]
struct Leaf {
    /// When it is tried: the least first.
    position: u32,
    rule: u32,
    route: u32,
    entry: u32,
    captures: List,
    has_conditions: bool,
}

/// A part of a vector that many share.
#[derive(Clone, Copy, Debug, Default)]
struct List {
    start: u32,
    end: u32,
}

impl List {
    /// Appends the index behind its last one, or begins with it.
    fn add(&mut self, index: usize) {
        if self.start == self.end {
            self.start = narrow(index);
        }
        self.end = narrow(index + 1);
    }

    fn of<T>(self, all: &[T]) -> &[T] {
        &all[self.start as usize..self.end as usize]
    }
}

/// A table of four billion rules does not fit into memory.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
