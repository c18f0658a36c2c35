//! The URL of something that is asked over HTTPS, with a path: a directory of an authority, for example.

use std::fmt;

use http::uri::PathAndQuery;

use crate::value::scalar::scalar;
use crate::value::url::TargetUrl;
use crate::value::{Scalar, ScalarError};

/// A URL that begins with `https://`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HttpsUrl {
    /// The server.
    pub server: TargetUrl,
    /// What is asked of it: empty, or a path and perhaps a query.
    path: Box<str>,
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server, self.path)
    }
}

impl Scalar for HttpsUrl {
    const FORMAT: &'static str = "gw-https-url";
    const DESCRIPTION: &'static str = "A URL that begins with `https://`, with a path if there is one.";
    const EXAMPLES: &'static [&'static str] = &["https://acme-v02.api.letsencrypt.org/directory"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let Some(rest) = text.strip_prefix("https://") else {
            let error = ScalarError::new("the URL begins with `https://`");
            let mended = text.strip_prefix("http://").map(|rest| format!("https://{rest}"));
            return Err(match mended.filter(|mended| Self::parse(mended).is_ok()) {
                Some(mended) => error.suggest(mended),
                None => error,
            });
        };
        let (server, path) = text.split_at(text.len() - rest.len() + rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        let asked = path.is_empty() || (path.starts_with('/') && PathAndQuery::try_from(path).is_ok());
        if !asked || path.contains('#') {
            return Err(ScalarError::new("the path of the URL is malformed"));
        }
        Ok(Self { server: TargetUrl::parse(server)?, path: path.into() })
    }
}

scalar!(HttpsUrl);

#[cfg(test)]
mod tests {
    use super::{HttpsUrl, Scalar};

    #[test]
    fn a_url_is_read_and_written_in_one_form() {
        for (text, shown) in [
            ("https://Ca.example", "https://ca.example"),
            ("https://ca.example:443/a/b?c=d", "https://ca.example/a/b?c=d"),
            ("https://127.0.0.1:14000/dir", "https://127.0.0.1:14000/dir"),
        ] {
            assert_eq!(HttpsUrl::parse(text).unwrap().to_string(), shown);
        }
        for bad in
            ["", "https://", "ca.example/dir", "https://ca.example/#a", "https://u@ca.example/", "https://ca/a b"]
        {
            assert!(HttpsUrl::parse(bad).is_err(), "{bad}");
        }
        let suggestion = HttpsUrl::parse("http://ca.example/dir").unwrap_err().suggestion;
        assert_eq!(suggestion, Some("https://ca.example/dir".into()));
    }
}
