//! A table taken apart, so that tables can be made of it again and again: as it was, or with a part changed. What runs in them says
//! so in a [`Journal`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::pipeline::auth::Auth;
use crate::pipeline::backend::{Backend, Local};
use crate::pipeline::exchange::{Exchange, Pending, Step};
use crate::pipeline::plugin::Plugin;
use crate::pipeline::ready::{Ready, ReadyError};
use crate::pipeline::retries::Retries;
use crate::pipeline::secrets::Secrets;
use crate::pipeline::split::SplitBy;
use crate::pipeline::when::Guard;
use crate::table::route::{CompiledRoute, End, PipelineStep};
use crate::table::router::{Router, Rule};
use crate::table::settings::Settings;
use crate::table::{Digest, RouteTable};
use crate::value::secret::Secret;

/// A table taken apart. Its certificates are left out, and the copies that go to other backends.
#[derive(Clone)]
pub struct Parts {
    digest: Digest,
    pub(super) settings: Settings,
    pub(super) rules: Vec<Rule>,
    pub(super) routes: Vec<RouteParts>,
    auths: Box<[Arc<Auth>]>,
    secrets: BTreeSet<Secret>,
}

/// A route taken apart.
#[derive(Clone)]
pub(super) struct RouteParts {
    pub(super) name: Box<str>,
    pub(super) steps: Vec<StepParts>,
    auth: Option<Arc<str>>,
    pub(super) ends: Vec<End>,
    pub(super) split_by: Option<SplitBy>,
    retries: Option<Retries>,
    request: std::time::Duration,
    parameters: Box<[Box<str>]>,
}

/// A plugin of a route.
#[derive(Clone)]
pub(super) struct StepParts {
    /// Its place among the route's plugins as they were written.
    pub(super) index: usize,
    pub(super) id: Box<str>,
    pub(super) plugin_name: &'static str,
    pub(super) guard: Option<Guard>,
    plugin: Arc<dyn Plugin>,
    meaning: Digest,
}

impl Parts {
    /// Takes a table apart.
    pub fn of(table: RouteTable) -> Self {
        let RouteTable { digest, settings, router, routes, certificates: _, auths, secrets } = table;
        let routes = routes.into_iter().map(route_parts).collect();
        Self { digest, settings, rules: router.rules().to_vec(), routes, auths, secrets }
    }

    /// Makes a table whose plugins and backends write into a journal.
    pub fn table(&self, journal: &Arc<Journal>) -> RouteTable {
        RouteTable {
            digest: self.digest,
            settings: self.settings.clone(),
            router: Router::new(self.rules.clone()),
            routes: self.routes.iter().map(|route| watched_route(route, journal)).collect(),
            certificates: BTreeMap::default(),
            auths: self.auths.clone(),
            secrets: self.secrets.clone(),
        }
    }

    /// The indices of the rules of each route.
    pub(super) fn rules_by_route(&self) -> Vec<Vec<usize>> {
        let mut found = vec![Vec::new(); self.routes.len()];
        for (index, rule) in self.rules.iter().enumerate() {
            found.get_mut(rule.route as usize).into_iter().for_each(|own| own.push(index));
        }
        found
    }

    /// A value at random for each secret.
    pub fn secrets(&self) -> Secrets {
        Secrets::made_up(&self.secrets)
    }
}

fn route_parts(route: CompiledRoute) -> RouteParts {
    let CompiledRoute { name, pipeline, auth, ends, split_by, mirror: _, retries, request, parameters } = route;
    let steps = pipeline.into_iter().enumerate().map(|(index, step)| {
        let PipelineStep { id, plugin_name, guard, plugin, meaning } = step;
        StepParts { index, id, plugin_name, guard, plugin: plugin.into(), meaning }
    });
    RouteParts { name, steps: steps.collect(), auth, ends: ends.into(), split_by, retries, request, parameters }
}

fn watched_route(route: &RouteParts, journal: &Arc<Journal>) -> CompiledRoute {
    let steps = route.steps.iter().map(|step| PipelineStep {
        id: step.id.clone(),
        plugin_name: step.plugin_name,
        guard: step.guard.clone(),
        meaning: step.meaning,
        plugin: Box::new(Watched { index: step.index, plugin: Arc::clone(&step.plugin), journal: Arc::clone(journal) }),
    });
    let ends = route.ends.iter().map(|end| match &end.backend {
        Backend::Upstream(_) => end.clone(),
        Backend::Local(local) => {
            let (local, journal) = (Arc::clone(local), Arc::clone(journal));
            End { backend: Backend::Local(Arc::new(WatchedEnd { local, journal })), ..end.clone() }
        }
    });
    CompiledRoute {
        name: route.name.clone(),
        pipeline: steps.collect(),
        auth: route.auth.clone(),
        ends: ends.collect(),
        split_by: route.split_by.clone(),
        mirror: None,
        retries: route.retries.clone(),
        request: route.request,
        parameters: route.parameters.clone(),
    }
}

/// What ran for one request.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// The plugins that ran, by their places in the route, in order.
    pub ran: Vec<usize>,
    /// The plugin that answered.
    pub answered: Option<usize>,
    /// What a backend without a server was asked.
    pub asked: Option<Asked>,
}

/// What a backend was asked.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The path.
    pub path: String,
    /// The header fields, with secrets.
    pub fields: Vec<(String, String)>,
}

/// Where plugins and backends say that they run.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Entries>);

impl Journal {
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that was written since the last time.
    pub fn take(&self) -> Entries {
        std::mem::take(&mut self.lock())
    }
}

/// A plugin that is watched.
struct Watched {
    index: usize,
    plugin: Arc<dyn Plugin>,
    journal: Arc<Journal>,
}

impl Plugin for Watched {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        self.plugin.ready(ready)
    }

    fn body_bytes(&self) -> Option<u64> {
        self.plugin.body_bytes()
    }

    fn answers_preflights(&self) -> bool {
        self.plugin.answers_preflights()
    }

    fn authenticates(&self) -> bool {
        self.plugin.authenticates()
    }

    fn auths(&self) -> &[Arc<Auth>] {
        self.plugin.auths()
    }

    fn on_request(&self, exchange: &mut Exchange<'_>) -> Step {
        self.journal.lock().ran.push(self.index);
        watched(self.plugin.on_request(exchange), self.index, Arc::clone(&self.journal))
    }

    fn on_response(&self, exchange: &mut Exchange<'_>) {
        self.plugin.on_response(exchange);
    }
}

/// A step whose answer is noted, however long it is waited for.
fn watched(step: Step, index: usize, journal: Arc<Journal>) -> Step {
    match step {
        Step::Continue => Step::Continue,
        Step::Answer(content) => {
            journal.lock().answered = Some(index);
            Step::Answer(content)
        }
        Step::Pending(pending) => {
            let waited: Pending = Box::pin(async move {
                let resume = pending.await;
                let watching: crate::pipeline::exchange::Resume =
                    Box::new(move |exchange| watched(resume(exchange), index, journal));
                watching
            });
            Step::Pending(waited)
        }
    }
}

/// An end without a server that is watched. It is never made ready, so that it asks nobody.
struct WatchedEnd {
    local: Arc<dyn Local>,
    journal: Arc<Journal>,
}

impl Local for WatchedEnd {
    fn ready(&self, ready: &Ready<'_>) -> Result<(), ReadyError> {
        self.local.ready(ready)
    }

    fn answer(&self, exchange: &mut Exchange<'_>) -> Step {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = exchange.request.fields.iter().map(|(name, value)| (text(name), text(value))).collect();
        self.journal.lock().asked = Some(Asked { path: exchange.upstream_path().to_owned(), fields });
        self.local.answer(exchange)
    }
}
