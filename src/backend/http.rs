//! `http`: HTTP servers upstream, taken in turn by weight.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::backend::{Backend, BackendContext, BackendType, HostHeader, Upstream};
use crate::pipeline::timeouts::Timeouts;
use crate::value::host::HostName;
use crate::value::url::TargetUrl;

/// HTTP servers that give the same answers.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct HttpConfig {
    /// The servers; requests go to them in turn.
    #[schemars(length(min = 1, max = 256), extend("uniqueItems" = true))]
    pub targets: Vec<TargetConfig>,
    /// What `Host` says upstream.
    #[serde(default)]
    pub host_header: HostHeaderConfig,
    /// A name for `Host` upstream, in place of `hostHeader`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<HostName>,
    /// How long the gateway waits for these servers, where the route doesn't say.
    #[serde(default)]
    pub timeouts: Timeouts,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "targets": [{ "url": "http://10.0.0.1:3000", "weight": 2 }, { "url": "http://10.0.0.2:3000" }],
        "hostHeader": "target",
        "timeouts": { "connect": "2s", "firstByte": "10s" },
    })
}

/// One server.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct TargetConfig {
    /// Its URL.
    pub url: TargetUrl,
    /// How many requests it gets for one of a target of weight 1.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: u32,
}

fn one() -> u32 {
    1
}

/// What `Host` says upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum HostHeaderConfig {
    /// What the client sent.
    #[default]
    Keep,
    /// The host and port of the target.
    Target,
}

/// The type of backend.
pub struct Http;

impl BackendType for Http {
    type Config = HttpConfig;

    fn compile(config: &HttpConfig, _: &mut BackendContext<'_>) -> Option<Backend> {
        let host = match (&config.host_name, config.host_header) {
            (Some(name), _) => HostHeader::Name(name.to_string().into()),
            (None, HostHeaderConfig::Keep) => HostHeader::Keep,
            (None, HostHeaderConfig::Target) => HostHeader::Target,
        };
        let weights: Vec<u32> = config.targets.iter().map(|target| target.weight).collect();
        Some(Backend::Upstream(Arc::new(Upstream {
            turns: turns(&weights).into(),
            targets: config.targets.iter().map(|target| target.url.clone()).collect(),
            host,
            timeouts: config.timeouts,
        })))
    }
}

/// An order of turns in which each target stands as often as its weight says, spread as evenly as can be: the smooth
/// weighted round robin that nginx made known.
fn turns(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let weights: Vec<i64> = weights.iter().map(|weight| i64::from(weight / divisor)).collect();
    let total: i64 = weights.iter().sum();
    let mut credit = vec![0_i64; weights.len()];
    (0..total)
        .map(|_| {
            for (credit, weight) in credit.iter_mut().zip(&weights) {
                *credit += weight;
            }
            let richest = (0..credit.len()).rev().max_by_key(|i| credit[*i]).unwrap_or(0);
            credit[richest] -= total;
            u32::try_from(richest).unwrap_or(0)
        })
        .collect()
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::turns;

    #[test]
    fn turns_are_spread_by_weight() {
        assert_eq!(turns(&[1]), [0]);
        assert_eq!(turns(&[2, 2]), [0, 1]);
        assert_eq!(turns(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(turns(&[100, 300]), [1, 0, 1, 1]);
    }
}
