//! Names of realms (RFC 9110, 11.5), such as browsers show where they ask for a password.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The most characters of a realm.
const MAX_CHARS: usize = 128;

/// The name of a realm: what can stand between quotes as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Realm(Box<str>);

impl fmt::Display for Realm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for Realm {
    const FORMAT: &'static str = "gw-realm";
    const DESCRIPTION: &'static str =
        "The name of a realm: printable ASCII without `\"` and `\\`, at most 128 characters.";
    const EXAMPLES: &'static [&'static str] = &["staging"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) && byte != b'"' && byte != b'\\';
        if text.trim().is_empty() || text.len() > MAX_CHARS || !text.bytes().all(is_plain) {
            return Err(ScalarError::new(
                "a realm holds printable ASCII without `\"` and `\\`, at most 128 characters",
            ));
        }
        Ok(Self(text.into()))
    }
}

scalar!(Realm);

#[cfg(test)]
mod tests {
    use super::{Realm, Scalar};

    #[test]
    fn a_realm_stands_between_quotes_as_it_is() {
        assert_eq!(Realm::parse("the API").unwrap().to_string(), "the API");
        for wrong in ["", " ", "a\"b", "a\\b", "é", "a\nb", &"a".repeat(129)] {
            assert!(Realm::parse(wrong).is_err(), "{wrong}");
        }
    }
}
