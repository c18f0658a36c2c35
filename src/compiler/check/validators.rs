//! One compiled validator for each kind. They are made for a compilation and dropped with it: a gateway that serves has no use for
//! several megabytes of them.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value as Json;

use crate::compiler::manifest::{KINDS, KindInfo};
use crate::compiler::schema::of_kind;
use crate::value::FORMATS;

/// The schemas of all kinds, ready to check with.
pub struct Validators(Vec<Checker>);

/// The schema of one kind.
pub(super) struct Checker {
    kind: &'static str,
    pub(super) schema: Json,
    pub(super) validator: Validator,
}

impl Validators {
    /// Makes them.
    pub fn new() -> Self {
        Self(
            KINDS
                .iter()
                .map(|kind| {
                    let schema = of_kind(kind);
                    Checker { kind: kind.name, validator: compile(&schema), schema }
                })
                .collect(),
        )
    }

    /// The one of a kind.
    #[expect(clippy::expect_used, reason = "there is one for each kind of the table")]
    pub(super) fn of(&self, kind: &KindInfo) -> &Checker {
        self.0.iter().find(|checker| checker.kind == kind.name).expect("a kind of the table")
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
