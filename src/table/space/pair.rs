//! Compares what two tables do with the requests of regions for which each has one list of rules.

use std::collections::{BTreeSet, HashMap};

use ahash::RandomState;

use crate::table::space::assumption::Assumption;
use crate::table::space::decide::{Candidate, End, Leaves, Progress, Question, Side, decide};
use crate::table::space::hosts::{Front, Sites};
use crate::table::space::meaning::{Facet, differing_steps, facets, plugins};
use crate::table::space::merge::{Leaf, merge};
use crate::table::space::methods::MethodSet;
use crate::table::space::outcome::front_facets;
use crate::table::space::paths::PathSet;
use crate::table::space::preflight::By;
use crate::table::space::rules::Ranked;
use crate::table::space::tree::{Place, SIDES, Visit, are_same};

/// How many steps deciding the requests of one set of paths may take.
const BUDGET: usize = 100_000;

/// What requests get from each side and what of it differs; `None` if that was not found out.
pub(super) type What = Option<(End, End, BTreeSet<Facet>)>;

/// What is found of one pair of lists: leaves, each with its paths.
pub(super) type Found = HashMap<Leaf<What>, Vec<PathSet>, RandomState>;

/// A pair of lists of rules.
pub(super) struct Pair<'a, 't> {
    pub(super) sites: [&'a Sites<'t>; SIDES],
    pub(super) ranked: [&'a Ranked; SIDES],
    pub(super) fronts: [Front; SIDES],
    pub(super) assumption: Assumption<'a>,
    /// How many steps all of them together may still take.
    pub(super) budget: &'a mut usize,
    /// How much leaves may still weigh.
    pub(super) room: &'a mut usize,
    pub(super) found: Found,
}

impl Visit for Pair<'_, '_> {
    fn set(&mut self, paths: PathSet, rules: &[Vec<Place>; SIDES]) {
        let meanings = self.ranked.map(|ranked| &*ranked.meanings);
        let alike = self.fronts[0] == self.fronts[1];
        let mut leaves = Differences {
            sites: self.sites,
            ranked: self.ranked,
            fronts: self.fronts,
            equal_tail: if alike { equal_tail(rules, meanings) } else { 0 },
            alike,
            room: &mut *self.room,
            found: Vec::new(),
        };
        let side = |index: usize| {
            let candidates: &[Candidate] = &self.ranked[index].candidates;
            let preflights = self.ranked[index].preflights.as_ref();
            Side { candidates, list: &rules[index], asked: self.fronts[index].asked, preflights }
        };
        let mut budget = BUDGET.min(*self.budget);
        let granted = budget;
        self.assumption.begin(paths);
        let all = (&[][..], MethodSet::every());
        decide(&[side(0), side(1)], all, &mut self.assumption, &mut budget, &mut leaves);
        *self.budget -= granted - budget;
        for leaf in merge(leaves.found) {
            self.found.entry(leaf).or_default().push(self.assumption.paths().clone());
        }
    }

    fn unknown(&mut self, paths: PathSet) {
        let leaf = Leaf { methods: MethodSet::every(), literals: Vec::new(), certain: false, what: None };
        self.found.entry(leaf).or_default().push(paths);
    }

    fn skips(&self, rules: &[Vec<Place>; SIDES]) -> bool {
        self.fronts[0] == self.fronts[1] && are_same(rules, self.ranked.map(|ranked| &*ranked.meanings))
    }
}

/// How many rules at the ends of both lists mean the same.
fn equal_tail(rules: &[Vec<Place>; SIDES], [a, b]: [&[u32]; SIDES]) -> usize {
    let backwards = rules[0].iter().rev().zip(rules[1].iter().rev());
    backwards.take_while(|(old, new)| a[**old as usize] == b[**new as usize]).count()
}

struct Differences<'a, 't> {
    sites: [&'a Sites<'t>; SIDES],
    ranked: [&'a Ranked; SIDES],
    fronts: [Front; SIDES],
    equal_tail: usize,
    alike: bool,
    room: &'a mut usize,
    found: Vec<Leaf<What>>,
}

impl Leaves for Differences<'_, '_> {
    /// What is left of both lists means the same, and so does what was passed.
    fn is_settled(&self, sides: &[Side<'_>], progress: &[Progress], _: &MethodSet) -> bool {
        let [a, b] = progress else { return false };
        let left = |side: usize| sides[side].list.len() - progress[side].next;
        let open = a.end.is_none() && b.end.is_none() && [a, b].iter().all(|side| side.by == By::Own);
        if !self.alike || !open || left(0) != left(1) || left(0) > self.equal_tail || a.guards != b.guards {
            return false;
        }
        let pending = |side: usize| {
            let meaning = |place: &Place| self.ranked[side].meanings[*place as usize];
            progress[side].pending.iter().map(meaning).collect::<BTreeSet<u32>>()
        };
        a.pending.len() == b.pending.len() && pending(0) == pending(1)
    }

    fn leaf(&mut self, assumption: &Assumption<'_>, methods: &MethodSet, ends: &[&End]) -> Option<Question> {
        let [old, new] = ends else { return None };
        let found = match (old, new) {
            (End::Found(a), End::Found(b)) => match self.facets(*a, *b, assumption, methods) {
                Ok(found) => found,
                Err(question) => return Some(question),
            },
            (old, new) if old == new => BTreeSet::new(),
            _ => BTreeSet::from([Facet::Status]),
        };
        if !found.is_empty() {
            self.note(assumption, methods, Some(((*old).clone(), (*new).clone(), found)));
        }
        None
    }

    fn is_full(&self) -> bool {
        *self.room == 0
    }

    fn unresolved(&mut self, assumption: &Assumption<'_>, methods: &MethodSet) {
        self.note(assumption, methods, None);
    }
}

impl Differences<'_, '_> {
    fn note(&mut self, assumption: &Assumption<'_>, methods: &MethodSet, what: What) {
        let mut literals = assumption.literals();
        literals.sort_unstable();
        let certain = what.is_some() && assumption.is_certain();
        let leaf = Leaf { methods: methods.clone(), literals, certain, what };
        *self.room = self.room.saturating_sub(leaf.weight());
        self.found.push(leaf);
    }

    /// What two rules do differently with the assumed requests.
    fn facets(
        &self,
        old: Place,
        new: Place,
        assumption: &Assumption<'_>,
        methods: &MethodSet,
    ) -> Result<BTreeSet<Facet>, Question> {
        let places = [old, new];
        let rules = [0, 1].map(|side| self.sites[side].rules[places[side] as usize]);
        let mut found: BTreeSet<Facet> = front_facets((self.fronts[0], rules[0]), (self.fronts[1], rules[1])).collect();
        if self.ranked[0].meanings[old as usize] == self.ranked[1].meanings[new as usize] {
            return Ok(found);
        }
        let routes = [0, 1].map(|side| &self.sites[side].table.routes[rules[side].route as usize]);
        found.append(&mut facets((routes[0], rules[0]), (routes[1], rules[1])));
        let (old_steps, new_steps) = differing_steps(routes[0], routes[1]);
        let mut running = [Vec::new(), Vec::new()];
        for (side, steps) in [old_steps, new_steps].into_iter().enumerate() {
            let pipeline = &routes[side].pipeline;
            for step in steps {
                let number = pipeline.iter().position(|other| std::ptr::eq(other, step)).unwrap_or_default();
                let step_of_route = (rules[side].route, number);
                if self.ranked[side].runs(step_of_route, self.fronts[side].asked, assumption, methods)? {
                    running[side].push(step);
                }
            }
        }
        found.append(&mut plugins(&running[0], &running[1]));
        Ok(found)
    }
}
