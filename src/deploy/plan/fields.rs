//! The fields of an object that change, by their typed form, shown as they were written.

use serde_json::{Map, Value as Json, json};

use crate::compiler::quote::flow;
use crate::compiler::syntax::Node;
use crate::deploy::plan::lists::{Item, Pairs, pairs};
use crate::deploy::plan::marks::Known;
use crate::deploy::plan::objects::Placed;
use crate::deploy::plan::{Action, FieldChange, Shown};

/// A value that comes or goes is shown in one line if it is no longer than this, else field by field.
const ONE_LINE: usize = 80;

/// A list of texts that changes is shown whole if neither side is longer than this, else item by item.
const SHORT_LIST: usize = 60;

/// A value and where it stands.
#[derive(Clone)]
struct At<'a> {
    placed: Placed<'a>,
    known: Known<'a>,
    /// Its typed form.
    json: &'a Json,
    pointer: String,
    path: String,
}

impl<'a> At<'a> {
    fn manifest(placed: Placed<'a>, json: &'a Json) -> Self {
        let known = Known::manifest(placed.object.address.kind);
        Self { placed, known, json, pointer: String::new(), path: String::new() }
    }

    /// A field; `null` is as good as none.
    fn field(&self, name: &str) -> Option<Self> {
        let json = self.json.get(name).filter(|json| !json.is_null())?;
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        let path = match (self.path.as_str(), plain) {
            ("", _) => name.to_owned(),
            (path, true) => format!("{path}.{name}"),
            (path, false) => format!("{path}[{}]", Json::from(name)),
        };
        let pointer = format!("{}/{}", self.pointer, name.replace('~', "~0").replace('/', "~1"));
        Some(Self { placed: self.placed, known: self.known.field(name), json, pointer, path })
    }

    fn item(&self, index: usize, json: &'a Json) -> Self {
        Self {
            placed: self.placed,
            known: self.known.item(),
            json,
            pointer: format!("{}/{index}", self.pointer),
            path: format!("{}[{index}]", self.path),
        }
    }

    /// What was written there; `None` where a default holds.
    fn written(&self) -> Option<Json> {
        self.placed.object.root.pointer(&self.pointer).map(|node| self.known.redact(&node.to_json()))
    }

    fn shown(&self) -> Shown {
        match self.written() {
            Some(value) => Shown { value, is_default: false },
            None => Shown { value: self.known.redact(self.json), is_default: true },
        }
    }

    fn change(&self, action: Action, old: Option<&Self>, new: Option<&Self>) -> FieldChange {
        let security = [old, new].into_iter().flatten().find_map(|side| side.known.security(side.json));
        FieldChange {
            path: self.path.clone(),
            action,
            old: old.map(At::shown),
            new: new.map(At::shown),
            security: security.map(str::to_owned),
            place: self.placed.place(&self.pointer),
        }
    }
}

/// The fields of an object that comes or goes, as they were written.
pub(super) fn whole(placed: Placed<'_>, action: Action) -> Vec<FieldChange> {
    let document = written(placed);
    let mut walk = Walk::default();
    for at in ["metadata", "spec"].iter().filter_map(|part| At::manifest(placed, &document).field(part)) {
        walk.fields_of(&at, action);
    }
    walk.changes
}

/// The fields that change, and why the object is another one with them.
pub(super) fn changed(old: Placed<'_>, new: Placed<'_>) -> (Vec<FieldChange>, Vec<String>) {
    // What could not be read into its types is compared as it was written, on both sides: then no default is a change.
    let (before, after) = match (typed(old), typed(new)) {
        (Some(before), Some(after)) => (before, after),
        _ => (written(old), written(new)),
    };
    let mut walk = Walk::default();
    walk.value(&At::manifest(old, &before), &At::manifest(new, &after));
    (walk.changes, walk.because)
}

fn typed(placed: Placed<'_>) -> Option<Json> {
    let object = placed.object;
    let (labels, annotations) = (&object.metadata.labels, &object.metadata.annotations);
    let spec = object.spec.as_ref()?.to_json();
    Some(json!({ "metadata": { "labels": labels, "annotations": annotations }, "spec": spec }))
}

fn written(placed: Placed<'_>) -> Json {
    let part = |pointer| placed.object.root.pointer(pointer).map_or(Json::Null, Node::to_json);
    let (labels, annotations) = (part("/metadata/labels"), part("/metadata/annotations"));
    json!({ "metadata": { "labels": labels, "annotations": annotations }, "spec": part("/spec") })
}

/// The path of a field by its pointer, where all numbers count items of lists.
pub(super) fn path_of(pointer: &str) -> String {
    let mut path = String::new();
    for step in pointer.split('/').skip(1) {
        if step.bytes().all(|byte| byte.is_ascii_digit()) {
            path.extend(["[", step, "]"]);
        } else {
            path.push_str(if path.is_empty() { "" } else { "." });
            path.push_str(step);
        }
    }
    path
}

/// What was found so far.
#[derive(Default)]
struct Walk {
    changes: Vec<FieldChange>,
    because: Vec<String>,
}

impl Walk {
    fn value(&mut self, old: &At<'_>, new: &At<'_>) {
        if old.json == new.json {
            return;
        }
        match (old.json, new.json) {
            (Json::Object(before), Json::Object(after)) if !new.known.is_secret() => {
                self.fields(old, new, before, after);
            }
            (Json::Array(before), Json::Array(after)) => self.list(old, new, before, after),
            _ => {
                if new.known.is_identity() {
                    self.because.push(new.path.clone());
                }
                self.changes.push(new.change(Action::Change, Some(old), Some(new)));
            }
        }
    }

    fn fields(&mut self, old: &At<'_>, new: &At<'_>, before: &Map<String, Json>, after: &Map<String, Json>) {
        if new.known.is_identity() {
            let names = |fields: &Map<String, Json>| fields.keys().cloned().collect::<Vec<_>>();
            let (was, is) = (names(before), names(after));
            if was != is {
                self.because.push(format!("{}: {} → {}", new.path, was.join(", "), is.join(", ")));
            }
        }
        let gone = before.keys().filter(|name| !after.contains_key(*name));
        for name in after.keys().chain(gone) {
            match (old.field(name), new.field(name)) {
                (Some(old), Some(new)) => self.value(&old, &new),
                (Some(old), None) => self.whole(&old, Action::Remove),
                (None, Some(new)) => self.whole(&new, Action::Add),
                (None, None) => {}
            }
        }
    }

    fn list(&mut self, old: &At<'_>, new: &At<'_>, before: &[Json], after: &[Json]) {
        let plain = |items: &[Json]| items.iter().all(|item| !item.is_object() && !item.is_array());
        let short = |at: &At<'_>| flow(&at.shown().value).len() <= SHORT_LIST;
        if plain(before) && plain(after) && short(old) && short(new) {
            self.changes.push(new.change(Action::Change, Some(old), Some(new)));
            return;
        }
        let Pairs { items, order } = pairs(before, after);
        for item in items {
            match item {
                Item::Both(from, to) => self.value(&old.item(from, &before[from]), &new.item(to, &after[to])),
                Item::Removed(from) => self.whole(&old.item(from, &before[from]), Action::Remove),
                Item::Added(to) => self.whole(&new.item(to, &after[to]), Action::Add),
            }
        }
        if let Some((was, is)) = order {
            let mut change = new.change(Action::Change, Some(old), Some(new));
            let names = |names: Vec<String>| Some(Shown { value: names.into(), is_default: false });
            (change.old, change.new) = (names(was), names(is));
            change.path.push_str(" (order)");
            self.changes.push(change);
        }
    }

    /// A value that comes or goes: in one line if it is short, else field by field.
    fn whole(&mut self, at: &At<'_>, action: Action) {
        let long = flow(&at.shown().value).len() > ONE_LINE;
        let known = at.written().is_some() && !at.known.is_secret();
        let parts = matches!(at.json, Json::Object(_) | Json::Array(_));
        if long && known && parts {
            self.fields_of(at, action);
        } else {
            let (old, new) = if action == Action::Remove { (Some(at), None) } else { (None, Some(at)) };
            self.changes.push(at.change(action, old, new));
        }
    }

    /// Each field or item, as far as it was written.
    fn fields_of(&mut self, at: &At<'_>, action: Action) {
        let parts: Vec<At<'_>> = match at.json {
            Json::Object(fields) => fields.keys().filter_map(|name| at.field(name)).collect(),
            Json::Array(items) => items.iter().enumerate().map(|(i, item)| at.item(i, item)).collect(),
            _ => Vec::new(),
        };
        for part in parts.iter().filter(|part| part.written().is_some()) {
            self.whole(part, action);
        }
    }
}
