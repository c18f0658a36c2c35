//! The kind `Policy`: what must hold for all of some requests, whatever the routes are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compiler::manifest::test::Requests;
use crate::plugins::PLUGINS;
use crate::value::date::Date;
use crate::value::reference::{Ref, RouteKind};

/// A rule that every change keeps, over requests rather than over objects. It is decided for all requests at once, and a violation
/// shows one that breaks it. Requests that meet no route break none.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct PolicySpec {
    /// How much a violation weighs: with an error, the manifests are refused.
    #[serde(default)]
    pub severity: PolicySeverity,
    /// Which requests it is for. The default is all.
    #[serde(default)]
    pub for_all: Requests,
    /// What must hold for them: at least one thing, and all that are given.
    pub require: Require,
    /// Routes that it is not for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1000))]
    pub except: Vec<Exception>,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "severity": "error",
        "forAll": { "methods": ["POST", "PUT", "PATCH", "DELETE"] },
        "require": { "authenticated": true },
        "except": [{ "route": "webhook", "reason": "the body is signed", "until": "2027-01-01" }],
    })
}

/// How much a violation weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PolicySeverity {
    /// The manifests are refused.
    #[default]
    Error,
    /// It is reported, and they are accepted.
    Warning,
    /// It is mentioned.
    Note,
}

/// What must hold for requests that meet a route: all that are given.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1), example = require_example())]
#[expect(clippy::struct_excessive_bools, reason = "each is a field of manifests")]
pub struct Require {
    /// The caller proved who it is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(schema_with = "only_true")]
    pub authenticated: bool,
    /// The client showed a certificate that the gateway accepts.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(schema_with = "only_true")]
    pub client_certificate: bool,
    /// They come over TLS, or the plugin `httpsOnly` runs for them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(schema_with = "only_true")]
    pub https: bool,
    /// They meet no route at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(schema_with = "only_true")]
    pub no_route: bool,
    /// A plugin of each of these names runs for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "plugin_names")]
    pub plugins: Vec<String>,
    /// Their route has each of these labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true), example = serde_json::json!(["owner"]))]
    pub labels: Vec<String>,
}

fn require_example() -> serde_json::Value {
    serde_json::json!({ "authenticated": true })
}

fn only_true(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "boolean", "enum": [true] })
}

fn plugin_names(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let names: Vec<&str> = PLUGINS.iter().map(|plugin| plugin.name).collect();
    schemars::json_schema!({
        "type": "array",
        "items": { "type": "string", "enum": names },
        "uniqueItems": true,
        "examples": [["securityHeaders"]],
    })
}

/// A route that a policy is not for.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = exception_example())]
pub struct Exception {
    /// The route.
    pub route: Ref<RouteKind>,
    /// Why: for those who read it later.
    #[schemars(length(min = 1, max = 1000), example = &"the body is signed")]
    pub reason: String,
    /// The day on which it ends: from then on `gw validate` reports what it allowed. Without one it never ends. A gateway that runs goes
    /// on as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

fn exception_example() -> serde_json::Value {
    serde_json::json!({ "route": "webhook", "reason": "the body is signed", "until": "2027-01-01" })
}
