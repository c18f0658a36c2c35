//! The paths of all rules: a trie of segments, with one root to each site, of the same number.
//!
//! A literal edge is found in a hash map whatever the number of its siblings; parameters are branches tried one by
//! one. A regular expression hangs at the last whole segment of its literal prefix.

use std::collections::HashMap;

use ahash::RandomState;
use smallvec::SmallVec;

use crate::table::router::rule::PathMatch;
use crate::table::router::text_map::TextMap;
use crate::table::router::{Leaf, List};
use crate::value::path::{Segment, Shape, cut};

#[derive(Debug)]
pub(super) struct Trie {
    edges: TextMap,
    nodes: Box<[Node]>,
    leaves: Box<[Leaf]>,
    branches: Box<[Branch]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    exact: List,
    regexes: List,
    prefixes: List,
    branches: List,
}

#[derive(Debug)]
struct Branch {
    shape: Shape,
    child: u32,
}

/// The leaves that match one path, in any order.
pub(super) type Found<'t> = SmallVec<[&'t Leaf; 8]>;

impl Trie {
    /// The node behind a literal segment.
    pub(super) fn child(&self, node: u32, segment: &str) -> Option<u32> {
        self.edges.get(node, segment)
    }

    /// The rules whose path ends at a node, in the order in which they are tried.
    pub(super) fn exact(&self, node: u32) -> &[Leaf] {
        self.nodes[node as usize].exact.of(&self.leaves)
    }

    /// The rules whose regular expression may match a path through a node, in order.
    pub(super) fn regexes(&self, node: u32) -> &[Leaf] {
        self.nodes[node as usize].regexes.of(&self.leaves)
    }

    /// The rules that match every path through a node, in order.
    pub(super) fn prefixes(&self, node: u32) -> &[Leaf] {
        self.nodes[node as usize].prefixes.of(&self.leaves)
    }

    /// Collects the rules that match a path through a node with a parameter in its next segment.
    pub(super) fn branch<'t>(&'t self, node: u32, rest: &str, found: &mut Found<'t>) {
        let branches = self.nodes[node as usize].branches.of(&self.branches);
        if branches.is_empty() {
            return;
        }
        let (segment, rest) = cut(rest);
        for branch in branches.iter().filter(|branch| branch.shape.matches(segment)) {
            self.collect(branch.child, rest, found);
        }
    }

    /// Collects the rules that match all of a path; as deep as the longest path of a rule.
    fn collect<'t>(&'t self, node: u32, rest: Option<&str>, found: &mut Found<'t>) {
        let Some(rest) = rest else {
            found.extend(self.exact(node));
            return;
        };
        self.branch(node, rest, found);
        let (segment, below) = cut(rest);
        if let Some(child) = self.child(node, segment) {
            self.collect(child, below, found);
        }
    }
}

/// Where a rule hangs at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hook {
    Exact,
    Regex,
    Prefix,
}

/// A trie that is being built, over the texts of the rules.
pub(super) struct TrieBuilder<'r> {
    literals: HashMap<(u32, &'r str), u32, RandomState>,
    shapes: HashMap<(u32, &'r Shape), u32, RandomState>,
    /// Each with its node, and the position of its rule.
    leaves: Vec<(u32, Hook, u32)>,
    nodes: u32,
}

impl<'r> TrieBuilder<'r> {
    /// The roots alone.
    pub(super) fn new(roots: u32) -> Self {
        Self { literals: HashMap::default(), shapes: HashMap::default(), leaves: Vec::new(), nodes: roots }
    }

    /// Hangs a rule into the trie of a root.
    pub(super) fn insert(&mut self, root: u32, path: &'r PathMatch, position: u32) {
        let (node, hook) = match path {
            PathMatch::Template(template) => {
                let node = template.segments().iter().fold(root, |node, segment| match segment {
                    Segment::Literal(text) => self.literal(node, text),
                    Segment::Parameter(parameter) => self.parameter(node, &parameter.shape),
                });
                (node, Hook::Exact)
            }
            PathMatch::Regex(regex) => {
                let whole_segments = regex.literal_prefix().rsplit_once('/').map_or("", |(segments, _)| segments);
                (self.literals(root, whole_segments), Hook::Regex)
            }
            PathMatch::Prefix(_) | PathMatch::Any => (self.literals(root, path.as_str()), Hook::Prefix),
        };
        self.leaves.push((node, hook, position));
    }

    /// Lays the trie out; `leaf` makes the leaf of the rule at a position.
    pub(super) fn finish(mut self, leaf: impl Fn(u32) -> Leaf) -> Trie {
        let mut nodes = vec![Node::default(); self.nodes as usize];
        let mut branches: Vec<_> =
            self.shapes.iter().map(|((parent, shape), child)| (*parent, *child, *shape)).collect();
        branches.sort_unstable_by_key(|(parent, child, _)| (*parent, *child));
        for (i, (parent, ..)) in branches.iter().enumerate() {
            nodes[*parent as usize].branches.add(i);
        }
        self.leaves.sort_unstable();
        for (i, (node, hook, _)) in self.leaves.iter().enumerate() {
            let node = &mut nodes[*node as usize];
            match hook {
                Hook::Exact => node.exact.add(i),
                Hook::Regex => node.regexes.add(i),
                Hook::Prefix => node.prefixes.add(i),
            }
        }
        Trie {
            edges: self.edges(),
            nodes: nodes.into(),
            leaves: self.leaves.iter().map(|(.., position)| leaf(*position)).collect(),
            branches: branches.into_iter().map(|(_, child, shape)| Branch { shape: shape.clone(), child }).collect(),
        }
    }

    fn edges(&self) -> TextMap {
        let edge = |((parent, segment), child): (&(u32, &'r str), &u32)| (*parent, *segment, *child);
        let mut edges: Vec<_> = self.literals.iter().map(edge).collect();
        edges.sort_unstable_by_key(|(.., child)| *child);
        TextMap::new(&edges)
    }

    fn literals(&mut self, root: u32, path: &'r str) -> u32 {
        path.split('/').skip(1).fold(root, |node, segment| self.literal(node, segment))
    }

    fn literal(&mut self, node: u32, segment: &'r str) -> u32 {
        *self.literals.entry((node, segment)).or_insert_with(|| new_node(&mut self.nodes))
    }

    fn parameter(&mut self, node: u32, shape: &'r Shape) -> u32 {
        *self.shapes.entry((node, shape)).or_insert_with(|| new_node(&mut self.nodes))
    }
}

fn new_node(nodes: &mut u32) -> u32 {
    let node = *nodes;
    *nodes += 1;
    node
}
