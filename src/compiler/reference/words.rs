//! A schema in words: the type of a field as the manual says it.

use serde_json::{Map, Value};

/// The definitions that the references of a schema lead to.
#[derive(Clone, Copy)]
pub(super) struct Definitions<'s>(pub(super) &'s Map<String, Value>);

impl<'s> Definitions<'s> {
    /// The name and schema that a field refers to.
    pub(super) fn referent(self, schema: &'s Value) -> Option<(&'s str, &'s Value)> {
        let direct = schema.get("$ref");
        let wrapped = || schema.get("allOf")?.as_array()?.first()?.get("$ref");
        let name = direct.or_else(wrapped)?.as_str()?.strip_prefix("#/definitions/")?;
        self.0.get_key_value(name).map(|(name, definition)| (name.as_str(), definition))
    }

    /// The type of a field.
    pub(super) fn of(self, schema: &'s Value) -> String {
        if let Some((name, definition)) = self.referent(schema) {
            return if is_object(definition) {
                format!("[{name}](#{})", name.to_ascii_lowercase())
            } else {
                self.of(definition)
            };
        }
        let text = |key: &str| schema.get(key).and_then(Value::as_str);
        if let Some(kind) = text("x-gw-ref") {
            return format!("name of a [{kind}](#{})", kind.to_ascii_lowercase());
        }
        if let Some(format) = text("format") {
            return format!("[{0}](#{0})", format.trim_start_matches("gw-"));
        }
        if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
            return choices.iter().map(code).collect::<Vec<_>>().join(", ");
        }
        match text("type") {
            Some("array") => format!("list of {}{}", self.item(schema), limits(schema, "minItems", "maxItems")),
            Some("object") => match (schema.get("additionalProperties"), schema.get("propertyNames")) {
                (Some(values), Some(keys)) if values.is_object() => {
                    format!("mapping from {} to {}", self.of(keys), self.of(values))
                }
                (Some(values), None) if values.is_object() => format!("mapping from any name to {}", self.of(values)),
                _ => "mapping".to_owned(),
            },
            Some("string") => format!("string{}", limits(schema, "minLength", "maxLength")),
            Some(number) => format!("{number}{}", limits(schema, "minimum", "maximum")),
            None => "any value".to_owned(),
        }
    }

    fn item(self, schema: &'s Value) -> String {
        schema.get("items").map_or_else(String::new, |items| self.of(items))
    }
}

pub(super) fn is_object(schema: &Value) -> bool {
    schema.get("properties").is_some()
}

/// The smallest and largest value, where it says anything.
fn limits(schema: &Value, low: &str, high: &str) -> String {
    let limit = |key: &str| schema.get(key).and_then(Value::as_i64);
    match (limit(low), limit(high)) {
        (Some(low), Some(high)) => format!(", {low} to {high}"),
        (None, Some(high)) => format!(", at most {high}"),
        (Some(low), None) if low > i64::from(i32::MIN) => format!(", at least {low}"),
        (_, None) => String::new(),
    }
}

/// A value as it is written, in code.
pub(super) fn code(value: &Value) -> String {
    format!("`{}`", value.as_str().map_or_else(|| value.to_string(), |text| text.replace('\n', "\\n")))
}
