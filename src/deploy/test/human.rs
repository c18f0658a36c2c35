//! What became of tests as text for people.

use std::fmt::Write as _;

use crate::deploy::test::{CaseReport, Report, Run};

/// The cases that failed, and how many there are, in each environment.
pub fn human(report: &Report) -> String {
    report.runs.iter().map(human_run).collect::<Vec<_>>().join("\n")
}

fn human_run(run: &Run) -> String {
    let mut out = String::new();
    if let Some(environment) = &run.environment {
        // Writing into a string cannot fail.
        let _ = writeln!(out, "in the environment {environment}:");
    }
    for case in run.cases.iter().filter(|case| !case.mismatches.is_empty()) {
        failure(&mut out, case);
    }
    let _ = match run.failed {
        0 => writeln!(out, "{}, all passed", counts(run)),
        failed => writeln!(out, "{}, {failed} failed", counts(run)),
    };
    run.coverage.iter().for_each(|coverage| out.push_str(&coverage.human()));
    run.mutation.iter().for_each(|mutation| out.push_str(&mutation.human()));
    out
}

/// Such as `12 cases and 1 statement`.
fn counts(run: &Run) -> String {
    let several = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    match (run.total - run.statements, run.statements) {
        (cases, 0) => several(cases, "case"),
        (0, statements) => several(statements, "statement"),
        (cases, statements) => format!("{} and {}", several(cases, "case"), several(statements, "statement")),
    }
}

fn failure(out: &mut String, case: &CaseReport) {
    let _ = writeln!(out, "FAILED {} / {}\n  at {}", case.test, case.name, case.place);
    for mismatch in &case.mismatches {
        let _ = writeln!(out, "  {}: expected {}, got {}", mismatch.what, mismatch.expected, mismatch.got);
        let _ = writeln!(out, "    at {}", mismatch.place);
    }
    out.push('\n');
}
