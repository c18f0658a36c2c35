//! The first stages, document by document and in parallel: variables filled in, checked against its schema, object.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::compiler::check::{Checked, LITERAL_SECRET, Validators, check};
use crate::compiler::content::{Names, is_content};
use crate::compiler::environment;
use crate::compiler::environment::codes::{OTHER_NAMESPACE, VALUE_MISSING};
use crate::compiler::environment::{Filled, Prepared, prepare};
use crate::compiler::manifest::{DEFAULT_NAMESPACE, Metadata, Spec, kind};
use crate::compiler::manifests::{ENVIRONMENT, File, Manifests};
use crate::compiler::object::{Address, Object};
use crate::compiler::parallel;
use crate::compiler::resolve::Lost;
use crate::compiler::shape;
use crate::compiler::syntax::{Document, Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceMap};
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
    /// The values of variables that stand in the objects, sorted by place.
    pub filled: Vec<Filled>,
    /// The name of the environment that they are for.
    pub environment: Option<String>,
}

/// A file or folder that a manifest names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssetRequest {
    /// Its path from the root folder; never leads outside it.
    pub path: String,
}

/// Reads files into objects, without an environment.
pub fn parse(files: Vec<SourceFile>) -> Parsed {
    Manifests::read(files).parse(None)
}

impl Manifests {
    /// Makes objects of the documents, as they are in an environment.
    pub fn parse(mut self, environment: Option<&str>) -> Parsed {
        let prepared = prepare(&mut self, environment);
        let Self { mut sources, mut files } = self;
        let validators = Validators::new();
        let parts = parallel::each(&mut files, |file| one(file, &validators, &prepared));
        let paths: Vec<&str> = files.iter().map(|file| &*file.path).collect();
        let content = is_content(&paths, |i| Names {
            paths: parts[i].objects.iter().flat_map(asset_paths_of).collect(),
            is_manifest: !parts[i].objects.is_empty(),
        });
        let mut parsed = Parsed {
            sources: SourceMap::default(),
            objects: Vec::new(),
            diagnostics: prepared.problems,
            lost: Vec::new(),
            filled: Vec::new(),
            environment: environment.map(str::to_owned),
        };
        for (part, _) in parts.into_iter().zip(content).filter(|(_, is_content)| !is_content) {
            parsed.objects.extend(part.objects);
            parsed.diagnostics.append(part.diagnostics);
            parsed.lost.extend(part.lost);
            parsed.filled.extend(part.filled);
        }
        parsed.objects.sort_by(|a, b| a.address.cmp(&b.address).then(a.root.span.cmp(&b.root.span)));
        parsed.filled.sort_by_key(|filled| filled.place);
        hide_secrets(&mut sources, &parsed);
        once(&mut parsed.diagnostics);
        Parsed { sources, ..parsed }
    }
}

/// Secrets that were written out: from here on nothing can show them.
fn hide_secrets(sources: &mut SourceMap, parsed: &Parsed) {
    for secret in parsed.diagnostics.iter().filter(|diagnostic| diagnostic.code == &LITERAL_SECRET) {
        let Some(span) = secret.span() else { continue };
        sources.hide(span);
        parsed.filled.iter().filter(|filled| filled.place == span).for_each(|filled| sources.hide(filled.value));
    }
}

/// A variable without a value is reported where it is used first.
fn once(diagnostics: &mut Diagnostics) {
    diagnostics.sort();
    let mut seen = HashSet::new();
    diagnostics.retain(|problem| problem.code != &VALUE_MISSING || seen.insert(problem.message.clone()));
}

/// The files and folders that an object names and that stay inside the root folder.
fn asset_paths_of(object: &Object) -> Vec<String> {
    object.assets().into_iter().map(|(path, _)| path).collect()
}

#[derive(Default)]
struct Part {
    objects: Vec<Object>,
    diagnostics: Diagnostics,
    lost: Vec<Lost>,
    filled: Vec<Filled>,
}

fn one(file: &mut File, validators: &Validators, prepared: &Prepared) -> Part {
    let diagnostics = std::mem::take(&mut file.diagnostics);
    let mut part = Part { diagnostics, ..Part::default() };
    if file.documents.is_empty() && !part.diagnostics.is_empty() {
        part.lost.push(Lost { kind: None, name: None });
    }
    for document in std::mem::take(&mut file.documents) {
        let lost = lost(&document.root);
        match object(document, &file.path, validators, prepared, &mut part) {
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
fn object(
    document: Document,
    manifest: &Arc<str>,
    validators: &Validators,
    prepared: &Prepared,
    part: &mut Part,
) -> Option<Object> {
    let Document { mut root, complete } = document;
    let out = &mut part.diagnostics;
    let before = out.len();
    let failed = prepared.variables.fill(&mut root, validators, &mut part.filled, out);
    let checked = if complete { check(&root, validators, out)? } else { Checked::unchecked(&root)? };
    // What follows from a variable without a value is not reported on top.
    let follows = |problem: &Diagnostic| problem.span().is_some_and(|span| failed.iter().any(|f| f.holds(span)));
    if !failed.is_empty() {
        out.retain(|problem| environment::CODES.contains(&problem.code) || !follows(problem));
    }
    let Json::Object(mut json) = checked.json else { return None };
    let mut metadata: Metadata = serde_json::from_value(json.remove("metadata")?).ok()?;
    let problem = namespace(&root, manifest, prepared, checked.kind.name, &mut metadata);
    out.extend(problem);
    let address =
        Address { kind: checked.kind.name, namespace: metadata.namespace.clone(), name: metadata.name.clone() };
    for diagnostic in out.iter_mut().skip(before) {
        diagnostic.object = Some(address.to_string());
    }
    let mut object = Object { address, metadata, spec: None, root, manifest: Arc::clone(manifest) };
    if checked.valid && failed.is_empty() {
        match Spec::read(checked.kind.name, json.remove("spec").unwrap_or_default())? {
            Ok(spec) => object.spec = shape::check(&object, &spec, out).then_some(spec),
            Err(_) => out.extend(misread(&object)),
        }
    }
    Some(object)
}

/// Puts an object into the namespace of its folder; what it says itself has to agree.
fn namespace(
    root: &Node,
    manifest: &str,
    prepared: &Prepared,
    kind: &str,
    metadata: &mut Metadata,
) -> Option<Diagnostic> {
    let written = root.pointer("/metadata/namespace");
    let folder = prepared.namespaces.of_file(manifest);
    let place = written.or_else(|| root.pointer("/metadata/name")).map_or(root.span, |node| node.span);
    if let Some(folder) = folder
        && (written.is_none() || metadata.namespace == folder.name)
    {
        metadata.namespace = folder.name.clone();
        let message =
            format!("an `{ENVIRONMENT}` belongs to the whole gateway, not to the namespace `{}`", folder.name);
        let problem = Diagnostic::new(&OTHER_NAMESPACE, message).at(place, "");
        return (kind == ENVIRONMENT).then(|| problem.help("put it into a folder that has no namespace of its own"));
    }
    let written = metadata.namespace.clone();
    match (folder, prepared.namespaces.named(&written)) {
        (Some(folder), _) => {
            metadata.namespace = folder.name.clone();
            let message = format!("objects in the folder `{}` are in the namespace `{}`", folder.path, folder.name);
            let problem = Diagnostic::new(&OTHER_NAMESPACE, message).at(place, "another namespace");
            let problem =
                problem.at(folder.place, "by the `Gateway`").help("leave `namespace` out, or move the object");
            Some(problem.fix("write the namespace of the folder", place, folder.name.to_string()))
        }
        (None, Some(named)) => {
            let message = format!("objects of the namespace `{written}` stand in the folder `{}`", named.path);
            let problem = Diagnostic::new(&OTHER_NAMESPACE, message).at(place, "outside of it");
            Some(problem.at(named.place, "by the `Gateway`").help(format!("move the object into `{}`", named.path)))
        }
        (None, None) if kind == ENVIRONMENT && written.as_str() != DEFAULT_NAMESPACE => {
            let message = format!("an `{ENVIRONMENT}` belongs to the whole gateway, not to the namespace `{written}`");
            Some(Diagnostic::new(&OTHER_NAMESPACE, message).at(place, "").help("leave `namespace` out"))
        }
        (None, None) => None,
    }
}

/// What the schema let through and the type refuses.
fn misread(object: &Object) -> Option<Diagnostic> {
    let spec = object.root.get("spec").map(Node::to_json).unwrap_or_default();
    let error = Spec::misread(object.address.kind, spec)?;
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
    Some(object.problem(&shape::UNREADABLE, error.inner().to_string()).at(place, ""))
}

impl Parsed {
    /// The files and folders that the manifests name and that stay inside the root folder, each once.
    pub fn asset_requests(&self) -> Vec<AssetRequest> {
        let paths = self.objects.iter().flat_map(asset_paths_of);
        let mut requests: Vec<AssetRequest> = paths.map(|path| AssetRequest { path }).collect();
        requests.sort();
        requests.dedup();
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, parse};

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
        let parsed = parse(vec![file("a.json", "{}"), file("b.yaml", &backend("a.json"))]);
        assert_eq!((parsed.objects.len(), parsed.diagnostics.len()), (1, 0), "a file that is named is content");
        let parsed = parse(vec![file("a.yaml", &backend("b.yaml")), file("b.yaml", &backend("a.yaml"))]);
        assert_eq!(parsed.objects.len(), 2, "a manifest stays one, whoever names it");
    }
}
