//! Problems as a `JUnit` XML report, for systems that show tests: each file is a test case, which errors make fail.
//!
//! The format has no standard; this is the part that Jenkins, GitLab and Azure read alike, with one `failure` per case.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::diagnostic::render::xml::{attribute, escaped};
use crate::diagnostic::render::{Format, Report, counted};
use crate::diagnostic::{Diagnostic, Severity, SourceId};

/// The format.
pub(super) const FORMAT: Format = Format {
    name: "junit",
    summary: "a test report in XML with a case per file, for CI systems that show tests",
    render,
};

fn render(report: &Report<'_>) -> String {
    let mut cases: BTreeMap<Option<SourceId>, Vec<&Diagnostic>> =
        report.sources.iter().map(|(id, _)| (Some(id), Vec::new())).collect();
    for diagnostic in report.diagnostics {
        cases.entry(diagnostic.span().map(|span| span.source)).or_default().push(diagnostic);
    }
    let failures = cases.values().filter(|problems| errors(problems) > 0).count();
    let counts = format!("name=\"gw\" tests=\"{}\" failures=\"{failures}\"", cases.len());

    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites {counts}>\n  <testsuite {counts} errors=\"0\" skipped=\"0\">");
    for (source, problems) in &cases {
        let name = source.map_or("manifests", |id| report.name(id));
        let _ = write!(xml, "    <testcase classname=\"gw\" name=\"{}\"", attribute(name));
        if problems.is_empty() {
            xml.push_str("/>\n");
            continue;
        }
        xml.push_str(">\n");
        outcome(&mut xml, report, problems);
        xml.push_str("    </testcase>\n");
    }
    xml.push_str("  </testsuite>\n</testsuites>\n");
    xml
}

/// The problems of one file: the reason why it fails, or what it prints where it has no errors.
fn outcome(xml: &mut String, report: &Report<'_>, problems: &[&Diagnostic]) {
    let lines: Vec<String> = problems.iter().map(|diagnostic| line(report, diagnostic)).collect();
    let text = escaped(&lines.join("\n\n"));
    let _ = match problems.iter().find(|diagnostic| diagnostic.severity == Severity::Error) {
        Some(first) => {
            let message = attribute(&format!("{}: {}", counted(errors(problems), "error"), first.message));
            writeln!(xml, "      <failure type=\"{}\" message=\"{message}\">{text}</failure>", first.code.id)
        }
        None => writeln!(xml, "      <system-out>{text}</system-out>"),
    };
}

fn errors(problems: &[&Diagnostic]) -> usize {
    problems.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
}

fn line(report: &Report<'_>, diagnostic: &Diagnostic) -> String {
    let place = diagnostic.span().map(|span| format!("{}: ", report.place(span))).unwrap_or_default();
    let (severity, code) = (diagnostic.severity.as_str(), diagnostic.code);
    format!("{place}{severity}[{}] {}: {}", code.id, code.name, report.plain(diagnostic))
}
