//! The variables that a `Gateway` declares: their names, types and defaults.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::value::Scalar as _;
use crate::value::duration::Duration;
use crate::value::folder::FolderPath;
use crate::value::host::HostName;
use crate::value::name::Name;
use crate::value::size::Size;
use crate::value::url::TargetUrl;
use crate::value::variable::VariableName;

/// A variable, which `${var.NAME}` in a value of any manifest stands for.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = variable_example())]
pub struct Variable {
    /// Its name.
    pub name: VariableName,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: VariableType,
    /// Its value in environments that give it none. Without a default each environment in which it is used gives it a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Given>,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = "The server of the maps.")]
    pub description: Option<String>,
}

fn variable_example() -> Json {
    serde_json::json!({ "name": "geoHost", "type": "host", "default": "geo.internal" })
}

/// What the values of a variable are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum VariableType {
    /// A text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A length of time, such as `30s`.
    Duration,
    /// A size in bytes, such as `10MiB`.
    Size,
    /// The name of a host.
    Host,
    /// The URL of a server.
    Url,
}

impl VariableType {
    /// What a value is, with its article.
    pub fn noun(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Boolean => "a boolean",
            Self::Duration => "a duration",
            Self::Size => "a size",
            Self::Host => "a host",
            Self::Url => "a URL",
        }
    }

    /// The format of its texts, if they have one.
    pub fn format(self) -> Option<&'static str> {
        match self {
            Self::String | Self::Integer | Self::Boolean => None,
            Self::Duration => Some(Duration::FORMAT),
            Self::Size => Some(Size::FORMAT),
            Self::Host => Some(HostName::FORMAT),
            Self::Url => Some(TargetUrl::FORMAT),
        }
    }
}

/// The value of a variable: of the type that its declaration says.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Given(Json);

impl JsonSchema for Given {
    fn schema_name() -> Cow<'static, str> {
        "VariableValue".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A value of the type that the variable is declared with.",
            "examples": ["geo.internal", 8, true],
        })
    }
}

/// A folder whose manifests are in a namespace.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[schemars(example = namespace_example())]
pub struct NamespaceFolder {
    /// The namespace of all objects in the folder; no object outside of it is in this namespace.
    pub name: Name,
    /// The folder; of two that hold a manifest the inner one decides.
    pub folder: FolderPath,
    /// Who looks after it, for people: named where another namespace lacks a grant.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(example = owners_example())]
    pub owners: Vec<String>,
}

fn namespace_example() -> Json {
    serde_json::json!({ "name": "geo", "folder": "teams/geo", "owners": ["@geo"] })
}

fn owners_example() -> Json {
    serde_json::json!(["@geo"])
}
