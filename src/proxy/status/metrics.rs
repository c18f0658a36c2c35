//! `/metrics`: the counters in the text format of `OpenMetrics`, as Prometheus reads it.
//!
//! The counters are the data plane's own atomics; here they are only read. A route shows up with its first request.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use http::StatusCode;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::proxy::live::Live;
use crate::proxy::metrics::{BUCKETS, Metrics, Reloads, RouteMetrics};
use crate::proxy::status::answer::{Answer, failure};
use crate::proxy::status::process::{open_files, resident_bytes};
use crate::proxy::status::{Notices, View, backends, limits, releases};
use crate::proxy::tls::{Loaded, TlsCounters};

const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The `status` label of each counter of [`RouteMetrics::statuses`].
const CLASSES: [&str; 5] = ["2xx", "3xx", "4xx", "5xx", "1xx"];

/// The `route` label of requests without a route, as the access log has it; no route can have this name.
const NO_ROUTE: &str = "-";

/// The document at `/metrics`.
pub(super) fn metrics(view: &View) -> Answer {
    view.metrics.forget_unused();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Reading {
        live: view.live.clone(),
        metrics: Arc::clone(&view.metrics),
        notices: Arc::clone(&view.notices),
    }));
    let mut body = String::with_capacity(8 << 10);
    match encode(&mut body, &registry) {
        Ok(()) => Answer { status: StatusCode::OK, media_type: MEDIA_TYPE, body: body.into() },
        Err(error) => failure(&error),
    }
}

/// One reading of all counters.
struct Reading {
    live: Live,
    metrics: Arc<Metrics>,
    notices: Arc<Notices>,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

impl Collector for Reading {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let metrics = &self.metrics;
        let routes = metrics.routes();
        let routes: Vec<(&str, &RouteMetrics)> = std::iter::once((NO_ROUTE, &metrics.unrouted))
            .chain(routes.iter().map(|(name, route)| (&**name, &**route)))
            .filter(|(_, route)| count(route) > 0)
            .collect();
        requests(&mut encoder, &routes)?;
        durations(&mut encoder, &routes)?;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        gauge(
            &mut encoder,
            "gw_connections",
            "Open connections of clients",
            &i64::try_from(metrics.places.taken()).unwrap_or(i64::MAX),
        )?;
        counter(&mut encoder, "gw_connections_accepted", "Connections of clients", read(&metrics.accepted))?;
        gauge(&mut encoder, "gw_tunnels", "Open upgraded connections", &metrics.tunnels.load(Ordering::Relaxed))?;
        let dropped = "Lines of the access log that were dropped because its reader was too slow";
        counter(&mut encoder, "gw_access_log_dropped", dropped, read(&metrics.log_dropped))?;
        backends::encode(&mut encoder, &self.live.load())?;
        limits::encode(&mut encoder, &self.live.load().limiter.tallies)?;
        handshakes(&mut encoder, &metrics.tls)?;
        expiries(&mut encoder, &self.live.load().tls.certificates)?;
        orders(&mut encoder, &self.live.load().tls.certificates)?;
        self.config(&mut encoder)?;
        if let Some(release) = &*self.notices.release.load() {
            let last_known_good = self.notices.rejected.load().is_some();
            releases::encode(&mut encoder, release, last_known_good, &metrics.releases)?;
        }
        process(&mut encoder)
    }
}

impl Reading {
    fn config(&self, encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
        let (generation, reloads) = (self.live.load(), &self.metrics.reloads);
        gauge(encoder, "gw_config_generation", "The number of the table in force", &generation.number)?;
        let digest = generation.table.digest.to_string();
        encoder
            .encode_descriptor("gw_config", "The digest of the table in force", None, MetricType::Info)?
            .encode_info(&[("digest", digest.as_str())])?;
        gauge(
            encoder,
            "gw_config_watch_alive",
            "Whether the manifests are looked at",
            &i64::from(reloads.is_watched()),
        )?;
        reloads_of(encoder, reloads)
    }
}

fn handshakes(encoder: &mut DescriptorEncoder<'_>, counters: &TlsCounters) -> fmt::Result {
    let mut made = family(encoder, "gw_tls_handshakes", "TLS handshakes with clients", None, MetricType::Counter)?;
    for (session, counter) in [("new", &counters.full), ("resumed", &counters.resumed)] {
        let count = counter.load(Ordering::Relaxed);
        made.encode_family(&[("session", session)])?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    let help = "TLS handshakes with clients that failed, by reason";
    let mut failed = family(encoder, "gw_tls_handshake_failures", help, None, MetricType::Counter)?;
    for (reason, count) in counters.failures().filter(|(_, count)| *count > 0) {
        failed.encode_family(&[("reason", reason)])?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}

/// When each certificate in force expires, in seconds since 1970.
fn expiries(encoder: &mut DescriptorEncoder<'_>, certificates: &[Arc<Loaded>]) -> fmt::Result {
    let (name, help) = ("gw_certificate_expiry_timestamp", "When a certificate expires");
    let mut expiries = family(encoder, name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
    for certificate in certificates {
        let Some(end) = certificate.expires() else { continue };
        let since = end.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        expiries.encode_family(&[("certificate", &*certificate.name)])?.encode_gauge(&since.as_secs_f64())?;
    }
    Ok(())
}

/// What becomes of the orders of each certificate that is ordered.
fn orders(encoder: &mut DescriptorEncoder<'_>, certificates: &[Arc<Loaded>]) -> fmt::Result {
    let slots: Vec<_> = certificates.iter().filter_map(|loaded| Some((&*loaded.name, loaded.slot()?))).collect();
    if slots.is_empty() {
        return Ok(());
    }
    let mut orders =
        family(encoder, "gw_acme_orders", "Orders of certificates that have ended", None, MetricType::Counter)?;
    for (name, slot) in &slots {
        for (result, counter) in [("issued", &slot.succeeded), ("failed", &slot.failed)] {
            let (labels, count) = ([("certificate", *name), ("result", result)], counter.load(Ordering::Relaxed));
            orders.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    let help = "Orders of a certificate that failed since one succeeded, by any gateway";
    let mut failures = family(encoder, "gw_acme_failures", help, None, MetricType::Gauge)?;
    for (name, slot) in &slots {
        failures.encode_family(&[("certificate", *name)])?.encode_gauge(&u64::from(slot.course().failures))?;
    }
    Ok(())
}

fn reloads_of(encoder: &mut DescriptorEncoder<'_>, reloads: &Reloads) -> fmt::Result {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    counter(encoder, "gw_config_reloads", "Reloads that succeeded, the first one included", read(&reloads.succeeded))?;
    counter(
        encoder,
        "gw_config_reload_failures",
        "Reloads that changed nothing because of errors",
        read(&reloads.failed),
    )?;
    let success = "gw_config_last_reload_success_timestamp";
    seconds(encoder, success, "When the last reload succeeded", scaled(read(&reloads.last_success), 1e3))?;
    let duration = "gw_config_last_reload_duration";
    seconds(encoder, duration, "How long the last reload took that succeeded", scaled(read(&reloads.last_micros), 1e6))
}

fn process(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    if let Some(bytes) = resident_bytes() {
        family(encoder, "process_resident_memory", "Memory in use", Some(&Unit::Bytes), MetricType::Gauge)?
            .encode_gauge(&bytes)?;
    }
    match open_files() {
        Some(count) => gauge(encoder, "process_open_fds", "Open files and sockets", &count),
        None => Ok(()),
    }
}

fn requests(encoder: &mut DescriptorEncoder<'_>, routes: &[(&str, &RouteMetrics)]) -> fmt::Result {
    let help = "Answered requests by route and class of status";
    let mut requests = family(encoder, "gw_requests", help, None, MetricType::Counter)?;
    for (name, route) in routes {
        for (class, counter) in CLASSES.iter().zip(&route.statuses) {
            let labels = [("route", *name), ("status", *class)];
            let count = counter.load(Ordering::Relaxed);
            requests.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
    }
    Ok(())
}

fn durations(encoder: &mut DescriptorEncoder<'_>, routes: &[(&str, &RouteMetrics)]) -> fmt::Result {
    let help = "From the head of a request to the end of its answer, by route";
    let unit = Some(&Unit::Seconds);
    let mut durations = family(encoder, "gw_request_duration", help, unit, MetricType::Histogram)?;
    for (name, route) in routes {
        let bounds = BUCKETS.into_iter().chain([f64::INFINITY]);
        let counts = route.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        // Not read a second time, so that the count is that of the last bucket.
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = scaled(route.micros.load(Ordering::Relaxed), 1e6);
        durations.encode_family(&[("route", *name)])?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
    }
    Ok(())
}

fn count(route: &RouteMetrics) -> u64 {
    route.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
}

pub(super) fn family<'a>(
    encoder: &'a mut DescriptorEncoder<'_>,
    name: &'a str,
    help: &'a str,
    unit: Option<&'a Unit>,
    kind: MetricType,
) -> Result<MetricEncoder<'a>, fmt::Error> {
    encoder.encode_descriptor(name, help, unit, kind)
}

fn counter(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: u64) -> fmt::Result {
    family(encoder, name, help, None, MetricType::Counter)?.encode_counter::<NoLabelSet, _, u64>(&value, None)
}

pub(super) fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: &impl EncodeGaugeValue,
) -> fmt::Result {
    family(encoder, name, help, None, MetricType::Gauge)?.encode_gauge(value)
}

fn seconds(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: f64) -> fmt::Result {
    family(encoder, name, help, Some(&Unit::Seconds), MetricType::Gauge)?.encode_gauge(&value)
}

#[expect(clippy::cast_precision_loss, reason = "a float holds microseconds exactly for 285 years")]
pub(super) fn scaled(count: u64, per_unit: f64) -> f64 {
    count as f64 / per_unit
}
