//! Conditions on named values: header fields, query parameters, cookies.

use std::borrow::Borrow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::pipeline::head::RequestHead;
use crate::value::regex::Pattern;

/// A condition on one name. Exactly one of `equals`, `regex`, `present` and `absent` is given.
///
/// A value that is sent several times satisfies the condition if one of its values does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct NamedCondition {
    /// The name of the header field, query parameter or cookie. Case matters, but for header fields.
    #[schemars(length(min = 1, max = 256), example = &"x-tenant")]
    pub name: String,
    /// The value is exactly this text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(example = &"acme")]
    pub equals: Option<String>,
    /// The whole value matches this regular expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<Pattern>,
    /// It is there, with any value.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(schema_with = "only_true")]
    pub present: bool,
    /// It is not there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[schemars(schema_with = "only_true")]
    pub absent: bool,
}

fn only_true(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "type": "boolean", "enum": [true] })
}

/// What a condition asks of the values of its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Test {
    /// One of them is exactly this text.
    Equals(String),
    /// One of them matches as a whole.
    Regex(Pattern),
    /// There is one.
    Present,
    /// There is none.
    Absent,
}

/// A condition as it is decided.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FieldCondition {
    /// The name; of header fields in lower case.
    pub name: String,
    /// What is asked.
    pub test: Test,
}

impl NamedCondition {
    /// The condition, if exactly one test is given.
    pub fn compile(&self, names: Names) -> Option<FieldCondition> {
        let test = match (&self.equals, &self.regex, self.present, self.absent) {
            (Some(text), None, false, false) => Test::Equals(text.clone()),
            (None, Some(pattern), false, false) => Test::Regex(pattern.clone()),
            (None, None, true, false) => Test::Present,
            (None, None, false, true) => Test::Absent,
            _ => return None,
        };
        let name = match names {
            Names::AnyCase => self.name.to_ascii_lowercase(),
            Names::ExactCase => self.name.clone(),
        };
        Some(FieldCondition { name, test })
    }
}

/// Whether the case of names matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Header fields: it doesn't.
    AnyCase,
    /// Query parameters and cookies: it does.
    ExactCase,
}

impl FieldCondition {
    /// Decides it as a condition on a header field.
    pub fn header(&self, head: &RequestHead) -> bool {
        self.test.holds(head.fields.received_all(&self.name))
    }

    /// Decides it as a condition on a query parameter.
    pub fn query(&self, head: &RequestHead) -> bool {
        self.test.holds(head.query_values(&self.name).map(Text))
    }

    /// Decides it as a condition on a cookie.
    pub fn cookie(&self, head: &RequestHead) -> bool {
        self.test.holds(head.cookies(&self.name))
    }
}

impl Test {
    fn holds<V: AsRef<[u8]>>(&self, mut values: impl Iterator<Item = V>) -> bool {
        match self {
            Self::Equals(text) => values.any(|value| value.as_ref() == text.as_bytes()),
            Self::Regex(pattern) => {
                values.any(|value| std::str::from_utf8(value.as_ref()).is_ok_and(|text| pattern.is_match(text)))
            }
            Self::Present => values.next().is_some(),
            Self::Absent => values.next().is_none(),
        }
    }
}

/// A `Cow<str>` as bytes.
struct Text<T>(T);

impl<T: Borrow<str>> AsRef<[u8]> for Text<T> {
    fn as_ref(&self) -> &[u8] {
        self.0.borrow().as_bytes()
    }
}
