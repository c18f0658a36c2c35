//! What is known of backends and their targets, for `/metrics` and `/status`.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, NoLabelSet};
use prometheus_client::metrics::MetricType;
use serde::Serialize;

use crate::proxy::balance::{BreakerState, Health, LiveBackend, LiveTarget};
use crate::proxy::live::Generation;

/// Writes the counters of all backends of a generation.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>, generation: &Generation) -> fmt::Result {
    let backends = &generation.backends;
    if backends.is_empty() {
        return Ok(());
    }
    of_targets(encoder, backends, generation.now())?;
    of_backends(encoder, backends)?;
    mirrors(encoder, backends)?;
    breakers(encoder, backends, generation.now())
}

fn of_targets(encoder: &mut DescriptorEncoder<'_>, backends: &[LiveBackend], now: u64) -> fmt::Result {
    let help = "Requests sent to a target, each attempt counted";
    counters(
        encoder,
        "gw_target_requests",
        help,
        targets(backends).map(|(b, t)| (labels(b, t), read(&t.state.requests))),
    )?;
    let help = "Requests in flight at a target";
    let active = |target: &LiveTarget| i64::from(target.state.active.load(Ordering::Relaxed));
    gauges(encoder, "gw_target_active", help, targets(backends).map(|(b, t)| (labels(b, t), active(t))))?;
    let help = "Requests that a target failed, by reason";
    let failures = targets(backends).flat_map(|(backend, target)| {
        let counts = target.state.failures.counts();
        counts.map(move |(reason, count)| {
            ([labels(backend, target)[0], labels(backend, target)[1], ("reason", reason)], count)
        })
    });
    counters(encoder, "gw_target_failures", help, failures)?;
    let help = "Whether a target is healthy, as far as its health check knows";
    let healthy = |target: &LiveTarget| i64::from(target.state.standing.health() != Health::Unhealthy);
    gauges(encoder, "gw_target_healthy", help, targets(backends).map(|(b, t)| (labels(b, t), healthy(t))))?;
    let help = "Whether a target gets no requests because of what it answered to clients";
    let ejected = |target: &LiveTarget| i64::from(target.state.standing.is_ejected(now));
    gauges(encoder, "gw_target_ejected", help, targets(backends).map(|(b, t)| (labels(b, t), ejected(t))))
}

fn of_backends(encoder: &mut DescriptorEncoder<'_>, backends: &[LiveBackend]) -> fmt::Result {
    let help = "Requests that were sent again";
    let retries = backends.iter().map(|backend| ([name(backend)], read(&backend.state.retries)));
    counters(encoder, "gw_backend_retries", help, retries)?;
    let help = "Requests that were not sent again because the budget was spent";
    let denied = backends.iter().map(|backend| ([name(backend)], read(&backend.state.retries_denied)));
    counters(encoder, "gw_backend_retries_denied", help, denied)
}

fn mirrors(encoder: &mut DescriptorEncoder<'_>, backends: &[LiveBackend]) -> fmt::Result {
    let mirrors = backends.iter().filter(|b| read(&b.state.mirrored) + read(&b.state.mirror_dropped) > 0);
    let help = "Copies of requests that were sent";
    let sent = mirrors.clone().map(|backend| ([name(backend)], read(&backend.state.mirrored)));
    counters(encoder, "gw_mirror_requests", help, sent)?;
    let help = "Copies of requests that were dropped: too large, too many at once, or cut short";
    let dropped = mirrors.map(|backend| ([name(backend)], read(&backend.state.mirror_dropped)));
    counters(encoder, "gw_mirror_dropped", help, dropped)
}

fn breakers(encoder: &mut DescriptorEncoder<'_>, backends: &[LiveBackend], now: u64) -> fmt::Result {
    let breakers = backends.iter().filter(|backend| backend.upstream.breaker.is_some());
    let help = "The circuit breaker: 0 is closed, 1 half open, 2 open";
    let state = |backend: &LiveBackend| match backend.breaker(now) {
        BreakerState::Closed => 0,
        BreakerState::HalfOpen => 1,
        BreakerState::Open => 2,
    };
    gauges(encoder, "gw_breaker_state", help, breakers.clone().map(|backend| ([name(backend)], state(backend))))?;
    let help = "How often the circuit breaker opened";
    let openings = breakers.clone().map(|backend| ([name(backend)], read(&backend.state.breaker.openings)));
    counters(encoder, "gw_breaker_openings", help, openings)?;
    let help = "Requests that did not get to a target, by the limit that was reached";
    let refused = breakers.clone().flat_map(|backend| {
        let refusals = &backend.state.refusals;
        let counts = [
            ("open", &refusals.open),
            ("requests", &refusals.requests),
            ("pending", &refusals.pending),
            ("connections", &refusals.connections),
        ];
        counts.map(|(reason, count)| ([name(backend), ("reason", reason)], read(count)))
    });
    counters(encoder, "gw_breaker_refused", help, refused)?;
    let gates = breakers.filter(|backend| backend.gate().is_some());
    let help = "Connections to a backend whose connections are limited";
    let connections = gates.clone().map(|backend| ([name(backend)], i64::from(backend.state.gate.connections())));
    gauges(encoder, "gw_breaker_connections", help, connections)?;
    let help = "Requests that wait for a connection to such a backend";
    gauges(encoder, "gw_breaker_pending", help, gates.map(|b| ([name(b)], i64::from(b.state.gate.pending()))))
}

fn targets(backends: &[LiveBackend]) -> impl Iterator<Item = (&LiveBackend, &LiveTarget)> {
    backends.iter().flat_map(|backend| backend.targets.iter().map(move |target| (backend, target)))
}

type Label<'a> = (&'static str, &'a str);

fn name(backend: &LiveBackend) -> Label<'_> {
    ("backend", &backend.name)
}

fn labels<'a>(backend: &'a LiveBackend, target: &'a LiveTarget) -> [Label<'a>; 2] {
    [name(backend), ("target", &target.url)]
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn counters<'a, const N: usize>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = ([Label<'a>; N], u64)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&value, None)?;
    }
    Ok(())
}

fn gauges<'a, const N: usize, V: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: impl Iterator<Item = ([Label<'a>; N], V)>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (labels, value) in values {
        family.encode_family(&labels)?.encode_gauge(&value)?;
    }
    Ok(())
}

/// A backend, as `/status` shows it.
#[derive(Serialize)]
pub(super) struct BackendLine<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    breaker: Option<&'static str>,
    targets: Vec<TargetLine<'a>>,
}

#[derive(Serialize)]
struct TargetLine<'a> {
    url: &'a str,
    /// What its health check found; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    health: Option<&'static str>,
    ejected: bool,
    active: u32,
}

impl<'a> TargetLine<'a> {
    fn of(target: &'a LiveTarget, checked: bool, now: u64) -> Self {
        let LiveTarget { url, state, .. } = target;
        let health = match state.standing.health() {
            _ if !checked => None,
            Health::Unknown => None,
            Health::Healthy => Some("healthy"),
            Health::Unhealthy => Some("unhealthy"),
        };
        Self { url, health, ejected: state.standing.is_ejected(now), active: state.active.load(Ordering::Relaxed) }
    }
}

/// The backends of a generation, as `/status` shows them.
pub(super) fn lines(generation: &Generation) -> Vec<BackendLine<'_>> {
    let now = generation.now();
    let breaker = |backend: &LiveBackend| match backend.breaker(now) {
        BreakerState::Closed => "closed",
        BreakerState::HalfOpen => "halfOpen",
        BreakerState::Open => "open",
    };
    let backends = generation.backends.iter().map(|backend| BackendLine {
        name: &backend.name,
        breaker: backend.upstream.breaker.is_some().then(|| breaker(backend)),
        targets: backend
            .targets
            .iter()
            .map(|target| TargetLine::of(target, backend.upstream.health_check.is_some(), now))
            .collect(),
    });
    backends.collect()
}
