//! Turns the parser's errors into ours: what is wrong in the words of whoever wrote the manifest, at the place
//! where it is to be mended, which is often before the place where the parser noticed.

use granit_parser::{ErrorKind as Kind, Marker, ScanError};

use crate::compiler::syntax::tree::MAX_DEPTH;
use crate::compiler::syntax::{codes, problem};
use crate::diagnostic::{Diagnostic, SourceId, Span};

/// The byte a marker stands at; the parser's columns and indices count characters.
pub(super) fn offset(marker: Marker) -> u32 {
    marker.byte_offset().and_then(|byte| u32::try_from(byte).ok()).unwrap_or(u32::MAX)
}

/// Explains why the parser gave up. `bracket` is where the innermost `[` or `{` stands that is still open.
pub(super) fn syntax_error(cause: &ScanError, source: SourceId, text: &str, bracket: Option<u32>) -> Diagnostic {
    let at = text.floor_char_boundary(offset(*cause.marker()) as usize);
    let bracket = bracket.map(|byte| byte as usize);
    let broken = Broken { source, text, at, bracket };
    broken
        .tab(cause.kind())
        .or_else(|| broken.quotes(cause.kind()))
        .or_else(|| broken.brackets(cause.kind()))
        .or_else(|| broken.layout(cause.kind()))
        .unwrap_or_else(|| broken.other(cause.kind()))
}

/// A text and the byte where the parser gave up.
#[derive(Clone, Copy)]
struct Broken<'a> {
    source: SourceId,
    text: &'a str,
    at: usize,
    bracket: Option<usize>,
}

/// A line, from its first to one past its last byte, without the line break.
#[derive(Clone, Copy)]
struct Line<'a> {
    start: usize,
    text: &'a str,
}

impl Broken<'_> {
    fn tab(&self, kind: &Kind) -> Option<Diagnostic> {
        let about_tabs = matches!(
            kind,
            Kind::TabNotAllowed
                | Kind::TabInBlockIndentation
                | Kind::TabAtBlockScalarStart
                | Kind::TabInIndentation
                | Kind::TabInPlainScalar
        );
        if !about_tabs {
            return None;
        }
        let line = self.lines_from(self.at).find(|line| line.indentation().contains('\t'))?;
        let indentation = line.indentation();
        let first = line.start + indentation.find('\t')?;
        let spaces = match self.line_above(line) {
            Some(above) if above.text.trim_end().ends_with(':') => " ".repeat(above.content_column() + 2),
            _ => indentation.replace('\t', "  "),
        };
        Some(
            Diagnostic::new(&codes::TAB, "a line is indented with a tab")
                .at(self.span(first, line.start + indentation.len()), "indent with spaces")
                .help("use two spaces for each level, and let the editor insert spaces in YAML files")
                .fix("replace the tabs with spaces", self.span(line.start, line.start + indentation.len()), spaces),
        )
    }

    fn quotes(&self, kind: &Kind) -> Option<Diagnostic> {
        Some(match kind {
            Kind::UnclosedQuotedScalar | Kind::DocumentIndicatorInQuotedScalar => {
                error("a quote is never closed", self.char(self.at), "opened here")
                    .help("close it, or leave the quotes out if the value needs none")
            }
            Kind::InvalidTrailingDoubleQuotedScalar => {
                error("there is text after the closing quote", self.char(self.at), "the value ended before this")
                    .help("inside `\"…\"` a quote is written `\\\"`; or put `'…'` around the value")
            }
            Kind::InvalidTrailingSingleQuotedScalar => {
                error("there is text after the closing quote", self.char(self.at), "the value ended before this")
                    .help("inside `'…'` a quote is written twice: `''`; or put `\"…\"` around the value")
            }
            Kind::UnknownQuotedScalarEscape => {
                let escape = self.unknown_escape()?;
                error("`\"…\"` has no such escape", escape, "not an escape")
                    .help("write `\\\\` for a backslash, or put `'…'` around the value: nothing is escaped in it")
                    .fix("write the backslash twice", escape.start(), "\\")
            }
            Kind::InvalidQuotedScalarIndent => {
                error("a quoted text goes on in a line that is indented too little", self.char(self.at), "")
                    .help("indent it deeper than its key; a quote may have been left open")
            }
            Kind::InvalidQuotedScalarHexEscape
            | Kind::InvalidLowSurrogateHexEscape
            | Kind::InvalidLowSurrogate
            | Kind::MissingLowSurrogate
            | Kind::UnpairedLowSurrogate
            | Kind::InvalidUnicodeEscape => {
                error("a numeric escape stands for no character", self.rest(self.at), "in this text").help(
                    "an escape is `\\xXX`, `\\uXXXX` or `\\UXXXXXXXX` in hexadecimal; write `\\\\` for a backslash",
                )
            }
            _ => return None,
        })
    }

    /// The first backslash of the quoted text at `self.at` that begins no escape.
    fn unknown_escape(&self) -> Option<Span> {
        const KNOWN: &str = "0abt\tnvfre \"/\\N_LPxuU\r\n";
        let mut chars = self.text[self.at..].char_indices();
        loop {
            let (backslash, _) = chars.find(|(_, c)| *c == '\\')?;
            let (i, escaped) = chars.next()?;
            if !KNOWN.contains(escaped) {
                return Some(self.span(self.at + backslash, self.at + i + escaped.len_utf8()));
            }
        }
    }

    fn brackets(&self, kind: &Kind) -> Option<Diagnostic> {
        Some(match kind {
            Kind::UnclosedFlowCollection { open } => {
                error(format!("`{open}` is never closed"), self.char(self.at), "opened here")
                    .help(format!("add `{}`", closing(*open)))
            }
            Kind::MismatchedFlowCollectionEnd { open, close } => {
                error(format!("`{open}` is closed by `{close}`"), self.char(self.at), "opened here")
                    .help(format!("a `{}` is missing before the `{close}`", closing(*open)))
            }
            Kind::MisplacedFlowCollectionEnd => {
                error("a bracket closes nothing", self.char(self.at), "no bracket is open here")
                    .help("remove it, or put quotes around the value")
            }
            _ => {
                let bracket = self.bracket.filter(|_| is_about_brackets(kind))?;
                if self.text[self.at..].starts_with('{') && self.text[..self.at].ends_with('$') {
                    return Some(
                        error("a value with `${…}` needs quotes here", self.span(self.at - 1, self.at + 1), "")
                            .help("between brackets write `\"${…}\"`; on a line of its own it needs no quotes"),
                    );
                }
                self.missing_separator(bracket)
            }
        })
    }

    /// Two values between brackets with nothing between them, or a bracket that was left open further up.
    fn missing_separator(&self, bracket: usize) -> Diagnostic {
        let open = self.text[bracket..].chars().next().unwrap_or('[');
        // The key of a line was read as the end of the text in the line above it.
        let line = self.line(self.at);
        let key = line.start + line.content_column();
        let word =
            self.text[line.start..self.at].rfind([' ', ',', '[', '{']).map_or(line.start, |i| line.start + i + 1);
        if self.text[self.at..].starts_with(':') && word > bracket && word < self.at {
            return self.separator(self.span(word, self.at), bracket, open);
        }
        let is_key = line.start > bracket && key < self.at && !self.text[key..self.at].contains([' ', ',']);
        let place = if is_key { self.span(key, self.at) } else { self.char(self.at) };
        self.separator(place, bracket, open)
    }

    fn separator(&self, place: Span, bracket: usize, open: char) -> Diagnostic {
        let close = closing(open);
        error(format!("`,` or `{close}` is expected"), place, "before this")
            .at(self.char(bracket), format!("this `{open}` is still open"))
            .help(format!(
                "close it with `{close}`, or separate its values with `,`; a value that holds `: `, `,` or a bracket needs quotes"
            ))
    }

    fn layout(&self, kind: &Kind) -> Option<Diagnostic> {
        Some(match kind {
            Kind::MappingValueNotAllowed => self.unexpected_colon(),
            Kind::SimpleKeyExpected | Kind::InvalidSimpleKey => self.missing_colon(self.line(self.at)),
            Kind::ExpectedBlockMappingKey | Kind::InvalidIndentation => self.stray(),
            Kind::ExpectedBlockSequenceEntry => {
                error("`- ` is expected in a list", self.rest(self.at), "this is not an item")
                    .help("begin it with `- `, or align it with the keys of the object that it belongs to")
            }
            Kind::ExpectedDocumentStart => {
                error("the document ended above", self.rest(self.at), "belongs to no document")
                    .help("write a line `---` between documents")
            }
            Kind::CommentInterceptedScalar => {
                error("a text cannot go on after a comment", self.rest(self.at), "the text goes on in the next line")
                    .help("align the next line with the key above, or move the comment")
            }
            Kind::InvalidBlockScalarHeader | Kind::ZeroBlockScalarIndent => {
                error("a text that begins with `|` or `>` stands on the lines below", self.rest(self.at), "")
                    .help("end this line after `|` or `>`, or put quotes around the value")
            }
            Kind::BlockSequenceEntryNotAllowed => {
                error("a list cannot begin on the line of its key", self.char(self.at), "a list item")
                    .help("begin it on the next line, or write `[a, b]`; put quotes around a value that is `-`")
            }
            _ => return None,
        })
    }

    /// A `: ` where no key can be: two on one line, a line too deep, or no `:` in the line above.
    fn unexpected_colon(&self) -> Diagnostic {
        let line = self.line(self.at);
        let before = &self.text[line.start..self.at];
        if before.contains(": ") {
            return error("a second `: ` on one line", self.char(self.at), "this would begin another value")
                .help("put quotes around a value that holds `: `");
        }
        match self.line_above(line) {
            Some(above) if above.content_column() < line.content_column() => {
                let key = self.span(line.start + line.content_column(), self.at);
                error("this line is indented deeper than the one above, which already has a value", key, "too deep")
                    .help("align it with the key above, or remove the value above")
            }
            Some(above) => self.missing_colon(above),
            None => error("a key cannot be here", self.char(self.at), ""),
        }
    }

    /// A line that should be `key: value`.
    fn missing_colon(&self, line: Line<'_>) -> Diagnostic {
        let content = self.span(line.start + line.content_column(), line.start + line.text.trim_end().len());
        match line.text[line.content_column()..].find(':') {
            Some(i) if !line.text.contains("://") => {
                let after = line.start + line.content_column() + i + 1;
                error("a space is missing after `:`", self.span(after - 1, after), "write `: `").fix(
                    "add a space",
                    self.span(after, after),
                    " ",
                )
            }
            _ => error("`:` is missing after a key", content, "not `key: value`").help("write `key: value`"),
        }
    }

    /// Something that the lines before it don't lead up to.
    fn stray(&self) -> Diagnostic {
        let line = self.line(self.at);
        let before = self.text[line.start..self.at].trim_matches(' ');
        if before.is_empty() {
            return error("the indentation fits none of the lines above", self.rest(self.at), "in a column of its own")
                .help("begin all keys of an object, and all `-` of a list, in the same column");
        }
        if before.bytes().all(|b| b == b'-') {
            let item = self.rest(self.at - self.text[line.start..self.at].trim_start_matches(' ').len());
            return error("a list item stands where a key is expected", item, "belongs to no list")
                .help("write `key: value`, or indent the list below its key");
        }
        error("unexpected text after a value", self.rest(self.at), "the value ended before this")
            .help("put quotes around the whole value")
    }

    fn other(&self, kind: &Kind) -> Diagnostic {
        match kind {
            Kind::RecursionLimitExceeded => problem::too_deep(self.char(self.at), MAX_DEPTH),
            Kind::UndeclaredTagHandle => {
                let tag = self.text[self.at..].split([' ', '\n', '\r', ',']).next().unwrap_or_default();
                problem::custom_tag(self.span(self.at, self.at + tag.len()), tag)
            }
            Kind::UnexpectedCharacter { character } if character.is_control() => {
                error(format!("a control character, U+{:04X}", u32::from(*character)), self.char(self.at), "")
                    .help("remove it, or write it as an escape between double quotes")
            }
            Kind::UnexpectedCharacter { character } => {
                error(format!("a value without quotes cannot begin with `{character}`"), self.char(self.at), "")
                    .help("put quotes around the value")
            }
            Kind::MissingAnchorOrAliasName => {
                error("`*` and `&` begin the name of an alias or anchor", self.char(self.at), "without a name")
                    .help("put quotes around a value that begins with them")
            }
            Kind::ExpectedNodeContent => error("a value is expected", self.char(self.at), "before this"),
            kind => error(kind.to_string(), self.char(self.at), ""),
        }
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        Span::new(self.source, byte(start), byte(end.max(start)))
    }

    /// The character at a byte; empty at the end of a line.
    fn char(&self, at: usize) -> Span {
        let length = self.text[at..].chars().next().filter(|c| !matches!(c, '\r' | '\n')).map_or(0, char::len_utf8);
        self.span(at, at + length)
    }

    /// From a byte to the end of its line.
    fn rest(&self, at: usize) -> Span {
        let rest = self.text[at..].split(['\r', '\n']).next().unwrap_or_default();
        self.span(at, at + rest.trim_end().len())
    }

    fn line(&self, at: usize) -> Line<'_> {
        let start = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let text = self.text[start..].split(['\r', '\n']).next().unwrap_or_default();
        Line { start, text }
    }

    fn lines_from(&self, at: usize) -> impl Iterator<Item = Line<'_>> {
        let first = self.line(at).start;
        self.text[first..].split_inclusive('\n').scan(first, |start, text| {
            let line = Line { start: *start, text: text.trim_end_matches(['\r', '\n']) };
            *start += text.len();
            Some(line)
        })
    }

    /// The nearest line above with something in it.
    fn line_above(&self, below: Line<'_>) -> Option<Line<'_>> {
        let mut start = below.start;
        while start > 0 {
            let line = self.line(start - 1);
            if !matches!(line.text.trim_start().as_bytes().first(), None | Some(b'#')) {
                return Some(line);
            }
            start = line.start;
        }
        None
    }
}

impl Line<'_> {
    fn indentation(&self) -> &str {
        &self.text[..self.text.len() - self.text.trim_start_matches([' ', '\t']).len()]
    }

    /// Where its key begins: after the indentation and the `- ` of list items.
    fn content_column(&self) -> usize {
        let mut rest = self.text.trim_start_matches(' ');
        while let Some(item) = rest.strip_prefix("- ") {
            rest = item.trim_start_matches(' ');
        }
        self.text.len() - rest.len()
    }
}

fn is_about_brackets(kind: &Kind) -> bool {
    matches!(
        kind,
        Kind::ExpectedFlowMappingSeparator
            | Kind::ExpectedFlowSequenceSeparator
            | Kind::InvalidColonPlacement
            | Kind::UnexpectedEofFlowSequence
            | Kind::UnexpectedEofFlowMapping
            | Kind::UnexpectedEofImplicitFlowMapping
            | Kind::FlowMappingValueAdjacentCollection
            | Kind::InvalidFlowScalarIndent
            | Kind::MappingValueNotAllowed
    )
}

fn closing(open: char) -> char {
    if open == '{' { '}' } else { ']' }
}

fn error(message: impl Into<String>, place: Span, label: impl Into<String>) -> Diagnostic {
    Diagnostic::new(&codes::SYNTAX, message).at(place, label)
}
