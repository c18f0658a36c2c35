//! Values of another type than their field: what was probably meant, and how it is written.

use jsonschema::error::TypeKind;
use serde_json::Value as Json;

use crate::compiler::check::codes::{LITERAL_SECRET, WRONG_TYPE};
use crate::compiler::check::explain::{Reader, choices, example, scalar_error, subject};
use crate::compiler::quote::{listed, quoted};
use crate::compiler::schema;
use crate::compiler::syntax::{Node, Value};
use crate::diagnostic::Diagnostic;
use crate::value::ScalarError;

impl Reader<'_> {
    /// A value of the wrong type; nothing where that follows from another mistake.
    pub(super) fn wrong_type(&self, pointer: &str, kind: &TypeKind) -> Option<Diagnostic> {
        let node = self.root.pointer(pointer)?;
        if node.value == Value::Null && self.is_owner(pointer) {
            return None;
        }
        if schema::at(self.schema, pointer)?.get("x-gw-secret").is_some() {
            return Some(literal_secret(pointer, node));
        }
        let expected = match kind {
            TypeKind::Single(name) => name.to_string(),
            TypeKind::Multiple(_) => "value of another type".to_owned(),
        };
        let shown = match expected.as_str() {
            "array" => "a list".to_owned(),
            other if other.starts_with(['a', 'i', 'o']) => format!("an {other}"),
            other => format!("a {other}"),
        };
        let message = format!("{} is {shown}, not {}", subject(pointer), node.kind_name());
        let diagnostic = Diagnostic::new(&WRONG_TYPE, message).at(self.value_place(pointer, node), "");
        let wrong = Wrong {
            node,
            field: pointer.rsplit('/').next().unwrap_or_default(),
            schema: schema::at(self.schema, pointer)?,
        };
        Some(match (expected.as_str(), &node.value) {
            ("string", Value::Integer(_) | Value::Float(_) | Value::Bool(_)) => wrong.string_wanted(diagnostic),
            ("boolean", Value::String(text)) => wrong.boolean_wanted(diagnostic, text),
            ("integer", Value::String(text)) => wrong.integer_wanted(diagnostic, text),
            ("integer", Value::Float(_)) => diagnostic.help("write a whole number"),
            ("array", _) => wrong.list_wanted(diagnostic),
            ("object", _) => wrong.object_wanted(diagnostic),
            _ => wrong.by_example(diagnostic),
        })
    }
}

/// A secret that is written out. The place of the value comes first: `parse` hides what stands there.
fn literal_secret(pointer: &str, node: &Node) -> Diagnostic {
    let field = pointer.rsplit('/').next().unwrap_or_default();
    let name: String =
        field.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    Diagnostic::new(
        &LITERAL_SECRET,
        format!("{} is a secret: it is given by reference, never written out", subject(pointer)),
    )
    .at(node.span, "hidden")
    .help(format!(
        "write `{{ env: {name} }}` or `{{ file: path }}`, and replace the secret if it has left your machine"
    ))
    .fix("take it from the environment", node.span, format!("{{ env: {name} }}"))
}

/// A value of the wrong type, the last step to it, and the schema of what is wanted.
struct Wrong<'a> {
    node: &'a Node,
    field: &'a str,
    schema: &'a Json,
}

impl Wrong<'_> {
    /// A number or boolean where a text is wanted: with quotes it may be right, or its type says what is missing.
    fn string_wanted(&self, diagnostic: Diagnostic) -> Diagnostic {
        let text = self.node.to_json().to_string();
        if let Some(choices) = self.choices() {
            return match (&self.node.value, choices.iter().any(|choice| choice == "off")) {
                (Value::Bool(false), true) => self.write(diagnostic, "off"),
                _ if choices.contains(&text) => self.write(diagnostic, &quoted(&text)),
                _ => diagnostic.help(format!("it is one of {}", listed(&choices))),
            };
        }
        let format = self.schema.get("format").and_then(Json::as_str);
        match format.and_then(|format| scalar_error(format, &text)) {
            Some(ScalarError { suggestion: Some(meant), .. }) => self.write(diagnostic, &quoted(&meant)),
            Some(error) => diagnostic.help(error.help.unwrap_or(error.message)),
            None => self.write(diagnostic, &quoted(&text)),
        }
    }

    /// YAML 1.1 read `yes` and `off` as booleans, and people still write them.
    fn boolean_wanted(&self, diagnostic: Diagnostic, text: &str) -> Diagnostic {
        match text.to_ascii_lowercase().as_str() {
            "yes" | "on" | "y" | "true" | "1" => self.write(diagnostic, "true"),
            "no" | "off" | "n" | "false" | "0" => self.write(diagnostic, "false"),
            _ => diagnostic.help("write `true` or `false`"),
        }
    }

    fn integer_wanted(&self, diagnostic: Diagnostic, text: &str) -> Diagnostic {
        let digits = text.replace('_', "");
        match digits.parse::<i64>() {
            Ok(number) if !text.starts_with('_') => self.write(diagnostic, &number.to_string()),
            _ => self.by_example(diagnostic),
        }
    }

    fn list_wanted(&self, diagnostic: Diagnostic) -> Diagnostic {
        match &self.node.value {
            Value::String(text) if text.starts_with('-') => diagnostic.help("write a space after each `-`"),
            Value::String(text) => match self.schema.get("items").and_then(|item| as_item(item, text)) {
                Some(item) => self.write(diagnostic, &format!("[{item}]")),
                None => self.by_example(diagnostic),
            },
            Value::Mapping(_) => diagnostic.help("begin each entry with `- `"),
            Value::Null => diagnostic.help("leave the field out for its default, or write entries below it"),
            _ => self.by_example(diagnostic),
        }
    }

    fn object_wanted(&self, diagnostic: Diagnostic) -> Diagnostic {
        let required = self.schema.get("required").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
        match (&self.node.value, required) {
            (Value::Null, []) if self.schema.get("x-gw-noun").is_some() => {
                let names: Vec<&String> = schema::properties(self.schema).into_iter().flat_map(|p| p.keys()).collect();
                diagnostic.help(format!("write one of {} in it", listed(&names)))
            }
            (Value::Null, []) => {
                let space = if self.node.span.start == self.node.span.end { " " } else { "" };
                let written = format!("write `{}: {{}}`", self.field);
                diagnostic.help(written.clone()).fix(written, self.node.span, format!("{space}{{}}"))
            }
            (Value::String(text), required) => self.fields_wanted(diagnostic, text, required),
            (Value::Sequence(_), _) => diagnostic.help("write `name: value` for each field, without `- `"),
            _ => self.by_example(diagnostic),
        }
    }

    /// A text where fields are wanted: a `:` was forgotten, or the name of the one field that has to be there.
    fn fields_wanted(&self, diagnostic: Diagnostic, text: &str, required: &[Json]) -> Diagnostic {
        let properties = schema::properties(self.schema);
        let word = text.split_whitespace().next().unwrap_or_default();
        if properties.is_some_and(|fields| fields.contains_key(word)) {
            let rest = text[word.len()..].trim();
            return diagnostic.help(if rest.is_empty() {
                format!("write `{word}: ` and its fields")
            } else {
                format!("a `:` is missing: write `{word}: {rest}`")
            });
        }
        match (as_item(self.schema, text), required) {
            (Some(object), _) => self.write(diagnostic, &object),
            (None, [Json::String(only)]) => diagnostic.help(format!("write its fields, at least `{only}`")),
            (None, _) => self.by_example(diagnostic),
        }
    }

    fn by_example(&self, diagnostic: Diagnostic) -> Diagnostic {
        match example(self.schema) {
            Some(example) if self.field.parse::<usize>().is_ok() => {
                diagnostic.help(format!("write for example `{example}`"))
            }
            Some(example) => diagnostic.help(format!("write for example `{}: {example}`", self.field)),
            None => diagnostic,
        }
    }

    fn write(&self, diagnostic: Diagnostic, text: &str) -> Diagnostic {
        diagnostic.help(format!("write `{text}`")).fix(format!("write `{text}`"), self.node.span, text)
    }

    fn choices(&self) -> Option<Vec<String>> {
        self.schema.get("enum").map(choices)
    }
}

/// A text written as a value of a schema: itself, or an object with the only field that has to be there.
fn as_item(schema: &Json, text: &str) -> Option<String> {
    let fits = |schema: &Json| {
        let format = schema.get("format").and_then(Json::as_str);
        schema.get("type").is_some_and(|name| name == "string")
            && format.is_none_or(|format| scalar_error(format, text).is_none())
    };
    if schema.get("type")? == "string" {
        return fits(schema).then(|| quoted(text));
    }
    let [Json::String(only)] = schema.get("required")?.as_array()?.as_slice() else { return None };
    fits(schema::properties(schema)?.get(only)?).then(|| format!("{{ {only}: {} }}", quoted(text)))
}
