//! Documents one after the other, with what stands between them; what each of their values is by its schema.

use std::sync::LazyLock;

use serde_json::{Map, Value as Json};

use crate::compiler::format::comments::Comments;
use crate::compiler::format::line::{self, Line};
use crate::compiler::manifest::KINDS;
use crate::compiler::schema::{of_kind, properties};
use crate::compiler::syntax::{Document, Entry, Node, Value};

/// The schema of a value; `None` for what no schema describes, whose fields stay in their order.
pub(super) type Schema<'s> = Option<&'s Json>;

static SCHEMAS: LazyLock<Vec<(&'static str, Json)>> =
    LazyLock::new(|| KINDS.iter().map(|kind| (kind.name, of_kind(kind))).collect());

/// The schema of a manifest, by its kind.
pub(super) fn schema_of(root: &Node) -> Schema<'static> {
    let kind = root.get("kind")?.as_str()?;
    SCHEMAS.iter().find(|(name, _)| *name == kind).map(|(_, schema)| schema)
}

/// The schema of a field.
pub(super) fn property_of<'s>(schema: Schema<'s>, name: &str) -> Schema<'s> {
    let schema = schema?;
    let more = || schema.get("additionalProperties").filter(|more| more.is_object());
    properties(schema).and_then(|fields| fields.get(name)).or_else(more)
}

/// The schema of the items of a list.
pub(super) fn item_of(schema: Schema<'_>) -> Schema<'_> {
    schema?.get("items")
}

/// Fields in the order of the schema; those that it doesn't know come last, in their own order.
pub(super) fn order<'e>(entries: &'e [Entry], schema: Schema<'_>) -> Vec<&'e Entry> {
    let mut ordered: Vec<&Entry> = entries.iter().collect();
    ordered.sort_by_key(|entry| rank(schema, &entry.key));
    ordered
}

/// The place of a field in the order of the schema.
pub(super) fn rank(schema: Schema<'_>, name: &str) -> usize {
    let fields = schema.and_then(properties);
    fields.and_then(|fields| fields.keys().position(|field| field == name)).unwrap_or(usize::MAX)
}

/// A value with all fields in order.
pub(super) fn ordered_json(node: &Node, schema: Schema<'_>) -> Json {
    match &node.value {
        Value::Sequence(items) => items.iter().map(|item| ordered_json(item, item_of(schema))).collect(),
        Value::Mapping(entries) => {
            let field =
                |entry: &Entry| (entry.key.to_string(), ordered_json(&entry.value, property_of(schema, &entry.key)));
            Json::Object(order(entries, schema).into_iter().map(field).collect::<Map<_, _>>())
        }
        _ => node.to_json(),
    }
}

/// Makes the lines of a text.
pub(super) struct Printer<'t> {
    pub text: &'t str,
    pub comments: Comments,
    /// Up to where comments on lines of their own, and blank lines, have their place.
    pub done: usize,
}

impl<'t> Printer<'t> {
    pub fn new(text: &'t str, comments: Comments) -> Self {
        Self { text, comments, done: 0 }
    }

    /// The text of all documents.
    pub fn print(mut self, documents: &[Document]) -> Result<String, &'static str> {
        let mut lines = Vec::new();
        for document in documents {
            let root = &document.root;
            self.between(root.span.start as usize, &mut lines)?;
            let limit = self.next_marker(root.span.end as usize);
            lines.extend(self.root(root, limit)?);
        }
        self.between(self.text.len(), &mut lines)?;
        while lines.last().is_some_and(Line::is_blank) {
            lines.pop();
        }
        Ok(line::text(&lines))
    }

    fn root(&mut self, root: &Node, limit: usize) -> Result<Vec<Line>, &'static str> {
        let mut lines = self.value("", 0, root, schema_of(root), (root.span.start as usize, limit))?;
        // a scalar has no place for comments below it
        lines.extend(self.leading(root.span.end as usize, limit, 0));
        while lines.last().is_some_and(Line::is_blank) {
            lines.pop();
        }
        self.done = limit;
        Ok(lines)
    }

    /// Where the next line `---` begins, or the text ends.
    fn next_marker(&self, from: usize) -> usize {
        let mut at = from;
        for line in self.text[from..].split_inclusive('\n') {
            if at > from && is_marker(line) {
                return at;
            }
            at += line.len();
        }
        self.text.len()
    }

    /// What stands between documents: markers, comments and blank lines.
    fn between(&mut self, to: usize, lines: &mut Vec<Line>) -> Result<(), &'static str> {
        let mut at = self.done;
        for part in self.text.get(at..to).unwrap_or_default().split_inclusive('\n') {
            let comment = self.comments.take(at, at + part.len(), |_| true);
            let after_marker = lines.last().is_none_or(|line| line.is_blank() || line.text == "---");
            if is_marker(part) {
                while lines.last().is_some_and(Line::is_blank) {
                    lines.pop();
                }
                let mut marker = Line::new(0, "---");
                marker.comment = comment.map(|comment| comment.remark);
                lines.push(marker);
            } else if let Some(comment) = comment {
                lines.push(Line::comment(0, comment.remark));
            } else if part.trim().is_empty() && part.ends_with('\n') {
                lines.extend((!after_marker).then(Line::blank));
            } else if !part.trim().is_empty() {
                return Err("something stands between its documents");
            }
            at += part.len();
        }
        self.done = self.done.max(to);
        Ok(())
    }

    /// The comments between two places that have no place yet, and blank lines, of which never two follow each other.
    pub fn leading(&mut self, from: usize, to: usize, indent: usize) -> Vec<Line> {
        let from = from.max(self.done);
        let mut lines: Vec<Line> = Vec::new();
        let mut at = from;
        for (i, part) in self.text.get(from..to).unwrap_or_default().split_inclusive('\n').enumerate() {
            while let Some(comment) = self.comments.take(at, at + part.len(), |_| true) {
                lines.push(Line::comment(indent, comment.remark));
            }
            let blank = i > 0 && part.trim().is_empty() && part.ends_with('\n');
            if blank && lines.last().is_none_or(|line| !line.is_blank()) {
                lines.push(Line::blank());
            }
            at += part.len();
        }
        self.done = self.done.max(to.min(self.text.len()));
        lines
    }

    /// The column of a place.
    pub fn column(&self, at: usize) -> usize {
        let start = self.text[..at].rfind('\n').map_or(0, |i| i + 1);
        self.text[start..at].chars().count()
    }
}

fn is_marker(line: &str) -> bool {
    line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n', '\t']))
}
