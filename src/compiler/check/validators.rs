//! The rules of each kind, and its schema with a validator once a manifest is wrong. They are made for a compilation and dropped
//! with it: a gateway that serves has no use for them.

use std::sync::OnceLock;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};
use serde_json::Value as Json;

use crate::compiler::check::quick;
use crate::compiler::manifest::{KINDS, KindInfo};
use crate::compiler::schema::{of_kind, rules};
use crate::value::FORMATS;

/// The rules and schemas of all kinds, ready to check with.
pub struct Validators(Vec<Checker>);

/// The rules and the schema of one kind.
pub(super) struct Checker {
    kind: &'static KindInfo,
    pub(super) rules: Json,
    schema: OnceLock<Json>,
    validator: OnceLock<Validator>,
}

impl Checker {
    /// All that a document has wrong by the schema.
    pub(super) fn errors<'a>(&'a self, document: &'a Json) -> impl Iterator<Item = ValidationError<'a>> {
        let suspect = !quick::accepts(&self.rules, document);
        suspect.then(|| self.validator().iter_errors(document)).into_iter().flatten()
    }

    pub(super) fn schema(&self) -> &Json {
        self.schema.get_or_init(|| of_kind(self.kind))
    }

    pub(super) fn validator(&self) -> &Validator {
        self.validator.get_or_init(|| compile(self.schema()))
    }
}

impl Validators {
    /// Makes them.
    pub fn new() -> Self {
        let mut rules = rules::read();
        let checker = |kind: &'static KindInfo| Checker {
            kind,
            rules: rules.remove(kind.name).unwrap_or_default(),
            schema: OnceLock::new(),
            validator: OnceLock::new(),
        };
        Self(KINDS.iter().map(checker).collect())
    }

    /// The rules of a kind, as a schema without what it holds for people.
    pub(in crate::compiler) fn rules(&self, kind: &KindInfo) -> &Json {
        &self.of(kind).rules
    }

    /// The one of a kind.
    #[expect(clippy::expect_used, reason = "there is one for each kind of the table")]
    pub(super) fn of(&self, kind: &KindInfo) -> &Checker {
        self.0.iter().find(|checker| checker.kind.name == kind.name).expect("a kind of the table")
    }
}

impl Default for Validators {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::expect_used, reason = "the schema is made from our own types, and a test compiles each")]
fn compile(schema: &Json) -> Validator {
    let mut options = jsonschema::options()
        .with_draft(Draft::Draft7)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex());
    for format in FORMATS {
        options = options.with_format(format.name, |text: &str| (format.check)(text).is_ok());
    }
    options.build(schema).expect("a schema of our own")
}
