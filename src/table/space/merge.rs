//! Makes few classes of many: two that differ in one condition only, which one has and the other has not, are one without it.

use std::collections::HashMap;

use ahash::RandomState;

use crate::table::space::methods::MethodSet;
use crate::table::space::pair::Leaf;

/// More leaves than these are left as they are.
const LIMIT: usize = 5_000;

/// Joins leaves of the same paths.
pub(super) fn merge(mut leaves: Vec<Leaf>) -> Vec<Leaf> {
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
fn by_methods(leaves: Vec<Leaf>) -> Vec<Leaf> {
    let mut joined: Vec<Leaf> = Vec::new();
    let mut known: HashMap<Leaf, usize, RandomState> = HashMap::default();
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
fn by_literals(leaves: Vec<Leaf>) -> Vec<Leaf> {
    let mut known: HashMap<Leaf, usize, RandomState> = HashMap::default();
    let mut kept: Vec<Option<Leaf>> = Vec::new();
    let mut waiting = leaves;
    waiting.reverse();
    while let Some(leaf) = waiting.pop() {
        let opposite = (0..leaf.literals.len()).find_map(|index| {
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
