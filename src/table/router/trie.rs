//! The paths of all rules: a trie of segments, with one root to each site, of the same number.
//!
//! A literal edge is found in a hash map whatever the number of its siblings; parameters are branches tried one by
//! one. A regular expression hangs at the last whole segment of its literal prefix.

use std::collections::HashMap;
use std::slice;

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

/// Where the lists of a node begin and end, in one cache line. Its leaves lie behind each other: those of exact paths, of regular
/// expressions, of prefixes.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Node {
    leaves: [u32; 4],
    /// The parameters in the next segment, but the plain one.
    branches: List,
    has_literals: bool,
    /// The node behind a parameter that takes any segment; the root of the first site, behind no parameter, says that there is none.
    plain: u32,
    /// Its leaf, if it has one and no more, as most nodes do: to wait for the node is enough then.
    only: Leaf,
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
        // Asked first, because the node is needed anyway and the slot of an edge that isn't there is one more wait.
        if self.nodes[node as usize].has_literals { self.edges.get(node, segment) } else { None }
    }

    /// The rules whose path ends at a node, in the order in which they are tried.
    pub(super) fn exact(&self, node: u32) -> &[Leaf] {
        self.leaves(node, Hook::Exact)
    }

    /// The rules whose regular expression may match a path through a node, in order.
    pub(super) fn regexes(&self, node: u32) -> &[Leaf] {
        self.leaves(node, Hook::Regex)
    }

    /// The rules that match every path through a node, in order.
    pub(super) fn prefixes(&self, node: u32) -> &[Leaf] {
        self.leaves(node, Hook::Prefix)
    }

    fn leaves(&self, node: u32, hook: Hook) -> &[Leaf] {
        let node = &self.nodes[node as usize];
        let (from, to) = (node.leaves[hook as usize], node.leaves[hook as usize + 1]);
        match node.leaves[3] - node.leaves[0] {
            _ if from == to => &[],
            1 => slice::from_ref(&node.only),
            _ => &self.leaves[from as usize..to as usize],
        }
    }

    /// Collects the rules that match a path through a node with a parameter in its next segment.
    pub(super) fn branch<'t>(&'t self, node: u32, rest: &str, found: &mut Found<'t>) {
        let node = &self.nodes[node as usize];
        let branches = node.branches.of(&self.branches);
        if branches.is_empty() && node.plain == 0 {
            return;
        }
        let (segment, rest) = cut(rest);
        for branch in branches.iter().filter(|branch| branch.shape.matches(segment)) {
            self.collect(branch.child, rest, found);
        }
        if node.plain != 0 && !segment.is_empty() {
            self.collect(node.plain, rest, found);
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
        let (plain, other): (Vec<_>, Vec<_>) = self.shapes.iter().partition(|((_, shape), _)| shape.is_plain());
        for ((parent, _), child) in plain {
            nodes[*parent as usize].plain = *child;
        }
        let mut branches: Vec<_> =
            other.into_iter().map(|((parent, shape), child)| (*parent, *child, *shape)).collect();
        branches.sort_unstable_by_key(|(parent, child, _)| (*parent, *child));
        for (i, (parent, ..)) in branches.iter().enumerate() {
            nodes[*parent as usize].branches.add(i);
        }
        for (parent, _) in self.literals.keys() {
            nodes[*parent as usize].has_literals = true;
        }
        self.leaves.sort_unstable();
        let mut end = 0;
        for of_node in self.leaves.chunk_by(|a, b| a.0 == b.0) {
            let node = &mut nodes[of_node[0].0 as usize];
            node.only = leaf(of_node[0].2);
            let ends = &mut node.leaves;
            *ends = [end; 4];
            for (_, hook, _) in of_node {
                ends[*hook as usize + 1..].iter_mut().for_each(|end| *end += 1);
            }
            end = ends[3];
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
