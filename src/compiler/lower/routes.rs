//! One route: its rules for the router, its pipeline, its end, its patience.

use std::collections::BTreeSet;

use crate::compiler::lower::Backends;
use crate::compiler::lower::codes::{RESERVED_PATH, UNKNOWN_LISTENER};
use crate::compiler::lower::problem;
use crate::compiler::manifest::route::{Match, RouteSpec};
use crate::compiler::object::{Address, Object};
use crate::compiler::quote::listed;
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
use crate::value::path::{PathPrefix, PathRegex, PathTemplate};
use crate::value::secret::SecretRef;

/// A route in the table's terms.
pub(super) struct Lowered {
    /// `None` after a problem was reported, or where its backend has one.
    pub(super) route: Option<CompiledRoute>,
    /// Its rules also where it has problems, so that ties are reported with them.
    pub(super) rules: Vec<Rule>,
    pub(super) secrets: BTreeSet<SecretRef>,
}

/// What a route is made with.
pub(super) struct Context<'a> {
    pub(super) settings: &'a Settings,
    /// Whether the listeners are those of a `Gateway` that could be read.
    pub(super) listeners_known: bool,
    pub(super) backends: &'a Backends,
}

/// Makes a route.
pub(super) fn lower_route(
    object: &Object,
    spec: &RouteSpec,
    index: usize,
    context: &Context<'_>,
    out: &mut Diagnostics,
) -> Lowered {
    reserved_paths(object, spec, out);
    let listeners = listeners(object, spec, context, out);
    let (pipeline, secrets) = pipeline(object, spec, out);
    let rules = listeners.as_ref().map(|listeners| rules(spec, u32::try_from(index).unwrap_or(u32::MAX), listeners));
    let route = listeners.and(pipeline).and_then(|pipeline| {
        let end = match &spec.backend {
            None => None,
            Some(reference) => {
                let (namespace, name) = (object.address.namespace.clone(), reference.name().clone());
                let address = Address { kind: "Backend", namespace, name };
                Some(End { name: address.short().into(), backend: context.backends.get(&address)?.clone() })
            }
        };
        let timeouts = patience(spec.timeouts, end.as_ref(), context.settings);
        let (name, retries) = (object.address.short().into(), spec.retries.clone());
        Some(CompiledRoute { name, pipeline, end, retries, timeouts })
    });
    Lowered { route, rules: rules.unwrap_or_default(), secrets }
}

/// Where the gateway itself answers.
const RESERVED: &str = "/.gw";

fn reserved_paths(object: &Object, spec: &RouteSpec, out: &mut Diagnostics) {
    for (i, alternative) in spec.matches.iter().enumerate() {
        let paths = [
            ("path", alternative.path.as_ref().map(PathTemplate::as_str)),
            ("pathPrefix", alternative.path_prefix.as_ref().map(PathPrefix::as_str)),
            ("pathRegex", alternative.path_regex.as_ref().map(PathRegex::literal_prefix)),
        ];
        for (field, path) in paths {
            let below = path.and_then(|path| path.strip_prefix(RESERVED));
            if below.is_some_and(|below| below.is_empty() || below.starts_with('/')) {
                let place = object.place(&format!("/spec/match/{i}/{field}"));
                let message = format!("paths under `{RESERVED}/` are answered by the gateway itself");
                out.push(object.problem(&RESERVED_PATH, message).at(place, "").help("choose another path"));
            }
        }
    }
}

/// The indices of its listeners.
fn listeners(object: &Object, spec: &RouteSpec, context: &Context<'_>, out: &mut Diagnostics) -> Option<Vec<u16>> {
    let known: Vec<&str> = context.settings.listeners.iter().map(|listener| listener.name.as_str()).collect();
    let indices = 0..u16::try_from(known.len()).unwrap_or(u16::MAX);
    if spec.listeners.is_empty() {
        return Some(indices.collect());
    }
    let mut found = Vec::new();
    for (i, name) in spec.listeners.iter().enumerate() {
        let position = known.iter().position(|known| *known == name.as_str()).and_then(|p| u16::try_from(p).ok());
        found.push(position);
        if position.is_none() && context.listeners_known {
            let place = object.place(&format!("/spec/listeners/{i}"));
            let problem = object
                .problem(&UNKNOWN_LISTENER, format!("the `Gateway` has no listener `{name}`"))
                .at(place, "not found");
            out.push(match did_you_mean(name.as_str(), known.iter().copied()) {
                Some(near) => {
                    problem.help(format!("did you mean `{near}`?")).fix("use the listener that exists", place, near)
                }
                None => problem.help(format!("there are: {}", listed(&known))),
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
        .map(|alternative| alternative.path.iter().flat_map(PathTemplate::parameters).map(str::to_owned).collect())
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
        let base = format!("/spec/plugins/{i}/{}", info.name);
        out.extend(context.problems.into_iter().map(|problem| problem::diagnostic(object, &base, problem)));
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
