//! Objects by their address: which come, go and change.

use std::collections::BTreeMap;

use crate::compiler::Object;
use crate::compiler::manifest::KINDS;
use crate::deploy::plan::fields;
use crate::deploy::plan::side::Side;
use crate::deploy::plan::{Action, FieldChange, ObjectChange, Place};
use crate::diagnostic::{SourceMap, Span};
use crate::pipeline::assets::{Asset, AssetRead};

/// An object with the texts that it stands in.
#[derive(Clone, Copy)]
pub(super) struct Placed<'a> {
    /// The object.
    pub object: &'a Object,
    /// The texts.
    pub sources: &'a SourceMap,
    /// Whether it is in the base.
    pub in_base: bool,
}

impl Placed<'_> {
    /// Where a value stands, or the nearest thing around it.
    pub fn place(&self, pointer: &str) -> Place {
        self.at(if pointer.is_empty() { self.object.name_place() } else { self.object.place(pointer) })
    }

    fn at(&self, span: Span) -> Place {
        let file = &self.sources.get(span.source).name;
        Place {
            file: file.strip_prefix("./").unwrap_or(file).to_owned(),
            line: self.sources.position(span).line,
            in_base: self.in_base,
        }
    }
}

/// The objects that change: security-relevant ones and removals first, then by kind and name.
pub(super) fn compare(base: &Side, target: &Side) -> Vec<ObjectChange> {
    let mut changes = Vec::new();
    let (mut old, mut new) = (base.objects.iter().peekable(), target.objects.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(old), Some(new)) => old.address.cmp(&new.address),
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        let before = before.map(|object| Placed { object, sources: &base.compiled.sources, in_base: true });
        let after = after.map(|object| Placed { object, sources: &target.compiled.sources, in_base: false });
        changes.extend(match (before, after) {
            (Some(old), Some(new)) => changed(old, new, base, target),
            (Some(old), None) => Some(whole(old, Action::Remove)),
            (None, Some(new)) => Some(whole(new, Action::Add)),
            (None, None) => None,
        });
    }
    // the sort is stable: within a kind they stay by namespace and name
    changes.sort_by_key(|change| (rank(change), KINDS.iter().position(|kind| kind.name == change.kind)));
    changes
}

fn rank(change: &ObjectChange) -> u8 {
    match change.action {
        _ if !change.security.is_empty() => 0,
        Action::Remove | Action::Replace => 1,
        Action::Change | Action::Add => 2,
    }
}

/// An object that comes or goes.
fn whole(placed: Placed<'_>, action: Action) -> ObjectChange {
    object_change(placed, action, fields::whole(placed, action), Vec::new())
}

/// An object that stays, if anything of it changes.
fn changed(old: Placed<'_>, new: Placed<'_>, base: &Side, target: &Side) -> Option<ObjectChange> {
    let (mut fields, because) = fields::changed(old, new);
    fields.extend(assets(new, base, target));
    let action = if because.is_empty() { Action::Change } else { Action::Replace };
    (!fields.is_empty()).then(|| object_change(new, action, fields, because))
}

fn object_change(placed: Placed<'_>, action: Action, fields: Vec<FieldChange>, because: Vec<String>) -> ObjectChange {
    let mut security: Vec<String> = fields.iter().filter_map(|field| field.security.clone()).collect();
    security.sort();
    security.dedup();
    let address = &placed.object.address;
    ObjectChange {
        address: address.to_string(),
        kind: address.kind.to_owned(),
        action,
        because,
        security,
        place: placed.place(""),
        fields,
    }
}

/// The files that an object names in both, and whose content changes.
fn assets(new: Placed<'_>, base: &Side, target: &Side) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    for (path, pointer) in new.object.assets() {
        let (Some(before), Some(after)) = (base.assets.get(&path), target.assets.get(&path)) else { continue };
        let place = new.place(&pointer);
        let field = fields::path_of(&pointer);
        changes.extend(files(before, after).into_iter().map(|(name, action)| FieldChange {
            path: format!("{field}: {}", if name.is_empty() { &path } else { name }),
            action,
            old: None,
            new: None,
            security: None,
            place: place.clone(),
        }));
    }
    changes
}

fn files<'a>(before: &'a AssetRead, after: &'a AssetRead) -> Vec<(&'a str, Action)> {
    let sorted = |read: &'a AssetRead| read.files().into_iter().collect::<BTreeMap<&str, &Asset>>();
    let (before, after) = (sorted(before), sorted(after));
    let gone = before.keys().filter(|name| !after.contains_key(*name)).map(|name| (*name, Action::Remove));
    let there = after.iter().filter_map(|(name, asset)| match before.get(name) {
        None => Some((*name, Action::Add)),
        Some(old) if old.sha256 != asset.sha256 => Some((*name, Action::Change)),
        Some(_) => None,
    });
    gone.chain(there).collect()
}
