//! A class of requests: all of its requests get the same.

use std::fmt;

use crate::table::space::assumption::Assumption;
use crate::table::space::atoms::{Atom, Literal};
use crate::table::space::hosts::Region;
use crate::table::space::merge::Leaf;
use crate::table::space::methods::MethodSet;
use crate::table::space::paths::PathSet;
use crate::table::space::request::Request;

/// A class of requests.
#[derive(Debug)]
pub struct Class {
    /// The listeners and hosts.
    pub regions: Vec<Region>,
    /// The paths; no path is in two of these.
    pub paths: Vec<PathSet>,
    /// The methods.
    pub methods: MethodSet,
    /// What else holds of a request, or doesn't.
    pub conditions: Vec<(Atom, bool)>,
    /// Whether there surely is such a request; if not, there may be.
    pub certain: bool,
    /// One of its requests, if one was found. It was sent through the tables.
    pub witness: Option<Request>,
}

/// How many sets of paths are tried to find an example.
const TRIED: usize = 3;

impl Class {
    /// Makes a class, with an example that was found to get what the class gets.
    pub(super) fn new<W>(
        leaf: &Leaf<W>,
        paths: Vec<PathSet>,
        regions: &[Region],
        assumption: &mut Assumption<'_>,
        gets_it: impl Fn(&Request) -> bool,
    ) -> Self {
        let condition = |(atom, answer): &Literal| (assumption.atoms().get(*atom).clone(), *answer);
        let mut class = Self {
            regions: regions.to_vec(),
            methods: leaf.methods.clone(),
            conditions: leaf.literals.iter().map(condition).collect(),
            certain: false,
            witness: None,
            paths,
        };
        let Some(region) = regions.first() else { return class };
        let mut examples = class.paths.iter().take(TRIED).filter_map(|paths| {
            assumption.begin(paths.clone());
            let parts =
                leaf.literals.iter().all(|literal| assumption.assume(*literal)).then(|| assumption.parts())??;
            let method = leaf.methods.sample();
            Some(Request::new(&region.listener, &region.sample(), region.secure, method, parts))
        });
        class.witness = examples.find(|request| class.contains(request) && gets_it(request));
        class.certain = class.witness.is_some();
        class
    }

    /// Whether a request is among it.
    pub fn contains(&self, request: &Request) -> bool {
        self.methods.contains(&request.head.method)
            && self.regions.iter().any(|region| region.contains(&request.listener, &request.head.host))
            && self.paths.iter().any(|paths| paths.contains(&request.head.path))
            && self.conditions.iter().all(|(atom, answer)| atom.holds(request) == *answer)
    }
}

/// How many of several things are named before the rest is counted.
const NAMED: usize = 3;

/// Such as `GET, PUT https://shop.example/orders/** with header x-tenant=acme`.
impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.methods.is_every() {
            write!(f, "{} ", self.methods)?;
        }
        if let Some(region) = self.regions.first() {
            region.fmt(f)?;
        }
        let paths = shown(&self.paths);
        f.write_str(paths.first().map_or("", |path| path))?;
        rest(f, paths.len(), "paths", &paths)?;
        let mut hosts: Vec<String> = self.regions.iter().map(ToString::to_string).collect();
        hosts.dedup();
        rest(f, hosts.len(), "hosts", &hosts)?;
        for (answer, word) in [(true, " with "), (false, " without ")] {
            let some: Vec<String> = self.said(answer).take(NAMED).collect();
            let more = self.said(answer).count() - some.len();
            if some.is_empty() {
                continue;
            }
            let joint = if answer { " and " } else { " or " };
            write!(f, "{word}{}", some.join(joint))?;
            if more > 0 {
                write!(f, "{joint}{more} more")?;
            }
        }
        if self.certain { Ok(()) } else { f.write_str(" (maybe)") }
    }
}

impl Class {
    /// The conditions with an answer, but for those that follow from others.
    fn said(&self, answer: bool) -> impl Iterator<Item = String> {
        let follows = |atom: &Atom| {
            *atom == Atom::Certificate
                && self
                    .conditions
                    .iter()
                    .any(|(other, holds)| *holds && matches!(other, Atom::San(_) | Atom::Subject(_)))
        };
        let own = self.conditions.iter().filter(move |(_, holds)| *holds == answer);
        own.filter(move |(atom, _)| !answer || !follows(atom)).map(|(atom, _)| atom.to_string())
    }
}

fn rest(f: &mut fmt::Formatter<'_>, count: usize, what: &str, texts: &[String]) -> fmt::Result {
    match count {
        0 | 1 => Ok(()),
        count if count <= NAMED => write!(f, " (and {})", texts[1..].join(", ")),
        count => write!(f, " (and {} more {what}, such as {})", count - 1, texts[1]),
    }
}

/// The texts of paths; a path and all below it are one.
fn shown(paths: &[PathSet]) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for paths in paths {
        let text = paths.to_string();
        let base = text.strip_suffix("/*/**");
        match texts.iter_mut().find(|known| base == Some(known)) {
            Some(known) => known.push_str("/**"),
            None => texts.push(text),
        }
    }
    texts
}
