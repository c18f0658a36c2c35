//! Problems as JSON, for programs. A minor `formatVersion` only adds keys, so a reader ignores those it doesn't know.

use serde::Serialize;

use crate::diagnostic::render::{Format, Report, pretty_json};
use crate::diagnostic::{Diagnostic, Severity, Span};

/// The format.
pub(super) const FORMAT: Format =
    Format { name: "json", summary: "one JSON document with a `formatVersion`, for programs", render };

fn render(report: &Report<'_>) -> String {
    let count = |severity| report.diagnostics.count(severity);
    pretty_json(&Document {
        format_version: "1.0",
        diagnostics: report.diagnostics.iter().map(|diagnostic| Problem::new(report, diagnostic)).collect(),
        counts: Counts {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            notes: count(Severity::Note),
        },
    })
}

/// At most this many problems, the worst if there are more, as a JSON value: the `diagnostics` of the document.
pub fn problems(report: &Report<'_>, limit: usize) -> serde_json::Value {
    let problems: Vec<_> = report.worst(limit).into_iter().map(|problem| Problem::new(report, problem)).collect();
    serde_json::to_value(problems).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    format_version: &'static str,
    diagnostics: Vec<Problem<'a>>,
    counts: Counts,
}

#[derive(Serialize)]
struct Counts {
    errors: usize,
    warnings: usize,
    notes: usize,
}

#[derive(Serialize)]
struct Problem<'a> {
    code: &'static str,
    name: &'static str,
    severity: Severity,
    message: &'a str,
    object: Option<&'a str>,
    labels: Vec<Label<'a>>,
    help: Option<&'a str>,
    fix: Option<Fix<'a>>,
}

#[derive(Serialize)]
struct Label<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    message: &'a str,
    primary: bool,
}

#[derive(Serialize)]
struct Fix<'a> {
    message: &'a str,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    replacement: &'a str,
}

/// Lines and columns count from 1, columns in characters; bytes count from 0. Ends are exclusive.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    byte_start: u32,
    byte_end: u32,
}

impl<'a> Problem<'a> {
    fn new(report: &Report<'a>, diagnostic: &'a Diagnostic) -> Self {
        let labels = diagnostic.labels.iter().enumerate().map(|(n, label)| Label {
            place: Place::new(report, label.span),
            message: &label.message,
            primary: n == 0,
        });
        let fix = diagnostic.fix.as_ref().map(|fix| Fix {
            message: &fix.message,
            edits: fix
                .edits
                .iter()
                .map(|edit| Edit { place: Place::new(report, edit.span), replacement: &edit.replacement })
                .collect(),
        });
        Self {
            code: diagnostic.code.id,
            name: diagnostic.code.name,
            severity: diagnostic.severity,
            message: &diagnostic.message,
            object: diagnostic.object.as_deref(),
            labels: labels.collect(),
            help: diagnostic.help.as_deref(),
            fix,
        }
    }
}

impl<'a> Place<'a> {
    fn new(report: &Report<'a>, span: Span) -> Self {
        let (start, end) = (report.sources.position(span), report.sources.end_position(span));
        Self {
            file: report.name(span.source),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            byte_start: span.start,
            byte_end: span.end,
        }
    }
}
