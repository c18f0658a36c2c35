//! A value with the place of everything in it. It knows nothing of manifests.
//!
//! JSON pointers: RFC 6901.

use std::borrow::Cow;

use crate::diagnostic::Span;

/// One YAML document.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its outermost node; its span says which source it is from.
    pub root: Node,
    /// Whether all of it was read. Where it is false, what is missing has been reported already: such a
    /// document is good for its name, and nothing should be said of what it lacks.
    pub complete: bool,
}

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// From its first to its last byte: quotes and brackets belong to it, tags and anchors don't. A copy that
    /// an alias made has the place of the alias; what is inside it has the place where it was written.
    pub span: Span,
    /// What it says.
    pub value: Value,
}

/// What a node says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing, `~` or `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number without a fraction.
    Integer(i64),
    /// Any other number; always finite.
    Float(f64),
    /// A text.
    String(Box<str>),
    /// A list.
    Sequence(Vec<Node>),
    /// Fields in the order written; no key occurs twice.
    Mapping(Vec<Entry>),
}

/// A field of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its name.
    pub key: Box<str>,
    /// The place of its name, quotes included.
    pub key_span: Span,
    /// Its value.
    pub value: Node,
}

/// Where a JSON pointer leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The key, if the last step was into a mapping.
    pub key: Option<Span>,
    /// The value.
    pub value: Span,
}

impl Node {
    /// The field of this name, if this is a mapping that has it.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| &*entry.key == key),
            _ => None,
        }
    }

    /// The field of this name, to be changed.
    pub fn entry_mut(&mut self, key: &str) -> Option<&mut Entry> {
        match &mut self.value {
            Value::Mapping(entries) => entries.iter_mut().find(|entry| &*entry.key == key),
            _ => None,
        }
    }

    /// The value of the field of this name.
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// Whether both are scalars and say the same.
    pub fn is_same_scalar(&self, other: &Self) -> bool {
        !matches!(self.value, Value::Sequence(_) | Value::Mapping(_)) && self.value == other.value
    }

    /// The node a JSON pointer leads to.
    pub fn pointer(&self, pointer: &str) -> Option<&Self> {
        self.walk(pointer).map(|(_, node)| node)
    }

    /// The place a JSON pointer leads to.
    pub fn place(&self, pointer: &str) -> Option<Place> {
        self.walk(pointer).map(|(key, node)| Place { key, value: node.span })
    }

    fn walk(&self, pointer: &str) -> Option<(Option<Span>, &Self)> {
        if pointer.is_empty() {
            return Some((None, self));
        }
        pointer.strip_prefix('/')?.split('/').try_fold((None, self), |(_, node), step| node.step(&unescape(step)))
    }

    fn step(&self, step: &str) -> Option<(Option<Span>, &Self)> {
        match &self.value {
            Value::Sequence(items) => Some((None, items.get(step.parse::<usize>().ok()?)?)),
            _ => self.entry(step).or_else(|| self.entry_in_any_case(step)).map(|e| (Some(e.key_span), &e.value)),
        }
    }

    /// Names of header fields are lower case once they are read, and in any case in the text.
    fn entry_in_any_case(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            Value::Mapping(entries) => entries.iter().find(|entry| entry.key.eq_ignore_ascii_case(key)),
            _ => None,
        }
    }

    /// How many nodes it has, itself included, and how deep they stand in each other.
    pub(super) fn size(&self) -> (usize, usize) {
        let add = |(nodes, depth): (usize, usize), child: &Self| {
            let (more, below) = child.size();
            (nodes + more, depth.max(below + 1))
        };
        match &self.value {
            Value::Sequence(items) => items.iter().fold((1, 1), add),
            Value::Mapping(entries) => entries.iter().map(|entry| &entry.value).fold((1, 1), add),
            _ => (1, 0),
        }
    }

    /// The value without its places.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::String(text) => serde_json::Value::String(text.to_string()),
            Value::Sequence(items) => serde_json::Value::Array(items.iter().map(Self::to_json).collect()),
            Value::Mapping(entries) => {
                let mut fields = serde_json::Map::with_capacity(entries.len());
                for entry in entries {
                    fields.insert(entry.key.to_string(), entry.value.to_json());
                }
                serde_json::Value::Object(fields)
            }
        }
    }

    /// What it is, with its article, for messages.
    pub fn kind_name(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "an object",
        }
    }
}

fn unescape(step: &str) -> Cow<'_, str> {
    if step.contains('~') { step.replace("~1", "/").replace("~0", "~").into() } else { step.into() }
}
