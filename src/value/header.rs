//! Names of header fields (RFC 9110, 5.1).

use std::fmt;

use crate::value::method::is_token;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The name of a header field, in lower case; the gateway's own framing fields are refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HeaderName(Box<str>);

/// Fields that belong to one connection or to the framing of a message (RFC 9110, 7.6.1; RFC 9112, 6).
const TRANSPORT: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Whether the gateway writes the field of this name itself in each request that it sends upstream, or lets it end here: it
/// belongs to the connection, the framing or the way that the request took. The name is in lower case.
pub fn is_of_the_hop(name: &[u8]) -> bool {
    matches!(
        name,
        b"host"
            | b"connection"
            | b"content-length"
            | b"expect"
            | b"forwarded"
            | b"http2-settings"
            | b"keep-alive"
            | b"proxy"
            | b"proxy-authorization"
            | b"proxy-connection"
            | b"te"
            | b"trailer"
            | b"transfer-encoding"
            | b"upgrade"
            | b"via"
            | b"x-forwarded-for"
            | b"x-forwarded-host"
            | b"x-forwarded-proto"
            | b"x-request-id"
    )
}

impl HeaderName {
    /// Its text, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it belongs to the connection or the framing of an answer, which plugins cannot touch.
    pub fn is_transport(&self) -> bool {
        TRANSPORT.contains(&&*self.0)
    }

    /// Whether the gateway writes it itself in each request that it sends upstream.
    pub fn is_of_the_hop(&self) -> bool {
        is_of_the_hop(self.0.as_bytes())
    }
}

impl fmt::Display for HeaderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for HeaderName {
    const FORMAT: &'static str = "gw-header-name";
    const DESCRIPTION: &'static str = "The name of a header field, such as `x-tenant`; case does not matter.";
    const EXAMPLES: &'static [&'static str] = &["x-tenant", "cache-control"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text.is_empty() || text.len() > 256 || !text.bytes().all(is_token) {
            let trimmed = text.trim().trim_end_matches(':');
            let error = ScalarError::new("the name of a header field is a token such as `x-tenant`");
            let usable = !trimmed.is_empty() && trimmed.bytes().all(is_token);
            return Err(if usable { error.suggest(trimmed) } else { error });
        }
        Ok(Self(text.to_ascii_lowercase().into()))
    }
}

scalar!(HeaderName);

#[cfg(test)]
mod tests {
    use super::{HeaderName, Scalar};

    #[test]
    fn names_are_lower_case_tokens() {
        assert_eq!(HeaderName::parse("X-Tenant").unwrap().as_str(), "x-tenant");
        assert_eq!(HeaderName::parse("x-tenant:").unwrap_err().suggestion.as_deref(), Some("x-tenant"));
        assert!(HeaderName::parse("a b").is_err() && HeaderName::parse("").is_err());
        assert!(HeaderName::parse("Host").unwrap().is_transport());
    }
}
