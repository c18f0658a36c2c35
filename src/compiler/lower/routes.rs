//! One route: its rules for the router, its pipeline, its end, its patience.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::compiler::lower::codes::{
    CERTIFICATE_UNASKED, CONSUMER_UNKNOWN, MIRROR_END, RESERVED_PATH, UNKNOWN_LISTENER,
};
use crate::compiler::lower::problem;
use crate::compiler::lower::{Backends, Made, beside, content};
use crate::compiler::manifest::route::{Match, RouteSpec};
use crate::compiler::object::{Address, Object};
use crate::compiler::quote::listed;
use crate::diagnostic::Diagnostics;
use crate::pipeline::assets::Assets;
use crate::pipeline::auth::{Auths, Place};
use crate::pipeline::backend::Backend;
use crate::pipeline::condition::{NamedCondition, Names};
use crate::pipeline::plugin::{CompileContext, UNKNOWN_CALLER};
use crate::pipeline::timeouts::Timeouts;
use crate::pipeline::when::When;
use crate::plugins::PluginEntry;
use crate::table::Digest;
use crate::table::digest::Part;
use crate::table::route::{CompiledRoute, End, MirrorEnd, Patience, PipelineStep};
use crate::table::router::{Conditions, PathMatch, Rule};
use crate::table::settings::Settings;
use crate::table::tls::ListenerTls;
use crate::value::did_you_mean::did_you_mean;
use crate::value::path::{PathPrefix, PathRegex, PathTemplate};
use crate::value::reference::{AuthKind, BackendKind, Ref};
use crate::value::secret::Secret;

/// A route in the table's terms.
pub(super) struct Lowered {
    /// `None` after a problem was reported, or where its backend has one.
    pub(super) route: Option<CompiledRoute>,
    /// Its rules also where it has problems, so that ties are reported with them.
    pub(super) rules: Vec<Rule>,
    pub(super) secrets: BTreeSet<Secret>,
}

/// What a route is made with.
pub(super) struct Context<'a> {
    pub(super) settings: &'a Settings,
    /// Whether the listeners are those of a `Gateway` that could be read.
    pub(super) listeners_known: bool,
    pub(super) backends: &'a Backends,
    pub(super) assets: &'a Assets,
    pub(super) auths: &'a Auths,
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
    if let Some(listeners) = &listeners {
        certificates_asked(object, spec, listeners, context, out);
    }
    let Pipeline { steps: pipeline, secrets, parameters } = pipeline(object, spec, context, out);
    let auth = pipeline.as_deref().and_then(guarding);
    consumers_known(object, spec, pipeline.as_deref(), out);
    let index = u32::try_from(index).unwrap_or(u32::MAX);
    let rules = listeners.as_ref().map(|listeners| rules(spec, index, auth.as_ref(), listeners));
    let route = listeners.and(pipeline).and_then(|pipeline| {
        let ends = ends(object, spec, context)?;
        let mirror = mirror(object, spec, context, out)?;
        let longest = ends.iter().map(|end| end.timeouts.request).max();
        let request = longest.unwrap_or_else(|| patience(spec.timeouts, None, context.settings).request);
        let (name, retries, split_by) = (object.address.short().into(), spec.retries.clone(), spec.split_by.clone());
        let pipeline = pipeline.into();
        let parameters = parameters.into_iter().collect();
        Some(CompiledRoute { name, pipeline, auth, ends, split_by, mirror, retries, request, parameters })
    });
    Lowered { route, rules: rules.unwrap_or_default(), secrets }
}

/// Where its requests end; `None` if a backend could not be made.
fn ends(object: &Object, spec: &RouteSpec, context: &Context<'_>) -> Option<Box<[End]>> {
    let named = spec.backend.iter().map(|backend| (backend, 1));
    let split = spec.split.iter().map(|arm| (&arm.backend, arm.weight));
    named.chain(split).map(|(backend, weight)| end(object, backend, weight, spec.timeouts, context)).collect()
}

fn end(
    object: &Object,
    reference: &Ref<BackendKind>,
    weight: u32,
    own: Timeouts,
    context: &Context<'_>,
) -> Option<End> {
    let namespace = reference.namespace(&object.address.namespace).clone();
    let name = reference.name().clone();
    let address = Address { kind: "Backend", namespace, name };
    let Made { backend, meaning, .. } = context.backends.get(&address)?;
    let timeouts = patience(own, Some(backend), context.settings);
    Some(End { name: address.short().into(), backend: backend.clone(), weight, timeouts, meaning: *meaning })
}

/// Where copies of its requests go, if they go anywhere; `None` if its backend could not be made or is no server.
#[expect(clippy::option_option, reason = "the outer one says whether the route can be made")]
fn mirror(
    object: &Object,
    spec: &RouteSpec,
    context: &Context<'_>,
    out: &mut Diagnostics,
) -> Option<Option<MirrorEnd>> {
    let Some(mirror) = &spec.mirror else { return Some(None) };
    let end = end(object, &mirror.backend, 1, Timeouts::default(), context)?;
    if let Backend::Local(_) = end.backend {
        let message = format!("the backend `{}` asks no server, so that copies for it have no effect", end.name);
        let problem = object.problem(&MIRROR_END, message).at(object.place("/spec/mirror/backend"), "");
        out.push(problem.help("name a backend of the kind `http`"));
        return None;
    }
    Some(Some(MirrorEnd { end, percent: mirror.percent }))
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

/// A condition on the client's certificate needs one: every listener of the route asks for it, for all of its hosts.
fn certificates_asked(
    object: &Object,
    spec: &RouteSpec,
    listeners: &[u16],
    context: &Context<'_>,
    out: &mut Diagnostics,
) {
    let listeners = listeners.iter().filter_map(|index| context.settings.listeners.get(usize::from(*index)));
    if !listeners.clone().any(|listener| listener.tls.as_ref().is_some_and(ListenerTls::asks_some)) {
        plugins_for_nobody(object, spec, context, out);
    }
    let Some(silent) = listeners.into_iter().find(|listener| {
        !listener.tls.as_ref().is_some_and(|tls| {
            if spec.hosts.is_empty() { tls.asks_all() } else { spec.hosts.iter().all(|host| tls.asks_for(host)) }
        })
    }) else {
        return;
    };
    for (i, _) in spec.matches.iter().enumerate().filter(|(_, alternative)| alternative.client_certificate.is_some()) {
        let place = object.key_place(&format!("/spec/match/{i}/clientCertificate"));
        let message = format!("the listener `{}` does not ask clients of this route for a certificate", silent.name);
        let help = "name with `listeners` those whose `tls` has a `clientAuth` for all hosts of the route";
        out.push(object.problem(&CERTIFICATE_UNASKED, message).at(place, "never holds there").help(help));
    }
}

/// A plugin that runs for clients with a certificate only never does where none is asked for.
fn plugins_for_nobody(object: &Object, spec: &RouteSpec, context: &Context<'_>, out: &mut Diagnostics) {
    let is_shown = |auth: &Ref<AuthKind>| {
        let address = (auth.namespace(&object.address.namespace).clone(), auth.name().clone());
        let claims = context.auths.get(&address).map(|auth| auth.way.claims()).unwrap_or_default();
        claims.iter().any(|claim| claim.place == Place::Certificate)
    };
    for (i, entry) in spec.plugins.iter().enumerate() {
        let auths = entry.auth.iter().flat_map(|auth| &auth.any_of).enumerate();
        for (index, _) in auths.filter(|(_, auth)| is_shown(auth)) {
            let place = object.place(&format!("/spec/plugins/{i}/auth/anyOf/{index}"));
            let message = "no listener of this route asks its clients for a certificate";
            let help = "name with `listeners` one whose `tls` has a `clientAuth`";
            out.push(object.problem(&CERTIFICATE_UNASKED, message).at(place, "never there").help(help));
        }
        if entry.when.as_ref().is_some_and(|when| when.client_certificate.is_some()) {
            let place = object.key_place(&format!("/spec/plugins/{i}/when/clientCertificate"));
            let message = "no listener of this route asks its clients for a certificate";
            let help = "name with `listeners` one whose `tls` has a `clientAuth`";
            out.push(object.problem(&CERTIFICATE_UNASKED, message).at(place, "never holds").help(help));
        }
    }
}

/// The steps of a route.
struct Pipeline {
    /// `None` after a problem was reported.
    steps: Option<Vec<PipelineStep>>,
    secrets: BTreeSet<Secret>,
    /// The path parameters that they use.
    parameters: BTreeSet<Box<str>>,
}

fn pipeline(object: &Object, spec: &RouteSpec, around: &Context<'_>, out: &mut Diagnostics) -> Pipeline {
    let params: Vec<Vec<String>> = spec
        .matches
        .iter()
        .map(|alternative| alternative.path.iter().flat_map(PathTemplate::parameters).map(str::to_owned).collect())
        .collect();
    let mut made = Pipeline { steps: Some(Vec::new()), secrets: BTreeSet::new(), parameters: BTreeSet::new() };
    let mut knows_caller = false;
    for (i, entry) in spec.plugins.iter().enumerate() {
        let Some(info) = entry.plugins().first().copied() else { continue };
        let mut context = CompileContext {
            params: &params,
            beside: beside(object, around.assets),
            auths: Some(around.auths),
            namespace: Some(&object.address.namespace),
            knows_caller,
            ..CompileContext::default()
        };
        asks_nobody(object, i, entry, knows_caller, out);
        let plugin = entry.compile(&mut context);
        knows_caller |= entry.enabled && entry.auth.is_some();
        if entry.enabled {
            made.secrets.append(&mut context.secrets);
            made.parameters.append(&mut context.params_used);
        }
        let base = format!("/spec/plugins/{i}/{}", info.name);
        out.extend(context.problems.into_iter().map(|problem| problem::diagnostic(object, &base, problem)));
        let meaning = meaning(entry, &content(object, around.assets, &format!("{base}/")));
        let step = plugin.zip(meaning).map(|(plugin, meaning)| PipelineStep {
            id: entry.id.as_ref().map_or(info.name, |id| id.as_str()).into(),
            plugin_name: info.name,
            guard: entry.when.as_ref().map(When::compile),
            plugin,
            meaning,
        });
        match (&mut made.steps, step) {
            (Some(steps), Some(step)) if entry.enabled => steps.push(step),
            (Some(_), Some(_)) | (None, _) => {}
            (Some(_), None) => made.steps = None,
        }
    }
    made
}

/// The `Auth`s of the first `auth` that guards every request of a route, as one text.
fn guarding(pipeline: &[PipelineStep]) -> Option<Arc<str>> {
    let step = pipeline.iter().find(|step| step.guard.is_none() && step.plugin.authenticates())?;
    let names: Vec<&str> = step.plugin.auths().iter().map(|auth| &*auth.name).collect();
    Some(names.join(", ").into())
}

/// A condition on the consumer needs an `auth` that finds out who calls, whatever the request is.
fn consumers_known(object: &Object, spec: &RouteSpec, pipeline: Option<&[PipelineStep]>, out: &mut Diagnostics) {
    let Some(pipeline) = pipeline.filter(|pipeline| guarding(pipeline).is_none()) else { return };
    let asks_some = pipeline.iter().any(|step| step.plugin_name == "auth");
    for (i, _) in spec.matches.iter().enumerate().filter(|(_, alternative)| alternative.consumer.is_some()) {
        let place = object.key_place(&format!("/spec/match/{i}/consumer"));
        let problem = object.problem(&CONSUMER_UNKNOWN, "nothing finds out who calls for every request of this route");
        let help = if asks_some {
            "let its `auth` run for every request: without `when` and without `optional`"
        } else {
            "add `auth` to its `plugins`"
        };
        out.push(problem.at(place, "").help(help));
    }
}

/// A plugin that runs for some callers stands below an `auth`.
fn asks_nobody(object: &Object, index: usize, entry: &PluginEntry, knows_caller: bool, out: &mut Diagnostics) {
    let Some(field) = entry.when.as_ref().and_then(When::asks_caller).filter(|_| !knows_caller) else { return };
    let place = object.key_place(&format!("/spec/plugins/{index}/when/{field}"));
    let message = "the caller is not known here: no `auth` stands above this plugin";
    out.push(object.problem(&UNKNOWN_CALLER, message).at(place, "").help("write an `auth` above it"));
}

/// What a plugin is made of, files included, whatever it is called and whenever it runs.
fn meaning(entry: &PluginEntry, content: &Vec<(String, Box<str>)>) -> Option<Digest> {
    let bare = PluginEntry { id: None, when: None, enabled: true, ..entry.clone() };
    let content = (!content.is_empty()).then_some(content as &dyn Part);
    Digest::of_parts([&bare as &dyn Part].into_iter().chain(content)).ok()
}

fn patience(own: Timeouts, backend: Option<&Backend>, settings: &Settings) -> Patience {
    let of_backend = match backend {
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

fn rules(spec: &RouteSpec, route: u32, auth: Option<&Arc<str>>, listeners: &[u16]) -> Vec<Rule> {
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
            auth: auth.cloned(),
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
        certificate: alternative.client_certificate.clone(),
        consumer: alternative.consumer.clone(),
    }
}
