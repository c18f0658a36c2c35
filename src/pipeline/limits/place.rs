//! Where counts are kept, as a `Gateway` says it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::duration::Duration;
use crate::value::secret::{Secret, SecretRef};

/// Where the counts of limits are kept: exactly one of the ways. Rates are counted in memory unless nodes share them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct State {
    /// Each node counts by itself, and writes the counts of quotas to a file: whatever ends the gateway, at most those of the last
    /// second are lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileState>,
    /// Nodes count together, in Redis or Valkey.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redis: Option<RedisState>,
}

/// The ways to keep counts.
pub const WAYS: &[&str] = &["file", "redis"];

fn example() -> serde_json::Value {
    serde_json::json!({ "redis": { "url": { "env": "REDIS_URL" } } })
}

/// A file of the node that runs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct FileState {
    /// The path of the file, relative to the folder that `--state-dir` names. It is made with the first quota. Only one gateway can
    /// count in it.
    #[serde(default = "file_name")]
    #[schemars(length(min = 1), example = &"counts.redb")]
    pub path: String,
}

fn file_name() -> String {
    "counts.redb".into()
}

/// A Redis or Valkey, version 7 or later.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = redis_example())]
pub struct RedisState {
    /// Its URL, with user and password: `redis://USER:PASSWORD@HOST:6379/0`, `rediss://…` for TLS, or
    /// `redis+unix:///run/redis.sock`. Of a cluster one node is enough, as the others are found by it.
    pub url: SecretRef,
    /// Whether it is a cluster.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cluster: bool,
    /// The certificates of the authorities that are trusted with TLS, as PEM. The default is those of the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = ca_example())]
    pub ca: Option<SecretRef>,
    /// What the names of all keys begin with: gateways with the same one count together.
    #[serde(default = "prefix")]
    #[schemars(length(min = 1, max = 64), pattern("^[A-Za-z0-9._:-]+$"), example = &"gw")]
    pub prefix: String,
    /// How long a decision is waited for. Then, and for half a second after, it is as if Redis did not answer: see `onStoreFailure`.
    #[serde(default = "timeout")]
    pub timeout: Duration,
}

fn redis_example() -> serde_json::Value {
    serde_json::json!({ "url": { "env": "REDIS_URL" }, "prefix": "gw", "timeout": "250ms" })
}

fn ca_example() -> serde_json::Value {
    serde_json::json!({ "file": "/run/secrets/redis-ca.pem" })
}

fn prefix() -> String {
    "gw".into()
}

fn timeout() -> Duration {
    Duration::from_millis(250)
}

impl Default for State {
    fn default() -> Self {
        Self { file: Some(FileState { path: file_name() }), redis: None }
    }
}

impl State {
    /// The ways it names; one that is not exactly one is an error that the compiler reports.
    pub fn named(&self) -> Vec<&'static str> {
        let named = [self.file.is_some(), self.redis.is_some()];
        WAYS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }

    /// The secrets that it names.
    pub fn secrets(&self) -> impl Iterator<Item = Secret> {
        self.redis
            .iter()
            .flat_map(|redis| [Some(redis.url.line()), redis.ca.as_ref().map(SecretRef::content)])
            .flatten()
    }
}
