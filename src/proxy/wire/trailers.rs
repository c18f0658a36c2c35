//! Trailer fields (RFC 9110, 6.5): which of them go on, and how they are read and written.
//!
//! A recipient may merge trailers into the header fields, so one that could frame, route, authenticate or
//! identify must not pass. Answers are held to a list of what is forbidden, requests to a list of what is known
//! to be harmless: a request's header fields say who is calling.

use http::{HeaderMap, HeaderName, HeaderValue};
use httparse::{EMPTY_HEADER, Status};

use crate::proxy::wire::decode::{DecodeError, crlf_only};

/// The most fields of one trailer section.
const FIELDS_AT_MOST: usize = 32;

/// Framing, routing, authentication, control data and content's processing have no place in trailers.
const FORBIDDEN: [&str; 32] = [
    "age",
    "authorization",
    "cache-control",
    "clear-site-data",
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-security-policy",
    "content-type",
    "date",
    "expires",
    "host",
    "keep-alive",
    "location",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "retry-after",
    "set-cookie",
    "strict-transport-security",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "access-control-allow-origin",
    "access-control-allow-credentials",
];

/// Digests and signatures of what was sent, which can be known only after it.
const ALLOWED_IN_REQUESTS: [&str; 5] = ["content-digest", "content-md5", "digest", "etag", "repr-digest"];

/// Families of the same, and what gRPC says of a call at its end.
const ALLOWED_PREFIXES: [&str; 3] = ["grpc-", "x-amz-checksum-", "x-checksum-"];

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the upstream.
    Request,
    /// To the client.
    Answer,
}

/// Reads a trailer section, with its final empty line; fields that no trailer may be are left out.
pub fn parse(section: &[u8]) -> Result<HeaderMap, DecodeError> {
    const INVALID: DecodeError = DecodeError::Malformed("invalid trailers");
    let mut space = [EMPTY_HEADER; FIELDS_AT_MOST];
    let Ok(Status::Complete((length, headers))) = httparse::parse_headers(section, &mut space) else {
        return Err(INVALID);
    };
    if length < section.len() || !crlf_only(section, headers.len() + 1) {
        return Err(INVALID);
    }
    let mut fields = HeaderMap::new();
    for header in headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| INVALID)?;
        if !FORBIDDEN.contains(&name.as_str()) {
            fields.append(name, HeaderValue::from_bytes(header.value).map_err(|_| INVALID)?);
        }
    }
    Ok(fields)
}

/// Those trailers of a request that are known to be harmless.
pub fn harmless_only(fields: HeaderMap) -> HeaderMap {
    let mut last = None;
    let named = fields.into_iter().filter_map(|(name, value)| {
        // a further value of a field comes without its name
        last = name.or(last.take());
        last.clone().filter(|name| is_harmless(name.as_str())).map(|name| (name, value))
    });
    let mut kept = HeaderMap::new();
    for (name, value) in named {
        kept.append(name, value);
    }
    kept
}

/// Leaves out of trailers what no trailer may be.
pub fn drop_forbidden(fields: &mut HeaderMap) {
    let forbidden: Vec<HeaderName> = fields.keys().filter(|name| FORBIDDEN.contains(&name.as_str())).cloned().collect();
    for name in forbidden {
        fields.remove(name);
    }
}

/// Writes trailers, each as a line: of a request only those that are known to be harmless.
pub fn write(fields: &HeaderMap, direction: Direction, out: &mut Vec<u8>) {
    for (name, value) in fields {
        let name = name.as_str();
        if direction == Direction::Answer || is_harmless(name) {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(b": ");
            out.extend_from_slice(value.as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

fn is_harmless(name: &str) -> bool {
    ALLOWED_IN_REQUESTS.contains(&name) || ALLOWED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}
