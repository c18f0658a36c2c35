//! Values in one line, as YAML writes them.

use std::fmt::Write as _;

use serde_json::Value as Json;

use crate::compiler::quote::quoted;

/// A value in one line.
pub(super) fn flow(value: &Json) -> String {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::flow;

    #[test]
    fn one_line() {
        let value = json!({ "url": "http://a:1", "weight": 2, "on": ["503", "reset"], "none": {}, "x y": true });
        assert_eq!(
            flow(&value),
            "{ url: \"http://a:1\", weight: 2, \"on\": [\"503\", reset], none: {}, \"x y\": true }"
        );
    }
}
