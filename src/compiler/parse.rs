//! The first stages, file by file and in parallel: text, document, checked against its schema, object.

use std::num::NonZero;
use std::sync::Arc;
use std::thread;

use serde_json::Value as Json;

use crate::compiler::check::{Checked, LITERAL_SECRET, Validators, check};
use crate::compiler::manifest::{Metadata, Spec, kind};
use crate::compiler::object::{Address, Object};
use crate::compiler::resolve::Lost;
use crate::compiler::shape;
use crate::compiler::syntax::{self, Document, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceId, SourceMap};
use crate::value::Scalar as _;
use crate::value::name::Name;

/// A manifest file as it was read.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its path from the root folder, with `/` between segments: what assets are relative to.
    pub path: String,
    /// Its path as it is shown to people.
    pub shown: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// What the first stages gave.
pub struct Parsed {
    /// The texts.
    pub sources: SourceMap,
    /// The objects, sorted by address and then by place.
    pub objects: Vec<Object>,
    /// The problems so far.
    pub diagnostics: Diagnostics,
    /// The documents that became no object: what seems unused or missing may not be.
    pub lost: Vec<Lost>,
}

/// A file or folder that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetRequest {
    /// Its path from the root folder; never leads outside it.
    pub path: String,
}

/// Reads files into objects.
pub fn parse(files: Vec<SourceFile>) -> Parsed {
    let mut sources = SourceMap::default();
    let mut texts = Vec::with_capacity(files.len());
    for file in files {
        let id = sources.add(file.shown, syntax::decode(&file.bytes));
        texts.push((id, Arc::from(file.path)));
    }
    let mut lost = Vec::new();
    let mut objects = Vec::new();
    let mut diagnostics = Diagnostics::default();
    for part in without_content(in_parallel(&sources, &texts), &texts) {
        objects.extend(part.objects);
        diagnostics.append(part.diagnostics);
        lost.extend(part.lost);
    }
    // Secrets that were written out: from here on nothing can show them.
    for secret in diagnostics.iter().filter(|diagnostic| diagnostic.code == &LITERAL_SECRET) {
        secret.span().into_iter().for_each(|span| sources.hide(span));
    }
    objects.sort_by(|a, b| a.address.cmp(&b.address).then(a.root.span.cmp(&b.root.span)));
    Parsed { sources, objects, diagnostics, lost }
}

/// Leaves out the files of folders that a manifest serves: whatever their names end in, they are content. A manifest nearer to the
/// root folder decides for those below it, and none for the folder that it stands in itself.
fn without_content(parts: Vec<Part>, texts: &[Text]) -> Vec<Part> {
    let mut files: Vec<(&str, Part)> = texts.iter().map(|(_, path)| &**path).zip(parts).collect();
    files.sort_by_key(|(path, _)| path.matches('/').count());
    let mut folders: Vec<String> = Vec::new();
    let mut kept = Vec::with_capacity(files.len());
    for (path, part) in files {
        if folders.iter().any(|folder| is_below(path, folder)) {
            continue;
        }
        let own = part.objects.iter().flat_map(asset_paths).filter(|folder| !is_below(path, folder));
        folders.extend(own);
        kept.push(part);
    }
    kept
}

fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// The files and folders that an object names and that stay inside the root folder.
fn asset_paths(object: &Object) -> impl Iterator<Item = String> {
    object.assets().into_iter().map(|(path, _)| path)
}

#[derive(Default)]
struct Part {
    objects: Vec<Object>,
    diagnostics: Diagnostics,
    lost: Vec<Lost>,
}

/// A text, and the path of its file from the root folder.
type Text = (SourceId, Arc<str>);

fn in_parallel(sources: &SourceMap, texts: &[Text]) -> Vec<Part> {
    let validators = &Validators::new();
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let chunk = texts.len().div_ceil(threads).max(1);
    if texts.len() < 2 {
        return texts.iter().map(|text| one(sources, text, validators)).collect();
    }
    thread::scope(|scope| {
        let running: Vec<_> = texts
            .chunks(chunk)
            .map(|chunk| {
                scope.spawn(move || chunk.iter().map(|text| one(sources, text, validators)).collect::<Vec<_>>())
            })
            .collect();
        running
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn one(sources: &SourceMap, (id, path): &Text, validators: &Validators) -> Part {
    let (documents, diagnostics) = syntax::parse(*id, &sources.get(*id).text);
    let mut part = Part { diagnostics, ..Part::default() };
    if documents.is_empty() && !part.diagnostics.is_empty() {
        part.lost.push(Lost { kind: None, name: None });
    }
    for document in documents {
        let lost = lost(&document.root);
        match object(document, path, validators, &mut part.diagnostics) {
            Some(object) => part.objects.push(object),
            None => part.lost.push(lost),
        }
    }
    part
}

/// What can be told of a document, should it become no object.
fn lost(root: &Node) -> Lost {
    let text = |pointer| root.pointer(pointer).and_then(Node::as_str);
    let kind = text("/kind").and_then(kind).map(|kind| kind.name);
    Lost { kind, name: text("/metadata/name").and_then(|name| Name::parse(name).ok()) }
}

/// The object of a document; `None` if it cannot even be told who it is.
fn object(document: Document, manifest: &Arc<str>, validators: &Validators, out: &mut Diagnostics) -> Option<Object> {
    let Document { root, complete } = document;
    let before = out.len();
    let checked = if complete { check(&root, validators, out)? } else { Checked::unchecked(&root)? };
    let Json::Object(mut json) = checked.json else { return None };
    let metadata: Metadata = serde_json::from_value(json.remove("metadata")?).ok()?;
    let address =
        Address { kind: checked.kind.name, namespace: metadata.namespace.clone(), name: metadata.name.clone() };
    for diagnostic in out.iter_mut().skip(before) {
        diagnostic.object = Some(address.to_string());
    }
    let mut object = Object { address, metadata, spec: None, root, manifest: Arc::clone(manifest) };
    if checked.valid {
        match Spec::read(checked.kind.name, json.remove("spec").unwrap_or_default())? {
            Ok(spec) => object.spec = shape::check(&object, &spec, out).then_some(spec),
            Err(error) => out.push(unreadable(&object, &error)),
        }
    }
    Some(object)
}

/// What the schema let through and the type refuses.
fn unreadable(object: &Object, error: &crate::compiler::manifest::SpecError) -> Diagnostic {
    let pointer: String = error
        .path()
        .iter()
        .map(|segment| match segment {
            serde_path_to_error::Segment::Seq { index } => format!("/{index}"),
            serde_path_to_error::Segment::Map { key } => format!("/{key}"),
            _ => String::new(),
        })
        .collect();
    let pointer = format!("/spec{pointer}");
    // A number is wrong by itself; anything else that the schema lets through is wrong beside something else.
    let place = match object.root.pointer(&pointer).map(|node| &node.value) {
        Some(Value::Integer(_) | Value::Float(_)) => object.place(&pointer),
        _ => object.key_place(&pointer),
    };
    object.problem(&shape::UNREADABLE, error.inner().to_string()).at(place, "")
}

impl Parsed {
    /// The files and folders that the manifests name and that stay inside the root folder, each once.
    pub fn asset_requests(&self) -> Vec<AssetRequest> {
        let paths = self.objects.iter().flat_map(asset_paths);
        let mut requests: Vec<AssetRequest> = paths.map(|path| AssetRequest { path }).collect();
        requests.sort();
        requests.dedup();
        requests
    }
}

/// A path relative to a manifest as a path from the root folder; `None` if it leads outside.
pub(super) fn join(manifest: &str, asset: &str) -> Option<String> {
    let mut segments: Vec<&str> = manifest.split('/').collect();
    segments.pop();
    for segment in asset.split('/') {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop()?;
            }
            name => segments.push(name),
        }
    }
    Some(segments.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, join, parse};

    #[test]
    fn files_of_a_served_folder_are_content() {
        let file = |path: &str, text: &str| SourceFile { path: path.into(), shown: path.into(), bytes: text.into() };
        let backend = |path: &str| {
            format!(
                "apiVersion: gw/v1\nkind: Backend\nmetadata: {{ name: s }}\nspec: {{ folder: {{ path: {path} }} }}\n"
            )
        };
        let parsed =
            parse(vec![file("a.yaml", &backend("site")), file("site/x.json", "{}"), file("site/y/z.yaml", "- 1")]);
        assert_eq!((parsed.objects.len(), parsed.diagnostics.len()), (1, 0));
        let parsed = parse(vec![file("a.yaml", &backend(".")), file("b.json", "{}")]);
        assert_eq!(parsed.diagnostics.len(), 1, "a manifest cannot make content of its own folder");
    }

    #[test]
    fn assets_stay_inside_the_root_folder() {
        assert_eq!(join("a.yaml", "site").as_deref(), Some("site"));
        assert_eq!(join("teams/geo/a.yaml", "../site/./x").as_deref(), Some("teams/site/x"));
        assert_eq!(join("teams/a.yaml", "../../etc"), None);
    }
}
