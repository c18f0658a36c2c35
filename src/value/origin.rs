//! Origins of web pages (RFC 6454; HTML standard, 7.1.1): which ones something is for, and one as a browser sends it.

use std::fmt;

use crate::value::host::HostPattern;
use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// Which origins something is for: `*` is all of them, `https://*.shop.example` those below a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OriginPattern {
    /// Every origin.
    Any,
    /// Those with such a scheme, host and port.
    Like {
        /// The scheme, in lower case.
        scheme: Box<str>,
        /// The host, or the end of its name.
        host: HostPattern,
        /// The port, where it is not the scheme's own.
        port: Option<u16>,
    },
}

impl OriginPattern {
    /// Whether it is for the origin that a browser sends.
    pub fn matches(&self, origin: &str) -> bool {
        let Self::Like { scheme, host, port } = self else { return true };
        let own = origin.split_once("://").filter(|(own, _)| *own == &**scheme);
        own.is_some_and(|(_, authority)| {
            let (own_host, own_port) = split_port(authority);
            own_port.map_or(port.is_none(), |text| text.parse().ok() == *port && port.is_some())
                && host.matches(own_host)
        })
    }
}

/// The host, and what stands behind a colon after it.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn own_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::Like { scheme, host, port: None } => write!(f, "{scheme}://{host}"),
            Self::Like { scheme, host, port: Some(port) } => write!(f, "{scheme}://{host}:{port}"),
        }
    }
}

impl Scalar for OriginPattern {
    const FORMAT: &'static str = "gw-origin-pattern";
    const DESCRIPTION: &'static str = "The origin of web pages: scheme, host and, where it is not the scheme's own, port. `*.` before a name is all \
         names below it, and `*` alone every origin.";
    const EXAMPLES: &'static [&'static str] =
        &["https://shop.example", "https://*.shop.example", "http://localhost:3000", "*"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if text == "*" {
            return Ok(Self::Any);
        }
        if text == "null" {
            let error =
                ScalarError::new("every page can make its origin `null`, so that this says nothing of who asks");
            return Err(error.help("write `*` if every page may ask"));
        }
        let Some((scheme, authority)) = text.split_once("://") else {
            let error = ScalarError::new("an origin begins with a scheme, such as `https://shop.example`");
            return Err(error.suggest(format!("https://{text}")).help("write for example `https://shop.example`"));
        };
        if scheme.is_empty() || !scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)) {
            return Err(ScalarError::new("this is no scheme").help("write `https` or `http`").range(0, scheme.len()));
        }
        let start = scheme.len() + "://".len();
        if let Some(at) = authority.find(['/', '?', '#']) {
            let error = ScalarError::new("an origin ends with its host and port");
            return Err(error.suggest(&text[..start + at]).range(start + at, text.len()));
        }
        let (host, port) = split_port(authority);
        let host = HostPattern::parse(host).map_err(|mut error| {
            error.range = error.range.map(|(from, to)| (from + start, to + start));
            error.suggestion = error.suggestion.map(|host| format!("{scheme}://{host}"));
            error
        })?;
        let scheme = scheme.to_ascii_lowercase();
        let port = match port.map(|port| (port, port.parse::<u16>())) {
            None => None,
            Some((text, Ok(port))) if port > 0 && !text.starts_with('+') => Some(port),
            Some((port, _)) => {
                return Err(
                    ScalarError::new("a port is a number from 1 to 65535").range(text.len() - port.len(), text.len())
                );
            }
        };
        Ok(Self::Like { port: port.filter(|port| Some(*port) != own_port(&scheme)), scheme: scheme.into(), host })
    }
}

scalar!(OriginPattern);

#[cfg(test)]
mod tests {
    use super::{OriginPattern, Scalar};

    #[test]
    fn origins_are_matched_as_browsers_write_them() {
        for (pattern, yes, no) in [
            ("*", &["https://a.example", "null", "x"][..], &[][..]),
            (
                "https://a.example",
                &["https://a.example"],
                &["http://a.example", "https://a.example:8443", "https://a.example.evil", "null", ""],
            ),
            ("HTTPS://a.example:443", &["https://a.example"], &["https://a.example:443x"]),
            (
                "https://*.a.example",
                &["https://b.a.example", "https://c.b.a.example"],
                &["https://a.example", "https://ba.example", "http://b.a.example"],
            ),
            (
                "http://localhost:3000",
                &["http://localhost:3000"],
                &["http://localhost", "http://localhost:30000", "http://localhost:3000/"],
            ),
            ("http://[::1]:3000", &["http://[::1]:3000"], &["http://[::1]"]),
            ("capacitor://localhost", &["capacitor://localhost"], &["http://localhost"]),
        ] {
            let parsed = OriginPattern::parse(pattern).unwrap();
            assert!(yes.iter().all(|origin| parsed.matches(origin)), "{pattern}");
            assert!(!no.iter().any(|origin| parsed.matches(origin)), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_origin_is_mended() {
        let suggestion = |text| OriginPattern::parse(text).unwrap_err().suggestion;
        assert_eq!(suggestion("shop.example").as_deref(), Some("https://shop.example"));
        assert_eq!(suggestion("https://shop.example/").as_deref(), Some("https://shop.example"));
        assert!(
            ["null", "https://", "https://a.example:0", "https://a*.example", "://a"]
                .iter()
                .all(|text| OriginPattern::parse(text).is_err())
        );
    }
}
