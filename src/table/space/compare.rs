//! What another table does differently: the classes of requests that get something else, all of them and none twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ahash::RandomState;
use serde::{Deserialize, Serialize};

use crate::table::RouteTable;
use crate::table::space::assumption::Assumption;
use crate::table::space::class::Class;
use crate::table::space::decide::{Asked, End};
use crate::table::space::hosts::{Front, Region, Sites, front, regions};
use crate::table::space::meaning::Facet;
use crate::table::space::merge::Leaf;
use crate::table::space::outcome::{Authentication, Outcome, differences};
use crate::table::space::pair::{Found, Pair, What};
use crate::table::space::paths::PathSet;
use crate::table::space::request::Request;
use crate::table::space::rules::{Ranked, Rules};
use crate::table::space::texts::Texts;
use crate::table::space::tree::{PathTree, SIDES, Walk, are_same};
use crate::table::space::values::Searches;

/// How many steps a comparison may take in all.
const BUDGET: usize = 5_000_000;

/// How much all leaves may weigh. Only where hundreds of rules for the same paths change their order they weigh more.
const ROOM: usize = 100_000;

/// What another table does differently.
#[derive(Debug, Default)]
pub struct Difference {
    /// What changes, the gravest first.
    pub changes: Vec<Change>,
    /// Requests of which it was not found out whether all get the same; some may be among `changes`.
    pub unproved: Vec<Class>,
}

impl Difference {
    /// Whether it is proved that every request gets the same.
    pub fn is_none(&self) -> bool {
        self.changes.is_empty() && self.unproved.is_empty()
    }

    /// Whether it is proved that no request sees a difference: at most the names of routes are other ones.
    pub fn is_only_names(&self) -> bool {
        self.unproved.is_empty() && self.changes.iter().all(|change| change.risk == Risk::Renamed)
    }
}

/// Requests for which the same changes.
#[derive(Debug)]
pub struct Change {
    /// How grave it is.
    pub risk: Risk,
    /// What they got.
    pub old: Outcome,
    /// What they get.
    pub new: Outcome,
    /// What of it is different, in order.
    pub facets: Vec<Facet>,
    /// The requests; none is in two of these.
    pub classes: Vec<Class>,
}

/// How grave a change is, the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Risk {
    /// Anybody may call what asked who calls, or what nobody got.
    BecomesPublic,
    /// Callers prove in another way who they are.
    Authentication,
    /// Servers, or clients, are spoken to in clear text and were not.
    LosesTls,
    /// A host of which nothing was known is answered.
    NewHost,
    /// Requests had a route and have none.
    BecomesUnreachable,
    /// Requests had no route and have one.
    BecomesReachable,
    /// Requests get another route, which does something else.
    Rerouted,
    /// The route does something else.
    Altered,
    /// Requests get another status, and no route before and after.
    Status,
    /// The route has another name and does the same.
    Renamed,
}

/// What another table does differently.
pub fn compare(old: &RouteTable, new: &RouteTable) -> Difference {
    let sites = [Sites::new(old), Sites::new(new)];
    let mut rules = Rules::default();
    let ranked = [0, 1].map(|side: usize| rules.add(sites[side].table, &sites[side].rules));
    let mut comparison = Comparison {
        sites: [&sites[0], &sites[1]],
        ranked: [&ranked[0], &ranked[1]],
        rules: &rules,
        texts: Texts::default(),
        searches: Searches::default(),
        budget: BUDGET,
        room: ROOM,
        changes: BTreeMap::new(),
        unproved: Vec::new(),
    };
    for (key, regions) in comparison.groups() {
        comparison.compare(key, &regions);
    }
    let changes = comparison.changes.into_iter();
    Difference {
        changes: changes
            .map(|((risk, old, new, facets), classes)| Change {
                risk,
                old,
                new,
                facets: facets.into_iter().collect(),
                classes,
            })
            .collect(),
        unproved: comparison.unproved,
    }
}

/// What decides for a region: the lists of rules of both tables, and what listeners are.
type Key = ([Option<usize>; SIDES], [Front; SIDES]);

type Changes = BTreeMap<(Risk, Outcome, Outcome, BTreeSet<Facet>), Vec<Class>>;

struct Comparison<'a, 't> {
    sites: [&'a Sites<'t>; SIDES],
    ranked: [&'a Ranked; SIDES],
    rules: &'a Rules<'t>,
    texts: Texts,
    searches: Searches,
    budget: usize,
    room: usize,
    changes: Changes,
    unproved: Vec<Class>,
}

impl Comparison<'_, '_> {
    /// The regions for which not all is the same from the outset, by what decides for them.
    fn groups(&self) -> Vec<(Key, Vec<Region>)> {
        let mut numbers: HashMap<Key, usize, RandomState> = HashMap::default();
        let mut groups: Vec<(Key, Vec<Region>)> = Vec::new();
        for region in regions(self.sites[0], self.sites[1], &[]) {
            let listeners = self.sites.map(|sites| sites.listener(&region.listener));
            let list = |side: usize| listeners[side].and_then(|index| self.sites[side].list(index, &region));
            let host = region.sample();
            let fronts = [0, 1].map(|side: usize| front(self.sites[side].table, listeners[side], &host));
            let key = ([list(0), list(1)], fronts);
            if fronts[0] == fronts[1] && self.is_same(key.0) {
                continue;
            }
            let number = *numbers.entry(key).or_insert(groups.len());
            if number == groups.len() {
                groups.push((key, Vec::new()));
            }
            groups[number].1.push(region);
        }
        groups
    }

    fn list(&self, side: usize, list: Option<usize>) -> &[u32] {
        list.map_or(&[], |list| &self.sites[side].lists[list])
    }

    /// Whether two lists hold the same rules with the same paths.
    fn is_same(&self, lists: [Option<usize>; SIDES]) -> bool {
        let (a, b) = (self.list(0, lists[0]), self.list(1, lists[1]));
        let meaning = |side: usize, place: u32| {
            let rule = self.sites[side].rules[place as usize];
            (self.ranked[side].meanings[place as usize], &rule.path)
        };
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| meaning(0, *a) == meaning(1, *b))
    }

    fn compare(&mut self, (lists, fronts): Key, regions: &[Region]) {
        let mut tree = PathTree::new();
        for (side, list) in lists.into_iter().enumerate() {
            for place in self.list(side, list) {
                tree.insert(side, &self.sites[side].rules[*place as usize].path, *place);
            }
        }
        tree.note_idle(|rules| are_same(rules, self.ranked.map(|ranked| &*ranked.meanings)));
        let mut pair = Pair {
            sites: self.sites,
            ranked: self.ranked,
            fronts,
            assumption: Assumption::new(&self.rules.atoms, &self.texts, &mut self.searches),
            budget: &mut self.budget,
            room: &mut self.room,
            found: Found::default(),
        };
        Walk::new(&tree, &self.texts, &mut pair).run();
        let mut found: Vec<(Leaf<What>, Vec<PathSet>)> = std::mem::take(&mut pair.found).into_iter().collect();
        drop(pair);
        found.sort_by_cached_key(|(leaf, paths)| (paths.first().map(ToString::to_string), leaf.literals.clone()));
        let mut assumption = Assumption::new(&self.rules.atoms, &self.texts, &mut self.searches);
        let is_new_host = lists[0].is_none();
        let mut classes = Vec::new();
        for (leaf, paths) in found {
            let tables = self.sites.map(|sites| sites.table);
            let gets_it = |request: &Request| match &leaf.what {
                Some((.., facets)) => differences(tables[0], tables[1], request) == *facets,
                None => false,
            };
            classes.push((Class::new(&leaf, paths, regions, &mut assumption, gets_it), leaf));
        }
        for (class, leaf) in classes {
            self.add(class, leaf, fronts, is_new_host);
        }
    }

    fn add(&mut self, class: Class, leaf: Leaf<What>, fronts: [Front; SIDES], is_new_host: bool) {
        let Some((old, new, facets)) = leaf.what else {
            self.unproved.push(class);
            return;
        };
        let outcome = |side: usize, end: &End| Outcome::of(self.sites[side], end, fronts[side].asked);
        let (old, new) = (outcome(0, &old), outcome(1, &new));
        let risk = risk(&old, &new, &facets, is_new_host && fronts[0].asked != Asked::Nothing, fronts);
        self.changes.entry((risk, old, new, facets)).or_default().push(class);
    }
}

fn risk(old: &Outcome, new: &Outcome, facets: &BTreeSet<Facet>, is_new_host: bool, fronts: [Front; SIDES]) -> Risk {
    let loses_tls = facets.contains(&Facet::UpstreamTls) || facets.contains(&Facet::Tls) && fronts[0].secure;
    match (old, new) {
        (Outcome::Forbidden | Outcome::Refused, Outcome::Routed(after))
            if after.authentication == Authentication::None =>
        {
            Risk::BecomesPublic
        }
        (Outcome::Routed(before), Outcome::Routed(after)) => match (before.authentication, after.authentication) {
            (a, b) if b < a && b == Authentication::None => Risk::BecomesPublic,
            (a, b) if a != b => Risk::Authentication,
            _ if loses_tls => Risk::LosesTls,
            _ if before.route == after.route => Risk::Altered,
            _ if facets.len() > 1 => Risk::Rerouted,
            _ => Risk::Renamed,
        },
        (_, Outcome::Routed(_)) if is_new_host => Risk::NewHost,
        (_, Outcome::Routed(_)) => Risk::BecomesReachable,
        (Outcome::Routed(_), _) => Risk::BecomesUnreachable,
        _ => Risk::Status,
    }
}
