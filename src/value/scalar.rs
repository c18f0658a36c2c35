//! What all scalar types have in common, and the macro that gives them serde and JSON Schema.

use std::fmt;

/// Why a text is not a value of its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalarError {
    /// What is wrong, in the style of a diagnostic; never quotes more than a name.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// A text that would be right, if there is an obvious one.
    pub suggestion: Option<String>,
    /// The bytes of the text that are wrong; all of it if absent.
    pub range: Option<(usize, usize)>,
    /// Whether the text may be a secret, and nothing may show it.
    pub is_secret: bool,
}

impl ScalarError {
    /// A plain message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, suggestion: None, range: None, is_secret: false }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Offers a text that would be right.
    #[must_use]
    pub fn suggest(mut self, text: impl Into<String>) -> Self {
        self.suggestion = Some(text.into());
        self
    }

    /// Points at the bytes that are wrong.
    #[must_use]
    pub fn range(mut self, start: usize, end: usize) -> Self {
        self.range = Some((start, end));
        self
    }

    /// The text may be a secret.
    #[must_use]
    pub fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }
}

impl fmt::Display for ScalarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ScalarError {}

/// A type written as one string in a manifest.
pub trait Scalar: Sized + fmt::Display {
    /// Its name in a schema's `format`.
    const FORMAT: &'static str;
    /// One sentence for the editor's hover.
    const DESCRIPTION: &'static str;
    /// Texts that are right, the first one the most typical.
    const EXAMPLES: &'static [&'static str];

    /// Reads it.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    fn parse(text: &str) -> Result<Self, ScalarError>;
}

/// A scalar type seen from the schema: how to check a text of that format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name in a schema.
    pub name: &'static str,
    /// One sentence on its values.
    pub description: &'static str,
    /// Texts that are right.
    pub examples: &'static [&'static str],
    /// Whether a text is a value of the type.
    pub check: fn(&str) -> Result<(), ScalarError>,
}

impl Format {
    /// The format of a type.
    pub const fn of<T: Scalar>() -> Self {
        Self {
            name: T::FORMAT,
            description: T::DESCRIPTION,
            examples: T::EXAMPLES,
            check: |text| T::parse(text).map(drop),
        }
    }
}

/// Gives a [`Scalar`] its serde and JSON Schema implementations.
macro_rules! scalar {
    ($ty:ident) => {
        impl std::str::FromStr for $ty {
            type Err = $crate::value::ScalarError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                <Self as $crate::value::Scalar>::parse(text)
            }
        }

        impl<'de> serde::Deserialize<'de> for $ty {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(deserializer)?;
                <Self as $crate::value::Scalar>::parse(&text).map_err(serde::de::Error::custom)
            }
        }

        impl serde::Serialize for $ty {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl schemars::JsonSchema for $ty {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($ty).into()
            }
            fn inline_schema() -> bool {
                true
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "format": <Self as $crate::value::Scalar>::FORMAT,
                    "description": <Self as $crate::value::Scalar>::DESCRIPTION,
                    "examples": <Self as $crate::value::Scalar>::EXAMPLES,
                })
            }
        }
    };
}
pub(crate) use scalar;
