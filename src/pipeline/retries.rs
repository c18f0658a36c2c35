//! When a request is sent again: what a route says of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::value::duration::Duration;
use crate::value::retry::RetryCause;

/// When a request is sent again, to another target if there is one. No server can see a request twice that must not be: it is
/// sent again only if nothing of it was sent, or if its method is idempotent, nothing of a body was taken, and no byte of an answer
/// came; for a status, if its method is idempotent and it has no body.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = retries_example())]
pub struct Retries {
    /// How many more times it is sent at most.
    #[serde(default = "attempts")]
    #[schemars(range(min = 1, max = 10))]
    pub attempts: u32,
    /// What it is sent again for.
    #[serde(default = "causes")]
    #[schemars(length(min = 1, max = 32), extend("uniqueItems" = true))]
    pub on: Vec<RetryCause>,
    /// About how long the gateway waits before it: between nothing and this the first time, and up to twice as long each further time,
    /// but never longer than ten times this. `Retry-After` of the answer is waited for if the request has the time; if not, the answer
    /// is passed on.
    #[serde(default = "backoff")]
    #[schemars(example = &"25ms")]
    pub backoff: Duration,
    /// How long each attempt may take to the head of its answer. The default is the rest of `timeouts.request`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"2s")]
    pub per_try_timeout: Option<Duration>,
    /// How many retries the backend gets for a hundred requests, beside ten a second: when much fails at once, the gateway doesn't
    /// make it worse.
    #[serde(default = "budget")]
    #[schemars(range(min = 1, max = 100))]
    pub budget_percent: u32,
}

fn retries_example() -> Value {
    json!({ "attempts": 2, "on": ["connectFailure", "reset", "503"], "backoff": "25ms", "perTryTimeout": "2s" })
}

fn attempts() -> u32 {
    2
}

fn causes() -> Vec<RetryCause> {
    vec![RetryCause::ConnectFailure, RetryCause::Reset]
}

#[expect(clippy::expect_used, reason = "the text is fixed")]
fn backoff() -> Duration {
    "25ms".parse().expect("a literal")
}

fn budget() -> u32 {
    20
}
