//! Collections in one line.

use crate::compiler::format::document::{Schema, item_of, order, property_of};
use crate::compiler::format::{scalar, slice};
use crate::compiler::syntax::{Entry, Node, Value};

/// A value in one line; `None` if it stands over several lines, or a part of it does.
pub(super) fn one_line(text: &str, node: &Node, schema: Schema<'_>) -> Option<String> {
    let written = slice(text, node);
    match &node.value {
        Value::Sequence(items) if items.is_empty() => Some("[]".to_owned()),
        Value::Mapping(entries) if entries.is_empty() => Some("{}".to_owned()),
        _ if written.contains('\n') => None,
        Value::Sequence(items) => {
            let items: Vec<String> =
                items.iter().map(|item| one_line(text, item, item_of(schema))).collect::<Option<_>>()?;
            Some(format!("[{}]", items.join(", ")))
        }
        Value::Mapping(entries) => {
            let fields: Vec<String> =
                order(entries, schema).into_iter().map(|entry| field(text, entry, schema)).collect::<Option<_>>()?;
            Some(format!("{{ {} }}", fields.join(", ")))
        }
        Value::String(value) => scalar::one_line(written, value),
        _ => Some(written.to_owned()),
    }
}

fn field(text: &str, entry: &Entry, schema: Schema<'_>) -> Option<String> {
    let value = one_line(text, &entry.value, property_of(schema, &entry.key))?;
    let space = if value.is_empty() { "" } else { " " };
    Some(format!("{}:{space}{value}", key(text, entry)?))
}

/// A key as it is best written.
pub(super) fn key(text: &str, entry: &Entry) -> Option<String> {
    let written = text.get(entry.key_span.start as usize..entry.key_span.end as usize)?;
    scalar::one_line(written, &entry.key)
}
