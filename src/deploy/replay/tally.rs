//! What was found so far: counts by class, a few examples, and the clients of each.

use std::collections::{BTreeSet, HashMap};

use ahash::RandomState;

use crate::deploy::replay::decide::Decision;
use crate::deploy::replay::line::Line;
use crate::table::space::Facet;

/// How many examples of a class are kept: the first ones of the log.
const EXAMPLES: usize = 3;

/// How many clients of a class are counted at most; those that come later are not.
const CLIENTS: usize = 10_000;

/// What was found so far.
#[derive(Default)]
pub struct Tally {
    /// How many requests were decided.
    pub requests: u64,
    /// How many lines are of no known format.
    pub unknown: u64,
    /// The requests that get something else, by what they got and get.
    pub classes: HashMap<Class, Found, RandomState>,
}

/// What requests got, and what they get.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Class {
    /// What they got.
    pub old: Decision,
    /// What they get.
    pub new: Decision,
    /// Whether that may depend on what the log doesn't hold.
    pub maybe: bool,
    /// What the route does differently, if it is the same one.
    pub differences: BTreeSet<Facet>,
}

/// The requests of a class.
#[derive(Default)]
pub struct Found {
    /// How many.
    pub count: u64,
    /// Some, each with its place in the log in bytes.
    pub examples: Vec<(u64, String)>,
    /// How many each client sent.
    pub clients: HashMap<Box<str>, u64, RandomState>,
}

impl Tally {
    /// Notes a request that gets something else, at a place of the log.
    pub fn note(&mut self, class: Class, line: &Line<'_>, at: u64) {
        let found = self.classes.entry(class).or_default();
        found.count += 1;
        if found.examples.len() < EXAMPLES || found.examples.last().is_some_and(|(last, _)| at < *last) {
            found.examples.push((at, format!("{} {}{}", line.method, line.host, line.target)));
            found.examples.sort_unstable();
            found.examples.truncate(EXAMPLES);
        }
        let known = found.clients.len();
        match found.clients.get_mut(&*line.client) {
            Some(count) => *count += 1,
            None if known < CLIENTS => drop(found.clients.insert((&*line.client).into(), 1)),
            None => {}
        }
    }

    /// Adds what another part of the log gave.
    pub fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.unknown += other.unknown;
        for (class, more) in other.classes {
            let found = self.classes.entry(class).or_default();
            found.count += more.count;
            found.examples.extend(more.examples);
            found.examples.sort_unstable();
            found.examples.truncate(EXAMPLES);
            for (client, count) in more.clients {
                *found.clients.entry(client).or_default() += count;
            }
        }
    }
}
