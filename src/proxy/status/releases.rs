//! The release in force, as `/status` and `/metrics` show it. A gateway that follows a folder has none.

use std::fmt;
use std::sync::atomic::Ordering;

use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use serde::Serialize;

use crate::proxy::access_log::rfc3339;
use crate::proxy::metrics::Releases;
use crate::proxy::status::InForce;
use crate::proxy::status::metrics::{family, gauge, scaled};

/// The release in force.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReleaseLine<'a> {
    store: &'a str,
    serial: u64,
    bundle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<&'a str>,
    made: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    signed_by: Option<&'a str>,
    /// Whether the newest release is another one, which was refused, or the store cannot be asked.
    last_known_good: bool,
}

impl<'a> ReleaseLine<'a> {
    pub(super) fn of(release: &'a InForce, last_known_good: bool) -> Self {
        Self {
            store: &release.store,
            serial: release.serial,
            bundle: release.bundle.to_string(),
            environment: release.environment.as_deref(),
            commit: release.commit.as_deref(),
            made: rfc3339(release.made),
            signed_by: release.signed_by.as_deref(),
            last_known_good,
        }
    }
}

/// The metrics of releases.
pub(super) fn encode(
    encoder: &mut DescriptorEncoder<'_>,
    release: &InForce,
    last_known_good: bool,
    counters: &Releases,
) -> fmt::Result {
    gauge(encoder, "gw_release_serial", "The number of the release in force", &release.serial)?;
    let help = "Whether the newest release was refused, or the store cannot be asked";
    gauge(encoder, "gw_release_last_known_good", help, &i64::from(last_known_good))?;
    let asked = scaled(counters.answered.load(Ordering::Relaxed), 1e3);
    let (name, help) = ("gw_store_last_answer_timestamp", "When the store of releases last answered");
    family(encoder, name, help, Some(&Unit::Seconds), MetricType::Gauge)?.encode_gauge(&asked)?;
    let help = "Releases that were refused, by reason";
    let mut refused = family(encoder, "gw_release_refusals", help, None, MetricType::Counter)?;
    for (reason, count) in counters.refusals() {
        refused.encode_family(&[("reason", reason)])?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
    }
    Ok(())
}
