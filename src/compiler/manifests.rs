//! Manifests whose YAML was read, before an environment is chosen: all environments have this in common.

use std::sync::Arc;

use crate::compiler::content::{Names, asset_paths, is_content};
use crate::compiler::manifest::kind;
use crate::compiler::parallel;
use crate::compiler::parse::SourceFile;
use crate::compiler::syntax::{self, Document, Node};
use crate::diagnostic::{Diagnostics, SourceMap};

/// Manifests whose YAML was read.
#[derive(Clone)]
pub struct Manifests {
    /// The texts.
    pub(super) sources: SourceMap,
    pub(super) files: Vec<File>,
}

/// A file whose YAML was read.
#[derive(Clone)]
pub(super) struct File {
    /// Its path from the root folder.
    pub(super) path: Arc<str>,
    pub(super) documents: Vec<Document>,
    pub(super) diagnostics: Diagnostics,
}

impl Manifests {
    /// Reads the YAML of files.
    pub fn read(files: Vec<SourceFile>) -> Self {
        let mut sources = SourceMap::default();
        let mut texts = Vec::with_capacity(files.len());
        for file in files {
            let id = sources.add(file.shown, syntax::decode(&file.bytes));
            texts.push((id, Arc::<str>::from(file.path)));
        }
        let files = parallel::each(&mut texts, |(id, path)| {
            let (documents, diagnostics) = syntax::parse(*id, &sources.get(*id).text);
            File { path: Arc::clone(path), documents, diagnostics }
        });
        Self { sources, files }
    }

    /// The names of the environments, sorted. Where there are any, one is chosen to compile for.
    pub fn environments(&self) -> Vec<String> {
        let found = self.documents_of(|root| kind_of(root) == Some(ENVIRONMENT));
        let mut names: Vec<String> =
            found.iter().filter_map(|document| name_of(&document.root)).map(str::to_owned).collect();
        names.sort();
        names.dedup();
        names
    }

    /// Some of the documents, in the order of the files; without those in folders that are served.
    pub(super) fn documents_of(&self, wanted: impl Fn(&Node) -> bool) -> Vec<&Document> {
        let of_file = |file: &File| file.documents.iter().any(|document| wanted(&document.root));
        if !self.files.iter().any(of_file) {
            return Vec::new();
        }
        let manifests = self.files.iter().zip(self.content()).filter(|(_, is_content)| !is_content);
        let documents = manifests.flat_map(|(file, _)| &file.documents);
        documents.filter(|document| wanted(&document.root)).collect()
    }

    /// Whether each file is content, as far as can be told before variables are filled in.
    pub(super) fn content(&self) -> Vec<bool> {
        let paths: Vec<&str> = self.files.iter().map(|file| &*file.path).collect();
        is_content(&paths, |i| {
            let documents = || self.files[i].documents.iter().map(|document| &document.root);
            let of_document = |root| asset_paths(paths[i], kind_of(root).unwrap_or_default(), root);
            Names {
                paths: documents().flat_map(of_document).collect(),
                is_manifest: documents().any(|root| kind_of(root).and_then(kind).is_some() && name_of(root).is_some()),
            }
        })
    }
}

/// The kind of what belongs to one environment.
pub(super) const ENVIRONMENT: &str = "Environment";

/// What a document says that it is.
pub(super) fn kind_of(root: &Node) -> Option<&str> {
    root.get("kind").and_then(Node::as_str)
}

/// What a document says that it is called.
pub(super) fn name_of(root: &Node) -> Option<&str> {
    root.pointer("/metadata/name").and_then(Node::as_str)
}
