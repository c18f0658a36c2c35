//! Makes few classes of many: two that differ in one condition only, which one has and the other has not, are one without it.

use std::collections::HashMap;
use std::hash::Hash;

use ahash::RandomState;

use crate::table::space::atoms::Literal;
use crate::table::space::methods::MethodSet;

/// Requests with some paths that get the same, beside these paths and their regions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Leaf<W> {
    pub(super) methods: MethodSet,
    /// Sorted.
    pub(super) literals: Vec<Literal>,
    /// Whether there surely is one.
    pub(super) certain: bool,
    /// What they get.
    pub(super) what: W,
}

/// With how many answers a leaf is short.
const SHORT: usize = 8;

impl<W> Leaf<W> {
    /// What it weighs where all leaves together may not weigh too much.
    pub(super) fn weight(&self) -> usize {
        self.literals.len().saturating_sub(SHORT)
    }
}

/// More leaves than these are left as they are.
const LIMIT: usize = 5_000;

/// A leaf with more answers than these has no twin that is worth the search.
const LONGEST: usize = 48;

/// Joins leaves of the same paths.
pub(super) fn merge<W: Clone + Eq + Hash>(mut leaves: Vec<Leaf<W>>) -> Vec<Leaf<W>> {
    if leaves.len() > LIMIT {
        return leaves;
    }
    loop {
        let before = leaves.len();
        leaves = by_methods(by_literals(leaves));
        if leaves.len() == before {
            return leaves;
        }
    }
}

/// Joins those that differ in their methods only.
fn by_methods<W: Clone + Eq + Hash>(leaves: Vec<Leaf<W>>) -> Vec<Leaf<W>> {
    let mut joined: Vec<Leaf<W>> = Vec::new();
    let mut known: HashMap<Leaf<W>, usize, RandomState> = HashMap::default();
    for leaf in leaves {
        let key = Leaf { methods: MethodSet::every(), ..leaf.clone() };
        if let Some(index) = known.get(&key) {
            joined[*index].methods = joined[*index].methods.or(&leaf.methods);
            continue;
        }
        known.insert(key, joined.len());
        joined.push(leaf);
    }
    joined
}

/// Joins those that differ in one answer only.
fn by_literals<W: Clone + Eq + Hash>(leaves: Vec<Leaf<W>>) -> Vec<Leaf<W>> {
    let mut known: HashMap<Leaf<W>, usize, RandomState> = HashMap::default();
    let mut kept: Vec<Option<Leaf<W>>> = Vec::new();
    let mut waiting = leaves;
    waiting.reverse();
    while let Some(leaf) = waiting.pop() {
        let literals = if leaf.literals.len() > LONGEST { 0 } else { leaf.literals.len() };
        let opposite = (0..literals).find_map(|index| {
            let mut other = leaf.clone();
            other.literals[index].1 = !other.literals[index].1;
            known.remove(&other).map(|place| (index, place))
        });
        if let Some((index, place)) = opposite {
            kept[place] = None;
            let mut joined = leaf;
            joined.literals.remove(index);
            waiting.push(joined);
        } else {
            known.insert(leaf.clone(), kept.len());
            kept.push(Some(leaf));
        }
    }
    kept.into_iter().flatten().collect()
}
