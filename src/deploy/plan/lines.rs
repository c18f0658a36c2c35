//! What every text form of a plan says, line by line.

use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};

use crate::compiler::quote::flow;
use crate::deploy::plan::{Action, Described, FieldChange, Plan, Shown};

/// A line of a change.
pub(super) struct Line {
    /// What it shows; `None` for a line that stays.
    pub action: Option<Action>,
    /// The line, with its sign.
    pub text: String,
}

impl Line {
    fn new(action: Action, text: &str) -> Self {
        Self { action: Some(action), text: format!("{} {text}", action.sign()) }
    }
}

/// Lines around one that changes, in a text of several lines.
const CONTEXT: usize = 2;

/// What is compared with what.
pub(super) fn head(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!("Base: {}", side(&plan.base)), format!("Target: {}", side(&plan.target))];
    if plan.base.errors > 0 {
        lines.push("The base does not compile: it is compared as far as it can be read.".to_owned());
    }
    lines
}

fn side(side: &Described) -> String {
    let digest = side.digest.as_deref().and_then(|digest| digest.get(..12));
    let digest = digest.map_or_else(|| counted(side.errors, "error"), |digest| format!("digest {digest}"));
    format!("{}, {digest}", side.name)
}

/// What should not be overlooked.
pub(super) fn warnings(plan: &Plan) -> Vec<String> {
    let routes = plan.routes;
    let mut warnings = Vec::new();
    if routes.is_mass_delete() {
        warnings.push(format!(
            "Warning: {} of {} routes are removed. `gw apply` asks for `--allow-mass-delete`.",
            routes.removed, routes.before
        ));
    }
    if !plan.changes.is_empty() && plan.base.digest.is_some() && plan.base.digest == plan.target.digest {
        warnings.push("Nothing that decides what a request gets changes: the table stays the same.".to_owned());
    }
    warnings
}

/// A field that changes; a text of several lines by its lines.
pub(super) fn field(change: &FieldChange) -> Vec<Line> {
    let line = |text: String| Line::new(change.action, &text);
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => match (text(old), text(new)) {
            (Some(old), Some(new)) if old.contains('\n') || new.contains('\n') => {
                let mut lines = vec![line(format!("{}:", change.path))];
                lines.extend(texts(old, new));
                lines
            }
            _ => vec![line(format!("{}: {} → {}", change.path, value(old), value(new)))],
        },
        (Some(one), None) | (None, Some(one)) => vec![line(format!("{}: {}", change.path, value(one)))],
        (None, None) => vec![line(change.path.clone())],
    }
}

fn text(shown: &Shown) -> Option<&str> {
    shown.value.as_str()
}

fn value(shown: &Shown) -> String {
    let value = match &shown.value {
        // a reference to a secret is read as one word
        Json::String(text) if text.starts_with("env:") || text.starts_with("file:") || text == "(hidden)" => {
            text.clone()
        }
        other => flow(other),
    };
    format!("{value}{}", if shown.is_default { " (default)" } else { "" })
}

/// The lines of a text that change, with some around them.
fn texts(old: &str, new: &str) -> Vec<Line> {
    let diff = TextDiff::from_lines(old, new);
    let mut lines = Vec::new();
    for (i, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if i > 0 {
            lines.push(Line { action: None, text: "  …".to_owned() });
        }
        for change in group.iter().flat_map(|step| diff.iter_changes(step)) {
            let text = change.value().trim_end_matches(['\n', '\r']);
            lines.push(match change.tag() {
                ChangeTag::Equal => Line { action: None, text: format!("  | {text}") },
                ChangeTag::Insert => Line::new(Action::Add, &format!("| {text}")),
                ChangeTag::Delete => Line::new(Action::Remove, &format!("| {text}")),
            });
        }
    }
    lines
}

/// Such as `1 error` or `2 errors`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
