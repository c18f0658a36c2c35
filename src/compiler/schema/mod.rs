//! The JSON Schema of the language, made from the Rust types: whole for editors, one for each kind for the compiler.
//!
//! It is draft-07 and holds no `oneOf` or `anyOf`: those are what make a validator say "not valid under any of the
//! given schemas" instead of naming the mistake, and editors complete only some of the fields.

pub mod rules;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema as _, Schema};
use serde_json::{Map, Value, json};

use crate::compiler::manifest::{API_VERSION, KINDS, KindInfo, Metadata, kind};

/// The name by which manifests and editors find the schema.
pub const SCHEMA_ID: &str = "urn:gw:schema:v1";

/// The schema of a whole manifest, for editors: `kind` decides what `spec` is.
pub fn published() -> Value {
    let mut generator = settings(false).into_generator();
    let metadata = json!({
        "description": "Who the object is, and what people and tools note about it.",
        "allOf": [generator.subschema_for::<Metadata>()],
    });
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    let branches: Vec<Value> = KINDS
        .iter()
        .map(|kind| {
            let spec = (kind.schema)(&mut generator);
            json!({
                "if": { "properties": { "kind": { "const": kind.name } }, "required": ["kind"] },
                "then": { "properties": { "spec": spec } },
            })
        })
        .collect();
    let mut definitions = generator.take_definitions(true);
    definitions.values_mut().for_each(yield_to_field);
    definitions.values_mut().for_each(offer_the_only_field);
    // Without a description of its own, so that the one of the kind is shown.
    let any_spec = json!({});
    let mut schema = Schema::try_from(envelope(&kinds, &metadata, &any_spec)).unwrap_or_default();
    schema.insert("$id".into(), SCHEMA_ID.into());
    schema.insert("title".into(), "A gw manifest".into());
    schema.insert("allOf".into(), branches.into());
    schema.insert("definitions".into(), Value::Object(definitions));
    simplify(&mut schema);
    schema.to_value()
}

/// Editors show the description of what a field refers to in place of the field's own, so the former becomes a comment.
fn yield_to_field(definition: &mut Value) {
    if let Some(definition) = definition.as_object_mut()
        && let Some(description) = definition.remove("description")
    {
        definition.insert("$comment".into(), description);
    }
}

/// Editors count the field that is being typed: in an object that holds at most one they would offer none. The compiler still says
/// where there are two.
fn offer_the_only_field(definition: &mut Value) {
    if let Some(definition) =
        definition.as_object_mut().filter(|definition| definition.get("maxProperties") == Some(&json!(1)))
    {
        definition.remove("maxProperties");
    }
}

/// The schema of one kind, with everything in place of references: what the compiler checks against.
pub fn of_kind(kind: &KindInfo) -> Value {
    let mut generator = settings(true).into_generator();
    let metadata = Metadata::json_schema(&mut generator);
    let spec = (kind.schema)(&mut generator);
    let whole = envelope(&[kind.name], &metadata.to_value(), &spec.to_value());
    let mut schema = Schema::try_from(whole).unwrap_or_default();
    simplify(&mut schema);
    schema.to_value()
}

fn settings(inline: bool) -> SchemaSettings {
    SchemaSettings::draft07().with(|settings| settings.inline_subschemas = inline)
}

fn envelope(kinds: &[&str], metadata: &Value, spec: &Value) -> Value {
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "type": "object",
        "properties": {
            "apiVersion": { "type": "string", "enum": [API_VERSION], "description": "The version of the language." },
            "kind": {
                "type": "string",
                "enum": kinds,
                "enumDescriptions": KINDS.iter().filter(|k| kinds.contains(&k.name)).map(|k| k.summary.trim()).collect::<Vec<_>>(),
                "description": "The kind of object; it decides what `spec` holds.",
            },
            "metadata": metadata,
            "spec": spec,
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": false,
    })
}

/// Brings what schemars derives into the shapes that give good errors and completion.
fn simplify(schema: &mut Schema) {
    RecursiveTransform(absent_not_null).transform(schema);
    RecursiveTransform(plain_enum).transform(schema);
    RecursiveTransform(single_reference).transform(schema);
    RecursiveTransform(drop_machine_formats).transform(schema);
    RecursiveTransform(absent_is_false).transform(schema);
    RecursiveTransform(no_empty_list).transform(schema);
    RecursiveTransform(example_by_type).transform(schema);
}

/// An optional field may be left out, but not set to `null`.
fn absent_not_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            schema.insert("type".into(), only);
        }
    }
    if let Some(Value::Array(mut branches)) = schema.remove("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        merge(schema, branches);
    }
    if schema.get("default") == Some(&Value::Null) {
        schema.remove("default");
    }
}

/// A choice of constants with descriptions becomes one `enum`, with the descriptions beside it.
fn plain_enum(schema: &mut Schema) {
    let Some(Value::Array(branches)) = schema.get("oneOf") else { return };
    let constants: Option<Vec<Value>> = branches.iter().map(|branch| branch.get("const").cloned()).collect();
    let Some(constants) = constants else { return };
    let descriptions: Vec<Value> =
        branches.iter().map(|branch| branch.get("description").cloned().unwrap_or_default()).collect();
    schema.remove("oneOf");
    schema.insert("type".into(), "string".into());
    schema.insert("enum".into(), constants.into());
    schema.insert("enumDescriptions".into(), descriptions.into());
}

/// `allOf` of one inline schema, which draft-07 needs only beside `$ref`, is that schema.
fn single_reference(schema: &mut Schema) {
    if let Some(Value::Array(branches)) = schema.get("allOf")
        && let [only] = branches.as_slice()
        && only.get("$ref").is_none()
        && only.get("if").is_none()
    {
        let only = only.clone();
        schema.remove("allOf");
        merge(schema, vec![only]);
    }
}

/// `uint32` and the like say nothing that the range doesn't.
fn drop_machine_formats(schema: &mut Schema) {
    let machine = |format: &Value| format.as_str().is_some_and(|f| f.starts_with("uint") || f.starts_with("int"));
    if schema.get("format").is_some_and(machine) {
        schema.remove("format");
    }
}

/// schemars names no default that serde leaves out when it writes; a boolean that may be left out is false then.
fn absent_is_false(schema: &mut Schema) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|n| n == name));
    let Some(Value::Object(fields)) = schema.get_mut("properties") else { return };
    for (_, field) in fields.iter_mut().filter(|(name, _)| !is_required(name)) {
        if field.get("type") == Some(&json!("boolean")) && field.get("default").is_none() {
            field["default"] = false.into();
        }
    }
}

/// An empty list could be read as "everything" or as "nothing": leaving the field out says which.
fn no_empty_list(schema: &mut Schema) {
    if schema.get("type") == Some(&json!("array")) && schema.get("minItems").is_none() {
        schema.insert("minItems".into(), 1.into());
    }
}

/// What has few values, and a list of what has an example, needs no example of its own in the Rust type.
fn example_by_type(schema: &mut Schema) {
    if schema.get("examples").is_some() {
        return;
    }
    let default = schema.get("default");
    let mut choices = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
    let example = match schema.get("type").and_then(Value::as_str) {
        _ if schema.get("enum").is_some() => choices.clone().find(|c| Some(*c) != default).or(choices.next()).cloned(),
        Some("boolean") => Some((default != Some(&json!(true))).into()),
        Some("array") => {
            let items = schema.get("items").and_then(|items| items.get("examples").or_else(|| items.get("enum")));
            items.and_then(Value::as_array).and_then(|items| items.first()).map(|first| json!([first]))
        }
        Some("integer" | "number") => default.cloned(),
        _ => None,
    };
    if let Some(example) = example {
        schema.insert("examples".into(), vec![example].into());
    }
}

/// Puts a branch into the schema that held it; what the schema says itself stays.
fn merge(schema: &mut Schema, mut branches: Vec<Value>) {
    match (branches.len(), branches.pop()) {
        (1, Some(Value::Object(branch))) if !branch.contains_key("$ref") => {
            let own = std::mem::replace(schema.ensure_object(), branch);
            schema.ensure_object().extend(own);
        }
        (1, Some(branch)) => {
            schema.insert("allOf".into(), vec![branch].into());
        }
        (_, Some(last)) => {
            branches.push(last);
            schema.insert("anyOf".into(), branches.into());
        }
        (_, None) => {}
    }
}

/// A schema as it is written to a file.
pub fn text(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// The properties of an object's schema.
pub fn properties(schema: &Value) -> Option<&Map<String, Value>> {
    schema.get("properties").and_then(Value::as_object)
}

/// The schema that a JSON pointer into a document leads to.
pub fn at<'s>(schema: &'s Value, pointer: &str) -> Option<&'s Value> {
    pointer.split('/').skip(1).try_fold(schema, |schema, segment| {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        properties(schema)
            .and_then(|properties| properties.get(&segment))
            .or_else(|| schema.get("items").filter(|_| segment.bytes().all(|b| b.is_ascii_digit())))
            .or_else(|| schema.get("additionalProperties").filter(|more| more.is_object()))
    })
}

/// The schema of the kind with this name.
pub fn named(name: &str) -> Option<Value> {
    kind(name).map(of_kind)
}

#[cfg(test)]
mod tests {
    use super::{at, of_kind, published};
    use crate::compiler::manifest::KINDS;

    #[test]
    fn no_branches_that_make_bad_errors() {
        let branches = ["oneOf", "anyOf"];
        assert_eq!(keywords(&published(), &branches), [] as [&str; 0]);
        for kind in KINDS {
            assert_eq!(keywords(&of_kind(kind), &["oneOf", "anyOf", "$ref"]), [] as [&str; 0], "{}", kind.name);
        }
    }

    /// Which keywords a schema uses; the names of fields are none.
    fn keywords<'k>(schema: &serde_json::Value, wanted: &[&'k str]) -> Vec<&'k str> {
        let own = wanted.iter().copied().filter(|keyword| schema.get(keyword).is_some());
        let within = |(name, value): (&String, &serde_json::Value)| match name.as_str() {
            "examples" | "default" | "enum" | "required" => Vec::new(),
            "properties" | "definitions" => {
                value.as_object().into_iter().flatten().flat_map(|(_, field)| keywords(field, wanted)).collect()
            }
            _ => keywords(value, wanted),
        };
        let below = schema.as_object().into_iter().flatten().flat_map(within);
        let items = schema.as_array().into_iter().flatten().flat_map(|item| keywords(item, wanted));
        own.chain(below).chain(items).collect()
    }

    #[test]
    fn every_field_has_a_description() {
        fn walk(schema: &serde_json::Value, path: &str, missing: &mut Vec<String>) {
            for (name, field) in super::properties(schema).into_iter().flatten() {
                let here = format!("{path}/{name}");
                if field.get("description").and_then(|d| d.as_str()).is_none_or(str::is_empty) {
                    missing.push(here.clone());
                }
                walk(field, &here, missing);
                if let Some(items) = field.get("items") {
                    walk(items, &here, missing);
                }
            }
        }
        let mut missing = Vec::new();
        for kind in KINDS {
            walk(at(&of_kind(kind), "/spec").unwrap(), kind.name, &mut missing);
        }
        assert_eq!(missing, [] as [String; 0]);
    }

    #[test]
    fn every_value_has_an_example_and_no_list_is_empty() {
        fn walk(schema: &serde_json::Value, path: &str, wrong: &mut Vec<String>) {
            let fields = super::properties(schema);
            let items = schema.get("items").filter(|items| super::properties(items).is_some());
            if fields.is_none() && items.is_none() && schema.get("examples").is_none() {
                wrong.push(format!("{path} has no example"));
            }
            if schema.get("type").is_some_and(|t| t == "array") && schema.get("minItems").is_none_or(|n| n == 0) {
                wrong.push(format!("{path} may be empty"));
            }
            fields.into_iter().flatten().for_each(|(name, field)| walk(field, &format!("{path}/{name}"), wrong));
            if let Some(items) = items {
                walk(items, path, wrong);
            }
        }
        let mut wrong = Vec::new();
        for kind in KINDS {
            let schema = of_kind(kind);
            walk(at(&schema, "/spec").unwrap(), kind.name, &mut wrong);
            walk(at(&schema, "/metadata").unwrap(), "metadata", &mut wrong);
        }
        assert_eq!(wrong, [] as [String; 0]);
    }
}
