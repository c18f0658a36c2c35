//! What a route does with its requests, compared with what another one does.

use std::collections::BTreeSet;

use crate::pipeline::backend::Backend;
use crate::pipeline::certificate::ClientCertificate;
use crate::pipeline::when::Guard;
use crate::table::Digest;
use crate::table::route::{CompiledRoute, End, PipelineStep};
use crate::table::router::{PathMatch, Rule};
use crate::table::space::request::Request;
use crate::value::path::Segment;
use crate::value::url::Scheme;

/// What is done differently with a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Facet {
    /// It meets a route of another name.
    Route,
    /// Another status says that it meets none.
    Status,
    /// How the caller proves who it is.
    Authentication,
    /// Whether the listener speaks TLS.
    Tls,
    /// The servers were spoken to over TLS and are not any more.
    UpstreamTls,
    /// A plugin, by its id, of either table.
    Plugin(Box<str>),
    /// What the path parameters that plugins use mean.
    Parameters,
    /// What the backends are, or which.
    Backend,
    /// How requests are shared among several backends.
    Split,
    /// Where copies go.
    Mirror,
    /// How long it is waited for.
    Timeouts,
    /// When it is sent again.
    Retries,
}

/// What two routes do differently with all requests, but for plugins.
pub(super) fn facets(old: (&CompiledRoute, &Rule), new: (&CompiledRoute, &Rule)) -> BTreeSet<Facet> {
    let ((a, _), (b, _)) = (old, new);
    let mut found = BTreeSet::new();
    let mut note = |differs: bool, facet: Facet| {
        if differs {
            found.insert(facet);
        }
    };
    note(a.name != b.name, Facet::Route);
    note(parameters(old) != parameters(new), Facet::Parameters);
    note(!a.ends.iter().map(|end| end.meaning).eq(b.ends.iter().map(|end| end.meaning)), Facet::Backend);
    note(uses_tls(&a.ends) && !uses_tls(&b.ends) && !b.ends.is_empty(), Facet::UpstreamTls);
    let weights = |route: &CompiledRoute| -> Vec<u32> {
        if route.ends.len() < 2 { Vec::new() } else { route.ends.iter().map(|end| end.weight).collect() }
    };
    note(weights(a) != weights(b) || a.split_by != b.split_by, Facet::Split);
    let mirror = |route: &CompiledRoute| route.mirror.as_ref().map(|mirror| (mirror.end.meaning, mirror.percent));
    note(mirror(a) != mirror(b), Facet::Mirror);
    let waits = |route: &CompiledRoute| -> Vec<_> { route.ends.iter().map(|end| end.timeouts).collect() };
    note(waits(a) != waits(b) || a.request != b.request, Facet::Timeouts);
    note(a.retries != b.retries, Facet::Retries);
    found
}

/// Whether all servers are spoken to over TLS, and there is one.
fn uses_tls(ends: &[End]) -> bool {
    let mut servers = ends
        .iter()
        .filter_map(|end| match &end.backend {
            Backend::Upstream(upstream) => Some(&upstream.servers),
            Backend::Local(_) => None,
        })
        .flatten()
        .peekable();
    servers.peek().is_some() && servers.all(|server| server.url.scheme == Scheme::Https)
}

/// Where in the path the parameters are that the plugins of a route use.
pub(super) fn parameters<'t>((route, rule): (&CompiledRoute, &'t Rule)) -> Vec<(usize, &'t str, usize, usize)> {
    let PathMatch::Template(template) = &rule.path else { return Vec::new() };
    let is_used = |name: &str| route.parameters.iter().any(|used| **used == *name);
    let place = |(index, segment): (usize, &'t Segment)| match segment {
        Segment::Literal(_) => None,
        Segment::Parameter(parameter) => {
            Some((index, &*parameter.name, parameter.shape.before.len(), parameter.shape.after.len()))
        }
    };
    template.segments().iter().enumerate().filter_map(place).filter(|(_, name, ..)| is_used(name)).collect()
}

/// The steps of two routes that are not the same at both ends of their pipelines: only these can make a difference.
pub(super) fn differing_steps<'a, 'b>(
    old: &'a CompiledRoute,
    new: &'b CompiledRoute,
) -> (&'a [PipelineStep], &'b [PipelineStep]) {
    let (mut a, mut b) = (&*old.pipeline, &*new.pipeline);
    while let ([first_a, rest_a @ ..], [first_b, rest_b @ ..]) = (a, b)
        && is_same(first_a, first_b)
    {
        (a, b) = (rest_a, rest_b);
    }
    while let ([rest_a @ .., last_a], [rest_b @ .., last_b]) = (a, b)
        && is_same(last_a, last_b)
    {
        (a, b) = (rest_a, rest_b);
    }
    (a, b)
}

fn is_same(a: &PipelineStep, b: &PipelineStep) -> bool {
    a.meaning == b.meaning && a.guard == b.guard
}

/// The plugins in which two lists of steps that run differ.
pub(super) fn plugins<'s>(old: &[&'s PipelineStep], new: &[&'s PipelineStep]) -> BTreeSet<Facet> {
    let digests = |steps: &[&PipelineStep]| -> Vec<Digest> { steps.iter().map(|step| step.meaning).collect() };
    let (old_digests, new_digests) = (digests(old), digests(new));
    if old_digests == new_digests {
        return BTreeSet::new();
    }
    let count = |digests: &[Digest], step: &PipelineStep| digests.iter().filter(|d| **d == step.meaning).count();
    let all = || old.iter().chain(new);
    let is_changed = |step: &PipelineStep| count(&old_digests, step) != count(&new_digests, step);
    let facet = |step: &&&PipelineStep| Facet::Plugin(step.id.clone());
    let changed: BTreeSet<Facet> = all().filter(|step| is_changed(step)).map(|step| facet(&step)).collect();
    // only their order differs
    if changed.is_empty() { all().map(|step| facet(&step)).collect() } else { changed }
}

/// The steps that run for a request whose client shows a certificate, where it is asked for one.
pub(super) fn running<'s>(
    steps: &'s [PipelineStep],
    request: &Request,
    certificate: Option<&ClientCertificate>,
) -> Vec<&'s PipelineStep> {
    let runs = |guard: &Guard| guard.admits(&request.head, request.ip, certificate);
    steps.iter().filter(|step| step.guard.as_ref().is_none_or(runs)).collect()
}
