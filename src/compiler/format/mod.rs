//! Brings manifests into one layout: fields in the order of the schema, two spaces for each level, quotes only where they are needed.
//!
//! Comments stay with what they stand at, and what a manifest says never changes: the result is read again and compared, and a text
//! for which that fails is left as it is. Collections in one line stay so if they fit; those over several lines become blocks.

mod block;
mod comments;
mod document;
mod flow;
mod line;
mod scalar;

use serde_json::Value as Json;

use crate::compiler::format::comments::Comments;
use crate::compiler::format::document::Printer;
use crate::compiler::syntax::{self, Document, Node};
use crate::diagnostic::{Diagnostics, SourceId};

/// Why a text is left as it is.
#[derive(Debug)]
pub enum Refusal {
    /// It has syntax errors; their source has the number 0.
    Invalid(Diagnostics),
    /// It uses something of YAML that is rarely used in manifests.
    Unusual(&'static str),
}

/// How a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// YAML.
    Yaml,
    /// JSON, which YAML includes but other programs may not read as YAML.
    Json,
}

impl Notation {
    /// That of a file, by its name.
    pub fn of(path: &str) -> Self {
        let json = std::path::Path::new(path).extension().is_some_and(|ending| ending == "json");
        if json { Self::Json } else { Self::Yaml }
    }
}

/// The text in the one layout.
///
/// # Errors
/// If it is left as it is.
pub fn format(text: &str, notation: Notation) -> Result<String, Refusal> {
    let (mark, body) = text.strip_prefix('\u{feff}').map_or(("", text), |body| ("\u{feff}", body));
    let unix = body.replace("\r\n", "\n");
    let documents = read(&unix)?;
    let formatted = match notation {
        Notation::Yaml => yaml(&unix, &documents)?,
        Notation::Json => json(&unix, &documents)?,
    };
    let windows = body.contains("\r\n");
    Ok(format!("{mark}{}", if windows { formatted.replace('\n', "\r\n") } else { formatted }))
}

fn read(text: &str) -> Result<Vec<Document>, Refusal> {
    let (documents, problems) = syntax::parse(SourceId(0), text);
    if problems.is_empty() { Ok(documents) } else { Err(Refusal::Invalid(problems)) }
}

fn yaml(text: &str, documents: &[Document]) -> Result<String, Refusal> {
    let comments = Comments::find(text, documents).map_err(Refusal::Unusual)?;
    let before = comments.texts();
    let formatted = Printer::new(text, comments).print(documents).map_err(Refusal::Unusual)?;
    let again = read(&formatted)?;
    let after = Comments::find(&formatted, &again).map_err(Refusal::Unusual)?.texts();
    let values = |documents: &[Document]| documents.iter().map(|d| d.root.to_json()).collect::<Vec<Json>>();
    if values(documents) == values(&again) && before == after {
        return Ok(formatted);
    }
    Err(Refusal::Unusual("a part of it would be lost"))
}

fn json(text: &str, documents: &[Document]) -> Result<String, Refusal> {
    let [document] = documents else { return Err(Refusal::Unusual("JSON has one document to a file")) };
    if !Comments::find(text, documents).map_err(Refusal::Unusual)?.texts().is_empty() {
        return Err(Refusal::Unusual("JSON has no comments"));
    }
    let ordered = document::ordered_json(&document.root, document::schema_of(&document.root));
    serde_json::to_string_pretty(&ordered).map(|text| text + "\n").map_err(|_| Refusal::Unusual("it is no JSON"))
}

/// The bytes of a node that is a part of a text.
fn slice<'t>(text: &'t str, node: &Node) -> &'t str {
    text.get(node.span.start as usize..node.span.end as usize).unwrap_or_default()
}

#[cfg(test)]
mod tests;
