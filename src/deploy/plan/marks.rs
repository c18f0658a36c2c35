//! What the schema says of a field that a plan has to know: whether it is a secret, decides who an object is, or matters for security.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use crate::compiler::manifest::KINDS;
use crate::compiler::schema::{of_kind, properties};

/// What stands in place of a value that must not be shown.
pub(super) const HIDDEN: &str = "(hidden)";

static SCHEMAS: LazyLock<Vec<(&'static str, Json)>> =
    LazyLock::new(|| KINDS.iter().map(|kind| (kind.name, of_kind(kind))).collect());

/// A field as its schema knows it.
#[derive(Clone, Copy)]
pub(super) struct Known<'s> {
    /// The schema; `None` for what no schema describes.
    schema: Option<&'s Json>,
    /// What it or something around it decides for security.
    security: Option<&'s str>,
}

impl Known<'static> {
    /// A whole manifest of a kind.
    pub fn manifest(kind: &str) -> Self {
        Self::at(SCHEMAS.iter().find(|(name, _)| *name == kind).map(|(_, schema)| schema), None)
    }
}

impl<'s> Known<'s> {
    fn at(schema: Option<&'s Json>, around: Option<&'s str>) -> Self {
        Self { schema, security: schema.and_then(security).or(around) }
    }

    /// A field of an object.
    pub fn field(&self, name: &str) -> Self {
        let schema = self.schema.and_then(|schema| {
            let more = || schema.get("additionalProperties").filter(|more| more.is_object());
            properties(schema).and_then(|fields| fields.get(name)).or_else(more)
        });
        Self::at(schema, self.security)
    }

    /// The items of a list.
    pub fn item(&self) -> Self {
        Self::at(self.schema.and_then(|schema| schema.get("items")), self.security)
    }

    /// Whether it is a secret, which is shown as its reference.
    pub fn is_secret(&self) -> bool {
        self.has("x-gw-secret")
    }

    /// Whether its object becomes another one with it: a value by changing, an object by having other fields.
    pub fn is_identity(&self) -> bool {
        self.has("x-gw-identity")
    }

    /// What it, or a part of it that is there, decides for security.
    pub fn security(&self, value: &Json) -> Option<&'s str> {
        self.security.or_else(|| match value {
            Json::Object(fields) => fields.iter().find_map(|(name, value)| self.field(name).security(value)),
            Json::Array(items) => items.iter().find_map(|item| self.item().security(item)),
            _ => None,
        })
    }

    /// The value as it may be shown: secrets as references, and nothing of what no schema describes, which may be anything.
    pub fn redact(&self, value: &Json) -> Json {
        match value {
            _ if self.is_secret() => reference(value).map_or_else(|| HIDDEN.into(), Json::from),
            _ if self.schema.is_none() => HIDDEN.into(),
            Json::Object(fields) => {
                let shown = |(name, value): (&String, &Json)| (name.clone(), self.field(name).redact(value));
                Json::Object(fields.iter().map(shown).collect::<Map<_, _>>())
            }
            Json::Array(items) => items.iter().map(|item| self.item().redact(item)).collect(),
            plain => plain.clone(),
        }
    }

    fn has(&self, mark: &str) -> bool {
        self.schema.is_some_and(|schema| schema.get(mark).is_some())
    }
}

fn security(schema: &Json) -> Option<&str> {
    schema.get("x-gw-security").and_then(Json::as_str)
}

/// A secret by its reference, such as `env:TOKEN`; `None` if it is no reference, and so may be the secret itself.
fn reference(value: &Json) -> Option<String> {
    let fields = value.as_object()?;
    let mut fields = fields.iter();
    let (name, value) = fields.next()?;
    let known = matches!(name.as_str(), "env" | "file") && fields.next().is_none();
    known.then(|| value.as_str().map(|value| format!("{name}:{value}")))?
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::Known;

    #[test]
    fn secrets_are_shown_as_references_and_never_as_values() {
        let spec = Known::manifest("Route").field("spec");
        let shown = |secret| {
            let plugins = json!({ "plugins": [{ "requestHeaders": { "setSecret": { "x-key": secret } } }] });
            spec.redact(&plugins).pointer("/plugins/0/requestHeaders/setSecret/x-key").unwrap().clone()
        };
        assert_eq!(shown(json!({ "env": "TOKEN" })), "env:TOKEN");
        assert_eq!(shown(json!({ "file": "/run/x" })), "file:/run/x");
        assert_eq!(shown(json!("hunter2")), "(hidden)");
        assert_eq!(shown(json!({ "value": "hunter2" })), "(hidden)");
        assert_eq!(shown(json!({ "env": "A", "value": "hunter2" })), "(hidden)");
        assert_eq!(spec.redact(&json!({ "pasword": "hunter2" })), json!({ "pasword": "(hidden)" }));
    }
}
