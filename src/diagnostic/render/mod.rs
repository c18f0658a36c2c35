//! One renderer per output format. A format is one file here and one line in [`FORMATS`].
//!
//! A renderer makes text of problems; it prints nothing and knows no command.

mod excerpt;
mod github;
mod human;
mod json;
mod junit;
mod printable;
mod sarif;
pub mod xml;

pub use json::problems;
pub use printable::printable;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Diagnostics, Severity, SourceId, SourceMap, Span};

/// A way to show problems.
pub struct Format {
    /// Its name, as after `--output`.
    pub name: &'static str,
    /// Who it is for.
    pub summary: &'static str,
    /// Makes the whole output, with a line break at its end.
    pub render: fn(&Report<'_>) -> String,
}

/// The formats, the default one first.
pub const FORMATS: &[Format] = &[human::FORMAT, json::FORMAT, github::FORMAT, sarif::FORMAT, junit::FORMAT];

/// The format with this name.
pub fn find(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// Problems and the texts they are in.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// All texts that were compiled.
    pub sources: &'a SourceMap,
    /// The problems, in the order to show them.
    pub diagnostics: &'a Diagnostics,
    /// How to show them to people.
    pub style: Style,
}

/// What a terminal can show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether it shows colours.
    pub color: bool,
    /// How many columns it has.
    pub width: usize,
}

impl<'a> Report<'a> {
    /// At most this many problems, the worst if there are more, in the order to show them.
    fn worst(&self, limit: usize) -> Vec<&'a Diagnostic> {
        let mut ranked: Vec<_> = self.diagnostics.iter().enumerate().collect();
        ranked.sort_by_key(|(_, diagnostic)| diagnostic.severity);
        ranked.truncate(limit);
        ranked.sort_by_key(|(place, _)| *place);
        ranked.into_iter().map(|(_, diagnostic)| diagnostic).collect()
    }

    /// Such as `2 errors, 1 warning in 3 files`.
    fn summary(&self) -> String {
        let severities = [Severity::Error, Severity::Warning, Severity::Note];
        let counts: Vec<String> = severities
            .into_iter()
            .map(|severity| (self.diagnostics.count(severity), severity.as_str()))
            .filter(|(count, _)| *count > 0)
            .map(|(count, noun)| counted(count, noun))
            .collect();
        if counts.is_empty() {
            return format!("no problems in {}", counted(self.sources.iter().count(), "file"));
        }
        let files: BTreeSet<_> = self.diagnostics.iter().filter_map(|d| Some(d.span()?.source)).collect();
        match files.len() {
            0 => counts.join(", "),
            files => format!("{} in {}", counts.join(", "), counted(files, "file")),
        }
    }

    /// A problem in plain lines, without its primary place: what is wrong, the other places, and what to write instead.
    fn plain(&self, diagnostic: &Diagnostic) -> String {
        let mut text = diagnostic.message.clone();
        for label in diagnostic.labels.iter().skip(1) {
            let separator = if label.message.is_empty() { "" } else { ": " };
            let _ = write!(text, "\n{}{separator}{}", self.place(label.span), label.message);
        }
        if let Some(help) = &diagnostic.help {
            let _ = write!(text, "\nhelp: {help}");
        }
        printable(&text)
    }

    /// Such as `gateway.d/shop.yaml:7:3`.
    fn place(&self, span: Span) -> String {
        let start = self.sources.position(span);
        format!("{}:{}:{}", self.name(span.source), start.line, start.column)
    }

    /// The path of a source, as one writes it from the folder where the command runs.
    fn name(&self, source: SourceId) -> &'a str {
        let name = self.sources.get(source).name.as_str();
        name.strip_prefix("./").unwrap_or(name)
    }
}

/// Such as `1 file` or `2 files`.
fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {noun}{plural}")
}

/// JSON that people can read too.
#[expect(clippy::expect_used, reason = "serializing fails only for maps whose keys are no strings, and none has such")]
fn pretty_json(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a value that is JSON");
    text.push('\n');
    text
}
