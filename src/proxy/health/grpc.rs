//! A health check by the standard service of gRPC (`grpc.health.v1.Health/Check`), over HTTP/2 with or without TLS.

use bytes::{BufMut, Bytes, BytesMut};
use http::header::{CONTENT_TYPE, TE};
use http::{HeaderMap, HeaderValue, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::proxy::health::probe::Unwell;
use crate::proxy::health::watch::Asked;
use crate::proxy::upstream::connect;

/// The most bytes an answer has: two are enough.
const ANSWER_BYTES: usize = 4096;

/// The answer's only field, `status`, with the value `SERVING`, as Protocol Buffers write it.
const SERVING: &[u8] = &[0x08, 0x01];

pub(super) async fn ask(asked: &Asked, service: &str) -> Result<(), Unwell> {
    let stream = connect(&asked.target.clone().over_http2()).await?;
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let answer = async {
        let answer = sender.send_request(request(asked, service)).await?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(Unwell::Status(status));
        }
        let (head, body) = answer.into_parts();
        #[expect(clippy::disallowed_methods, reason = "it is limited")]
        let Ok(body) = Limited::new(body, ANSWER_BYTES).collect().await else { return Err(Unwell::NotServing) };
        let ended_well = is_ok(&head.headers) || body.trailers().is_some_and(is_ok);
        if ended_well && is_serving(&body.to_bytes()) { Ok(()) } else { Err(Unwell::NotServing) }
    };
    tokio::select! {
        answer = answer => answer,
        Err(error) = connection => Err(error.into()),
    }
}

fn request(asked: &Asked, service: &str) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::new(message(service)));
    *request.method_mut() = Method::POST;
    let scheme = if asked.target.tls.is_some() { "https" } else { "http" };
    let uri = format!("{scheme}://{}/grpc.health.v1.Health/Check", asked.host);
    *request.uri_mut() = Uri::try_from(uri).unwrap_or_default();
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    request.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    request
}

/// `HealthCheckRequest { service }` with the prefix of a message that is not compressed.
fn message(service: &str) -> Bytes {
    let mut fields = BytesMut::new();
    if !service.is_empty() {
        fields.put_u8(0x0a);
        varint(&mut fields, service.len());
        fields.put_slice(service.as_bytes());
    }
    let mut message = BytesMut::with_capacity(5 + fields.len());
    message.put_u8(0);
    message.put_u32(u32::try_from(fields.len()).unwrap_or(u32::MAX));
    message.put(fields);
    message.freeze()
}

fn varint(out: &mut BytesMut, mut number: usize) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            return out.put_u8(low);
        }
        out.put_u8(low | 0x80);
    }
}

fn is_ok(fields: &HeaderMap) -> bool {
    fields.get("grpc-status").is_some_and(|status| status == "0")
}

/// Whether a message that is not compressed says `SERVING`; what else it holds is for later versions.
fn is_serving(body: &[u8]) -> bool {
    matches!(body, [0, _, _, _, _, message @ ..] if message.starts_with(SERVING))
}

#[cfg(test)]
mod tests {
    use super::{is_serving, message};

    #[test]
    fn messages_are_framed() {
        assert_eq!(&message("")[..], [0, 0, 0, 0, 0]);
        assert_eq!(&message("a.B")[..], [0, 0, 0, 0, 5, 0x0a, 3, b'a', b'.', b'B']);
        let long = message(&"x".repeat(200));
        assert_eq!((long.len(), &long[..8]), (208, &[0, 0, 0, 0, 203, 0x0a, 0xc8, 1][..]));
    }

    #[test]
    fn only_serving_is_well() {
        assert!(is_serving(&[0, 0, 0, 0, 2, 8, 1]));
        for other in [&[][..], &[0, 0, 0, 0, 0], &[0, 0, 0, 0, 2, 8, 2], &[1, 0, 0, 0, 2, 8, 1]] {
            assert!(!is_serving(other));
        }
    }
}
