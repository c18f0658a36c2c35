//! Which servers are well: what a manifest says of asking them, and of learning from what they answer to others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::pipeline::upstream::balancing::Plain;
use crate::value::duration::Duration;
use crate::value::path::AskedPath;

/// How the gateway finds out by asking whether a target is well: by exactly one of `path`, `tcp` and `grpc`. One task of the
/// program asks each target, however many workers and routes there are. A target counts as healthy until it was first asked; that
/// first answer decides at once, later ones as `healthyAfter` and `unhealthyAfter` say.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = check_example(), extend("x-gw-noun" = "check called"))]
pub struct HealthCheck {
    /// By `GET` of this path, with a query perhaps, over TLS where the target's URL says `https`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<AskedPath>,
    /// By connecting, and with `https` by a TLS handshake.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Plain>,
    /// By the health service of gRPC, over HTTP/2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grpc: Option<GrpcCheck>,
    /// How long after an answer the target is asked again.
    #[serde(default = "interval")]
    #[schemars(example = &"5s")]
    pub interval: Duration,
    /// How long an answer may take.
    #[serde(default = "timeout")]
    #[schemars(example = &"1s")]
    pub timeout: Duration,
    /// How many good answers in a row make an unhealthy target healthy.
    #[serde(default = "healthy_after")]
    #[schemars(range(min = 1, max = 100))]
    pub healthy_after: u32,
    /// How many bad answers in a row make a healthy target unhealthy.
    #[serde(default = "unhealthy_after")]
    #[schemars(range(min = 1, max = 100))]
    pub unhealthy_after: u32,
    /// The statuses that are good answers to `path`. The default is 200 to 299.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(inner(range(min = 200, max = 599)), length(max = 64), extend("uniqueItems" = true, "examples" = [[200, 204]]))]
    pub statuses: Vec<u16>,
}

fn check_example() -> Value {
    json!({ "path": "/healthz", "interval": "5s", "timeout": "1s" })
}

fn interval() -> Duration {
    Duration::from_secs(10)
}

fn timeout() -> Duration {
    Duration::from_secs(2)
}

fn healthy_after() -> u32 {
    2
}

fn unhealthy_after() -> u32 {
    3
}

/// The standard health service: `grpc.health.v1.Health/Check`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct GrpcCheck {
    /// The service that is asked about. The default is the server as a whole.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256), example = &"shop.Cart")]
    pub service: String,
}

impl HealthCheck {
    /// The names of all ways to ask.
    pub const WAYS: &[&str] = &["path", "tcp", "grpc"];

    /// The ways it names.
    pub fn named(&self) -> Vec<&'static str> {
        let named = [self.path.is_some(), self.tcp.is_some(), self.grpc.is_some()];
        Self::WAYS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }

    /// Whether a status is a good answer.
    pub fn accepts(&self, status: u16) -> bool {
        if self.statuses.is_empty() { (200..300).contains(&status) } else { self.statuses.contains(&status) }
    }
}

/// Which targets get a rest because of what they answer to clients. An error is no usable answer at all, or a status of 500 or
/// more.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = outlier_example())]
pub struct OutlierDetection {
    /// How many errors in a row make a target an outlier.
    #[serde(default = "consecutive_errors")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub consecutive_errors: u32,
    /// How long it gets no requests then.
    #[serde(default = "eject_for")]
    #[schemars(example = &"10s")]
    pub eject_for: Duration,
    /// How many of the targets may be out at once, in percent. Of several targets one may always be out; a single one never is.
    #[serde(default = "max_ejected")]
    #[schemars(range(min = 1, max = 100))]
    pub max_ejected_percent: u32,
}

fn outlier_example() -> Value {
    json!({ "consecutiveErrors": 5, "ejectFor": "30s" })
}

fn consecutive_errors() -> u32 {
    5
}

fn eject_for() -> Duration {
    Duration::from_secs(30)
}

fn max_ejected() -> u32 {
    50
}

impl OutlierDetection {
    /// How many of so many targets may be out at once.
    pub fn most_ejected(&self, targets: usize) -> usize {
        let share = targets * self.max_ejected_percent as usize / 100;
        if targets > 1 { share.max(1) } else { 0 }
    }
}
