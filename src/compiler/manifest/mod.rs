//! The table of kinds: a new one is one file with its spec, and one line here.

pub mod api_key;
pub mod certificate;
pub mod environment;
pub mod gateway;
pub mod grant;
pub mod plan;
pub mod policy;
pub mod route;
pub mod test;
pub mod variable;

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use crate::auth::AuthSpec;
use crate::backend::BackendSpec;
use crate::compiler::manifest::api_key::ApiKeySpec;
use crate::compiler::manifest::certificate::CertificateSpec;
use crate::compiler::manifest::environment::EnvironmentSpec;
use crate::compiler::manifest::gateway::GatewaySpec;
use crate::compiler::manifest::grant::GrantSpec;
use crate::compiler::manifest::plan::PlanSpec;
use crate::compiler::manifest::policy::PolicySpec;
use crate::compiler::manifest::route::RouteSpec;
use crate::compiler::manifest::test::TestSpec;
use crate::value::name::Name;

/// The only version of the language.
pub const API_VERSION: &str = "gw/v1";

/// The namespace of objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Who an object is, and what people and tools note about it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Metadata {
    /// The name, unique among the objects of this kind in its namespace.
    pub name: Name,
    /// The namespace; names in references are looked up in it. The default is the one that `Gateway` gives to the folder, else
    /// `default`.
    #[serde(default = "default_namespace")]
    pub namespace: Name,
    /// Facts that other objects may select by, such as `team: geo`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = label_example())]
    pub labels: BTreeMap<String, String>,
    /// Notes for people and tools; the gateway doesn't read them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = annotation_example())]
    pub annotations: BTreeMap<String, String>,
}

fn annotation_example() -> serde_json::Value {
    serde_json::json!({ "runbook": "https://wiki.example/geo" })
}

fn label_example() -> serde_json::Value {
    serde_json::json!({ "team": "geo" })
}

/// The namespace of objects that name none, as a name.
///
/// # Panics
/// Never: the text is a name.
#[expect(clippy::expect_used, reason = "the text is fixed and is a name")]
pub fn default_namespace() -> Name {
    DEFAULT_NAMESPACE.parse().expect("a literal")
}

/// A kind of object, as the schema and the documentation list it.
#[derive(Clone, Copy)]
pub struct KindInfo {
    /// Its name in a manifest.
    pub name: &'static str,
    /// What it is, in one sentence.
    pub summary: &'static str,
    /// The schema of its `spec`.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

/// Why a value is not a spec: what the schema let through, with its place.
pub type SpecError = serde_path_to_error::Error<serde_json::Error>;

/// Makes the sum of all specs and the table of kinds from one line for each.
macro_rules! kinds {
    ($( #[doc = $doc:literal] $kind:ident => $spec:ty ),+ $(,)?) => {
        /// The spec of an object, by its kind.
        #[derive(Clone, Debug)]
        pub enum Spec {
            $( #[doc = $doc] $kind(Box<$spec>), )+
        }

        /// All kinds, in the order in which the manual lists them.
        pub const KINDS: &[KindInfo] = &[
            $( KindInfo {
                name: stringify!($kind),
                summary: $doc,
                schema: <$spec as JsonSchema>::json_schema,
            }, )+
        ];

        impl Spec {
            /// Reads the spec of a kind.
            ///
            /// # Errors
            /// If the value is not a spec of that kind; `misread` tells where. `None` if there is no such kind.
            pub fn read(kind: &str, value: serde_json::Value) -> Option<serde_json::Result<Self>> {
                match kind {
                    $( stringify!($kind) => {
                        Some(serde_json::from_value(value).map(|spec| Self::$kind(Box::new(spec))))
                    } )+
                    _ => None,
                }
            }

            /// Why a value is not a spec of a kind, with its place: keeping the place costs a fifth more, so what is right goes without.
            pub fn misread(kind: &str, value: serde_json::Value) -> Option<SpecError> {
                match kind {
                    $( stringify!($kind) => serde_path_to_error::deserialize::<_, $spec>(value).err(), )+
                    _ => None,
                }
            }

            /// What it says, with every default: two specs that mean the same are the same here, however they were written.
            pub fn to_json(&self) -> serde_json::Value {
                let json = match self {
                    $( Self::$kind(spec) => serde_json::to_value(spec), )+
                };
                json.unwrap_or_default()
            }
        }
    };
}

kinds! {
    /// The listeners, limits and defaults of the whole gateway; there is at most one.
    Gateway => GatewaySpec,
    /// Which requests, what happens to them on the way, and where they end.
    Route => RouteSpec,
    /// Where requests end: servers upstream, or content that needs none.
    Backend => BackendSpec,
    /// How a caller proves who it is.
    Auth => AuthSpec,
    /// One credential of a consumer: who it is, its secret's hash, and what it may call.
    ApiKey => ApiKeySpec,
    /// How much the API keys of a consumption plan may call, and what.
    Plan => PlanSpec,
    /// A certificate with its key, by which a listener proves who it is.
    Certificate => CertificateSpec,
    /// Values of variables and changes of objects for one environment, such as `prod`.
    Environment => EnvironmentSpec,
    /// Which other namespaces may refer to objects of its own.
    Grant => GrantSpec,
    /// What must hold for all of some requests, whatever the routes are.
    Policy => PolicySpec,
    /// Requests, and what must happen to them.
    Test => TestSpec,
}

/// The kind with this name.
pub fn kind(name: &str) -> Option<&'static KindInfo> {
    KINDS.iter().find(|kind| kind.name == name)
}
