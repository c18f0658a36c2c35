//! Answers to an authority that asks a host whether it is this gateway's: a page in clear text (RFC 8555, 8.3), or a handshake for
//! a protocol of its own (RFC 8737). They are there while an order is pending, and only for what was asked by it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use bytes::Bytes;
use rustls::ServerConfig;
use rustls::server::ClientHello;

use crate::pipeline::head::RequestHead;
use crate::proxy::tls::{self, MaterialError};
use crate::table::acme::AcmeChallenge;
use crate::value::method::Method;
use crate::value::url::Scheme;

/// Where the page of a token stands.
const PAGES: &str = "/.well-known/acme-challenge/";

/// The protocol of the handshake.
const PROTOCOL: &[u8] = b"acme-tls/1";

/// What an authority may ask while an order is pending, and what it is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// How it asks.
    pub challenge: AcmeChallenge,
    /// The host.
    pub host: String,
    /// What it asks for.
    pub token: String,
    /// The answer, which only the holder of the account's key can give.
    pub authorization: String,
}

/// The answers of all orders that are pending.
#[derive(Default)]
pub struct Challenges {
    /// Whether there are any: all that is looked at while no order is pending.
    pending: AtomicBool,
    answers: ArcSwap<Answers>,
}

#[derive(Default)]
struct Answers {
    /// By token.
    pages: HashMap<Box<str>, Bytes>,
    /// By host.
    handshakes: HashMap<Box<str>, Arc<ServerConfig>>,
}

impl Challenges {
    /// Answers these from now on, and no others.
    ///
    /// # Errors
    /// If a certificate for a handshake cannot be made; then nothing has changed.
    pub fn set(&self, proofs: &[Proof]) -> Result<(), MaterialError> {
        let mut answers = Answers::default();
        for proof in proofs {
            match proof.challenge {
                AcmeChallenge::Http01 => {
                    answers.pages.insert(proof.token.as_str().into(), proof.authorization.clone().into());
                }
                AcmeChallenge::TlsAlpn01 => {
                    let config = tls::challenge(&proof.host, &proof.authorization, PROTOCOL)?;
                    answers.handshakes.insert(proof.host.as_str().into(), config);
                }
            }
        }
        self.answers.store(Arc::new(answers));
        self.pending.store(!proofs.is_empty(), Ordering::Release);
        Ok(())
    }

    /// Whether an order is pending.
    pub fn are_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// The page that a request in clear text asks for.
    pub fn page(&self, scheme: Scheme, request: &RequestHead) -> Option<Bytes> {
        if !self.are_pending() || scheme != Scheme::Http || !matches!(request.method, Method::Get | Method::Head) {
            return None;
        }
        let token = request.path.strip_prefix(PAGES)?;
        self.answers.load().pages.get(token).cloned()
    }

    /// The settings for the handshake that a client begins, if it is an authority that asks for a proof.
    pub fn handshake(&self, hello: &ClientHello<'_>) -> Option<Arc<ServerConfig>> {
        let mut protocols = hello.alpn()?;
        if protocols.next() != Some(PROTOCOL) || protocols.next().is_some() {
            return None;
        }
        let host = hello.server_name()?.to_ascii_lowercase();
        self.answers.load().handshakes.get(&*host).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::{Challenges, Proof};
    use crate::pipeline::head::RequestHead;
    use crate::table::acme::AcmeChallenge;
    use crate::value::method::Method;
    use crate::value::url::Scheme;

    #[test]
    fn only_what_is_pending_has_a_page() {
        let challenges = Challenges::default();
        let asked = |method, scheme, path: &str| {
            let request = RequestHead { method, path: path.into(), ..RequestHead::default() };
            challenges.page(scheme, &request).map(|page| String::from_utf8(page.to_vec()).unwrap())
        };
        let page = || asked(Method::Get, Scheme::Http, "/.well-known/acme-challenge/token");
        assert_eq!(page(), None);
        let (host, token, authorization) = ("shop.example".into(), "token".into(), "token.thumb".into());
        let proof = Proof { challenge: AcmeChallenge::Http01, host, token, authorization };
        challenges.set(&[proof]).unwrap();
        assert_eq!(page().as_deref(), Some("token.thumb"));
        assert_eq!(
            asked(Method::Head, Scheme::Http, "/.well-known/acme-challenge/token").as_deref(),
            Some("token.thumb")
        );
        for (method, scheme, path) in [
            (Method::Post, Scheme::Http, "/.well-known/acme-challenge/token"),
            (Method::Get, Scheme::Https, "/.well-known/acme-challenge/token"),
            (Method::Get, Scheme::Http, "/.well-known/acme-challenge/other"),
            (Method::Get, Scheme::Http, "/.well-known/acme-challenge/"),
            (Method::Get, Scheme::Http, "/token"),
        ] {
            assert_eq!(asked(method, scheme, path), None, "{path}");
        }
        challenges.set(&[]).unwrap();
        assert_eq!(page(), None);
    }

    #[test]
    fn a_handshake_can_be_answered() {
        let (host, token, authorization) = ("shop.example".into(), "token".into(), "token.thumb".into());
        let proof = Proof { challenge: AcmeChallenge::TlsAlpn01, host, token, authorization };
        Challenges::default().set(&[proof]).unwrap();
    }
}
