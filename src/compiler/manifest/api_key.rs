//! The kind `ApiKey`: one credential of a consumer, and what it may call with it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::limits::{Quota, Rate};
use crate::value::api_key::KeyId;
use crate::value::host::HostPattern;
use crate::value::method::Method;
use crate::value::moment::Moment;
use crate::value::network::Network;
use crate::value::path::PathGlob;
use crate::value::reference::{AuthKind, PlanKind, Ref, RouteKind};
use crate::value::sha256::Sha256;

/// One credential of a consumer: who it is, by which secret it is known, and what it may call. `gw apikey new` writes one and prints its
/// key, which is stored nowhere.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example(), extend("x-gw-security" = "who may call with which key"))]
pub struct ApiKeySpec {
    /// The `Auth` that accepts it; of the kind `apiKey`.
    pub auth: Ref<AuthKind>,
    /// The id that stands in the key itself: calls are counted by it. Unique among the keys of an `Auth`.
    pub key_id: KeyId,
    /// The hashes of the secrets that are accepted. A second one with a `notBefore` rotates: until then both are accepted, and from then
    /// on it alone.
    #[schemars(length(min = 1, max = 8))]
    pub secrets: Vec<SecretHash>,
    /// The plan that it is on. The default is none: its calls are not limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Ref<PlanKind>>,
    /// Numbers of its own, each in place of the one of its plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limits: Option<OwnLimits>,
    /// The routes that it may call. The default is every route that its `Auth` guards.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub routes: Vec<Ref<RouteKind>>,
    /// Labels of the routes that it may call: each of them has all of these, or is named in `routes`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "team": "geo" }))]
    pub route_labels: BTreeMap<String, String>,
    /// Which calls of these routes are allowed, and which are refused.
    #[serde(default, skip_serializing_if = "Restrictions::is_none")]
    pub restrictions: Restrictions,
    /// Allows only methods that read: GET, HEAD and OPTIONS.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// From when on it is accepted. The default is from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
    /// From when on it is refused. The default is never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// Whether it is accepted at all; `false` blocks it without forgetting it.
    #[serde(default = "enabled", skip_serializing_if = "Clone::clone")]
    pub enabled: bool,
    /// Who answers for it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), example = &"partners@acme.example")]
    pub owner: Option<String>,
    /// Facts about the consumer, for backends: `${consumer.metadata.NAME}`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = serde_json::json!({ "contract": "C-1042" }))]
    pub metadata: BTreeMap<String, String>,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "auth": "partners",
        "plan": "gold",
        "keyId": "7Qd2mP",
        "secrets": [{ "sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" }],
        "restrictions": { "methods": ["GET"] },
        "expires": "2027-06-30",
    })
}

fn enabled() -> bool {
    true
}

/// Numbers of a key, each in place of the one of its plan.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(extend("minProperties" = 1))]
pub struct OwnLimits {
    /// So many calls per length of time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// So many calls per day and month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<Quota>,
    /// The most calls at once, on each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000), example = 40)]
    pub concurrency: Option<u32>,
}

/// The hash of a secret: exactly one of `sha256` and `tokenSha256`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SecretHash {
    /// The SHA-256 of the secret in a key of this gateway: `gw_<id>_<secret>_<checksum>`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// The SHA-256 of a whole token that comes from elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_sha256: Option<Sha256>,
    /// The moment from which on it alone is accepted. Until then those before it are accepted, too, with a field in the answer that says
    /// until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Moment>,
}

impl SecretHash {
    /// Which hash it may be.
    pub const FORMS: &'static [&'static str] = &["sha256", "tokenSha256"];

    /// Which hash it is; one that is not exactly one is an error that the compiler reports.
    pub fn named(&self) -> Vec<&'static str> {
        let named = [self.sha256.is_some(), self.token_sha256.is_some()];
        Self::FORMS.iter().zip(named).filter(|(_, named)| *named).map(|(name, _)| *name).collect()
    }
}

/// Which calls are allowed: all that is given holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Restrictions {
    /// The methods that are allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub methods: Vec<Method>,
    /// The paths that are allowed; a last `/**` means everything below.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub paths: Vec<PathGlob>,
    /// The hosts that are allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub hosts: Vec<HostPattern>,
    /// The networks that the client may call from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub networks: Vec<Network>,
    /// What is refused of all that: calls for which everything given here holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny: Option<Denied>,
}

impl Restrictions {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Calls that are refused: all that is given holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[schemars(extend("minProperties" = 1))]
pub struct Denied {
    /// Calls with these methods.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub methods: Vec<Method>,
    /// Calls of these paths.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub paths: Vec<PathGlob>,
    /// Calls to these hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub hosts: Vec<HostPattern>,
    /// Calls from these networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("uniqueItems" = true))]
    pub networks: Vec<Network>,
}
