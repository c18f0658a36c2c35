//! What a client is told when the gateway itself answers: `application/problem+json` (RFC 9457), or a plain page for a browser.
//!
//! Nothing of the inside is in it: no address, no name of an upstream, no cause beyond the status.

use bytes::Bytes;

use crate::pipeline::head::RequestHead;

/// A body and its media type.
pub struct Page {
    /// The media type.
    pub media_type: &'static str,
    /// The body.
    pub body: Bytes,
}

/// The page of a status, as the client likes it.
pub fn page(status: u16, detail: Option<&str>, request: &RequestHead, request_id: &[u8]) -> Page {
    let title = title(status);
    let id = String::from_utf8_lossy(request_id);
    if prefers_html(request) {
        let detail = detail.map(|detail| format!("<p>{detail}</p>")).unwrap_or_default();
        let body = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>{status} {title}</title>\
             <body style=\"font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em\">\
             <h1>{status} {title}</h1>{detail}<p><small>request {id}</small></body></html>\n"
        );
        return Page { media_type: "text/html; charset=utf-8", body: body.into() };
    }
    let problem = Problem { title, status, detail, request_id: &id };
    let mut body = serde_json::to_vec(&problem).unwrap_or_default();
    body.push(b'\n');
    Page { media_type: "application/problem+json", body: body.into() }
}

#[derive(serde::Serialize)]
#[serde(rename_all = "camelCase")]
struct Problem<'a> {
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    request_id: &'a str,
}

/// Whether the client names HTML before JSON, as browsers do.
fn prefers_html(request: &RequestHead) -> bool {
    let accept =
        request.fields.received("accept").and_then(|value| std::str::from_utf8(value).ok()).unwrap_or_default();
    let position = |kind: &str| accept.find(kind);
    match (position("text/html"), position("json")) {
        (Some(html), Some(json)) => html < json,
        (html, _) => html.is_some(),
    }
}

/// The reason phrase of a status (RFC 9110, 15).
pub fn title(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
