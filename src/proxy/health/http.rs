//! A health check by a `GET` over HTTP/1.1, on a connection of its own.

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request};
use http_body_util::Empty;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;

use crate::proxy::health::probe::Unwell;
use crate::proxy::health::watch::Asked;
use crate::proxy::upstream::connect;
use crate::value::path::AskedPath;

pub(super) async fn ask(asked: &Asked, path: &AskedPath) -> Result<(), Unwell> {
    let stream = connect(&asked.target).await?;
    let (mut sender, connection) = http1::Builder::new().max_buf_size(64 << 10).handshake(TokioIo::new(stream)).await?;
    let mut request = Request::new(Empty::<Bytes>::new());
    // a path that the schema lets through is one; another would get the root
    *request.uri_mut() = path.as_str().parse().unwrap_or_default();
    let fields = request.headers_mut();
    fields.insert(HOST, HeaderValue::from_str(&asked.host).unwrap_or(HeaderValue::from_static("localhost")));
    fields.insert(USER_AGENT, HeaderValue::from_static("gw-health-check"));
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    let answer = tokio::select! {
        answer = sender.send_request(request) => answer?,
        Err(error) = connection => return Err(error.into()),
    };
    let status = answer.status().as_u16();
    if asked.check.accepts(status) { Ok(()) } else { Err(Unwell::Status(status)) }
}
