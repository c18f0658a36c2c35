//! The hosts of a listener in two tables, cut so finely that each table has the same rules for all hosts of a piece.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use ahash::RandomState;

use crate::table::RouteTable;
use crate::table::router::Rule;
use crate::table::space::decide::Asked;
use crate::table::space::texts::numbered;
use crate::table::tls::ClientAuthMode;
use crate::value::host::HostPattern;

/// Some hosts of a listener: those of one pattern that are of no narrower one.
#[derive(Clone, Debug)]
pub struct Region {
    /// The name of the listener.
    pub listener: Arc<str>,
    /// The pattern; `None` is any host.
    pub pattern: Option<HostPattern>,
    /// All patterns of the listener.
    patterns: Arc<BTreeSet<HostPattern>>,
    /// Whether the listener speaks TLS, in the new table if it is there.
    pub secure: bool,
}

impl Region {
    /// Whether requests by this listener for this host are among it.
    pub fn contains(&self, listener: &str, host: &str) -> bool {
        *self.listener == *listener && narrowest(&self.patterns, host) == self.pattern.as_ref()
    }

    /// One of its hosts.
    pub(super) fn sample(&self) -> String {
        let below = |suffix: &str| {
            numbered("x", suffix)
                .find(|name| narrowest(&self.patterns, name) == self.pattern.as_ref())
                .unwrap_or_default()
        };
        match &self.pattern {
            Some(HostPattern::Exact(name)) => name.to_string(),
            Some(HostPattern::Wildcard(suffix)) => below(&format!(".{suffix}")),
            None => below(".invalid"),
        }
    }
}

fn narrowest<'p>(patterns: &'p BTreeSet<HostPattern>, host: &str) -> Option<&'p HostPattern> {
    let exact = host.parse().ok().and_then(|name| patterns.get(&HostPattern::Exact(name)));
    let parents = std::iter::successors(parent(host), |name| parent(name));
    exact.or_else(|| {
        parents.filter_map(|suffix| suffix.parse().ok()).find_map(|name| patterns.get(&HostPattern::Wildcard(name)))
    })
}

fn parent(host: &str) -> Option<&str> {
    host.split_once('.').map(|(_, parent)| parent)
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", if self.secure { "https" } else { "http" })?;
        match &self.pattern {
            Some(pattern) => pattern.fmt(f),
            None => f.write_str("*"),
        }
    }
}

/// What a listener is to the clients of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Front {
    pub(super) asked: Asked,
    pub(super) secure: bool,
}

/// The rules of one table by listener and host.
pub(super) struct Sites<'t> {
    pub(super) table: &'t RouteTable,
    /// The rules in the order in which they are tried.
    pub(super) rules: Vec<&'t Rule>,
    /// Lists of rules, each once, as indices in `rules`.
    pub(super) lists: Vec<Vec<u32>>,
    by_pattern: HashMap<(u16, Option<HostPattern>), usize, RandomState>,
}

impl<'t> Sites<'t> {
    /// Those of a table.
    pub(super) fn new(table: &'t RouteTable) -> Self {
        let (mut lists, mut by_pattern) = (Vec::new(), HashMap::default());
        let mut known: HashMap<Vec<u32>, usize, RandomState> = HashMap::default();
        let mut sites: Vec<_> = table.router.sites().into_iter().collect();
        sites.sort_unstable();
        for ((listener, pattern), list) in sites {
            let site = *known.entry(list).or_insert_with_key(|list| {
                lists.push(list.clone());
                lists.len() - 1
            });
            by_pattern.insert((listener, pattern.cloned()), site);
        }
        Self { table, rules: table.router.ranked_rules().collect(), lists, by_pattern }
    }

    /// The index of a listener.
    pub(super) fn listener(&self, name: &str) -> Option<u16> {
        let mut listeners = self.table.settings.listeners.iter().zip(0..);
        listeners.find(|(listener, _)| listener.name.as_str() == name).map(|(_, index)| index)
    }

    /// All host patterns that make a difference on a listener.
    fn patterns(&self) -> HashMap<u16, BTreeSet<HostPattern>, RandomState> {
        let mut patterns: HashMap<u16, BTreeSet<HostPattern>, RandomState> = HashMap::default();
        for (listener, pattern) in self.by_pattern.keys() {
            patterns.entry(*listener).or_default().extend(pattern.clone());
        }
        for (listener, index) in self.table.settings.listeners.iter().zip(0..) {
            let hosts = listener.tls.iter().flat_map(|tls| &tls.hosts).flat_map(|entry| entry.hosts.iter().cloned());
            patterns.entry(index).or_default().extend(hosts);
        }
        patterns
    }

    /// The host pattern that decides for a region, and its list of rules.
    pub(super) fn site(&self, listener: u16, region: &Region) -> Option<(Option<HostPattern>, usize)> {
        let site = |pattern: Option<HostPattern>| {
            let list = *self.by_pattern.get(&(listener, pattern.clone()))?;
            Some((pattern, list))
        };
        let suffix = match &region.pattern {
            Some(HostPattern::Exact(name) | HostPattern::Wildcard(name)) => Some(name.as_str()),
            None => None,
        };
        let exact = region.pattern.clone().and_then(|pattern| site(Some(pattern)));
        let parents = std::iter::successors(suffix.and_then(parent), |name| parent(name));
        let mut wildcards = parents.filter_map(|suffix| suffix.parse().ok().map(HostPattern::Wildcard));
        exact.or_else(|| wildcards.find_map(|wildcard| site(Some(wildcard)))).or_else(|| site(None))
    }

    /// The list of rules for a region.
    pub(super) fn list(&self, listener: u16, region: &Region) -> Option<usize> {
        self.site(listener, region).map(|(_, list)| list)
    }
}

/// What a listener is to the clients of a host.
pub(super) fn front(table: &RouteTable, listener: Option<u16>, host: &str) -> Front {
    let Some(listener) = listener.and_then(|index| table.settings.listeners.get(usize::from(index))) else {
        return Front { asked: Asked::Nothing, secure: false };
    };
    let asked = match listener.tls.as_ref().and_then(|tls| tls.client_auth_of(host)) {
        None => Asked::Never,
        Some(auth) if auth.mode == ClientAuthMode::Required => Asked::Required,
        Some(_) => Asked::Optional,
    };
    Front { asked, secure: listener.tls.is_some() }
}

/// All regions of two tables, also cut by more patterns.
pub(super) fn regions(old: &Sites<'_>, new: &Sites<'_>, more: &[HostPattern]) -> Vec<Region> {
    let (old_patterns, new_patterns) = (old.patterns(), new.patterns());
    let listeners = [new, old].into_iter().flat_map(|sites| &sites.table.settings.listeners);
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for listener in listeners.filter(|listener| seen.insert(listener.name.clone())) {
        let name: Arc<str> = listener.name.as_str().into();
        let of = |sites: &Sites<'_>, patterns: &HashMap<u16, BTreeSet<HostPattern>, RandomState>| {
            sites.listener(&name).and_then(|index| patterns.get(&index)).cloned().unwrap_or_default()
        };
        let mut patterns = of(old, &old_patterns);
        patterns.append(&mut of(new, &new_patterns));
        patterns.extend(more.iter().cloned());
        let patterns = Arc::new(patterns);
        found.extend(patterns.iter().cloned().map(Some).chain(std::iter::once(None)).map(|pattern| Region {
            listener: Arc::clone(&name),
            pattern,
            patterns: Arc::clone(&patterns),
            secure: listener.tls.is_some(),
        }));
    }
    found
}
