//! Which references to objects of other namespaces are allowed: those that a `Grant` in the namespace of the object allows.

use crate::compiler::manifest::Spec;
use crate::compiler::manifest::grant::{GrantSpec, REFERABLE};
use crate::compiler::object::{Address, Object};
use crate::compiler::resolve::Model;
use crate::compiler::resolve::codes::{NOT_GRANTED, UNKNOWN_NAME};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::value::did_you_mean::did_you_mean;
use crate::value::name::Name;

/// The kind that allows references.
const GRANT: &str = "Grant";

impl Model {
    /// What is wrong with a reference to an object that exists, if it stands in another namespace.
    pub(super) fn not_granted(&self, object: &Object, pointer: &str, target: &Address) -> Option<Diagnostic> {
        let own = &object.address.namespace;
        let grants = self.objects.iter().filter(|grant| grant.address.kind == GRANT);
        let mut there = grants.filter(|grant| grant.address.namespace == target.namespace);
        let allows = |grant: &Object| match &grant.spec {
            Some(Spec::Grant(spec)) => spec.allows(own, target.kind, &target.name),
            // one with problems may allow it
            _ => true,
        };
        let lost = self.lost.iter().any(|lost| lost.kind.is_none_or(|kind| kind == GRANT));
        if *own == target.namespace || lost || there.any(allows) {
            return None;
        }
        let message =
            format!("no `Grant` in the namespace `{}` allows `{own}` to use its `{}`", target.namespace, target.name);
        let problem = object.problem(&NOT_GRANTED, message).at(object.place(pointer), "not allowed");
        let spec =
            format!("{{ from: [{{ namespace: {own} }}], to: [{{ kind: {}, name: {} }}] }}", target.kind, target.name);
        let owners = self.owners(&target.namespace);
        let whom = if owners.is_empty() { String::new() } else { format!(", which {} looks after", owners.join(", ")) };
        Some(
            problem.help(format!("write a `Grant` in the namespace `{}`{whom}, with `spec: {spec}`", target.namespace)),
        )
    }

    fn owners(&self, namespace: &Name) -> Vec<String> {
        let namespaces = self.gateway().0.namespaces;
        namespaces.into_iter().filter(|entry| entry.name == *namespace).flat_map(|entry| entry.owners).collect()
    }

    /// Reports grants of objects that don't exist.
    pub(super) fn grants(&self, out: &mut Diagnostics) {
        for object in &self.objects {
            if let Some(Spec::Grant(spec)) = &object.spec {
                out.extend(self.granted_nothing(object, spec));
            }
        }
    }

    fn granted_nothing(&self, object: &Object, spec: &GrantSpec) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        for (i, to) in spec.to.iter().enumerate() {
            let kind = REFERABLE.iter().find(|kind| **kind == to.kind);
            let (Some(kind), Some(name)) = (kind, &to.name) else { continue };
            let address = Address { kind, namespace: object.address.namespace.clone(), name: name.clone() };
            if self.index.contains_key(&address) || self.lost.iter().any(|lost| lost.may_be(&address)) {
                continue;
            }
            let place = object.place(&format!("/spec/to/{i}/name"));
            let message = format!("there is no `{kind}` named `{name}` in the namespace `{}`", address.namespace);
            let problem = object.problem(&UNKNOWN_NAME, message).at(place, "not found");
            let own = self.index.keys().filter(|a| a.kind == *kind && a.namespace == address.namespace);
            found.push(match did_you_mean(name.as_str(), own.map(|address| address.name.as_str())) {
                Some(near) => {
                    problem.help(format!("did you mean `{near}`?")).fix("use the name that exists", place, near)
                }
                None => problem.help("a `Grant` is for objects of its own namespace: use the name of one"),
            });
        }
        found
    }
}
