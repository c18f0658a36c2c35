//! `/table`: the routing table in force, as it was compiled. What conditions on fields compare with is left out, for people
//! put passwords there; so are the plugins' settings.

use serde::Serialize;

use crate::pipeline::backend::Backend;
use crate::pipeline::caller::ConsumerCondition;
use crate::pipeline::certificate::CertificateCondition;
use crate::pipeline::condition::{FieldCondition, Test};
use crate::proxy::live::Generation;
use crate::proxy::status::View;
use crate::proxy::status::answer::{Answer, document};
use crate::proxy::status::overview::{ListenerLine, listeners};
use crate::table::route::{CompiledRoute, End, PipelineStep};
use crate::table::router::{Conditions, PathMatch, Rule};
use crate::value::host::HostPattern;
use crate::value::method::Method;

/// The document at `/table`.
pub(super) fn table(view: &View) -> Answer {
    document(Dump::of(&view.live.load()))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dump<'a> {
    generation: u64,
    digest: String,
    listeners: Vec<ListenerLine<'a>>,
    routes: Vec<RouteDump<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RouteDump<'a> {
    name: &'a str,
    rules: Vec<RuleDump<'a>>,
    plugins: Vec<PluginDump<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<BackendDump<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    split: Vec<BackendDump<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mirror: Option<BackendDump<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleDump<'a> {
    /// Its place in the order in which rules are tried where several match, from 1.
    rank: usize,
    listeners: Vec<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    hosts: &'a [HostPattern],
    #[serde(flatten)]
    path: Option<PathDump<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    methods: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<ConditionDump<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    query: Vec<ConditionDump<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cookies: Vec<ConditionDump<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_certificate: Option<&'a CertificateCondition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consumer: Option<&'a ConsumerCondition>,
    priority: i32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum PathDump<'a> {
    Path(&'a str),
    PathPrefix(String),
    PathRegex(&'a str),
}

#[derive(Serialize)]
struct ConditionDump<'a> {
    name: &'a str,
    test: &'static str,
}

#[derive(Serialize)]
struct PluginDump<'a> {
    id: &'a str,
    plugin: &'static str,
    /// Whether it runs for some requests only.
    conditional: bool,
}

#[derive(Serialize)]
struct BackendDump<'a> {
    name: &'a str,
    weight: u32,
    targets: Vec<String>,
}

impl<'a> Dump<'a> {
    fn of(generation: &'a Generation) -> Self {
        let table = &generation.table;
        let mut routes: Vec<RouteDump<'_>> = table.routes.iter().map(RouteDump::of).collect();
        let names: Vec<&str> = table.settings.listeners.iter().map(|listener| listener.name.as_str()).collect();
        for (rank, rule) in (1..).zip(table.router.ranked_rules()) {
            if let Some(route) = routes.get_mut(rule.route as usize) {
                route.rules.push(RuleDump::of(rule, rank, &names));
            }
        }
        Self {
            generation: generation.number,
            digest: table.digest.to_string(),
            listeners: listeners(generation),
            routes,
        }
    }
}

impl<'a> RouteDump<'a> {
    fn of(route: &'a CompiledRoute) -> Self {
        Self {
            name: &route.name,
            rules: Vec::new(),
            plugins: route.pipeline.iter().map(PluginDump::of).collect(),
            backend: if let [only] = &*route.ends { Some(BackendDump::of(only)) } else { None },
            split: if route.ends.len() > 1 { route.ends.iter().map(BackendDump::of).collect() } else { Vec::new() },
            mirror: route.mirror.as_ref().map(|mirror| BackendDump::of(&mirror.end)),
        }
    }
}

impl<'a> RuleDump<'a> {
    fn of(rule: &'a Rule, rank: usize, listeners: &[&'a str]) -> Self {
        let Conditions { methods, headers, query, cookies, certificate, consumer } = &rule.conditions;
        Self {
            rank,
            listeners: rule.listeners.iter().filter_map(|i| listeners.get(usize::from(*i)).copied()).collect(),
            hosts: &rule.hosts,
            path: PathDump::of(&rule.path),
            methods: methods.iter().map(Method::as_str).collect(),
            headers: headers.iter().map(ConditionDump::of).collect(),
            query: query.iter().map(ConditionDump::of).collect(),
            cookies: cookies.iter().map(ConditionDump::of).collect(),
            client_certificate: certificate.as_ref(),
            consumer: consumer.as_ref(),
            priority: rule.priority,
        }
    }
}

impl<'a> PathDump<'a> {
    fn of(path: &'a PathMatch) -> Option<Self> {
        match path {
            PathMatch::Any => None,
            PathMatch::Template(template) => Some(Self::Path(template.as_str())),
            PathMatch::Prefix(prefix) => Some(Self::PathPrefix(prefix.to_string())),
            PathMatch::Regex(regex) => Some(Self::PathRegex(regex.as_str())),
        }
    }
}

impl<'a> ConditionDump<'a> {
    fn of(condition: &'a FieldCondition) -> Self {
        let test = match condition.test {
            Test::Equals(_) => "equals",
            Test::Regex(_) => "regex",
            Test::Present => "present",
            Test::Absent => "absent",
        };
        Self { name: &condition.name, test }
    }
}

impl<'a> PluginDump<'a> {
    fn of(step: &'a PipelineStep) -> Self {
        Self { id: &step.id, plugin: step.plugin_name, conditional: step.guard.is_some() }
    }
}

impl<'a> BackendDump<'a> {
    fn of(end: &'a End) -> Self {
        let targets = match &end.backend {
            Backend::Upstream(upstream) => upstream.servers.iter().map(|server| server.url.to_string()).collect(),
            Backend::Local(_) => Vec::new(),
        };
        Self { name: &end.name, weight: end.weight, targets }
    }
}
