//! The kind `Route`: which requests, what happens on the way in the order written, where they end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compiler::manifest::reference::{BackendKind, Ref};
use crate::pipeline::condition::NamedCondition;
use crate::pipeline::retries::Retries;
use crate::pipeline::timeouts::Timeouts;
use crate::plugins::PluginEntry;
use crate::value::host::HostPattern;
use crate::value::method::Method;
use crate::value::name::Name;
use crate::value::path::{PathPrefix, PathRegex, PathTemplate};

/// Which requests, what happens to them on the way, and where they end.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct RouteSpec {
    /// The listeners it is reachable by, by their names in the `Gateway`. The default is every listener.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub listeners: Vec<Name>,
    /// The hosts it answers for: exact names, or `*.` and a suffix. The default is every host that no other route names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub hosts: Vec<HostPattern>,
    /// Alternatives, of which one must hold. The default is every path.
    #[serde(default, rename = "match", skip_serializing_if = "Vec::is_empty")]
    pub matches: Vec<Match>,
    /// Settles an overlap that is wanted: of two routes with the same rank the higher number is tried first.
    #[serde(default)]
    #[schemars(range(min = -1_000_000, max = 1_000_000))]
    pub priority: i32,
    /// Says that anybody may call it, because nothing on its way in authenticates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub public: bool,
    /// What happens to a request on its way in, in this order, and to the answer in reverse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub plugins: Vec<PluginEntry>,
    /// Where the requests end, unless a plugin answers them all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Ref<BackendKind>>,
    /// How long the gateway waits; what is not given is taken from the backend, then from the `Gateway`.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// When a request is sent again, if a server gave no good answer. The default is never, but for a connection that was kept open and
    /// turns out to be dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<Retries>,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "hosts": ["shop.example"],
        "match": [{ "path": "/orders/{id:[0-9]+}", "methods": ["GET", "PUT"] }],
        "public": true,
        "plugins": [
            { "requestHeaders": { "set": { "x-order": "${path.id}" } } },
            { "rewrite": { "addPrefix": "/v2" }, "when": { "methods": ["GET"] } },
        ],
        "backend": "shop",
        "timeouts": { "request": "10s" },
    })
}

/// One alternative: all of its conditions hold.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Match {
    /// The whole path, with parameters in braces: `/orders/{id}`, or with a pattern `/orders/{id:[0-9]+}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<PathTemplate>,
    /// The beginning of the path, by whole segments: `/api` matches `/api` and `/api/x`, not `/apiv2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_prefix: Option<PathPrefix>,
    /// A regular expression that the whole path matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_regex: Option<PathRegex>,
    /// The methods. The default is every method.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub methods: Vec<Method>,
    /// Conditions on header fields; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub headers: Vec<NamedCondition>,
    /// Conditions on query parameters; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub query: Vec<NamedCondition>,
    /// Conditions on cookies; all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub cookies: Vec<NamedCondition>,
}
