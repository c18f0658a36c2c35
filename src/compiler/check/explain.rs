//! What a schema error means to the person who wrote the manifest.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value as Json;

use crate::compiler::check::codes::{
    INVALID_VALUE, MISSING_FIELD, OUT_OF_RANGE, UNKNOWN_CHOICE, UNKNOWN_FIELD, WRONG_LENGTH, WRONG_TYPE,
};
use crate::compiler::check::validators::Checker;
use crate::compiler::quote::{quoted, replacement};
use crate::compiler::schema;
use crate::compiler::syntax::{Node, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Span};
use crate::value::did_you_mean::did_you_mean;
use crate::value::{FORMATS, ScalarError};

/// All errors of one document.
pub(super) fn explain(checker: &Checker, json: &Json, root: &Node) -> Diagnostics {
    let errors: Vec<ValidationError<'_>> = checker.validator.iter_errors(json).collect();
    let reader = Reader { schema: &checker.schema, root, errors: &errors };
    let mut out = Diagnostics::default();
    for error in &errors {
        reader.explain(error, &mut out);
    }
    out
}

struct Reader<'a> {
    schema: &'a Json,
    root: &'a Node,
    errors: &'a [ValidationError<'a>],
}

impl Reader<'_> {
    fn explain(&self, error: &ValidationError<'_>, out: &mut Diagnostics) {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                out.extend(unexpected.iter().filter_map(|name| self.unknown_field(pointer, name)));
            }
            ValidationErrorKind::Required { property } => {
                out.extend(self.missing(pointer, property.as_str().unwrap_or_default()));
            }
            ValidationErrorKind::PropertyNames { error: inner } => out.extend(self.bad_key(pointer, inner)),
            other => out.extend(self.bad_value(pointer, other)),
        }
    }

    fn unknown_field(&self, pointer: &str, name: &str) -> Option<Diagnostic> {
        let entry = self.root.pointer(pointer)?.entry(name)?;
        let known: Vec<&str> = self.known_fields(pointer);
        let diagnostic = Diagnostic::new(&UNKNOWN_FIELD, format!("there is no field `{}` here", name.escape_debug()))
            .at(entry.key_span, "unknown field");
        Some(match did_you_mean(name, known.iter().copied()) {
            Some(near) => {
                diagnostic.help(format!("did you mean `{near}`?")).fix("rename the field", entry.key_span, near)
            }
            None if known.is_empty() => diagnostic.help("this object has no fields"),
            None => diagnostic.help(format!("there are: {}", known.join(", "))),
        })
    }

    fn known_fields(&self, pointer: &str) -> Vec<&str> {
        schema::at(self.schema, pointer)
            .and_then(schema::properties)
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }

    /// A missing field, unless a mistyped one beside it was reported as meant to be it.
    fn missing(&self, pointer: &str, property: &str) -> Option<Diagnostic> {
        let known = self.known_fields(pointer);
        let mistyped = self.errors.iter().any(|error| {
            error.instance_path().as_str() == pointer
                && matches!(error.kind(), ValidationErrorKind::AdditionalProperties { unexpected }
                    if unexpected.iter().any(|name| did_you_mean(name, known.iter().copied()) == Some(property)))
        });
        if mistyped {
            return None;
        }
        let message = format!("the field `{property}` is missing");
        let field = schema::at(self.schema, &format!("{pointer}/{property}"));
        let example = field
            .and_then(example)
            .map_or_else(String::new, |example| format!(", for example `{property}: {example}`"));
        let description = field.and_then(|f| f.get("description")).and_then(Json::as_str).unwrap_or_default();
        let help = format!(
            "add `{property}`{example}{}{}",
            if description.is_empty() { "" } else { ": " },
            first_sentence(description)
        );
        Some(Diagnostic::new(&MISSING_FIELD, message).at(self.object_place(pointer), "this object").help(help))
    }

    /// An object is pointed at by its key: its own text begins with its first field.
    fn object_place(&self, pointer: &str) -> Span {
        match self.root.place(pointer) {
            Some(place) if !pointer.is_empty() => place.key.unwrap_or(place.value),
            _ => self.root.span.start(),
        }
    }

    fn bad_key(&self, pointer: &str, inner: &ValidationError<'_>) -> Option<Diagnostic> {
        let name = inner.instance().as_str()?.to_owned();
        let entry = self.root.pointer(pointer)?.entry(&name)?;
        let ValidationErrorKind::Format { format } = inner.kind() else { return None };
        let error = scalar_error(format, &name)?;
        let mut diagnostic = Diagnostic::new(&INVALID_VALUE, error.message.clone()).at(entry.key_span, "");
        diagnostic.help = error.help.clone();
        Some(match error.suggestion {
            Some(text) => {
                diagnostic.help(format!("write `{text}`")).fix("write it as it is meant", entry.key_span, text)
            }
            None => diagnostic,
        })
    }

    fn bad_value(&self, pointer: &str, kind: &ValidationErrorKind) -> Option<Diagnostic> {
        let node = self.root.pointer(pointer)?;
        let field = pointer.rsplit('/').find(|segment| segment.parse::<usize>().is_err()).unwrap_or("value");
        let wrong = |code, message: String| Diagnostic::new(code, message).at(self.value_place(pointer, node), "");
        Some(match kind {
            ValidationErrorKind::Type { kind } => return Some(self.wrong_type(pointer, field, node, kind)),
            ValidationErrorKind::Enum { options } => return Some(unknown_choice(field, node, options)),
            ValidationErrorKind::Format { format } => return Some(invalid(format, node)),
            ValidationErrorKind::Minimum { limit } => wrong(&OUT_OF_RANGE, format!("`{field}` is at least {limit}")),
            ValidationErrorKind::Maximum { limit } => wrong(&OUT_OF_RANGE, format!("`{field}` is at most {limit}")),
            ValidationErrorKind::MinItems { limit: 1 } => wrong(&WRONG_LENGTH, format!("`{field}` cannot be empty"))
                .help("write an entry, or leave the field out if it has a default"),
            ValidationErrorKind::MinItems { limit } => {
                wrong(&WRONG_LENGTH, format!("`{field}` has at least {limit} entries"))
            }
            ValidationErrorKind::MaxItems { limit } => {
                wrong(&WRONG_LENGTH, format!("`{field}` has at most {limit} entries"))
            }
            ValidationErrorKind::MinLength { .. } => wrong(&WRONG_LENGTH, format!("`{field}` cannot be empty")),
            ValidationErrorKind::MaxLength { limit } => {
                wrong(&WRONG_LENGTH, format!("`{field}` is at most {limit} characters long"))
            }
            other => wrong(&INVALID_VALUE, format!("`{field}` does not fulfil `{}`", other.keyword())),
        })
    }

    fn value_place(&self, pointer: &str, node: &Node) -> Span {
        match node.value {
            Value::Mapping(_) | Value::Sequence(_) => self.object_place(pointer),
            _ => node.span,
        }
    }

    fn wrong_type(&self, pointer: &str, field: &str, node: &Node, kind: &TypeKind) -> Diagnostic {
        let expected = match kind {
            TypeKind::Single(name) => name.to_string(),
            TypeKind::Multiple(_) => "value of another type".to_owned(),
        };
        let article = if expected.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
        let shown = match expected.as_str() {
            "array" => "a list".to_owned(),
            "object" => "a mapping".to_owned(),
            other => format!("{article} {other}"),
        };
        let message = format!("`{field}` is {shown}, not {}", node.kind_name());
        let diagnostic = Diagnostic::new(&WRONG_TYPE, message)
            .at(self.value_place(pointer, node), format!("this is {}", node.kind_name()));
        let schema = schema::at(self.schema, pointer);
        let scalar = matches!(node.value, Value::Integer(_) | Value::Float(_) | Value::Bool(_));
        match (expected.as_str(), schema.and_then(example)) {
            ("string", _) if scalar => self.string_wanted(diagnostic, schema, node),
            ("array", _) if matches!(node.value, Value::String(_)) => diagnostic.help("write it in brackets: `[…]`"),
            (_, Some(example)) => diagnostic.help(format!("write for example `{field}: {example}`")),
            _ => diagnostic,
        }
    }

    /// A number or boolean where a string is wanted: with quotes it may be right, or its type says what is missing.
    fn string_wanted(&self, diagnostic: Diagnostic, schema: Option<&Json>, node: &Node) -> Diagnostic {
        let text = match node.to_json() {
            Json::String(text) => text,
            other => other.to_string(),
        };
        let format = schema.and_then(|schema| schema.get("format")).and_then(Json::as_str);
        let error = format.and_then(|format| scalar_error(format, &text));
        match error {
            Some(ScalarError { suggestion: Some(meant), .. }) => {
                diagnostic.help(format!("write `{meant}`")).fix("write it as it is meant", node.span, meant)
            }
            Some(error) => diagnostic.help(error.help.unwrap_or(error.message)),
            None => {
                diagnostic.help(format!("write `{}`", quoted(&text))).fix("put it in quotes", node.span, quoted(&text))
            }
        }
    }
}

fn unknown_choice(field: &str, node: &Node, options: &Json) -> Diagnostic {
    let choices: Vec<String> = options
        .as_array()
        .into_iter()
        .flatten()
        .map(|choice| choice.as_str().map_or_else(|| choice.to_string(), str::to_owned))
        .collect();
    let typed = match &node.value {
        Value::String(text) => text.to_string(),
        _ => node.to_json().to_string(),
    };
    let diagnostic =
        Diagnostic::new(&UNKNOWN_CHOICE, format!("`{field}` cannot be `{}`", typed.escape_debug())).at(node.span, "");
    match did_you_mean(&typed, choices.iter().map(String::as_str)) {
        Some(near) => {
            diagnostic.help(format!("did you mean `{near}`?")).fix("use the value that exists", node.span, near)
        }
        None => diagnostic.help(format!("it is one of {}", choices.join(", "))),
    }
}

fn invalid(format: &str, node: &Node) -> Diagnostic {
    let text = match &node.value {
        Value::String(text) => &**text,
        _ => "",
    };
    let Some(error) = scalar_error(format, text) else {
        return Diagnostic::new(&INVALID_VALUE, "this is not a value of its type").at(node.span, "");
    };
    let span = replacement::part(node, error.range);
    let mut diagnostic = Diagnostic::new(&INVALID_VALUE, error.message).at(span, "");
    diagnostic.help = error.help;
    match error.suggestion {
        Some(meant) => {
            diagnostic.help(format!("write `{meant}`")).fix("write it as it is meant", node.span, quoted(&meant))
        }
        None => diagnostic,
    }
}

fn scalar_error(format: &str, text: &str) -> Option<ScalarError> {
    FORMATS.iter().find(|known| known.name == format).and_then(|known| (known.check)(text).err())
}

fn example(schema: &Json) -> Option<String> {
    let example = schema.get("examples")?.as_array()?.first()?;
    Some(example.as_str().map_or_else(|| example.to_string(), quoted))
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}
