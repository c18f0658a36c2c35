//! An answer's head as hyper wants it.

use bytes::Bytes;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::pipeline::exchange::Exchange;
use crate::pipeline::head::ResponseHead;
use crate::proxy::answer::Source;

/// The answer of a request that had a route.
pub fn respond(exchange: &Exchange<'_>, source: Source, framed: bool) -> Response<Source> {
    build(exchange.response, source, framed)
}

/// Builds an answer. Where an upstream framed it, its own `Content-Length` stands; else hyper writes the body's length.
pub fn build(head: &ResponseHead, source: Source, framed: bool) -> Response<Source> {
    let mut response = Response::new(source);
    *response.status_mut() = StatusCode::from_u16(head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = Bytes::copy_from_slice(head.fields.text());
    let headers = response.headers_mut();
    headers.reserve(head.fields.len() + 2);
    for (name, value) in head.fields.ranges() {
        let name = &text[name];
        if name == b"content-length" && !framed {
            continue;
        }
        let value = HeaderValue::from_maybe_shared(text.slice(value));
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
            headers.append(name, value);
        }
    }
    via(headers, framed);
    response
}

/// Says that an answer of an upstream came through a gateway (RFC 9110, 7.6.3).
fn via(headers: &mut HeaderMap, framed: bool) {
    if framed {
        headers.append(hyper::header::VIA, HeaderValue::from_static("1.1 gw"));
    }
}
