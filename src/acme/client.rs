//! Asking an authority over HTTPS: one connection for each question, for there are a dozen in months. Everything has a limit.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{HOST, RETRY_AFTER, USER_AGENT};
use http::uri::{Authority, Uri};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use rustls::ClientConfig;
use rustls::pki_types::{InvalidDnsNameError, ServerName};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// How long a question and its answer take at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many bytes an answer has at most.
const ANSWER_BYTES: usize = 1 << 20;

/// Who asks (RFC 8555, 6.1).
const WHO: &str = concat!("gw/", env!("CARGO_PKG_VERSION"));

/// A client; clones share what they were advised.
#[derive(Clone)]
pub struct Client {
    config: Arc<ClientConfig>,
    advice: Arc<Mutex<Option<SystemTime>>>,
}

/// Why a question got no answer.
#[derive(Debug, thiserror::Error)]
enum Silence {
    #[error("`{0}` is no URL of HTTPS")]
    Url(Uri),
    #[error("`{0}` cannot be connected to: {1}")]
    Connect(Authority, io::Error),
    #[error("the name of the server cannot be verified: {0}")]
    Name(#[from] InvalidDnsNameError),
    #[error("no TLS with `{0}`: {1}")]
    Tls(Authority, io::Error),
    #[error("the connection failed: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is too large or broke off: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
    #[error("no answer in time")]
    Late,
}

impl Client {
    /// A client that trusts the authorities of these settings.
    pub fn new(config: Arc<ClientConfig>) -> Self {
        Self { config, advice: Arc::default() }
    }

    /// Before when the authority doesn't want to be asked again, if it has said so.
    pub fn advice(&self) -> Option<SystemTime> {
        *self.advice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_advice<B>(&self, response: &Response<B>) {
        if matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) {
            let advice = response.headers().get(RETRY_AFTER).and_then(|field| moment(field, SystemTime::now()));
            *self.advice.lock().unwrap_or_else(PoisonError::into_inner) = advice;
        }
    }

    async fn ask(self, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
        let answer = timeout(PATIENCE, exchange(request, self.config.clone())).await;
        let response = answer.unwrap_or(Err(Silence::Late)).map_err(|silence| Error::Other(silence.into()))?;
        self.note_advice(&response);
        Ok(response.into())
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        Box::pin(self.clone().ask(request))
    }
}

/// What `Retry-After` says (RFC 9110, 10.2.3).
fn moment(field: &HeaderValue, now: SystemTime) -> Option<SystemTime> {
    let text = field.to_str().ok()?.trim();
    match text.parse::<u32>() {
        Ok(seconds) => Some(now + Duration::from_secs(seconds.into())),
        Err(_) => httpdate::parse_http_date(text).ok(),
    }
}

async fn exchange(
    request: Request<BodyWrapper<Bytes>>,
    config: Arc<ClientConfig>,
) -> Result<Response<Full<Bytes>>, Silence> {
    let (mut head, body) = request.into_parts();
    let uri = std::mem::take(&mut head.uri);
    let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority().cloned()) else {
        return Err(Silence::Url(uri));
    };
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    let connected = TcpStream::connect((&*host, authority.port_u16().unwrap_or(443))).await;
    let stream = connected.map_err(|error| Silence::Connect(authority.clone(), error))?;
    let shaken = TlsConnector::from(config).connect(ServerName::try_from(host)?, stream).await;
    let stream = shaken.map_err(|error| Silence::Tls(authority.clone(), error))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // it ends with this value
    let mut driving = JoinSet::new();
    driving.spawn(connection);
    head.uri = uri.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from);
    head.headers.insert(USER_AGENT, HeaderValue::from_static(WHO));
    if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
        head.headers.insert(HOST, host);
    }
    let (head, body) = sender.send_request(Request::from_parts(head, body)).await?.into_parts();
    #[expect(clippy::disallowed_methods, reason = "it has a bound")]
    let body = Limited::new(body, ANSWER_BYTES).collect().await.map_err(Silence::Body)?;
    Ok(Response::from_parts(head, Full::new(body.to_bytes())))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderValue;

    use super::moment;

    #[test]
    fn advice_is_a_time_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        for (text, expected) in [
            ("120", Some(1120)),
            (" 7 ", Some(1007)),
            ("Thu, 01 Jan 1970 01:00:00 GMT", Some(3600)),
            ("soon", None),
            ("-1", None),
            ("99999999999", None),
        ] {
            let advice = moment(&HeaderValue::from_static(text), now);
            let expected = expected.map(|seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
            assert_eq!(advice, expected, "{text}");
        }
    }
}
