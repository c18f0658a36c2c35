//! The URL of a service that is called beside requests, with a path: an issuer's keys, for example.

use std::fmt;
use std::net::IpAddr;

use http::uri::PathAndQuery;

use crate::value::scalar::scalar;
use crate::value::url::{Scheme, TargetUrl};
use crate::value::{Scalar, ScalarError};

/// A URL that begins with `https://` or `http://`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceUrl {
    /// The server.
    pub server: TargetUrl,
    /// What is asked of it: empty, or a path and perhaps a query.
    path: Box<str>,
}

impl ServiceUrl {
    /// Whether what is called is sure to be who it is meant to be: TLS, or this machine.
    pub fn is_trustworthy(&self) -> bool {
        let host = &*self.server.host;
        let is_here = || host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        self.server.scheme == Scheme::Https || is_here()
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.server, self.path)
    }
}

impl Scalar for ServiceUrl {
    const FORMAT: &'static str = "gw-service-url";
    const DESCRIPTION: &'static str = "A URL that begins with `https://`, or with `http://` within a network that is trusted, with a path if there is one.";
    const EXAMPLES: &'static [&'static str] = &["https://id.example/jwks.json"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let wrong = || ScalarError::new("the URL begins with `https://` or `http://`");
        let start = text.find("://").map(|at| at + 3).filter(|_| text.starts_with("http")).ok_or_else(wrong)?;
        let end = text[start..].find(['/', '?', '#']).map_or(text.len(), |at| start + at);
        let (server, path) = text.split_at(end);
        let asked = path.is_empty() || (path.starts_with('/') && PathAndQuery::try_from(path).is_ok());
        if !asked || path.contains('#') {
            return Err(ScalarError::new("the path of the URL is malformed"));
        }
        Ok(Self { server: TargetUrl::parse(server)?, path: path.into() })
    }
}

scalar!(ServiceUrl);

#[cfg(test)]
mod tests {
    use super::{Scalar, ServiceUrl};

    #[test]
    fn a_url_is_read_and_written_in_one_form() {
        for (text, shown, is_trustworthy) in [
            ("https://Id.example/jwks?a=b", "https://id.example/jwks?a=b", true),
            ("http://id.internal:8080/keys", "http://id.internal:8080/keys", false),
            ("http://127.0.0.1:9", "http://127.0.0.1:9", true),
            ("http://[::1]:9/", "http://[::1]:9/", true),
            ("http://localhost:9/", "http://localhost:9/", true),
        ] {
            let url = ServiceUrl::parse(text).unwrap();
            assert_eq!((&*url.to_string(), url.is_trustworthy()), (shown, is_trustworthy));
        }
        for bad in ["", "https://", "id.example/keys", "ftp://id/", "https://id/#a", "https://u@id/", "http://id/a b"] {
            assert!(ServiceUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
