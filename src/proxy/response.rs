//! An answer's head as hyper wants it.

use bytes::Bytes;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::pipeline::head::ResponseHead;

/// Builds an answer. Where an upstream framed it, its own `Content-Length` stands; else hyper writes the body's length.
pub fn build<B>(head: &ResponseHead, body: B, framed: bool) -> Response<B> {
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = Bytes::copy_from_slice(head.fields.text());
    let headers = response.headers_mut();
    headers.reserve(head.fields.len() + 2);
    for (name, value) in head.fields.ranges() {
        let name = &text[name];
        if name == b"content-length" && !framed {
            continue;
        }
        if let (Some(name), Ok(value)) = (field_name(name), HeaderValue::from_maybe_shared(text.slice(value))) {
            headers.append(name, value);
        }
    }
    via(headers, framed);
    response
}

/// The name as hyper holds it. The usual ones are found by a comparison, without hyper's own parsing.
fn field_name(name: &[u8]) -> Option<HeaderName> {
    Some(match name {
        b"content-type" => header::CONTENT_TYPE,
        b"content-length" => header::CONTENT_LENGTH,
        b"date" => header::DATE,
        b"server" => header::SERVER,
        b"etag" => header::ETAG,
        b"last-modified" => header::LAST_MODIFIED,
        b"cache-control" => header::CACHE_CONTROL,
        b"accept-ranges" => header::ACCEPT_RANGES,
        b"vary" => header::VARY,
        b"location" => header::LOCATION,
        b"set-cookie" => header::SET_COOKIE,
        b"content-encoding" => header::CONTENT_ENCODING,
        other => return HeaderName::from_bytes(other).ok(),
    })
}

/// Says that an answer of an upstream came through a gateway (RFC 9110, 7.6.3).
fn via(headers: &mut HeaderMap, framed: bool) {
    if framed {
        headers.append(header::VIA, HeaderValue::from_static("1.1 gw"));
    }
}
