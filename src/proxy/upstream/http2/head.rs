//! Heads: of a request, from the lines that HTTP/1 would send, and of an answer, checked as one of HTTP/1 is.

use std::fmt::Write as _;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, TE};
use http::uri::{Authority, PathAndQuery, Scheme, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};

use crate::pipeline::head::ResponseHead;
use crate::proxy::upstream::client::AnswerLimits;
use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::wire::{Kind, decimal, kind};

/// The head of a request, from its request line and its field lines; `length` is that of its body. What belongs to a connection of
/// HTTP/1 is left out. `None` if it cannot be written so.
pub(super) fn request(head: &[u8], scheme: &Scheme, length: Option<u64>) -> Option<Request<()>> {
    // all parts share one copy
    let head = Bytes::copy_from_slice(head);
    let mut lines = lines(&head).map(|line| head.slice_ref(line));
    let first = lines.next()?;
    let mut words = first.split(|byte| *byte == b' ');
    let (method, path) = (words.next()?, words.next()?);
    let mut fields = HeaderMap::with_capacity(32);
    let mut authority = None;
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (line.slice(..colon), line.slice(colon + 2..));
        match kind(std::str::from_utf8(&name).ok()?) {
            Kind::Host => authority = Some(Authority::from_maybe_shared(value).ok()?),
            Kind::EndToEnd | Kind::Expect | Kind::Trailer => {
                let name = HeaderName::from_lowercase(&name).ok()?;
                fields.append(name, HeaderValue::from_maybe_shared(value).ok()?);
            }
            _ => {}
        }
    }
    if let Some(length) = length {
        fields.insert(CONTENT_LENGTH, length.into());
    }
    fields.insert(TE, HeaderValue::from_static("trailers"));
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(scheme.clone());
    uri.authority = authority;
    uri.path_and_query = Some(target(first.slice_ref(path))?);
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method).ok()?;
    *request.uri_mut() = Uri::from_parts(uri).ok()?;
    *request.headers_mut() = fields;
    Some(request)
}

/// The target of a request. What HTTP/1 carries in a query, and `http` refuses there, is escaped: it means the same (RFC 3986, 2.4).
fn target(asked: Bytes) -> Option<PathAndQuery> {
    if let Ok(target) = PathAndQuery::from_maybe_shared(asked.clone()) {
        return Some(target);
    }
    let mut escaped = String::with_capacity(asked.len() + 16);
    for character in std::str::from_utf8(&asked).ok()?.chars() {
        match character {
            // writing into a string cannot fail
            '"' | '<' | '>' => drop(write!(escaped, "%{:02X}", u32::from(character))),
            other => escaped.push(other),
        }
    }
    escaped.try_into().ok()
}

/// The lines of a head, each without its end.
pub(super) fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = head;
    std::iter::from_fn(move || {
        let end = rest.windows(2).position(|end| end == b"\r\n")?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        Some(line)
    })
}

/// Takes the head of an answer over; the length of its body, if that is said.
pub(super) fn answer(
    head: &Response<()>,
    limits: AnswerLimits,
    response: &mut ResponseHead,
) -> Result<Option<u64>, UpstreamError> {
    response.status = head.status().as_u16();
    response.fields.clear();
    if !(200..600).contains(&response.status) {
        return Err(UpstreamError::Malformed("status out of range"));
    }
    if head.headers().len() > limits.fields {
        return Err(UpstreamError::HeadTooLarge);
    }
    let mut length = None;
    for (name, value) in head.headers() {
        let (name, value) = (name.as_str(), value.as_bytes());
        match kind(name) {
            Kind::EndToEnd | Kind::Host | Kind::Expect | Kind::Trailer => {
                response.fields.receive_lower(name.as_bytes(), value);
            }
            Kind::ContentLength => {
                let said = decimal(value).ok_or(UpstreamError::Malformed("invalid content-length"))?;
                if length.replace(said).is_none() && response.status != 204 {
                    response.fields.receive_lower(b"content-length", value);
                }
            }
            _ => {}
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use http::uri::Scheme;

    use super::request;

    #[test]
    fn what_a_query_may_hold_over_http1_is_escaped() {
        for (target, sent) in [
            ("/a?b=\"<x>\"", Some("/a?b=%22%3Cx%3E%22")),
            ("/a?b=%22{|}^`\\[]'", Some("/a?b=%22{|}^`\\[]'")),
            ("/a?b=é", Some("/a?b=é")),
            ("/a\u{1}", None),
        ] {
            let head = format!("GET {target} HTTP/1.1\r\nhost: a.example\r\n");
            let request = request(head.as_bytes(), &Scheme::HTTP, None);
            let written = request.map(|request| request.uri().path_and_query().unwrap().as_str().to_owned());
            assert_eq!(written.as_deref(), sent, "{target}");
        }
        // all that an authority may be
        for host in ["a_b.example", "a.example.", "a.example:", "a.example:65535", "[::1]:80", "1.2.3.4"] {
            let head = format!("GET / HTTP/1.1\r\nhost: {host}\r\n");
            assert!(request(head.as_bytes(), &Scheme::HTTP, None).is_some(), "{host}");
        }
    }

    #[test]
    fn lines_become_fields() {
        let head =
            b"POST /a?b HTTP/1.1\r\nhost: a.example:81\r\nx-a: b: c\r\nconnection: upgrade\r\nupgrade: x\r\nx-e: \r\n";
        let request = request(head, &Scheme::HTTP, Some(3)).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string().as_str()),
            ("POST", "http://a.example:81/a?b")
        );
        let fields: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(fields, [("x-a", &b"b: c"[..]), ("x-e", b""), ("content-length", b"3"), ("te", b"trailers")]);
    }
}
