//! Merges the patches of an environment into the objects that they name. Each value keeps the place it is written at.

use std::collections::BTreeMap;

use crate::compiler::environment::codes::UNMATCHED_PATCH;
use crate::compiler::environment::namespaces::Namespaces;
use crate::compiler::manifest::DEFAULT_NAMESPACE;
use crate::compiler::manifests::{Manifests, kind_of, name_of};
use crate::compiler::quote::listed;
use crate::compiler::resolve::GATEWAY;
use crate::compiler::syntax::{Entry, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::value::did_you_mean::did_you_mean;

/// The list that is merged by the ids of its entries.
const PLUGINS: &str = "/plugins";

/// What the fields of an entry of `plugins` are called that name no plugin.
const BESIDE_PLUGIN: &[&str] = &["id", "when", "enabled"];

/// What is the same in all environments, because it is read before one is applied.
const FIXED: &[&str] = &["variables", "namespaces"];

/// Who a patch is for: kind, namespace, name.
type Target = (String, String, String);

/// Where a document stands: its file, and its number in it.
type At = (usize, usize);

/// Applies the patches of an environment, in their order.
pub(super) fn apply(manifests: &mut Manifests, environment: &Node, namespaces: &Namespaces, out: &mut Diagnostics) {
    let Some(Value::Sequence(patches)) = environment.pointer("/spec/patches").map(|node| &node.value) else { return };
    let index = index(manifests, namespaces);
    let complete = manifests.files.iter().all(|file| file.diagnostics.is_empty());
    let mut problems = Diagnostics::default();
    for patch in patches {
        let text = |field| patch.get(field).and_then(Node::as_str);
        let (Some(kind), Some(name), Some(spec)) = (text("kind"), text("name"), patch.get("spec")) else { continue };
        let namespace = text("namespace").unwrap_or(DEFAULT_NAMESPACE);
        let target = (kind.to_owned(), namespace.to_owned(), name.to_owned());
        match index.get(&target) {
            Some((file, document)) => {
                let root = &mut manifests.files[*file].documents[*document].root;
                let mut merging = Merging { gateway: kind == GATEWAY, problems: &mut problems };
                merging.spec(root, spec);
            }
            None if complete => problems.push(unknown(patch, &target, &index)),
            None => {}
        }
    }
    let object = format!("default/Environment/{}", name_of(environment).unwrap_or_default());
    problems.iter_mut().for_each(|problem| problem.object = Some(object.clone()));
    out.append(problems);
}

/// Where each object stands, by who it is.
fn index(manifests: &Manifests, namespaces: &Namespaces) -> BTreeMap<Target, At> {
    let content = manifests.content();
    let mut index = BTreeMap::new();
    for (i, file) in manifests.files.iter().enumerate().filter(|(i, _)| !content[*i]) {
        let folder = namespaces.of_file(&file.path).map(|folder| folder.name.as_str());
        for (j, document) in file.documents.iter().enumerate() {
            let (Some(kind), Some(name)) = (kind_of(&document.root), name_of(&document.root)) else { continue };
            let written = document.root.pointer("/metadata/namespace").and_then(Node::as_str);
            let namespace = folder.or(written).unwrap_or(DEFAULT_NAMESPACE);
            index.entry((kind.to_owned(), namespace.to_owned(), name.to_owned())).or_insert((i, j));
        }
    }
    index
}

fn unknown(patch: &Node, (kind, namespace, name): &Target, index: &BTreeMap<Target, At>) -> Diagnostic {
    let place = patch.get("name").map_or(patch.span, |node| node.span);
    let message = format!("there is no `{}` named `{}` to change", kind.escape_debug(), name.escape_debug());
    let problem = Diagnostic::new(&UNMATCHED_PATCH, message).at(place, "not found");
    let known: Vec<&str> =
        index.keys().filter(|(k, n, _)| k == kind && n == namespace).map(|(.., name)| name.as_str()).collect();
    let elsewhere = index.keys().find(|(k, _, n)| k == kind && n == name);
    match (did_you_mean(name, known.iter().copied()), elsewhere) {
        (Some(near), _) => problem.help(format!("did you mean `{near}`?")).fix("use the name that exists", place, near),
        (None, Some((_, other, _))) => {
            problem.help(format!("there is one in the namespace `{other}`: add `namespace: {other}`"))
        }
        (None, None) if known.is_empty() => {
            problem.help(format!("there is no `{kind}` in the namespace `{namespace}`"))
        }
        (None, None) => problem.help(format!("there are: {}", listed(&known))),
    }
}

struct Merging<'a> {
    gateway: bool,
    problems: &'a mut Diagnostics,
}

impl Merging<'_> {
    fn spec(&mut self, root: &mut Node, patch: &Node) {
        let Value::Mapping(changes) = &patch.value else { return };
        let fixed = |entry: &&Entry| self.gateway && FIXED.contains(&&*entry.key);
        if let Some(entry) = changes.iter().find(fixed) {
            let message = format!("`{}` is the same in all environments", entry.key);
            let problem = Diagnostic::new(&UNMATCHED_PATCH, message).at(entry.key_span, "cannot be changed");
            self.problems.push(problem.help("change it in the `Gateway` itself"));
            return;
        }
        if let Some(spec) = root.entry_mut("spec") {
            self.merge(&mut spec.value, patch, "");
        }
    }

    fn merge(&mut self, base: &mut Node, patch: &Node, pointer: &str) {
        match (&mut base.value, &patch.value) {
            (Value::Mapping(fields), Value::Mapping(changes)) => {
                for change in changes {
                    self.field(fields, change, &format!("{pointer}/{}", change.key));
                }
            }
            (Value::Sequence(plugins), Value::Sequence(changes)) if pointer == PLUGINS => {
                for change in changes {
                    self.plugin(plugins, change);
                }
            }
            _ => base.clone_from(patch),
        }
    }

    /// Changes one field: merged where both are mappings, else replaced, key and all, or removed.
    fn field(&mut self, fields: &mut Vec<Entry>, change: &Entry, pointer: &str) {
        let existing = fields.iter().position(|field| field.key == change.key);
        match (existing, &change.value.value) {
            (Some(at), Value::Null) => drop(fields.remove(at)),
            (None, Value::Null) => {
                let message = format!("there is no `{}` to remove", change.key.escape_debug());
                let problem = Diagnostic::new(&UNMATCHED_PATCH, message).at(change.key_span, "");
                self.problems.push(problem.help("leave it out"));
            }
            (Some(at), _) if is_merged(&fields[at].value, &change.value, pointer) => {
                self.merge(&mut fields[at].value, &change.value, pointer);
            }
            // what is the same already is not changed
            (Some(at), _) if fields[at].value.is_same_scalar(&change.value) => {}
            (Some(at), _) => fields[at].clone_from(change),
            (None, _) => fields.push(change.clone()),
        }
    }

    fn plugin(&mut self, plugins: &mut [Node], change: &Node) {
        let id = plugin_id(change);
        if let Some(plugin) = plugins.iter_mut().find(|plugin| id.is_some() && plugin_id(plugin) == id) {
            self.merge(plugin, change, "/plugin");
            return;
        }
        let known: Vec<&str> = plugins.iter().filter_map(plugin_id).collect();
        let message = match id {
            Some(id) => format!("the route has no plugin with the id `{}`", id.escape_debug()),
            None => "the change names no plugin, and no `id` of one".to_owned(),
        };
        let place = match &change.value {
            Value::Mapping(fields) => fields.first().map_or(change.span, |field| field.key_span),
            _ => change.span,
        };
        let problem = Diagnostic::new(&UNMATCHED_PATCH, message).at(place, "not found");
        self.problems.push(problem.help(if known.is_empty() {
            "the route has no plugins: a patch changes those that are there".to_owned()
        } else {
            format!("there are: {}; a patch changes those that are there", listed(&known))
        }));
    }
}

/// Whether a value is merged with the one that is there, and does not take its place.
fn is_merged(base: &Node, patch: &Node, pointer: &str) -> bool {
    match (&base.value, &patch.value) {
        (Value::Mapping(_), Value::Mapping(_)) => true,
        (Value::Sequence(_), Value::Sequence(_)) => pointer == PLUGINS,
        _ => false,
    }
}

/// The id of an entry of `plugins`: what it says, else the name of its plugin.
fn plugin_id(entry: &Node) -> Option<&str> {
    if let Some(id) = entry.get("id") {
        return id.as_str();
    }
    match &entry.value {
        Value::Mapping(fields) => fields.iter().map(|field| &*field.key).find(|key| !BESIDE_PLUGIN.contains(key)),
        _ => None,
    }
}
