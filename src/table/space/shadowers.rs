//! Which rules get the requests that a rule matches and never meets.

use std::collections::BTreeSet;

use crate::table::space::assumption::Assumption;
use crate::table::space::decide::{Asked, Candidate, End, Leaves, Progress, Question, Side, decide};
use crate::table::space::hosts::Sites;
use crate::table::space::methods::MethodSet;
use crate::table::space::outline::Outline;
use crate::table::space::paths::PathSet;
use crate::table::space::shadow::{BUDGET, Group, Share};
use crate::table::space::texts::Texts;
use crate::table::space::tree::{PathTree, Place, SIDES, Visit, Walk};

/// The rules that get some of the requests of a rule; `None` if there are more to compare it with than are `left`.
pub(super) fn shadowers(
    (place, share): (Place, &Share),
    groups: &[Group],
    sites: &Sites<'_>,
    candidates: &[Candidate],
    (assumption, texts): (Assumption<'_>, &Texts),
    left: &mut usize,
) -> Option<BTreeSet<Place>> {
    let methods = match share {
        Share::Method(method) => MethodSet::of(std::slice::from_ref(method)),
        Share::All | Share::Host(_) => candidates[place as usize].methods.clone(),
    };
    let mut collect = Collect { place, methods, candidates, asked: Asked::Never, assumption, by: BTreeSet::new() };
    let is_meant = |group: &&Group| match share {
        Share::Host(host) => group.patterns.contains(&Some(host.clone())),
        Share::All | Share::Method(_) => true,
    };
    let outline = |place: &Place| Outline::new(&sites.rules[*place as usize].path);
    let own = outline(&place);
    for group in groups.iter().filter(is_meant) {
        let list = &sites.lists[group.list];
        let Ok(index) = list.binary_search(&place) else { continue };
        *left = left.checked_sub(index)?;
        let meeting = list[..=index].iter().filter(|place| outline(place).meets(&own));
        let tree = PathTree::of(meeting.map(|place| (&sites.rules[*place as usize].path, *place)));
        collect.asked = group.asked;
        Walk::new(&tree, texts, &mut collect).run();
    }
    Some(collect.by)
}

struct Collect<'a> {
    place: Place,
    methods: MethodSet,
    candidates: &'a [Candidate],
    asked: Asked,
    assumption: Assumption<'a>,
    by: BTreeSet<Place>,
}

impl Visit for Collect<'_> {
    /// Only the rules that are tried before it, and only for requests that it matches.
    fn set(&mut self, paths: PathSet, rules: &[Vec<Place>; SIDES]) {
        let before = rules[0].partition_point(|place| *place < self.place);
        let candidates = self.candidates;
        let side = Side { candidates, list: &rules[0][..before], asked: self.asked, preflights: None };
        let own = &candidates[self.place as usize];
        if self.asked == Asked::Never && !own.certificate.is_empty() {
            return;
        }
        let given: Vec<_> = own.literals.iter().chain(&own.certificate).copied().collect();
        self.assumption.begin(paths);
        let mut budget = BUDGET;
        let meant = (&given[..], self.methods.clone());
        decide(&[side], meant, &mut self.assumption, &mut budget, &mut Takers(&mut self.by));
    }

    fn unknown(&mut self, _: PathSet) {}

    fn skips(&self, rules: &[Vec<Place>; SIDES]) -> bool {
        !rules[0].contains(&self.place)
    }
}

struct Takers<'a>(&'a mut BTreeSet<Place>);

impl Leaves for Takers<'_> {
    fn is_settled(&self, _: &[Side<'_>], _: &[Progress], _: &MethodSet) -> bool {
        false
    }

    fn leaf(&mut self, _: &Assumption<'_>, _: &MethodSet, ends: &[&End]) -> Option<Question> {
        if let [End::Found(place)] = ends {
            self.0.insert(*place);
        }
        None
    }

    fn unresolved(&mut self, _: &Assumption<'_>, _: &MethodSet) {}
}
