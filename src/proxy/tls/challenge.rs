//! The handshake by which an authority sees that a host is this gateway's (RFC 8737): a certificate that no client trusts, and that
//! holds the digest of the answer.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};

use crate::proxy::tls::material::MaterialError;
use crate::proxy::tls::provider::provider;

/// The settings for the handshake for a host.
///
/// # Errors
/// If the certificate cannot be made.
pub fn challenge(host: &str, authorization: &str, protocol: &[u8]) -> Result<Arc<ServerConfig>, MaterialError> {
    let mut params = CertificateParams::new([host.to_owned()])?;
    let answer = digest(&SHA256, authorization.as_bytes());
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(answer.as_ref())];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = provider().key_provider.load_private_key(key)?;
    // not checked as others are: what makes it the answer is nothing that a client knows
    let shown = SingleCertAndKey::from(CertifiedKey::new(vec![certificate.der().clone()], key));
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(shown));
    config.alpn_protocols = vec![protocol.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
