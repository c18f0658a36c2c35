//! How a value is written in YAML, and which bytes of a scalar are a part of its text.

use std::fmt::Write as _;

use serde_json::Value as Json;

/// The text as a plain scalar where that is safe, else in double quotes.
pub fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && text.parse::<f64>().is_err()
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_owned() } else { Json::from(text).to_string() }
}

/// A value in one line.
pub fn flow(value: &Json) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Json, out: &mut String) {
    match value {
        Json::String(text) => out.push_str(&quoted(text)),
        Json::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { ", " });
                write(item, out);
            }
            out.push(']');
        }
        Json::Object(fields) if fields.is_empty() => out.push_str("{}"),
        Json::Object(fields) => {
            out.push_str("{ ");
            for (i, (name, value)) in fields.iter().enumerate() {
                // Writing into a string cannot fail.
                let _ = write!(out, "{}{}: ", if i == 0 { "" } else { ", " }, quoted(name));
                write(value, out);
            }
            out.push_str(" }");
        }
        plain => {
            let _ = write!(out, "{plain}");
        }
    }
}

/// Names for a sentence: each in backticks, with commas between them.
pub fn listed(names: &[impl AsRef<str>]) -> String {
    names.iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// Places within scalars.
pub mod replacement {
    use crate::compiler::syntax::{Node, Value};
    use crate::diagnostic::Span;

    /// The bytes of a scalar that a range of its text stands at, at least one character: exact where the text has no
    /// escapes, else the whole scalar.
    pub fn part(node: &Node, range: Option<(usize, usize)>) -> Span {
        let Value::String(text) = &node.value else { return node.span };
        let length = (node.span.end - node.span.start) as usize;
        let quotes = match length.checked_sub(text.len()) {
            Some(0) => 0,
            Some(2) => 1,
            _ => return node.span,
        };
        let Some((start, end)) = range else { return node.span };
        let first = text.get(start..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        let end = end.max(start + first);
        if start >= end || end > text.len() {
            return node.span;
        }
        let at = |offset: usize| node.span.start + u32::try_from(offset + quotes).unwrap_or(0);
        Span { start: at(start), end: at(end), ..node.span }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{flow, quoted};

    #[test]
    fn quotes_where_yaml_would_read_something_else() {
        for (text, written) in
            [("a/b", "a/b"), ("30s", "30s"), ("1e3", "\"1e3\""), ("no", "\"no\""), ("a: b", "\"a: b\""), ("", "\"\"")]
        {
            assert_eq!(quoted(text), written);
        }
    }

    #[test]
    fn one_line() {
        let value = json!({ "url": "http://a:1", "weight": 2, "on": ["503", "reset"], "none": {}, "x y": true });
        assert_eq!(
            flow(&value),
            "{ url: \"http://a:1\", weight: 2, \"on\": [\"503\", reset], none: {}, \"x y\": true }"
        );
    }
}
