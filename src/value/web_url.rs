//! The URL of something that is asked over HTTP, with or without TLS, with a path: a document, for example.

use std::fmt;

use http::uri::PathAndQuery;

use crate::value::scalar::scalar;
use crate::value::url::TargetUrl;
use crate::value::{Scalar, ScalarError};

/// A URL that begins with `http://` or `https://`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WebUrl {
    /// The server.
    pub server: TargetUrl,
    /// What is asked of it: empty, or a path and perhaps a query.
    path: Box<str>,
}

impl fmt::Display for WebUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server, self.path)
    }
}

impl Scalar for WebUrl {
    const FORMAT: &'static str = "gw-web-url";
    const DESCRIPTION: &'static str = "A URL that begins with `http://` or `https://`, with a path if there is one.";
    const EXAMPLES: &'static [&'static str] = &["https://api.example/openapi.json", "http://geo.internal:3000/docs/"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let rest = text.find("://").map_or(0, |at| at + 3);
        let (server, path) = text.split_at(text[rest..].find(['/', '?', '#']).map_or(text.len(), |at| rest + at));
        let asked = path.is_empty() || (path.starts_with('/') && PathAndQuery::try_from(path).is_ok());
        if !asked || path.contains('#') {
            return Err(ScalarError::new("the path of the URL is malformed"));
        }
        Ok(Self { server: TargetUrl::parse(server)?, path: path.into() })
    }
}

scalar!(WebUrl);

#[cfg(test)]
mod tests {
    use super::{Scalar, WebUrl};

    #[test]
    fn a_url_is_read_and_written_in_one_form() {
        for (text, shown) in [
            ("http://Api.example", "http://api.example"),
            ("https://api.example:443/a/b?c=d", "https://api.example/a/b?c=d"),
            ("http://127.0.0.1:3000/dir/", "http://127.0.0.1:3000/dir/"),
        ] {
            assert_eq!(WebUrl::parse(text).unwrap().to_string(), shown);
        }
        for bad in ["", "http://", "api.example/dir", "https://api.example/#a", "https://u@api.example/", "ftp://a/b"] {
            assert!(WebUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
