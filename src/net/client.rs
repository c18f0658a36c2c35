//! HTTP/1.1 over TCP or TLS, for calls of the gateway's own (RFC 9112). The system's certificate authorities are trusted.

use std::error::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Frame, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long the head of an answer may take once the request is sent, and the longest silence in its body.
const ANSWER: Duration = Duration::from_secs(20);

/// A body that is sent gets this much more time for each of its bytes: that of a slow line of 64 KiB a second.
const NANOS_PER_BYTE: u64 = 1_000_000_000 / (64 << 10);

/// How long an answer may take altogether.
const WHOLE: Duration = Duration::from_mins(10);

/// How long a connection is kept for the next call, where there are a few of them a minute: not from one look at a store to the next.
const IDLE: Duration = Duration::from_millis(500);

/// The same where requests of clients are answered by calls.
const BUSY_IDLE: Duration = Duration::from_secs(30);

/// The most bytes of a head.
const HEAD_BYTES: usize = 64 << 10;

/// A client.
#[derive(Clone)]
pub struct Client(legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// An answer, whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its fields.
    pub headers: HeaderMap,
    /// Its content.
    pub body: Bytes,
}

/// Why there is no answer. Never the address that was asked: its query may be a signature.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The server cannot be reached, or breaks off.
    #[error("{0}")]
    Failed(String),
    /// It takes too long.
    #[error("no answer in time")]
    Timeout,
    /// The answer is larger than what was asked for can be.
    #[error("the answer has more than {0} bytes")]
    TooLarge(u64),
}

impl NetError {
    /// An error with all its causes.
    fn of(error: &dyn Error) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        Self::Failed(text)
    }
}

impl Client {
    /// A client for a few calls a minute, that trusts the authorities of this machine.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn new() -> Result<Self, NetError> {
        Self::keeping(IDLE)
    }

    /// The same for calls by which requests of clients are answered.
    ///
    /// # Errors
    /// If TLS cannot be set up.
    pub fn busy() -> Result<Self, NetError> {
        Self::keeping(BUSY_IDLE)
    }

    fn keeping(idle: Duration) -> Result<Self, NetError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| NetError::of(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(CONNECT));
        tcp.set_nodelay(true);
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(tcp);
        let client = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(idle)
            .http1_max_buf_size(HEAD_BYTES)
            .build(connector);
        Ok(Self(client))
    }

    /// Sends a request, and waits for the whole answer, whose content has at most so many bytes.
    ///
    /// # Errors
    /// If none comes in time and within that size. An answer of any status is none.
    pub async fn send(&self, request: Request<Bytes>, limit: u64) -> Result<Answer, NetError> {
        let exchange = async {
            let answer = self.head(request).await?;
            let (head, body) = answer.into_parts();
            let body = read(body, limit).await?;
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        timeout(WHOLE, exchange).await.map_err(|_| NetError::Timeout)?
    }

    /// Sends a request, and waits for the head of the answer.
    ///
    /// # Errors
    /// If none comes in time. An answer of any status is none.
    pub async fn open(&self, request: Request<Bytes>) -> Result<Response<Download>, NetError> {
        Ok(self.head(request).await?.map(Download))
    }

    async fn head(&self, request: Request<Bytes>) -> Result<Response<Incoming>, NetError> {
        let sending = Duration::from_nanos(NANOS_PER_BYTE.saturating_mul(request.body().len() as u64));
        let answer = self.0.request(request.map(Full::new));
        timeout(CONNECT + ANSWER + sending, answer)
            .await
            .map_err(|_| NetError::Timeout)?
            .map_err(|error| NetError::of(&error))
    }
}

/// The content of an answer on its way. Who waits for it minds the time.
pub struct Download(Incoming);

impl Download {
    /// How many bytes are still to come, if the answer said so.
    pub fn length(&self) -> Option<u64> {
        self.0.size_hint().exact()
    }

    /// The next bytes; `None` is the end.
    pub fn poll_bytes(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, NetError>>> {
        loop {
            let frame = ready!(Pin::new(&mut self.0).poll_frame(cx)).transpose();
            match frame.map(|frame| frame.map(Frame::into_data)) {
                Ok(Some(Ok(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                // trailers say nothing here
                Ok(Some(Err(_))) => {}
                Ok(None) => return Poll::Ready(None),
                Err(error) => return Poll::Ready(Some(Err(NetError::of(&error)))),
            }
        }
    }
}

async fn read(mut body: Incoming, limit: u64) -> Result<Bytes, NetError> {
    let mut content = BytesMut::new();
    while let Some(frame) = timeout(ANSWER, body.frame()).await.map_err(|_| NetError::Timeout)? {
        let Ok(data) = frame.map_err(|error| NetError::of(&error))?.into_data() else { continue };
        if (content.len() + data.len()) as u64 > limit {
            return Err(NetError::TooLarge(limit));
        }
        content.extend_from_slice(&data);
    }
    Ok(content.freeze())
}

/// The same client for a thread that waits for each answer.
pub struct Blocking {
    client: Client,
    runtime: Runtime,
}

impl Blocking {
    /// A client of one thread.
    ///
    /// # Errors
    /// If TLS or the thread's runtime cannot be set up.
    pub fn new() -> Result<Self, NetError> {
        let failed = |error: io::Error| NetError::of(&error);
        let runtime = runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        Ok(Self { client: Client::new()?, runtime })
    }

    /// As [`Client::send`].
    ///
    /// # Errors
    /// As [`Client::send`].
    pub fn send(&self, request: Request<Bytes>, limit: u64) -> Result<Answer, NetError> {
        self.runtime.block_on(self.client.send(request, limit))
    }
}
