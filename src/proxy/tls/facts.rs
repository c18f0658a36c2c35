//! What is known of a TLS connection: the name that the client asked for, and who it proved to be.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::{ProtocolVersion, ServerConnection};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;

use crate::pipeline::certificate::ClientCertificate;
use crate::proxy::access_log::TlsRecord;
use crate::proxy::tls::listener::PolicyKey;
use crate::proxy::tls::names::rfc4514;

/// The name of HTTP/2 in a handshake (RFC 9113, 3.1).
pub const HTTP2: &[u8] = b"h2";

/// What is known of a TLS connection once its handshake is over.
#[derive(Debug)]
pub struct TlsFacts {
    /// What the log of its requests tells.
    pub logged: Arc<TlsRecord>,
    /// Whether HTTP/2 was agreed on.
    pub http2: bool,
    /// The certificate that the client showed and that was accepted.
    pub client: Option<ClientCertificate>,
    /// What was asked of the client.
    pub policy: PolicyKey,
}

impl TlsFacts {
    /// The facts of a connection; `None` if the client's certificate, though accepted, cannot be read.
    pub fn of(connection: &ServerConnection, policy: PolicyKey) -> Option<Self> {
        let client = match connection.peer_certificates().and_then(<[_]>::first) {
            Some(certificate) => Some(client(certificate)?),
            None => None,
        };
        let version = match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            Some(ProtocolVersion::TLSv1_3) => "1.3",
            _ => "unknown",
        };
        let sni = connection.server_name().map(|name| name.to_ascii_lowercase().into());
        let http2 = connection.alpn_protocol() == Some(HTTP2);
        Some(Self { logged: TlsRecord { version, sni }.into(), http2, client, policy })
    }
}

fn client(certificate: &CertificateDer<'_>) -> Option<ClientCertificate> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let names = alternative_names(&certificate)?;
    let issuer = rfc4514(certificate.issuer()).into();
    Some(ClientCertificate { subject: rfc4514(certificate.subject()).into(), names, issuer })
}

/// The alternative names of a certificate as text: DNS names in lower case, URIs, mail addresses, IP addresses.
pub fn alternative_names(certificate: &X509Certificate<'_>) -> Option<Box<[Box<str>]>> {
    let Some(extension) = certificate.subject_alternative_name().ok()? else { return Some(Box::default()) };
    let text = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        GeneralName::URI(name) | GeneralName::RFC822Name(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => ip(bytes).map(|ip| ip.to_string()),
        _ => None,
    };
    Some(extension.value.general_names.iter().filter_map(text).map(Into::into).collect())
}

fn ip(bytes: &[u8]) -> Option<IpAddr> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
