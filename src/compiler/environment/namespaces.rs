//! The namespaces that a `Gateway` gives to folders.

use crate::compiler::syntax::{Node, Value};
use crate::diagnostic::Span;
use crate::value::Scalar as _;
use crate::value::folder::FolderPath;
use crate::value::name::Name;

/// The namespaces of folders.
#[derive(Default)]
pub struct Namespaces(Vec<Folder>);

/// A folder with its namespace.
pub struct Folder {
    /// The namespace.
    pub name: Name,
    /// The folder.
    pub path: FolderPath,
    /// Where the `Gateway` says so.
    pub place: Span,
}

impl Namespaces {
    /// Those of a `Gateway`; what is no folder or no name is left to the check of its schema.
    pub fn of(gateway: &Node) -> Self {
        let Some(Value::Sequence(entries)) = gateway.pointer("/spec/namespaces").map(|node| &node.value) else {
            return Self::default();
        };
        let folder = |entry: &Node| {
            let text = |field| entry.get(field).and_then(Node::as_str);
            let place = entry.get("folder")?.span;
            Some(Folder {
                name: Name::parse(text("name")?).ok()?,
                path: FolderPath::parse(text("folder")?).ok()?,
                place,
            })
        };
        Self(entries.iter().filter_map(folder).collect())
    }

    /// The innermost folder that holds a file.
    pub fn of_file(&self, path: &str) -> Option<&Folder> {
        let holding = self.0.iter().filter(|folder| folder.path.holds(path));
        holding.max_by_key(|folder| folder.path.as_str().len())
    }

    /// The folder of a namespace.
    pub fn named(&self, name: &Name) -> Option<&Folder> {
        self.0.iter().find(|folder| folder.name == *name)
    }
}
