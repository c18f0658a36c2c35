//! Alternative names of client certificates (RFC 5280, 4.2.1.6): one, or all DNS names below one.

use std::fmt;
use std::net::IpAddr;

use crate::value::host::HostPattern;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// Which alternative names are meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SanPattern {
    /// DNS names.
    Dns(HostPattern),
    /// A URI, a mail address or an IP address, as it is.
    Other(Box<str>),
}

impl SanPattern {
    /// Whether a name is meant; DNS names are in lower case.
    pub fn matches(&self, name: &str) -> bool {
        match self {
            // a mail address and a URI may end as a DNS name does, and so may an IP address
            Self::Dns(pattern) => {
                !name.contains(['@', ':', '/']) && name.parse::<IpAddr>().is_err() && pattern.matches(name)
            }
            Self::Other(text) => **text == *name,
        }
    }

    /// The one name that is meant, if it is one.
    pub fn exact(&self) -> Option<&str> {
        match self {
            Self::Dns(HostPattern::Exact(name)) => Some(name.as_str()),
            Self::Dns(HostPattern::Wildcard(_)) => None,
            Self::Other(text) => Some(text),
        }
    }

    /// Whether no name is meant by both.
    pub fn is_apart(&self, other: &Self) -> bool {
        let wildcard = |pattern: &Self| matches!(pattern, Self::Dns(HostPattern::Wildcard(_)));
        self != other && !wildcard(self) && !wildcard(other)
    }
}

impl fmt::Display for SanPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(pattern) => pattern.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl Scalar for SanPattern {
    const FORMAT: &'static str = "gw-san";
    const DESCRIPTION: &'static str = "An alternative name of a certificate: a DNS name, `*.` and the end of DNS names, a URI, a mail \
        address or an IP address.";
    const EXAMPLES: &'static [&'static str] = &["*.partners.example", "spiffe://partners.example/shop"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let address: Option<IpAddr> = text.parse().ok();
        if let Some(address) = address {
            return Ok(Self::Other(address.to_string().into()));
        }
        if text.contains("://") || text.contains('@') {
            return match text.find(|c: char| c.is_control() || c == ' ') {
                Some(at) => Err(ScalarError::new("a name holds no space and no control character").range(at, at + 1)),
                None => Ok(Self::Other(text.into())),
            };
        }
        HostPattern::parse(text).map(Self::Dns)
    }
}

scalar!(SanPattern);

#[cfg(test)]
mod tests {
    use super::{SanPattern, Scalar as _};

    #[test]
    fn names_of_all_kinds_are_read() {
        for (pattern, name, matches) in [
            ("*.partners.example", "a.partners.example", true),
            ("*.partners.example", "partners.example", false),
            ("a.example", "a.example", true),
            ("spiffe://a/b", "spiffe://a/b", true),
            ("spiffe://a/b", "spiffe://a/c", false),
            ("me@a.example", "me@a.example", true),
            ("*.partners.example", "me@mail.partners.example", false),
            ("*.partners.example", "spiffe://x/a.partners.example", false),
            ("::0001", "::1", true),
        ] {
            assert_eq!(SanPattern::parse(pattern).unwrap().matches(name), matches, "{pattern} {name}");
        }
        assert!(SanPattern::parse("A.example").is_err() && SanPattern::parse("spiffe://a b").is_err());
    }
}
