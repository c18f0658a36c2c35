//! Checks a document against the JSON Schema of its kind, and turns each error into a diagnostic with a place.

mod codes;
mod explain;
mod fields;
mod quick;
mod types;
mod validators;

pub use codes::CODES;
pub(super) use codes::LITERAL_SECRET;
pub(super) use explain::{invalid, scalar_error};
pub use validators::Validators;

use serde_json::Value as Json;

use crate::compiler::check::codes::{
    MISSING_FIELD, NOT_AN_OBJECT, UNKNOWN_API_VERSION, UNKNOWN_FIELD, UNKNOWN_KIND, WRONG_TYPE,
};
use crate::compiler::manifest::{API_VERSION, KINDS, KindInfo, kind};
use crate::compiler::quote::listed;
use crate::compiler::syntax::{Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::value::did_you_mean::did_you_mean;

/// A document whose kind is known.
pub struct Checked {
    /// Its kind.
    pub kind: &'static KindInfo,
    /// Its value, to be read into the types of the kind.
    pub json: Json,
    /// Whether the schema found nothing.
    pub valid: bool,
}

impl Checked {
    /// A document of which only a part could be read: good for its name, so that references to it are not reported on top.
    pub fn unchecked(root: &Node) -> Option<Self> {
        let kind = root.get("kind").and_then(Node::as_str).and_then(kind)?;
        Some(Self { kind, json: root.to_json(), valid: false })
    }
}

/// Checks one document; `None` if its kind cannot be told.
pub fn check(root: &Node, validators: &Validators, out: &mut Diagnostics) -> Option<Checked> {
    let Value::Mapping(entries) = &root.value else {
        let message = format!(
            "a document is an object with `apiVersion`, `kind`, `metadata` and `spec`, not {}",
            root.kind_name()
        );
        out.push(Diagnostic::new(&NOT_AN_OBJECT, message).at(root.span, ""));
        return None;
    };
    let version_known = api_version(root, out);
    let kind = kind_of(root, entries.iter().map(|entry| &*entry.key), out)?;
    if !version_known {
        return None;
    }
    let json = root.to_json();
    let checker = validators.of(kind);
    let errors: Vec<_> = checker.errors(&json).collect();
    let valid = errors.is_empty();
    if !valid {
        out.append(explain::explain(checker.schema(), &errors, root));
    }
    drop(errors);
    Some(Checked { kind, json, valid })
}

/// Whether the version is ours; a missing one is left to the schema.
fn api_version(root: &Node, out: &mut Diagnostics) -> bool {
    let Some(node) = root.get("apiVersion") else { return true };
    match &node.value {
        Value::String(text) if **text != *API_VERSION => {
            let message = format!("there is no version `{}` of the manifest language", text.escape_debug());
            let diagnostic = Diagnostic::new(&UNKNOWN_API_VERSION, message).at(node.span, "");
            out.push(diagnostic.help(format!("write `{API_VERSION}`")).fix(
                "use the version that exists",
                node.span,
                API_VERSION,
            ));
            false
        }
        _ => true,
    }
}

fn kind_of<'a>(root: &Node, keys: impl Iterator<Item = &'a str>, out: &mut Diagnostics) -> Option<&'static KindInfo> {
    let names = || KINDS.iter().map(|kind| kind.name);
    let list = || format!("the kinds are {}", listed(&names().collect::<Vec<_>>()));
    let Some(node) = root.get("kind") else {
        let place = root.span.start();
        let typo = keys.into_iter().find(|key| did_you_mean(key, ["kind"]).is_some());
        let diagnostic = match typo.and_then(|key| root.entry(key)) {
            Some(entry) => {
                let message = format!("there is no field `{}` here", entry.key.escape_debug());
                let problem = Diagnostic::new(&UNKNOWN_FIELD, message).at(entry.key_span, "");
                problem.help("did you mean `kind`?").fix("rename the field", entry.key_span, "kind")
            }
            None => Diagnostic::new(&MISSING_FIELD, "the field `kind` is missing").at(place, "").help(list()),
        };
        out.push(diagnostic);
        return None;
    };
    let Value::String(text) = &node.value else {
        let message = format!("`kind` is a string, not {}", node.kind_name());
        out.push(Diagnostic::new(&WRONG_TYPE, message).at(node.span, "").help(list()));
        return None;
    };
    if let Some(kind) = kind(text) {
        return Some(kind);
    }
    let message = format!("there is no kind `{}`", text.escape_debug());
    let diagnostic = Diagnostic::new(&UNKNOWN_KIND, message).at(node.span, "");
    out.push(match did_you_mean(text, names()) {
        Some(near) => {
            diagnostic.help(format!("did you mean `{near}`?")).fix("use the kind that exists", node.span, near)
        }
        None => diagnostic.help(list()),
    });
    None
}
