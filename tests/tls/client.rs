//! A client that speaks TLS and reads answers with a `Content-Length`.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};

use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::kx_group;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, RootCertStore, StreamOwned};

use crate::authority::{Authority, Issued};
use crate::support::PATIENCE;

/// What a client trusts and shows; clones share their sessions.
#[derive(Clone)]
pub struct Trust(Arc<ClientConfig>);

impl Trust {
    pub fn of(authority: &Authority) -> Self {
        Self::made(authority.der(), None)
    }

    /// Trusts an authority of which only the certificate is there.
    pub fn root(der: Vec<u8>) -> Self {
        Self::made(der, None)
    }

    /// The same, with a certificate of the client's own.
    pub fn showing(authority: &Authority, own: &Issued) -> Self {
        Self::made(authority.der(), Some(own))
    }

    fn made(root: Vec<u8>, own: Option<&Issued>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(root)).unwrap();
        let mut provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.kx_groups.insert(0, kx_group::X25519MLKEM768);
        let builder =
            ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match own {
            Some(own) => {
                let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![own.der.clone().into()], key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::in_memory_sessions(64);
        Self(Arc::new(config))
    }

    /// The same, without a look at the server's certificate.
    pub fn blind(self) -> Self {
        let mut config = (*self.0).clone();
        config.dangerous().set_certificate_verifier(Arc::default() as Arc<Blind>);
        Self(Arc::new(config))
    }

    /// The same, and where what is stapled to the server's certificate is put.
    pub fn with_staples(self) -> (Self, Arc<Blind>) {
        let (mut config, blind) = ((*self.0).clone(), Arc::<Blind>::default());
        config.dangerous().set_certificate_verifier(Arc::clone(&blind) as _);
        (Self(Arc::new(config)), blind)
    }

    /// The same, with these protocols.
    pub fn speaking(self, protocols: &[&str]) -> Self {
        let mut config = (*self.0).clone();
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        Self(Arc::new(config))
    }
}

/// A client's end of a connection.
pub struct Tls(StreamOwned<ClientConnection, TcpStream>);

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Tls {
    /// Connects and ends the handshake.
    pub fn connect(address: SocketAddr, name: &str, trust: &Trust) -> Result<Self, String> {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_nodelay(true).unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let connection = ClientConnection::new(Arc::clone(&trust.0), name).unwrap();
        let mut tls = Self(StreamOwned::new(connection, stream));
        while tls.0.conn.is_handshaking() {
            tls.0.conn.complete_io(&mut tls.0.sock).map_err(|error| error.to_string())?;
        }
        Ok(tls)
    }

    /// Sends a request for a host, and reads the answer.
    pub fn get(&mut self, host: &str, path: &str) -> Result<Answer, String> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        self.0.write_all(request.as_bytes()).map_err(|error| error.to_string())?;
        self.answer().map_err(|error| error.to_string())
    }

    fn answer(&mut self) -> std::io::Result<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            self.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length =
            head.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok(Answer { status, head, body: String::from_utf8(body).unwrap() })
    }

    /// The certificate that the gateway showed.
    pub fn shown(&self) -> Vec<u8> {
        self.0.conn.peer_certificates().unwrap()[0].to_vec()
    }

    pub fn resumed(&self) -> bool {
        self.0.conn.handshake_kind() == Some(HandshakeKind::Resumed)
    }

    pub fn version(&self) -> Option<ProtocolVersion> {
        self.0.conn.protocol_version()
    }

    pub fn group(&self) -> Option<rustls::NamedGroup> {
        self.0.conn.negotiated_key_exchange_group().map(rustls::crypto::SupportedKxGroup::name)
    }

    pub fn protocol(&self) -> Option<&[u8]> {
        self.0.conn.alpn_protocol()
    }

    /// Whether the connection ends without further bytes.
    pub fn is_closed(&mut self) -> bool {
        matches!(self.0.read(&mut [0]), Ok(0) | Err(_))
    }
}

/// One request on a connection of its own.
pub fn ask(address: SocketAddr, host: &str, path: &str, trust: &Trust) -> Result<Answer, String> {
    Tls::connect(address, host, trust)?.get(host, path)
}

/// Takes any certificate, and keeps what was stapled to the last one.
#[derive(Debug, Default)]
pub struct Blind(pub Mutex<Vec<u8>>);

impl rustls::client::danger::ServerCertVerifier for Blind {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        staple: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = staple.to_vec();
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
