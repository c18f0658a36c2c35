//! The rules of the schemas, without what they hold for people: what a manifest is looked at by first.
//!
//! They are read from `schema/rules.json`, which is made from the Rust types as the published schema is. So a gateway whose manifests
//! are right runs none of the code that makes schemas, and holds none of its pages. A rule that is missing here costs time and
//! nothing else: the schema itself decides then.

use serde_json::{Map, Value as Json};

use crate::compiler::manifest::KINDS;
use crate::compiler::schema::of_kind;

/// What is there for people and editors.
const FOR_PEOPLE: &[&str] =
    &["$schema", "title", "description", "default", "examples", "enumDescriptions", "x-gw-noun", "x-gw-secret"];

/// The rules of each kind, by its name.
pub fn read() -> Map<String, Json> {
    serde_json::from_str(include_str!("../../../schema/rules.json")).unwrap_or_default()
}

/// What the file holds: one line for each kind.
pub fn text() -> String {
    let lines: Vec<String> = KINDS.iter().map(|kind| format!("{:?}: {}", kind.name, rules(&of_kind(kind)))).collect();
    format!("{{\n{}\n}}\n", lines.join(",\n"))
}

/// A schema without what is there for people.
fn rules(schema: &Json) -> Json {
    let Json::Object(keywords) = schema else { return schema.clone() };
    let kept = keywords.iter().filter(|(keyword, _)| !FOR_PEOPLE.contains(&keyword.as_str()));
    let rules = kept.map(|(keyword, argument)| {
        let argument = match (keyword.as_str(), argument) {
            ("properties", Json::Object(fields)) => {
                fields.iter().map(|(name, field)| (name.clone(), rules(field))).collect()
            }
            ("items" | "additionalProperties" | "propertyNames" | "not", schema) => rules(schema),
            _ => argument.clone(),
        };
        (keyword.clone(), argument)
    });
    Json::Object(rules.collect())
}
