//! The URL of something that is asked over HTTPS, with a path: a directory of an authority, for example.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::url::TargetUrl;
use crate::value::web_url::WebUrl;
use crate::value::{Scalar, ScalarError};

/// A URL that begins with `https://`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HttpsUrl(WebUrl);

impl HttpsUrl {
    /// The server.
    pub fn server(&self) -> &TargetUrl {
        &self.0.server
    }
}

impl fmt::Display for HttpsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Scalar for HttpsUrl {
    const FORMAT: &'static str = "gw-https-url";
    const DESCRIPTION: &'static str = "A URL that begins with `https://`, with a path if there is one.";
    const EXAMPLES: &'static [&'static str] = &["https://acme-v02.api.letsencrypt.org/directory"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text.starts_with("https://") {
            return WebUrl::parse(text).map(Self);
        }
        let error = ScalarError::new("the URL begins with `https://`");
        let mended = text.strip_prefix("http://").map(|rest| format!("https://{rest}"));
        Err(match mended.filter(|mended| Self::parse(mended).is_ok()) {
            Some(mended) => error.suggest(mended),
            None => error,
        })
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
