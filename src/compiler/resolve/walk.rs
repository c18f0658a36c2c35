//! Finds the references and file names of an object by its schema, without knowing its spec: `x-gw-ref` and `x-gw-asset`.

use std::sync::LazyLock;

use serde_json::Value as Json;

use crate::compiler::manifest::KINDS;
use crate::compiler::object::Object;
use crate::compiler::schema::{properties, rules};
use crate::compiler::syntax::{Node, Value};

/// What a string of a manifest stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Marked {
    /// The name of an object of this kind.
    Reference(&'static str),
    /// The path of a file or folder.
    Asset,
}

/// The marked strings of an object: what each is, its JSON pointer, its text.
pub fn marked(object: &Object) -> Vec<(Marked, String, String)> {
    marked_in(object.address.kind, &object.root)
}

/// The same of a document that is no object yet.
pub fn marked_in(kind: &str, root: &Node) -> Vec<(Marked, String, String)> {
    let mut found = Vec::new();
    if let Some((_, marks)) = MARKS.iter().find(|(name, _)| *name == kind) {
        collect(marks, root, &mut String::new(), &mut found);
    }
    found
}

/// The parts of a schema that lead to marks.
enum Marks {
    Here(Marked),
    Fields(Vec<(String, Marks)>),
    Items(Box<Marks>),
    Values(Box<Marks>),
}

static MARKS: LazyLock<Vec<(&'static str, Marks)>> = LazyLock::new(|| {
    let rules = rules::read();
    KINDS.iter().filter_map(|kind| Some((kind.name, prune(rules.get(kind.name)?)?))).collect()
});

fn prune(schema: &Json) -> Option<Marks> {
    if let Some(name) = schema.get("x-gw-ref").and_then(Json::as_str) {
        return KINDS.iter().find(|kind| kind.name == name).map(|kind| Marks::Here(Marked::Reference(kind.name)));
    }
    if schema.get("x-gw-asset").is_some() {
        return Some(Marks::Here(Marked::Asset));
    }
    if let Some(properties) = properties(schema) {
        let fields: Vec<_> =
            properties.iter().filter_map(|(name, field)| Some((name.clone(), prune(field)?))).collect();
        return (!fields.is_empty()).then_some(Marks::Fields(fields));
    }
    if let Some(items) = schema.get("items") {
        return prune(items).map(|marks| Marks::Items(Box::new(marks)));
    }
    schema.get("additionalProperties").and_then(prune).map(|marks| Marks::Values(Box::new(marks)))
}

fn collect(marks: &Marks, node: &Node, pointer: &mut String, found: &mut Vec<(Marked, String, String)>) {
    match (marks, &node.value) {
        (Marks::Here(mark), Value::String(text)) => found.push((*mark, pointer.clone(), text.to_string())),
        (Marks::Fields(fields), Value::Mapping(_)) => {
            for (name, marks) in fields {
                if let Some(child) = node.get(name) {
                    within(marks, child, pointer, name, found);
                }
            }
        }
        (Marks::Items(marks), Value::Sequence(items)) => {
            for (i, item) in items.iter().enumerate() {
                within(marks, item, pointer, &i.to_string(), found);
            }
        }
        (Marks::Values(marks), Value::Mapping(entries)) => {
            for entry in entries {
                within(marks, &entry.value, pointer, &entry.key.replace('~', "~0").replace('/', "~1"), found);
            }
        }
        _ => {}
    }
}

fn within(marks: &Marks, node: &Node, pointer: &mut String, segment: &str, found: &mut Vec<(Marked, String, String)>) {
    let length = pointer.len();
    pointer.push('/');
    pointer.push_str(segment);
    collect(marks, node, pointer, found);
    pointer.truncate(length);
}
