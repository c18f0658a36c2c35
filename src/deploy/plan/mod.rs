//! A plan: what changes between two sets of manifests, by object and field, in the order in which it should be read.
//!
//! It is made from the typed form of the manifests, so that a default that is written out or a duration that is written in another
//! unit is no change, and it shows what was written. A secret appears as its reference, never as a value.

pub mod base;
mod behaviour;
mod fields;
mod human;
mod json;
mod lines;
mod lists;
mod markdown;
mod marks;
mod objects;
mod saved;
pub mod side;

pub use behaviour::{Behaviour, RequestChange, Requests};
pub use saved::{SavedError, Stale};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::compiler::manifest::API_VERSION;
use crate::deploy::plan::side::Side;
use crate::diagnostic::Severity;
use crate::diagnostic::render::Style;

/// The version of a plan's JSON: a new minor number only adds fields, so a reader ignores those it doesn't know.
pub const FORMAT_VERSION: &str = "1.0";

/// What changes. As JSON it is what `--output json` prints and what a saved plan holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The version of this format.
    pub format_version: String,
    /// The version of the program that made it.
    pub compiler: String,
    /// The version of the manifest language.
    pub api_version: String,
    /// The environment that it is for; absent where manifests have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// What is compared with.
    pub base: Described,
    /// What would be in force.
    pub target: Described,
    /// How many objects change.
    pub summary: Summary,
    /// How many routes there are.
    pub routes: Routes,
    /// The objects that change: security-relevant ones and removals first, then by kind and name.
    pub changes: Vec<ObjectChange>,
    /// What requests get that they did not get before; absent if one of the two does not compile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behaviour: Option<Behaviour>,
    /// The SHA-256 of each file of the target, by its path from the folder of manifests.
    pub inputs: BTreeMap<String, String>,
}

/// One of the two sets of manifests, in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Described {
    /// What it is, such as `Git HEAD (3f2a1b0c9d1e)`.
    pub name: String,
    /// The Git commit, if it is one, or if a folder is at one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The folder, if it is one, as one writes it from where the command runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Whether a folder holds what is not committed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dirty: bool,
    /// The digest of the table; absent if it has errors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// How many errors it has.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub errors: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// How many objects change; one that is replaced is counted as added and as removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// New ones.
    pub add: usize,
    /// Changed ones.
    pub change: usize,
    /// Removed ones.
    pub remove: usize,
}

/// How many routes there are, and whether most of them go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Routes {
    /// In the base.
    pub before: usize,
    /// In the target.
    pub after: usize,
    /// Those of the base that the target doesn't have.
    pub removed: usize,
}

impl Routes {
    /// Whether most routes go, which is more often a mistake than a wish.
    pub fn is_mass_delete(&self) -> bool {
        self.removed * 2 > self.before && (self.removed > 1 || self.after == 0)
    }
}

/// What happens to an object or a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// It goes.
    Remove,
    /// It becomes another: nothing that was counted or kept for it goes on.
    Replace,
    /// It changes in place.
    Change,
    /// It is new.
    Add,
}

impl Action {
    /// The sign that stands before it.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Change => "~",
            Self::Remove => "-",
            Self::Replace => "-/+",
        }
    }
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Its path, as one writes it from where the command runs.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// Whether it is in the base: what is removed is nowhere else.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_base: bool,
}

/// An object that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectChange {
    /// Who it is, such as `default/Route/shop`.
    pub address: String,
    /// Its kind.
    pub kind: String,
    /// What happens to it.
    pub action: Action,
    /// Why it is replaced and not changed in place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// What it decides that matters for security, such as `who may call it`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security: Vec<String>,
    /// Where it stands.
    pub place: Place,
    /// Its fields that change, in the order of the schema.
    pub fields: Vec<FieldChange>,
}

/// A field that changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Which, such as `spec.http.targets[0].weight`; the numbers count in the target, for what is removed in the base.
    pub path: String,
    /// What happens to it.
    pub action: Action,
    /// What it was, if it was anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Shown>,
    /// What it becomes, if it becomes anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Shown>,
    /// What it decides that matters for security.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub security: Option<String>,
    /// Where it stands.
    pub place: Place,
}

/// A value as it is shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// The value as it was written, with secrets as references.
    pub value: Json,
    /// Whether it is a default that nobody wrote.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_default: bool,
}

/// How a plan is shown.
pub struct Format {
    /// Its name, as after `--output`.
    pub name: &'static str,
    /// Makes the whole text.
    pub render: fn(&Plan, &Look) -> String,
}

/// What a rendering may use.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// What a terminal shows.
    pub style: Style,
    /// The most bytes of Markdown.
    pub max_bytes: usize,
}

/// The formats, the default one first.
pub const FORMATS: &[Format] = &[human::FORMAT, json::FORMAT, markdown::FORMAT];

/// Compares two sets of manifests, for the environment of the second one.
pub fn plan(base: &Side, target: &Side) -> Plan {
    let changes = objects::compare(base, target);
    let count = |action| changes.iter().filter(|change| change.action == action).count();
    let replaced = count(Action::Replace);
    let of_routes = |side: &Side| side.objects.iter().filter(|object| object.address.kind == "Route").count();
    let removed = changes.iter().filter(|change| change.kind == "Route" && change.action == Action::Remove).count();
    let tables = base.compiled.table.as_ref().zip(target.compiled.table.as_ref());
    let behaviour = tables.map(|(old, new)| Behaviour::between(old, new, &changes));
    Plan {
        format_version: FORMAT_VERSION.to_owned(),
        compiler: env!("CARGO_PKG_VERSION").to_owned(),
        api_version: API_VERSION.to_owned(),
        environment: target.environment.clone(),
        base: described(base),
        target: described(target),
        summary: Summary {
            add: count(Action::Add) + replaced,
            change: count(Action::Change),
            remove: count(Action::Remove) + replaced,
        },
        routes: Routes { before: of_routes(base), after: of_routes(target), removed },
        changes,
        behaviour,
        inputs: target.inputs(),
    }
}

fn described(side: &Side) -> Described {
    Described {
        name: side.origin.to_string(),
        commit: side.origin.commit().map(str::to_owned),
        dirty: side.origin.is_dirty(),
        folder: side.origin.folder().map(str::to_owned),
        digest: side.digest(),
        errors: side.compiled.diagnostics.count(Severity::Error),
    }
}

impl Plan {
    /// Whether anything changes: an object, or what the manifests compile to.
    pub fn has_changes(&self) -> bool {
        !self.changes.is_empty() || self.base.digest != self.target.digest
    }

    /// The last line: what changes, in numbers.
    pub fn last_line(&self) -> String {
        let Summary { add, change, remove } = self.summary;
        if !self.changes.is_empty() {
            return format!("Plan: {add} to add, {change} to change, {remove} to remove.");
        }
        let digest = self.target.digest.as_deref().and_then(|digest| digest.get(..12)).unwrap_or("nothing");
        if self.has_changes() {
            return format!("No object changes, and yet the table does: it becomes {digest}.");
        }
        format!("No changes. The manifests compile to what is compared with, {digest}.")
    }
}
