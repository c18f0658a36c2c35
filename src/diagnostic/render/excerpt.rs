//! The texts that one problem touches, joined for miette, which draws one text per problem.
//!
//! It decides which bytes are shown of them: whole lines with their neighbours, but never a page of a tall object or
//! all of a line that no screen can hold.

use std::collections::BTreeMap;
use std::ops::Range;

use miette::{MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents};

use crate::diagnostic::render::Report;
use crate::diagnostic::render::printable::printable;
use crate::diagnostic::{Diagnostic, Position, Source, SourceId, SourceMap, Span};

/// A place with more lines than this is shown by its first one.
const TALLEST: usize = 8;
/// A place with more bytes than this is shown by its first ones.
const WIDEST: usize = 400;
/// An excerpt with more bytes than this is cut to its place and `MARGIN` bytes on both sides.
const LARGEST: usize = 4_000;
const MARGIN: usize = 40;

/// The texts as they may be shown, by source.
///
/// Each ends with one line break more than its source, so that the end of the last line is a place too.
pub(super) type Texts = BTreeMap<SourceId, String>;

/// Makes the texts that some problems touch.
pub(super) fn texts(sources: &SourceMap, diagnostics: &[&Diagnostic]) -> Texts {
    let mut texts = Texts::new();
    for label in diagnostics.iter().flat_map(|diagnostic| &diagnostic.labels) {
        let source = label.span.source;
        texts.entry(source).or_insert_with(|| printable(&sources.get(source).text) + "\n");
    }
    texts
}

/// The texts that one problem touches, the one with its primary place first.
pub(super) struct Excerpt<'a> {
    parts: Vec<Part<'a>>,
}

struct Part<'a> {
    id: SourceId,
    name: String,
    source: &'a Source,
    text: &'a str,
    /// Where the text begins in the joined one.
    base: usize,
}

impl<'a> Excerpt<'a> {
    /// Joins the texts that a problem touches.
    pub(super) fn new(report: &Report<'a>, texts: &'a Texts, diagnostic: &Diagnostic) -> Self {
        let mut parts: Vec<Part<'a>> = Vec::new();
        let mut base = 0;
        for label in &diagnostic.labels {
            let id = label.span.source;
            let Some(text) = texts.get(&id).filter(|_| parts.iter().all(|part| part.id != id)) else { continue };
            let name = printable(report.name(id)).replace('\n', "?");
            parts.push(Part { id, name, source: report.sources.get(id), text, base });
            base += text.len();
        }
        Self { parts }
    }

    /// Where a place is in the joined text, cut to what is worth drawing.
    pub(super) fn place(&self, span: Span) -> Option<SourceSpan> {
        let part = self.parts.iter().find(|part| part.id == span.source)?;
        let shown = part.shown(span);
        Some((part.base + shown.start, shown.len()).into())
    }
}

impl SourceCode for Excerpt<'_> {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let part = self.parts.iter().rfind(|part| part.base <= span.offset()).ok_or(MietteError::OutOfBounds)?;
        let start = span.offset() - part.base;
        let range = start..start + span.len();
        // Asked whether two places fit into one drawing, it says no where they are in two texts or far apart.
        let around = part.around(&range, lines_before, lines_after).ok_or(MietteError::OutOfBounds)?;
        let position = part.position(around.start);
        let data = &part.text[around.clone()];
        Ok(Box::new(MietteSpanContents::new_named(
            part.name.clone(),
            data.as_bytes(),
            (part.base + around.start, around.len()).into(),
            position.line - 1,
            position.column - 1,
            data.lines().count(),
        )))
    }
}

impl Part<'_> {
    fn position(&self, byte: usize) -> Position {
        self.source.position(u32::try_from(byte).unwrap_or(u32::MAX))
    }

    /// A place without the line breaks at its end, cut to its first line or bytes where it is large.
    fn shown(&self, span: Span) -> Range<usize> {
        let whole = &self.source.text;
        let start = whole.floor_char_boundary(span.start as usize);
        let end = whole.ceil_char_boundary(span.end as usize).max(start);
        let mut text = whole[start..end].trim_end();
        if text.lines().count() > TALLEST {
            text = text.lines().next().unwrap_or_default();
        }
        start..start + text.floor_char_boundary(WIDEST)
    }

    /// The bytes to draw around a place; without lines around it, the place alone, which miette only asks where it is.
    fn around(&self, place: &Range<usize>, lines_before: usize, lines_after: usize) -> Option<Range<usize>> {
        self.text.get(place.clone())?;
        if lines_before == 0 {
            return Some(place.clone());
        }
        let (first, last) = (self.position(place.start).line, self.position(place.end).line);
        let whole = self.source.text.len();
        // The extra line break is drawn only for a place at the very end.
        let text_end = if place.end < whole { whole } else { self.text.len() };
        let line_start = |line| self.source.line(line).map_or(0, |line| line.start);
        let line_end = |line| self.source.line(line).filter(|line| line.end < whole).map_or(text_end, |line| line.end);

        let lines = line_start(first.saturating_sub(lines_before).max(1))..line_end(last + lines_after);
        if lines.len() <= LARGEST {
            return Some(lines);
        }
        let start = self.text.floor_char_boundary(place.start.saturating_sub(MARGIN)).max(line_start(first));
        let end = self.text.ceil_char_boundary(place.end + MARGIN).min(line_end(last));
        (place.len() <= WIDEST).then_some(start..end)
    }
}
