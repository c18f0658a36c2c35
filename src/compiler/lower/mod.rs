//! From linked objects to the table that the proxy runs.

mod acme;
mod auths;
mod certificates;
mod codes;
mod plans;
mod problem;
mod routes;

pub use codes::CODES;
pub(super) use codes::UNKNOWN_LISTENER;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::compiler::lower::auths::{Routes as SelectedRoutes, auths};
use crate::compiler::lower::certificates::certificates;
use crate::compiler::lower::codes::{OVERLAP, TIE};
use crate::compiler::lower::plans::plans;
use crate::compiler::lower::routes::{Context, Lowered, lower_route};
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::gateway::GatewaySpec;
use crate::compiler::object::{Address, Object};
use crate::compiler::parallel;
use crate::compiler::resolve::Model;
use crate::diagnostic::{Diagnostics, Span};
use crate::pipeline::assets::{AssetRead, Assets, Beside};
use crate::pipeline::auth::Auth;
use crate::pipeline::backend::{Backend, BackendContext};
use crate::table::digest::Part;
use crate::table::route::CompiledRoute;
use crate::table::router::{Conflict, Router, Rule, conflicts};
use crate::table::settings::Settings;
use crate::table::tls::{Certificate, ListenerTls};
use crate::table::{Digest, RouteTable};
use crate::value::secret::Secret;

/// What lowering gave.
pub struct Lowering {
    /// The table; `None` where a route or backend could not be made.
    pub table: Option<RouteTable>,
    /// Where each rule of the router is written, by its index.
    pub places: Vec<Span>,
    /// The problems found.
    pub diagnostics: Diagnostics,
}

/// Makes the table.
pub fn lower(model: &Model, assets: &Assets) -> Lowering {
    let mut out = Diagnostics::default();
    let settings = settings(&model.gateway().0);
    let backends = backends(model, assets, &mut out);
    acme::check(model, &settings, &mut out);
    let certificates = certificates(model, &settings);
    let mut secrets: BTreeSet<Secret> = certificates.values().flat_map(Certificate::secrets).collect();
    secrets.extend(settings.listeners.iter().flat_map(|listener| &listener.tls).flat_map(ListenerTls::secrets));
    secrets.extend(settings.state.secrets());
    secrets.extend(used_backends(model, &backends).flat_map(|made| made.secrets.iter().cloned()));
    let mut selected = SelectedRoutes::new(model);
    let plans = plans(model, &mut selected, &mut out);
    let auths = auths(model, &mut selected, &plans, &mut out);
    let listeners_known = model.is_gateway_known();
    let context = Context { settings: &settings, listeners_known, backends: &backends, auths: &auths, assets };
    let (Routes { made, rules, origins, secrets: named, complete }, digest) =
        parallel::both(|| lower_routes(model, &context, &mut out), || digest(model, &settings, assets));
    secrets.extend(named);
    let auths = used_auths(&made);
    secrets.extend(auths.iter().flat_map(|auth| auth.secrets.iter().cloned()));
    let places = (0..rules.len()).map(|rule| place(&rules[rule], origins[rule])).collect();
    let table = digest.map(|digest| RouteTable {
        digest,
        settings,
        router: Router::new(rules),
        routes: made.into(),
        certificates,
        auths,
        secrets,
    });
    Lowering { table: table.filter(|_| complete && !out.has_errors()), places, diagnostics: out }
}

/// The routes of a table, with what the whole table needs of them.
#[derive(Default)]
struct Routes<'a> {
    made: Vec<CompiledRoute>,
    rules: Vec<Rule>,
    /// The object of each rule.
    origins: Vec<&'a Object>,
    secrets: BTreeSet<Secret>,
    /// Whether each route could be made.
    complete: bool,
}

fn lower_routes<'a>(model: &'a Model, context: &Context<'_>, out: &mut Diagnostics) -> Routes<'a> {
    let specs = model.objects.iter().filter_map(|object| match &object.spec {
        Some(Spec::Route(spec)) => Some((object, spec)),
        _ => None,
    });
    let mut specs: Vec<_> = specs.enumerate().collect();
    let lowered = parallel::each(&mut specs, |(index, (object, spec))| {
        let mut problems = Diagnostics::default();
        (lower_route(object, spec, *index, context, &mut problems), problems)
    });
    let mut all = Routes { complete: true, ..Routes::default() };
    for ((_, (object, _)), (Lowered { route, mut rules, mut secrets }, problems)) in specs.into_iter().zip(lowered) {
        out.append(problems);
        all.complete &= route.is_some();
        all.secrets.append(&mut secrets);
        all.made.extend(route);
        all.origins.extend(rules.iter().map(|_| object));
        all.rules.append(&mut rules);
    }
    for conflict in conflicts(&all.rules) {
        report_conflict(&conflict, &all.rules, &all.origins, out);
    }
    all
}

/// Where a rule is written: its entry of `match`, or what stands nearest to where that would be.
fn place(rule: &Rule, origin: &Object) -> Span {
    origin.place(&format!("/spec/match/{}", rule.entry))
}

fn settings(spec: &GatewaySpec) -> Settings {
    Settings {
        listeners: spec.listeners.clone(),
        status: spec.status.clone(),
        trusted_proxies: spec.trusted_proxies.clone(),
        limits: spec.limits,
        timeouts: spec.timeouts,
        access_log: spec.access_log,
        state: spec.state.clone(),
    }
}

/// The backends that could be made.
pub(super) type Backends = BTreeMap<Address, Made>;

/// A backend that could be made.
pub(super) struct Made {
    pub(super) backend: Backend,
    /// What it is made of, whatever it is called.
    pub(super) meaning: Digest,
    /// The secrets that it names.
    secrets: BTreeSet<Secret>,
}

fn backends(model: &Model, assets: &Assets, out: &mut Diagnostics) -> Backends {
    let mut made = Backends::new();
    for object in &model.objects {
        let Some(Spec::Backend(spec)) = &object.spec else { continue };
        let mut context = BackendContext { beside: beside(object, assets), ..BackendContext::default() };
        let backend = spec.compile(&mut context);
        let base = format!("/spec/{}", spec.ends().first().copied().unwrap_or_default());
        out.extend(context.problems.into_iter().map(|problem| problem::diagnostic(object, &base, problem)));
        let meaning = Digest::of_parts([&**spec as &dyn Part, &content(object, assets, "")]);
        let (Some(backend), Ok(meaning)) = (backend, meaning) else { continue };
        made.insert(object.address.clone(), Made { backend, meaning, secrets: context.secrets });
    }
    made
}

/// The backends that routes lead to.
fn used_backends<'a>(model: &'a Model, backends: &'a Backends) -> impl Iterator<Item = &'a Made> {
    let used = model.objects.iter().filter(|object| model.is_used(object));
    used.filter_map(|object| backends.get(&object.address))
}

/// The files beside the manifest of an object.
fn beside<'a>(object: &'a Object, assets: &'a Assets) -> Beside<'a> {
    Beside { manifest: &object.manifest, assets: Some(assets) }
}

/// The `Auth`s that routes let callers in by, sorted by name.
fn used_auths(routes: &[CompiledRoute]) -> Box<[Arc<Auth>]> {
    let steps = routes.iter().flat_map(|route| &route.pipeline);
    let auths = steps.flat_map(|step| step.plugin.auths()).map(|auth| (&*auth.name, auth));
    auths.collect::<BTreeMap<_, _>>().into_values().cloned().collect()
}

fn report_conflict(conflict: &Conflict, rules: &[Rule], origins: &[&Object], out: &mut Diagnostics) {
    let (a, b) = (conflict.a as usize, conflict.b as usize);
    let place = |rule: usize| place(&rules[rule], origins[rule]);
    if a != b && origins[a].address == origins[b].address {
        let problem = origins[b].problem(&TIE, "two alternatives of `match` match the same requests");
        let problem = problem.at(place(b), "this alternative").at(place(a), "and this one");
        out.push(problem.help("keep one of them, or make one more specific"));
        return;
    }
    let names = (origins[a].address.short(), origins[b].address.short());
    let host = conflict.host.as_ref().map_or_else(|| "any host".to_owned(), |host| format!("the host `{host}`"));
    let (code, message) = if conflict.certain {
        (&TIE, format!("nothing decides between the routes `{}` and `{}` for {host}", names.0, names.1))
    } else {
        (&OVERLAP, format!("the routes `{}` and `{}` may match the same request for {host}", names.0, names.1))
    };
    let problem = origins[b].problem(code, message).at(place(b), "this alternative").at(place(a), "and this one");
    out.push(problem.help("make one more specific, or give the one that is to win a higher `priority`"));
}

/// The digest of everything that decides what a request gets: specs with their defaults, and the content of files.
fn digest(model: &Model, settings: &Settings, assets: &Assets) -> Option<Digest> {
    let mut parts: Vec<Box<dyn Part + '_>> = vec![Box::new(("gw-table", 1)), Box::new(settings)];
    for object in &model.objects {
        let address = object.address.to_string();
        match &object.spec {
            Some(Spec::Route(spec)) => {
                parts.push(Box::new((address, &**spec)));
                let content = content(object, assets, "");
                if !content.is_empty() {
                    parts.push(Box::new(content));
                }
            }
            Some(Spec::Backend(spec)) if model.is_used(object) => {
                parts.push(Box::new((address, &**spec)));
                parts.push(Box::new(content(object, assets, "")));
            }
            Some(Spec::Auth(spec)) if model.is_used(object) => parts.push(Box::new((address, &**spec))),
            // its labels are facts about the consumer
            Some(Spec::ApiKey(spec)) => parts.push(Box::new((address, &**spec, &object.metadata.labels))),
            Some(Spec::Certificate(spec)) if model.is_used(object) => parts.push(Box::new((address, &**spec))),
            Some(Spec::Plan(spec)) if model.is_used(object) => parts.push(Box::new((address, &**spec))),
            Some(
                Spec::Auth(_)
                | Spec::Backend(_)
                | Spec::Certificate(_)
                | Spec::Environment(_)
                | Spec::Gateway(_)
                | Spec::Grant(_)
                | Spec::Plan(_)
                | Spec::Policy(_)
                | Spec::Test(_),
            )
            | None => {}
        }
    }
    Digest::of_parts(parts.iter().map(|part| &**part as &dyn Part)).ok()
}

/// The files that an object names at or below a place of it: path and content.
fn content(object: &Object, assets: &Assets, below: &str) -> Vec<(String, Box<str>)> {
    let named = object.assets().into_iter().filter(|(_, pointer)| pointer.starts_with(below));
    let read = named.filter_map(|(path, _)| assets.get(&path));
    let files = read.flat_map(AssetRead::files);
    files.map(|(path, asset)| (path.to_owned(), asset.sha256.clone())).collect()
}
