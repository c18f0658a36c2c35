//! Builds the router: orders the rules, groups them by listener and host, and hangs them into the trie.

use std::collections::HashMap;

use ahash::RandomState;

use crate::table::router::hosts::{HostIndex, Site};
use crate::table::router::rule::{PathMatch, Rule};
use crate::table::router::specificity::Specificity;
use crate::table::router::trie::TrieBuilder;
use crate::table::router::{Ranked, Router, narrow};
use crate::value::host::HostPattern;

/// The rules of a host pattern of a listener, by their position in the order.
type Groups<'r> = HashMap<(u16, Option<&'r HostPattern>), Vec<u32>, RandomState>;

impl Router {
    /// Orders and indexes rules.
    pub fn new(rules: Vec<Rule>) -> Self {
        let order = order(&rules);
        let listeners = rules.iter().flat_map(|rule| &rule.listeners).max().map_or(0, |last| usize::from(*last) + 1);
        let mut listeners: Box<[HostIndex]> = (0..listeners).map(|_| HostIndex::default()).collect();
        let mut trie = TrieBuilder::default();
        let mut sites = Vec::new();
        // A host that has the same rules on several listeners is laid out once.
        let mut known: HashMap<_, u32, RandomState> = HashMap::default();
        for ((listener, pattern), positions) in group(&rules, &order) {
            let site = *known.entry((pattern, positions)).or_insert_with_key(|(pattern, positions)| {
                let root = trie.root();
                for position in positions {
                    trie.insert(root, &rules[order[*position as usize] as usize].path, *position);
                }
                sites.push(Site { pattern: pattern.cloned(), root });
                narrow(sites.len() - 1)
            });
            listeners[usize::from(listener)].insert(pattern, site);
        }
        drop(known);
        let trie = trie.finish();
        let ranked = order.iter().map(|&rule| ranked(rule, &rules[rule as usize])).collect();
        Self { rules: rules.into(), ranked, listeners, sites: sites.into(), trie }
    }

    /// The rules, in the order in which they were given.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rules, in the order in which they are tried where several match.
    pub fn ranked_rules(&self) -> impl Iterator<Item = &Rule> {
        self.ranked.iter().map(|ranked| &self.rules[ranked.rule as usize])
    }
}

/// The indices of the rules, the one to try first in front.
fn order(rules: &[Rule]) -> Vec<u32> {
    let mut keys: Vec<_> =
        rules.iter().zip(0_u32..).map(|(rule, i)| (Specificity::of(rule), rule.path.as_str(), i)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|(_, _, i)| i).collect()
}

fn group<'r>(rules: &'r [Rule], order: &[u32]) -> Groups<'r> {
    let mut groups = Groups::default();
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

fn ranked(index: u32, rule: &Rule) -> Ranked {
    let captures = matches!(&rule.path, PathMatch::Template(template) if !template.is_exact());
    Ranked { rule: index, route: rule.route, entry: rule.entry, plain: !captures && rule.conditions.is_empty() }
}
