//! When a backend as a whole gets no more requests for a while.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::value::duration::Duration;

/// Keeps requests away from a backend that fails or is full: they get a 503 with `Retry-After` at once, and the access log says
/// which limit it was. Each limit counts over all workers; one that is not given does not hold.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = breaker_example())]
pub struct CircuitBreaker {
    /// How many errors of the backend in a row open the breaker: then no request gets through for a while. An error is no usable answer
    /// at all, or a status of 500 or more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 5)]
    pub consecutive_errors: Option<u32>,
    /// How long it stays open. After that one request is let through as a trial: if it succeeds the breaker closes, else it stays open
    /// as long again.
    #[serde(default = "open_for")]
    #[schemars(example = &"10s")]
    pub open_for: Duration,
    /// How many connections to the backend there may be, idle ones included. Further requests wait for one, as long as
    /// `timeouts.connect` allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 500)]
    pub max_connections: Option<u32>,
    /// How many requests may wait for a connection, one that is being made included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 100)]
    pub max_pending: Option<u32>,
    /// How many requests may be in flight, until the end of their answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 1000)]
    pub max_requests: Option<u32>,
}

fn breaker_example() -> Value {
    json!({ "consecutiveErrors": 5, "openFor": "10s", "maxRequests": 1000 })
}

fn open_for() -> Duration {
    Duration::from_secs(10)
}
