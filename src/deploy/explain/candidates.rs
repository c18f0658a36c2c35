//! Which alternatives a request matched or nearly matched, by watching the router and by looking at what it left out.

use crate::compiler::Compiled;
use crate::deploy::explain::{Candidate, Place};
use crate::pipeline::head::RequestHead;
use crate::table::RouteTable;
use crate::table::router::{Failure, PathMatch, Rule, Trace, Verdict};
use crate::value::host::HostPattern;

/// How many alternatives that the router did not even try are shown.
const FAR: usize = 5;

/// Watches the router.
#[derive(Default)]
pub(super) struct Watcher {
    site: Site,
    /// The rules tried, in order, each with the reason why it was not taken.
    tried: Vec<(u32, Option<Reason>)>,
}

/// The one host pattern whose rules are tried.
#[derive(Default)]
enum Site {
    /// None has this host.
    #[default]
    Missing,
    /// Any host.
    Any,
    Pattern(HostPattern),
}

/// Why a rule was not taken.
enum Reason {
    Method,
    Certificate,
    Consumer,
    Guarded,
    Field(&'static str, String),
}

impl Trace for Watcher {
    fn host(&mut self, pattern: Option<&HostPattern>) {
        self.site = pattern.cloned().map_or(Site::Any, Site::Pattern);
    }

    fn candidate(&mut self, rule: u32, verdict: Verdict<'_>) {
        let reason = match verdict {
            Verdict::Chosen => None,
            Verdict::Failed(Failure::Method) => Some(Reason::Method),
            Verdict::Failed(Failure::Certificate) => Some(Reason::Certificate),
            Verdict::Failed(Failure::Consumer) => Some(Reason::Consumer),
            Verdict::Guarded => Some(Reason::Guarded),
            Verdict::Failed(Failure::Header(name)) => Some(Reason::Field("header field", name.to_owned())),
            Verdict::Failed(Failure::Cookie(name)) => Some(Reason::Field("cookie", name.to_owned())),
            Verdict::Failed(Failure::Query(name)) => Some(Reason::Field("query parameter", name.to_owned())),
        };
        self.tried.push((rule, reason));
    }
}

impl Watcher {
    /// The host pattern that was tried.
    pub(super) fn hosts(&self) -> Option<String> {
        match &self.site {
            Site::Missing => None,
            Site::Any => Some("*".to_owned()),
            Site::Pattern(pattern) => Some(pattern.to_string()),
        }
    }

    /// Whether a rule is one of those of the host pattern.
    fn owns(&self, rule: &Rule) -> bool {
        match &self.site {
            Site::Pattern(pattern) => rule.hosts.contains(pattern),
            Site::Any => rule.hosts.is_empty(),
            Site::Missing => false,
        }
    }

    fn found(&self) -> bool {
        self.tried.iter().any(|(_, reason)| reason.is_none())
    }
}

/// The rules that were tried, then those that a found one leaves out, or that come nearest where none was found.
pub(super) fn nearly(
    compiled: &Compiled,
    table: &RouteTable,
    listener: u16,
    head: &RequestHead,
    watcher: &Watcher,
) -> Vec<Candidate> {
    let rules = table.router.rules();
    let candidate = |index: usize, chosen: bool, reason: String| Candidate {
        route: table.routes[rules[index].route as usize].name.to_string(),
        alternative: rules[index].entry,
        path: path(&rules[index].path),
        place: compiled.places.get(index).map(|span| Place::of(&compiled.sources, *span)),
        chosen,
        reason,
    };
    let tried = watcher.tried.iter().map(|(rule, reason)| {
        let index = *rule as usize;
        candidate(index, reason.is_none(), reason.as_ref().map_or_else(chosen, |reason| failed(reason, &rules[index])))
    });
    let untried = (0..rules.len()).filter(|index| !watcher.tried.iter().any(|(rule, _)| *rule as usize == *index));
    let mut left: Vec<(usize, usize, String)> = untried
        .filter_map(|index| {
            let (nearness, reason) = left_out(&rules[index], table, listener, head, watcher)?;
            Some((nearness, index, reason))
        })
        .collect();
    left.sort_by_key(|(nearness, index, _)| (std::cmp::Reverse(*nearness), *index));
    left.truncate(FAR);
    tried.chain(left.into_iter().map(|(_, index, reason)| candidate(index, false, reason))).collect()
}

fn chosen() -> String {
    "the most specific one whose conditions all hold".to_owned()
}

fn failed(reason: &Reason, rule: &Rule) -> String {
    match reason {
        Reason::Method => {
            let methods: Vec<String> = rule.conditions.methods.iter().map(|method| format!("`{method}`")).collect();
            format!("the method is not {}", methods.join(" or "))
        }
        Reason::Certificate => "the condition on the client's certificate does not hold".to_owned(),
        Reason::Consumer => "the condition on the consumer does not hold".to_owned(),
        Reason::Guarded => "one before it asks for another caller".to_owned(),
        Reason::Field(what, name) => format!("the condition on the {what} `{name}` does not hold"),
    }
}

/// Why a rule was not even tried, if that is worth saying, and how near it comes.
fn left_out(
    rule: &Rule,
    table: &RouteTable,
    listener: u16,
    head: &RequestHead,
    watcher: &Watcher,
) -> Option<(usize, String)> {
    let (listens, hosts, path) =
        (rule.listeners.contains(&listener), watcher.owns(rule), rule.path.matches(&head.path));
    let shared = shared_prefix(rule.path.as_str(), &head.path);
    match (listens, hosts, path) {
        (true, true, true) => Some((shared, "less specific than the chosen one".to_owned())),
        _ if watcher.found() => None,
        (false, _, true) => {
            let names: Vec<String> = rule
                .listeners
                .iter()
                .filter_map(|index| table.settings.listeners.get(usize::from(*index)))
                .map(|listener| format!("`{}`", listener.name))
                .collect();
            Some((shared, format!("it is reachable only by the listener {}", names.join(", "))))
        }
        (true, false, true) => Some((shared, other_hosts(rule, &head.host, watcher))),
        (true, true, false) if shared > 1 => Some((shared, "the path does not match".to_owned())),
        _ => None,
    }
}

fn other_hosts(rule: &Rule, host: &str, watcher: &Watcher) -> String {
    if rule.hosts.is_empty() || rule.hosts.iter().any(|pattern| pattern.matches(host)) {
        let site = watcher.hosts().unwrap_or_default();
        return format!("its hosts are not tried once `{site}` has routes");
    }
    let hosts: Vec<String> = rule.hosts.iter().map(|host| format!("`{host}`")).collect();
    format!("the host is not {}", hosts.join(" or "))
}

fn shared_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// A path condition as it is written.
fn path(path: &PathMatch) -> String {
    match path {
        PathMatch::Any => "pathPrefix /".to_owned(),
        PathMatch::Template(template) => format!("path {template}"),
        PathMatch::Prefix(prefix) => format!("pathPrefix {prefix}"),
        PathMatch::Regex(regex) => format!("pathRegex {regex}"),
    }
}
