//! What became of tests as text for people.

use std::fmt::Write as _;

use crate::deploy::test::{CaseReport, Report};

/// The cases that failed, and how many there are.
pub fn human(report: &Report) -> String {
    let mut out = String::new();
    for case in report.cases.iter().filter(|case| !case.mismatches.is_empty()) {
        failure(&mut out, case);
    }
    let cases = if report.total == 1 { "case" } else { "cases" };
    // Writing into a string cannot fail.
    let _ = match report.failed {
        0 => writeln!(out, "{} {cases}, all passed", report.total),
        failed => writeln!(out, "{} {cases}, {failed} failed", report.total),
    };
    report.coverage.iter().for_each(|coverage| out.push_str(&coverage.human()));
    report.mutation.iter().for_each(|mutation| out.push_str(&mutation.human()));
    out
}

fn failure(out: &mut String, case: &CaseReport) {
    let _ = writeln!(out, "FAILED {} / {}\n  at {}", case.test, case.name, case.place);
    for mismatch in &case.mismatches {
        let _ = writeln!(out, "  {}: expected {}, got {}", mismatch.what, mismatch.expected, mismatch.got);
        let _ = writeln!(out, "    at {}", mismatch.place);
    }
    out.push('\n');
}
