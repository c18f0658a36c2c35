//! The comments of a text: where they stand, and which of them were taken.

use crate::compiler::format::line::Remark;
use crate::compiler::format::slice;
use crate::compiler::syntax::{Document, Node, Value};

/// A comment.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What it says, and where on its line.
    pub remark: Remark,
    /// Whether it has its line for itself.
    pub alone: bool,
    /// Whether it has its place in the result.
    taken: bool,
}

/// All comments of a text, in order.
pub(super) struct Comments(Vec<Comment>);

impl Comments {
    /// Finds them: they are in what lies between scalars. Says what else is there that is not known here.
    pub fn find(text: &str, documents: &[Document]) -> Result<Self, &'static str> {
        let mut scalars = Vec::new();
        for document in documents {
            collect(text, &document.root, &mut scalars)?;
        }
        scalars.sort_unstable();
        let mut found = Self(Vec::new());
        let mut from = 0;
        for (start, end) in scalars.into_iter().chain([(text.len(), text.len())]) {
            found.between(text, from, start)?;
            from = end;
        }
        Ok(found)
    }

    /// Looks at what lies between two scalars.
    fn between(&mut self, text: &str, from: usize, to: usize) -> Result<(), &'static str> {
        let mut at = from;
        while at < to {
            let rest = text.get(at..to).ok_or("its parts overlap")?;
            let line_start = text[..at].rfind('\n').map_or(0, |i| i + 1);
            let after_space = at == line_start || text[..at].ends_with([' ', '\t']);
            let character = rest.chars().next().unwrap_or_default();
            match character {
                '#' if after_space => {
                    let end = rest.find('\n').map_or(to, |i| at + i);
                    self.0.push(Comment {
                        start: at,
                        end,
                        remark: Remark {
                            text: text[at..end].trim_end().to_owned(),
                            column: text[line_start..at].chars().count(),
                            gap: at - text[line_start..at].trim_end().len() - line_start,
                        },
                        alone: text[line_start..at].trim().is_empty(),
                        taken: false,
                    });
                    at = end;
                }
                ' ' | '\n' | '\t' | ':' | '-' | ',' | '[' | ']' | '{' | '}' => at += 1,
                '&' | '*' => return Err("it uses anchors"),
                '!' => return Err("it uses tags"),
                '?' => return Err("it has a key after a `?`"),
                '%' => return Err("it has a directive"),
                '.' => return Err("it ends a document with `...`"),
                _ => return Err("it has something between its values that is not known"),
            }
        }
        Ok(())
    }

    /// Their texts, sorted.
    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<String> = self.0.iter().map(|comment| comment.remark.text.clone()).collect();
        texts.sort();
        texts
    }

    /// Where the dash of an item stands, if it has one: the last one in what lies before it.
    pub fn dash(&self, text: &str, from: usize, to: usize) -> Option<usize> {
        let is_comment = |at: usize| self.0.iter().any(|comment| (comment.start..comment.end).contains(&at));
        let before = text.get(from..to)?;
        before.rmatch_indices('-').map(|(i, _)| from + i).find(|at| !is_comment(*at))
    }

    /// Whether there is one in a range.
    pub fn any(&self, from: usize, to: usize) -> bool {
        self.0.iter().any(|comment| (from..to).contains(&comment.start))
    }

    /// Takes the next comment that has no place yet in a range, if `fits` says so of the first one there.
    pub fn take(&mut self, from: usize, to: usize, fits: impl FnOnce(&Comment) -> bool) -> Option<Comment> {
        let first = self.0.partition_point(|comment| comment.start < from);
        let next =
            self.0[first..].iter_mut().take_while(|comment| comment.start < to).find(|comment| !comment.taken)?;
        if !fits(next) {
            return None;
        }
        next.taken = true;
        Some(next.clone())
    }
}

/// The ranges of all scalars and keys.
fn collect(text: &str, node: &Node, out: &mut Vec<(usize, usize)>) -> Result<(), &'static str> {
    if slice(text, node).starts_with('*') {
        return Err("it uses anchors");
    }
    match &node.value {
        Value::Sequence(items) => items.iter().try_for_each(|item| collect(text, item, out)),
        Value::Mapping(entries) => entries.iter().try_for_each(|entry| {
            out.push((entry.key_span.start as usize, entry.key_span.end as usize));
            collect(text, &entry.value, out)
        }),
        _ => {
            out.push((node.span.start as usize, node.span.end as usize));
            Ok(())
        }
    }
}
