//! Problems as GitHub Actions workflow commands, which become annotations on the lines of a pull request.

use std::fmt::Write as _;

use crate::diagnostic::render::{Format, Report};
use crate::diagnostic::{Diagnostic, Severity, Span};

/// The format.
pub(super) const FORMAT: Format =
    Format { name: "github", summary: "annotations on the lines of a pull request, for GitHub Actions", render };

/// GitHub shows no more than ten annotations of a level per step, and drops the others without a word.
const MOST: usize = 10;

fn render(report: &Report<'_>) -> String {
    let mut output = String::new();
    for severity in [Severity::Error, Severity::Warning] {
        for diagnostic in report.diagnostics.iter().filter(|d| d.severity == severity).take(MOST) {
            command(&mut output, report, diagnostic);
        }
    }
    if !report.diagnostics.is_empty() {
        let _ = writeln!(output, "::notice title=gw::{}", message(&report.summary()));
    }
    output
}

fn command(output: &mut String, report: &Report<'_>, diagnostic: &Diagnostic) {
    let place = diagnostic.span().map(|span| place(report, span)).unwrap_or_default();
    let title = property(&format!("{} {}", diagnostic.code.id, diagnostic.code.name));
    let text = message(&report.plain(diagnostic));
    let _ = writeln!(output, "::{} {place}title={title}::{text}", diagnostic.severity.as_str());
}

/// The properties that say where, each with its comma. The line breaks at the end of a place are not part of it, and
/// the runner refuses columns that are on different lines.
fn place(report: &Report<'_>, span: Span) -> String {
    let text = report.sources.slice(span);
    let breaks = u32::try_from(text.len() - text.trim_end().len()).unwrap_or(0);
    let (start, end) = (report.sources.position(span), report.sources.get(span.source).position(span.end - breaks));
    let mut properties =
        format!("file={},line={},endLine={},", property(report.name(span.source)), start.line, end.line);
    if start.line == end.line {
        let _ = write!(properties, "col={},endColumn={},", start.column, end.column);
    }
    properties
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}
