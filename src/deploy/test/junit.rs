//! What became of tests as a `JUnit` XML report: a suite for each `Test`, a case for each of its cases.

use std::fmt::Write as _;

use crate::deploy::test::{CaseReport, Report};
use crate::diagnostic::render::xml::{attribute, escaped};

/// The report.
pub fn junit(report: &Report) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a string cannot fail.
    let _ = writeln!(xml, "<testsuites name=\"gw\" tests=\"{}\" failures=\"{}\">", report.total, report.failed);
    for suite in report.cases.chunk_by(|a, b| a.test == b.test) {
        let failures = suite.iter().filter(|case| !case.mismatches.is_empty()).count();
        let name = attribute(&suite[0].test);
        let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\"", suite.len());
        let _ = writeln!(xml, "  <testsuite name=\"{name}\" {counts}>");
        suite.iter().for_each(|case| write_case(&mut xml, case));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn write_case(xml: &mut String, case: &CaseReport) {
    let (test, name, place) = (attribute(&case.test), attribute(&case.name), &case.place);
    let at = format!("file=\"{}\" line=\"{}\"", attribute(&place.file), place.line);
    let _ = write!(xml, "    <testcase classname=\"{test}\" name=\"{name}\" {at}");
    let Some(first) = case.mismatches.first() else {
        xml.push_str("/>\n");
        return;
    };
    let lines: Vec<String> = case
        .mismatches
        .iter()
        .map(|one| format!("{}: {}: expected {}, got {}", one.place, one.what, one.expected, one.got))
        .collect();
    let message = attribute(&format!("{}: expected {}, got {}", first.what, first.expected, first.got));
    let _ = writeln!(
        xml,
        ">\n      <failure type=\"{}\" message=\"{message}\">{}</failure>\n    </testcase>",
        attribute(&first.what),
        escaped(&lines.join("\n"))
    );
}
