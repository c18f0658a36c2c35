//! What a table is made of as a picture: listeners, routes, the plugins on their way, and backends.

mod dot;
mod mermaid;
mod svg;

pub use dot::dot;
pub use mermaid::mermaid;
pub use svg::svg;

use std::collections::BTreeMap;

use crate::pipeline::backend::Backend;
use crate::table::RouteTable;
use crate::table::route::{CompiledRoute, End};
use crate::table::router::{PathMatch, Rule};

/// A picture.
#[derive(Debug, Default)]
pub struct Graph {
    /// What stands in it, by ids that are letters and digits.
    pub nodes: Vec<Node>,
    /// What leads where.
    pub edges: Vec<Edge>,
}

/// A thing in the picture.
#[derive(Debug)]
pub struct Node {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: Kind,
    /// What is written in it, a line each.
    pub label: Vec<String>,
}

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A listener.
    Listener,
    /// A route.
    Route,
    /// A plugin.
    Plugin,
    /// A backend.
    Backend,
}

/// What leads from one node to another.
#[derive(Debug)]
pub struct Edge {
    /// The id of the one.
    pub from: String,
    /// The id of the other.
    pub to: String,
    /// What is written at it; may be empty.
    pub label: String,
    /// Whether only copies go there.
    pub copies: bool,
}

/// The picture of a table.
pub fn graph(table: &RouteTable) -> Graph {
    let mut graph = Graph::default();
    for (i, listener) in table.settings.listeners.iter().enumerate() {
        let tls = if listener.tls.is_some() { " with TLS" } else { "" };
        let label = vec![listener.name.to_string(), format!("{}{tls}", listener.address)];
        graph.nodes.push(Node { id: format!("l{i}"), kind: Kind::Listener, label });
    }
    let mut backends = BTreeMap::new();
    let mut rules = vec![Vec::new(); table.routes.len()];
    for rule in table.router.rules() {
        rules.get_mut(rule.route as usize).into_iter().for_each(|own| own.push(rule));
    }
    for ((i, route), rules) in table.routes.iter().enumerate().zip(rules) {
        graph.add_route(i, route, &rules, &mut backends);
    }
    graph
}

impl Graph {
    fn add_route(
        &mut self,
        index: usize,
        route: &CompiledRoute,
        rules: &[&Rule],
        backends: &mut BTreeMap<Box<str>, String>,
    ) {
        let mut at = format!("r{index}");
        let mut label = vec![route.name.to_string()];
        label.extend(rules.first().map(|rule| hosts(rule)));
        label.extend(rules.iter().map(|rule| asked(rule)));
        self.nodes.push(Node { id: at.clone(), kind: Kind::Route, label });
        for listener in rules.first().iter().flat_map(|rule| &rule.listeners) {
            self.lead(&format!("l{listener}"), &at, String::new(), false);
        }
        for (i, step) in route.pipeline.iter().enumerate() {
            let next = format!("r{index}p{i}");
            let mut label = vec![step.id.to_string()];
            label.extend(step.guard.as_ref().map(|_| "for some requests".to_owned()));
            self.nodes.push(Node { id: next.clone(), kind: Kind::Plugin, label });
            self.lead(&at, &next, String::new(), false);
            at = next;
        }
        let total: u32 = route.ends.iter().map(|end| end.weight).sum();
        for end in &route.ends {
            let backend = self.backend(end, backends);
            let share = if route.ends.len() > 1 { format!("{} of {total}", end.weight) } else { String::new() };
            self.lead(&at, &backend, share, false);
        }
        if let Some(mirror) = &route.mirror {
            let backend = self.backend(&mirror.end, backends);
            self.lead(&at, &backend, format!("copies of {} %", mirror.percent), true);
        }
    }

    fn lead(&mut self, from: &str, to: &str, label: String, copies: bool) {
        self.edges.push(Edge { from: from.to_owned(), to: to.to_owned(), label, copies });
    }

    /// The id of a backend, which gets a node when it is first led to.
    fn backend(&mut self, end: &End, backends: &mut BTreeMap<Box<str>, String>) -> String {
        let next = format!("b{}", backends.len());
        if let Some(id) = backends.get(&end.name) {
            return id.clone();
        }
        backends.insert(end.name.clone(), next.clone());
        let mut label = vec![end.name.to_string()];
        if let Backend::Upstream(upstream) = &end.backend {
            label.extend(upstream.servers.iter().map(|server| server.url.to_string()));
        }
        self.nodes.push(Node { id: next.clone(), kind: Kind::Backend, label });
        next
    }
}

fn hosts(rule: &Rule) -> String {
    if rule.hosts.is_empty() {
        return "any host".to_owned();
    }
    rule.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// What an entry of `match` asks for.
fn asked(rule: &Rule) -> String {
    let conditions = &rule.conditions;
    let mut words: Vec<String> = Vec::new();
    if !conditions.methods.is_empty() {
        words.push(conditions.methods.iter().map(ToString::to_string).collect::<Vec<_>>().join("|"));
    }
    words.push(match &rule.path {
        PathMatch::Any => "/**".to_owned(),
        PathMatch::Template(template) => template.to_string(),
        PathMatch::Prefix(prefix) => format!("{}/**", prefix.as_str()),
        PathMatch::Regex(regex) => format!("~{regex}"),
    });
    words.extend(conditions.headers.iter().map(|condition| format!("header {}", condition.name)));
    words.extend(conditions.query.iter().map(|condition| format!("query {}", condition.name)));
    words.extend(conditions.cookies.iter().map(|condition| format!("cookie {}", condition.name)));
    words.extend(conditions.certificate.as_ref().map(|_| "client certificate".to_owned()));
    words.extend(conditions.consumer.as_ref().map(|_| "consumer".to_owned()));
    words.join(" ")
}
