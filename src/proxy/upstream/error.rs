//! What can go wrong between the gateway and an upstream server, and what a client is told about it.
//!
//! No text here comes from a message of the upstream or the client: reasons are safe to log and to count.

use std::io;

use crate::pipeline::body::BrokenOff;
use crate::proxy::wire::DecodeError;

/// The error of a request body, as the caller made it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Why an upstream gave no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    /// The name of the upstream has no address.
    #[error("the name of the upstream cannot be resolved")]
    Resolve,
    /// Nothing listens at the upstream's address.
    #[error("the upstream refuses connections")]
    Refused,
    /// The connection could not be made for another reason.
    #[error("cannot connect to the upstream: {0}")]
    Connect(io::ErrorKind),
    /// The connection, with its TLS handshake, was not made in time.
    #[error("the upstream did not accept a connection in time")]
    ConnectTimeout,
    /// The TLS handshake failed; the source says why.
    #[error("the TLS handshake with the upstream failed")]
    Tls(#[source] io::Error),
    /// The request was sent, and no whole head of an answer came in time.
    #[error("the upstream did not begin to answer in time")]
    FirstByteTimeout,
    /// The upstream neither took nor gave bytes for too long within a message.
    #[error("the upstream fell silent")]
    IdleTimeout,
    /// The request's own deadline passed before the answer began.
    #[error("the request took too long")]
    RequestTimeout,
    /// The time for one attempt passed before the answer began.
    #[error("the attempt took too long")]
    TryTimeout,
    /// Too many requests wait for a connection.
    #[error("too many requests wait for a connection to the upstream")]
    PendingLimit,
    /// There are as many connections as there may be, and none became free in time.
    #[error("there are too many connections to the upstream")]
    ConnectionLimit,
    /// The connection ended before any byte of an answer.
    #[error("the upstream closed the connection without an answer")]
    Closed,
    /// It was to speak HTTP/2, and does not.
    #[error("the upstream does not speak HTTP/2")]
    NoHttp2,
    /// It speaks HTTP/2, and opens no tunnels for the protocol that the client asks for (RFC 8441).
    #[error("the upstream opens no tunnels over HTTP/2")]
    NoUpgrade,
    /// The answer breaks HTTP, or could mean two things.
    #[error("the upstream's answer is malformed: {0}")]
    Malformed(&'static str),
    /// The head of the answer is larger than allowed.
    #[error("the head of the upstream's answer is too large")]
    HeadTooLarge,
    /// The connection ended within the body of the answer.
    #[error("the upstream's answer is cut short")]
    Truncated,
    /// The request cannot be written in the version of HTTP that the upstream speaks: the client's fault.
    #[error("the request cannot be sent over the upstream's version of HTTP")]
    Unsendable,
    /// The request's body failed, or isn't as long as it said: the client's fault.
    #[error("the request body failed")]
    RequestBody(#[source] BoxError),
}

impl From<DecodeError> for UpstreamError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Malformed(why) => Self::Malformed(why),
            DecodeError::Truncated => Self::Truncated,
        }
    }
}

impl From<BrokenOff> for UpstreamError {
    fn from(BrokenOff(why): BrokenOff) -> Self {
        Self::Malformed(why)
    }
}

impl UpstreamError {
    /// The status a client gets for it, as long as no answer has begun.
    pub fn status(&self) -> u16 {
        match self {
            Self::RequestBody(_) | Self::Unsendable => 400,
            Self::ConnectTimeout
            | Self::FirstByteTimeout
            | Self::IdleTimeout
            | Self::RequestTimeout
            | Self::TryTimeout => 504,
            Self::PendingLimit | Self::ConnectionLimit => 503,
            _ => 502,
        }
    }

    /// A short, stable name for logs and metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Resolve => "resolve",
            Self::Refused => "refused",
            Self::Connect(_) => "connect",
            Self::ConnectTimeout => "connect-timeout",
            Self::Tls(_) => "tls",
            Self::FirstByteTimeout => "first-byte-timeout",
            Self::IdleTimeout => "idle-timeout",
            Self::RequestTimeout => "request-timeout",
            Self::TryTimeout => "try-timeout",
            Self::PendingLimit => "breaker-pending",
            Self::ConnectionLimit => "breaker-connections",
            Self::Closed => "closed",
            Self::NoHttp2 => "no-http2",
            Self::NoUpgrade => "no-upgrade",
            Self::Malformed(_) => "malformed",
            Self::HeadTooLarge => "head-too-large",
            Self::Truncated => "truncated",
            Self::Unsendable => "unsendable",
            Self::RequestBody(_) => "request-body",
        }
    }
}
