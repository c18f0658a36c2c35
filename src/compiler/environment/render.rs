//! Manifests as they are in an environment: what `Environment` and `variables` made of them, with the origin of each value that
//! an environment changed. What is printed is a set of manifests that compiles to the same table by itself.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value as Json;

use crate::compiler::environment::{Filled, at};
use crate::compiler::manifest::{DEFAULT_NAMESPACE, Spec};
use crate::compiler::object::Object;
use crate::compiler::parse::Parsed;
use crate::compiler::syntax::{Entry, Node, Value};
use crate::diagnostic::{SourceId, SourceMap, Span};
use crate::value::variable::OPENING;

/// What has been applied once a manifest is rendered.
const APPLIED: &[&str] = &["variables", "namespaces"];

/// Manifests as they are in an environment.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rendering {
    format_version: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    environment: Option<String>,
    manifests: Vec<Manifest>,
}

/// One of them.
#[derive(Serialize)]
struct Manifest {
    /// Where it is written.
    place: Place,
    #[serde(rename = "manifest")]
    content: Json,
    /// What an environment changed.
    changed: Vec<Change>,
    #[serde(skip)]
    lines: Vec<String>,
}

#[derive(Serialize)]
struct Place {
    file: String,
    line: usize,
}

/// A value that an environment changed.
#[derive(Serialize)]
struct Change {
    /// The value, as a JSON pointer.
    pointer: String,
    from: Vec<Place>,
}

impl Rendering {
    /// Renders all objects but the environments.
    pub fn of(parsed: &Parsed, environment: Option<&str>) -> Self {
        let objects = parsed.objects.iter().filter(|object| !matches!(object.spec, Some(Spec::Environment(_))));
        let manifests = objects.map(|object| manifest(object, &parsed.sources, &parsed.filled)).collect();
        Self { format_version: 1, environment: environment.map(str::to_owned), manifests }
    }

    /// As YAML, with a comment beside each value that an environment changed.
    pub fn yaml(&self) -> String {
        let mut text = String::new();
        for (i, manifest) in self.manifests.iter().enumerate() {
            let Place { file, line } = &manifest.place;
            text.push_str(if i == 0 { "" } else { "---\n" });
            let _ = writeln!(text, "# {file}:{line}");
            for line in &manifest.lines {
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    }

    /// As JSON, with a list of the values that an environment changed.
    ///
    /// # Errors
    /// If it cannot be JSON, which no manifest is.
    pub fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

fn manifest(object: &Object, sources: &SourceMap, filled: &[Filled]) -> Manifest {
    let root = document(object);
    let mut writer = Writer { sources, filled, home: object.root.span.source, changed: Vec::new() };
    let lines = writer.block(&root, "");
    Manifest { place: place(sources, root.span), content: root.to_json(), changed: writer.changed, lines }
}

/// An object's document, fit to stand without its folder and without the variables of its gateway.
fn document(object: &Object) -> Node {
    let mut root = object.root.clone();
    if let (Some(Spec::Gateway(_)), Some(spec)) = (&object.spec, root.entry_mut("spec"))
        && let Value::Mapping(fields) = &mut spec.value.value
    {
        fields.retain(|field| !APPLIED.contains(&&*field.key));
    }
    if let Some(metadata) = root.entry_mut("metadata")
        && object.address.namespace.as_str() != DEFAULT_NAMESPACE
        && metadata.value.get("namespace").is_none()
        && let Value::Mapping(fields) = &mut metadata.value.value
    {
        let span = metadata.key_span;
        let value = Node { span, value: Value::String(object.address.namespace.as_str().into()) };
        fields.push(Entry { key: "namespace".into(), key_span: span, value });
    }
    escape(&mut root);
    root
}

/// Keeps a text that would be read as a reference to a variable from being one.
fn escape(node: &mut Node) {
    match &mut node.value {
        Value::String(text) if text.contains(OPENING) => {
            let escaped = text.replace(&format!("${OPENING}"), OPENING).replace(OPENING, &format!("${OPENING}"));
            *text = escaped.into();
        }
        Value::Sequence(items) => items.iter_mut().for_each(escape),
        Value::Mapping(entries) => entries.iter_mut().for_each(|entry| escape(&mut entry.value)),
        _ => {}
    }
}

fn place(sources: &SourceMap, span: Span) -> Place {
    Place { file: sources.get(span.source).name.clone(), line: sources.position(span).line }
}

struct Writer<'a> {
    sources: &'a SourceMap,
    filled: &'a [Filled],
    /// The file that the object stands in: a value from another one is from an environment.
    home: SourceId,
    changed: Vec<Change>,
}

impl Writer<'_> {
    /// The lines of a value that stands on lines of its own.
    fn block(&mut self, node: &Node, pointer: &str) -> Vec<String> {
        let mut lines = Vec::new();
        match &node.value {
            Value::Mapping(entries) if !entries.is_empty() => {
                for entry in entries {
                    let key = scalar(&Json::from(&*entry.key)).join(" ");
                    let below = format!("{pointer}/{}", entry.key.replace('~', "~0").replace('/', "~1"));
                    let value = self.block(&entry.value, &below);
                    if is_block(&entry.value) {
                        lines.push(format!("{key}:"));
                        lines.extend(value.into_iter().map(|line| format!("  {line}")));
                    } else {
                        lines.extend(beside(&format!("{key}: "), value));
                    }
                }
            }
            Value::Sequence(items) if !items.is_empty() => {
                for (i, item) in items.iter().enumerate() {
                    let value = self.block(item, &format!("{pointer}/{i}"));
                    if is_block(item) {
                        let prefixes = std::iter::once("- ").chain(std::iter::repeat("  "));
                        lines.extend(prefixes.zip(value).map(|(prefix, line)| format!("{prefix}{line}")));
                    } else {
                        lines.extend(beside("- ", value));
                    }
                }
            }
            _ => {
                lines = scalar(&node.to_json());
                if let (Some(comment), Some(first)) = (self.origin(node, pointer), lines.first_mut()) {
                    first.push_str(&comment);
                }
            }
        }
        lines
    }

    /// Where an environment says a value, as a comment.
    fn origin(&mut self, node: &Node, pointer: &str) -> Option<String> {
        let mut spans: Vec<Span> = if node.span.source == self.home { Vec::new() } else { vec![node.span] };
        let here = at(self.filled, node.span).filter(|filled| filled.place == node.span && filled.by_environment);
        spans.extend(here.map(|filled| filled.value));
        let mut from: Vec<Place> = spans.into_iter().map(|span| place(self.sources, span)).collect();
        from.dedup_by(|a, b| a.file == b.file && a.line == b.line);
        if from.is_empty() {
            return None;
        }
        let shown: Vec<String> = from.iter().map(|place| format!("{}:{}", place.file, place.line)).collect();
        self.changed.push(Change { pointer: pointer.to_owned(), from });
        Some(format!(" # from {}", shown.join(" and ")))
    }
}

fn is_block(node: &Node) -> bool {
    match &node.value {
        Value::Mapping(entries) => !entries.is_empty(),
        Value::Sequence(items) => !items.is_empty(),
        _ => false,
    }
}

/// A scalar behind its key; the further lines of a long text are indented already.
fn beside(key: &str, lines: Vec<String>) -> impl Iterator<Item = String> {
    let keys = std::iter::once(key.to_owned()).chain(std::iter::repeat(String::new()));
    keys.zip(lines).map(|(key, line)| key + &line)
}

fn scalar(value: &Json) -> Vec<String> {
    serde_yaml::to_string(value).unwrap_or_default().trim_end_matches('\n').split('\n').map(str::to_owned).collect()
}
