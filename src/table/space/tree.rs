//! The paths of the rules of one host in two tables, as a tree of segments, and its walk: every path lies in one set of the walk,
//! and the same rules match all paths of a set, but for regular expressions.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::table::router::PathMatch;
use crate::table::space::paths::{Others, PathSet, Piece, is_plain};
use crate::table::space::search::Found;
use crate::table::space::texts::{Texts, numbered};
use crate::value::path::{Segment, Shape};

/// A rule of a host, as the index in the list of those of its side.
pub(super) type Place = u32;

/// What stands for one of the two tables.
pub(super) const SIDES: usize = 2;

/// How many sets of paths a walk visits at most.
const LIMIT: usize = 1 << 20;

/// The tree.
#[derive(Debug, Default)]
pub(super) struct PathTree {
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    literals: BTreeMap<Arc<str>, u32>,
    shapes: Vec<(Shape, u32)>,
    /// The rules of each side whose paths end here.
    exact: [Vec<Place>; SIDES],
    /// Those that match, or may match by a regular expression, every path through here.
    through: [Vec<Place>; SIDES],
    /// Whether nothing is to be looked at from here on.
    idle: bool,
}

impl PathTree {
    /// The root alone.
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::default()] }
    }

    /// That of the rules of one side, in the order of their places.
    pub(super) fn of<'p>(paths: impl Iterator<Item = (&'p PathMatch, Place)>) -> Self {
        let mut tree = Self::new();
        paths.for_each(|(path, place)| tree.insert(0, path, place));
        tree
    }

    /// Adds a rule of a side. Those of a side come in the order of their places.
    pub(super) fn insert(&mut self, side: usize, path: &PathMatch, place: Place) {
        match path {
            PathMatch::Template(template) => {
                let node = template.segments().iter().fold(0, |node, segment| match segment {
                    Segment::Literal(text) => self.literal(node, text),
                    Segment::Parameter(parameter) => self.parameter(node, &parameter.shape),
                });
                self.nodes[node as usize].exact[side].push(place);
            }
            PathMatch::Regex(regex) => {
                let whole = regex.literal_prefix().rsplit_once('/').map_or("", |(segments, _)| segments);
                let node = self.literals(whole);
                self.nodes[node as usize].through[side].push(place);
            }
            PathMatch::Prefix(_) | PathMatch::Any => {
                let node = self.literals(path.as_str());
                self.nodes[node as usize].through[side].push(place);
            }
        }
    }

    fn literals(&mut self, path: &str) -> u32 {
        path.split('/').skip(1).fold(0, |node, segment| self.literal(node, segment))
    }

    fn literal(&mut self, node: u32, text: &str) -> u32 {
        if let Some(child) = self.nodes[node as usize].literals.get(text) {
            return *child;
        }
        let child = self.add();
        self.nodes[node as usize].literals.insert(text.into(), child);
        child
    }

    fn parameter(&mut self, node: u32, shape: &Shape) -> u32 {
        let known = self.nodes[node as usize].shapes.iter().find(|(known, _)| known == shape);
        if let Some((_, child)) = known {
            return *child;
        }
        let child = self.add();
        self.nodes[node as usize].shapes.push((shape.clone(), child));
        child
    }

    fn add(&mut self) -> u32 {
        self.nodes.push(Node::default());
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }

    /// Notes where nothing is to be looked at from some node on, by whether the rules of one node are worth it.
    pub(super) fn note_idle(&mut self, is_idle: impl Fn(&[Vec<Place>; SIDES]) -> bool) {
        // a child is added behind its parent
        for node in (0..self.nodes.len()).rev() {
            let Node { literals, shapes, exact, through, .. } = &self.nodes[node];
            let own = is_idle(exact) && is_idle(through);
            let mut children = literals.values().chain(shapes.iter().map(|(_, child)| child));
            let idle = own && children.all(|child| self.nodes[*child as usize].idle);
            self.nodes[node].idle = idle;
        }
    }
}

/// Whether the rules of both sides mean the same, in order.
pub(super) fn are_same(places: &[Vec<Place>; SIDES], meanings: [&[u32]; SIDES]) -> bool {
    places[0].len() == places[1].len()
        && places[0].iter().zip(&places[1]).all(|(a, b)| meanings[0][*a as usize] == meanings[1][*b as usize])
}

/// Who gets the sets of a walk, each with the rules of both sides that match, or may match by a regular expression, in order.
pub(super) trait Visit {
    /// A set.
    fn set(&mut self, paths: PathSet, rules: &[Vec<Place>; SIDES]);

    /// A set of which nothing more is known, because the walk was given up.
    fn unknown(&mut self, paths: PathSet);

    /// Whether a set with these rules needs no visit, nor what is below it where nothing is to be looked at.
    fn skips(&self, rules: &[Vec<Place>; SIDES]) -> bool;
}

/// A walk through a tree.
pub(super) struct Walk<'a, V> {
    tree: &'a PathTree,
    texts: &'a Texts,
    visit: &'a mut V,
    left: usize,
}

/// Where a walk is: the nodes that the segments so far lead to, and the rules that match whatever comes.
#[derive(Clone)]
struct Reached {
    nodes: Vec<u32>,
    rules: [Vec<Place>; SIDES],
}

impl<'a, V: Visit> Walk<'a, V> {
    /// A walk that has not begun.
    pub(super) fn new(tree: &'a PathTree, texts: &'a Texts, visit: &'a mut V) -> Self {
        Self { tree, texts, visit, left: LIMIT }
    }

    /// Walks.
    pub(super) fn run(&mut self) {
        self.step(Vec::new(), &Reached { nodes: vec![0], rules: Default::default() });
    }

    fn step(&mut self, pieces: Vec<Piece>, reached: &Reached) {
        let nodes = || reached.nodes.iter().map(|node| &self.tree.nodes[*node as usize]);
        if nodes().all(|node| node.idle) && self.visit.skips(&reached.rules) {
            return;
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.visit.unknown(PathSet { pieces, below: true });
            return;
        };
        self.left = left;
        let through = merged(&reached.rules, nodes().map(|node| &node.through));
        let exact = merged(&through, nodes().map(|node| &node.exact));
        if pieces.last().is_some_and(|piece| matches!(piece, Piece::Text(text) if text.is_empty())) {
            self.emit(pieces, false, &exact);
            return;
        }
        let is_leaf = nodes().all(|node| node.literals.is_empty() && node.shapes.is_empty());
        let ends_alike = exact == through;
        if is_leaf && (ends_alike || pieces.is_empty()) {
            self.emit(pieces, true, &through);
            return;
        }
        if !pieces.is_empty() {
            self.emit(pieces.clone(), false, &exact);
        }
        self.children(&pieces, &Reached { nodes: reached.nodes.clone(), rules: through });
    }

    fn emit(&mut self, pieces: Vec<Piece>, below: bool, rules: &[Vec<Place>; SIDES]) {
        if !self.visit.skips(rules) {
            self.visit.set(PathSet { pieces, below }, rules);
        }
    }

    fn children(&mut self, pieces: &[Piece], reached: &Reached) {
        let tree = self.tree;
        let nodes = || reached.nodes.iter().map(move |node| &tree.nodes[*node as usize]);
        let mut shapes: Vec<(&Shape, Vec<u32>)> = Vec::new();
        for (shape, child) in nodes().flat_map(|node| &node.shapes) {
            match shapes.iter_mut().find(|(known, _)| *known == shape) {
                Some((_, children)) => children.push(*child),
                None => shapes.push((shape, vec![*child])),
            }
        }
        let mut literals: BTreeMap<Arc<str>, Vec<u32>> = BTreeMap::new();
        for (text, child) in nodes().flat_map(|node| &node.literals) {
            literals.entry(Arc::clone(text)).or_default().push(*child);
        }
        if !shapes.is_empty() {
            literals.entry("".into()).or_default();
        }
        let not: Arc<[Arc<str>]> = literals.keys().cloned().collect();
        for (text, mut children) in literals {
            let by_shape = shapes.iter().filter(|(shape, _)| shape.matches(&text)).flat_map(|(_, children)| children);
            children.extend(by_shape);
            let below = Reached { nodes: children, rules: reached.rules.clone() };
            self.step(with(pieces, Piece::Text(text)), &below);
        }
        for others in self.others(&not, &shapes) {
            let has = |shape: &Shape| others.shapes.iter().any(|(known, has)| *has && known == shape);
            let nodes = shapes.iter().filter(|(shape, _)| has(shape)).flat_map(|(_, children)| children.clone());
            let below = Reached { nodes: nodes.collect(), rules: reached.rules.clone() };
            self.step(with(pieces, Piece::Other(Arc::new(others))), &below);
        }
    }

    /// The segments that are none of some texts, by which of some shapes they have.
    fn others(&mut self, not: &Arc<[Arc<str>]>, shapes: &[(&Shape, Vec<u32>)]) -> Vec<Others> {
        let mut found = vec![Others { not: Arc::clone(not), shapes: Vec::new(), sample: fresh(not), certain: true }];
        for (shape, _) in shapes {
            let mut split = Vec::new();
            for others in found {
                for has in [true, false] {
                    let mut next = others.clone();
                    next.shapes.push(((*shape).clone(), has));
                    split.extend(self.possible(next));
                }
            }
            found = split;
        }
        found
    }

    /// Gives a sample to segments with some conditions, or nothing if there are none.
    fn possible(&mut self, mut others: Others) -> Option<Others> {
        if others.contains(&others.sample) {
            return Some(others);
        }
        // `not` holds the empty segment, and any other one is a plain parameter
        if others.shapes.iter().any(|(shape, has)| !has && is_plain(shape)) {
            return None;
        }
        match self.texts.find_segment(&others) {
            Found::Nothing => return None,
            Found::Text(text) => others.sample = String::from_utf8_lossy(&text[1..]).into_owned(),
            Found::Unknown => others.certain = false,
        }
        Some(others)
    }
}

fn with(pieces: &[Piece], piece: Piece) -> Vec<Piece> {
    pieces.iter().cloned().chain(std::iter::once(piece)).collect()
}

/// A segment that is none of some texts.
fn fresh(not: &[Arc<str>]) -> String {
    let is_free = |text: &String| not.binary_search_by(|known| (**known).cmp(text)).is_err();
    numbered("x", "").find(is_free).unwrap_or_default()
}

/// Lists of each side in one, in order.
fn merged<'n>(rules: &[Vec<Place>; SIDES], more: impl Iterator<Item = &'n [Vec<Place>; SIDES]>) -> [Vec<Place>; SIDES] {
    let mut all = rules.clone();
    for lists in more {
        for (all, list) in all.iter_mut().zip(lists) {
            all.extend_from_slice(list);
        }
    }
    for list in &mut all {
        list.sort_unstable();
    }
    all
}
