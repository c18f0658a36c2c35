//! Fields whose key was written before in the same mapping.

use ahash::AHashMap;

use crate::compiler::syntax::node::Entry;
use crate::compiler::syntax::problem;
use crate::diagnostic::Diagnostics;

/// Up to this many fields, comparing each with each is faster than hashing them.
const FEW_FIELDS: usize = 16;

/// The field where another document begins: the first key again, and another one of those before it behind it.
pub(super) fn next_document(entries: &[Entry]) -> Option<usize> {
    let first = entries.first()?;
    let next = (1..entries.len()).find(|i| entries[*i].key == first.key)?;
    let (before, after) = (&entries[1..next], &entries[next + 1..]);
    after.iter().any(|entry| before.iter().any(|other| other.key == entry.key)).then_some(next)
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
