//! The URL that a client asks for: scheme, host, path and query, as they are sent.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::url::Scheme;
use crate::value::{Scalar, ScalarError};

/// The URL of a request. Its path is kept as it is written: what a gateway makes of an odd one may be what is tested.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestUrl {
    text: Box<str>,
    scheme: Scheme,
    /// Where the host ends.
    end: usize,
}

impl RequestUrl {
    /// How the client speaks.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The host, with the port if one is written.
    pub fn authority(&self) -> &str {
        &self.text[start(self.scheme)..self.end]
    }

    /// The path and query.
    pub fn target(&self) -> &str {
        match &self.text[self.end..] {
            "" => "/",
            target => target,
        }
    }
}

fn start(scheme: Scheme) -> usize {
    match scheme {
        Scheme::Http => "http://".len(),
        Scheme::Https => "https://".len(),
    }
}

impl fmt::Display for RequestUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Scalar for RequestUrl {
    const FORMAT: &'static str = "gw-request-url";
    const DESCRIPTION: &'static str =
        "The URL of a request: `http://` or `https://`, a host and perhaps a port, a path and perhaps a query.";
    const EXAMPLES: &'static [&'static str] = &["https://shop.example/orders/7?express=1", "http://localhost:8080/"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let scheme = match text.split_once("://") {
            Some(("http", _)) => Scheme::Http,
            Some(("https", _)) => Scheme::Https,
            _ => {
                let error = ScalarError::new("the URL of a request begins with `http://` or `https://`");
                let bare = text.contains('.') && Self::parse(&format!("https://{text}")).is_ok();
                return Err(if bare { error.suggest(format!("https://{text}")) } else { error });
            }
        };
        if let Some(at) = text.find('#') {
            return Err(ScalarError::new("a fragment is never sent").suggest(&text[..at]).range(at, text.len()));
        }
        if let Some((at, odd)) = text.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control()) {
            return Err(ScalarError::new("a URL holds no blanks: write `%20`").range(at, at + odd.len_utf8()));
        }
        let rest = &text[start(scheme)..];
        let length = rest.find(['/', '?']).unwrap_or(rest.len());
        let host = &rest[..length];
        if host.is_empty() || host.contains(['@', '\\']) {
            return Err(ScalarError::new("the URL of a request names a host, such as `https://shop.example/`"));
        }
        if rest[length..].starts_with('?') {
            let whole = format!("{}/{}", &text[..start(scheme) + length], &rest[length..]);
            return Err(ScalarError::new("the URL of a request has a path").suggest(whole));
        }
        Ok(Self { text: text.into(), scheme, end: start(scheme) + length })
    }
}

scalar!(RequestUrl);

#[cfg(test)]
mod tests {
    use super::{RequestUrl, Scalar};

    #[test]
    fn is_taken_apart() {
        for (text, authority, target) in [
            ("http://a", "a", "/"),
            ("https://a.example:8443/x?y=/z", "a.example:8443", "/x?y=/z"),
            ("http://[::1]:80/%2e%2e/a", "[::1]:80", "/%2e%2e/a"),
        ] {
            let url = RequestUrl::parse(text).unwrap();
            assert_eq!((url.authority(), url.target(), url.as_str()), (authority, target, text));
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
