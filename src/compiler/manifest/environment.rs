//! The kind `Environment`: what one environment has of its own. The compiler applies it before it checks anything else.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::compiler::manifest::variable::Given;
use crate::compiler::manifest::{KINDS, default_namespace};
use crate::value::Scalar as _;
use crate::value::name::Name;
use crate::value::variable::VariableName;

/// What one environment has of its own: values of variables, and changes of objects. It is chosen by its name with `--env` or
/// `GW_ENV`; where there is none, nothing needs to be chosen.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = example())]
pub struct EnvironmentSpec {
    /// The values of variables that the `Gateway` declares, by their names. A variable without a value here has its default.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(example = values_example(), extend("propertyNames" = { "format": VariableName::FORMAT }))]
    pub variables: BTreeMap<VariableName, Given>,
    /// Changes of single objects, applied in this order. Variables may stand in them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub patches: Vec<Patch>,
}

fn example() -> Json {
    serde_json::json!({ "patches": [patch_example()] })
}

fn values_example() -> Json {
    serde_json::json!({ "geoHost": "geo.prod.internal" })
}

/// A change of one object.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = patch_example())]
pub struct Patch {
    /// The kind of the object.
    #[schemars(schema_with = "patched_kind")]
    pub kind: String,
    /// The name of the object.
    pub name: Name,
    /// The namespace of the object.
    #[serde(default = "default_namespace")]
    pub namespace: Name,
    /// What is other than in the object: mappings are merged field by field, the plugins of a route by their ids, any other
    /// list or value takes the place of the one that was there, and `null` removes a field. Names of files are relative to
    /// the manifest of the object.
    #[schemars(schema_with = "any_object")]
    pub spec: serde_json::Map<String, Json>,
}

fn patch_example() -> Json {
    serde_json::json!({ "kind": "Gateway", "name": "edge", "spec": { "limits": { "connections": 20000 } } })
}

fn patched_kind(_: &mut SchemaGenerator) -> Schema {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).filter(|kind| *kind != "Environment").collect();
    json_schema!({ "type": "string", "enum": kinds, "examples": ["Backend"] })
}

fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "examples": [{ "http": { "timeouts": { "firstByte": "5s" } } }] })
}
