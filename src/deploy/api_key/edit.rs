//! Small changes to the text of a manifest that leave everything else as it is, comments too.

use crate::compiler::Object;
use crate::compiler::syntax::{Node, Value};

/// A text with one more item at the end of a list, in the style of the list; `None` where it is no list with items.
pub(super) fn add_item(text: &str, object: &Object, pointer: &str, item: &str) -> Option<String> {
    let sequence = object.root.pointer(pointer)?;
    let Value::Sequence(present) = &sequence.value else { return None };
    let last = present.last()?.span;
    let end = last.end as usize;
    if text.as_bytes().get(sequence.span.start as usize) == Some(&b'[') {
        return Some(inserted(text, end, &format!(", {item}")));
    }
    let dash = text[..last.start as usize].rfind('-')?;
    let indent = &text[line_start(text, dash)..dash];
    let end = text[end..].find('\n').map_or(text.len(), |at| end + at);
    let indent: String = indent.chars().map(|c| if c.is_whitespace() { c } else { ' ' }).collect();
    Some(inserted(text, end, &format!("\n{indent}- {item}")))
}

/// A text with a field of a mapping set to a value, in the style of the mapping; `None` where it is no mapping with fields.
pub(super) fn set_field(text: &str, object: &Object, pointer: &str, name: &str, value: &str) -> Option<String> {
    let mapping: &Node = object.root.pointer(pointer)?;
    if let Some(present) = mapping.get(name) {
        let (start, end) = (present.span.start as usize, present.span.end as usize);
        return Some(format!("{}{value}{}", &text[..start], &text[end..]));
    }
    let Value::Mapping(entries) = &mapping.value else { return None };
    let first = entries.first()?.key_span.start as usize;
    if text.as_bytes().get(mapping.span.start as usize) == Some(&b'{') {
        return Some(inserted(text, first, &format!("{name}: {value}, ")));
    }
    let indent = &text[line_start(text, first)..first];
    Some(inserted(text, first, &format!("{name}: {value}\n{indent}")))
}

fn inserted(text: &str, at: usize, what: &str) -> String {
    format!("{}{what}{}", &text[..at], &text[at..])
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}
