//! A `WebSocket` on a stream: an extended `CONNECT` in place of the upgrade that HTTP/1 knows (RFC 8441).
//!
//! Whoever asks for it sees the handshake of HTTP/1: what the server leaves out of its answer is put in.

use h2::ext::Protocol;
use http::header::{SEC_WEBSOCKET_KEY, TE};
use http::{Method, Request};

use crate::pipeline::head::ResponseHead;
use crate::proxy::upstream::error::UpstreamError;
use crate::proxy::upstream::http2::head::lines;
use crate::proxy::websocket;

/// Makes an extended `CONNECT` of the request that a head of HTTP/1 became; what its answer owes to the key of the client.
///
/// # Errors
/// If it asks for another protocol, or has no key.
pub(super) fn connect(head: &[u8], request: &mut Request<()>) -> Result<Vec<u8>, UpstreamError> {
    if !lines(head).any(|line| line.eq_ignore_ascii_case(b"upgrade: websocket")) {
        return Err(UpstreamError::NoUpgrade);
    }
    let fields = request.headers_mut();
    let key = fields.remove(SEC_WEBSOCKET_KEY).ok_or(UpstreamError::Unsendable)?;
    fields.remove(TE);
    *request.method_mut() = Method::CONNECT;
    request.extensions_mut().insert(Protocol::from_static("websocket"));
    Ok(websocket::accept(key.as_bytes()))
}

/// Has the answer that opens the stream say what one of HTTP/1 says.
pub(super) fn switch(response: &mut ResponseHead, accept: &[u8]) {
    response.status = 101;
    for name in ["content-length", "sec-websocket-accept", "upgrade"] {
        response.fields.remove(name);
    }
    response.fields.receive_lower(b"upgrade", b"websocket");
    response.fields.receive_lower(b"sec-websocket-accept", accept);
}

#[cfg(test)]
mod tests {
    use http::uri::Scheme;

    use super::connect;
    use crate::proxy::upstream::http2::head;

    fn check(fields: &str) -> String {
        let head = format!("GET /ws HTTP/1.1\r\nhost: a.example\r\nconnection: upgrade\r\n{fields}\r\n");
        let mut request = head::request(head.as_bytes(), &Scheme::HTTP, None).unwrap();
        match connect(head.as_bytes(), &mut request) {
            Ok(accept) => format!("{} {:?} {accept:?}", request.method(), request.headers()),
            Err(error) => error.reason().into(),
        }
    }

    #[test]
    fn a_websocket_is_asked_for_by_its_name() {
        let key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==";
        let accept = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_vec();
        assert_eq!(check(&format!("upgrade: WebSocket\r\n{key}")), format!("CONNECT {{}} {accept:?}"));
        assert_eq!(check(&format!("upgrade: tcp\r\n{key}")), "no-upgrade");
        assert_eq!(check("upgrade: websocket"), "unsendable");
    }
}
