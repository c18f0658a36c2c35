//! The head of an answer as the client gets it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body::Body as _;

use crate::proxy::answer::length_without_body;
use crate::proxy::handler::Answer;

/// The head of an answer; `bodiless` if the body stays here.
pub(super) fn head(answer: &Answer, bodiless: bool, date: &[u8]) -> Response<()> {
    let Answer { heads, body, framed } = answer;
    let mut head = Response::new(());
    *head.status_mut() = StatusCode::from_u16(heads.response.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut fields = HeaderMap::with_capacity(heads.response.fields.len() + 3);
    // all values share one copy
    let text = Bytes::copy_from_slice(heads.response.fields.text());
    for (name, value) in heads.response.fields.ranges() {
        if let Ok(name) = HeaderName::from_lowercase(&text[name])
            && let Ok(value) = HeaderValue::from_maybe_shared(text.slice(value))
            && !matches!(name, header::CONTENT_LENGTH | header::CONNECTION | header::UPGRADE)
        {
            fields.append(name, value);
        }
    }
    if *framed {
        fields.append(header::VIA, HeaderValue::from_static("1.1 gw"));
    }
    if !fields.contains_key(header::DATE)
        && let Ok(date) = HeaderValue::from_bytes(date)
    {
        fields.insert(header::DATE, date);
    }
    let length = if bodiless { length_without_body(&heads.response, *framed, body) } else { body.size_hint().exact() };
    if let Some(length) = length {
        fields.insert(header::CONTENT_LENGTH, length.into());
    }
    *head.headers_mut() = fields;
    head
}
