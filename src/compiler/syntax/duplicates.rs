//! Fields whose key was written before in the same object: a slip, or another document without a line before it.

use ahash::AHashMap;

use crate::compiler::syntax::node::{Document, Entry, Node, Value};
use crate::compiler::syntax::problem;
use crate::diagnostic::{Diagnostics, Span};

/// Up to this many fields, comparing each with each is faster than hashing them.
const FEW_FIELDS: usize = 16;

/// Where the fields of a document begin again, the line between two documents is missing: splits them there, and gives
/// the fields of the last one.
pub(super) fn split(mut entries: Vec<Entry>, documents: &mut Vec<Document>, problems: &mut Diagnostics) -> Vec<Entry> {
    while let Some(next) = next_document(&entries) {
        let rest = entries.split_off(next);
        problems.push(problem::missing_separator(&rest[0], &entries[0]));
        let span = Span { end: entries[next - 1].value.span.end, ..entries[0].key_span };
        documents.push(Document { root: Node { span, value: Value::Mapping(entries) }, complete: true });
        entries = rest;
    }
    entries
}

/// The field where another document begins: the first key again, before any other one, and another one behind it.
fn next_document(entries: &[Entry]) -> Option<usize> {
    let first = entries.first()?;
    let next = (1..entries.len()).find(|i| entries[*i].key == first.key)?;
    let (before, after) = (&entries[1..next], &entries[next + 1..]);
    let again = |entry: &Entry| before.iter().any(|other| other.key == entry.key && other.key_span != entry.key_span);
    (after.iter().any(again) && !before.iter().any(again)).then_some(next)
}

/// Removes them, and reports each with the first of its name.
pub(super) fn remove(entries: &mut Vec<Entry>, problems: &mut Diagnostics) {
    let mut duplicates = Vec::new();
    let mut found = |index: usize, first: &Entry| {
        problems.push(problem::duplicate_key(&entries[index], first));
        duplicates.push(index);
    };
    if entries.len() <= FEW_FIELDS {
        for (index, entry) in entries.iter().enumerate() {
            if let Some(first) = entries[..index].iter().find(|first| first.key == entry.key) {
                found(index, first);
            }
        }
    } else {
        let mut seen = AHashMap::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let first = *seen.entry(&*entry.key).or_insert(entry);
            if !std::ptr::eq(first, entry) {
                found(index, first);
            }
        }
    }
    let mut duplicates = duplicates.into_iter().peekable();
    let mut indices = 0..entries.len();
    entries.retain(|_| indices.next().is_none_or(|index| duplicates.next_if_eq(&index).is_none()));
}
