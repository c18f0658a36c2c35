//! Names of cookies (RFC 6265, 4.1.1).

use std::fmt;

use crate::value::method::is_token;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// Whether a byte may stand in the value of a cookie.
pub fn is_cookie_byte(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !b"\",;\\".contains(&byte)
}

/// The name of a cookie; case matters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CookieName(Box<str>);

impl CookieName {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CookieName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for CookieName {
    const FORMAT: &'static str = "gw-cookie-name";
    const DESCRIPTION: &'static str = "The name of a cookie, such as `tenant`, at most 128 characters; case matters.";
    const EXAMPLES: &'static [&'static str] = &["tenant", "__Host-session"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if (1..=128).contains(&text.len()) && text.bytes().all(is_token) {
            return Ok(Self(text.into()));
        }
        Err(ScalarError::new("the name of a cookie is a token such as `tenant`")
            .help("it holds letters, digits, `-`, `_` and `.`, and neither spaces nor `=`"))
    }
}

scalar!(CookieName);

#[cfg(test)]
mod tests {
    use super::{CookieName, Scalar};

    #[test]
    fn names_are_tokens() {
        assert_eq!(CookieName::parse("__Host-A").unwrap().as_str(), "__Host-A");
        for bad in ["", "a b", "a=b", "a;b", "é"] {
            assert!(CookieName::parse(bad).is_err(), "{bad}");
        }
    }
}
