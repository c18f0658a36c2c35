//! The kind `Gateway`: listeners, limits and defaults. Every field has a default, and so has the whole object.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::compiler::lint::LINTS;
use crate::compiler::manifest::variable::{NamespaceFolder, Variable};
use crate::pipeline::limits::place::State;
use crate::table::settings::{AccessLog, GatewayTimeouts, Limits, Listener, Status};
use crate::value::network::Network;

/// The listeners, limits and defaults of the whole gateway.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(example = example())]
pub struct GatewaySpec {
    /// Where clients connect. The default is one, `http`, on `127.0.0.1:8080`.
    #[schemars(length(min = 1, max = 64))]
    pub listeners: Vec<Listener>,
    /// Where health, metrics and the state of the gateway can be read.
    pub status: Status,
    /// The proxies in front of the gateway whose `X-Forwarded-*` and `Forwarded` fields are believed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true, "x-gw-security" = "whose word about clients is believed"))]
    pub trusted_proxies: Vec<Network>,
    /// What one client may take up.
    pub limits: Limits,
    /// How long the gateway waits.
    pub timeouts: GatewayTimeouts,
    /// The log of requests.
    pub access_log: AccessLog,
    /// Where the counts of plans and rate limits are kept. The default is a file of each node, for quotas only.
    pub state: State,
    /// The levels of lints, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "lint_levels")]
    pub lints: BTreeMap<String, Level>,
    /// Variables, which each `Environment` may set. `${var.NAME}` stands for the value in any value of any manifest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub variables: Vec<Variable>,
    /// The namespaces of folders. The default is that all is in `default`, unless `metadata.namespace` says otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub namespaces: Vec<NamespaceFolder>,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "listeners": [{ "name": "http", "address": "0.0.0.0:8080" }],
        "status": { "address": "127.0.0.1:9900" },
        "trustedProxies": ["10.0.0.0/8"],
        "limits": { "bodyBytes": "20MiB" },
        "timeouts": { "request": "1m" },
        "accessLog": { "format": "json" },
        "state": { "redis": { "url": { "env": "REDIS_URL" } } },
        "lints": { "unusedBackend": "error" },
        "variables": [{ "name": "geoHost", "type": "host", "default": "geo.internal" }],
        "namespaces": [{ "name": "geo", "folder": "teams/geo", "owners": ["@geo"] }],
    })
}

/// One property for each lint, so that editors complete their names.
fn lint_levels(generator: &mut SchemaGenerator) -> Schema {
    let mut levels = serde_json::Map::new();
    for lint in LINTS {
        let mut schema = Level::json_schema(generator);
        schema.insert("description".into(), lint.summary.into());
        levels.insert(lint.name.into(), schema.into());
    }
    json_schema!({
        "type": "object",
        "properties": levels,
        "additionalProperties": false,
        "x-gw-security": "which mistakes are refused",
    })
}

impl Default for GatewaySpec {
    fn default() -> Self {
        Self {
            listeners: vec![Listener::default()],
            status: Status::default(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
            timeouts: GatewayTimeouts::default(),
            access_log: AccessLog::default(),
            state: State::default(),
            lints: BTreeMap::new(),
            variables: Vec::new(),
            namespaces: Vec::new(),
        }
    }
}

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// The manifests are refused.
    Error,
    /// It is reported, and they are accepted.
    Warn,
    /// It is mentioned.
    Note,
    /// It is not looked for.
    Off,
}
