//! The kind `Plan`: how much the keys of a consumption plan may call.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::limits::config::WrongNumber;
use crate::pipeline::limits::{Announce, Consistency, Limits, Numbers, OnStoreFailure, Quota, Rate};
use crate::value::reference::{Ref, RouteKind};
use crate::value::size::Size;

/// How much each API key of a plan may call, and what. It needs no plugin: the `auth` that accepts the key enforces it. A call that one of
/// the limits refuses gets a 429 that says when to come again, and counts for none of them.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("x-gw-security" = "how much keys may call"))]
pub struct PlanSpec {
    /// So many calls per length of time, for each key. The default is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// So many calls per day and month, for each key. The default is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// The most calls of a key at once, on each node: a call counts until the last byte of its answer. The default is no such limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 20)]
    pub concurrency: Option<u32>,
    /// The most bytes of the body of a call; more gets a 413. The default is the `limits.bodyBytes` of the `Gateway`, which holds in any
    /// case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"1MiB")]
    pub body_bytes: Option<Size>,
    /// The routes that its keys may call. The default is every route that their `Auth` guards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub routes: Vec<Ref<RouteKind>>,
    /// Labels of the routes that its keys may call: each of them has all of these, or is named in `routes`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = label_example())]
    pub route_labels: BTreeMap<String, String>,
    /// When clients are told what is left, by the fields `RateLimit-Policy` and `RateLimit`.
    #[serde(default)]
    pub announce: Announce,
    /// How exactly nodes agree that share their counts in Redis.
    #[serde(default)]
    pub consistency: Consistency,
    /// What happens while Redis does not answer.
    #[serde(default)]
    pub on_store_failure: OnStoreFailure,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "rate": { "requests": 50, "per": "1s", "burst": 100 },
        "quota": { "perDay": 100_000, "perMonth": 2_000_000, "timeZone": "Europe/Paris" },
    })
}

fn label_example() -> serde_json::Value {
    serde_json::json!({ "team": "geo" })
}

impl PlanSpec {
    /// Its limits, under a name, and what is wrong with its numbers.
    pub fn limits(&self, name: &str) -> (Limits, Vec<WrongNumber>) {
        let numbers = Numbers { rates: self.rate.as_slice(), quota: self.quota.as_ref() };
        let (windows, wrong) = numbers.windows();
        let limits = Limits {
            name: name.into(),
            windows: windows.into(),
            concurrency: self.concurrency,
            consistency: self.consistency,
            on_store_failure: self.on_store_failure,
            announce: self.announce,
            dry_run: false,
        };
        (limits, wrong)
    }
}
