//! Applies the fixes of problems to their texts.
//!
//! It replaces ranges of bytes and touches nothing else, so comments, order and line breaks stay. It writes no files.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostics, Edit, Fix, SourceId, SourceMap};

/// Applies all fixes that don't overlap; gives the new text of each source that changes and how many fixes went into it.
///
/// A fix is applied whole or not at all. Where two of them overlap the first one wins, and the other is left for the
/// next run, when it is made anew from the changed text.
pub fn apply(sources: &SourceMap, diagnostics: &Diagnostics) -> Vec<(SourceId, String, usize)> {
    let mut texts: BTreeMap<SourceId, Accepted<'_>> = BTreeMap::new();
    for fix in diagnostics.iter().filter_map(|diagnostic| diagnostic.fix.as_ref()) {
        let Some(first) = fix.edits.first() else { continue };
        let source = first.span.source;
        let accepted = texts.entry(source).or_default();
        if accepted.take(source, sources.get(source).original(), fix) {
            accepted.fixes += 1;
        }
    }
    texts
        .into_iter()
        .filter(|(_, accepted)| accepted.fixes > 0)
        .map(|(id, accepted)| (id, accepted.write(sources.get(id).original()), accepted.fixes))
        .collect()
}

/// The edits of one source that go together.
#[derive(Default)]
struct Accepted<'a> {
    /// By range of bytes, so that a new edit needs to look only at its neighbours.
    edits: BTreeMap<(u32, u32), &'a str>,
    fixes: usize,
}

impl<'a> Accepted<'a> {
    /// Takes all edits of a fix, or none.
    fn take(&mut self, source: SourceId, text: &str, fix: &'a Fix) -> bool {
        for (taken, edit) in fix.edits.iter().enumerate() {
            if edit.span.source != source || !self.fits(text, edit) {
                for undone in &fix.edits[..taken] {
                    self.edits.remove(&(undone.span.start, undone.span.end));
                }
                return false;
            }
            self.edits.insert((edit.span.start, edit.span.end), &edit.replacement);
        }
        true
    }

    /// Whether an edit lies within the text and overlaps none of those taken. Two insertions at one place overlap:
    /// which of them comes first would be a guess.
    fn fits(&self, text: &str, edit: &Edit) -> bool {
        let (start, end) = (edit.span.start, edit.span.end);
        if text.get(start as usize..end as usize).is_none() || self.edits.contains_key(&(start, end)) {
            return false;
        }
        let before = self.edits.range(..(start, end)).next_back();
        let after = self.edits.range((start, end)..).next();
        before.is_none_or(|((_, before_end), _)| *before_end <= start)
            && after.is_none_or(|((after_start, _), _)| end <= *after_start)
    }

    fn write(&self, text: &str) -> String {
        let mut written = String::with_capacity(text.len());
        let mut from = 0;
        for (&(start, end), replacement) in &self.edits {
            written.push_str(&text[from..start as usize]);
            written.push_str(replacement);
            from = end as usize;
        }
        written.push_str(&text[from..]);
        written
    }
}

#[cfg(test)]
mod tests {
    use super::apply;
    use crate::diagnostic::{Code, Diagnostic, Diagnostics, Edit, Fix, Severity, SourceId, SourceMap, Span};

    static CODE: Code = Code { id: "GW0000", name: "sample", severity: Severity::Error, page: "" };

    /// Applies fixes, each a list of `(start, end, replacement)`, to one text.
    fn check(text: &str, fixes: &[&[(u32, u32, &str)]], expected: Option<(&str, usize)>) {
        let mut sources = SourceMap::default();
        sources.add("untouched.yaml", "a: 1\n");
        let source = sources.add("a.yaml", text);
        let mut diagnostics = Diagnostics::default();
        for edits in fixes {
            let edit = |&(start, end, replacement): &(u32, u32, &str)| Edit {
                span: Span::new(source, start, end),
                replacement: replacement.to_owned(),
            };
            let mut diagnostic = Diagnostic::new(&CODE, "wrong");
            diagnostic.fix = Some(Fix { message: "mend it".to_owned(), edits: edits.iter().map(edit).collect() });
            diagnostics.push(diagnostic);
        }
        let expected: Vec<(SourceId, String, usize)> =
            expected.into_iter().map(|(text, applied)| (source, text.to_owned(), applied)).collect();
        assert_eq!(apply(&sources, &diagnostics), expected);
    }

    #[test]
    fn comments_and_line_breaks_stay() {
        check("bakend: x # why\r\n", &[&[(0, 6, "backend")]], Some(("backend: x # why\r\n", 1)));
    }

    #[test]
    fn edits_apply_in_any_order() {
        check("abcdef", &[&[(4, 5, "E")], &[(0, 1, "A"), (2, 2, "+")]], Some(("Ab+cdEf", 2)));
    }

    #[test]
    fn neighbours_do_not_overlap() {
        check("abcdef", &[&[(2, 4, "X")], &[(0, 2, "Y")], &[(4, 4, "+")], &[(2, 2, "-")]], Some(("Y-X+ef", 4)));
    }

    #[test]
    fn the_first_of_two_overlapping_fixes_wins() {
        check("abcdef", &[&[(1, 4, "X")], &[(3, 5, "Y")], &[(2, 2, "+")]], Some(("aXef", 1)));
        check("abcdef", &[&[(2, 2, "+")], &[(2, 2, "-")]], Some(("ab+cdef", 1)));
        check("abcdef", &[&[(2, 2, "+")], &[(0, 6, "")]], Some(("ab+cdef", 1)));
    }

    #[test]
    fn a_fix_is_applied_whole_or_not_at_all() {
        check("abcdef", &[&[(1, 2, "X")], &[(4, 5, "Y"), (1, 3, "Z")], &[(4, 5, "W")]], Some(("aXcdWf", 2)));
        check("abcdef", &[&[(0, 3, "X"), (2, 4, "Y")]], None);
    }

    #[test]
    fn what_is_no_place_in_the_text_is_left() {
        check("é", &[&[(1, 2, "X")], &[(0, 9, "X")], &[(2, 1, "X")], &[]], None);
    }
}
