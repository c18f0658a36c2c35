//! What a schema error means to the person who wrote the manifest: wrong values here, wrong fields in [`fields`], wrong
//! types in [`types`].
//!
//! [`fields`]: crate::compiler::check::fields
//! [`types`]: crate::compiler::check::types

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value as Json;

use crate::compiler::check::codes::{
    DUPLICATE_ENTRY, INVALID_VALUE, LITERAL_SECRET, OUT_OF_RANGE, UNKNOWN_CHOICE, WRONG_LENGTH,
};
use crate::compiler::quote::{listed, quoted, replacement};
use crate::compiler::schema;
use crate::compiler::syntax::{Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::value::did_you_mean::did_you_mean;
use crate::value::{FORMATS, ScalarError};

/// All errors of one document.
pub(super) fn explain(schema: &Json, errors: &[ValidationError<'_>], root: &Node) -> Diagnostics {
    let reader = Reader { schema, root, errors };
    let mut out = Diagnostics::default();
    for error in errors {
        reader.explain(error, &mut out);
    }
    out
}

/// A document with all that its schema finds wrong: an error is explained in the light of the others, so that one
/// mistake is reported once.
pub(super) struct Reader<'a> {
    pub(super) schema: &'a Json,
    pub(super) root: &'a Node,
    pub(super) errors: &'a [ValidationError<'a>],
}

impl Reader<'_> {
    fn explain(&self, error: &ValidationError<'_>, out: &mut Diagnostics) {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { .. } | ValidationErrorKind::FalseSchema => {
                out.extend(self.unknown_fields(pointer));
            }
            ValidationErrorKind::Required { property } => {
                out.extend(self.missing(pointer, property.as_str().unwrap_or_default()));
            }
            ValidationErrorKind::PropertyNames { error: inner } => out.extend(self.bad_key(pointer, inner)),
            ValidationErrorKind::Type { kind } => out.extend(self.wrong_type(pointer, kind)),
            // A value of the wrong type is none of the choices either.
            ValidationErrorKind::Enum { .. } if self.has_wrong_type(pointer) => {}
            other => out.extend(self.bad_value(pointer, other)),
        }
    }

    fn has_wrong_type(&self, pointer: &str) -> bool {
        self.errors.iter().any(|error| {
            matches!(error.kind(), ValidationErrorKind::Type { .. }) && error.instance_path().as_str() == pointer
        })
    }

    fn bad_key(&self, pointer: &str, inner: &ValidationError<'_>) -> Option<Diagnostic> {
        let name = inner.instance().as_str()?.to_owned();
        let entry = self.root.pointer(pointer)?.entry(&name)?;
        let ValidationErrorKind::Format { format } = inner.kind() else { return None };
        Some(mended(scalar_error(format, &name)?, entry.key_span, entry.key_span))
    }

    fn bad_value(&self, pointer: &str, kind: &ValidationErrorKind) -> Option<Diagnostic> {
        let node = self.root.pointer(pointer)?;
        let subject = subject(pointer);
        let wrong = |code, message: String| Diagnostic::new(code, message).at(self.value_place(pointer, node), "");
        Some(match kind {
            ValidationErrorKind::Enum { options } => return Some(unknown_choice(&subject, node, options)),
            ValidationErrorKind::Format { format } => return Some(invalid(format, node)),
            ValidationErrorKind::UniqueItems => return duplicate_entry(pointer, node),
            ValidationErrorKind::Minimum { .. } | ValidationErrorKind::Maximum { .. } => {
                wrong(&OUT_OF_RANGE, format!("{subject} is {}", self.range(pointer)))
            }
            ValidationErrorKind::MinProperties { .. } => wrong(&WRONG_LENGTH, format!("{subject} cannot be empty"))
                .help(format!("write one of {}", listed(&self.known_fields(pointer)))),
            ValidationErrorKind::Not { .. } => wrong(&WRONG_LENGTH, format!("{subject} has exactly one field"))
                .help(format!("write one of {}", listed(&self.known_fields(pointer)))),
            ValidationErrorKind::MinItems { limit } => {
                wrong(&WRONG_LENGTH, format!("{subject} has at least {}", counted(*limit, "entry", "entries")))
                    .help("leave the field out for its default, or add an entry")
            }
            ValidationErrorKind::MaxItems { limit } => {
                wrong(&WRONG_LENGTH, format!("{subject} has at most {}", counted(*limit, "entry", "entries")))
            }
            ValidationErrorKind::MinLength { .. } => wrong(&WRONG_LENGTH, format!("{subject} cannot be empty")),
            ValidationErrorKind::MaxLength { limit } => {
                wrong(&WRONG_LENGTH, format!("{subject} has at most {}", counted(*limit, "character", "characters")))
            }
            other => wrong(&INVALID_VALUE, format!("{subject} does not fulfil `{}`", other.keyword())),
        })
    }

    /// The range of a number, in words.
    fn range(&self, pointer: &str) -> String {
        let schema = schema::at(self.schema, pointer);
        let limit = |keyword| schema.and_then(|schema| schema.get(keyword)).and_then(Json::as_f64);
        match (limit("minimum"), limit("maximum")) {
            (Some(least), Some(most)) => format!("a number from {least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, most) => format!("at most {}", most.unwrap_or_default()),
        }
    }

    /// The place of a value: scalars by themselves; lists, objects and what is not there by their key.
    pub(super) fn value_place(&self, pointer: &str, node: &Node) -> Span {
        match node.value {
            Value::Mapping(_) | Value::Sequence(_) => self.object_place(pointer),
            Value::Null if node.span.start == node.span.end => self.object_place(pointer),
            _ => node.span,
        }
    }

    /// An object is pointed at by its key: its own text begins with its first field.
    pub(super) fn object_place(&self, pointer: &str) -> Span {
        match self.root.place(pointer) {
            Some(place) if !pointer.is_empty() => place.key.unwrap_or(place.value),
            _ => self.root.span.start(),
        }
    }
}

fn duplicate_entry(pointer: &str, node: &Node) -> Option<Diagnostic> {
    let Value::Sequence(items) = &node.value else { return None };
    let same = |a: &Node, b: &Node| a.to_json() == b.to_json();
    let (again, first) = items.iter().enumerate().find_map(|(i, item)| {
        let first = items[..i].iter().find(|first| same(first, item))?;
        Some((item, first))
    })?;
    let problem = Diagnostic::new(&DUPLICATE_ENTRY, format!("an entry stands twice in {}", subject(pointer)));
    Some(problem.at(again.span, "here again").at(first.span, "first here").help("keep one of them"))
}

/// What a pointer leads to, in words: a field by its name, an entry by that of its list.
pub(super) fn subject(pointer: &str) -> String {
    let field = pointer.rsplit('/').find(|segment| segment.parse::<usize>().is_err()).unwrap_or("value");
    let field = field.replace("~1", "/").replace("~0", "~");
    if pointer.ends_with(|c: char| c.is_ascii_digit()) && !pointer.ends_with(&format!("/{field}")) {
        format!("an entry of `{field}`")
    } else {
        format!("`{field}`")
    }
}

fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn unknown_choice(subject: &str, node: &Node, options: &Json) -> Diagnostic {
    let choices = choices(options);
    let typed = match &node.value {
        Value::String(text) => text.to_string(),
        _ => node.to_json().to_string(),
    };
    let message = format!("{subject} cannot be `{}`", typed.escape_debug());
    let diagnostic = Diagnostic::new(&UNKNOWN_CHOICE, message).at(node.span, "");
    match (did_you_mean(&typed, choices.iter().map(String::as_str)), choices.as_slice()) {
        (Some(near), _) => {
            // a version such as `1.2` would be read as a number
            let is_text = options.as_array().is_some_and(|options| options.iter().any(|option| option == near));
            let written = if is_text && near.parse::<f64>().is_ok() { quoted(near) } else { near.to_owned() };
            diagnostic.help(format!("did you mean `{near}`?")).fix("use the value that exists", node.span, written)
        }
        (None, [only]) => diagnostic.help(format!("write `{only}`, or leave the field out")),
        (None, _) => diagnostic.help(format!("it is one of {}", listed(&choices))),
    }
}

/// The values of an `enum` as they are written.
pub(super) fn choices(options: &Json) -> Vec<String> {
    let text = |choice: &Json| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned);
    options.as_array().into_iter().flatten().map(text).collect()
}

/// A text that is not of its format.
pub(in crate::compiler) fn invalid(format: &str, node: &Node) -> Diagnostic {
    match scalar_error(format, node.as_str().unwrap_or_default()) {
        Some(error) if error.is_secret => {
            Diagnostic { help: error.help, ..Diagnostic::new(&LITERAL_SECRET, error.message).at(node.span, "hidden") }
        }
        Some(error) => {
            let place = replacement::part(node, error.range);
            mended(error, place, node.span)
        }
        None => Diagnostic::new(&INVALID_VALUE, "this is not a value of its type").at(node.span, ""),
    }
}

/// A text that is not of its type; where it is clear what was meant, `whole` is replaced by that.
fn mended(error: ScalarError, place: Span, whole: Span) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(&INVALID_VALUE, error.message).at(place, "");
    diagnostic.help = error.help;
    let Some(meant) = error.suggestion else { return diagnostic };
    let written = quoted(&meant);
    if diagnostic.help.is_none() {
        diagnostic = diagnostic.help(format!("write `{written}`"));
    }
    diagnostic.fix(format!("write `{written}`"), whole, written)
}

pub(in crate::compiler) fn scalar_error(format: &str, text: &str) -> Option<ScalarError> {
    FORMATS.iter().find(|known| known.name == format).and_then(|known| (known.check)(text).err())
}

/// The first example of a field, as it is written.
pub(super) fn example(schema: &Json) -> Option<String> {
    let example = schema.get("examples")?.as_array()?.first()?;
    Some(example.as_str().map_or_else(|| example.to_string(), quoted))
}
