//! One compiled validator for each kind, made once.

use std::sync::LazyLock;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value as Json;

use crate::compiler::manifest::KindInfo;
use crate::compiler::schema::KIND_SCHEMAS;
use crate::value::FORMATS;

static VALIDATORS: LazyLock<Vec<(&'static str, Validator)>> =
    LazyLock::new(|| KIND_SCHEMAS.iter().map(|(kind, schema)| (kind.name, compile(schema))).collect());

/// The validator of a kind.
#[expect(clippy::expect_used, reason = "both tables are made from the same list of kinds")]
pub(super) fn of(kind: &KindInfo) -> &'static Validator {
    VALIDATORS.iter().find(|(name, _)| *name == kind.name).map(|(_, validator)| validator).expect("a kind of the table")
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
