//! One route: its rules for the router, its pipeline, its end, its patience.

use std::collections::BTreeSet;

use crate::compiler::lower::Backends;
use crate::compiler::lower::codes::UNKNOWN_LISTENER;
use crate::compiler::manifest::route::{Match, RouteSpec};
use crate::compiler::object::{Address, Object};
use crate::diagnostic::Diagnostics;
use crate::pipeline::backend::Backend;
use crate::pipeline::condition::{NamedCondition, Names};
use crate::pipeline::plugin::CompileContext;
use crate::pipeline::timeouts::Timeouts;
use crate::pipeline::when::When;
use crate::table::route::{CompiledRoute, End, Patience, PipelineStep};
use crate::table::router::{Conditions, PathMatch, Rule};
use crate::table::settings::Settings;
use crate::value::did_you_mean::did_you_mean;
use crate::value::secret::SecretRef;

/// A route in the table's terms.
pub(super) struct Lowered {
    pub(super) route: CompiledRoute,
    pub(super) rules: Vec<Rule>,
    pub(super) secrets: BTreeSet<SecretRef>,
}

/// Makes a route; `None` after a problem was reported, or where its backend has one.
pub(super) fn lower_route(
    object: &Object,
    spec: &RouteSpec,
    index: usize,
    settings: &Settings,
    backends: &Backends,
    out: &mut Diagnostics,
) -> Option<Lowered> {
    let listeners = listeners(object, spec, settings, out);
    let (pipeline, secrets) = pipeline(object, spec, out);
    let end = match &spec.backend {
        None => None,
        Some(reference) => {
            let (namespace, name) = (object.address.namespace.clone(), reference.name().clone());
            let address = Address { kind: "Backend", namespace, name };
            Some(End { name: address.short().into(), backend: backends.get(&address)?.clone() })
        }
    };
    let timeouts = patience(spec.timeouts, end.as_ref(), settings);
    let route = CompiledRoute { name: object.address.short().into(), pipeline: pipeline?, end, timeouts };
    Some(Lowered { route, rules: rules(spec, u32::try_from(index).ok()?, &listeners?), secrets })
}

/// The indices of its listeners.
fn listeners(object: &Object, spec: &RouteSpec, settings: &Settings, out: &mut Diagnostics) -> Option<Vec<u16>> {
    let known: Vec<&str> = settings.listeners.iter().map(|listener| listener.name.as_str()).collect();
    let indices = 0..u16::try_from(known.len()).unwrap_or(u16::MAX);
    if spec.listeners.is_empty() {
        return Some(indices.collect());
    }
    let mut found = Vec::new();
    for (i, name) in spec.listeners.iter().enumerate() {
        let position = known.iter().position(|known| *known == name.as_str()).and_then(|p| u16::try_from(p).ok());
        found.push(position);
        if position.is_none() {
            let place = object.place(&format!("/spec/listeners/{i}"));
            let problem = object
                .problem(&UNKNOWN_LISTENER, format!("the `Gateway` has no listener `{name}`"))
                .at(place, "not found");
            out.push(match did_you_mean(name.as_str(), known.iter().copied()) {
                Some(near) => {
                    problem.help(format!("did you mean `{near}`?")).fix("use the listener that exists", place, near)
                }
                None => problem.help(format!("there are: {}", known.join(", "))),
            });
        }
    }
    found.into_iter().collect()
}

fn pipeline(
    object: &Object,
    spec: &RouteSpec,
    out: &mut Diagnostics,
) -> (Option<Box<[PipelineStep]>>, BTreeSet<SecretRef>) {
    let params: Vec<Vec<String>> = spec
        .matches
        .iter()
        .map(|alternative| alternative.path.iter().flat_map(|path| path.parameters()).map(str::to_owned).collect())
        .collect();
    let mut steps = Some(Vec::new());
    let mut secrets = BTreeSet::new();
    for (i, entry) in spec.plugins.iter().enumerate() {
        let Some(info) = entry.plugins().first().copied() else { continue };
        let mut context = CompileContext { params: &params, ..CompileContext::default() };
        let plugin = entry.compile(&mut context);
        if entry.enabled {
            secrets.append(&mut context.secrets);
        }
        for problem in context.problems {
            let place = object.place(&format!("/spec/plugins/{i}/{}{}", info.name, problem.pointer));
            let mut diagnostic = object.problem(problem.code, problem.message).at(place, "");
            diagnostic.help = problem.help;
            out.push(diagnostic);
        }
        let id = entry.id.as_ref().map_or(info.name, |id| id.as_str()).into();
        let step = plugin.map(|plugin| PipelineStep {
            id,
            plugin_name: info.name,
            guard: entry.when.as_ref().map(When::compile),
            plugin,
        });
        match (&mut steps, step) {
            (Some(steps), Some(step)) if entry.enabled => steps.push(step),
            (Some(_), Some(_)) | (None, _) => {}
            (Some(_), None) => steps = None,
        }
    }
    (steps.map(Into::into), secrets)
}

fn patience(own: Timeouts, end: Option<&End>, settings: &Settings) -> Patience {
    let of_backend = match end.map(|end| &end.backend) {
        Some(Backend::Upstream(upstream)) => upstream.timeouts,
        Some(Backend::Local(_)) | None => Timeouts::default(),
    };
    let (given, default) = (own.or(of_backend), settings.timeouts);
    Patience {
        request: given.request.unwrap_or(default.request).get(),
        connect: given.connect.unwrap_or(default.connect).get(),
        first_byte: given.first_byte.unwrap_or(default.first_byte).get(),
        idle: given.idle.unwrap_or(default.message).get(),
        upgraded: given.upgraded.unwrap_or(default.upgraded).get(),
    }
}

fn rules(spec: &RouteSpec, route: u32, listeners: &[u16]) -> Vec<Rule> {
    let every_path = [Match::default()];
    let alternatives = if spec.matches.is_empty() { &every_path[..] } else { &spec.matches };
    (0..)
        .zip(alternatives)
        .map(|(entry, alternative)| Rule {
            route,
            entry,
            listeners: listeners.to_vec(),
            hosts: spec.hosts.clone(),
            path: path(alternative),
            conditions: conditions(alternative),
            priority: spec.priority,
        })
        .collect()
}

fn path(alternative: &Match) -> PathMatch {
    match (&alternative.path, &alternative.path_prefix, &alternative.path_regex) {
        (Some(template), ..) => PathMatch::Template(template.clone()),
        (_, Some(prefix), _) => PathMatch::Prefix(prefix.clone()),
        (.., Some(regex)) => PathMatch::Regex(regex.clone()),
        (None, None, None) => PathMatch::Any,
    }
}

fn conditions(alternative: &Match) -> Conditions {
    let all = |list: &[NamedCondition], names| list.iter().filter_map(|condition| condition.compile(names)).collect();
    Conditions {
        methods: alternative.methods.clone(),
        headers: all(&alternative.headers, Names::AnyCase),
        query: all(&alternative.query, Names::ExactCase),
        cookies: all(&alternative.cookies, Names::ExactCase),
        caller: 0,
    }
}
