//! What became of tests as a `JUnit` XML report: a suite for each `Test` in each environment, a case for each of its cases.

use std::fmt::Write as _;

use crate::deploy::test::{CaseReport, Report, Run};
use crate::diagnostic::render::xml::{attribute, escaped};

/// The report.
pub fn junit(report: &Report) -> String {
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing into a string cannot fail.
    let _ = writeln!(xml, "<testsuites name=\"gw\" tests=\"{}\" failures=\"{}\">", report.total, report.failed);
    report.runs.iter().for_each(|run| write_run(&mut xml, run));
    xml.push_str("</testsuites>\n");
    xml
}

fn write_run(xml: &mut String, run: &Run) {
    for suite in run.cases.chunk_by(|a, b| a.test == b.test) {
        let failures = suite.iter().filter(|case| !case.mismatches.is_empty()).count();
        let test = &suite[0].test;
        let name =
            run.environment.as_ref().map_or_else(|| test.clone(), |environment| format!("{test} ({environment})"));
        let name = attribute(&name);
        let counts = format!("tests=\"{}\" failures=\"{failures}\" errors=\"0\" skipped=\"0\"", suite.len());
        let _ = writeln!(xml, "  <testsuite name=\"{name}\" {counts}>");
        for case in suite {
            write_case(xml, &name, case);
        }
        xml.push_str("  </testsuite>\n");
    }
}

fn write_case(xml: &mut String, test: &str, case: &CaseReport) {
    let (name, place) = (attribute(&case.name), &case.place);
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
