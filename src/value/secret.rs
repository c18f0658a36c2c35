//! References to secrets: where a node finds one. The value itself is never part of a manifest, a table or a message.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Where a secret is found, on the node that runs: exactly one of `env` and `file`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum SecretRef {
    /// The name of an environment variable.
    Env(String),
    /// The path of a file, absolute or relative to the working directory of the node. The file is watched: new content is taken
    /// without a restart.
    File(String),
}

/// What a secret is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecretForm {
    /// One line of text, such as a token: line breaks at its end don't count.
    Line,
    /// The whole content as it is, such as a certificate.
    Content,
}

/// A secret that a table names: where it is found, and as what it is read.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Secret {
    /// Where it is found.
    pub reference: SecretRef,
    /// As what it is read.
    pub form: SecretForm,
}

impl SecretRef {
    /// This secret, read as one line.
    pub fn line(&self) -> Secret {
        Secret { reference: self.clone(), form: SecretForm::Line }
    }

    /// This secret, read as a whole.
    pub fn content(&self) -> Secret {
        Secret { reference: self.clone(), form: SecretForm::Content }
    }
}

impl std::fmt::Display for SecretRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::File(path) => write!(f, "file:{path}"),
        }
    }
}

/// The derived schema of an enum is a `oneOf`; this one says the same in plain properties.
impl JsonSchema for SecretRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SecretRef".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "description": "A secret by reference: exactly one of `env` and `file`. A value written here is refused.",
            "x-gw-secret": true,
            "x-gw-security": "which secret is used",
            "properties": {
                "env": {
                    "type": "string",
                    "pattern": "^[A-Za-z_][A-Za-z0-9_]*$",
                    "description": "The name of an environment variable of the node that runs.",
                    "examples": ["UPSTREAM_TOKEN"],
                },
                "file": {
                    "type": "string",
                    "minLength": 1,
                    "description": "The path of a file on the node that runs, absolute or relative to its working directory. It is watched.",
                    "examples": ["/run/secrets/upstream-token"],
                },
            },
            "additionalProperties": false,
            "minProperties": 1,
            // `maxProperties` would say the same, and keep editors from completing the first field
            "not": { "type": "object", "required": ["env", "file"] },
            "examples": [{ "env": "UPSTREAM_TOKEN" }],
        })
    }
}

/// A file of the node that runs and that no environment variable can hold, for it isn't text.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NodeFile {
    /// The path of the file on the node that runs, absolute or relative to its working directory. It is watched.
    #[schemars(length(min = 1), example = &"/run/secrets/site.ocsp")]
    pub file: String,
}

impl NodeFile {
    /// The reference to it.
    pub fn reference(&self) -> SecretRef {
        SecretRef::File(self.file.clone())
    }
}
