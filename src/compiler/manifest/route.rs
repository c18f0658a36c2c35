//! The kind `Route`: which requests, what happens on the way in the order written, where they end.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::caller::ConsumerCondition;
use crate::pipeline::certificate::CertificateCondition;
use crate::pipeline::condition::NamedCondition;
use crate::pipeline::retries::Retries;
use crate::pipeline::split::SplitBy;
use crate::pipeline::timeouts::Timeouts;
use crate::plugins::PluginEntry;
use crate::value::host::HostPattern;
use crate::value::method::Method;
use crate::value::name::Name;
use crate::value::path::{PathPrefix, PathRegex, PathTemplate};
use crate::value::reference::{BackendKind, Ref};

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
    #[schemars(extend("x-gw-security" = "who may call it"))]
    pub public: bool,
    /// What happens to a request on its way in, in this order, and to the answer in reverse.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub plugins: Vec<PluginEntry>,
    /// Where the requests end, unless a plugin answers them all or `split` divides them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backend: Option<Ref<BackendKind>>,
    /// Several backends that share the requests by weight, in place of `backend`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 2, max = 16), example = split_example())]
    pub split: Vec<Arm>,
    /// What keeps a caller with one backend of `split`. The default is nothing: each request goes to a backend at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split_by: Option<SplitBy>,
    /// Another backend that gets copies of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirror: Option<Mirror>,
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

fn split_example() -> serde_json::Value {
    serde_json::json!([{ "backend": "shop", "weight": 95 }, { "backend": "shop-next", "weight": 5 }])
}

/// A backend of a split.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Arm {
    /// The backend.
    pub backend: Ref<BackendKind>,
    /// Its share of the requests, for the sum of all weights; 0 is none.
    #[schemars(range(max = 1_000_000), example = 95)]
    pub weight: u32,
}

/// A backend that gets copies of requests, whose answers are thrown away. They neither slow nor fail the requests: each worker has
/// at most 128 on their way and drops what is beyond that, as it does requests with a body of more than 64 KiB, and counts it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = mirror_example())]
pub struct Mirror {
    /// The backend; one with servers. Its own timeouts hold.
    pub backend: Ref<BackendKind>,
    /// The share of requests that are copied, in percent.
    #[serde(default = "all")]
    #[schemars(range(min = 1, max = 100), example = 10)]
    pub percent: u32,
}

fn mirror_example() -> serde_json::Value {
    serde_json::json!({ "backend": "shop-next", "percent": 10 })
}

fn all() -> u32 {
    100
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
    /// Conditions on the certificate that the client showed. A request for which only these fail gets a 403, unless another
    /// route with such conditions takes it: it never falls through to a route without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-gw-security" = "who may call it"))]
    pub client_certificate: Option<CertificateCondition>,
    /// Conditions on the application that calls, by its API key: an `auth` without `when` finds out who calls, before the route is chosen.
    /// A caller for which only these fail gets a 403, unless another route with the same `auth` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-gw-security" = "who may call it"))]
    pub consumer: Option<ConsumerCondition>,
}
