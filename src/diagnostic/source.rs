//! Texts, and places in them.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// A text that was compiled, by its number in the [`SourceMap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A range of bytes of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Which source.
    pub source: SourceId,
    /// The first byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// A range of bytes of a source.
    pub fn new(source: SourceId, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }

    /// An empty range at the same start.
    #[must_use]
    pub fn start(self) -> Self {
        Self { end: self.start, ..self }
    }

    /// Whether another range lies within this one.
    pub fn holds(self, other: Self) -> bool {
        self.source == other.source && self.start <= other.start && other.end <= self.end
    }

    /// The range from this one's start to another's end.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { end: other.end.max(self.end), ..self }
    }
}

/// A line and a column, both from 1; the column counts characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// One text with its name.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path as shown to people, relative to where the command runs.
    pub name: String,
    /// Its text.
    pub text: Arc<str>,
    /// The text as it was read, where something in `text` is hidden.
    original: Option<Arc<str>>,
    /// Where each line starts. Made at the first look-up, so that thousands of problems in one big text don't scan it
    /// thousands of times, and a text without problems is never scanned.
    line_starts: OnceLock<Vec<usize>>,
}

impl Source {
    /// A text with its name.
    pub fn new(name: impl Into<String>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into(), original: None, line_starts: OnceLock::new() }
    }

    /// The text as it was read: for mending it, never for showing it.
    pub fn original(&self) -> &str {
        self.original.as_ref().unwrap_or(&self.text)
    }

    /// The line and column of a byte; a byte order mark has no column.
    pub fn position(&self, byte: u32) -> Position {
        let at = self.text.floor_char_boundary(byte as usize);
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start <= at);
        Position { line, column: self.text[starts[line - 1]..at].trim_start_matches('\u{feff}').chars().count() + 1 }
    }

    /// The bytes of a line with its line break; the line counts from 1.
    pub fn line(&self, line: usize) -> Option<Range<usize>> {
        let starts = self.line_starts();
        let start = *starts.get(line.checked_sub(1)?)?;
        Some(start..starts.get(line).copied().unwrap_or(self.text.len()))
    }

    fn line_starts(&self) -> &[usize] {
        self.line_starts.get_or_init(|| {
            let after_breaks = self.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
            std::iter::once(0).chain(after_breaks).collect()
        })
    }
}

/// All texts of one compilation.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    sources: Vec<Source>,
}

impl SourceMap {
    /// Adds a text and gives it a number.
    pub fn add(&mut self, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.sources.len()).unwrap_or(u32::MAX));
        self.sources.push(Source::new(name, text));
        id
    }

    /// The text with this number.
    pub fn get(&self, id: SourceId) -> &Source {
        &self.sources[id.0 as usize]
    }

    /// Hides what stands at a span from everything that is shown: each byte becomes a `*`, so that places stay.
    pub fn hide(&mut self, span: Span) {
        let Some(source) = self.sources.get_mut(span.source.0 as usize) else { return };
        let (start, end) = (span.start as usize, span.end as usize);
        let Some(secret) = source.text.get(start..end) else { return };
        let hidden: String = secret.bytes().map(|byte| if byte == b'\n' { '\n' } else { '*' }).collect();
        let shown = format!("{}{hidden}{}", &source.text[..start], &source.text[end..]);
        source.original.get_or_insert_with(|| Arc::clone(&source.text));
        source.text = shown.into();
    }

    /// The characters a span covers.
    pub fn slice(&self, span: Span) -> &str {
        let text = &self.get(span.source).text;
        text.get(span.start as usize..span.end as usize).unwrap_or_default()
    }

    /// Where a span begins.
    pub fn position(&self, span: Span) -> Position {
        self.get(span.source).position(span.start)
    }

    /// Where a span ends.
    pub fn end_position(&self, span: Span) -> Position {
        self.get(span.source).position(span.end)
    }

    /// All texts, in the order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &Source)> {
        self.sources.iter().enumerate().map(|(i, s)| (SourceId(u32::try_from(i).unwrap_or(u32::MAX)), s))
    }
}

#[cfg(test)]
mod tests {
    use super::{Position, Source};

    #[test]
    fn columns_count_characters_and_lines_count_breaks() {
        let source = Source::new("a.yaml", "é: 1\r\nb: 2\n");
        let at = |byte| source.position(byte);
        assert_eq!(at(0), Position { line: 1, column: 1 });
        assert_eq!(at(1), Position { line: 1, column: 1 }, "the middle of a character is its start");
        assert_eq!(at(2), Position { line: 1, column: 2 });
        assert_eq!(at(7), Position { line: 2, column: 1 });
        assert_eq!(at(99), Position { line: 3, column: 1 }, "past the end is the end");
        assert_eq!(source.line(2), Some(7..12));
        assert_eq!(source.line(3), Some(12..12));
        assert_eq!((source.line(0), source.line(4)), (None, None));
    }
}
