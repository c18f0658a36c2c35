//! The committed files that are made from the program: they fail here when they are stale.
//! `UPDATE=1 cargo test --test generated` writes them anew.

#![allow(clippy::unwrap_used, reason = "a test that can't go on fails")]

use std::fs;
use std::path::Path;

use gw::cli::manual;
use gw::compiler::{reference, schema};

fn check(path: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, text).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let differs = committed.lines().zip(text.lines()).position(|(a, b)| a != b);
    let line = differs.unwrap_or(committed.lines().count().min(text.lines().count())) + 1;
    assert!(committed == text, "{path} is stale from line {line} on: UPDATE=1 cargo test --test generated");
}

#[test]
fn the_schema() {
    check("schema/gateway.schema.json", &schema::text(&schema::published()));
}

#[test]
fn the_rules() {
    check("schema/rules.json", &schema::rules::text());
}

#[test]
fn the_reference() {
    check("schema/reference.md", &reference::manual());
}

#[test]
fn the_diagnostics() {
    check("schema/diagnostics.md", &reference::diagnostics());
}

#[test]
fn the_commands() {
    check("schema/cli.md", &manual::manual());
}
