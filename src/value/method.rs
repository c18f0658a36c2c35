//! Request methods (RFC 9110, 9).

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A request method: one of the common ones, or any other token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Method {
    /// `GET`
    #[default]
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
    /// Any other one, as it came: methods are case-sensitive.
    Other(Box<str>),
}

impl Method {
    /// Reads a method of a request; `None` if it is not a token.
    pub fn from_token(token: &str) -> Option<Self> {
        Some(match token {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            _ if !token.is_empty() && token.bytes().all(is_token) => Self::Other(token.into()),
            _ => return None,
        })
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other(text) => text,
        }
    }

    /// Whether repeating it has no further effect (RFC 9110, 9.2.2).
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options => true,
            Self::Other(text) => &**text == "TRACE",
            Self::Post | Self::Patch => false,
        }
    }
}

/// Whether a byte may stand in a token (RFC 9110, 5.6.2).
pub fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Scalar for Method {
    const FORMAT: &'static str = "gw-method";
    const DESCRIPTION: &'static str = "A request method in upper case, such as `GET`; `GET` does not imply `HEAD`.";
    const EXAMPLES: &'static [&'static str] = &["GET", "POST"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text.bytes().any(|b| b.is_ascii_lowercase()) {
            return Err(ScalarError::new("methods are written in upper case").suggest(text.to_ascii_uppercase()));
        }
        Self::from_token(text).ok_or_else(|| ScalarError::new("a method is a token such as `GET`"))
    }
}

scalar!(Method);

#[cfg(test)]
mod tests {
    use super::{Method, Scalar};

    #[test]
    fn methods_are_case_sensitive_tokens() {
        assert_eq!(Method::parse("GET"), Ok(Method::Get));
        assert_eq!(Method::parse("PROPFIND").unwrap().as_str(), "PROPFIND");
        assert_eq!(Method::parse("get").unwrap_err().suggestion.as_deref(), Some("GET"));
        assert!(Method::parse("A B").is_err() && Method::parse("").is_err());
    }
}
