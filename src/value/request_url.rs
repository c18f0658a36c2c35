//! The URL that a client asks for: scheme, host, path and query, as they are sent.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The URL of a request. Its path is kept as it is written: what a gateway makes of an odd one may be what is tested.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestUrl(Box<str>);

impl RequestUrl {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Scalar for RequestUrl {
    const FORMAT: &'static str = "gw-request-url";
    const DESCRIPTION: &'static str =
        "The URL of a request: `http://` or `https://`, a host and perhaps a port, a path and perhaps a query.";
    const EXAMPLES: &'static [&'static str] = &["https://shop.example/orders/7?express=1", "http://localhost:8080/"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let Some(("http" | "https", rest)) = text.split_once("://") else {
            let error = ScalarError::new("the URL of a request begins with `http://` or `https://`");
            let bare = text.contains('.') && Self::parse(&format!("https://{text}")).is_ok();
            return Err(if bare { error.suggest(format!("https://{text}")) } else { error });
        };
        if let Some(at) = text.find('#') {
            return Err(ScalarError::new("a fragment is never sent").suggest(&text[..at]));
        }
        if let Some((at, odd)) = text.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control()) {
            let error = ScalarError::new("the URL of a request holds no blanks").help("write `%20` for a blank");
            return Err(error.range(at, at + odd.len_utf8()));
        }
        let (host, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        if host.is_empty() || host.contains(['@', '\\']) {
            return Err(ScalarError::new("the URL of a request names a host, such as `https://shop.example/`"));
        }
        if target.starts_with('?') {
            let before = &text[..text.len() - target.len()];
            return Err(ScalarError::new("the URL of a request has a path").suggest(format!("{before}/{target}")));
        }
        Ok(Self(text.into()))
    }
}

scalar!(RequestUrl);

#[cfg(test)]
mod tests {
    use super::{RequestUrl, Scalar};

    #[test]
    fn stays_as_it_is_written() {
        for text in ["http://a", "https://A.example:8443/x?y=/z", "http://[::1]:80/%2e%2e/a"] {
            assert_eq!(RequestUrl::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        let suggestion = |text| RequestUrl::parse(text).unwrap_err().suggestion;
        assert_eq!(suggestion("shop.example/a").as_deref(), Some("https://shop.example/a"));
        assert_eq!(suggestion("http://a/b#c").as_deref(), Some("http://a/b"));
        assert_eq!(suggestion("http://a?b").as_deref(), Some("http://a/?b"));
        for bad in ["", "/a", "ftp://a/", "http://", "http:///a", "http://u@a/", "http://a/ b"] {
            assert!(RequestUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
