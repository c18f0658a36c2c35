//! Fields that are not there and fields that should be: misspelt, misplaced, missing.

use jsonschema::error::ValidationErrorKind;
use serde_json::Value as Json;

use crate::compiler::check::codes::{MISSING_FIELD, UNKNOWN_FIELD};
use crate::compiler::check::explain::{Reader, example};
use crate::compiler::quote::listed;
use crate::compiler::schema;
use crate::compiler::syntax::{Entry, Value};
use crate::diagnostic::Diagnostic;
use crate::value::did_you_mean::did_you_mean;

/// In more places than this a field is no hint.
const FEW_PLACES: usize = 3;

impl Reader<'_> {
    /// The fields that an object doesn't have, each with what was probably meant.
    pub(super) fn unknown_fields(&self, pointer: &str) -> Vec<Diagnostic> {
        let (outside, unknown): (Vec<&Entry>, Vec<&Entry>) =
            self.unexpected(pointer).into_iter().partition(|entry| self.owner(pointer, entry).is_some());
        let outside = outside.first().and_then(|entry| self.outside(pointer, entry));
        outside.into_iter().chain(unknown.into_iter().map(|entry| self.unknown_field(pointer, entry))).collect()
    }

    /// A field beside the one that it belongs to: it is indented too little.
    fn outside(&self, pointer: &str, entry: &Entry) -> Option<Diagnostic> {
        let owner = self.owner(pointer, entry)?;
        let message = format!("`{}` stands beside `{}`, not in it", entry.key.escape_debug(), owner.key);
        let problem = Diagnostic::new(&UNKNOWN_FIELD, message).at(entry.key_span, "indented too little");
        Some(problem.at(owner.key_span, "this is empty").help(format!("indent it deeper than `{}`", owner.key)))
    }

    fn unknown_field(&self, pointer: &str, entry: &Entry) -> Diagnostic {
        let name = entry.key.escape_debug();
        let noun = schema::at(self.schema, pointer).and_then(|s| s.get("x-gw-noun")).and_then(Json::as_str);
        let message = match noun {
            Some(noun) => format!("there is no {noun} `{name}`"),
            None => format!("there is no field `{name}` here"),
        };
        let diagnostic = Diagnostic::new(&UNKNOWN_FIELD, message).at(entry.key_span, "");
        if let Some(near) = self.near(pointer, &entry.key) {
            return diagnostic.help(format!("did you mean `{near}`?")).fix("rename the field", entry.key_span, near);
        }
        if let Some(missing) = self.in_place_of(pointer, entry) {
            return diagnostic.help(format!("`{missing}` is missing here, did you mean that?"));
        }
        let mut places = Vec::new();
        places_of(&entry.key, self.schema, "", &mut places);
        diagnostic.help(match (self.known_fields(pointer).as_slice(), places.len()) {
            (_, 1..=FEW_PLACES) => format!("it is a field of {}", listed(&places)),
            ([], _) => "this object has no fields".to_owned(),
            (known, _) => format!("there are: {}", listed(known)),
        })
    }

    /// A missing field, unless another one was reported as meant to be it.
    pub(super) fn missing(&self, pointer: &str, property: &str) -> Option<Diagnostic> {
        let unexpected = self.unexpected(pointer);
        let meant = |entry: &&&Entry| {
            self.near(pointer, &entry.key) == Some(property) || self.in_place_of(pointer, entry) == Some(property)
        };
        if unexpected.iter().any(|entry| meant(&entry)) {
            return None;
        }
        let field = schema::at(self.schema, &format!("{pointer}/{property}"));
        let written = field.and_then(example).map_or_else(|| property.to_owned(), |text| format!("{property}: {text}"));
        let description = field.and_then(|field| field.get("description")).and_then(Json::as_str).unwrap_or_default();
        let explained = first_sentence(description);
        let explained = explained.chars().take(1).flat_map(char::to_lowercase).chain(explained.chars().skip(1));
        let explained: String = explained.collect();
        let colon = if explained.is_empty() { "" } else { ": " };
        let problem = Diagnostic::new(&MISSING_FIELD, format!("the field `{property}` is missing"));
        Some(problem.at(self.object_place(pointer), "").help(format!("add `{written}`{colon}{explained}")))
    }

    /// Whether an empty field is said to own the fields beside it, so that its emptiness is no further mistake.
    pub(super) fn is_owner(&self, pointer: &str) -> bool {
        let Some((parent, key)) = pointer.rsplit_once('/') else { return false };
        self.unexpected(parent).iter().any(|entry| self.owner(parent, entry).is_some_and(|owner| *owner.key == *key))
    }

    /// The fields of an object that its schema doesn't have.
    fn unexpected(&self, pointer: &str) -> Vec<&Entry> {
        let Some(Value::Mapping(entries)) = self.root.pointer(pointer).map(|node| &node.value) else {
            return Vec::new();
        };
        let here = self.errors.iter().filter(|error| error.instance_path().as_str() == pointer);
        let is_unexpected = |name: &str| {
            here.clone().any(|error| match error.kind() {
                ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.iter().any(|u| u == name),
                ValidationErrorKind::FalseSchema => true,
                _ => false,
            })
        };
        entries.iter().filter(|entry| is_unexpected(&entry.key)).collect()
    }

    /// The empty field beside an unknown one that has a field of its name.
    fn owner(&self, pointer: &str, stray: &Entry) -> Option<&Entry> {
        let Value::Mapping(entries) = &self.root.pointer(pointer)?.value else { return None };
        entries.iter().find(|entry| {
            let fields = schema::at(self.schema, &format!("{pointer}/{}", entry.key)).and_then(schema::properties);
            entry.value.value == Value::Null
                && entry.key_span < stray.key_span
                && fields.is_some_and(|f| f.contains_key(&*stray.key))
        })
    }

    /// The field that an unknown one is a slip of; not one that is there already.
    fn near(&self, pointer: &str, name: &str) -> Option<&str> {
        let object = self.root.pointer(pointer)?;
        did_you_mean(name, self.known_fields(pointer).into_iter().filter(|known| object.entry(known).is_none()))
    }

    /// The only missing field of an object whose only unknown field is this one.
    fn in_place_of(&self, pointer: &str, entry: &Entry) -> Option<&str> {
        let strangers = self.unexpected(pointer).into_iter().filter(|e| self.near(pointer, &e.key).is_none());
        if strangers.map(|stranger| &stranger.key).ne([&entry.key]) {
            return None;
        }
        let mut missing =
            self.errors.iter().filter(|e| e.instance_path().as_str() == pointer).filter_map(|e| match e.kind() {
                ValidationErrorKind::Required { property } => property.as_str(),
                _ => None,
            });
        missing.next().filter(|_| missing.next().is_none())
    }

    pub(super) fn known_fields(&self, pointer: &str) -> Vec<&str> {
        schema::at(self.schema, pointer)
            .and_then(schema::properties)
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }
}

/// Where else in a kind a field of this name stands, such as `spec.match[]`.
fn places_of(name: &str, schema: &Json, path: &str, out: &mut Vec<String>) {
    for (field, below) in schema::properties(schema).into_iter().flatten() {
        if field == name && !path.is_empty() {
            out.push(path.to_owned());
        }
        let path = if path.is_empty() { field.clone() } else { format!("{path}.{field}") };
        places_of(name, below, &path, out);
        if let Some(items) = below.get("items") {
            places_of(name, items, &format!("{path}[]"), out);
        }
    }
}

fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first).trim_end_matches('.')
}
