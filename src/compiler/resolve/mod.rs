//! Links objects: unique names, and every reference to an object that exists.

mod codes;
mod grants;
pub mod walk;

pub use codes::CODES;
pub(super) use codes::UNKNOWN_NAME;

use std::collections::BTreeMap;

use crate::compiler::lint::Levels;
use crate::compiler::manifest::Spec;
use crate::compiler::manifest::gateway::GatewaySpec;
use crate::compiler::object::{Address, Object};
use crate::compiler::resolve::codes::{DUPLICATE_NAME, SEVERAL_GATEWAYS};
use crate::compiler::resolve::walk::{Marked, marked};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::value::Scalar as _;
use crate::value::did_you_mean::did_you_mean;
use crate::value::name::Name;
use crate::value::reference::Target;

/// All objects, each name once, sorted by address.
pub struct Model {
    /// The objects.
    pub objects: Vec<Object>,
    /// Whether every document became an object with a spec, and every reference was found: if not, what seems unused may
    /// not be.
    pub complete: bool,
    /// The name of the environment that they are for.
    pub environment: Option<String>,
    /// The documents that became no object.
    lost: Vec<Lost>,
    /// Where each object stands in `objects`.
    index: BTreeMap<Address, usize>,
    /// The objects that another one refers to.
    used: Vec<bool>,
}

/// The kind of which there is at most one.
pub(super) const GATEWAY: &str = "Gateway";

/// The kind that has no part in what happens to requests.
const TEST: &str = "Test";

/// A document that became no object; what is known of it. A reference that it may be the end of is not reported.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Its kind.
    pub kind: Option<&'static str>,
    /// Its name.
    pub name: Option<Name>,
}

impl Lost {
    fn may_be(&self, address: &Address) -> bool {
        self.kind.is_none_or(|kind| kind == address.kind) && self.name.as_ref().is_none_or(|name| *name == address.name)
    }
}

/// Links the objects.
pub fn resolve(objects: Vec<Object>, mut lost: Vec<Lost>, environment: Option<String>) -> (Model, Diagnostics) {
    let mut out = Diagnostics::default();
    let objects = unique(objects, &mut lost, &mut out);
    let index: BTreeMap<Address, usize> = objects.iter().enumerate().map(|(i, o)| (o.address.clone(), i)).collect();
    let mut model = Model { used: vec![false; objects.len()], complete: false, environment, objects, lost, index };
    let mut used = Vec::new();
    for object in &model.objects {
        let found = model.references(object, &mut out);
        // a test decides nothing: what only it names is not in use
        if object.address.kind != TEST {
            used.extend(found);
        }
    }
    for target in used {
        model.used[target] = true;
    }
    one_gateway(&model, &mut out);
    model.grants(&mut out);
    model.complete = out.is_empty() && model.lost.is_empty() && model.objects.iter().all(|o| o.spec.is_some());
    (model, out)
}

/// Keeps the first object of each address and reports the others: each may be one that was copied and not renamed.
fn unique(objects: Vec<Object>, lost: &mut Vec<Lost>, out: &mut Diagnostics) -> Vec<Object> {
    let mut kept: Vec<Object> = Vec::with_capacity(objects.len());
    for object in objects {
        match kept.last() {
            Some(first) if first.address == object.address => {
                let message = format!("there are two objects `{}`", object.address);
                let help = "give one of them another name, or another namespace";
                let problem = object.problem(&DUPLICATE_NAME, message).at(object.name_place(), "the same name again");
                out.push(problem.at(first.name_place(), "first here").help(help));
                lost.push(Lost { kind: Some(object.address.kind), name: None });
            }
            _ => kept.push(object),
        }
    }
    kept
}

fn one_gateway(model: &Model, out: &mut Diagnostics) {
    let mut gateways = model.objects.iter().filter(|object| object.address.kind == GATEWAY);
    let Some(first) = gateways.next() else { return };
    for other in gateways {
        let problem =
            other.problem(&SEVERAL_GATEWAYS, "there is a second `Gateway`").at(other.name_place(), "the second one");
        out.push(problem.at(first.name_place(), "the first one").help("put the fields of both into one"));
    }
}

impl Model {
    /// The object with this address.
    pub fn get(&self, kind: &'static str, namespace: &Name, name: &Name) -> Option<&Object> {
        let address = Address { kind, namespace: namespace.clone(), name: name.clone() };
        self.index.get(&address).map(|i| &self.objects[*i])
    }

    /// Whether another object refers to it.
    pub fn is_used(&self, object: &Object) -> bool {
        self.index.get(&object.address).is_some_and(|i| self.used[*i])
    }

    /// The one Gateway, or the defaults.
    pub fn gateway(&self) -> (GatewaySpec, Option<&Object>) {
        self.objects
            .iter()
            .find_map(|object| match &object.spec {
                Some(Spec::Gateway(spec)) => Some(((**spec).clone(), Some(object))),
                _ => None,
            })
            .unwrap_or_default()
    }

    /// Whether [`gateway`](Self::gateway) is what the manifests say: there is at most one, and it has no problems.
    pub fn is_gateway_known(&self) -> bool {
        let mut gateways = self.objects.iter().filter(|object| object.address.kind == GATEWAY);
        let readable = gateways.next().is_none_or(|gateway| gateway.spec.is_some());
        let lost = self.lost.iter().any(|lost| lost.kind.is_none_or(|kind| kind == GATEWAY));
        readable && gateways.next().is_none() && !lost
    }

    /// The levels of the lints, also where the rest of the `Gateway` has problems.
    pub fn levels(&self) -> Levels {
        let gateway = self.objects.iter().find(|object| object.address.kind == GATEWAY);
        Levels::new(|lint| {
            let level = gateway?.root.pointer(&format!("/spec/lints/{lint}"))?;
            serde_json::from_value(level.to_json()).ok()
        })
    }

    /// The objects that an object refers to; names that don't exist are reported.
    fn references(&self, object: &Object, out: &mut Diagnostics) -> Vec<usize> {
        let mut found = Vec::new();
        for (mark, pointer, text) in marked(object) {
            let Marked::Reference(kind) = mark else { continue };
            let Ok(Target { namespace, name }) = Target::parse(&text) else { continue };
            let namespace = namespace.unwrap_or_else(|| object.address.namespace.clone());
            let address = Address { kind, namespace, name };
            match self.index.get(&address) {
                Some(target) => {
                    found.push(*target);
                    out.extend(self.not_granted(object, &pointer, &address));
                }
                None if self.lost.iter().any(|lost| lost.may_be(&address)) => {}
                None => out.push(self.unknown(object, &pointer, &address)),
            }
        }
        found
    }

    fn unknown(&self, object: &Object, pointer: &str, missing: &Address) -> Diagnostic {
        let place = object.place(pointer);
        let message = format!("there is no `{}` named `{}`", missing.kind, missing.name);
        let problem = object.problem(&UNKNOWN_NAME, message).at(place, "not found");
        let known: Vec<&str> = self
            .index
            .keys()
            .filter(|address| address.kind == missing.kind && address.namespace == missing.namespace)
            .map(|address| address.name.as_str())
            .collect();
        let elsewhere = self.index.keys().find(|a| a.kind == missing.kind && a.name == missing.name);
        match (did_you_mean(missing.name.as_str(), known.iter().copied()), elsewhere) {
            (Some(near), _) => {
                let near = if missing.namespace == object.address.namespace {
                    near.to_owned()
                } else {
                    format!("{}/{near}", missing.namespace)
                };
                problem.help(format!("did you mean `{near}`?")).fix("use the name that exists", place, near)
            }
            (None, Some(other)) if other.namespace == object.address.namespace => {
                problem.help(format!("there is one in the namespace `{}`: write `{}`", other.namespace, other.name))
            }
            (None, Some(other)) => problem.help(format!(
                "there is one in the namespace `{0}`, not in `{1}`: write `{0}/{2}`, with a `Grant` there",
                other.namespace, missing.namespace, other.name
            )),
            (None, None) => problem.help(format!("write a `{}` with this name, or use one that exists", missing.kind)),
        }
    }
}
