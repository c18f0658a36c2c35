//! The problems of documents that are YAML, but more than the manifest language takes. What isn't YAML at all is
//! explained in [`explain`](crate::compiler::syntax::explain).

use crate::compiler::syntax::codes;
use crate::compiler::syntax::node::Entry;
use crate::compiler::syntax::scalar::Refusal;
use crate::diagnostic::{Diagnostic, Span};

pub(super) fn duplicate_key(again: &Entry, first: &Entry) -> Diagnostic {
    Diagnostic::new(&codes::DUPLICATE_KEY, format!("the key `{}` is written twice", again.key))
        .at(again.key_span, "here again")
        .at(first.key_span, "first written here")
        .help("keep one of them")
}

pub(super) fn missing_separator(again: &Entry, first: &Entry) -> Diagnostic {
    let message = format!("another document begins here, with `{}` again", again.key);
    Diagnostic::new(&codes::DUPLICATE_KEY, message)
        .at(again.key_span, "the line `---` is missing above")
        .at(first.key_span, "first written here")
        .help("write a line `---` between documents")
        .fix("write `---` above", again.key_span.start(), "---\n")
}

pub(super) fn merge_key(place: Span) -> Diagnostic {
    Diagnostic::new(&codes::MERGE_KEY, "merge keys are not part of the manifest language")
        .at(place, "this would merge another object")
        .help("write the fields out; an alias (`field: *name`) can copy a whole value")
}

pub(super) fn custom_tag(place: Span, tag: &str) -> Diagnostic {
    Diagnostic::new(&codes::CUSTOM_TAG, format!("the tag `{tag}` is not part of the manifest language"))
        .at(place, "unknown tag")
        .help("leave the tag out; a secret is a reference such as `{ env: NAME }`, a variable is `${var.NAME}`")
}

pub(super) fn wrong_tag(place: Span, tag: &str) -> Diagnostic {
    Diagnostic::new(&codes::CUSTOM_TAG, format!("the value is not what its tag `{tag}` says"))
        .at(place, "does not fit the value")
        .help("leave the tag out")
}

/// `place` is the scalar's, `tag_place` that of its tag, which reads `tag`.
pub(super) fn refused_scalar(refusal: Refusal, place: Span, tag_place: Span, tag: &str) -> Diagnostic {
    let number = |message: &str| {
        Diagnostic::new(&codes::NUMBER, message).at(place, "").help("put quotes around it if it is meant as a text")
    };
    match refusal {
        Refusal::NotFinite => number("a number is finite: infinity and not-a-number have no place in a manifest"),
        Refusal::TooLong => number("an integer has at most 64 bits"),
        Refusal::CustomTag => custom_tag(tag_place, tag),
        Refusal::WrongTag => wrong_tag(tag_place, tag),
    }
}

/// `text` is the whole source.
pub(super) fn complex_key(place: Span, text: &str) -> Diagnostic {
    let template = text.get(..place.start as usize).is_some_and(|before| before.ends_with('{'))
        && text.get(place.start as usize..).is_some_and(|rest| rest.starts_with('{'));
    let help = if template {
        "manifests are not templates: a variable is written `${var.NAME}`, and a text with `{{` needs quotes"
    } else {
        "write the key as a word or between quotes"
    };
    Diagnostic::new(&codes::COMPLEX_KEY, "a key is a text, not a list, an object or an alias")
        .at(place, "this stands where a key is expected")
        .help(help)
}

pub(super) fn empty_key(place: Span) -> Diagnostic {
    Diagnostic::new(&codes::COMPLEX_KEY, "a key is missing").at(place, "before this").help("write `key: value`")
}

/// `alias` is its text, `*` included. Patterns such as `*.example` are the usual cause.
pub(super) fn undefined_alias(place: Span, alias: &str) -> Diagnostic {
    let name = alias.trim_start_matches('*');
    let problem = Diagnostic::new(&codes::UNDEFINED_ALIAS, format!("no anchor is named `{name}` in this document"))
        .at(place, "a value that begins with `*` is an alias");
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') && !name.is_empty() {
        return problem.help(format!("write `&{name}` before the value that it copies, or `\"{alias}\"` for a text"));
    }
    problem.help(format!("put quotes around a text: `\"{alias}\"`")).fix(
        "put quotes around it",
        place,
        format!("\"{alias}\""),
    )
}

pub(super) fn recursive_alias(place: Span, alias: &str) -> Diagnostic {
    Diagnostic::new(&codes::UNDEFINED_ALIAS, format!("the alias `{alias}` stands inside the value that it names"))
        .at(place, "a value cannot contain itself")
}

pub(super) fn too_many_copies(place: Span, limit: usize) -> Diagnostic {
    Diagnostic::new(&codes::ALIAS_BUDGET, format!("the aliases of one file copy more than {limit} values"))
        .at(place, "this copy goes beyond it")
        .help("write the values out, or split the file")
}

pub(super) fn too_deep(place: Span, limit: usize) -> Diagnostic {
    Diagnostic::new(&codes::TOO_LARGE, format!("values are nested more than {limit} deep"))
        .at(place, "this is one too deep")
        .help("no manifest needs this: a bracket may have been left open")
}

pub(super) fn too_many_nodes(place: Span, limit: usize) -> Diagnostic {
    Diagnostic::new(&codes::TOO_LARGE, format!("the file holds more than {limit} values"))
        .at(place, "the rest is not read")
        .help("split the file")
}

pub(super) fn too_many_bytes(place: Span, limit: usize) -> Diagnostic {
    Diagnostic::new(&codes::TOO_LARGE, format!("the file is larger than {} MiB", limit >> 20))
        .at(place, "nothing of it is read")
        .help("split the file")
}

pub(super) fn not_utf8(place: Span) -> Diagnostic {
    Diagnostic::new(&codes::NOT_UTF8, "the file is not UTF-8")
        .at(place, "this is not a character")
        .help("save the file as UTF-8")
}
