//! A compiled route: the steps of its pipeline, and where it ends.

use std::sync::Arc;
use std::time::Duration;

use crate::pipeline::auth::Auth;
use crate::pipeline::backend::Backend;
use crate::pipeline::plugin::Plugin;
use crate::pipeline::retries::Retries;
use crate::pipeline::split::SplitBy;
use crate::pipeline::when::Guard;
use crate::table::Digest;

/// A route as the proxy runs it.
pub struct CompiledRoute {
    /// Its name, as `namespace/name` unless the namespace is `default`: what logs and metrics say.
    pub name: Box<str>,
    /// Its plugins, in the order written.
    pub pipeline: Box<[PipelineStep]>,
    /// The `Auth`s of the first `auth` that guards every request, as one text.
    pub auth: Option<Arc<str>>,
    /// Where its requests end: several share them by weight; none if a plugin always answers.
    pub ends: Box<[End]>,
    /// What keeps a caller with one of several ends.
    pub split_by: Option<SplitBy>,
    /// Where copies of its requests go.
    pub mirror: Option<MirrorEnd>,
    /// When a request is sent again.
    pub retries: Option<Retries>,
    /// How long a request may take until it is known where it ends.
    pub request: Duration,
    /// The path parameters that its plugins use.
    pub parameters: Box<[Box<str>]>,
}

impl CompiledRoute {
    /// Whether one of its plugins answers CORS preflights.
    pub fn answers_preflights(&self) -> bool {
        self.pipeline.iter().any(|step| step.plugin.answers_preflights())
    }

    /// The `Auth`s of the first `auth` that guards every request, and their names as one text.
    pub fn guarding(&self) -> Option<(&[Arc<Auth>], &str)> {
        let step = self.pipeline.iter().find(|step| step.guard.is_none() && step.plugin.authenticates())?;
        Some((step.plugin.auths(), self.auth.as_deref()?))
    }
}

/// One plugin of a route.
pub struct PipelineStep {
    /// Its id within the route.
    pub id: Box<str>,
    /// The name of its type.
    pub plugin_name: &'static str,
    /// For which requests it runs; `None` for all.
    pub guard: Option<Guard>,
    /// The plugin.
    pub plugin: Box<dyn Plugin>,
    /// What it is made of: equal digests do the same.
    pub meaning: Digest,
}

/// Where a route ends.
#[derive(Clone)]
pub struct End {
    /// The backend's name, as `namespace/name` unless the namespace is `default`.
    pub name: Box<str>,
    /// The backend.
    pub backend: Backend,
    /// Its share of the requests.
    pub weight: u32,
    /// How long it is waited for.
    pub timeouts: Patience,
    /// What the backend is made of, whatever it is called: equal digests do the same.
    pub meaning: Digest,
}

/// Where copies of requests go.
pub struct MirrorEnd {
    /// The backend, which has servers.
    pub end: End,
    /// The share of requests that are copied, in percent.
    pub percent: u32,
}

/// How long a route waits: every question is answered, from the route, its backend or the Gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Patience {
    /// From the first byte of the request to the head of the answer.
    pub request: Duration,
    /// To connect to an upstream.
    pub connect: Duration,
    /// From the request sent to the first byte of the answer.
    pub first_byte: Duration,
    /// The longest silence within a message.
    pub idle: Duration,
    /// The longest silence within a tunnel.
    pub upgraded: Duration,
}
