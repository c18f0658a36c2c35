//! How a text is written as a YAML scalar, and which bytes of a scalar are a part of its text.

/// The text as a plain scalar where that is safe, else in double quotes.
pub fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        && text.parse::<f64>().is_err()
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
        );
    if plain { text.to_owned() } else { serde_json::Value::from(text).to_string() }
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
    use super::quoted;

    #[test]
    fn quotes_where_yaml_would_read_something_else() {
        for (text, written) in
            [("a/b", "a/b"), ("30s", "30s"), ("1e3", "\"1e3\""), ("no", "\"no\""), ("a: b", "\"a: b\""), ("", "\"\"")]
        {
            assert_eq!(quoted(text), written);
        }
    }
}
