//! What every text form of a plan says, line by line.

use serde_json::Value as Json;
use similar::{ChangeTag, TextDiff};

use crate::compiler::quote::flow;
use crate::deploy::plan::{Action, Behaviour, Described, FieldChange, Plan, RequestChange, Shown};
use crate::table::space::Risk;

/// A line of a change.
pub(super) struct Line {
    /// What it shows; `None` for a line that stays.
    pub action: Option<Action>,
    /// The line, with its sign.
    pub text: String,
}

impl Line {
    fn plain(text: String) -> Self {
        Self { action: None, text: format!("  {text}") }
    }

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

/// Requests for which the same changes: what it means, what they got and get, which they are.
pub(super) fn requests(change: &RequestChange) -> Vec<Line> {
    let action = match change.risk {
        Risk::BecomesUnreachable => Action::Remove,
        Risk::BecomesReachable | Risk::NewHost => Action::Add,
        _ => Action::Change,
    };
    let security =
        if change.security.is_empty() { String::new() } else { format!(" ({})", change.security.join(", ")) };
    let mut lines = vec![Line::new(action, &format!("{}{security}", change.meaning()))];
    if change.old == change.new {
        lines.push(Line::plain(format!("{}: {}", change.new, change.differs.join(", "))));
    } else {
        lines.push(Line::plain(format!("{} → {}", change.old, change.new)));
    }
    for class in change.requests.iter().take(CLASSES) {
        let witness = class.witness.as_ref().filter(|witness| **witness != class.which);
        let witness = witness.map_or_else(String::new, |witness| format!(", such as {witness}"));
        lines.push(Line::plain(format!("{}{witness}", class.which)));
    }
    if let Some(more) = change.requests.len().checked_sub(CLASSES).filter(|more| *more > 0) {
        lines.push(Line::plain(format!("and {more} more; `--output json` has all")));
    }
    lines
}

/// Requests of which it is not known whether anything changes.
pub(super) fn unproved(behaviour: &Behaviour) -> Vec<Line> {
    if behaviour.unproved.is_empty() {
        return Vec::new();
    }
    let mut lines = vec![Line::new(Action::Change, "it is not known whether these get the same")];
    lines.extend(behaviour.unproved.iter().take(CLASSES).map(|class| Line::plain(class.which.clone())));
    lines
}

/// How many classes of requests are shown for one change.
const CLASSES: usize = 10;

/// Such as `1 error` or `2 errors`.
pub(super) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
