//! Builds the router: orders the rules, groups them by listener and host, and hangs them into the trie.

use std::collections::HashMap;

use ahash::RandomState;

use crate::table::router::captures::{Capture, captures};
use crate::table::router::hosts::Hosts;
use crate::table::router::rule::{PathMatch, Rule};
use crate::table::router::specificity::Specificity;
use crate::table::router::trie::TrieBuilder;
use crate::table::router::{Leaf, List, Router, narrow};
use crate::value::host::HostPattern;

/// The rules of each host pattern of each listener, as positions in the order; `None` is any host.
pub type Sites<'r> = HashMap<(u16, Option<&'r HostPattern>), Vec<u32>, RandomState>;

impl Router {
    /// Orders and indexes rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        let order = order(&rules);
        let mut patterns = Vec::new();
        let mut sites = Vec::new();
        // A host that has the same rules on several listeners is laid out once.
        let mut known: HashMap<_, u32, RandomState> = HashMap::default();
        for ((listener, pattern), positions) in group(&rules, &order) {
            let site = *known.entry((pattern, positions)).or_insert_with_key(|(pattern, _)| {
                sites.push(pattern.cloned());
                narrow(sites.len() - 1)
            });
            patterns.push((listener, pattern, site));
        }
        let hosts = Hosts::new(&patterns);
        let mut trie = TrieBuilder::new(narrow(sites.len()));
        for ((_, positions), site) in &known {
            for position in positions {
                trie.insert(*site, &rules[order[*position as usize] as usize].path, *position);
            }
        }
        let (leaves, captures) = leaves(&rules, &order);
        let trie = trie.finish(|position| leaves[position as usize]);
        drop(known);
        Self { rules: rules.into(), order: order.into(), hosts, sites: sites.into(), trie, captures }
    }

    /// The rules, in the order in which they were given.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The indices of the rules, in the order in which they are tried where several match.
    pub fn ranks(&self) -> &[u32] {
        &self.order
    }

    /// The rules of each host pattern of each listener, as indices in [`ranks`](Self::ranks), in order; `None` is any host.
    pub fn sites(&self) -> Sites<'_> {
        group(&self.rules, &self.order)
    }

    /// The rules, in the order in which they are tried where several match.
    pub fn ranked_rules(&self) -> impl Iterator<Item = &Rule> {
        self.order.iter().map(|rule| &self.rules[*rule as usize])
    }
}

/// The indices of the rules, the one to try first in front.
fn order(rules: &[Rule]) -> Vec<u32> {
    let mut keys: Vec<_> =
        rules.iter().zip(0_u32..).map(|(rule, i)| (Specificity::of(rule), rule.path.as_str(), i)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, _, i)| i).collect()
}

fn group<'r>(rules: &'r [Rule], order: &[u32]) -> Sites<'r> {
    let mut groups = Sites::default();
    for (&rule, position) in order.iter().zip(0_u32..) {
        let rule = &rules[rule as usize];
        let any_host = rule.hosts.is_empty().then_some(None);
        for pattern in rule.hosts.iter().map(Some).chain(any_host) {
            for listener in &rule.listeners {
                let group = groups.entry((*listener, pattern)).or_default();
                if group.last() != Some(&position) {
                    group.push(position);
                }
            }
        }
    }
    groups
}

/// A leaf for each rule in the order, and what their paths capture.
fn leaves(rules: &[Rule], order: &[u32]) -> (Vec<Leaf>, Box<[Capture]>) {
    let mut all_captures = Vec::new();
    let leaf = |(&index, position): (&u32, u32)| {
        let rule = &rules[index as usize];
        let start = narrow(all_captures.len());
        if let PathMatch::Template(template) = &rule.path {
            all_captures.extend(captures(template));
        }
        let captures = List { start, end: narrow(all_captures.len()) };
        let has_conditions = !rule.conditions.is_empty();
        Leaf { position, rule: index, route: rule.route, entry: rule.entry, captures, has_conditions }
    };
    let leaves = order.iter().zip(0_u32..).map(leaf).collect();
    (leaves, all_captures.into())
}
