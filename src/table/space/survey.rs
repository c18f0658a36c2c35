//! What a table does with the requests of a scope: what policies and statements over all requests are decided by.

use std::collections::HashMap;

use ahash::RandomState;

use crate::table::RouteTable;
use crate::table::route::PipelineStep;
use crate::table::space::assumption::Assumption;
use crate::table::space::atoms::{Atom, Literal};
use crate::table::space::class::Class;
use crate::table::space::decide::{End, Leaves, Progress, Question, Side, decide};
use crate::table::space::hosts::{Front, Region, Sites, front, regions};
use crate::table::space::meaning::running;
use crate::table::space::merge::{Leaf, merge};
use crate::table::space::methods::MethodSet;
use crate::table::space::outcome::{Outcome, observe, seen};
use crate::table::space::paths::PathSet;
use crate::table::space::request::Request;
use crate::table::space::rules::{Ranked, Rules};
use crate::table::space::shadow::tree;
use crate::table::space::texts::Texts;
use crate::table::space::tree::{PathTree, Place, SIDES, Visit, Walk};
use crate::table::space::values::Searches;
use crate::value::host::HostPattern;
use crate::value::method::Method;
use crate::value::path::PathGlob;

/// How many steps deciding the requests of one set of paths may take, and how many all of them together.
const BUDGET: usize = 100_000;
const TOTAL: usize = 5_000_000;

/// How much all leaves may weigh.
const ROOM: usize = 200_000;

/// Which requests are looked at; an empty list is all.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The names of the listeners.
    pub listeners: Vec<String>,
    /// The hosts.
    pub hosts: Vec<HostPattern>,
    /// The paths.
    pub paths: Vec<PathGlob>,
    /// The methods.
    pub methods: Vec<Method>,
}

/// What some requests get.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Treatment {
    /// What they get.
    pub outcome: Outcome,
    /// The index of the rule that they meet.
    pub rule: Option<u32>,
    /// Whether they come over TLS.
    pub secure: bool,
    /// Of what was asked about, whether a plugin of each kind runs.
    pub runs: Vec<bool>,
}

/// Plugins of which it matters whether one runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Runs<'a> {
    /// Those of a name.
    Plugin(&'a str),
    /// Those that let nobody past who does not prove who it is.
    Authenticating,
}

impl Runs<'_> {
    fn is(self, step: &PipelineStep) -> bool {
        match self {
            Self::Plugin(name) => step.plugin_name == name,
            Self::Authenticating => step.plugin.authenticates(),
        }
    }
}

/// What a survey found.
#[derive(Debug, Default)]
pub struct Survey {
    /// The classes that were wanted, each with what its requests get; no request is in two of them.
    pub classes: Vec<(Treatment, Class)>,
    /// Requests of which it was not found out what all of them get; some may be among `classes`.
    pub unknown: Vec<Class>,
}

/// Surveys the requests of a scope; of each kind of treatment it is asked whether it is wanted. `plugins` are those of
/// which it matters whether they run.
pub fn survey(
    table: &RouteTable,
    scope: &Scope,
    plugins: &[Runs<'_>],
    is_wanted: &dyn Fn(&Treatment) -> bool,
) -> Survey {
    let sites = Sites::new(table);
    let mut rules = Rules::default();
    let ranked = rules.add(table, &sites.rules);
    let globs: Vec<u32> = scope.paths.iter().map(|glob| rules.atoms.number(Atom::Glob(glob.clone()))).collect();
    let (texts, mut searches) = (Texts::default(), Searches::default());
    let (mut left, mut room) = (TOTAL, ROOM);
    let mut found = Survey::default();
    for ((list, front), regions) in groups(&sites, scope) {
        let mut look = Look {
            sites: &sites,
            ranked: &ranked,
            front,
            methods: MethodSet::of(&scope.methods),
            globs: &globs,
            plugins,
            is_wanted,
            assumption: Assumption::new(&rules.atoms, &texts, &mut searches),
            left: &mut left,
            room: &mut room,
            found: HashMap::default(),
        };
        let tree = list.map_or_else(PathTree::new, |list| tree(&sites, list));
        Walk::new(&tree, &texts, &mut look).run();
        let Look { assumption, found: leaves, .. } = look;
        found.add(leaves, &regions, table, plugins, assumption);
    }
    found
}

type Key = (Option<usize>, Front);
type Treated = HashMap<Leaf<Option<Treatment>>, Vec<PathSet>, RandomState>;

fn groups(sites: &Sites<'_>, scope: &Scope) -> Vec<(Key, Vec<Region>)> {
    let mut numbers: HashMap<Key, usize, RandomState> = HashMap::default();
    let mut groups: Vec<(Key, Vec<Region>)> = Vec::new();
    for region in regions(sites, sites, &scope.hosts) {
        let host = region.sample();
        let is_listener = scope.listeners.is_empty() || scope.listeners.iter().any(|name| **name == *region.listener);
        let is_host = scope.hosts.is_empty() || scope.hosts.iter().any(|pattern| pattern.matches(&host));
        if !is_listener || !is_host {
            continue;
        }
        let listener = sites.listener(&region.listener);
        let list = listener.and_then(|listener| sites.list(listener, &region));
        let key = (list, front(sites.table, listener, &host));
        let number = *numbers.entry(key).or_insert(groups.len());
        if number == groups.len() {
            groups.push((key, Vec::new()));
        }
        groups[number].1.push(region);
    }
    groups
}

impl Survey {
    fn add(
        &mut self,
        leaves: Treated,
        regions: &[Region],
        table: &RouteTable,
        plugins: &[Runs<'_>],
        mut assumption: Assumption<'_>,
    ) {
        let mut leaves: Vec<_> = leaves.into_iter().collect();
        leaves.sort_by_cached_key(|(leaf, paths)| (paths.first().map(ToString::to_string), leaf.literals.clone()));
        for (leaf, paths) in leaves {
            let gets_it =
                |request: &Request| leaf.what.as_ref().is_some_and(|t| *t == treatment(table, request, plugins));
            let class = Class::new(&leaf, paths, regions, &mut assumption, gets_it);
            match leaf.what {
                Some(treatment) => self.classes.push((treatment, class)),
                None => self.unknown.push(class),
            }
        }
    }
}

/// What one request gets.
pub fn treatment(table: &RouteTable, request: &Request, plugins: &[Runs<'_>]) -> Treatment {
    let observed = observe(table, request);
    let runs = |wanted: &Runs<'_>| {
        observed.rule.is_some_and(|rule| {
            let steps = running(&table.routes[rule.route as usize].pipeline, request, seen(observed.front, request));
            steps.iter().any(|step| wanted.is(step))
        })
    };
    let runs = plugins.iter().map(runs).collect();
    Treatment { outcome: observed.outcome, rule: observed.index, secure: observed.front.secure, runs }
}

struct Look<'a, 't> {
    sites: &'a Sites<'t>,
    ranked: &'a Ranked,
    front: Front,
    methods: MethodSet,
    globs: &'a [u32],
    plugins: &'a [Runs<'a>],
    is_wanted: &'a dyn Fn(&Treatment) -> bool,
    assumption: Assumption<'a>,
    left: &'a mut usize,
    room: &'a mut usize,
    found: Treated,
}

impl Visit for Look<'_, '_> {
    /// Paths are taken by the first glob that matches them, so that none is looked at twice.
    fn set(&mut self, paths: PathSet, rules: &[Vec<Place>; SIDES]) {
        let mut given: Vec<Literal> = Vec::new();
        if self.globs.is_empty() {
            self.decide(&paths, &rules[0], &given);
        }
        for glob in self.globs {
            if !self.may_match(&paths, *glob) {
                continue;
            }
            given.push((*glob, true));
            self.decide(&paths, &rules[0], &given);
            given.pop();
            given.push((*glob, false));
        }
    }

    fn unknown(&mut self, paths: PathSet) {
        let leaf = Leaf { methods: self.methods.clone(), literals: Vec::new(), certain: false, what: None };
        self.found.entry(leaf).or_default().push(paths);
    }

    fn skips(&self, _: &[Vec<Place>; SIDES]) -> bool {
        false
    }
}

impl Look<'_, '_> {
    fn may_match(&self, paths: &PathSet, glob: u32) -> bool {
        match self.assumption.atoms().get(glob) {
            Atom::Glob(glob) => paths.may_match(glob),
            _ => true,
        }
    }

    fn decide(&mut self, paths: &PathSet, list: &[Place], given: &[Literal]) {
        let Ranked { candidates, preflights, .. } = self.ranked;
        let side = Side { candidates, list, asked: self.front.asked, preflights: preflights.as_ref() };
        let mut treatments = Treatments {
            sites: self.sites,
            ranked: self.ranked,
            front: self.front,
            plugins: self.plugins,
            is_wanted: self.is_wanted,
            room: &mut *self.room,
            found: Vec::new(),
        };
        let mut budget = BUDGET.min(*self.left);
        let granted = budget;
        self.assumption.begin(paths.clone());
        decide(&[side], (given, self.methods.clone()), &mut self.assumption, &mut budget, &mut treatments);
        *self.left -= granted - budget;
        for leaf in merge(treatments.found) {
            self.found.entry(leaf).or_default().push(paths.clone());
        }
    }
}

struct Treatments<'a, 't> {
    sites: &'a Sites<'t>,
    ranked: &'a Ranked,
    front: Front,
    plugins: &'a [Runs<'a>],
    is_wanted: &'a dyn Fn(&Treatment) -> bool,
    room: &'a mut usize,
    found: Vec<Leaf<Option<Treatment>>>,
}

impl Leaves for Treatments<'_, '_> {
    fn is_settled(&self, _: &[Side<'_>], _: &[Progress], _: &MethodSet) -> bool {
        false
    }

    fn leaf(&mut self, assumption: &Assumption<'_>, methods: &MethodSet, ends: &[&End]) -> Option<Question> {
        let [end] = ends else { return None };
        let (rule, runs) = match end {
            End::Found(place) => match self.runs(*place, assumption, methods) {
                Ok(runs) => (Some(self.sites.table.router.ranks()[*place as usize]), runs),
                Err(question) => return Some(question),
            },
            _ => (None, vec![false; self.plugins.len()]),
        };
        let outcome = Outcome::of(self.sites, end, self.front.asked);
        let treatment = Treatment { outcome, rule, secure: self.front.secure, runs };
        if (self.is_wanted)(&treatment) {
            self.note(assumption, methods, Some(treatment));
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

impl Treatments<'_, '_> {
    fn note(&mut self, assumption: &Assumption<'_>, methods: &MethodSet, what: Option<Treatment>) {
        let mut literals = assumption.literals();
        literals.sort_unstable();
        let certain = what.is_some() && assumption.is_certain();
        let leaf = Leaf { methods: methods.clone(), literals, certain, what };
        *self.room = self.room.saturating_sub(leaf.weight());
        self.found.push(leaf);
    }

    /// Whether a plugin of each name runs.
    fn runs(&self, place: Place, assumption: &Assumption<'_>, methods: &MethodSet) -> Result<Vec<bool>, Question> {
        let route = self.sites.rules[place as usize].route;
        let pipeline = &self.sites.table.routes[route as usize].pipeline;
        let mut all = Vec::with_capacity(self.plugins.len());
        for wanted in self.plugins {
            let mut runs = false;
            for (number, _) in pipeline.iter().enumerate().filter(|(_, step)| wanted.is(step)) {
                runs = runs || self.ranked.runs((route, number), self.front.asked, assumption, methods)?;
            }
            all.push(runs);
        }
        Ok(all)
    }
}
