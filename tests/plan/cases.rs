//! Two folders, and the whole text that says what changes, in every format: `UPDATE=1 cargo test --test plan` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::command::gw_command;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan/cases").join(name)
}

fn check(name: &str, code: i32) {
    let folder = folder(name);
    for (format, file) in [("human", "human.txt"), ("markdown", "comment.md"), ("json", "plan.json")] {
        let mut command = gw_command();
        command.args(["plan", "target", "--base", "base", "--detailed-exitcode", "--output", format]);
        // so that the repository that this file is in is none
        command.env("GIT_CEILING_DIRECTORIES", folder.parent().unwrap());
        let mut run = || command.current_dir(&folder).output().unwrap();
        let (first, second) = (run(), run());
        let text = String::from_utf8(first.stdout.clone()).unwrap();
        assert_eq!(first.status.code(), Some(code), "{name}: {}", String::from_utf8_lossy(&first.stderr));
        assert_eq!(first.stdout, second.stdout, "{name}: two runs differ");
        let golden = folder.join(file);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&golden, &text).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(text, expected, "{}: UPDATE=1 cargo test --test plan", golden.display());
    }
}

#[test]
fn fields_that_change() {
    check("fields", 2);
}

#[test]
fn a_limit_is_not_said_to_change_nothing() {
    check("limit-raised", 2);
}

#[test]
fn what_matters_for_security_comes_first() {
    check("security", 2);
}

#[test]
fn most_routes_go() {
    check("most-routes", 2);
}

#[test]
fn a_default_that_is_written_out_is_no_change() {
    check("defaults-written-out", 0);
}

#[test]
fn a_route_with_another_name_changes_nothing_for_requests() {
    check("other-names", 2);
}

#[test]
fn what_becomes_public_or_is_not_answered_any_more() {
    check("becomes-public", 2);
}
