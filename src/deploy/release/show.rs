//! Releases for people and for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::deploy::release::fleet::{Drift, Fleet};
use crate::deploy::release::{Release, Statement};
use crate::diagnostic::render::printable;

/// The version of the JSON documents. A minor one only adds keys.
const FORMAT_VERSION: &str = "1.0";

/// How many digits of a commit are shown.
const COMMIT_DIGITS: usize = 12;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    #[serde(flatten)]
    statement: &'a Statement,
    /// The key, if a trusted one was asked for.
    signed_by: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn of(release: &'a Release) -> Self {
        Self { statement: &release.statement, signed_by: release.signed_by.as_deref() }
    }
}

/// One release, for programs.
pub fn release_document(release: &Release) -> serde_json::Value {
    serde_json::json!({ "formatVersion": FORMAT_VERSION, "release": Line::of(release) })
}

/// One release, for people.
pub fn release_line(release: &Release) -> String {
    let Statement { serial, bundle, table, .. } = &release.statement;
    let mut text = format!("release {serial}: bundle {}, table {}", bundle.short(), table.short());
    for part in details(release) {
        let _ = write!(text, ", {part}");
    }
    text + "\n"
}

/// The release in force, the nodes that follow it, and whether manifests are what is released, for programs.
pub fn status_document(fleet: &Fleet, drift: Option<&Drift>) -> serde_json::Value {
    let mut document = serde_json::json!({
        "formatVersion": FORMAT_VERSION,
        "release": fleet.current.as_ref().map(Line::of),
        "fleet": fleet.document(),
    });
    if let Some(drift) = drift {
        document["drift"] = serde_json::json!(drift);
    }
    document
}

/// The same for people.
pub fn status_text(fleet: &Fleet, drift: Option<&Drift>) -> String {
    let current = fleet.current.as_ref().map_or_else(|| "nothing was released yet\n".to_owned(), release_line);
    current + &fleet.summary() + &fleet.table() + &drift.map(Drift::line).unwrap_or_default()
}

/// Several releases, the newest first, for programs.
pub fn history_document(releases: &[Release]) -> serde_json::Value {
    let lines: Vec<Line<'_>> = releases.iter().map(Line::of).collect();
    serde_json::json!({ "formatVersion": FORMAT_VERSION, "releases": lines })
}

/// Several releases, the newest first, for people: that one is in force.
pub fn history_table(releases: &[Release]) -> String {
    if releases.is_empty() {
        return "nothing was released yet\n".to_owned();
    }
    let mut text = format!("  {:>6}  {:<12}  {:<12}  time\n", "number", "bundle", "table");
    for (index, release) in releases.iter().enumerate() {
        let Statement { serial, bundle, table, time, .. } = &release.statement;
        let mark = if index == 0 { '*' } else { ' ' };
        let details = details(release).join(", ");
        let line = format!("{mark} {serial:>6}  {}  {}  {time}  {details}", bundle.short(), table.short());
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What not every release has.
fn details(release: &Release) -> Vec<String> {
    let Statement { environment, commit, restores, canary, .. } = &release.statement;
    let commit = commit.as_ref().map(|commit| commit.chars().take(COMMIT_DIGITS).collect::<String>());
    let parts = [
        canary.as_ref().map(|canary| format!("first on {}", canary.nodes.describe())),
        restores.map(|serial| format!("restores {serial}")),
        environment.as_ref().map(|name| format!("environment {name}")),
        commit.map(|commit| format!("commit {commit}")),
        release.signed_by.as_ref().map(|key| format!("signed by {key}")),
    ];
    parts.into_iter().flatten().map(|part| printable(&part)).collect()
}
