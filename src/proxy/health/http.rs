//! A health check by a `GET`, on a connection of its own, over the version of HTTP that requests get.

use bytes::Bytes;
use http::header::{CONNECTION, HOST, USER_AGENT};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};

use crate::pipeline::upstream::UpstreamProtocol;
use crate::proxy::health::probe::Unwell;
use crate::proxy::health::watch::Asked;
use crate::proxy::stream::Stream;
use crate::proxy::upstream::connect;
use crate::value::path::AskedPath;

pub(super) async fn ask(asked: &Asked, path: &AskedPath) -> Result<(), Unwell> {
    let stream = connect(&asked.target).await?;
    let mut request = Request::new(Empty::<Bytes>::new());
    request.headers_mut().insert(USER_AGENT, HeaderValue::from_static("gw-health-check"));
    let speaks_http2 = match asked.target.protocol {
        UpstreamProtocol::Http1 => false,
        UpstreamProtocol::Http2 => true,
        UpstreamProtocol::Auto => stream.alpn() == Some(b"h2"),
    };
    let answer = if speaks_http2 {
        over_http2(stream, request, asked, path).await?
    } else {
        over_http1(stream, request, asked, path).await?
    };
    let status = answer.status().as_u16();
    if asked.check.accepts(status) { Ok(()) } else { Err(Unwell::Status(status)) }
}

async fn over_http1(
    stream: Stream,
    mut request: Request<Empty<Bytes>>,
    asked: &Asked,
    path: &AskedPath,
) -> Result<Response<Incoming>, Unwell> {
    let (mut sender, connection) = http1::Builder::new().max_buf_size(64 << 10).handshake(TokioIo::new(stream)).await?;
    // a path that the schema lets through is one; another would get the root
    *request.uri_mut() = path.as_str().parse().unwrap_or_default();
    let fields = request.headers_mut();
    fields.insert(HOST, HeaderValue::from_str(&asked.host).unwrap_or(HeaderValue::from_static("localhost")));
    fields.insert(CONNECTION, HeaderValue::from_static("close"));
    tokio::select! {
        answer = sender.send_request(request) => Ok(answer?),
        Err(error) = connection => Err(error.into()),
    }
}

async fn over_http2(
    stream: Stream,
    mut request: Request<Empty<Bytes>>,
    asked: &Asked,
    path: &AskedPath,
) -> Result<Response<Incoming>, Unwell> {
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    let scheme = if asked.target.tls.is_some() { "https" } else { "http" };
    *request.uri_mut() = Uri::try_from(format!("{scheme}://{}{}", asked.host, path.as_str())).unwrap_or_default();
    tokio::select! {
        answer = sender.send_request(request) => Ok(answer?),
        Err(error) = connection => Err(error.into()),
    }
}
