//! The URL of an upstream server: scheme, host and port, nothing else.

use std::fmt;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// How an upstream is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scheme {
    /// HTTP in clear text, port 80 by default.
    Http,
    /// HTTP over TLS, port 443 by default.
    Https,
}

/// The URL of an upstream server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetUrl {
    /// How it is spoken to.
    pub scheme: Scheme,
    /// Its name or address, in lower case; IPv6 addresses without brackets.
    pub host: Box<str>,
    /// Its port.
    pub port: u16,
}

impl TargetUrl {
    /// Its host and port as a `Host` field says them: without the scheme's default port.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.to_string() };
        if self.port == default_port(self.scheme) { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

fn default_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    }
}

impl Scalar for TargetUrl {
    const FORMAT: &'static str = "gw-target-url";
    const DESCRIPTION: &'static str =
        "The URL of an upstream server: `http://` or `https://`, a host and perhaps a port, without a path.";
    const EXAMPLES: &'static [&'static str] = &["http://127.0.0.1:3000", "https://api.internal"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        let (scheme, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Scheme::Http, rest),
            Some(("https", rest)) => (Scheme::Https, rest),
            Some(_) => return Err(ScalarError::new("an upstream is spoken to by `http://` or `https://`")),
            None => {
                let error = ScalarError::new("the URL of an upstream begins with `http://` or `https://`");
                let usable = Self::parse(&format!("http://{text}")).is_ok();
                return Err(if usable { error.suggest(format!("http://{text}")) } else { error });
            }
        };
        if let Some(at) = rest.find(['/', '?', '#']) {
            let error = ScalarError::new("the URL of an upstream has no path or query")
                .help("add a path with the plugin `rewrite: { addPrefix: /path }`");
            return Err(error.suggest(&text[..text.len() - rest.len() + at]));
        }
        if rest.contains('@') {
            return Err(ScalarError::new("the URL of an upstream holds no user or password")
                .help("send credentials with the plugin `requestHeaders`"));
        }
        authority(scheme, rest)
    }
}

fn authority(scheme: Scheme, text: &str) -> Result<TargetUrl, ScalarError> {
    let bad_host = || ScalarError::new("the host of an upstream is a name or an IP address, such as `api.internal`");
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            let port = port.parse().ok().filter(|port| *port > 0);
            (host, port.ok_or_else(|| ScalarError::new("a port is a number from 1 to 65535"))?)
        }
        _ => (text, default_port(scheme)),
    };
    if let Some(inner) = host.strip_prefix('[') {
        let inner = inner.strip_suffix(']').filter(|h| h.parse::<std::net::Ipv6Addr>().is_ok()).ok_or_else(bad_host)?;
        return Ok(TargetUrl { scheme, host: inner.into(), port });
    }
    let label = |l: &str| {
        !l.is_empty() && l.len() <= 63 && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let bare = host.strip_suffix('.').unwrap_or(host);
    if bare.len() > 253 || !bare.split('.').all(label) {
        return Err(bad_host());
    }
    Ok(TargetUrl { scheme, host: bare.to_ascii_lowercase().into(), port })
}

scalar!(TargetUrl);

#[cfg(test)]
mod tests {
    use super::{Scalar, TargetUrl};

    #[test]
    fn reads_scheme_host_and_port() {
        for (text, shown, port) in [
            ("http://A.example", "http://a.example", 80),
            ("https://a.example:443", "https://a.example", 443),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000", 3000),
            ("http://[::1]:8", "http://[::1]:8", 8),
        ] {
            let url = TargetUrl::parse(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.port), (shown, port));
        }
    }

    #[test]
    fn says_what_to_write_instead() {
        let suggestion = |text| TargetUrl::parse(text).unwrap_err().suggestion;
        assert_eq!(suggestion("web:3000"), Some("http://web:3000".into()));
        assert_eq!(suggestion("http://web/api"), Some("http://web".into()));
        for bad in
            ["", "http://", "ftp://a", "http://a:0", "http://a:99999", "http://u:p@a", "http://a b", "http://[::1"]
        {
            assert!(TargetUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
