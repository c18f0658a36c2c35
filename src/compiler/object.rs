//! A document that is an object: who it is, what it says, and where each part of it stands.

use std::fmt;
use std::sync::Arc;

use crate::compiler::manifest::{DEFAULT_NAMESPACE, Metadata, Spec};
use crate::compiler::resolve::walk::{Marked, marked};
use crate::compiler::syntax::{Node, Value};
use crate::diagnostic::{Code, Diagnostic, Span};
use crate::pipeline::assets::from_root;
use crate::value::name::Name;

/// Who an object is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// Its kind.
    pub kind: &'static str,
    /// Its namespace.
    pub namespace: Name,
    /// Its name.
    pub name: Name,
}

impl Address {
    /// Its name for logs and metrics: without the namespace where that is `default`.
    pub fn short(&self) -> String {
        short(&self.namespace, &self.name)
    }
}

/// The name of an object for logs and metrics.
pub fn short(namespace: &Name, name: &Name) -> String {
    if namespace.as_str() == DEFAULT_NAMESPACE { name.to_string() } else { format!("{namespace}/{name}") }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.kind, self.name)
    }
}

/// A document that is an object.
#[derive(Clone, Debug)]
pub struct Object {
    /// Who it is.
    pub address: Address,
    /// Its metadata.
    pub metadata: Metadata,
    /// What it says; `None` if its spec has problems, so that references to it are not reported on top.
    pub spec: Option<Spec>,
    /// Its text with places.
    pub root: Node,
    /// The path of its manifest from the root folder: what file names in it are relative to.
    pub manifest: Arc<str>,
}

impl Object {
    /// The place of the value that a JSON pointer leads to, or of the nearest thing around it: scalars by themselves,
    /// lists and mappings by their key.
    pub fn place(&self, pointer: &str) -> Span {
        let mut pointer = pointer;
        loop {
            if let (Some(place), Some(node)) = (self.root.place(pointer), self.root.pointer(pointer)) {
                return match place.key {
                    Some(key) if matches!(node.value, Value::Mapping(_) | Value::Sequence(_)) => key,
                    _ if pointer.is_empty() => self.name_place(),
                    _ => place.value,
                };
            }
            pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        }
    }

    /// The place of the key that a JSON pointer leads to, or of the value where there is no key.
    pub fn key_place(&self, pointer: &str) -> Span {
        self.root.place(pointer).and_then(|place| place.key).unwrap_or_else(|| self.place(pointer))
    }

    /// The place of its name.
    pub fn name_place(&self) -> Span {
        self.root.pointer("/metadata/name").map_or(self.root.span, |node| node.span)
    }

    /// The files and folders that it names and that stay inside the root folder: the path of each from there, and the pointer to where
    /// it is named.
    pub fn assets(&self) -> Vec<(String, String)> {
        let asset = |(mark, pointer, text): (Marked, String, String)| match mark {
            Marked::Asset => from_root(&self.manifest, &text).map(|path| (path, pointer)),
            Marked::Reference(_) => None,
        };
        marked(self).into_iter().filter_map(asset).collect()
    }

    /// A problem of this object, without a place yet.
    pub fn problem(&self, code: &'static Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(code, message).of(self.address.to_string())
    }
}
