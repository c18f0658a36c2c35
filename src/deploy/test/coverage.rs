//! Which routes, entries of `match` and plugins the cases of a folder get to.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::deploy::explain::Place;
use crate::deploy::test::parts::Parts;
use crate::deploy::test::stage::Got;
use crate::deploy::test::written::Written;

/// What cases get to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// All of it in percent, rounded down; 100 if there is nothing to get to.
    pub percent: usize,
    /// Routes that a case gets.
    pub routes: Share,
    /// Entries of `match` by which a case gets its route; a route without `match` has one.
    pub matches: Share,
    /// Plugins that run for a case.
    pub plugins: Share,
    /// What no case gets to, in the order of the routes.
    pub uncovered: Vec<Uncovered>,
}

/// How much of something is covered.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Share {
    /// How many are.
    pub covered: usize,
    /// How many there are.
    pub total: usize,
}

/// What no case gets to.
#[derive(Debug, Serialize)]
pub struct Uncovered {
    /// What it is.
    pub what: What,
    /// The route that it is, or belongs to.
    pub route: String,
    /// The entry of `match`, from 1, or the id of the plugin.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Where it is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

/// What a case can get to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// A route.
    Route,
    /// An entry of `match`.
    Match,
    /// A plugin.
    Plugin,
}

impl Share {
    fn note(&mut self, covered: bool) {
        self.total += 1;
        self.covered += usize::from(covered);
    }
}

/// What was seen of requests covers.
pub fn coverage(parts: &Parts, written: &Written<'_>, seen: &[Got]) -> Coverage {
    let rules: BTreeSet<usize> = seen.iter().filter_map(|got| got.rule.map(|rule| rule as usize)).collect();
    let mut ran = BTreeSet::new();
    for got in seen {
        let rule = got.rule.and_then(|rule| parts.rules.get(rule as usize));
        ran.extend(rule.iter().flat_map(|rule| got.ran.iter().map(|step| (rule.route as usize, *step))));
    }
    let mut found = Coverage {
        percent: 100,
        routes: Share::default(),
        matches: Share::default(),
        plugins: Share::default(),
        uncovered: Vec::new(),
    };
    for ((index, route), own) in parts.routes.iter().enumerate().zip(parts.rules_by_route()) {
        let name = || route.name.to_string();
        let covered = own.iter().any(|rule| rules.contains(rule));
        found.routes.note(covered);
        if !covered {
            found.lacks(What::Route, name(), None, written.route(index));
        }
        for rule in own {
            found.matches.note(rules.contains(&rule));
            if !rules.contains(&rule) {
                let entry = (parts.rules[rule].entry + 1).to_string();
                found.lacks(What::Match, name(), Some(entry), written.rule(rule));
            }
        }
        for step in &route.steps {
            let covered = ran.contains(&(index, step.index));
            found.plugins.note(covered);
            if !covered {
                found.lacks(What::Plugin, name(), Some(step.id.to_string()), written.plugin(index, step.index));
            }
        }
    }
    let all = [found.routes, found.matches, found.plugins];
    let (covered, total) = all.iter().fold((0, 0), |sum, share| (sum.0 + share.covered, sum.1 + share.total));
    found.percent = (covered * 100).checked_div(total).unwrap_or(100);
    found
}

impl Coverage {
    fn lacks(&mut self, what: What, route: String, part: Option<String>, place: Option<Place>) {
        self.uncovered.push(Uncovered { what, route, part, place });
    }

    /// It as text for people: of a route that no case gets, its parts are not named.
    pub fn human(&self) -> String {
        let share = |share: Share| format!("{} of {}", share.covered, share.total);
        let (routes, matches, plugins) = (share(self.routes), share(self.matches), share(self.plugins));
        let mut out = format!("coverage {} %: routes {routes}, matches {matches}, plugins {plugins}\n", self.percent);
        let is_route = |one: &&Uncovered| one.what == What::Route;
        let routes: BTreeSet<&str> = self.uncovered.iter().filter(is_route).map(|one| one.route.as_str()).collect();
        for one in self.uncovered.iter().filter(|one| is_route(one) || !routes.contains(one.route.as_str())) {
            let place = one.place.as_ref().map_or_else(String::new, |place| format!("{place}: "));
            let part = one.part.as_deref().unwrap_or_default();
            let what = match one.what {
                What::Route => format!("the route {}", one.route),
                What::Match => format!("entry {part} of `match` of the route {}", one.route),
                What::Plugin => format!("the plugin {part} of the route {}", one.route),
            };
            // Writing into a string cannot fail.
            let _ = writeln!(out, "  {place}no case gets to {what}");
        }
        out
    }
}
