//! What the gateway itself asks a server for: a path, and perhaps a query.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// A path with a query perhaps, sent as it is written (the origin form of RFC 9112, 3.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskedPath(Box<str>);

impl AskedPath {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AskedPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for AskedPath {
    const FORMAT: &'static str = "gw-asked-path";
    const DESCRIPTION: &'static str = "A path that begins with `/`, with a query perhaps, sent as it is written.";
    const EXAMPLES: &'static [&'static str] = &["/healthz", "/status?deep=1"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let error = ScalarError::new("a path begins with `/` and holds only what may stand in a URL");
        if text.starts_with('/') && text.len() <= 1024 && text.bytes().all(|b| b.is_ascii_graphic() && b != b'#') {
            return Ok(Self(text.into()));
        }
        let slashed = format!("/{text}");
        let usable = !text.starts_with('/') && !text.contains("://") && Self::parse(&slashed).is_ok();
        Err(if usable { error.suggest(slashed) } else { error.help("percent-encode other characters") })
    }
}

scalar!(AskedPath);

#[cfg(test)]
mod tests {
    use super::{AskedPath, Scalar};

    #[test]
    fn a_path_is_sent_as_it_is() {
        assert_eq!(AskedPath::parse("/a?b=%20").unwrap().as_str(), "/a?b=%20");
        assert_eq!(AskedPath::parse("healthz").unwrap_err().suggestion.as_deref(), Some("/healthz"));
        for bad in ["", "/a b", "/a#b", "http://a/", "/é"] {
            assert!(AskedPath::parse(bad).is_err(), "{bad}");
        }
    }
}
