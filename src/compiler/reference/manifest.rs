//! A manifest to start from: the least that is valid, and as comments what else it may say, from the schema.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::compiler::manifest::{API_VERSION, KINDS, KindInfo};
use crate::compiler::quote::{flow, listed, quoted};
use crate::compiler::reference::examples::of_kind;
use crate::compiler::resolve::UNKNOWN_NAME;
use crate::compiler::schema::{named, properties};
use crate::compiler::{Manifests, SourceFile, compile};
use crate::diagnostic::{Diagnostic, Severity};
use crate::pipeline::assets::{ASSET, Assets};
use crate::value::did_you_mean::did_you_mean;
use crate::value::name::Name;

/// Comments are no longer than this.
const WIDTH: usize = 100;

/// A manifest to start from.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its text.
    pub text: String,
    /// The objects that it refers to: the kind and the name of each.
    pub refers_to: Vec<(String, String)>,
}

/// The manifest of a kind, whose name may be in any case.
///
/// # Errors
/// If there is no such kind; says which one may be meant.
pub fn manifest(kind: &str, name: &Name) -> Result<Written, String> {
    let names: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let found: Option<&KindInfo> = KINDS.iter().find(|info| info.name.eq_ignore_ascii_case(kind));
    let Some(info) = found else {
        let near = did_you_mean(&kind.to_ascii_lowercase(), names.iter().copied());
        let hint =
            near.map_or_else(|| format!("the kinds are {}", listed(&names)), |near| format!("did you mean `{near}`?"));
        return Err(format!("there is no kind `{}`, {hint}", kind.escape_debug()));
    };
    let example = of_kind(info.name).get("spec").cloned().unwrap_or_default();
    let spec = least(&example, info.name, name);
    let schema = named(info.name).unwrap_or_default();
    let schema = schema.pointer("/properties/spec").unwrap_or(&Value::Null);
    let mut text = comment(info.summary.trim(), "");
    let (kind, name) = (info.name, quoted(name.as_str()));
    // Writing into a string cannot fail: the results of `write!` hold nothing.
    let _ = writeln!(text, "apiVersion: {API_VERSION}\nkind: {kind}\nmetadata:\n  name: {name}");
    let mut says = String::new();
    fields(schema, &spec, &example, &mut says);
    if spec == json!({}) {
        says.lines().for_each(|line| text.extend([line.strip_prefix("  ").unwrap_or(line), "\n"]));
        text.push_str("spec: {}\n");
    } else {
        text.push_str("spec:\n");
        text.push_str(&says);
    }
    let mut refers_to = Vec::new();
    references(schema, &spec, &mut refers_to);
    Ok(Written { text, refers_to })
}

/// The least that is valid and says anything: the example of the kind, as long as something can be left out of it.
fn least(example: &Value, kind: &str, name: &Name) -> Value {
    let mut spec = example.clone();
    let says = |spec: &Value| spec.as_object().is_some_and(|fields| !fields.is_empty());
    // all that an environment can say is about other objects
    if !is_valid(kind, name, &spec) && is_valid(kind, name, &json!({})) {
        return json!({});
    }
    while let Some(smaller) =
        places(&spec, "").into_iter().rev().find_map(|place| without(&spec, &place, kind, name).filter(says))
    {
        spec = smaller;
    }
    spec
}

/// The pointers to all fields and items, outer ones first.
fn places(value: &Value, at: &str) -> Vec<String> {
    let parts: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(i, value)| (format!("{at}/{i}"), value)).collect(),
        _ => Vec::new(),
    };
    let inner = parts.iter().flat_map(|(at, value)| places(value, at)).collect::<Vec<_>>();
    parts.into_iter().map(|(at, _)| at).chain(inner).collect()
}

/// The spec without one of its parts, if it is still valid.
fn without(spec: &Value, place: &str, kind: &str, name: &Name) -> Option<Value> {
    let mut spec = spec.clone();
    let (around, last) = place.rsplit_once('/')?;
    match spec.pointer_mut(around)? {
        Value::Object(fields) => drop(fields.shift_remove(last)?),
        Value::Array(items) => drop(items.remove(last.parse().ok()?)),
        _ => return None,
    }
    is_valid(kind, name, &spec).then_some(spec)
}

/// Whether nothing is wrong with it but that what it refers to is not there.
fn is_valid(kind: &str, name: &Name, spec: &Value) -> bool {
    let manifest = json!({ "apiVersion": API_VERSION, "kind": kind, "metadata": { "name": name }, "spec": spec });
    let file = SourceFile { path: String::new(), shown: String::new(), bytes: manifest.to_string().into_bytes() };
    // an environment is looked at as the one that is chosen
    let compiled = compile(Manifests::read(vec![file]).parse(Some(name.as_str())), &Assets::new());
    let is_elsewhere = |problem: &Diagnostic| problem.code == &UNKNOWN_NAME || problem.code == &ASSET;
    compiled.diagnostics.iter().all(|problem| problem.severity != Severity::Error || is_elsewhere(problem))
}

/// Each field with what it means: those of the spec as they are, the others as comments.
fn fields(schema: &Value, spec: &Value, example: &Value, text: &mut String) {
    for (name, field) in properties(schema).into_iter().flatten() {
        let meaning = field.get("description").and_then(Value::as_str).unwrap_or_default();
        text.push_str(&comment(meaning, "  "));
        match spec.get(name) {
            Some(value) => write(name, value, "  ", text),
            None => write(name, &example.get(name).cloned().unwrap_or_else(|| shown(field)), "  # ", text),
        }
    }
}

/// A field in one line, or in one for each part of it.
fn write(name: &str, value: &Value, before: &str, text: &mut String) {
    let line = format!("{before}{name}: {}", flow(value));
    match value {
        Value::Object(parts) if line.len() > WIDTH => {
            let _ = writeln!(text, "{before}{name}:");
            parts.iter().for_each(|(name, part)| write(name, part, &format!("{before}  "), text));
        }
        Value::Array(items) if line.len() > WIDTH => {
            let _ = writeln!(text, "{before}{name}:");
            for item in items {
                text.extend([before, "  - ", &flow(item), "\n"]);
            }
        }
        _ => {
            let _ = writeln!(text, "{line}");
        }
    }
}

/// A value that a field may have.
fn shown(schema: &Value) -> Value {
    let empty = |value: &Value| value.as_object().is_some_and(Map::is_empty);
    let example = schema.get("examples").and_then(|all| all.get(0)).or_else(|| schema.get("default"));
    let has_parts = schema.get("items").is_some() || properties(schema).is_some_and(|parts| !parts.is_empty());
    if let Some(example) = example.filter(|example| !(has_parts && empty(example))) {
        return example.clone();
    }
    if let Some(items) = schema.get("items") {
        return json!([shown(items)]);
    }
    let first = properties(schema).and_then(|parts| parts.iter().next());
    first.map_or_else(|| json!({}), |(name, part)| json!({ name: shown(part) }))
}

/// A text as comments, wrapped.
fn comment(meaning: &str, indent: &str) -> String {
    let mut lines = vec![format!("{indent}#")];
    for word in meaning.split_whitespace() {
        let line = lines.last_mut().filter(|line| line.len() + 1 + word.len() <= WIDTH);
        match line {
            Some(line) => line.extend([" ", word]),
            None => lines.push(format!("{indent}# {word}")),
        }
    }
    lines.join("\n") + "\n"
}

fn references(schema: &Value, value: &Value, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(values) => {
            for (name, value) in values {
                if let Some(field) = properties(schema).and_then(|fields| fields.get(name)) {
                    references(field, value, found);
                }
            }
        }
        Value::Array(items) => {
            let item = schema.get("items").unwrap_or(&Value::Null);
            for value in items {
                references(item, value, found);
            }
        }
        Value::String(name) => {
            let kind = schema.get("x-gw-ref").and_then(Value::as_str);
            found.extend(kind.map(|kind| (kind.to_owned(), name.clone())));
        }
        _ => {}
    }
}
