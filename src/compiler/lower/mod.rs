//! From linked objects to the table that the proxy runs.

mod acme;
mod auths;
mod certificates;
mod codes;
mod problem;
mod routes;

pub use codes::CODES;
pub(super) use codes::UNKNOWN_LISTENER;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::compiler::lower::auths::auths;
use crate::compiler::lower::certificates::certificates;
use crate::compiler::lower::codes::{OVERLAP, TIE};
use crate::compiler::lower::routes::{Context, Lowered, lower_route};
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::gateway::GatewaySpec;
use crate::compiler::object::{Address, Object};
use crate::compiler::parallel;
use crate::compiler::parse::join;
use crate::compiler::resolve::Model;
use crate::compiler::resolve::walk::{Marked, marked};
use crate::diagnostic::{Diagnostics, Span};
use crate::pipeline::assets::{ASSET, AssetRead, Assets, Folder};
use crate::pipeline::auth::Auth;
use crate::pipeline::backend::{Backend, BackendContext};
use crate::pipeline::upstream::Upstream;
use crate::table::digest::Part;
use crate::table::route::CompiledRoute;
use crate::table::router::{Conflict, Router, Rule, conflicts};
use crate::table::settings::Settings;
use crate::table::tls::{Certificate, ListenerTls};
use crate::table::{Digest, RouteTable};
use crate::value::name::AssetPath;
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
    secrets.extend(used_backends(model, &backends).flat_map(|upstream| upstream.tls.secrets()));
    let auths = auths(model, &mut out);
    let listeners_known = model.is_gateway_known();
    let context = Context { settings: &settings, listeners_known, backends: &backends, auths: &auths };
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
    }
}

/// The backends that could be made.
pub(super) type Backends = BTreeMap<Address, Made>;

/// A backend that could be made.
pub(super) struct Made {
    pub(super) backend: Backend,
    /// What it is made of, whatever it is called.
    pub(super) meaning: Digest,
}

fn backends(model: &Model, assets: &Assets, out: &mut Diagnostics) -> Backends {
    let mut made = Backends::new();
    for object in &model.objects {
        let Some(Spec::Backend(spec)) = &object.spec else { continue };
        let failures = std::cell::RefCell::new(Vec::new());
        let folder = |path: &AssetPath| match folder(object, path, assets) {
            Ok(folder) => Some(folder),
            Err(why) => {
                failures.borrow_mut().push((path.to_string(), why));
                None
            }
        };
        let mut context = BackendContext { folder: &folder, problems: Vec::new() };
        let backend = spec.compile(&mut context);
        let problems = std::mem::take(&mut context.problems);
        let kind = spec.ends().first().copied().unwrap_or_default();
        let base = format!("/spec/{kind}");
        out.extend(problems.into_iter().map(|problem| problem::diagnostic(object, &base, problem)));
        for (path, why) in failures.into_inner() {
            let place = object.place(&format!("/spec/{kind}/path"));
            let message = format!("the files of `{}` cannot be used: {why}", path.escape_debug());
            out.push(
                object
                    .problem(&ASSET, message)
                    .at(place, "")
                    .help("the path is relative to this manifest and stays inside the root folder"),
            );
        }
        let meaning = Digest::of_parts([&**spec as &dyn Part, &content(object, assets)]);
        made.extend(
            backend.zip(meaning.ok()).map(|(backend, meaning)| (object.address.clone(), Made { backend, meaning })),
        );
    }
    made
}

/// The servers of the backends that routes lead to.
fn used_backends<'a>(model: &'a Model, backends: &'a Backends) -> impl Iterator<Item = &'a Upstream> {
    let used = model.objects.iter().filter(|object| model.is_used(object));
    used.filter_map(|object| match &backends.get(&object.address)?.backend {
        Backend::Upstream(upstream) => Some(&**upstream),
        Backend::Local(_) => None,
    })
}

/// The `Auth`s that routes let callers in by, sorted by name.
fn used_auths(routes: &[CompiledRoute]) -> Box<[Arc<Auth>]> {
    let steps = routes.iter().flat_map(|route| &route.pipeline);
    let auths = steps.flat_map(|step| step.plugin.auths()).map(|auth| (&*auth.name, auth));
    auths.collect::<BTreeMap<_, _>>().into_values().cloned().collect()
}

fn folder(object: &Object, path: &AssetPath, assets: &Assets) -> Result<Arc<Folder>, String> {
    let path = join(&object.manifest, path.as_str()).ok_or("the path leads outside the root folder")?;
    match assets.get(&path) {
        Some(AssetRead::Folder(folder)) => Ok(Arc::clone(folder)),
        Some(AssetRead::Failed(why)) => Err(why.clone()),
        None => Err("it was not read".to_owned()),
    }
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
            Some(Spec::Route(spec)) => parts.push(Box::new((address, &**spec))),
            Some(Spec::Backend(spec)) if model.is_used(object) => {
                parts.push(Box::new((address, &**spec)));
                parts.push(Box::new(content(object, assets)));
            }
            Some(Spec::Auth(spec)) if model.is_used(object) => parts.push(Box::new((address, &**spec))),
            // its labels are facts about the consumer
            Some(Spec::ApiKey(spec)) => parts.push(Box::new((address, &**spec, &object.metadata.labels))),
            Some(Spec::Certificate(spec)) if model.is_used(object) => parts.push(Box::new((address, &**spec))),
            Some(
                Spec::Auth(_)
                | Spec::Backend(_)
                | Spec::Certificate(_)
                | Spec::Environment(_)
                | Spec::Gateway(_)
                | Spec::Grant(_)
                | Spec::Policy(_)
                | Spec::Test(_),
            )
            | None => {}
        }
    }
    Digest::of_parts(parts.iter().map(|part| &**part as &dyn Part)).ok()
}

/// The files that an object names: path and content.
fn content(object: &Object, assets: &Assets) -> Vec<(String, Box<str>)> {
    let mut files = Vec::new();
    for (_, _, text) in marked(object).into_iter().filter(|(mark, ..)| *mark == Marked::Asset) {
        if let Some(AssetRead::Folder(folder)) = join(&object.manifest, &text).and_then(|path| assets.get(&path)) {
            files.extend(folder.iter().map(|(name, asset)| (name.to_string(), asset.sha256.clone())));
        }
    }
    files
}
