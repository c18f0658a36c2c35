//! Where a request goes: an address and, for `https`, how the server proves who it is.
//!
//! A target is also the key of the connection pool, so it compares by meaning and not by identity.

use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};

use crate::pipeline::upstream::UpstreamProtocol;
use crate::proxy::tls::provider;
use crate::proxy::upstream::host::Host;
use crate::table::Digest;

/// One upstream server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Where it listens.
    pub address: Address,
    /// How to talk TLS to it; `None` for plain text.
    pub tls: Option<Arc<TlsTarget>>,
    /// What is said first on each connection, before TLS: for whom it is made. Connections that say the same are shared, and are kept
    /// as long as anybody else holds it.
    pub preface: Option<Arc<[u8]>>,
    /// Which version of HTTP it speaks.
    pub protocol: UpstreamProtocol,
}

impl Target {
    /// Whether this is the last that is left of whom its connections are made for.
    pub(super) fn is_orphaned(&self) -> bool {
        self.preface.as_ref().is_some_and(|preface| Arc::strong_count(preface) == 1)
    }

    /// The same server, asked to speak HTTP/2: by prior knowledge in clear text, by ALPN over TLS.
    pub fn over_http2(self) -> Self {
        let tls = self.tls.map(|tls| Arc::new(TlsTarget { choice: None, ..tls.asking_for(&[b"h2"]) }));
        Self { tls, protocol: UpstreamProtocol::Http2, ..self }
    }

    /// The same server, asked over TLS which version of HTTP it likes best; in clear text it is HTTP/1.1.
    pub fn choosing(self) -> Self {
        let Some(tls) = &self.tls else { return self };
        let choice = Arc::new(Choice { http1: Arc::clone(tls), chose_http1: AtomicBool::new(false) });
        let tls = Arc::new(TlsTarget { choice: Some(choice), ..tls.asking_for(&[b"h2", b"http/1.1"]) });
        Self { tls: Some(tls), protocol: UpstreamProtocol::Auto, ..self }
    }

    /// The same server over HTTP/1.1, if it has a choice.
    pub(super) fn over_http1(&self) -> Option<Self> {
        let tls = Some(Arc::clone(&self.choice()?.http1));
        Some(Self { tls, protocol: UpstreamProtocol::Http1, ..self.clone() })
    }

    /// Whether it had a choice and speaks HTTP/1.1, as far as is known.
    pub(super) fn chose_http1(&self) -> bool {
        self.choice().is_some_and(|choice| choice.chose_http1.load(Ordering::Relaxed))
    }

    /// Notes whether it chose HTTP/1.1, if it has a choice.
    pub(super) fn note_http1(&self, chosen: bool) {
        if let Some(choice) = self.choice() {
            choice.chose_http1.store(chosen, Ordering::Relaxed);
        }
    }

    fn choice(&self) -> Option<&Choice> {
        self.tls.as_ref()?.choice.as_deref()
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// An IP address and port.
    Socket(SocketAddr),
    /// A host name and a port.
    Name(Arc<Host>),
}

impl Address {
    /// A number that changes when the name comes to mean other addresses.
    pub(super) fn version(&self) -> u32 {
        match self {
            Self::Socket(_) => 0,
            Self::Name(host) => host.version(),
        }
    }
}

/// The TLS side of a target.
#[derive(Clone, Debug)]
pub struct TlsTarget {
    /// The name the server's certificate must be for; sent as SNI.
    pub server_name: ServerName<'static>,
    /// A digest of all that `config` was built from: targets that agree in it and in the name share connections.
    pub settings: Digest,
    /// Roots, client certificate and versions: see [`client_config`].
    pub config: Arc<ClientConfig>,
    /// What it has chosen, if it is asked which version of HTTP it speaks.
    pub choice: Option<Arc<Choice>>,
}

/// The version of HTTP that a server has chosen: HTTP/2 until it is known better.
#[derive(Debug)]
pub struct Choice {
    /// How HTTP/1.1 is asked for.
    http1: Arc<TlsTarget>,
    chose_http1: AtomicBool,
}

impl TlsTarget {
    /// The same, with these protocols to choose from.
    fn asking_for(&self, protocols: &[&[u8]]) -> Self {
        let mut config = (*self.config).clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Self { config: Arc::new(config), ..self.clone() }
    }
}

impl PartialEq for TlsTarget {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings && self.server_name == other.server_name
    }
}

impl Eq for TlsTarget {}

impl Hash for TlsTarget {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.settings.hash(state);
        self.server_name.hash(state);
    }
}

/// The usual settings: TLS 1.2 and 1.3, no client certificate, HTTP/1.1 by ALPN.
pub fn client_config(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// The certificate authorities this machine trusts. With none, no server is trusted.
pub fn system_roots() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
