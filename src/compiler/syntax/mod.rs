//! From text to documents: values with the place of everything in them. It knows YAML, not manifests.
//!
//! The language is YAML 1.2 (<https://yaml.org/spec/1.2.2/>) with its core schema, so JSON too, less what makes
//! manifests ambiguous or dangerous: merge keys, tags, keys that aren't texts, and aliases without a bound.

pub mod codes;
mod duplicates;
mod explain;
mod node;
mod problem;
mod scalar;
#[cfg(test)]
mod tests;
mod tree;

pub use codes::CODES;
pub use node::{Document, Entry, Node, Place, Value};

use std::borrow::Cow;

use granit_parser::Parser;

use crate::compiler::syntax::tree::{MAX_DEPTH, Next, Tree};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceId, Span};

/// How large one file may be.
const MAX_BYTES: usize = 16 << 20;

/// The text of a file. A byte order mark is kept, so that places in the text are places in the file; bytes
/// that are not UTF-8 become U+FFFD, which [`parse`] reports.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Reads the documents of a text. Empty ones are left out; one with a syntax error ends there, and reading goes
/// on with the next.
pub fn parse(source: SourceId, text: &str) -> (Vec<Document>, Diagnostics) {
    if let Some(problem) = unreadable(source, text) {
        let mut problems = Diagnostics::default();
        problems.push(problem);
        return (Vec::new(), problems);
    }
    let mut tree = Tree::new(source, text);
    let options = granit_parser::options! {
        emit_comments: false,
        emit_unresolved_aliases: true,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let mut events = Parser::new_from_str_with_options(text, options);
    while let Some(event) = events.next_event() {
        let next = match event {
            Ok((event, span)) => tree.take(event, span),
            Err(error) => tree.fail(&error),
        };
        let over = match next {
            Next::Event => false,
            Next::Document => !events.proceed_next_document().unwrap_or(false),
            Next::Stop => true,
        };
        if over {
            break;
        }
    }
    tree.finish()
}

/// Why a text is not read at all.
fn unreadable(source: SourceId, text: &str) -> Option<Diagnostic> {
    if text.len() > MAX_BYTES {
        return Some(problem::too_many_bytes(Span::new(source, 0, 0), MAX_BYTES));
    }
    let start = u32::try_from(text.find(char::REPLACEMENT_CHARACTER)?).ok()?;
    Some(problem::not_utf8(Span::new(source, start, start + 3)))
}
