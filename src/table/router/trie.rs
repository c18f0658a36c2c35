//! The paths of all rules: a trie of segments, one root to each host pattern.
//!
//! A literal edge is found in a hash map whatever the number of its siblings; parameters are branches tried one by
//! one. A regular expression hangs at the last whole segment of its literal prefix.

use std::collections::HashMap;

use ahash::RandomState;
use smallvec::SmallVec;

use crate::table::router::edges::Edges;
use crate::table::router::narrow;
use crate::table::router::rule::PathMatch;
use crate::value::path::{Segment, Shape, cut};

/// Positions of rules, in the order in which they are tried.
pub(super) type Positions = SmallVec<[u32; 8]>;

#[derive(Debug)]
pub(super) struct Trie {
    edges: Edges,
    nodes: Box<[Node]>,
    positions: Box<[u32]>,
    branches: Box<[Branch]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Node {
    exact: List,
    regexes: List,
    prefixes: List,
    branches: List,
}

/// A part of a vector that all nodes share.
#[derive(Clone, Copy, Debug, Default)]
struct List {
    start: u32,
    end: u32,
}

#[derive(Debug)]
struct Branch {
    shape: Shape,
    child: u32,
}

/// Where a rule hangs at a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hook {
    Exact,
    Regex,
    Prefix,
}

impl Trie {
    /// The node behind a literal segment.
    pub(super) fn child(&self, node: u32, segment: &str) -> Option<u32> {
        self.edges.get(node, segment)
    }

    /// The rules whose path ends at a node.
    pub(super) fn exact(&self, node: u32) -> &[u32] {
        slice(&self.positions, self.nodes[node as usize].exact)
    }

    /// The rules whose regular expression may match a path through a node.
    pub(super) fn regexes(&self, node: u32) -> &[u32] {
        slice(&self.positions, self.nodes[node as usize].regexes)
    }

    /// The rules that match every path through a node.
    pub(super) fn prefixes(&self, node: u32) -> &[u32] {
        slice(&self.positions, self.nodes[node as usize].prefixes)
    }

    /// Collects the rules that match a path through a node with a parameter in its next segment.
    pub(super) fn branch(&self, node: u32, rest: &str, found: &mut Positions) {
        let branches = slice(&self.branches, self.nodes[node as usize].branches);
        if branches.is_empty() {
            return;
        }
        let (segment, rest) = cut(rest);
        for branch in branches.iter().filter(|branch| branch.shape.capture(segment).is_some()) {
            self.collect(branch.child, rest, found);
        }
    }

    /// Collects the rules that match all of a path; as deep as the longest path of a rule.
    fn collect(&self, node: u32, rest: Option<&str>, found: &mut Positions) {
        let Some(rest) = rest else {
            found.extend_from_slice(self.exact(node));
            return;
        };
        self.branch(node, rest, found);
        let (segment, below) = cut(rest);
        if let Some(child) = self.child(node, segment) {
            self.collect(child, below, found);
        }
    }
}

fn slice<T>(all: &[T], list: List) -> &[T] {
    &all[list.start as usize..list.end as usize]
}

/// A trie that is being built, over the texts of the rules.
#[derive(Default)]
pub(super) struct TrieBuilder<'r> {
    literals: HashMap<(u32, &'r str), u32, RandomState>,
    shapes: HashMap<(u32, &'r Shape), u32, RandomState>,
    leaves: Vec<(u32, Hook, u32)>,
    nodes: u32,
}

impl<'r> TrieBuilder<'r> {
    /// A new root.
    pub(super) fn root(&mut self) -> u32 {
        new_node(&mut self.nodes)
    }

    /// Hangs a rule into the trie of a root.
    pub(super) fn insert(&mut self, root: u32, path: &'r PathMatch, position: u32) {
        let leaf = match path {
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
        self.leaves.push((leaf.0, leaf.1, position));
    }

    /// Lays the trie out.
    pub(super) fn finish(mut self) -> Trie {
        let mut nodes = vec![Node::default(); self.nodes as usize];
        let mut edges: Vec<_> =
            self.literals.into_iter().map(|((parent, segment), child)| (parent, segment, child)).collect();
        edges.sort_unstable_by_key(|edge| edge.2);
        let mut branches: Vec<_> =
            self.shapes.into_iter().map(|((parent, shape), child)| (parent, child, shape)).collect();
        branches.sort_unstable_by_key(|branch| (branch.0, branch.1));
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
            edges: Edges::new(&edges),
            nodes: nodes.into(),
            positions: self.leaves.into_iter().map(|leaf| leaf.2).collect(),
            branches: branches.into_iter().map(|(_, child, shape)| Branch { shape: shape.clone(), child }).collect(),
        }
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

impl List {
    /// Appends the index behind its last one, or begins with it.
    fn add(&mut self, index: usize) {
        if self.start == self.end {
            self.start = narrow(index);
        }
        self.end = narrow(index + 1);
    }
}

fn new_node(nodes: &mut u32) -> u32 {
    let node = *nodes;
    *nodes += 1;
    node
}
