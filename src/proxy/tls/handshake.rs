//! The handshake with a client: which settings it gets, by the name that it asks for, and why it fails.

use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use rustls::server::Acceptor;
use rustls::{CertificateError, Error};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{LazyConfigAcceptor, TlsAcceptor};

use crate::proxy::challenges::Challenges;
use crate::proxy::stream::Plain;
use crate::proxy::timer::Deadline;
use crate::proxy::tls::facts::TlsFacts;
use crate::proxy::tls::listener::{Policy, TlsListener};

/// What a TLS record with a greeting begins with.
const HANDSHAKE: u8 = 0x16;

/// What came of a handshake.
pub enum Handshake {
    /// A connection.
    Done(Box<TlsStream<Plain>>, Box<TlsFacts>),
    /// The client speaks HTTP, not TLS: nothing was read yet.
    PlainText(Plain),
    /// An authority has seen that the host is this gateway's. It has nothing more to say.
    Proved,
    /// None.
    Failed(Failure),
}

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The client speaks HTTP, not TLS.
    PlainText,
    /// It took too long.
    Timeout,
    /// The client went away.
    Closed,
    /// The client showed no certificate where one is required.
    NoCertificate,
    /// The client's certificate was revoked.
    Revoked,
    /// The client's certificate is not valid any more, or not yet.
    Expired,
    /// The client's certificate is not accepted for another reason.
    Certificate,
    /// The client has no version, suite or key exchange in common with the gateway.
    Incompatible,
    /// The client has no protocol in common with the gateway.
    Protocol,
    /// No certificate is there to be shown: one that is ordered was not issued yet.
    NotIssued,
    /// The client refused, for example because it does not trust the certificate.
    Refused,
    /// What the client sent is no TLS.
    Malformed,
}

impl Failure {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::PlainText,
        Self::Timeout,
        Self::Closed,
        Self::NoCertificate,
        Self::Revoked,
        Self::Expired,
        Self::Certificate,
        Self::Incompatible,
        Self::Protocol,
        Self::NotIssued,
        Self::Refused,
        Self::Malformed,
    ];

    /// A short, stable name for logs and metrics.
    pub fn reason(self) -> &'static str {
        match self {
            Self::PlainText => "plain-text",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::NoCertificate => "no-certificate",
            Self::Revoked => "certificate-revoked",
            Self::Expired => "certificate-expired",
            Self::Certificate => "certificate",
            Self::Incompatible => "incompatible",
            Self::Protocol => "protocol",
            Self::NotIssued => "not-issued",
            Self::Refused => "refused",
            Self::Malformed => "malformed",
        }
    }

    fn of(error: &io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
            None => Self::Closed,
            Some(Error::NoCertificatesPresented) => Self::NoCertificate,
            Some(Error::InvalidCertificate(why)) => match why {
                CertificateError::Revoked => Self::Revoked,
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. } => Self::Expired,
                _ => Self::Certificate,
            },
            Some(Error::PeerIncompatible(_)) => Self::Incompatible,
            Some(Error::NoApplicationProtocol) => Self::Protocol,
            // the library has no other name for it
            Some(Error::General(why)) if why.starts_with("no server certificate") => Self::NotIssued,
            Some(Error::AlertReceived(_)) => Self::Refused,
            Some(_) => Self::Malformed,
        }
    }
}

/// Makes a TLS connection of a plain one, before a deadline. While an order is pending, an authority gets its proof.
pub async fn handshake(
    plain: Plain,
    tls: &Arc<TlsListener>,
    challenges: Option<&Challenges>,
    deadline: &Deadline,
) -> Handshake {
    let mut shaking = pin!(shake(plain, tls, challenges.filter(|challenges| challenges.are_pending())));
    poll_fn(|cx| match shaking.as_mut().poll(cx) {
        Poll::Ready(Ok(done)) => Poll::Ready(done),
        Poll::Ready(Err(error)) => Poll::Ready(Handshake::Failed(Failure::of(&error))),
        Poll::Pending => deadline.poll_expired(cx).map(|()| Handshake::Failed(Failure::Timeout)),
    })
    .await
}

async fn shake(plain: Plain, tls: &TlsListener, pending: Option<&Challenges>) -> io::Result<Handshake> {
    let first = poll_fn(|cx| plain.poll_peek(cx)).await?;
    if first.is_some_and(|byte| byte != HANDSHAKE && byte.is_ascii_alphabetic()) {
        return Ok(Handshake::PlainText(plain));
    }
    if let (Some(policy), None) = (tls.only_policy(), pending) {
        let stream = TlsAcceptor::from(Arc::clone(&policy.config)).accept(plain).await?;
        return Ok(done(stream, policy));
    }
    let started = LazyConfigAcceptor::new(Acceptor::default(), plain).await?;
    let hello = started.client_hello();
    if let Some(config) = pending.and_then(|pending| pending.handshake(&hello)) {
        let _ = started.into_stream(config).await?.shutdown().await;
        return Ok(Handshake::Proved);
    }
    let name = hello.server_name().map(str::to_ascii_lowercase);
    let policy = tls.policy_of(name.as_deref());
    let stream = started.into_stream(Arc::clone(&policy.config)).await?;
    Ok(done(stream, policy))
}

fn done(stream: TlsStream<Plain>, policy: &Policy) -> Handshake {
    match TlsFacts::of(stream.get_ref().1, policy.key) {
        Some(facts) => Handshake::Done(Box::new(stream), Box::new(facts)),
        None => Handshake::Failed(Failure::Certificate),
    }
}
