//! A line of an access log: the gateway's own JSON, Envoy's JSON, or the combined format of Apache and nginx.
//!
//! Only the fields that decide are looked at, and a line of JSON is left where the last of them was found.

use std::borrow::Cow;
use std::net::SocketAddr;

use memchr::memchr2;

/// What a line says of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line<'a> {
    /// The method.
    pub method: Cow<'a, str>,
    /// The host, perhaps with a port; empty if the line doesn't say.
    pub host: Cow<'a, str>,
    /// The path, perhaps with a query.
    pub target: Cow<'a, str>,
    /// The address of the client, perhaps with a port.
    pub client: Cow<'a, str>,
    /// Whether it came over TLS; `None` if the line doesn't say.
    pub tls: Option<bool>,
    /// Whether the path is normalised already.
    pub normalised: bool,
}

impl<'a> Line<'a> {
    /// Reads a line; `None` if it is of no known format.
    pub fn read(line: &'a [u8]) -> Option<Self> {
        match line.first()? {
            b'{' => json(line),
            _ => combined(std::str::from_utf8(line).ok()?),
        }
    }
}

/// An object of JSON, by the names that the gateway and Envoy use.
fn json(line: &[u8]) -> Option<Line<'_>> {
    let mut found = Line::default();
    let mut own = false;
    let mut rest = &line[1..];
    loop {
        rest = skip(rest, b" \t,");
        let (key, after) = match rest.first()? {
            b'"' => string(&rest[1..])?,
            _ => break,
        };
        rest = skip(after, b" \t:");
        let (value, after) = value(rest)?;
        rest = after;
        match &*key {
            "method" | ":method" | "request_method" => found.method = value,
            "host" => (found.host, own) = (value, true),
            "authority" | ":authority" => found.host = value,
            "path" | ":path" => found.target = value,
            "client" => found.client = value,
            "tls" => found.tls = Some(true),
            // the client is the first one that is named
            "x_forwarded_for" | "x-forwarded-for" if value.len() > 1 => {
                found.client = value.split(',').next().unwrap_or_default().trim().to_owned().into();
            }
            "downstream_remote_address" if found.client.is_empty() => {
                let address = value.parse::<SocketAddr>().map(|address| address.ip().to_string());
                found.client = address.map_or(value, Cow::Owned);
            }
            _ => {}
        }
        if own && !found.target.is_empty() && !found.client.is_empty() && !found.method.is_empty() {
            break;
        }
    }
    if own {
        found.tls.get_or_insert(false);
        found.normalised = true;
    }
    (!found.method.is_empty() && !found.target.is_empty()).then_some(found)
}

fn skip<'a>(text: &'a [u8], what: &[u8]) -> &'a [u8] {
    let end = text.iter().position(|byte| !what.contains(byte)).unwrap_or(text.len());
    &text[end..]
}

/// A string behind its quote, and what follows it.
fn string(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let end = memchr2(b'"', b'\\', text)?;
    if text[end] == b'"' {
        return Some((std::str::from_utf8(&text[..end]).ok()?.into(), &text[end + 1..]));
    }
    let mut at = end;
    while text.get(at)? != &b'"' {
        at += if text[at] == b'\\' { 2 } else { 1 };
    }
    let quoted = format!("\"{}\"", std::str::from_utf8(&text[..at]).ok()?);
    Some((serde_json::from_str::<String>(&quoted).ok()?.into(), &text[at + 1..]))
}

/// A value, empty if it is no string, and what follows it.
fn value(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    match text.first()? {
        b'"' => string(&text[1..]),
        b'{' | b'[' => Some((Cow::Borrowed(""), nested(text)?)),
        _ => {
            let end = text.iter().position(|byte| matches!(byte, b',' | b'}'))?;
            Some((Cow::Borrowed(""), &text[end..]))
        }
    }
}

/// What follows an object or a list.
fn nested(text: &[u8]) -> Option<&[u8]> {
    let (mut depth, mut rest) = (0_usize, text);
    loop {
        rest = match rest.first()? {
            b'"' => string(&rest[1..])?.1,
            b'{' | b'[' => {
                depth += 1;
                &rest[1..]
            }
            b'}' | b']' => {
                depth -= 1;
                &rest[1..]
            }
            _ => &rest[1..],
        };
        if depth == 0 {
            return Some(rest);
        }
    }
}

/// `client - user [time] "GET /path HTTP/1.1" …`, perhaps behind a host.
fn combined(line: &str) -> Option<Line<'_>> {
    let (before, rest) = line.split_once(" [")?;
    let (_, rest) = rest.split_once("] \"")?;
    let request = rest.split('"').next()?;
    let mut words = request.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || !version.starts_with("HTTP/") {
        return None;
    }
    let mut names = before.split(' ');
    let first = names.next()?;
    let second = names.next()?;
    let (host, client) = if second == "-" { ("", first) } else { (first, second) };
    Some(Line {
        method: method.into(),
        host: host.into(),
        target: target.into(),
        client: client.into(),
        tls: None,
        normalised: false,
    })
}

#[cfg(test)]
mod tests {
    use super::Line;

    /// Method, host, target, client and whether it came over TLS.
    fn check(line: &str, expected: (&str, &str, &str, &str, Option<bool>)) {
        let read = Line::read(line.as_bytes()).unwrap();
        assert_eq!((&*read.method, &*read.host, &*read.target, &*read.client, read.tls), expected, "{line}");
    }

    #[test]
    fn three_formats_are_read() {
        check(
            r#"{"time":"2026-11-24T19:24:43.000Z","client":"203.0.113.9","tls":"1.3","method":"GET","host":"a.example","path":"/x","status":200}"#,
            ("GET", "a.example", "/x", "203.0.113.9", Some(true)),
        );
        check(
            r#"{"time":"t","client":"::1","method":"GET","host":"a","path":"/\"\u00e9","complete":true}"#,
            ("GET", "a", "/\"é", "::1", Some(false)),
        );
        check(
            r#"{ "response_code": 200, "tags": {"a": ["}"]}, "authority": "a.example:8443", "path": "/x?y=1", "method": "POST", "downstream_remote_address": "10.0.0.1:5000", "x_forwarded_for": "203.0.113.9, 10.0.0.2" }"#,
            ("POST", "a.example:8443", "/x?y=1", "203.0.113.9", None),
        );
        check(
            r#"203.0.113.9 - alice [24/Nov/2026:19:24:43 +0000] "GET /x?y=1 HTTP/1.1" 200 5 "-" "curl""#,
            ("GET", "", "/x?y=1", "203.0.113.9", None),
        );
        check(
            r#"a.example:443 203.0.113.9 - - [24/Nov/2026:19:24:43 +0000] "GET / HTTP/2.0" 200 5 "-" "-""#,
            ("GET", "a.example:443", "/", "203.0.113.9", None),
        );
    }

    #[test]
    fn what_is_none_is_left_out() {
        for line in [
            "",
            "{",
            "{}",
            r#"{"method":"GET"}"#,
            r#"{"method":"GET","path":"/"#,
            "x",
            "1.2.3.4 - - [t] \"\\x16\" 400 0",
        ] {
            assert_eq!(Line::read(line.as_bytes()), None, "{line}");
        }
    }
}
