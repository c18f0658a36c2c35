//! Takes a request through its route as the proxy does, up to the point where a server would be asked.

use crate::deploy::explain::{Answer, Arm, Does, PipelineStep, Routed, Sent};
use crate::pipeline::backend::Backend;
use crate::pipeline::caller::Caller;
use crate::pipeline::exchange::{Client, Exchange, Kept, Step, UpstreamTarget};
use crate::pipeline::head::{RequestHead, ResponseHead};
use crate::pipeline::limits::announce::Announced;
use crate::pipeline::notes::Notes;
use crate::pipeline::secrets::Secrets;
use crate::pipeline::split::part;
use crate::pipeline::upstream::Upstream;
use crate::proxy::outgoing::{Hop, write_head};
use crate::table;
use crate::table::route::{CompiledRoute, End};
use crate::table::router::Hit;
use crate::value::url::TargetUrl;

/// Takes a request through the route that it hit.
pub(super) fn walk(
    route: &CompiledRoute,
    hit: &Hit<'_>,
    head: &mut RequestHead,
    client: Client,
    secrets: &Secrets,
) -> Routed {
    let mut response = ResponseHead::default();
    let mut exchange = Exchange {
        request: head,
        upstream: UpstreamTarget::default(),
        response: &mut response,
        client,
        route: &route.name,
        params: hit.parameters.iter().cloned().collect(),
        certificate: None,
        caller: Caller::default(),
        verified: None,
        answer_fields: Vec::new(),
        secrets,
        body_at_most: None,
        body: None,
        trace: None,
        announced: Announced::default(),
        kept: Kept::default(),
        notes: Notes::default(),
        made: None,
        changes: None,
        renewal: None,
    };
    let parameters = exchange.params.iter().map(|(name, _)| *name);
    let parameters = parameters.map(|name| (name.to_owned(), exchange.param(name).into())).collect();
    let does = way_in(route, &mut exchange);
    let pipeline = route.pipeline.iter().zip(&does);
    let mut routed = Routed {
        route: route.name.to_string(),
        parameters,
        pipeline: pipeline
            .map(|(step, does)| PipelineStep { id: step.id.to_string(), plugin: step.plugin_name, does: *does })
            .collect(),
        upstream_path: exchange.upstream_path().to_owned(),
        upstream: None,
        backend: None,
        split: split(route),
        mirror: mirror(route),
        answer: None,
    };
    let answered = does.contains(&Does::Answers)
        || match end_of(route, &exchange) {
            Some(end) => reach(end, &mut exchange, &mut routed),
            None => false,
        };
    if answered {
        way_out(route, &does, &mut exchange);
        routed.answer = Some(answer(exchange.response));
    }
    routed
}

/// Runs the plugins until one answers. Guards are decided first, on the request as it came.
fn way_in(route: &CompiledRoute, exchange: &mut Exchange<'_>) -> Vec<Does> {
    let guards = route.pipeline.iter().map(|step| step.guard.as_ref());
    let applies: Vec<bool> = guards.map(|guard| guard.is_none_or(|guard| guard.holds(exchange))).collect();
    let mut answered = false;
    route
        .pipeline
        .iter()
        .zip(applies)
        .map(|(step, applies)| match (applies && admits_caller(step, exchange), answered) {
            (false, _) => Does::Skips,
            (true, true) => Does::NotReached,
            (true, false) => match step.plugin.on_request(exchange) {
                Step::Continue => Does::Runs,
                Step::Pending(_) => Does::Asks,
                Step::Answer(_) => {
                    answered = true;
                    Does::Answers
                }
            },
        })
        .collect()
}

fn admits_caller(step: &table::route::PipelineStep, exchange: &Exchange<'_>) -> bool {
    step.guard.as_ref().is_none_or(|guard| guard.admits_caller(&exchange.caller))
}

/// Passes the answer back through the plugins that were entered; the one that answers is not.
fn way_out(route: &CompiledRoute, does: &[Does], exchange: &mut Exchange<'_>) {
    for (step, does) in route.pipeline.iter().zip(does).rev() {
        if matches!(does, Does::Runs | Does::Asks) {
            step.plugin.on_response(exchange);
        }
    }
}

/// The end that the request gets to: of a split the one that its own value leads to, else the heaviest, for chance decides.
fn end_of<'r>(route: &'r CompiledRoute, exchange: &Exchange<'_>) -> Option<&'r End> {
    let point = route.split_by.as_ref().and_then(|by| by.fixed(exchange));
    let fixed = point.and_then(|point| part(route.ends.iter().map(|end| end.weight), point));
    let heaviest = || route.ends.iter().enumerate().rev().max_by_key(|(_, end)| end.weight);
    fixed.or_else(|| heaviest().map(|(index, _)| index)).map(|index| &route.ends[index])
}

/// The backend that gets copies, and of how many requests.
fn mirror(route: &CompiledRoute) -> Option<String> {
    let mirror = route.mirror.as_ref()?;
    Some(format!("{}, {} % of the requests", mirror.end.name, mirror.percent))
}

/// The backends that share the requests of a route, if there are several.
fn split(route: &CompiledRoute) -> Vec<Arm> {
    let shared = route.ends.iter().map(|end| Arm { backend: end.name.to_string(), weight: end.weight });
    if route.ends.len() > 1 { shared.collect() } else { Vec::new() }
}

/// Gets to the end of the route; whether it answers by itself.
fn reach(end: &End, exchange: &mut Exchange<'_>, routed: &mut Routed) -> bool {
    routed.backend = Some(end.name.to_string());
    match &end.backend {
        Backend::Upstream(upstream) => {
            routed.upstream = Some(sent(upstream, exchange));
            false
        }
        Backend::Local(local) => matches!(local.answer(exchange), Step::Answer(_)),
    }
}

fn sent(upstream: &Upstream, exchange: &Exchange<'_>) -> Sent {
    let first = upstream.servers.first().map(|server| &server.url);
    let host = first.and_then(|target| upstream.host.said_to(target));
    let server = first.map(TargetUrl::authority).unwrap_or_default();
    let mut head = Vec::new();
    let peer = exchange.client.ip.to_string();
    let hop = Hop { host: host.as_deref(), server: &server, upgrade: None, peer: &peer, request_id: b"" };
    write_head(exchange, &hop, &mut head);
    let lines = String::from_utf8_lossy(&head);
    Sent {
        targets: upstream.servers.iter().map(|server| server.url.to_string()).collect(),
        head: lines.lines().filter(|line| !line.starts_with("x-request-id:")).map(str::to_owned).collect(),
    }
}

fn answer(response: &ResponseHead) -> Answer {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Answer {
        status: response.status,
        headers: response.fields.iter().map(|(name, value)| (text(name), text(value))).collect(),
    }
}
