//! Rules that no request can meet, because all requests that they match go to other rules.

use std::collections::{BTreeSet, HashMap};

use ahash::RandomState;

use crate::table::RouteTable;
use crate::table::space::assumption::Assumption;
use crate::table::space::decide::{Asked, Candidate, End, Leaves, Progress, Question, Side, decide};
use crate::table::space::guess::Client;
use crate::table::space::hosts::{Sites, front, regions};
use crate::table::space::methods::MethodSet;
use crate::table::space::paths::PathSet;
use crate::table::space::preflight::{By, Preflights};
use crate::table::space::rules::Rules;
use crate::table::space::shadowers::shadowers;
use crate::table::space::texts::Texts;
use crate::table::space::tree::{PathTree, Place, SIDES, Visit, Walk};
use crate::table::space::values::Searches;
use crate::value::host::HostPattern;
use crate::value::method::Method;

/// A rule, or a part of it, that no request can meet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shadow {
    /// The index of the rule.
    pub rule: u32,
    /// Which of its requests.
    pub share: Share,
    /// The indices of the rules that these requests go to; none if there are no such requests at all.
    pub by: Vec<u32>,
}

/// Which requests of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Share {
    /// All of them.
    All,
    /// Those for one of its hosts.
    Host(HostPattern),
    /// Those with one of its methods.
    Method(Method),
}

/// How many steps deciding the requests of one set of paths may take, and how many all of them together.
pub(super) const BUDGET: usize = 100_000;
const TOTAL: usize = 5_000_000;

/// How many pairs of rules are looked at to say who gets the requests of shadowed ones; the rest is taken to be met.
const COMPARED_AT_MOST: usize = 20_000_000;

/// Hosts with the same list of rules.
pub(super) struct Group {
    pub(super) list: usize,
    pub(super) asked: Asked,
    pub(super) patterns: BTreeSet<Option<HostPattern>>,
    /// A listener by which requests come, and a host that they are for.
    listener: u16,
    host: String,
}

/// The rules that no request can meet, and the named hosts and methods of others for which none can. What is beyond the bounds of
/// the search is taken to be met.
pub fn shadows(table: &RouteTable) -> Vec<Shadow> {
    let sites = Sites::new(table);
    let groups = groups(&sites);
    let texts = Texts::default();
    let mut met = Met::new(&sites);
    for group in &groups {
        guess(group, &sites, &texts, &mut met);
    }
    let mut rules = Rules::default();
    let open: Vec<&Group> = groups.iter().filter(|group| met.is_open(group, &sites)).collect();
    let candidates = if open.is_empty() { Vec::new() } else { rules.candidates(table, &sites.rules) };
    let preflights = Preflights::new(table, &mut rules.atoms);
    let (mut searches, mut left) = (Searches::default(), TOTAL);
    for group in open {
        let mut look = Look {
            sites: &sites,
            candidates: &candidates,
            preflights: preflights.as_ref(),
            group,
            met: &mut met,
            assumption: Assumption::new(&rules.atoms, &texts, &mut searches),
            left: &mut left,
        };
        let mut tree = tree(&sites, group.list);
        tree.note_idle(|rules| look.skips(rules));
        Walk::new(&tree, &texts, &mut look).run();
    }
    let mut left = COMPARED_AT_MOST;
    let mut shadows = Vec::new();
    for (place, share) in met.missing(&sites) {
        let assumption = Assumption::new(&rules.atoms, &texts, &mut searches);
        let Some(by) = shadowers((place, &share), &groups, &sites, &candidates, (assumption, &texts), &mut left) else {
            break;
        };
        let index = |place: &Place| table.router.ranks()[*place as usize];
        let mut by: Vec<u32> = by.iter().map(index).collect();
        by.sort_unstable();
        shadows.push(Shadow { rule: index(&place), share, by });
    }
    shadows.sort_unstable();
    shadows
}

fn groups(sites: &Sites<'_>) -> Vec<Group> {
    let mut numbers: HashMap<(usize, Asked), usize, RandomState> = HashMap::default();
    let mut groups: Vec<Group> = Vec::new();
    for region in regions(sites, sites, &[]) {
        let Some(listener) = sites.listener(&region.listener) else { continue };
        let Some((pattern, list)) = sites.site(listener, &region) else { continue };
        let host = region.sample();
        let asked = front(sites.table, Some(listener), &host).asked;
        let number = *numbers.entry((list, asked)).or_insert(groups.len());
        if number == groups.len() {
            groups.push(Group { list, asked, patterns: BTreeSet::new(), listener, host });
        }
        groups[number].patterns.insert(pattern);
    }
    groups
}

/// Notes what requests show that are made for one rule each.
fn guess(group: &Group, sites: &Sites<'_>, texts: &Texts, met: &mut Met) {
    let list = &sites.lists[group.list];
    let rules = list.iter().map(|place| sites.rules[*place as usize]);
    let mut client = Client::new(sites.table, group.listener, group.host.clone(), group.asked, rules);
    for place in list {
        if met.is_done(*place, group, sites) {
            continue;
        }
        let index = sites.table.router.ranks()[*place as usize];
        let methods = client.meets(sites.rules[*place as usize], index, texts);
        if !methods.is_empty() {
            met.note(*place, &MethodSet::of(&methods), group, sites);
        }
    }
}

/// The tree of the paths of a list of rules.
pub(super) fn tree(sites: &Sites<'_>, list: usize) -> PathTree {
    PathTree::of(sites.lists[list].iter().map(|place| (&sites.rules[*place as usize].path, *place)))
}

/// What requests were found for.
struct Met {
    /// The methods of each rule; none if it is not met at all.
    methods: Vec<MethodSet>,
    /// The rules with several hosts, each with one of these.
    hosts: BTreeSet<(Place, HostPattern)>,
}

impl Met {
    fn new(sites: &Sites<'_>) -> Self {
        Self { methods: vec![MethodSet::every().not(); sites.rules.len()], hosts: BTreeSet::new() }
    }

    fn note(&mut self, place: Place, methods: &MethodSet, group: &Group, sites: &Sites<'_>) {
        let seen = &mut self.methods[place as usize];
        *seen = seen.or(methods);
        if sites.rules[place as usize].hosts.len() > 1 {
            self.hosts.extend(group.patterns.iter().flatten().map(|pattern| (place, pattern.clone())));
        }
    }

    /// Whether nothing more is to be learnt of a rule from the requests of a group.
    fn is_done(&self, place: Place, group: &Group, sites: &Sites<'_>) -> bool {
        let rule = sites.rules[place as usize];
        let seen = &self.methods[place as usize];
        let host = |pattern: &HostPattern| self.hosts.contains(&(place, pattern.clone()));
        !seen.is_empty()
            && rule.conditions.methods.iter().all(|method| seen.contains(method))
            && (rule.hosts.len() < 2 || group.patterns.iter().flatten().all(host))
    }

    /// Whether more is to be learnt of some rule from the requests of a group.
    fn is_open(&self, group: &Group, sites: &Sites<'_>) -> bool {
        sites.lists[group.list].iter().any(|place| !self.is_done(*place, group, sites))
    }

    /// What no request was found for.
    fn missing(&self, sites: &Sites<'_>) -> Vec<(Place, Share)> {
        let mut found = Vec::new();
        for ((rule, seen), place) in sites.rules.iter().zip(&self.methods).zip(0..) {
            let mut add = |share: Share| found.push((place, share));
            if seen.is_empty() {
                add(Share::All);
                continue;
            }
            let methods = rule.conditions.methods.iter().filter(|method| !seen.contains(method));
            methods.cloned().map(Share::Method).for_each(&mut add);
            if rule.hosts.len() > 1 {
                let hosts = rule.hosts.iter().filter(|host| !self.hosts.contains(&(place, (*host).clone())));
                hosts.cloned().map(Share::Host).for_each(&mut add);
            }
        }
        found
    }
}

/// Looks for requests for each rule of a group.
struct Look<'a, 't> {
    sites: &'a Sites<'t>,
    candidates: &'a [Candidate],
    preflights: Option<&'a Preflights>,
    group: &'a Group,
    met: &'a mut Met,
    assumption: Assumption<'a>,
    left: &'a mut usize,
}

impl Visit for Look<'_, '_> {
    fn set(&mut self, paths: PathSet, rules: &[Vec<Place>; SIDES]) {
        let (candidates, preflights) = (self.candidates, self.preflights);
        let side = Side { candidates, list: &rules[0], asked: self.group.asked, preflights };
        let mut budget = BUDGET.min(*self.left);
        let granted = budget;
        self.assumption.begin(paths);
        let mut leaves = Meetings { sites: self.sites, group: self.group, met: &mut *self.met, list: &rules[0] };
        let all = (&[][..], MethodSet::every());
        decide(&[side], all, &mut self.assumption, &mut budget, &mut leaves);
        *self.left -= granted - budget;
    }

    fn unknown(&mut self, _: PathSet) {
        for place in &self.sites.lists[self.group.list] {
            self.met.note(*place, &MethodSet::every(), self.group, self.sites);
        }
    }

    fn skips(&self, rules: &[Vec<Place>; SIDES]) -> bool {
        rules[0].iter().all(|place| self.met.is_done(*place, self.group, self.sites))
    }
}

struct Meetings<'a, 't> {
    sites: &'a Sites<'t>,
    group: &'a Group,
    met: &'a mut Met,
    list: &'a [Place],
}

impl Leaves for Meetings<'_, '_> {
    fn is_settled(&self, _: &[Side<'_>], progress: &[Progress], _: &MethodSet) -> bool {
        let [one] = progress else { return true };
        // what a preflight does not find by the method that it announces, it looks for anew
        let next = if one.by == By::Own { one.next } else { 0 };
        let mut rest = self.list[next..].iter();
        one.end.is_none() && rest.all(|place| self.met.is_done(*place, self.group, self.sites))
    }

    fn leaf(&mut self, _: &Assumption<'_>, methods: &MethodSet, ends: &[&End]) -> Option<Question> {
        if let [End::Found(place)] = ends {
            self.met.note(*place, methods, self.group, self.sites);
        }
        None
    }

    fn unresolved(&mut self, _: &Assumption<'_>, _: &MethodSet) {
        for place in self.list {
            self.met.note(*place, &MethodSet::every(), self.group, self.sites);
        }
    }
}
