//! Hosts: the names and patterns of manifests, and the authority of a request (RFC 3986, 3.2; RFC 9110, 7.2).
//!
//! All are held in one form: lower-case ASCII (international names as punycode), no port, no last dot, IPv6
//! addresses in brackets. No name is resolved here.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr};

use idna::AsciiDenyList;

use crate::value::scalar::scalar;
use crate::value::{Scalar, ScalarError};

/// The longest name that DNS knows.
const MAX_LENGTH: usize = 253;
const MAX_LABEL: usize = 63;

/// The name or address of one host.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostName(Box<str>);

impl HostName {
    /// Its text, as it is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which hosts a route is for. Any host is said by having no pattern.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// This one.
    Exact(HostName),
    /// All names that end in this one behind one or more further labels.
    Wildcard(HostName),
}

impl HostPattern {
    /// Whether it matches a normalised host.
    pub fn matches(&self, host: &str) -> bool {
        match self {
            Self::Exact(name) => name.as_str() == host,
            Self::Wildcard(suffix) => host
                .strip_suffix(suffix.as_str())
                .and_then(|labels| labels.strip_suffix('.'))
                .is_some_and(|l| !l.is_empty()),
        }
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

impl Scalar for HostName {
    const FORMAT: &'static str = "gw-host";
    const DESCRIPTION: &'static str =
        "A host: a name in lower case, an IPv4 address, or an IPv6 address in brackets; no port.";
    const EXAMPLES: &'static [&'static str] = &["api.example", "geo.internal", "[2001:db8::1]"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if let Some(at) = text.find('*') {
            return Err(ScalarError::new("a host has no `*`").range(at, at + 1));
        }
        parse_host(text).map(Self)
    }
}

scalar!(HostName);

impl Scalar for HostPattern {
    const FORMAT: &'static str = "gw-host-pattern";
    const DESCRIPTION: &'static str = "A host, or `*.` and the end of the names: `*.eu.example` is `a.eu.example` and `a.b.eu.example`, \
         not `eu.example`. Any host is said by leaving `hosts` out.";
    const EXAMPLES: &'static [&'static str] = &["api.example", "*.eu.example"];

    fn parse(text: &str) -> Result<Self, ScalarError> {
        if matches!(text, "*" | "*." | "**") {
            return Err(
                ScalarError::new(format!("`{text}` is no host pattern")).help("leave `hosts` out to match every host")
            );
        }
        let (suffix, offset) = text.strip_prefix("*.").map_or((text, 0), |suffix| (suffix, 2));
        if let Some(at) = suffix.find('*').map(|at| at + offset) {
            return Err(ScalarError::new("`*` stands only for the first labels of a name, as in `*.eu.example`")
                .range(at, at + 1));
        }
        let name = parse_host(suffix).map_err(|mut error| {
            error.range = error.range.map(|(start, end)| (start + offset, end + offset));
            error.suggestion = error.suggestion.map(|mended| text[..offset].to_owned() + &mended);
            error
        })?;
        if offset == 0 {
            return Ok(Self::Exact(HostName(name)));
        }
        if name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok() {
            return Err(ScalarError::new("`*` stands before a name, not before an address"));
        }
        Ok(Self::Wildcard(HostName(name)))
    }
}

scalar!(HostPattern);

/// Reads a host of a manifest; where it is clear what was meant, that is the suggestion.
fn parse_host(text: &str) -> Result<Box<str>, ScalarError> {
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address: Ipv6Addr =
            inner.parse().map_err(|_| ScalarError::new("between brackets stands an IPv6 address"))?;
        let canonical = format!("[{address}]");
        return if canonical == text {
            Ok(text.into())
        } else {
            Err(ScalarError::new("this IPv6 address is not in its short form").suggest(canonical))
        };
    }
    if let Some(problem) = foreign_part(text) {
        let error = ScalarError::new(problem);
        return Err(match mend(text).filter(|mended| mended != text && parse_host(mended).is_ok()) {
            Some(mended) => error.suggest(mended),
            None => error,
        });
    }
    let ascii = to_ascii(text)?;
    check_name(&ascii)?;
    Ok(ascii.into())
}

/// What of a URL or a DNS name has no place in a host.
fn foreign_part(text: &str) -> Option<&'static str> {
    if text.contains("://") {
        Some("a host has no scheme")
    } else if text.contains('@') {
        Some("a host has no user")
    } else if text.contains(['/', '?', '#']) {
        Some("a host has no path")
    } else if text.parse::<Ipv6Addr>().is_ok() {
        Some("an IPv6 address stands in brackets")
    } else if text.contains(':') {
        Some("a host has no port: that is the listener's")
    } else if text.ends_with('.') {
        Some("a host has no dot at its end")
    } else if text.chars().any(char::is_uppercase) {
        Some("hosts are written in lower case")
    } else {
        None
    }
}

fn mend(text: &str) -> Option<String> {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next()?;
    let text = text.rsplit('@').next()?;
    if text.parse::<Ipv6Addr>().is_ok() {
        return Some(format!("[{text}]"));
    }
    let text = if text.starts_with('[') { &text[..=text.find(']')?] } else { text.split(':').next()? };
    Some(text.strip_suffix('.').unwrap_or(text).to_lowercase())
}

fn to_ascii(text: &str) -> Result<Cow<'_, str>, ScalarError> {
    if text.is_ascii() && !text.contains("xn--") {
        return Ok(text.into());
    }
    idna::domain_to_ascii_cow(text.as_bytes(), AsciiDenyList::URL)
        .map_err(|_| ScalarError::new("this international name is not valid (UTS 46)"))
}

fn check_name(name: &str) -> Result<(), ScalarError> {
    if name.is_empty() {
        return Err(ScalarError::new("a host cannot be empty"));
    }
    if name.len() > MAX_LENGTH || name.split('.').any(|label| label.len() > MAX_LABEL) {
        return Err(ScalarError::new(format!("a name has at most {MAX_LENGTH} bytes, a label of it {MAX_LABEL}")));
    }
    if let Some(at) = name.bytes().position(|b| !is_name_byte(b)) {
        return Err(ScalarError::new("a host holds only letters, digits, `-`, `_` and `.`").range(at, at + 1));
    }
    if let Some(label) =
        name.split('.').find(|label| label.is_empty() || label.starts_with('-') || label.ends_with('-'))
    {
        return Err(ScalarError::new(if label.is_empty() {
            "a label of a host cannot be empty"
        } else {
            "a label of a host begins and ends with no `-`"
        }));
    }
    let ends_in_number = name.rsplit('.').next().is_some_and(|label| label.bytes().all(|b| b.is_ascii_digit()));
    if ends_in_number && name.parse::<Ipv4Addr>().is_err() {
        return Err(ScalarError::new("a host that ends in a number is an IPv4 address of four numbers"));
    }
    Ok(())
}

/// DNS has no `_` in host names, but resolvers and container networks do.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

/// Why the authority of a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// There is no host, or one of its labels is empty.
    #[error("the host, or a label of it, is empty")]
    Empty,
    /// It is longer than DNS allows.
    #[error("the host is too long")]
    TooLong,
    /// A character that no host has.
    #[error("the host holds a character that no host has")]
    Character,
    /// Brackets without an IPv6 address.
    #[error("there is no IPv6 address between the brackets")]
    Address,
    /// The port is no number up to 65535.
    #[error("the port is no number up to 65535")]
    Port,
}

/// Writes the host of a request's authority (`Host` or `:authority`) into `host` as it is compared, and returns the port.
/// After an error `host` is empty.
///
/// # Errors
/// The authority is refused.
pub fn normalise_authority(authority: &[u8], host: &mut String) -> Result<Option<u16>, HostError> {
    host.clear();
    if let Some(rest) = authority.strip_prefix(b"[") {
        let close = rest.iter().position(|b| *b == b']').ok_or(HostError::Address)?;
        let address = std::str::from_utf8(&rest[..close]).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
        let address = address.ok_or(HostError::Address)?;
        let port = parse_port(&rest[close + 1..])?;
        // Writing into a string cannot fail.
        let _ = write!(host, "[{address}]");
        return Ok(port);
    }
    let end = authority.iter().position(|b| *b == b':').unwrap_or(authority.len());
    let (name, port) = authority.split_at(end);
    let name = name.strip_suffix(b".").unwrap_or(name);
    let port = parse_port(port)?;
    lower_name(name, host).inspect_err(|_| host.clear())?;
    Ok(port)
}

/// Writes a name in lower case, in one pass.
fn lower_name(name: &[u8], lower: &mut String) -> Result<(), HostError> {
    if name.len() > MAX_LENGTH {
        return Err(HostError::TooLong);
    }
    lower.reserve(name.len());
    let mut previous = b'.';
    for &byte in name {
        if !is_name_byte(byte) {
            return Err(HostError::Character);
        }
        if byte == b'.' && previous == b'.' {
            return Err(HostError::Empty);
        }
        lower.push(char::from(byte.to_ascii_lowercase()));
        previous = byte;
    }
    if previous == b'.' { Err(HostError::Empty) } else { Ok(()) }
}

/// Reads `:8080`; nothing, or nothing behind the colon, is the default port.
fn parse_port(text: &[u8]) -> Result<Option<u16>, HostError> {
    match text {
        [] | [b':'] => Ok(None),
        [b':', digits @ ..] if digits.len() <= 5 => digits
            .iter()
            .try_fold(0_u32, |port, digit| digit.is_ascii_digit().then(|| port * 10 + u32::from(digit - b'0')))
            .and_then(|port| u16::try_from(port).ok())
            .map(Some)
            .ok_or(HostError::Port),
        _ => Err(HostError::Port),
    }
}

#[cfg(test)]
mod tests {
    use super::{HostError, HostName, HostPattern, Scalar, normalise_authority};

    #[test]
    fn patterns_are_read_and_written() {
        for (text, shown) in [
            ("api.example", "api.example"),
            ("*.eu.example", "*.eu.example"),
            ("*.localhost", "*.localhost"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("*.bücher.example", "*.xn--bcher-kva.example"),
            ("my_service", "my_service"),
            ("127.0.0.1", "127.0.0.1"),
            ("[2001:db8::1]", "[2001:db8::1]"),
        ] {
            assert_eq!(HostPattern::parse(text).map(|host| host.to_string()).as_deref(), Ok(shown));
            assert_eq!(HostPattern::parse(shown), HostPattern::parse(text));
        }
    }

    #[test]
    fn a_wildcard_needs_a_label() {
        let wildcard = HostPattern::parse("*.eu.example").unwrap();
        assert!(wildcard.matches("a.eu.example") && wildcard.matches("a.b.eu.example"));
        assert!(["eu.example", ".eu.example", "aeu.example", "example"].iter().all(|host| !wildcard.matches(host)));
        assert!(HostPattern::parse("a.example").unwrap().matches("a.example"));
    }

    #[test]
    fn slips_are_named_and_mended() {
        for (text, message, suggestion) in [
            ("*", "`*` is no host pattern", None),
            ("a.*.example", "`*` stands only for the first labels of a name, as in `*.eu.example`", None),
            ("*.*.example", "`*` stands only for the first labels of a name, as in `*.eu.example`", None),
            ("*a.example", "`*` stands only for the first labels of a name, as in `*.eu.example`", None),
            ("*.10.0.0.1", "`*` stands before a name, not before an address", None),
            ("API.example", "hosts are written in lower case", Some("api.example")),
            ("*.Eu.example.", "a host has no dot at its end", Some("*.eu.example")),
            ("a.example:8080", "a host has no port: that is the listener's", Some("a.example")),
            ("https://A.example:80/x?y", "a host has no scheme", Some("a.example")),
            ("a.example/x", "a host has no path", Some("a.example")),
            ("me@a.example", "a host has no user", Some("a.example")),
            ("::1", "an IPv6 address stands in brackets", Some("[::1]")),
            ("[::1]:80", "a host has no port: that is the listener's", Some("[::1]")),
            ("[::0001]", "this IPv6 address is not in its short form", Some("[::1]")),
            ("[a]", "between brackets stands an IPv6 address", None),
            ("", "a host cannot be empty", None),
            ("a..b", "a label of a host cannot be empty", None),
            ("-a.example", "a label of a host begins and ends with no `-`", None),
            ("a b", "a host holds only letters, digits, `-`, `_` and `.`", None),
            ("1.2.3", "a host that ends in a number is an IPv4 address of four numbers", None),
            ("xn--a.example", "this international name is not valid (UTS 46)", None),
        ] {
            let error = HostPattern::parse(text).unwrap_err();
            assert_eq!((error.message.as_str(), error.suggestion.as_deref()), (message, suggestion), "{text}");
        }
        assert!(HostPattern::parse(&"a".repeat(64)).is_err() && HostPattern::parse(&"a.".repeat(127)).is_err());
        assert!(HostName::parse("*.example").is_err());
    }

    #[test]
    fn authorities_are_normalised() {
        let mut host = String::from("what was there");
        for (authority, expected) in [
            ("api.example", Ok(("api.example", None))),
            ("API.Example.:8443", Ok(("api.example", Some(8443)))),
            ("a:", Ok(("a", None))),
            ("[2001:DB8:0::1]:80", Ok(("[2001:db8::1]", Some(80)))),
            ("127.0.0.1:1", Ok(("127.0.0.1", Some(1)))),
            ("", Err(HostError::Empty)),
            (".", Err(HostError::Empty)),
            ("a..b", Err(HostError::Empty)),
            ("a..", Err(HostError::Empty)),
            (":80", Err(HostError::Empty)),
            ("a:65536", Err(HostError::Port)),
            ("a:+1", Err(HostError::Port)),
            ("a:000080", Err(HostError::Port)),
            ("a:80:80", Err(HostError::Port)),
            ("[::1]x", Err(HostError::Port)),
            ("[::1", Err(HostError::Address)),
            ("[1.2.3.4]", Err(HostError::Address)),
            ("[fe80::1%25eth0]", Err(HostError::Address)),
            ("me@a", Err(HostError::Character)),
            ("a%62", Err(HostError::Character)),
            ("a b", Err(HostError::Character)),
            ("bücher", Err(HostError::Character)),
            ("a,b", Err(HostError::Character)),
        ] {
            let read = normalise_authority(authority.as_bytes(), &mut host);
            assert_eq!(read.map(|port| (host.as_str(), port)), expected, "{authority}");
            assert!(read.is_ok() || host.is_empty());
        }
        assert_eq!(normalise_authority("a.".repeat(130).as_bytes(), &mut host), Err(HostError::TooLong));
    }
}
